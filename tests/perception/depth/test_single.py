"""Depth from one picture: checkpoints through the real loading path, the embedded box, alignment to measurements."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sceneforge.core import Camera, InputError, MissingExtra, UsageError
from sceneforge.perception.depth.align import align
from sceneforge.perception.depth.backends.huggingface import prepared
from sceneforge.perception.depth.estimator import DepthGuess, estimator_names, load_estimator

CAMERA = Camera(96, 72, 80.0, 80.0, 47.5, 35.5)


def color(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 255, (72, 96, 3), dtype=np.uint8)


def checkpoint(folder: Path, metric: bool) -> Path:
    """A tiny Depth Anything with random weights, saved as the real ones are."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    backbone = transformers.Dinov2Config(
        hidden_size=32,
        initializer_range=0.5,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=70,
        patch_size=14,
        out_indices=[1, 2, 3, 4],
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=4,
        initializer_range=0.5,
        depth_estimation_type="metric" if metric else "relative",
        max_depth=20 if metric else 1,
    )
    transformers.DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    settings = {
        "size": {"height": 70, "width": 70},
        "keep_aspect_ratio": True,
        "ensure_multiple_of": 14,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


@pytest.mark.parametrize("metric", [False, True])
def test_a_checkpoint_answers_at_the_pictures_size(tmp_path: Path, metric: bool) -> None:
    model = checkpoint(tmp_path, metric)
    assert (model / "model.safetensors").is_file()
    guess = load_estimator("huggingface", model=str(model)).estimate(color(), CAMERA)
    assert guess.kind == ("metric" if metric else "disparity")
    assert guess.values.shape == (72, 96) and np.isfinite(guess.values).all()
    other = load_estimator("huggingface", model=str(model)).estimate(color(1), CAMERA)
    assert not np.array_equal(guess.values, other.values)


@pytest.mark.parametrize("name", ["nowhere/at-all", "/no/such/folder", "nowhere"])
def test_an_unknown_model_fails_without_asking_the_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(socket, "create_connection", no_network)
    with pytest.raises(InputError, match=r"neither a folder nor a checkpoint that is on this machine.*--download"):
        load_estimator("huggingface", model=name)


def test_other_models_and_broken_files_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(InputError, match="configuration"):
        load_estimator("huggingface", model=str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(InputError, match="'bert' model"):
        load_estimator("huggingface", model=str(tmp_path))
    model = checkpoint(tmp_path, False)
    (model / "model.safetensors").write_bytes(b"cut short")
    with pytest.raises(InputError, match="cannot be loaded"):
        load_estimator("huggingface", model=str(model))


def test_pickled_weights_are_not_loaded(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    model = checkpoint(tmp_path, False)
    (model / "model.safetensors").unlink()
    torch.save({}, model / "pytorch_model.bin")
    with pytest.raises(InputError, match="safetensors"):
        load_estimator("huggingface", model=str(model))


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"pip install 'sceneforge\[models\]'"):
        load_estimator("huggingface", model="anything")


def test_unknown_estimators_are_refused() -> None:
    assert estimator_names() == ("embedded", "huggingface")
    with pytest.raises(UsageError, match="embedded, huggingface"):
        load_estimator("midas")


def test_the_picture_is_prepared_as_the_checkpoint_says() -> None:
    gray = np.full((72, 96, 3), 51, np.uint8)
    settings = {"size": {"height": 56, "width": 56}, "keep_aspect_ratio": True, "ensure_multiple_of": 14}
    x = prepared(gray, {**settings, "image_mean": [0.1] * 3, "image_std": [0.5] * 3})
    assert x.shape == (3, 56, 70)  # 56 high keeps the shape nearer than 56 wide would, to the nearest 14
    assert np.allclose(x, (0.2 - 0.1) / 0.5, atol=1e-5)


def test_alignment_finds_scale_and_shift_among_outliers() -> None:
    rng = np.random.default_rng(3)
    truth = rng.uniform(0.8, 5.0, (60, 80)).astype(np.float32)
    guess = DepthGuess(((1 / truth - 0.15) / 0.04).astype(np.float32), "disparity", 0.15)
    measured = np.where(rng.random(truth.shape) < 0.3, truth, 0).astype(np.float32)
    wrong = rng.random(truth.shape) < 0.1
    measured[wrong] = rng.uniform(0.5, 6, int(wrong.sum()))
    got = align(guess, measured)
    assert got is not None and got.aligned
    assert got.scale == pytest.approx(0.04, rel=0.02) and got.shift == pytest.approx(0.15, abs=0.01)
    known = got.depth > 0
    assert np.median(np.abs(got.depth - truth)[known] / truth[known]) < 0.01


def test_depth_without_size_needs_evidence() -> None:
    guess = DepthGuess(np.full((10, 10), 2.0, np.float32), "depth", 0.15)
    assert align(guess) is None
    got = align(guess, np.full((10, 10), 3.0, np.float32))
    assert got is not None and np.allclose(got.depth, 3.0)


def test_metric_depth_stands_alone() -> None:
    got = align(DepthGuess(np.full((10, 10), 2.0, np.float32), "metric", 0.12))
    assert got is not None and not got.aligned
    assert np.allclose(got.depth, 2.0) and np.allclose(got.sigma, 0.24)


def test_the_embedded_estimator_finds_an_empty_rooms_walls() -> None:
    """A box room 3 m ahead, 2 m to each side, with walls, floor and ceiling of different brightness."""
    camera = Camera(240, 180, 150.0, 150.0, 119.5, 89.5)
    rays = camera.rays()
    with np.errstate(divide="ignore"):
        hits = np.stack(
            [
                np.where(rays[..., 1] > 0, 1.5 / rays[..., 1], np.inf),
                np.where(rays[..., 1] < 0, -1.0 / rays[..., 1], np.inf),
                np.full(camera.shape, 3.0),
                np.abs(2.1 / rays[..., 0]),
            ]
        )
    face = hits.argmin(axis=0)
    picture = np.repeat(np.array([90, 230, 180, 130], np.uint8)[face][..., None], 3, axis=2)
    guess = load_estimator().estimate(picture, camera)
    assert guess.kind == "metric" and guess.sigma_share >= 0.3 and "box" in guess.note
    ratio = guess.values / hits.min(axis=0)
    assert np.abs(np.log(ratio / np.median(ratio))).mean() < 0.1
