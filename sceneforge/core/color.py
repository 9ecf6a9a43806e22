"""sRGB and linear light (IEC 61966-2-1)."""

from __future__ import annotations

import numpy as np

from .arrays import Float32, UInt8

_x = np.arange(256) / 255
TO_LINEAR: Float32 = np.where(_x <= 0.04045, _x / 12.92, ((_x + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""(256,) linear light of every sRGB byte."""

_STEPS = 8192
_y = np.arange(_STEPS + 1) / _STEPS
TO_SRGB: Float32 = (255 * np.where(_y <= 0.0031308, _y * 12.92, 1.055 * np.power(_y, 1 / 2.4) - 0.055)).astype(
    np.float32
)
"""(8193,) sRGB value 0..255 of linear light 0..1 in equal steps, to be interpolated."""

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""(3,) weights of linear RGB (BT.709)."""


def to_linear(srgb: UInt8) -> Float32:
    """sRGB bytes to linear light 0..1."""
    return TO_LINEAR[srgb]


def to_srgb(linear: Float32) -> UInt8:
    """Linear light to sRGB bytes, clipped."""
    x = np.clip(np.asarray(linear, dtype=np.float64), 0, 1)
    y = np.where(x <= 0.0031308, x * 12.92, 1.055 * np.power(x, 1 / 2.4) - 0.055)
    return np.asarray(np.rint(y * 255), dtype=np.uint8)
