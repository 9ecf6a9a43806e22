"""`python -m sceneforge.synth.content [FOLDER]` writes the models, by default where they ship from."""

from __future__ import annotations

import sys
from pathlib import Path

from . import write_all

SHIPPED = Path(__file__).resolve().parents[2] / "data" / "content"

if __name__ == "__main__":
    for path in write_all(Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED):
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
