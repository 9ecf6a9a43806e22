"""What every painter is: something that fills the masked part of a metric picture of a surface, as a prompt asks.

    painter = load_painter("embedded")
    grass = painter.paint(floor, mask, "lush meadow with small flowers", metres_per_pixel=0.004, seed=1)

A painter is found by the name of its file in `backends/`, each of which has `load(**options) -> Painter`.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sceneforge._suggest import suggestion
from sceneforge.core import UsageError
from sceneforge.core.arrays import Float32, UInt8
from sceneforge.core.color import to_linear, to_srgb

MAX_PIXELS = 64_000_000
"""Larger pictures are refused: they would take hours and all memory."""

Progress = Callable[[float], None]
"""Called with the share that is done, 0..1."""


@runtime_checkable
class Painter(Protocol):
    """Fills masked pixels of a rectified, metric picture of a surface. Same arguments, same bytes."""

    name: str
    """The back-end's name, for reports."""

    def paint(
        self,
        image: UInt8,
        mask: NDArray[Any],
        prompt: str,
        metres_per_pixel: float,
        seed: int = 0,
        *,
        match_surroundings: bool = False,
        origin_m: tuple[float, float] = (0.0, 0.0),
        periodic: tuple[bool, bool] = (False, False),
        progress: Progress | None = None,
    ) -> UInt8:
        """Paint.

        Args:
            image: (H, W, 3) uint8 sRGB, the surface as it is; pixels are square on the plane.
            mask: (H, W) bool or float in 0..1; where it is above 0 is painted; between, both blend in linear light.
            prompt: What the masked part should become.
            metres_per_pixel: Size of a pixel on the plane.
            seed: Chooses one of the many right answers.
            match_surroundings: Continue what is around the mask (filling a hole) instead of ignoring it (new floor).
            origin_m: Plane coordinates of the picture's upper left corner. The randomness is fixed to the plane: a
                procedural painter gives a point the same colour in any picture it falls in; a diffusion painter starts
                from the same noise there.
            periodic: Along x and y: make the picture continue itself at its opposite edge (a tile).
            progress: Told how far it is.

        Returns:
            (H, W, 3) uint8 sRGB. Where the mask is 0, exactly `image`.

        Raises:
            UsageError: Shapes do not fit, a value is out of range, or nothing in the prompt is understood.
        """
        ...


@dataclass(frozen=True)
class Request:
    """The arguments of `Painter.paint`, checked."""

    image: UInt8
    alpha: Float32
    """(H, W) float32, the mask in 0..1; somewhere above 0."""
    prompt: str
    metres_per_pixel: float
    seed: int
    match_surroundings: bool
    origin_m: tuple[float, float]
    periodic: tuple[bool, bool]
    progress: Progress | None

    def report(self, share: float) -> None:
        """Tell the caller how far it is."""
        if self.progress:
            self.progress(share)


class MaskedPainter(ABC):
    """What the painters here share: a request is checked, a back-end makes a picture, the mask blends it in."""

    name: str

    def paint(
        self,
        image: UInt8,
        mask: NDArray[Any],
        prompt: str,
        metres_per_pixel: float,
        seed: int = 0,
        *,
        match_surroundings: bool = False,
        origin_m: tuple[float, float] = (0.0, 0.0),
        periodic: tuple[bool, bool] = (False, False),
        progress: Progress | None = None,
    ) -> UInt8:
        """See `Painter.paint`."""
        alpha = check_request(image, mask, metres_per_pixel)
        if not (alpha > 0).any():
            return image.copy()
        request = Request(
            image, alpha, prompt, metres_per_pixel, seed, match_surroundings, origin_m, periodic, progress
        )
        return blend(image, self.make(request), alpha)

    @abstractmethod
    def make(self, request: Request) -> UInt8:
        """(H, W, 3) uint8 sRGB: the painted picture; only what the mask covers is used."""


def painter_names() -> tuple[str, ...]:
    """Names of the painters there are."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules([*_backends().__path__]) if not m.name.startswith("_")))


def load_painter(name: str = "embedded", **options: Any) -> Painter:
    """Load a painter by name; options are those of its `load`.

    Raises:
        UsageError: No painter has this name.
        MissingExtra: It needs a package that is not installed.
    """
    if name not in painter_names():
        raise UsageError(f"no painter is called '{name}'{suggestion(name, painter_names())}")
    painter: Painter = importlib.import_module(f"{_backends().__name__}.{name}").load(**options)
    return painter


def check_request(image: UInt8, mask: NDArray[Any], metres_per_pixel: float) -> Float32:
    """Refuse what no painter could use; the mask as (H, W) float32 in 0..1.

    Raises:
        UsageError: See `Painter.paint`.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise UsageError(f"the picture to paint is {image.dtype} {image.shape}; expected uint8 (H, W, 3)")
    if mask.shape != image.shape[:2]:
        raise UsageError(f"the mask is {mask.shape} and the picture {image.shape[:2]}; expected the same")
    if image.shape[0] * image.shape[1] > MAX_PIXELS or min(image.shape[:2]) < 1:
        raise UsageError(
            f"the picture has {image.shape[0]} x {image.shape[1]} pixels; expected 1 to {MAX_PIXELS:,} in all. "
            "Paint at more metres per pixel"
        )
    if not 1e-4 <= metres_per_pixel <= 1.0:
        raise UsageError(f"metres_per_pixel is {metres_per_pixel:g}; expected 0.0001 to 1")
    alpha = mask.astype(np.float32) if mask.dtype != np.uint8 else (mask > 0).astype(np.float32)
    if not np.isfinite(alpha).all() or alpha.min(initial=0) < 0 or alpha.max(initial=0) > 1:
        raise UsageError("the mask holds values outside 0..1")
    return alpha


def blend(image: UInt8, painted: UInt8, alpha: Float32) -> UInt8:
    """`painted` over `image` by alpha in linear light; exact where alpha is 0 or 1."""
    out = np.where((alpha >= 1)[..., None], painted, image)
    edge = (alpha > 0) & (alpha < 1)
    if edge.any():
        a = alpha[edge][:, None]
        out[edge] = to_srgb(to_linear(image[edge]) * (1 - a) + to_linear(painted[edge]) * a)
    return out


def _backends() -> Any:
    return importlib.import_module(f"{__package__}.backends")
