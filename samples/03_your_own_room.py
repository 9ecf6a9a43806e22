"""A capture of any layout in ten lines: write a scan.yaml beside the pictures, and load the folder.

    .venv/bin/python samples/03_your_own_room.py

Here the folder is made by `sceneforge synth`; yours holds colour and depth images and, if you have them, camera poses
in the TUM format. Without poses the camera's path is found from the images.
"""

from __future__ import annotations

from pathlib import Path

import sceneforge as sf
from sceneforge.synth import generate

folder = generate(Path("out/03_your_own_room/scan"), kind="office", seed=3, frames=24, size=(320, 240), quality="draft")
(folder / "scan.yaml").write_text("""\
format: sceneforge.scan
version: 1
name: my_office
depth_unit_m: 0.001
camera: {width: 320, height: 240, fx: 262.5, fy: 262.5, cx: 159.5, cy: 119.5}
color: "color/*.jpg"
depth: "depth/*.png"
""")
scan = sf.load(folder)
print(f"{scan.name}: {len(scan)} frames, poses: {'given' if scan.has_poses else 'to be found'}")
scene = sf.understand(scan, "out/03_your_own_room/understood")
print(len(scene.planes), "planes;", scene.source["gravity"], "gravity")
