"""The understood room made visible: a reveal that runs over it, names and relations, and a flight around it.

    .venv/bin/python samples/05_effects.py

It writes out/05_effects/frames/preview.mp4, along the captured path, and out/05_effects/orbit/preview.mp4 and .webp,
around the room. Stop it at any time: started again, it goes on with the next picture.
"""

from __future__ import annotations

import sceneforge as sf
from sceneforge.data import sample_content, sample_scan
from sceneforge.rendering.direct import VideoStyle
from sceneforge.rendering.effects import EffectSpec, known_effects, summary

for name in known_effects():
    print(f"{name:12} {summary(name)}")

scan = sf.load(sample_scan("living_room"))
scene = sf.understand(scan)
rover = sf.Request("rover", sf.load_content(sample_content("rover")), on=("table",), facing="camera")
arrangement = sf.arrange(scene, [rover])

effects = [
    # The picture is grey at first and has its colours again at the end.
    EffectSpec("passthrough", keys=((2.0, {"strength": 1.0}), (3.5, {"strength": 0.0}))),
    # A wave runs from the rover over every surface; its lines travel with it.
    EffectSpec(
        "reveal", {"start": "rover", "color": (90, 215, 255)}, ((0.0, {"radius_m": 0.0}), (3.0, {"radius_m": 6.0}))
    ),
    EffectSpec("borders", {"within_m": 2.5, "around": "rover"}),
    EffectSpec("graph", {"boxes": False}),
    EffectSpec("plan", {"corner": "top_right"}),
]
along = sf.render(scan, scene, arrangement, "out/05_effects/frames", every=2, effects=effects)
print("Along the captured path:", along.video)

style = VideoStyle(path="orbit", seconds=4, fps=10, animation="webp")
around = sf.render(scan, scene, arrangement, "out/05_effects/orbit", style=style, effects=[EffectSpec("tint")])
print("Around the room:", around.video)
