"""The diffusers painter, on the real pipeline classes with tiny random weights saved to disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import InputError, UsageError
from sceneforge.generative import load_painter

pytest.importorskip("diffusers")
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    StableDiffusionInpaintPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from sceneforge.generative.backends.diffusers import windowed

IMAGE = np.full((80, 100, 3), 120, np.uint8)
ALL = np.ones((80, 100), bool)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inpainting pipeline whose UNet sees 8 x 8 latents of 4 x 4 pixels, and a ControlNet for it."""
    folder = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(0)
    blocks = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4}
    inner = {
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "cross_attention_dim": 16,
        "attention_head_dim": 4,
    }
    ups = ("CrossAttnUpBlock2D", "UpBlock2D")
    unet = UNet2DConditionModel(sample_size=8, in_channels=9, out_channels=4, up_block_types=ups, **blocks, **inner)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4,
        block_out_channels=(8, 8), norm_num_groups=4, sample_size=32,
    )  # fmt: skip
    words = folder / "words"
    words.mkdir()
    alphabet = [
        "<|startoftext|>",
        "<|endoftext|>",
        *"abcdefghijklmnopqrstuvwxyz,-",
        *(f"{c}</w>" for c in "abcdefghijklmnopqrstuvwxyz,-"),
    ]
    (words / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(alphabet)}))
    (words / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(words / "vocab.json"), str(words / "merges.txt"), model_max_length=77)
    text = CLIPTextModel(
        CLIPTextConfig(vocab_size=len(alphabet), hidden_size=16, intermediate_size=16, num_attention_heads=2,
                       num_hidden_layers=1, bos_token_id=0, eos_token_id=1, pad_token_id=1)
    )  # fmt: skip
    pipe = StableDiffusionInpaintPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=DDIMScheduler(clip_sample=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipe.save_pretrained(folder / "model", safe_serialization=True)
    control = ControlNetModel(in_channels=4, conditioning_embedding_out_channels=(4, 8), **blocks, **inner)
    control.save_pretrained(folder / "control", safe_serialization=True)
    return folder


def test_a_picture_larger_than_the_model_is_painted_the_same_each_time(checkpoint: Path) -> None:
    painter = load_painter("diffusers", model=checkpoint / "model", steps=2)
    done: list[float] = []
    mask = ALL.copy()
    mask[:20] = False
    made = painter.paint(IMAGE, mask, "grass", 0.01, 3, progress=done.append)
    assert made.shape == IMAGE.shape and (made[:20] == 120).all() and (made[20:] != 120).any()
    assert np.array_equal(made, painter.paint(IMAGE, mask, "grass", 0.01, 3))
    assert not np.array_equal(made, painter.paint(IMAGE, mask, "grass", 0.01, 4))
    assert done == [0.5, 1.0]


def test_a_depth_controlnet_takes_part(checkpoint: Path) -> None:
    plain = load_painter("diffusers", model=checkpoint / "model", steps=2)
    steered = load_painter("diffusers", model=checkpoint / "model", depth_controlnet=checkpoint / "control", steps=2)
    assert steered.paint(IMAGE, ALL, "grass", 0.01).shape == IMAGE.shape
    assert plain.paint(IMAGE, ALL, "grass", 0.01).shape == IMAGE.shape


def test_windows_agree_with_the_model_where_one_is_enough(checkpoint: Path) -> None:
    unet = UNet2DConditionModel.from_pretrained(checkpoint / "model", subfolder="unet")
    g = torch.Generator().manual_seed(0)
    told = {"encoder_hidden_states": torch.randn(1, 5, 16, generator=g)}
    small, large = torch.randn(1, 9, 8, 8, generator=g), torch.randn(1, 9, 8, 20, generator=g)
    with torch.no_grad():
        assert torch.allclose(
            windowed(unet, (False, False))(small, 5, **told)[0], unet(small, 5, **told).sample, atol=1e-5
        )
        wide = windowed(unet, (False, False))(large, 5, **told)[0]
        assert torch.allclose(wide[..., 0], unet(large[..., :8], 5, **told).sample[..., 0], atol=1e-5)


def test_only_safetensors_are_read(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="model=FOLDER"):
        load_painter("diffusers")
    with pytest.raises(InputError, match="safetensors"):
        load_painter("diffusers", model=tmp_path)
    unet = tmp_path / "model" / "unet"
    import shutil

    shutil.copytree(checkpoint / "model", tmp_path / "model")
    (unet / "diffusion_pytorch_model.safetensors").unlink()
    (unet / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(InputError, match="safetensors"):
        load_painter("diffusers", model=tmp_path / "model")
