"""A distance between pictures that follows what they look like rather than their pixels.

LPIPS without its learned weights (Zhang et al., CVPR 2018, section 3: unit-normalised features of a classifier, squared
differences, summed over layers), on layers of EfficientNet-lite0, whose weights a package of the extra `models` holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, UInt8

from .painter_features import network

TAPS = (0, 2, 4, 10)
"""Blocks after which features are compared: strides 2, 4, 8 and 16."""
MARGIN = 24
"""Pixels around the compared part that the network sees too."""


def feature_distance(a: UInt8, b: UInt8, mask: NDArray[np.bool_]) -> float:
    """Mean distance of two pictures (H, W, 3) sRGB where the mask (H, W) is set; 0 = alike, about 4 = unrelated.

    Raises:
        MissingExtra: torch, or the package that holds the weights, is not installed.
    """
    import cv2
    import torch

    ys, xs = np.nonzero(mask)
    if not len(ys):
        return 0.0
    rows = slice(max(int(ys.min()) - MARGIN, 0), int(ys.max()) + MARGIN + 1)
    columns = slice(max(int(xs.min()) - MARGIN, 0), int(xs.max()) + MARGIN + 1)
    net = network()
    with torch.inference_mode():
        pair = torch.cat([_input(torch, p[rows, columns]) for p in (a, b)])
        total = 0.0
        for layer in _layers(net, pair):
            unit = layer / (layer.norm(dim=1, keepdim=True) + 1e-8)
            away: Float32 = ((unit[0] - unit[1]) ** 2).sum(dim=0).numpy()
            share = cv2.resize(
                mask[rows, columns].astype(np.float32), (away.shape[1], away.shape[0]), interpolation=cv2.INTER_AREA
            )
            total += float((away * share).sum() / max(float(share.sum()), 1e-9))
    return total


def _input(torch: Any, picture: UInt8) -> Any:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = torch.from_numpy(np.ascontiguousarray(picture).astype(np.float32) / 255)
    return ((x - mean) / std).permute(2, 0, 1)[None]


def _layers(net: Any, x: Any) -> list[Any]:
    import torch

    x = torch.nn.functional.relu6(net._bn0(net._conv_stem(x)))
    out = []
    for n, block in enumerate(net._blocks[: TAPS[-1] + 1]):
        x = block(x)
        if n in TAPS:
            out.append(x)
    return out
