"""Our compositor against pyrender on EGL: `python benchmarks/render.py [FOLDER] > render.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sceneforge.evaluation.bench_render import bench

if __name__ == "__main__":
    print(json.dumps(bench(data=Path(sys.argv[1]) if len(sys.argv) > 1 else None), indent=2))
