"""The training scripts run as their help says, on a handful of pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sceneforge.generative.concepts import NAMES
from sceneforge.generative.photographs import held_out, photographs
from sceneforge.training.painter_data import Picture, cut, describe, level, tiles_well


@pytest.fixture(scope="module")
def textures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen free pictures of two classes, and one that is not free."""
    root = tmp_path_factory.mktemp("textures")
    rng = np.random.default_rng(0)
    index = []
    for i in range(15):
        kind = "brick" if i % 2 else "grass"
        (root / kind).mkdir(exist_ok=True)
        color = np.array([150, 70, 50] if i % 2 else [60, 120, 40])
        image = np.clip(color + rng.normal(0, 20, (128, 128, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(image).save(root / kind / f"{i}.png")
        index.append({"path": f"{kind}/{i}.png", "license": "CC0-1.0" if i < 14 else "All rights reserved"})
    (root / "index.json").write_text(json.dumps(index))
    return root


def test_only_free_pictures_are_read_and_the_split_is_one(textures: Path) -> None:
    seen = {p for p, *_ in photographs(textures, held=False)}
    held = {p for p, *_ in photographs(textures, held=True)}
    assert not seen & held and len(seen | held) == 14 and held and all(held_out(p) for p in held)


def test_large_photographs_are_cut_at_several_scales() -> None:
    pieces = list(cut(np.zeros((1024, 1024, 3), np.uint8), 0.001))
    assert {s for _, s in pieces} == {0.001, 0.002, 0.004}
    assert all(max(p.shape[:2]) <= 256 for p, _ in pieces)


def test_boards_are_turned_along_x_and_tiling_is_noticed() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::8] = 255
    turned = level(Picture(stripes, "wood_floor", 0.01, True)).image
    assert (turned[0] == turned[0, 0]).all()
    wave = (np.sin(np.arange(64) / 64 * 2 * np.pi)[None, :, None] * 100 + 120).repeat(64, 0).repeat(3, 2)
    assert tiles_well(wave.astype(np.uint8))
    assert not tiles_well(np.linspace(0, 255, 64)[None, :, None].repeat(64, 0).repeat(3, 2).astype(np.uint8))


def test_captions_name_the_class_and_the_colour() -> None:
    red = Picture(np.full((32, 32, 3), (176, 48, 40), np.uint8), "carpet", 0.01, True)
    texts = " ".join(describe([red], 0)[0])
    assert "red" in texts and ("carpet" in texts or "rug" in texts)


@pytest.mark.slow
def test_a_run_writes_weights_that_load(textures: Path, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    from sceneforge.generative import load_painter

    def run(module: str, *arguments: object) -> None:
        subprocess.run([sys.executable, "-m", f"sceneforge.training.{module}", *map(str, arguments)], check=True)

    run("painter_data", "--textures", textures, "--out", tmp_path / "data.npz", "--per-class", 0)
    short = ("--data", tmp_path / "data.npz", "--out", tmp_path / "run", "--device", "cpu", "--batch", 2)
    run("train_painter", *short, "--minutes", 0.01, "--state", "--show-every", 0)
    run("train_painter", *short, "--minutes", 0.01, "--state", "--resume", "--show-every", 0)
    rows = json.loads((tmp_path / "run" / "loss.json").read_text())["rows"]
    assert rows[-1][1] >= 1 and np.isfinite(rows[-1][3])
    first = tmp_path / "run" / "detail.safetensors"
    load_painter("embedded", weights=first.parent)
    run("train_painter", *short, "--out", tmp_path / "on", "--minutes", 0.01, "--levels", "noisy", "--start", first)
    run("train_painter", *short, "--out", tmp_path / "on", "--minutes", 0.01, "--network", "base")
    assert {f.name for f in (tmp_path / "on").glob("*.safetensors")} == {"base.safetensors", "detail.safetensors"}
    load_painter("embedded", weights=tmp_path / "on")


@pytest.mark.parametrize("name", ["base", "detail"])
def test_noisy_levels_are_where_the_prompt_is_needed(name: str) -> None:
    torch = pytest.importorskip("torch")
    from sceneforge.generative.network import DESIGNS
    from sceneforge.training.painter_batches import Data, batch, cosine_alphas

    side = 256 // DESIGNS[name].shrink
    grey = torch.full((1, side, side, 3), 127, dtype=torch.uint8)
    one = torch.ones(1, dtype=torch.float64)
    data = Data(grey, torch.tensor([side]), torch.tensor([False]), torch.tensor([0]), one * 0.01,
                torch.zeros(1, 1, len(NAMES)), one, one, DESIGNS[name])  # fmt: skip
    alphas = cosine_alphas("cpu")

    def steps(levels: str) -> np.ndarray:
        inputs, _, weight = batch(data, 64, alphas, torch.Generator().manual_seed(0), levels=levels)
        assert inputs[0].shape == (64, 3, side // 2, side // 2) and bool((weight > 0).any())
        return inputs[5].numpy()

    assert np.mean(steps("noisy") >= 900) > 0.35 > 0.2 > np.mean(steps("flat") >= 900)
