"""The embedded diffusion painter, with the weights that ship."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import InputError, SceneForgeError
from sceneforge.generative import Painter, load_painter

pytest.importorskip("torch")
pytest.importorskip("diffusers")
from sceneforge.generative.backends.embedded import WEIGHTS

BLANK = np.full((64, 80, 3), 90, np.uint8)
ALL = np.ones((64, 80), bool)


@pytest.fixture(scope="module")
def painter() -> Painter:
    return load_painter("embedded", threads=1)


def test_the_weights_that_ship_are_small_and_have_a_card() -> None:
    assert sum(f.stat().st_size for f in WEIGHTS.glob("*.safetensors")) < 20_000_000
    card = (WEIGHTS / "MODEL_CARD.md").read_text()
    assert all(word in card for word in ("CC0", "Training", "seconds", "Limits"))
    curves = json.loads((WEIGHTS / "loss.json").read_text())
    assert curves.keys() == {"base", "detail"}
    for curve in curves.values():
        assert curve["columns"] == ["seconds", "step", "loss", "held_out"] and len(curve["rows"]) > 10


def test_prompts_and_masks_are_heard(painter: Painter) -> None:
    mask = ALL.copy()
    mask[:10] = False
    grass = painter.paint(BLANK, mask, "green lawn", 0.01, 1)
    stars = painter.paint(BLANK, mask, "night sky full of stars", 0.01, 1)
    assert (grass[:10] == 90).all() and (stars[:10] == 90).all()
    red, green, blue = grass[10:].mean((0, 1))
    assert green > red and green > blue + 15
    assert stars[10:].mean() < 40 and stars[10:].max() > 90


def test_noise_alone_becomes_what_was_asked_for(painter: Painter) -> None:
    """No layout, no picture: colour comes from the prompt, grain and drift from the seed."""
    blank, whole = np.full((128, 128, 3), 90, np.uint8), np.ones((128, 128), bool)

    def made(prompt: str, seed: int = 3) -> np.ndarray:
        return painter.paint(blank, whole, prompt, 0.01, seed).astype(float)

    soil, ice, snow = made("brown soil"), made("blue ice"), made("snow")
    assert soil.mean((0, 1)).argmax() == 0 and ice.mean((0, 1)).argmax() == 2
    assert snow.mean() > 170 > 120 > made("asphalt").mean()
    other, layout = made("asphalt", 4), load_painter("procedural").paint(blank, whole, "asphalt", 0.01, 4)
    for against in (made("asphalt"), layout.astype(float)):
        assert abs(np.corrcoef(other.mean(-1).ravel(), against.mean(-1).ravel())[0, 1]) < 0.3


def test_windows_that_do_not_meet_agree_on_the_colour(painter: Painter) -> None:
    """Soil may be of many colours, but of one."""
    wide = painter.paint(np.zeros((128, 640, 3), np.uint8), np.ones((128, 640), bool), "soil", 0.01, 5)
    left, right = (part.astype(float).mean((0, 1)) for part in (wide[:, :128], wide[:, -128:]))
    assert np.abs(left - right).max() < 20


def test_things_with_a_place_stay_where_they_were_laid_and_sand_is_its_own(painter: Painter) -> None:
    layout = load_painter("procedural")
    blank, whole = np.full((128, 128, 3), 90, np.uint8), np.ones((128, 128), bool)

    def kept(prompt: str) -> float:
        a, b = (p.paint(blank, whole, prompt, 0.01, 3).astype(float).mean(-1) for p in (layout, painter))
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    laid, loose, flowers = kept("brick wall"), kept("sand"), kept("sand with small flowers")
    assert laid > 0.6 and flowers > 0.6 and loose < 0.5, (laid, loose, flowers)


def test_the_same_request_gives_the_same_bytes_in_another_process(painter: Painter) -> None:
    code = (
        "import numpy as np, hashlib; from sceneforge.generative import load_painter\n"
        "made = load_painter('embedded', threads=1).paint(np.full((64, 80, 3), 90, np.uint8), np.ones((64, 80), bool),"
        " 'gravel', 0.01, 5)\nprint(hashlib.sha256(made.tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert hashlib.sha256(painter.paint(BLANK, ALL, "gravel", 0.01, 5).tobytes()).hexdigest() == other


def test_a_hole_takes_after_what_is_around(painter: Painter) -> None:
    rng = np.random.default_rng(0)
    floor = np.clip(np.array([150, 60, 40]) + rng.normal(0, 12, (64, 80, 1)), 0, 255).astype(np.uint8)
    hole = np.zeros((64, 80), bool)
    hole[20:44, 25:55] = True
    torn = np.where(hole[..., None], 0, floor).astype(np.uint8)
    made = painter.paint(torn, hole, "", 0.01, 1, match_surroundings=True)
    assert np.array_equal(made[~hole], torn[~hole])
    assert np.abs(made[hole].mean(0) - floor[hole].mean(0)).max() < 25
    with pytest.raises(SceneForgeError, match="nothing around"):
        painter.paint(torn, ALL, "", 0.01, match_surroundings=True)


@pytest.mark.slow
def test_a_fine_periodic_texture_continues_at_its_edges(painter: Painter) -> None:
    made = painter.paint(
        np.zeros((160, 144, 3), np.uint8), np.ones((160, 144), bool), "sand", 0.005, 2, periodic=(True, True)
    )
    inner = np.abs(np.diff(made.astype(float), axis=1)).mean()
    assert np.abs(made[:, 0].astype(float) - made[:, -1]).mean() < 2 * inner + 2


def test_foreign_weights_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    with pytest.raises(InputError, match="no weights"):
        load_painter("embedded", weights=tmp_path)
    (tmp_path / "base.safetensors").write_bytes(b"\x80\x04 not weights")
    with pytest.raises(InputError, match="no weights"):
        load_painter("embedded", weights=tmp_path)
    save_file({"x": np.zeros(2, np.float32)}, tmp_path / "base.safetensors", metadata={"names": '["grass"]'})
    with pytest.raises(InputError, match="vocabulary"):
        load_painter("embedded", weights=tmp_path)
    (tmp_path / "base.safetensors").write_bytes((WEIGHTS / "detail.safetensors").read_bytes())
    with pytest.raises(InputError, match="not the base"):
        load_painter("embedded", weights=tmp_path)
