"""New surfaces for a real room: grass on the floor, a night sky for a ceiling, a puddle; the room's light stays.

    .venv/bin/python samples/04_paint.py

It writes out/04_paint/ with the textures, paint.json, preview.mp4, contact_sheet.png and composition.glb.
"""

from __future__ import annotations

from dataclasses import replace

import sceneforge as sf
from sceneforge.core import Arrangement, PaintJob, PaintRegion
from sceneforge.data import sample_scan
from sceneforge.painting import paint

out = "out/04_paint"
scan = sf.load(sample_scan("living_room"))
scene = sf.understand(scan, out)

jobs = [
    PaintJob("floor", "lush grass"),
    PaintJob("floor", "still water", region=PaintRegion(radius_m=0.6, soft_m=0.1), strength=0.9),
    PaintJob("ceiling", "night sky full of stars", turn_deg_per_s=1.0),
]
paints = paint(scene, scan, jobs, out, seed=1)
for p in paints:
    size = p.raster.width * p.raster.metres_per_pixel, p.raster.height * p.raster.metres_per_pixel
    print(f"{p.id}: {p.prompt} on {', '.join(p.planes)}, {size[0]:.1f} x {size[1]:.1f} m, mode {p.mode}")

result = sf.render(scan, replace(scene, paints=paints), Arrangement(()), out, every=2)
print("The video is", result.video)
