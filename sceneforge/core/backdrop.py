"""What lies behind things that were taken out of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Float32, Int32, UInt8, owned_array
from .mesh import Mesh
from .paint import SurfaceRaster

OUTSIDE, SEEN, MADE_UP, UNSHOWN, TOUCHED = 0, 1, 2, 3, 4
"""`Sheet.origin` of a cell: of no interest; seen in other frames; painted, since it comes into view and no frame shows
it; under the things and out of every view even without them, so that a rough colour does; painted, too, since a thing
touched it: what frames show there is its foot, or the dark of a corner that is gone."""


@dataclass(frozen=True)
class Sheet:
    """The part of a plane that things hid, as one metric picture."""

    raster: SurfaceRaster
    """Where the arrays lie."""
    color: Float32
    """(rows, columns, 3) float32 linear light in the mean exposure of the frames."""
    origin: UInt8
    """(rows, columns) uint8: OUTSIDE, SEEN, MADE_UP, UNSHOWN or TOUCHED."""

    relight: Float32 | None = None
    """(rows, columns, 3) float32 factor, 1 and more, by which the surface is brighter without the things' shadow:
    already in `color`, not yet in the frames. None = 1 everywhere."""

    def __post_init__(self) -> None:
        set_, shape = object.__setattr__, self.raster.shape
        if self.relight is not None:
            set_(self, "relight", owned_array(self.relight, (*shape, 3), np.float32, "relight"))
        set_(self, "color", owned_array(self.color, (*shape, 3), np.float32, "color"))
        set_(self, "origin", owned_array(self.origin, shape, np.uint8, "origin"))


@dataclass(frozen=True)
class Backdrop:
    """All surface behind the things: planes as sheets, the rest as a finely divided mesh."""

    sheets: tuple[Sheet, ...]
    """One per plane, in the scene's order."""
    vertices: Float32
    """(N, 3) float32 metres, world: surface off the sheets."""
    faces: Int32
    """(M, 3) int32."""
    colors: Float32
    """(N, 3) float32 linear light in the mean exposure."""
    made_up_fraction: float = 0.0
    """Share of the planes' hidden part that no frame shows, 0..1."""
    guess: Mesh | None = None
    """Surface with colours (sRGB, mean exposure) that stands in where nothing is known behind the things."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "vertices", owned_array(self.vertices, (None, 3), np.float32, "vertices"))
        set_(self, "faces", owned_array(self.faces, (None, 3), np.int32, "faces"))
        set_(self, "colors", owned_array(self.colors, (len(self.vertices), 3), np.float32, "colors"))
