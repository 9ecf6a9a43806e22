"""Joint denoising of pictures larger than the network's window (MultiDiffusion, Bar-Tal et al. 2023).

At every step the network looks at overlapping windows of one canvas; where windows overlap, what they say is averaged
with weights that fade towards window borders, and the solver takes one step for the canvas as a whole. The grid of
windows is shifted at each step, so that no place stays at a border. Noise is fixed to the plane: a point gets the same
noise whatever picture or window it falls in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32

if TYPE_CHECKING:
    import torch

WINDOW = 128
"""Pixels along the side of a window, where nothing else is said."""
BATCH = 8
"""Windows of 128 pixels that the network sees at once, and four times as many of half that; more needs memory and is no
faster on a CPU."""


@dataclass(frozen=True)
class Stage:
    """One pass over a canvas."""

    steps: tuple[int, ...]
    """Noise levels, falling, the first being where the start picture is noised to."""
    guidance: float
    """How far the answer is pushed along the prompt; 1 = not at all, and half the work."""


def plane_noise(
    shape: tuple[int, int], first: tuple[int, int], seed: int, channels: int = 3, period: tuple[int, int] = (0, 0)
) -> Float32:
    """Gaussian noise (channels, H, W) float32 for pixels of the plane.

    Args:
        shape: (H, W).
        first: Row and column, on the plane, of the upper left pixel.
        seed: Of the noise.
        channels: Independent fields.
        period: Rows and columns after which it repeats; 0 = never.
    """
    rows = first[0] + np.arange(shape[0], dtype=np.int64)
    columns = first[1] + np.arange(shape[1], dtype=np.int64)
    rows, columns = (rows % period[0] if period[0] else rows), (columns % period[1] if period[1] else columns)
    first_salt = _scramble(np.array([seed % 2**31], np.uint64))
    salt = _scramble(np.asarray(first_salt + np.arange(channels, dtype=np.uint64), np.uint64))
    row = _scramble(np.asarray(rows.view(np.uint64)[:, None] ^ salt[:, None, None], np.uint64))
    key = _scramble(np.asarray(row ^ columns.view(np.uint64)[None, None, :], np.uint64))
    other = _scramble(np.asarray(key ^ np.uint64(0xD1B54A32D192ED03), np.uint64))
    # Box and Muller (1958) on the upper 53 bits of two words.
    radius = np.sqrt(-2 * np.log(((key >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53))
    return np.asarray(radius * np.cos(2 * np.pi * (other >> np.uint64(11)).astype(np.float64) / 2**53), np.float32)


def _scramble(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's output function (Steele et al. 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def stride(window: int) -> int:
    """Pixels between windows: neighbours share a quarter."""
    return window * 3 // 4


def grid(size: int, periodic: bool, shift: int, window: int = WINDOW) -> list[int]:
    """First pixels of the windows that cover a side of `size` pixels."""
    step = stride(window)
    if periodic:
        count = -(-size // step)
        return sorted({(shift + round(k * size / count)) % size for k in range(count)})
    last = max(size - window, 0)
    return sorted({min(max(k, 0), last) for k in range(-(shift % step), size, step)})


def shifts(seed: int, steps: int, window: int = WINDOW) -> list[tuple[int, int]]:
    """How far the grid of windows is moved at each step, down and right."""
    drawn = np.random.default_rng([seed, 77]).integers(0, stride(window), (steps, 2))
    return [(int(r), int(c)) for r, c in drawn]


def fade(window: int = WINDOW) -> Float32:
    """(window, window) weights of a window's pixels: 1 inside, falling along a cosine within the overlap."""
    middle = np.arange(window) + 0.5
    edge = np.minimum(middle, window - middle) / (window - stride(window))
    line = 0.5 - 0.5 * np.cos(np.pi * np.clip(edge, 0, 1))
    return np.asarray(np.maximum(line[:, None] * line[None, :], 1e-4), np.float32)


def windows(
    shape: tuple[int, int], periodic: tuple[bool, bool], shift: tuple[int, int], window: int = WINDOW
) -> Iterator[tuple[Any, Any]]:
    """Row and column indices (window,) of each window; a side of the canvas is at least as long as one."""
    line = np.arange(window)
    for top in grid(shape[0], periodic[0], shift[0], window):
        for left in grid(shape[1], periodic[1], shift[1], window):
            yield (top + line) % shape[0], (left + line) % shape[1]


def denoise(
    predict: Callable[[torch.Tensor, list[torch.Tensor], int, float], torch.Tensor],
    scheduler: Any,
    canvas: torch.Tensor,
    context: list[torch.Tensor],
    stage: Stage,
    *,
    periodic: tuple[bool, bool] = (False, False),
    seed: int = 0,
    window: int = WINDOW,
    progress: Callable[[float], None] | None = None,
) -> torch.Tensor:
    """Take a canvas from its first noise level to a clean picture.

    Args:
        predict: (windows (B, 3, window, window), the context's windows, noise level, guidance) -> velocity of each.
        scheduler: A fresh scheduler of diffusers that takes custom timesteps.
        canvas: (3, H, W) the picture at noise level `stage.steps[0]`.
        context: Pictures (C, H, W) that the network sees beside it.
        stage: Levels and guidance.
        periodic: Rows, columns: windows reach over the edge to the opposite side.
        seed: Of the grids' shifts.
        window: Pixels along the side of a window.
        progress: Told the share that is done.

    Returns:
        (3, H, W).
    """
    import torch

    scheduler.set_timesteps(timesteps=list(stage.steps))
    moved = shifts(seed, len(stage.steps), window)
    weight, size = torch.from_numpy(fade(window)), BATCH * (WINDOW // window) ** 2
    shape = (int(canvas.shape[1]), int(canvas.shape[2]))
    for k, t in enumerate(scheduler.timesteps):
        total = torch.zeros_like(canvas)
        norm = torch.zeros(shape)
        places = list(windows(shape, periodic, moved[k], window))
        for i in range(0, len(places), size):
            at = [(torch.from_numpy(r)[:, None], torch.from_numpy(c)[None, :]) for r, c in places[i : i + size]]
            seen = [torch.stack([picture[:, r, c] for r, c in at]) for picture in context]
            said = predict(torch.stack([canvas[:, r, c] for r, c in at]), seen, int(t), stage.guidance)
            for (r, c), v in zip(at, said, strict=True):
                total[:, r, c] += v * weight
                norm[r, c] += weight
            if progress:
                progress((k + min(i + size, len(places)) / len(places)) / len(stage.steps))
        canvas = scheduler.step(total / norm, t, canvas, return_dict=False)[0]
    return canvas
