"""Content on the right surface, and the captured frames with the content in them.

    .venv/bin/python samples/02_place_and_render.py

It writes out/02_place_and_render/ with preview.mp4, contact_sheet.png, composition.glb and arrangement.json.
"""

from __future__ import annotations

import sceneforge as sf
from sceneforge.data import sample_content, sample_scan

scan = sf.load(sample_scan("living_room"))
scene = sf.understand(scan)

rover = sf.load_content(sample_content("rover"))
frame = sf.load_content(sample_content("picture_frame"))
requests = [
    sf.Request("rover", rover, on=("table", "largest_horizontal"), facing="camera"),
    sf.Request("picture", frame, on=("wall",)),
    sf.Request("giant", rover, on=("table",), scale=8),
]
arrangement = sf.arrange(scene, requests, "out/02_place_and_render")

for placed in arrangement.placements:
    gap_mm, held = 1000 * placed.certificate.contact_gap_m, placed.certificate.support_fraction
    print(f"{placed.request} on {placed.surface}: {held:.0%} held, gap {gap_mm:.1f} mm")
for missing in arrangement.unplaced:
    print(f"{missing.request}: {missing.summary}")

result = sf.render(scan, scene, arrangement, "out/02_place_and_render", every=2)
print("The video is", result.video)
