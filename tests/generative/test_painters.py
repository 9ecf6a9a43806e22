"""What every painter promises, and what the two that need no model do beyond it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sceneforge.core import InputError, UsageError
from sceneforge.generative import Painter, load_painter, painter_names
from sceneforge.generative.concepts import CLASSES
from sceneforge.generative.procedural import GENERATORS, texture
from sceneforge.generative.text import understand_prompt

BLANK = np.full((48, 64, 3), 90, np.uint8)
ALL = np.ones((48, 64), bool)


@pytest.fixture(scope="module")
def painter() -> Painter:
    return load_painter("procedural")


@pytest.fixture
def checker(tmp_path: Path) -> Path:
    """A tile of 8 x 8 texels: left half red, right half blue."""
    tile = np.zeros((8, 8, 3), np.uint8)
    tile[:, :4, 0], tile[:, 4:, 2] = 200, 200
    Image.fromarray(tile).save(tmp_path / "tile.png")
    return tmp_path / "tile.png"


def test_painters_are_found_by_name() -> None:
    assert {"procedural", "reference"} <= set(painter_names())
    with pytest.raises(UsageError, match="procedural"):
        load_painter("procedurl")


def test_every_class_can_be_painted() -> None:
    assert set(GENERATORS) == set(CLASSES)
    for name in CLASSES:
        made = texture(understand_prompt(name.replace("_", " ")), (24, 24), 0.01, 3)
        assert made.shape == (24, 24, 3) and np.isfinite(made).all() and 0 <= made.min() <= made.max() <= 1
        assert made.std() > 0, name


def test_only_the_mask_changes_and_edges_blend(painter: Painter) -> None:
    mask = np.zeros((48, 64), np.float32)
    mask[10:30, 10:40] = 1
    mask[9, 10:40] = 0.5
    made = painter.paint(BLANK, mask, "snow", 0.01)
    assert (made[mask == 0] == 90).all()
    assert made[15:25, 15:35].mean() > 200
    assert 110 < made[9, 10:40].mean() < made[12, 10:40].mean() - 10


def test_a_point_of_the_plane_keeps_its_colour_in_another_picture(painter: Painter) -> None:
    whole = painter.paint(BLANK, ALL, "brick wall", 0.01, seed=4).astype(int)
    part = painter.paint(BLANK[:20, :30], ALL[:20, :30], "brick wall", 0.01, seed=4, origin_m=(0.2, 0.1)).astype(int)
    assert np.abs(part - whole[10:30, 20:50]).max() <= 1


def test_a_periodic_texture_continues_at_its_opposite_edge(painter: Painter) -> None:
    prompts = (
        "grass",
        "brick",
        "sand",
        "starfield",
        "boards",
        "herringbone parquet",
        "hexagonal tiles",
        "rock",
    )
    for prompt in prompts:
        made = painter.paint(BLANK, ALL, prompt, 0.02, seed=2, periodic=(True, True)).astype(float)
        inner = np.abs(np.diff(made, axis=1)).mean()
        seam = np.abs(made[:, 0] - made[:, -1]).mean()
        assert seam < 2.5 * inner + 2, prompt


def test_colours_and_seeds_are_heard(painter: Painter) -> None:
    blue = painter.paint(BLANK, ALL, "blue carpet", 0.01).mean((0, 1))
    red = painter.paint(BLANK, ALL, "red carpet", 0.01).mean((0, 1))
    assert blue[2] > blue[0] + 40 and red[0] > red[2] + 40
    assert not np.array_equal(painter.paint(BLANK, ALL, "rock", 0.01, 1), painter.paint(BLANK, ALL, "rock", 0.01, 2))


def test_a_sunset_colours_the_sky_and_leaves_clouds_white(painter: Painter) -> None:
    def extremes(prompt: str) -> tuple[np.ndarray, float]:
        made = painter.paint(np.zeros((64, 96, 3), np.uint8), np.ones((64, 96), bool), prompt, 0.05, 1).astype(float)
        sky = made.reshape(-1, 3)[made.reshape(-1, 3).sum(1).argmin()]
        return sky, float(made.min(-1).max())

    dusk, cloud = extremes("sunset clouds")
    day, other = extremes("blue sky with white clouds")
    assert dusk[0] - dusk[2] > day[0] - day[2] + 40
    assert min(cloud, other) > 190


def test_the_same_request_gives_the_same_bytes_in_another_process(painter: Painter) -> None:
    code = (
        "import numpy as np, hashlib; from sceneforge.generative import load_painter\n"
        "made = load_painter('procedural').paint(np.full((48, 64, 3), 90, np.uint8), np.ones((48, 64), bool),"
        " 'meadow with flowers', 0.008, 5)\nprint(hashlib.sha256(made.tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    mine = painter.paint(BLANK, ALL, "meadow with flowers", 0.008, 5)
    assert hashlib.sha256(mine.tobytes()).hexdigest() == other


def test_no_model_is_imported_for_procedural_paint() -> None:
    code = (
        "import sys, numpy as np; from sceneforge.generative import load_painter\n"
        "load_painter('procedural').paint(np.zeros((8, 8, 3), np.uint8), np.ones((8, 8), bool), 'sand', 0.01)\n"
        "assert not {'torch', 'diffusers', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("image", "mask", "scale", "says"),
    [
        (BLANK.astype(np.float32), ALL, 0.01, "uint8"),
        (BLANK, ALL[:10], 0.01, "the mask is"),
        (BLANK, ALL * 2.0, 0.01, "outside 0..1"),
        (BLANK, ALL, 0.0, "metres_per_pixel"),
        (BLANK, np.where(ALL, np.nan, 0), 0.01, "outside 0..1"),
    ],
)
def test_what_cannot_be_painted_is_refused(painter: Painter, image, mask, scale, says) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=says):
        painter.paint(image, mask, "grass", scale)


def test_a_reference_is_laid_at_its_real_size(checker: Path) -> None:
    made = load_painter("reference", image=checker, width_m=0.32).paint(BLANK, ALL, "-", 0.01).astype(int)
    red = made[..., 0] > made[..., 2]
    edges = np.flatnonzero(np.diff(red[0].astype(int)))
    assert np.diff(edges).tolist() == [16] * (len(edges) - 1) and len(edges) == 3  # 16 cm of each colour
    moved = load_painter("reference", image=checker, width_m=0.32).paint(BLANK, ALL, "-", 0.01, origin_m=(0.16, 0.0))
    assert np.array_equal(moved[:, :48], made[:, 16:])


def test_a_mirrored_reference_has_no_joints(tmp_path: Path) -> None:
    ramp = np.repeat(np.arange(0, 240, 15, dtype=np.uint8)[None, :, None], 16, 0).repeat(3, 2)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    plain = (
        load_painter("reference", image=tmp_path / "ramp.png", width_m=0.16).paint(BLANK, ALL, "-", 0.01).astype(int)
    )
    mirrored = load_painter("reference", image=tmp_path / "ramp.png", width_m=0.16, mirror=True)
    made = mirrored.paint(BLANK, ALL, "-", 0.01).astype(int)
    assert np.abs(np.diff(plain, axis=1)).max() > 150
    assert np.abs(np.diff(made, axis=1)).max() <= 15


def test_a_broken_reference_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"x\.png"):
        load_painter("reference", image=tmp_path / "x.png")
    with pytest.raises(InputError, match="no such"):
        load_painter("reference", image=tmp_path / "y.png")
    with pytest.raises(UsageError, match="image=PATH"):
        load_painter("reference")
