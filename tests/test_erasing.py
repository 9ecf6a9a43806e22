"""Things are taken out of frames, mesh, planes and graph, and what was behind them stands in their place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sceneforge import cli
from sceneforge.core import (
    Label,
    Mesh,
    OrientedBox,
    PaintJob,
    Relation,
    Scan,
    Scene,
    SceneGraph,
    SceneObject,
    UsageError,
)
from sceneforge.core.transforms import make_transform
from sceneforge.erasing import erase, erase_from_picture
from sceneforge.io import load, read_scene
from sceneforge.painting import paint
from sceneforge.perception.removal import Thing, remove_things, select_things
from tests import painted_room as room_

BOX = OrientedBox(make_transform(np.eye(3), np.array([0.0, 0.2, 0.0])), np.array([0.6, 0.4, 0.4]))


@pytest.fixture(scope="module")
def room() -> tuple[Scan, Scene]:
    scan, scene = room_.room()
    crate = SceneObject("object_0", Label.BOX, 1.0, BOX)
    cup = SceneObject(
        "object_1", Label.OTHER, 1.0,
        OrientedBox(make_transform(np.eye(3), np.array([0.0, 0.45, 0.0])), np.array([0.1, 0.1, 0.1])),
    )  # fmt: skip
    graph = SceneGraph((Relation("object_0", "on", "plane_0", 1.0), Relation("object_1", "on", "object_0", 1.0)))
    return scan, replace(scene, objects=(crate, cup), graph=graph)


def without_box(T: np.ndarray, gain: float) -> room_.Filmed:
    kept = room_.BOX
    room_.BOX = ((9.0, 9.0, 9.0), (9.1, 9.1, 9.1))  # out of every view
    try:
        return room_.film(T, gain)
    finally:
        room_.BOX = kept


def test_things_answer_to_ids_labels_and_phrases(room: tuple[Scan, Scene]) -> None:
    _, scene = room
    assert [t.id for t in select_things(scene, "object_1")] == ["object_1"]
    assert [t.id for t in select_things(scene, "box")] == ["object_0"]
    assert [t.id for t in select_things(scene, "the boxes")] == ["object_0"]
    assert [t.id for t in select_things(scene, "the thing on the box")] == ["object_1"]
    assert [t.id for t in select_things(scene, "the largest box on the floor")] == ["object_0"]
    with pytest.raises(UsageError, match=r"nothing in the scene answers to 'piano'.*box"):
        select_things(scene, "piano")
    with pytest.raises(UsageError, match="nothing in the scene"):
        select_things(scene, "the box on the thing")


def test_what_stood_on_it_goes_with_it(room: tuple[Scan, Scene]) -> None:
    _, scene = room
    left = remove_things(scene, select_things(scene, "object_0"))
    assert {t.id for t in left.things} == {"object_0", "object_1"}
    assert left.scene.objects == ()
    assert left.scene.graph.relations == ()
    assert left.scene.mesh is not None and scene.mesh is not None
    # All of the box's surface went, and nothing of the floor.
    assert left.scene.mesh.vertices[:, 1].max() < 0.026
    assert len(left.surface.faces) + len(left.scene.mesh.faces) == len(scene.mesh.faces)
    assert np.count_nonzero(np.abs(left.scene.mesh.vertices[:, 1]) < 1e-6) >= 0.99 * 121 * 97 - 500


def test_what_stands_on_it_without_being_an_object_goes_too(room: tuple[Scan, Scene]) -> None:
    _, scene = room
    low = OrientedBox(make_transform(np.eye(3), np.array([0.0, 0.1, 0.0])), np.array([0.6, 0.2, 0.4]))
    assert scene.mesh is not None
    sheet = np.stack(np.meshgrid([-0.1, 0.1], np.arange(0.2, 0.41, 0.03), [-0.1, 0.1]), axis=-1).reshape(-1, 3)
    above = np.array([[0.0, 0.9, 0.0], [0.1, 0.9, 0.0], [0.0, 0.9, 0.1]])  # a lamp hangs over it, and stays
    floor = scene.mesh.vertices[scene.mesh.vertices[:, 1] < 1e-6]
    vertices = np.concatenate([floor, sheet, above]).astype(np.float32)
    n = len(floor)
    faces = np.array(
        [[n + i, n + i + 1, n + i + 2] for i in range(len(sheet) - 2)] + [[n + len(sheet) + k for k in range(3)]]
    )
    scene = replace(scene, mesh=Mesh(vertices, faces.astype(np.int32)), graph=SceneGraph(), objects=())
    left = remove_things(scene, [Thing("table", Label.TABLE, low)])
    assert left.things[0].box.size[1] == pytest.approx(0.38, abs=0.03)
    assert left.scene.mesh is not None
    assert len(left.scene.mesh.faces) == 1, "only the lamp is left of what was not the floor"


def test_frames_show_the_floor_behind(room: tuple[Scan, Scene], tmp_path: Path) -> None:
    scan, scene = room
    done = erase(scan, scene, "object_0", tmp_path / "empty")
    assert done.things == ("object_0", "object_1")
    again = load(tmp_path / "empty")
    assert isinstance(again, Scan) and len(again) == len(scan)
    assert read_scene(tmp_path / "empty").objects == ()
    assert np.allclose(again.sources[3].T_world_camera, scan.sources[3].T_world_camera, atol=1e-6)
    seen_errors = []
    for i, (eye, gain) in enumerate(zip(room_.EYES, room_.GAINS, strict=True)):
        T = room_.look_at(np.array(eye), (0.0, 0.1, 0.0))
        before, after = scan.read(i), again.read(i)
        truth = without_box(T, gain)
        changed = (before.color != after.color).any(axis=2)
        assert np.abs(after.depth - truth.depth)[truth.depth > 0].max() < 0.02, "depth is the floor's everywhere"
        box = ~room_.film(T, gain).floor & (before.depth > 0)
        assert changed[box].mean() > 0.99
        under = (np.abs(truth.xz[..., 0]) < 0.36) & (np.abs(truth.xz[..., 1]) < 0.26)
        error = np.abs(after.color.astype(float) - truth.color)[box & truth.floor & ~under]
        seen_errors.append(float(np.median(error)))
        hidden = np.abs(after.color.astype(float) - truth.color)[box & truth.floor & under]
        assert np.median(hidden) < 20, "what no frame saw continues the stripes' brightness"
    assert max(seen_errors) < 6, "what other frames saw is shown as they saw it"
    facts = json.loads((tmp_path / "empty" / "erased.json").read_text())
    assert facts["unknown_pixels"] == 0
    assert 0 < facts["made_up_fraction"] < 0.9


def test_same_input_same_bytes(room: tuple[Scan, Scene], tmp_path: Path) -> None:
    scan, scene = room
    for name in ("a", "b"):
        erase(scan, scene, [Thing("crate", Label.BOX, BOX)], tmp_path / name, every=3)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert Path("color/000000.png") in files
    for f in files:
        assert (tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes(), f


def test_paint_stays_and_covers_where_the_thing_stood(room: tuple[Scan, Scene], tmp_path: Path) -> None:
    scan, scene = room
    job = PaintJob("floor", "lush grass", metres_per_pixel=0.01)
    (grass,) = paint(scene, scan, [job], painter="procedural")
    x, z = np.meshgrid(*grass.raster.centres())
    stood = (np.abs(x) < 0.28) & (np.abs(z) < 0.18)
    grass = replace(grass, mask=np.where(stood, 0, grass.mask).astype(np.uint8))  # nobody saw floor under the box
    painted = replace(scene, paints=(grass,))
    done = erase(scan, painted, "object_0", tmp_path / "empty", every=2)
    (left,) = read_scene(tmp_path / "empty").paints
    assert left.planes == ("plane_0",) and left.prompt == "lush grass"
    assert sorted(left.gains) == list(range(done.facts["frames"]))
    assert np.allclose(left.gains[1], painted.paints[0].gains[2])  # its frame 1 was frame 2
    assert (left.mask[stood] == 255).all()
    assert (left.mask[~stood] >= painted.paints[0].mask[~stood]).all()


def test_it_refuses_what_it_cannot_do(room: tuple[Scan, Scene], tmp_path: Path) -> None:
    scan, scene = room
    with pytest.raises(UsageError, match="mesh and camera track"):
        erase(scan, replace(scene, mesh=None), "box", tmp_path / "x")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError):
        erase(scan, scene, "box", tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_what_is_wrong_is_said_before_any_frame_is_read(room: tuple[Scan, Scene], tmp_path: Path) -> None:
    scan, scene = room

    def unread() -> np.ndarray:
        raise AssertionError("a frame was read")

    sources = tuple(replace(s, read_color=unread, read_depth=unread) for s in scan.sources)
    sealed = replace(scan, sources=sources)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="piano"):
        erase(sealed, scene, ["box", "piano"], tmp_path / "x")
    with pytest.raises(UsageError, match="nothing was named"):
        erase(sealed, scene, [], tmp_path / "x")
    with pytest.raises(UsageError):
        erase(sealed, scene, "box", tmp_path / "mine")
    with pytest.raises(UsageError, match="nobody"):
        erase(sealed, scene, "box", tmp_path / "x", painter="nobody")


def test_one_picture_and_a_mask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import cv2

    _, x = np.mgrid[0:120, 0:160]
    stripes = np.where((x // 8) % 2 == 0, 200, 90).astype(np.uint8)
    picture = np.stack([stripes, stripes, stripes], axis=-1)
    mask = np.zeros((120, 160), dtype=bool)
    mask[40:80, 60:100] = True
    broken = picture.copy()
    broken[mask] = (255, 0, 0)
    filled = erase_from_picture(broken, mask)
    assert np.array_equal(filled[~mask], broken[~mask])
    assert (np.abs(filled.astype(int) - picture)[mask] < 25).mean() > 0.9, "stripes go on as they must"
    cv2.imwrite(str(tmp_path / "p.png"), broken[..., ::-1])
    cv2.imwrite(str(tmp_path / "m.png"), mask.astype(np.uint8) * 255)
    arguments = ["erase", str(tmp_path / "p.png"), "--mask", str(tmp_path / "m.png"), "-o", str(tmp_path / "o.png")]
    assert cli.main(arguments) == 0
    assert np.array_equal(cv2.imread(str(tmp_path / "o.png"))[..., ::-1], filled)
    assert cli.main([*arguments, "--painter", "procedural", "--prompt", "oak boards"]) == 0
    capsys.readouterr()
    assert cli.main([*arguments[:-1], str(tmp_path / "o.jpg")]) == 2
    assert "written as PNG" in capsys.readouterr().err
    assert not (tmp_path / "o.jpg").exists()
    cv2.imwrite(str(tmp_path / "m.png"), mask[:50].astype(np.uint8) * 255)
    assert cli.main(arguments) == 2
    assert "expected the same size" in capsys.readouterr().err
