"""The embedded painter's two networks, small UNets over 4 x 4 pixel patches, and what they are told.

A cascade (Ho et al. 2022): BASE paints a surface from noise at about 24 mm per pixel; DETAIL, guided by that, at half
of it and finer.

Importing this loads torch and diffusers; only the embedded painter and its training do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sceneforge.core.arrays import Float32

from .concepts import NAMES

if TYPE_CHECKING:
    import torch

PATCH = 4
"""Pixels along the side of a patch: a 128 px window is 32 x 32 patches of 48 numbers."""
CONDITION = 96
"""Length of the condition vector: concepts, scale, and three flags, padded with zeros."""
SCALE_AT = len(NAMES)
"""Where the scale's numbers start in the condition vector."""
REFERENCE_SCALE_M = 0.008
"""Metres per pixel whose logarithm is 0."""


@dataclass(frozen=True)
class Design:
    """One of the networks."""

    name: str
    window: int
    """Pixels along the side of a training window."""
    shrink: int
    """How much training pictures are shrunk first."""
    guides: tuple[int, ...]
    """How many times coarser the guides are; as large as the window: its mean colour."""
    channels: tuple[int, ...]
    """Of each level, finest first."""

    @property
    def config(self) -> dict[str, Any]:
        """Arguments of `diffusers.UNet2DConditionModel`."""
        return {
            "sample_size": self.window // PATCH,
            "in_channels": (3 + 3 + 1 + 3) * PATCH * PATCH,  # noisy picture, known picture, mask, coarse guide
            "out_channels": 3 * PATCH * PATCH,
            "down_block_types": ("DownBlock2D",) * len(self.channels),
            "up_block_types": ("UpBlock2D",) * len(self.channels),
            "block_out_channels": self.channels,
            "layers_per_block": 1,
            "norm_num_groups": 16,
            "attention_head_dim": 8,
            "encoder_hid_dim": CONDITION,
            "cross_attention_dim": 96,
            "class_embed_type": "simple_projection",
            "projection_class_embeddings_input_dim": CONDITION,
            "time_embedding_dim": 256 if self.window > 64 else 192,
            "resnet_time_scale_shift": "scale_shift",
        }


DETAIL = Design("detail", 128, 1, (2, 3, 4), (112, 144, 160))
BASE = Design("base", 64, 2, (4, 16, 64), (64, 96))
DESIGNS = {d.name: d for d in (DETAIL, BASE)}

SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
}
"""Arguments that all schedulers share: cosine noise levels (Nichol and Dhariwal 2021), velocity prediction."""


def build_network(design: Design = DETAIL) -> Any:
    """The untrained network, a `diffusers.UNet2DConditionModel`."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**design.config)


def condition(concepts: Float32, metres_per_pixel: float, *, guided: bool, known: bool) -> Float32:
    """(CONDITION,) float32: what the network is told about a window.

    Args:
        concepts: (len(NAMES),) concept vector of the prompt; all zeros stands for "anything", as in training when the
            prompt was dropped (classifier-free guidance, Ho and Salimans 2022).
        metres_per_pixel: Of the window.
        guided: Whether the guide channels hold a coarser picture.
        known: Whether some pixels are given.
    """
    out = np.zeros(CONDITION, np.float32)
    out[: len(NAMES)] = concepts
    octave = math.log2(metres_per_pixel / REFERENCE_SCALE_M)
    out[SCALE_AT : SCALE_AT + 5] = scale_features(np.array([octave]))[0]
    out[SCALE_AT + 5 : SCALE_AT + 8] = guided, known, concepts.max(initial=0) == 0
    return out


def scale_features(octave: Any) -> Any:
    """(N, 5) numbers for N scales, each given as octaves above the reference."""
    stack = [octave / 2, np.sin(octave), np.cos(octave), np.sin(octave * 2), np.cos(octave * 2)]
    return np.stack(stack, -1).astype(np.float32)


def to_patches(picture: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) -> (B, C * 16, H / 4, W / 4): each 4 x 4 patch becomes channels."""
    from torch.nn.functional import pixel_unshuffle

    return pixel_unshuffle(picture, PATCH)


def from_patches(patches: torch.Tensor) -> torch.Tensor:
    """The inverse of `to_patches`."""
    from torch.nn.functional import pixel_shuffle

    return pixel_shuffle(patches, PATCH)


def velocity(
    network: Any, noisy: torch.Tensor, known: torch.Tensor, mask: torch.Tensor, guide: torch.Tensor, told: torch.Tensor,
    step: torch.Tensor,
) -> torch.Tensor:  # fmt: skip
    """What the network says about a batch of windows.

    Args:
        network: From `build_network`.
        noisy: (B, 3, H, W) noisy pictures in -1..1; H and W multiples of 16.
        known: (B, 3, H, W) the picture where it is given, 0 elsewhere.
        mask: (B, 1, H, W), 1 = to be painted.
        guide: (B, 3, H, W) a coarser picture of the same window, enlarged; 0 without one.
        told: (B, CONDITION) from `condition`.
        step: (B,) or () noise level, 0..999.

    Returns:
        (B, 3, H, W) velocity v = sqrt(a) noise - sqrt(1 - a) picture (Salimans and Ho 2022).
    """
    import torch

    x = to_patches(torch.cat([noisy, known, mask, guide], 1))
    scale = torch.zeros_like(told)
    scale[:, SCALE_AT:] = told[:, SCALE_AT:]
    tokens = torch.stack([told - scale, scale], 1)
    v = network(x, step, encoder_hidden_states=tokens, class_labels=told, return_dict=False)[0]
    return from_patches(v)
