"""The metric grid that procedural textures are evaluated on, and the colour arithmetic they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32

from . import noise

Array = NDArray[Any]


@dataclass(frozen=True)
class Grid:
    """Where a texture is evaluated: points of a plane in metres."""

    x: Array
    """(H, W) float64: metres along the picture's columns."""
    y: Array
    """(H, W) float64: metres along its rows."""
    seed: int
    """Of every noise field; generators add fixed offsets."""
    period_m: tuple[float, float] = (0.0, 0.0)
    """Length after which the pattern repeats, along x and y; 0 = never."""

    def lattice(self, size: float, tall: float | None = None) -> tuple[Array, Array, int, int]:
        """Coordinates in cells of `size` (and `tall`) metres, and the period in whole cells; sizes give way to it."""
        sx, px = _fit(size, self.period_m[0])
        sy, py = _fit(tall or size, self.period_m[1])
        return self.x / sx, self.y / sy, px, py

    def fbm(self, size: float, salt: int, octaves: int = 4, gain: float = 0.5, tall: float | None = None) -> Float32:
        """Fractal noise whose largest features measure `size` metres; (H, W), deviation near 0.35."""
        x, y, px, py = self.lattice(size, tall)
        return noise.fbm(x, y, self.seed + salt, octaves, gain, (px, py))

    def cells(self, size: float, salt: int, jitter: float = 0.9) -> tuple[Array, Array, Array]:
        """Cellular noise with cells of `size` metres: nearest, second nearest distance in cells, and id."""
        x, y, px, py = self.lattice(size)
        return noise.cells(x, y, self.seed + salt, jitter, px, py)

    def strokes(
        self, size: float, salt: int, length: float, width: float, spread: float = 1.0
    ) -> tuple[Array, Array, Array]:
        """Strokes, one per cell of `size` metres; see `noise.strokes`."""
        x, y, px, py = self.lattice(size)
        return noise.strokes(x, y, self.seed + salt, length, width, spread, px, py)

    def spots(self, size: float, salt: int, share: float, small: float, large: float) -> tuple[Array, Array]:
        """Round spots, at most one per cell of `size` metres; see `noise.spots`."""
        x, y, px, py = self.lattice(size)
        return noise.spots(x, y, self.seed + salt, share, small, large, px, py)

    def bent(self, size: float, amount: float, salt: int) -> Grid:
        """The same grid pushed about by smooth noise: `amount` metres over features of `size` metres."""
        dx = amount * self.fbm(size, salt, 3)
        dy = amount * self.fbm(size, salt + 17, 3)
        return Grid(self.x + dx, self.y + dy, self.seed, self.period_m)

    @property
    def step(self) -> float:
        """Metres between neighbouring samples; what is finer cannot be shown."""
        return abs(float(self.x[0, 1] - self.x[0, 0])) if self.x.shape[1] > 1 else 0.001

    def shown(self, pitch: float) -> float:
        """How much of a regular pattern of `pitch` metres the samples show: 1, falling to 0 where it would alias."""
        return float(np.clip(pitch / (2 * self.step) - 1, 0, 1))

    def moved(self, dx: float, dy: float) -> Grid:
        """The grid shifted by metres."""
        return Grid(self.x + dx, self.y + dy, self.seed, self.period_m)

    def relief(self, height: Callable[[Grid], Array], steep: float = 0.5) -> Float32:
        """Light (H, W) around 1 on a height field in metres, lit from the upper left; a photograph's own soft shading.

        Args:
            height: Gives a grid's heights (H, W).
            steep: How much a slope of 1 lightens or darkens.
        """
        e = max(0.0015, 0.5 * self.step)
        here = height(self)
        dx, dy = (height(self.moved(e, 0)) - here) / e, (height(self.moved(0, e)) - here) / e
        light = (1 + steep * (dx + dy)) / np.sqrt(1 + 0.5 * (dx * dx + dy * dy))
        return np.asarray(np.clip(light, 0.3, 1.7), np.float32)

    def turned(self) -> Grid:
        """The grid with its axes exchanged."""
        return Grid(self.y, self.x, self.seed, (self.period_m[1], self.period_m[0]))


def _fit(size: float, period: float) -> tuple[float, int]:
    if period <= 0:
        return size, 0
    count = max(1, round(period / size))
    return period / count, count


def srgb(text: str) -> Float32:
    """(3,) float32 in 0..1 of a hex colour such as "7fa04a"."""
    return np.array([int(text[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / np.float32(255)


def mix(a: Array, b: Array, t: Array | float) -> Float32:
    """Blend colours (3,) or (H, W, 3) by t, a number or (H, W), held to 0..1."""
    t = np.clip(np.asarray(t, np.float32), 0, 1)[..., None]
    return np.asarray(a * (1 - t) + b * t, np.float32)


def ramp(stops: list[str], t: Array) -> Float32:
    """Colour (H, W, 3) along a ramp of hex colours, evenly spaced over t in 0..1."""
    table = np.stack([srgb(s) for s in stops])
    where = np.clip(t, 0, 1) * (len(stops) - 1)
    index = np.minimum(where.astype(np.intp), len(stops) - 2)
    part = (where - index)[..., None].astype(np.float32)
    return np.asarray(table[index] * (1 - part) + table[index + 1] * part, np.float32)


def lit(color: Array, light: Array) -> Float32:
    """Colour (H, W, 3) or (3,) times a light field (H, W) around 1."""
    return np.asarray(color * np.asarray(light, np.float32)[..., None], np.float32)


def smooth(low: float, high: float, t: Array) -> Float32:
    """Hermite step from 0 at `low` to 1 at `high`."""
    s = np.clip((t - low) / (high - low), 0, 1)
    return np.asarray(s * s * (3 - 2 * s), np.float32)


def pick(rng: np.random.Generator, choices: list[Any]) -> Any:
    """One of the choices."""
    return choices[int(rng.integers(len(choices)))]
