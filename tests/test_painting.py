"""Painting a room from end to end: textures, files, and what is said when it cannot be done."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import PaintJob, PaintRegion, RoomCapture, Scene, SceneFileError, UsageError
from sceneforge.export import export
from sceneforge.io.scene_folder import read_scene
from sceneforge.painting import paint, relief, surfaces
from sceneforge.pipeline import write_scene
from tests.painted_room import room

GRASS = PaintJob("floor", "lush grass", metres_per_pixel=0.01)


@pytest.fixture(scope="module")
def grass(tmp_path_factory: pytest.TempPathFactory):
    scan, scene = room()
    out = tmp_path_factory.mktemp("grass")
    return scan, scene, paint(scene, scan, [GRASS], out, painter="procedural", seed=2), out


def test_a_floor_of_grass(grass) -> None:
    _, _, (made,), _ = grass
    assert made.planes == ("plane_0",) and made.mode == "replace" and made.painter == "procedural"
    assert made.relief_m > 0  # grass stands up
    mean = made.color.reshape(-1, 3).mean(axis=0)
    assert mean[1] > mean[0] and mean[1] > mean[2]
    assert 0.9 < made.shading.max() / np.median(made.shading) < 1.3
    assert made.shading.min() < 0.6  # the room's shadow
    assert len(made.gains) == 7


def test_files_hold_everything(grass) -> None:
    _, scene, (made,), out = grass
    export(replace(scene, paints=()), out / "scene.json")
    (back,) = read_scene(out).paints
    for name in ("mask", "color", "relief", "light"):
        assert (getattr(back, name) == getattr(made, name)).all()
    assert np.abs(back.shading - made.shading).max() < 1e-4
    assert back.raster.metres_per_pixel == made.raster.metres_per_pixel
    assert {i: g.tolist() for i, g in back.gains.items()} == {i: g.tolist() for i, g in made.gains.items()}
    assert (back.prompt, back.mode, back.planes, back.seed) == ("lush grass", "replace", ("plane_0",), 2)
    assert back.blades and made.blades


def test_same_seed_same_bytes_other_seed_others(grass, tmp_path: Path) -> None:
    scan, scene, _, out = grass
    paint(scene, scan, [GRASS], tmp_path / "again", painter="procedural", seed=2)
    paint(scene, scan, [GRASS], tmp_path / "other", painter="procedural", seed=3)
    names = ["paint.json", "paint_0.png", "paint_0_shading.png", "paint_0_height.png"]
    assert all((out / n).read_bytes() == (tmp_path / "again" / n).read_bytes() for n in names)
    assert (out / "paint_0.png").read_bytes() != (tmp_path / "other" / "paint_0.png").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"texture": "../paint_0.png"},
        {"texture": "/etc/passwd"},
        {"texture": "missing.png"},
        {"shading": "paint_0.png"},
        {"gains": {"x": [1, 1, 1]}},
        {"mode": "spray"},
        {"blades": 1},
        {"id": "../paint_0"},
    ],
)
def test_damaged_files_are_refused(grass, tmp_path: Path, change) -> None:
    out = grass[3]
    for path in out.glob("paint*.png"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    data = json.loads((out / "paint.json").read_text())
    data["paints"][0] |= change
    (tmp_path / "paint.json").write_text(json.dumps(data))
    from sceneforge.io._paints import read_paints

    with pytest.raises(SceneFileError):
        read_paints(tmp_path / "paint.json")


def test_a_sky_becomes_a_portal(grass) -> None:
    scan, scene, _, _ = grass
    (sky,) = paint(scene, scan, [replace(GRASS, prompt="night sky full of stars")], painter="procedural")
    assert sky.mode == "portal" and sky.color is None and sky.environment is not None and sky.twinkle > 0


def test_a_lawn_ends_in_a_soft_border(grass) -> None:
    scan, scene, (full,), _ = grass
    (lawn,) = paint(scene, scan, [replace(GRASS, region=PaintRegion(0.4, (-0.8, 0.4)))], painter="procedural", seed=2)
    assert lawn.mode == "inpaint"
    assert 0.25 < (lawn.mask / 255).sum() * 1e-4 < 0.8  # about pi 0.4^2 square metres
    assert ((lawn.mask > 30) & (lawn.mask < 220)).sum() > 500
    # the same grass grows at the same place
    offset = np.rint((lawn.raster.origin_xz - full.raster.origin_xz) / 0.01).astype(int)
    part = full.color[offset[1] :, offset[0] :][: lawn.raster.height, : lawn.raster.width]
    assert np.abs(part.astype(int) - lawn.color).mean() < 1


def test_a_picture_is_laid_at_its_real_size(grass, tmp_path: Path) -> None:
    from PIL import Image

    tile = np.zeros((64, 64, 3), np.uint8)
    tile[:, :32] = 255
    Image.fromarray(tile).save(tmp_path / "tile.png")
    job = PaintJob("floor", image=str(tmp_path / "tile.png"), image_width_m=0.4, metres_per_pixel=0.01)
    scan, scene, _, _ = grass
    (laid,) = paint(scene, scan, [job])
    assert laid.mode == "reference" and laid.painter == "reference"
    row = laid.color[40, :, 0].astype(int)
    edges = np.flatnonzero(np.abs(np.diff((row > 127).astype(int))))
    assert set(np.diff(edges)) == {20}  # every 20 cm
    (over,) = paint(scene, scan, [replace(job, mode="blend")])
    assert over.mode == "blend" and over.painter == "reference" and (over.color == laid.color).all()


def test_what_cannot_be_painted_is_said(grass) -> None:
    scan, scene, _, _ = grass
    with pytest.raises(UsageError, match="no ceiling to paint; it has floor"):
        paint(scene, scan, [PaintJob("ceiling", "stars")], painter="procedural")
    with pytest.raises(UsageError, match="no surface 'plane_9'"):
        paint(scene, scan, [PaintJob("plane_9", "grass")], painter="procedural")
    with pytest.raises(UsageError, match="camera track"):
        paint(Scene(scene.planes), scan, [GRASS], painter="procedural")
    with pytest.raises(UsageError, match="needs a checkpoint"):
        paint(scene, scan, [replace(GRASS, painter="diffusers")])
    with pytest.raises(UsageError, match="no painter"):
        paint(scene, scan, [GRASS], painter="rembrandt")
    assert RoomCapture("x", "x", "x", None).mesh is None


def test_the_checkpoint_reaches_the_diffusers_painter(grass, monkeypatch: pytest.MonkeyPatch) -> None:
    from sceneforge import generative

    scan, scene, _, _ = grass
    load, asked = generative.load_painter, []

    def loader(name, **options):
        asked.append((name, options))
        return load("procedural")

    monkeypatch.setattr(generative, "load_painter", loader)
    paint(scene, scan, [replace(GRASS, painter="diffusers", model="some/checkpoint"), GRASS], painter="procedural")
    assert asked == [("diffusers", {"model": "some/checkpoint"}), ("procedural", {})]


def test_alternatives_take_the_first_surface_there_is(grass) -> None:
    scan, scene, _, _ = grass
    assert surfaces(scene, "ceiling|floor") == surfaces(scene, "floor")
    assert surfaces(scene, "plane_7 | plane_0")[0][0].id == "plane_0"
    with pytest.raises(UsageError, match=r"no wall to paint; it has floor; 'wall\|floor' paints the first"):
        surfaces(scene, "ceiling|wall")
    (sky,) = paint(scene, scan, [replace(GRASS, surface="ceiling|floor", prompt="starry night")], painter="procedural")
    assert sky.mode == "portal"


def test_a_new_scene_leaves_no_picture_of_the_old_one_s_paints(grass, tmp_path: Path) -> None:
    scan, scene, _, _ = grass
    paint(scene, scan, [GRASS], tmp_path, painter="procedural")
    (tmp_path / "paint_9.png").write_bytes(b"mine")
    assert (tmp_path / "paint_0.png").is_file()
    write_scene(scene, tmp_path)
    assert [p.name for p in tmp_path.glob("paint*")] == ["paint_9.png"]  # named in no paint.json


def test_relief_follows_grain_not_colour() -> None:
    rng = np.random.default_rng(0)
    gray = np.full((200, 200), 120.0)
    gray[:, 100:] = 60
    gray += rng.normal(0, 10, gray.shape)
    height = relief(np.repeat(gray[..., None], 3, axis=2).astype(np.uint8), 0.004)
    assert abs(float(height[:, :80].mean()) - float(height[:, 120:].mean())) < 8
    assert height.std() > 30


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--surface", "flor"), "'flor' is no label and no id of a plane; did you mean 'floor'?"),
        (("--surface", "floor", "--painter", "embeded"), "'embeded' covers surfaces; did you mean 'embedded'?"),
    ],
)
def test_misspelt_names_are_told_before_anything_is_understood(
    arguments: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sceneforge import cli

    out = tmp_path / "out"
    assert cli.main(["paint", "sample:living_room", *arguments, "--prompt", "grass", "-o", str(out)]) == 2
    assert told in capsys.readouterr().err and not out.exists()


def test_skies_of_neighbouring_walls_meet_at_their_corner() -> None:
    from sceneforge.core.transforms import make_transform
    from sceneforge.painting import SKY_METRES, _sky_origin

    def seen(normal, direction):
        """Place in the long sky of a direction (right of straight ahead, up) seen through a wall."""
        right = np.cross(-np.array(normal), (0, 1, 0))
        origin = _sky_origin(make_transform(np.stack([right, normal, (0, -1, 0)], axis=1), np.zeros(3)))
        across, length = direction @ right, np.sqrt(2 * (1 + direction @ np.array(normal)))
        return origin[0] + (np.sign(across) * length / np.sqrt(2) + 1) * SKY_METRES / 2

    for turn in np.deg2rad([-100.0, 0.0, 30.0, 60.0]):
        ahead, beside = ((-np.sin(a), 0.0, np.cos(a)) for a in (turn, turn + np.pi / 2))
        corner = -(np.array(ahead) + beside) / np.sqrt(2)
        assert seen(ahead, corner) == pytest.approx(seen(beside, corner), abs=1e-9)
        assert seen(ahead, -np.array(ahead)) != pytest.approx(seen(beside, -np.array(beside)), abs=1.0)
