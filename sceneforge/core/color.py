"""sRGB and linear light (IEC 61966-2-1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Float32, Float64, UInt8


def srgb_to_linear(srgb: ArrayLike) -> NDArray[Any]:
    """sRGB values 0..1 to linear light, in the float type given."""
    v = np.asarray(srgb)
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: ArrayLike) -> NDArray[Any]:
    """Linear light to sRGB values 0..1, in the float type given; what is above 1 stays above 1."""
    v = np.asarray(linear)
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * np.power(np.maximum(v, 1e-6), 1 / 2.4) - 0.055)


TO_LINEAR64: Float64 = srgb_to_linear(np.arange(256) / 255)
"""(256,) linear light of every sRGB byte, for sums of many."""
TO_LINEAR: Float32 = TO_LINEAR64.astype(np.float32)
"""(256,) linear light of every sRGB byte."""

_STEPS = 8192
TO_SRGB: Float32 = (255 * linear_to_srgb(np.arange(_STEPS + 1) / _STEPS)).astype(np.float32)
"""(8193,) sRGB value 0..255 of linear light 0..1 in equal steps, to be interpolated."""

LUMINANCE: Float64 = np.array([0.2126, 0.7152, 0.0722])
"""(3,) weights of linear RGB (BT.709)."""


def to_linear(srgb: UInt8) -> Float32:
    """sRGB bytes to linear light 0..1."""
    return TO_LINEAR[srgb]


def to_srgb(linear: ArrayLike) -> UInt8:
    """Linear light to sRGB bytes, clipped."""
    encoded = linear_to_srgb(np.clip(np.asarray(linear, dtype=np.float64), 0, 1))
    return np.asarray(np.rint(encoded * 255), dtype=np.uint8)
