"""From a capture to a scene: what is in the room, where, and how sure we are.

Run it on the embedded living room, or give the path of a capture of your own:

    .venv/bin/python samples/01_understand.py [CAPTURE]

It writes out/01_understand/ with scene.json, mesh.glb, surface.npz, trajectory.txt, report.json and plan.png.
"""

from __future__ import annotations

import sys

import sceneforge as sf
from sceneforge.data import sample_scan

capture = sf.load(sys.argv[1] if len(sys.argv) > 1 else sample_scan("living_room"))
scene = sf.understand(capture, "out/01_understand")

for plane in scene.planes:
    if plane.label != "other":
        x, y, z = plane.origin
        print(f"{plane.id:9} {plane.label:8} {plane.area_m2:6.2f} m2 at ({x:.2f}, {y:.2f}, {z:.2f})", end=" ")
        print(", ".join(f"{name} {share:.0%}" for name, share in plane.scores.items() if share > 0.05))
for relation in scene.graph.relations[:10]:
    print(relation.subject, relation.predicate, relation.object, dict(relation.evidence))
print("The plan is out/01_understand/plan.png")
