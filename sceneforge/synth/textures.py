"""Procedural surface colours: linear albedo tiles made from seeded noise, all of our own making.

Every texture is a (H, W, 3) float32 array of linear reflectance in 0..1; row 0 is v = 0, and grain runs along u.
"""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.color import srgb_to_linear

RGB = tuple[float, float, float]


def linear(srgb: str) -> Float64:
    """Linear reflectance (3,) of an sRGB hex colour such as "c8a27a" (IEC 61966-2-1)."""
    c = np.array([int(srgb[i : i + 2], 16) for i in (0, 2, 4)], float) / 255
    return np.asarray(srgb_to_linear(c))


def noise(rng: np.random.Generator, rows: int, cols: int, beta: float = 1.0, stretch: float = 1.0) -> Float64:
    """Tileable noise with spectrum 1/f^beta, zero mean and unit deviation; `stretch` > 1 smears it along u."""
    fy = np.fft.fftfreq(rows)[:, None] * rows
    fx = np.fft.fftfreq(cols)[None, :] * cols
    f = np.sqrt((fx * stretch) ** 2 + fy**2)
    f[0, 0] = np.inf
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((rows, cols))) * f ** (-beta)).real
    return np.asarray((field - field.mean()) / field.std())


def _mix(a: Float64, b: Float64, t: Float64) -> Float64:
    t = np.clip(t, 0, 1)[..., None]
    return a * (1 - t) + b * t


def _done(image: Float64) -> Float32:
    return np.clip(image, 0.01, 0.92).astype(np.float32)


def wood(rng: np.random.Generator, light: str, dark: str, rows: int = 256, cols: int = 512) -> Float32:
    """Straight-grained wood with fine pores, grain along u."""
    broad = noise(rng, rows, cols, 1.6, 14.0)
    rings = 0.5 + 0.5 * np.sin(9.0 * broad + 0.5 * noise(rng, rows, cols, 1.4, 30.0))
    pores = noise(rng, rows, cols, 0.5, 22.0)
    image = _mix(linear(light), linear(dark), 0.22 + 0.42 * rings + 0.10 * pores)
    return _done(image * (1 + 0.05 * broad)[..., None])


def floor_boards(rng: np.random.Generator, light: str, dark: str) -> Float32:
    """Oak boards, 2.4 m x 1.44 m tile: 10 rows of 14.4 cm boards, each with its own grain and tone, and dark joints."""
    rows, cols, high = 640, 1024, 64
    image = np.zeros((rows, cols, 3))
    for row in range(rows // high):
        ends = np.sort(rng.choice(np.arange(40, cols, 160), 2, replace=False) + rng.integers(-30, 30, 2))
        strip = np.zeros((high, cols, 3))
        for a, b in ((ends[0], ends[1]), (ends[1], ends[0] + cols)):
            grain = wood(rng, light, dark, high, cols)
            tone = 1 + 0.11 * rng.standard_normal()
            tint = 1 + 0.025 * rng.standard_normal(3)
            index = np.arange(a, b) % cols
            strip[:, index] = grain[:, index] * tone * tint
            for k, shade in ((0, 0.38), (1, 0.75), (-1, 0.8)):
                strip[:, (a + k) % cols] *= shade
        strip[0] *= 0.36
        strip[1] *= 0.72
        strip[-1] *= 0.85
        image[row * high : (row + 1) * high] = strip
    return _done(image)


def paint(rng: np.random.Generator, color: str, contrast: float = 0.02) -> Float32:
    """Rolled wall paint: a fine orange-peel grain and faint broad unevenness."""
    grain = noise(rng, 512, 512, 0.6) * contrast + noise(rng, 512, 512, 1.8) * contrast * 0.8
    return _done(linear(color) * (1 + grain)[..., None])


def fabric(rng: np.random.Generator, color: str, second: str | None = None, weave: int = 64) -> Float32:
    """A woven cloth: crossing threads with slub, flecked with a second colour."""
    n = 384
    y, x = np.mgrid[0:n, 0:n] / n * 2 * np.pi * weave
    threads = 0.5 + 0.25 * np.sin(x) * np.sign(np.sin(y / 2)) + 0.25 * np.sin(y) * np.sign(np.sin(x / 2))
    slub = noise(rng, n, n, 0.8, 3.0) + noise(rng, n, n, 0.8, 0.33)
    fleck = np.clip(noise(rng, n, n, 0.4) - 0.6, 0, 1) * 0.8
    image = _mix(linear(color), linear(second or color), fleck + 0.1 * slub)
    return _done(image * (0.86 + 0.22 * threads + 0.05 * slub)[..., None])


def plain(rng: np.random.Generator, color: str, contrast: float = 0.03) -> Float32:
    """Lacquer, plastic, ceramic or leaf: one colour with faint mottling."""
    return _done(linear(color) * (1 + contrast * noise(rng, 128, 128, 1.2))[..., None])


def rug(rng: np.random.Generator, colors: tuple[str, str, str, str]) -> Float32:
    """A woven carpet in four-fold symmetry: border bands, a field of lozenges and small motifs, tufted grain."""
    rows, cols = 480, 720
    ground, deep, light, accent = (linear(c) for c in colors)
    y, x = np.mgrid[0:rows, 0:cols]
    u, v = np.abs((x + 0.5) / cols - 0.5) * 3.0, np.abs((y + 0.5) / rows - 0.5) * 2.0
    edge = np.minimum(1.5 - u, 1.0 - v)
    lozenge = np.abs((u * 2.6) % 1.0 - 0.5) + np.abs((v * 2.6) % 1.0 - 0.5)
    image = np.where((lozenge < 0.30)[..., None], deep, ground)
    image = np.where((np.abs(lozenge - 0.42) < 0.035)[..., None], light, image)
    image = np.where((lozenge < 0.12)[..., None], accent, image)
    middle = u / 0.9 + v / 0.62
    image = np.where((middle < 1.0)[..., None], deep, image)
    image = np.where(((middle < 0.94) & (middle > 0.88))[..., None], light, image)
    petals = np.cos(8 * np.arctan2(v, u + 1e-9)) * 0.12 + 0.42
    image = np.where((middle < petals)[..., None], accent, image)
    image = np.where((middle < 0.2)[..., None], light, image)
    along = np.where(1.5 - u < 1.0 - v, v, u)
    motif = (np.abs((along * 7.0) % 1.0 - 0.5) + np.abs(edge - 0.13) * 7.0) < 0.42
    image = np.where((edge < 0.22)[..., None], accent, image)
    image = np.where((motif & (edge < 0.22))[..., None], ground, image)
    for at, color in ((0.22, light), (0.045, light), (0.02, deep)):
        image = np.where((np.abs(edge - at) < 0.012)[..., None], color, image)
    image = np.where((edge < 0.012)[..., None], deep, image)
    wear = 1 + 0.10 * noise(rng, rows, cols, 0.3) + 0.06 * noise(rng, rows, cols, 1.3, 4.0)
    return _done(image * wear[..., None])


def painting(rng: np.random.Generator, style: int) -> Float32:
    """A framed print: 0 layered hills at dusk, 1 overlapping paper shapes, 2 brush strokes. Upright for v up."""
    rows, cols = 384, 512
    y, x = np.mgrid[0:rows, 0:cols]
    u, v = x / cols, y / rows
    if style == 0:
        image = _mix(linear("f0c9a0"), linear("5f86a8"), (v - 0.35) * 1.7)
        sun = np.hypot((u - 0.66) * cols / rows, v - 0.66)
        image = _mix(image, np.broadcast_to(linear("fff0cf"), image.shape), (sun < 0.085) * 1.0)
        for k, tone in enumerate(("8a9fb0", "647f8f", "446170", "2b4350", "1b2a33")):
            ridge = 0.58 - 0.105 * k + 0.055 * noise(rng, 4, cols, 1.7)[0] * (1 + 0.2 * k)
            image = np.where((v < ridge[None, :])[..., None], linear(tone), image)
    elif style == 1:
        image = np.broadcast_to(linear("efe6d6"), (rows, cols, 3)).copy()
        for color in ("c8553d", "2f4858", "f2b544", "6c8f72", "1f2d3a", "d98f6c", "9db4ab"):
            cx, cy, r = rng.uniform(0.15, 0.85), rng.uniform(0.15, 0.85), rng.uniform(0.09, 0.23)
            a = rng.uniform(0, np.pi)
            du, dv = (u - cx) * cols / rows, v - cy
            s, t = du * np.cos(a) + dv * np.sin(a), -du * np.sin(a) + dv * np.cos(a)
            shape = np.hypot(s, t) < r if rng.random() < 0.5 else (np.abs(s) < r) & (t > 0) & (t < r)
            image = np.where(shape[..., None], linear(color), image)
    else:
        image = np.broadcast_to(linear("dcd6c8"), (rows, cols, 3)).copy()
        palette = ("274060", "3d7ea6", "e0a458", "b5523b", "f4ead5", "5b7553", "17212b")
        for _ in range(150):
            cx, cy, a = rng.uniform(0, 1), rng.uniform(0, 1), rng.normal(0.3, 0.35)
            length, width = rng.uniform(0.05, 0.2), rng.uniform(0.008, 0.03)
            du, dv = (u - cx) * cols / rows, v - cy
            s, t = du * np.cos(a) + dv * np.sin(a), -du * np.sin(a) + dv * np.cos(a)
            stroke = (np.abs(s) < length) & (np.abs(t) < width)
            image = np.where(stroke[..., None], linear(palette[int(rng.integers(7))]), image)
    margin = np.minimum(np.minimum(u, 1 - u) * cols / rows, np.minimum(v, 1 - v))
    image = np.where((margin < 0.07)[..., None], linear("eeeae0"), image)
    return _done(image * (1 + 0.03 * noise(rng, rows, cols, 0.5))[..., None])


def book_spines(rng: np.random.Generator) -> Float32:
    """An atlas of 64 spines (8 x 8 cells), each with bands, a title block and worn edges."""
    cell_h, cell_w = 128, 48
    image = np.zeros((8 * cell_h, 8 * cell_w, 3))
    palette = (
        "7a2e2e",
        "2f4858",
        "d8cbb0",
        "3f5d4b",
        "b3752f",
        "1d1f24",
        "8c8f94",
        "e8e2d4",
        "5a3d5c",
        "c05a3c",
        "26506e",
        "d9a441",
    )
    for i in range(64):
        body = linear(palette[int(rng.integers(len(palette)))])
        ink = linear("efe3c2") if body.mean() < 0.25 else linear("26221f")
        cell = np.tile(body, (cell_h, cell_w, 1)) * (1 + 0.05 * noise(rng, cell_h, cell_w, 0.7))[..., None]
        for at in rng.choice(np.arange(8, 120, 7), int(rng.integers(1, 4)), replace=False):
            cell[at : at + int(rng.integers(1, 4)), 3:-3] = ink
        top = int(rng.integers(50, 70))
        for x in range(14, 34, 6):
            length = int(rng.integers(18, 42))
            for y in range(top, min(top + length, 118), 5):
                if rng.random() < 0.85:
                    cell[y : y + 3, x : x + int(rng.integers(2, 5))] = ink
        shade = np.sin(np.linspace(0.25, np.pi - 0.25, cell_w)) ** 0.5
        cell *= (0.6 + 0.4 * shade)[None, :, None]
        r, c = divmod(i, 8)
        image[r * cell_h : (r + 1) * cell_h, c * cell_w : (c + 1) * cell_w] = cell
    return _done(image)
