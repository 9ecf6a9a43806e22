"""The reference painter: an exact picture of a material, laid at its real size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import InputError, UsageError
from sceneforge.core.arrays import Float32, UInt8
from sceneforge.generative.painter import MAX_PIXELS, MaskedPainter, Request


class ReferencePainter(MaskedPainter):
    """Repeats one picture; what the prompt says is ignored."""

    name = "reference"

    def __init__(self, picture: UInt8, width_m: float, mirror: bool) -> None:
        self._tile = np.concatenate([picture, picture[:, ::-1]], 1) if mirror else picture
        if mirror:
            self._tile = np.concatenate([self._tile, self._tile[::-1]], 0)
        self._metres_per_texel = width_m / picture.shape[1]

    def make(self, request: Request) -> UInt8:
        """`periodic` stretches the tile to the nearest whole number of repeats."""
        (h, w), scale_m = request.alpha.shape, request.metres_per_pixel
        rows = self._positions(h, 0, scale_m, request.origin_m[1], request.periodic[1])
        columns = self._positions(w, 1, scale_m, request.origin_m[0], request.periodic[0])
        made = _sample(_blurred(self._tile, scale_m / self._metres_per_texel), rows, columns)
        request.report(1.0)
        return np.asarray(np.clip(made + 0.5, 0, 255), np.uint8)

    def _positions(
        self, n: int, axis: int, metres_per_pixel: float, origin: float, periodic: bool
    ) -> NDArray[np.float64]:
        """Texel coordinates of n pixel centres along an axis."""
        step = metres_per_pixel / self._metres_per_texel
        size = self._tile.shape[axis]
        if periodic:
            step = max(1, round(n * step / size)) * size / n
        return np.asarray(origin / self._metres_per_texel + (np.arange(n) + 0.5) * step - 0.5, np.float64)


def load(image: str | Path | None = None, *, width_m: float = 1.0, mirror: bool = False) -> ReferencePainter:
    """The reference painter.

    Args:
        image: PNG, JPEG or WebP of the material.
        width_m: Real width of what the picture shows.
        mirror: Lay every second tile mirrored: hides the joints of a picture that was not made to tile.

    Raises:
        UsageError: No picture is given, or its width makes no sense.
        InputError: The picture cannot be read.
    """
    if image is None:
        raise UsageError("the reference painter needs a picture; pass image=PATH and width_m=METRES")
    if not 0.001 <= width_m <= 1000:
        raise UsageError(f"width_m is {width_m:g}; expected 0.001 to 1000 metres")
    return ReferencePainter(_read(Path(image)), width_m, mirror)


def _read(path: Path) -> UInt8:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise InputError(
                    f"{opened.width} x {opened.height} pixels", path=path, expected=f"at most {MAX_PIXELS:,}"
                )
            return np.asarray(opened.convert("RGB"), np.uint8)
    except FileNotFoundError:
        raise InputError("there is no such picture", path=path) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as e:
        raise InputError(f"not a picture that can be read ({e})", path=path, expected="PNG, JPEG or WebP") from None


def _blurred(tile: UInt8, ratio: float) -> Float32:
    """The tile low-passed for pixels `ratio` texels wide, wrapping around its edges."""
    image = tile.astype(np.float32)
    if ratio <= 1:
        return image
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(image, (0.42 * ratio, 0.42 * ratio, 0), mode="wrap"), np.float32)


def _sample(image: Float32, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Float32:
    """Bilinear, wrapping."""
    h, w = image.shape[:2]
    r0, c0 = np.floor(rows).astype(np.intp), np.floor(columns).astype(np.intp)
    fr = (rows - r0).astype(np.float32)[:, None, None]
    fc = (columns - c0).astype(np.float32)[None, :, None]
    top = image[np.ix_(r0 % h, c0 % w)] * (1 - fc) + image[np.ix_(r0 % h, (c0 + 1) % w)] * fc
    low = image[np.ix_((r0 + 1) % h, c0 % w)] * (1 - fc) + image[np.ix_((r0 + 1) % h, (c0 + 1) % w)] * fc
    return np.asarray(top * (1 - fr) + low * fr, np.float32)
