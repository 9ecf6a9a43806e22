"""Seeded textures: noise, wood grain, woven linen, leaf veins. All are (H, W, 3) uint8 sRGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .surface import Floats


def to_bytes(rgb: Floats) -> NDArray[np.uint8]:
    """Round sRGB values, 0 to 1, to bytes."""
    return np.round(np.clip(rgb, 0.0, 1.0) * 255).astype(np.uint8)


def ramp(value: Floats, stops: ArrayLike) -> Floats:
    """Colours, (..., 3), along evenly spaced stops, (K, 3), at values from 0 to 1."""
    colors = np.asarray(stops, dtype=np.float64)
    at = np.linspace(0.0, 1.0, len(colors))
    return np.stack([np.interp(value, at, colors[:, k]) for k in range(3)], axis=-1)


def srgb(code: str) -> Floats:
    """(3,) sRGB values, 0 to 1, of a "#rrggbb" code."""
    return np.array([int(code[k : k + 2], 16) / 255 for k in (1, 3, 5)])


def value_noise(height: int, width: int, cells: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Smooth noise, (H, W) in 0 to 1, that tiles; `cells` (rows, columns) of random values, blended by smoothstep."""
    grid = rng.random(cells)
    y = (np.arange(height) + 0.5) / height * cells[0]
    x = (np.arange(width) + 0.5) / width * cells[1]
    y0, x0 = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    fy, fx = y - y0, x - x0
    fy, fx = (fy * fy * (3 - 2 * fy))[:, None], (fx * fx * (3 - 2 * fx))[None]
    y0, x0 = y0 % cells[0], x0 % cells[1]
    y1, x1 = (y0 + 1) % cells[0], (x0 + 1) % cells[1]
    top = grid[np.ix_(y0, x0)] * (1 - fx) + grid[np.ix_(y0, x1)] * fx
    low = grid[np.ix_(y1, x0)] * (1 - fx) + grid[np.ix_(y1, x1)] * fx
    return np.asarray(top * (1 - fy) + low * fy)


def fractal(height: int, width: int, cells: tuple[int, int], octaves: int, rng: np.random.Generator) -> Floats:
    """Sum of octaves of value noise, (H, W) in 0 to 1."""
    total, weight, share = np.zeros((height, width)), 0.0, 1.0
    for k in range(octaves):
        total += share * value_noise(height, width, (cells[0] << k, cells[1] << k), rng)
        weight += share
        share *= 0.5
    return total / weight


def wood(height: int, width: int, stops: list[str], seed: int) -> NDArray[np.uint8]:
    """Straight-grained wood, grain along the width: growth rings bent by noise, fine pores, slow colour drift."""
    rng = np.random.default_rng(seed)
    bend = fractal(height, width, (2, 2), 3, rng)
    v = (np.arange(height) / height)[:, None]
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (5 * v + 2.3 * bend))
    fibres = fractal(height, width, (height // 4, 4), 3, rng)
    pores = np.clip(value_noise(height, width, (height // 2, 14), rng) - 0.74, 0, 1) * 2.2
    tone = 0.40 * rings**1.5 + 0.55 * fibres + 0.25 * bend - pores
    return to_bytes(ramp(np.clip(tone, 0, 1), [srgb(code) for code in stops]))


def linen(size: int, color: str, seed: int) -> NDArray[np.uint8]:
    """Plain weave with slubs: threads of uneven thickness over and under each other."""
    rng = np.random.default_rng(seed)
    threads = 48
    phase = np.arange(size) / size * threads
    warp = np.abs(np.sin(np.pi * phase))[None, :] ** 0.6
    weft = np.abs(np.sin(np.pi * phase))[:, None] ** 0.6
    over = (np.floor(phase)[:, None] + np.floor(phase)[None, :]) % 2
    slub = 0.6 * value_noise(size, size, (threads, 6), rng) + 0.6 * value_noise(size, size, (6, threads), rng)
    light = np.where(over > 0, warp * 0.9 + 0.1 * weft, weft * 0.9 + 0.1 * warp)
    tone = 0.84 + 0.11 * light + 0.10 * (slub - 0.6)
    return to_bytes(srgb(color) * tone[..., None])


def leaf(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """A leaf from stalk (left) to tip (right), midrib along the middle row, paler side veins sweeping forwards."""
    rng = np.random.default_rng(seed)
    u = ((np.arange(width) + 0.5) / width)[None, :]
    side = ((np.arange(height) + 0.5) / height * 2 - 1)[:, None]
    away = np.abs(side)
    vein = (u - 0.34 * away**0.8) * 11 + np.where(side > 0, 0.5, 0.0)
    distance = np.abs(vein - np.round(vein))
    veins = np.clip(1 - distance / 0.13, 0, 1) * np.clip(1.05 - away, 0, 1) * 0.55
    midrib = np.clip(1 - away / (0.075 * (1.15 - u)), 0, 1) ** 0.7
    mottle = fractal(height, width, (4, 6), 3, rng)
    body = 0.30 + 0.30 * mottle + 0.16 * (0.5 - distance) - 0.12 * away
    tone = np.clip(body, 0, 1)[..., None]
    green = ramp(tone[..., 0], [srgb(c) for c in ("#1c5230", "#387c42", "#69a957", "#9cc873")])
    pale = srgb("#b9d58c")
    mark = np.clip(veins * 0.75 + midrib, 0, 1)[..., None]
    return to_bytes(green * (1 - mark) + pale * mark)


def speckled(height: int, width: int, color: str, fleck: str, seed: int) -> NDArray[np.uint8]:
    """Stoneware glaze: an even ground with small dark flecks and slow clouding."""
    rng = np.random.default_rng(seed)
    image = np.broadcast_to(srgb(color), (height, width, 3)).copy()
    image *= 0.97 + 0.05 * fractal(height, width, (3, 3), 3, rng)[..., None]
    y, x = np.mgrid[0:height, 0:width]
    for _ in range(260):
        cy, cx, r = rng.random() * height, rng.random() * width, 0.5 + 0.9 * rng.random() ** 3
        dy, dx = np.abs(y - cy), np.abs(x - cx)
        near = np.minimum(dy, height - dy) ** 2 + np.minimum(dx, width - dx) ** 2
        cover = np.clip(1.2 - np.sqrt(near) / r, 0, 1)[..., None] * 0.7
        image = image * (1 - cover) + srgb(fleck) * cover
    return to_bytes(image)
