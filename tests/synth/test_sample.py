"""The embedded living room is what its truth says, and small enough to ship."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import sceneforge.data
from sceneforge.core.json_values import load_json
from sceneforge.core.scene_json import scene_from_dict
from sceneforge.synth.generate import camera_for
from sceneforge.synth.layout import furnish
from sceneforge.synth.path import walk
from sceneforge.synth.write import TRUTH_UNIT_M

SAMPLE = Path(sceneforge.data.__file__).parent / "living_room"
SIZE = (640, 480)


def _depth(path: Path, unit: float) -> np.ndarray:
    import cv2

    return np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED) * unit)


def test_it_is_complete_and_small() -> None:
    files = [p for p in SAMPLE.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 8_000_000
    assert len(list((SAMPLE / "color").glob("*.jpg"))) == len(list((SAMPLE / "depth").glob("*.png"))) == 60


def test_it_is_the_room_and_walk_of_seed_0() -> None:
    layout = furnish("living_room", 0, 0.3)
    data = json.loads((SAMPLE / "truth.json").read_text())
    track = np.array([row["T_world_camera"] for row in data["synth"]["track"]])
    np.testing.assert_allclose(track, walk(layout, 60, 0).T_world_camera, atol=1e-9)
    placed = {i.name: i.T_world_box for i in layout.items if i.label}
    assert {o["id"] for o in data["objects"]} == set(placed)


def test_its_floor_table_and_seats_are_where_the_depth_is() -> None:
    scene = scene_from_dict(load_json(SAMPLE / "truth.json"), path=SAMPLE / "truth.json")
    track = np.array(
        [row["T_world_camera"] for row in json.loads((SAMPLE / "truth.json").read_text())["synth"]["track"]]
    )
    camera = camera_for(SIZE)
    assert {"floor", "ceiling", "table", "seat", "wall"} <= {
        p.label.value for p in scene.planes if p.observed_fraction > 0.5
    }
    wanted = ["floor", *(p.id for p in scene.planes if p.label.value in ("table", "seat"))]
    met: set[str] = set()
    for k in range(0, 60, 10):
        true = _depth(SAMPLE / "truth_depth" / f"{k:06d}.png", TRUTH_UNIT_M)
        measured = _depth(SAMPLE / "depth" / f"{k:06d}.png", 0.001)
        both = (true > 0) & (measured > 0)
        assert both.mean() > 0.75
        assert abs(np.median((measured - true)[both])) < 0.002
        points = camera.backproject(true.astype(np.float32)).astype(float) @ track[k, :3, :3].T + track[k, :3, 3]
        for plane in (scene.plane(name) for name in wanted):
            local = plane.to_local(points)
            low, high = plane.polygon.min(0), plane.polygon.max(0)
            over = ((local[..., [0, 2]] > low) & (local[..., [0, 2]] < high)).all(-1) & (np.abs(local[..., 1]) < 0.006)
            # feet and pillows standing there also come within 6 mm; truth off by 1 mm would lose them all
            if over.sum() > 500:
                assert np.mean(np.abs(local[over][:, 1]) < 1e-3) > 0.85, plane.id
                met.add(plane.label.value)
    assert met == {"floor", "table", "seat"}
