"""The materials of the built-in rooms: albedo tile, tile size, gloss, and light they give off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sceneforge.core.arrays import Float32

from . import textures as tx


@dataclass(frozen=True)
class Material:
    """How one surface looks."""

    albedo: Float32
    """(H, W, 3) float32 linear reflectance tile; row 0 is v = 0."""
    tile_m: tuple[float, float]
    """Metres covered by the tile along u and v."""
    repeats: bool = True
    """False for pictures: uv runs 0..1 once and is clamped."""
    f0: float = 0.04
    """Mirror reflectance at normal incidence."""
    gloss: float = 0.0
    """0 = matt, no mirror part is traced; 1 = the whole Fresnel reflection is seen."""
    roughness: float = 0.2
    """Spread of the mirror direction (standard deviation of its tangent)."""
    emission: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Radiance given off, in the renderer's units."""
    infrared: float = 0.0
    """How badly a depth sensor sees it: 0 normal, 1 swallows the pattern (black gloss, glass)."""


@dataclass(frozen=True)
class Palette:
    """The colours of one room, drawn from a seed."""

    floor: tuple[str, str]
    wall: str
    accent: str
    sofa: tuple[str, str]
    cushion: tuple[str, str]
    wood: tuple[str, str]
    rug: tuple[str, str, str, str]
    curtain: str


PALETTES = (
    Palette(
        ("c9a37a", "8a6238"),
        "ebe6dc",
        "8fa3a3",
        ("6f7f86", "54636b"),
        ("d9a441", "c65f3e"),
        ("b98a5a", "7a5230"),
        ("a23c33", "232f46", "e6d8b8", "c58a3a"),
        "cfc9bb",
    ),
    Palette(
        ("b58d63", "7d5734"),
        "eee9e1",
        "b98f74",
        ("b9ab96", "8f8371"),
        ("2f5d62", "a8503a"),
        ("8a5a3a", "4f2f1c"),
        ("2f4a63", "16243a", "e9dfc8", "b5643c"),
        "d8d2c6",
    ),
    Palette(
        ("d3b48d", "9c7850"),
        "e8e9e6",
        "7f9183",
        ("3f5560", "2c3d46"),
        ("e0c28c", "9fb3a2"),
        ("caa274", "94693f"),
        ("4a6b5d", "22352e", "ece3cf", "c9803f"),
        "c9ccc6",
    ),
)


def make_materials(rng: np.random.Generator, palette: Palette) -> dict[str, Material]:
    """All materials of a room by name; every texture has a generator of its own."""

    def tile(make: Callable[[np.random.Generator], Float32], size: tuple[float, float], **look: float) -> Material:
        return Material(make(np.random.Generator(np.random.PCG64(int(rng.integers(1 << 62))))), size, **look)  # type: ignore[arg-type]

    p = palette
    return {
        "floor": tile(lambda r: tx.floor_boards(r, *p.floor), (2.4, 1.44), gloss=0.5, roughness=0.07),
        "wall": tile(lambda r: tx.paint(r, p.wall), (1.5, 1.5)),
        "accent": tile(lambda r: tx.paint(r, p.accent, 0.03), (1.5, 1.5)),
        "ceiling": tile(lambda r: tx.paint(r, "f1f0ec", 0.015), (1.5, 1.5)),
        "trim": tile(lambda r: tx.plain(r, "efede8", 0.01), (0.6, 0.6), gloss=0.35, roughness=0.05),
        "door": tile(lambda r: tx.plain(r, "e6e2d9", 0.012), (0.8, 0.8), gloss=0.3, roughness=0.05),
        "wood": tile(lambda r: tx.wood(r, *p.wood), (1.2, 0.5), gloss=0.45, roughness=0.05),
        "wood_dark": tile(lambda r: tx.wood(r, "5b3f2b", "2f1e13"), (1.2, 0.5), gloss=0.5, roughness=0.12),
        "white": tile(lambda r: tx.plain(r, "e9e7e2", 0.012), (0.6, 0.6), gloss=0.5, roughness=0.08),
        "sofa": tile(lambda r: tx.fabric(r, *p.sofa), (0.35, 0.35)),
        "cushion_a": tile(lambda r: tx.fabric(r, p.cushion[0], "f0e6d0", 24), (0.25, 0.25)),
        "cushion_b": tile(lambda r: tx.fabric(r, p.cushion[1], "3a2a24", 40), (0.25, 0.25)),
        "armchair": tile(lambda r: tx.fabric(r, p.cushion[1], p.cushion[0]), (0.35, 0.35)),
        "linen": tile(lambda r: tx.fabric(r, "e6e0d3", "c9bfae", 90), (0.4, 0.4)),
        "throw": tile(lambda r: tx.fabric(r, p.accent, "e9e2d0", 20), (0.4, 0.4)),
        "curtain": tile(lambda r: tx.fabric(r, p.curtain, "b8ae9c", 100), (0.5, 0.5)),
        "rug": tile(lambda r: tx.rug(r, p.rug), (1.0, 1.0), repeats=False),
        "black": tile(lambda r: tx.plain(r, "1b1b1d"), (0.5, 0.5), gloss=0.5, roughness=0.12, infrared=0.35),
        "screen": tile(
            lambda r: tx.plain(r, "0b0c0e", 0.01), (0.5, 0.5), gloss=1.0, roughness=0.004, f0=0.05, infrared=0.9
        ),
        "steel": tile(lambda r: tx.plain(r, "8d8f92"), (0.3, 0.3), gloss=0.8, f0=0.35, roughness=0.25),
        "brass": tile(lambda r: tx.plain(r, "a27a3c"), (0.3, 0.3), gloss=0.8, f0=0.3, roughness=0.25),
        "ceramic": tile(lambda r: tx.plain(r, "dfe3e1", 0.02), (0.3, 0.3), gloss=0.7, roughness=0.06),
        "clay": tile(lambda r: tx.plain(r, "b4694a", 0.08), (0.3, 0.3)),
        "soil": tile(lambda r: tx.plain(r, "3a2b20", 0.35), (0.15, 0.15)),
        "leaf": tile(lambda r: tx.plain(r, "4d7a3a", 0.16), (0.3, 0.3), gloss=0.4, roughness=0.25),
        "leaf_dark": tile(lambda r: tx.plain(r, "2f5a35", 0.14), (0.3, 0.3), gloss=0.4, roughness=0.25),
        "shade": Material(tx.plain(rng, "f2e6cf", 0.02), (0.3, 0.3), emission=(1.9, 1.35, 0.8)),
        "glow": Material(tx.plain(rng, "ffffff", 0.0), (0.3, 0.3), emission=(5.0, 4.4, 3.5)),
        "paper": tile(lambda r: tx.plain(r, "ece7d9", 0.05), (0.1, 0.1)),
        "spines": tile(tx.book_spines, (1.0, 1.0), repeats=False, gloss=0.2, roughness=0.2),
        "painting_0": tile(lambda r: tx.painting(r, 0), (1.0, 1.0), repeats=False, gloss=0.5, roughness=0.02),
        "painting_1": tile(lambda r: tx.painting(r, 1), (1.0, 1.0), repeats=False, gloss=0.5, roughness=0.02),
        "painting_2": tile(lambda r: tx.painting(r, 2), (1.0, 1.0), repeats=False, gloss=0.5, roughness=0.02),
    }
