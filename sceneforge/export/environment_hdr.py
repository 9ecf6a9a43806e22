"""environment.hdr: the same picture for renderers and engines, in Radiance's RGBE format (Ward 1991)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sceneforge.core import Arrangement, Scene, UsageError, write_bytes
from sceneforge.core.arrays import Float32, UInt8

NAME = "environment_hdr"
SUFFIXES = (".hdr",)


def write(scene: Scene, path: str | Path, *, arrangement: Arrangement | None = None) -> None:
    """Write `scene.environment` as a latitude-longitude picture: first row up, first column along +X, turning to +Z.

    Raises:
        UsageError: The scene has none.
    """
    if scene.environment is None:
        raise UsageError(f"nothing to write to {path}: the scene has no environment map")
    h, w = scene.environment.radiance.shape[:2]
    head = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {h} +X {w}\n".encode()
    write_bytes(path, head + rgbe(scene.environment.radiance).tobytes())


def rgbe(radiance: Float32) -> UInt8:
    """(..., 4) bytes of radiance (..., 3): three mantissas and a common exponent."""
    values = np.maximum(radiance.astype(np.float64), 0)
    _, exponent = np.frexp(values.max(axis=-1))
    scale = np.where(values.max(axis=-1) > 1e-32, np.ldexp(256.0, -exponent), 0)
    out = np.zeros((*values.shape[:-1], 4), dtype=np.uint8)
    out[..., :3] = np.minimum(values * scale[..., None], 255)
    out[..., 3] = np.where(scale > 0, exponent + 128, 0)
    return out
