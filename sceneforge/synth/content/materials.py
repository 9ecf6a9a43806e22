"""Materials (glTF metallic-roughness) and the palette that the models share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.color import srgb_to_linear


@dataclass(frozen=True, eq=False)
class Material:
    """A metallic-roughness material; two materials are the same only when they are the same object."""

    name: str
    color: tuple[float, float, float]
    """Linear base colour."""
    metallic: float = 0.0
    roughness: float = 0.5
    emissive: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Linear emitted colour, 0 to 1."""
    texture: NDArray[np.uint8] | None = None
    """(H, W, 3) sRGB base-colour image, multiplied by `color`."""
    glow: NDArray[np.uint8] | None = None
    """(H, W, 3) sRGB image multiplied by `emissive`."""
    double_sided: bool = False


def linear(code: str) -> tuple[float, float, float]:
    """Linear colour of an sRGB "#rrggbb" code (IEC 61966-2-1)."""
    values = [int(code[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    r, g, b = srgb_to_linear(values).tolist()
    return round(r, 5), round(g, 5), round(b, 5)


def shell_white() -> Material:
    """Warm white painted shell."""
    return Material("shell_white", linear("#ece7dc"), 0.0, 0.38)


def livery_teal() -> Material:
    """Deep petrol paint: the second tone of the livery."""
    return Material("livery_teal", linear("#1f5560"), 0.05, 0.36)


def accent_orange() -> Material:
    """Signal orange accents."""
    return Material("accent_orange", linear("#f0702a"), 0.0, 0.42)


def graphite() -> Material:
    """Dark moulded plastic for joints and gaps."""
    return Material("graphite", linear("#2b2f33"), 0.1, 0.55)


def rubber() -> Material:
    """Matt tyre and sole rubber."""
    return Material("rubber", linear("#33363a"), 0.0, 0.85)


def aluminium() -> Material:
    """Bead-blasted aluminium."""
    return Material("aluminium", linear("#c6c9cc"), 0.9, 0.36)


def glass_black() -> Material:
    """Near-black polished glass for lenses and the visor."""
    return Material("glass_black", linear("#0d1319"), 0.0, 0.08)


def brass() -> Material:
    """Brushed brass."""
    return Material("brass", linear("#c99f57"), 0.95, 0.3)
