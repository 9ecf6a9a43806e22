"""Paint on a real surface: one metric texture in the surface's own plane, seen the same from every frame."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np

from .arrays import Float32, Float64, UInt8, frozen_array, owned_array, rigid_transform
from .transforms import transform_points

FORMAT: Final = "sceneforge.paint"
VERSION: Final = 1
"""Of paint.json."""
SHADING_STEP: Final = 1 / 8192
"""Light per step in a stored shading picture."""
DEFAULT_PAINTER: Final = "procedural"
"""Who paints where nobody is named."""
PAINT_MODES: Final = ("replace", "blend", "inpaint", "reference", "portal")
"""replace: the whole surface; blend: over the old one; inpaint: a region with a soft border; reference: a given picture
tiled at its real size; portal: an opening onto something infinitely far away."""


@dataclass(frozen=True)
class SurfaceRaster:
    """A grid of square cells on a plane. Column c and row r have their centre at origin + (c + 0.5, r + 0.5) cells."""

    T_world_plane: Float64
    """(4, 4) plane-to-world; +Y is the plane's normal."""
    origin_xz: Float64
    """(2,) [x, z] of the first cell's outer corner, metres, plane frame."""
    metres_per_pixel: float
    """Edge of a cell."""
    width: int
    """Cells along x."""
    height: int
    """Cells along z."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "T_world_plane", rigid_transform(self.T_world_plane, "T_world_plane"))
        set_(self, "origin_xz", frozen_array(self.origin_xz, (2,), np.float64, "origin_xz"))
        if not self.metres_per_pixel > 0 or self.width < 1 or self.height < 1:
            raise ValueError(f"no raster: {self.width}x{self.height} cells of {self.metres_per_pixel} m")

    @property
    def shape(self) -> tuple[int, int]:
        """(rows along z, columns along x), as arrays are indexed."""
        return self.height, self.width

    def cells(self, xz: Float64) -> Float64:
        """Plane [x, z] (..., 2) as fractional [column, row], whole numbers at cell centres."""
        p = np.asarray(xz, dtype=np.float64)
        return np.asarray((p - self.origin_xz) / self.metres_per_pixel - 0.5)

    def centres(self) -> tuple[Float64, Float64]:
        """x of the columns (width,) and z of the rows (height,), metres."""
        m = self.metres_per_pixel
        return (
            self.origin_xz[0] + (np.arange(self.width) + 0.5) * m,
            self.origin_xz[1] + (np.arange(self.height) + 0.5) * m,
        )

    def to_world(self, xz: Float64) -> Float64:
        """Plane [x, z] (..., 2) to world points (..., 3)."""
        p = np.asarray(xz, dtype=np.float64)
        return transform_points(self.T_world_plane, np.stack([p[..., 0], np.zeros(p.shape[:-1]), p[..., 1]], axis=-1))

    def coarser(self, factor: int) -> SurfaceRaster:
        """The same corner with cells `factor` times as large, enough of them to cover everything."""
        w, h = -(-self.width // factor), -(-self.height // factor)
        return SurfaceRaster(self.T_world_plane, self.origin_xz, self.metres_per_pixel * factor, w, h)


@dataclass(frozen=True)
class SurfacePaint:
    """Paint for one surface of a scene, with what is needed to show it in frames under the room's own light."""

    id: str
    """Unique among the paints of a scene, e.g. "paint_0"."""
    planes: tuple[str, ...]
    """Ids of the scene's planes it covers; several where a floor was found in pieces."""
    raster: SurfaceRaster
    """Where `mask` and `color` lie."""
    mask: UInt8
    """(height, width) uint8: share of the cell that is painted, times 255."""
    color: UInt8 | None
    """(height, width, 3) uint8 sRGB albedo; None for portals."""
    shading: Float32
    """(h, w) float32 light on a white surface here over its median on the surface: shadows below 1, pools of light
    above. Equal parts of the raster's extent."""
    light: Float64
    """(3,) linear radiance of a white surface where `shading` is 1, in the mean exposure of the frames; of a portal's
    environment in any frame."""
    look: UInt8 | None = None
    """(h, w, 4) uint8: sRGB of the unpainted surface in the mean exposure, and how well that is known; equal parts of
    the raster's extent. Where depth is in doubt, what looks like the surface is the surface."""
    gains: Mapping[int, Float64] = field(default_factory=dict)
    """Frame index -> (3,) linear brightness of that frame over the mean exposure."""
    mode: str = "replace"
    """One of PAINT_MODES."""
    strength: float = 1.0
    """0..1, how much the paint covers; below 1 the old surface shows through."""
    relief: UInt8 | None = None
    """(height, width) uint8 height of the paint's grain, times 255 / `relief_m`."""
    relief_m: float = 0.0
    """Height of the highest grain above the surface, metres."""
    blades: bool = False
    """Blades of grass, `relief_m` high, stand on it: drawn one by one near the camera, in place of `relief`."""
    gloss: float = 0.0
    """0..1, share of the light that it mirrors where one looks straight at it: 0.02 for water; 0 = none."""
    environment: UInt8 | None = None
    """(N, N, 3) uint8 sRGB, portals only: the half space behind the surface, equal-area (Lambert azimuthal) around the
    direction straight through it; columns along the plane's x, rows along its z."""
    turn_deg_per_s: float = 0.0
    """Portals: how fast the environment turns about the straight direction."""
    twinkle: float = 0.0
    """Portals: share by which bright points flicker, 0..1."""
    prompt: str = ""
    """What was asked for."""
    painter: str = ""
    """Who painted it."""
    seed: int = 0
    """Seed it was painted with."""

    def __post_init__(self) -> None:
        set_, shape = object.__setattr__, self.raster.shape
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", self.id):
            raise ValueError(f"a paint's id names its files, so it holds letters, digits, _ and - alone: '{self.id}'")
        if self.mode not in PAINT_MODES:
            raise ValueError(f"{self.id}: mode '{self.mode}' is none of {', '.join(PAINT_MODES)}")
        if (self.mode == "portal") != (self.environment is not None) or (self.mode == "portal") == (
            self.color is not None
        ):
            raise ValueError(f"{self.id}: a portal has an environment and no colour, any other paint a colour alone")
        set_(self, "mask", owned_array(self.mask, shape, np.uint8, f"{self.id}.mask"))
        if self.color is not None:
            set_(self, "color", owned_array(self.color, (*shape, 3), np.uint8, f"{self.id}.color"))
        if self.relief is not None:
            set_(self, "relief", owned_array(self.relief, shape, np.uint8, f"{self.id}.relief"))
        if self.look is not None:
            set_(self, "look", owned_array(self.look, (None, None, 4), np.uint8, f"{self.id}.look"))
        if self.environment is not None:
            n = len(self.environment)
            set_(self, "environment", owned_array(self.environment, (n, n, 3), np.uint8, f"{self.id}.environment"))
        set_(self, "shading", owned_array(self.shading, (None, None), np.float32, f"{self.id}.shading"))
        set_(self, "light", frozen_array(self.light, (3,), np.float64, f"{self.id}.light"))
        gains = {int(i): frozen_array(g, (3,), np.float64, f"{self.id}.gains") for i, g in self.gains.items()}
        set_(self, "gains", MappingProxyType(dict(sorted(gains.items()))))

    def gain(self, frame: int) -> Float64:
        """(3,) brightness of a frame over the mean exposure; between frames that saw the surface, interpolated."""
        known = np.fromiter(self.gains, dtype=np.float64)
        if not len(known):
            return np.ones(3)
        values = np.array(list(self.gains.values()))
        return np.array([np.interp(frame, known, values[:, c]) for c in range(3)])


@dataclass(frozen=True)
class PaintRegion:
    """A part of a surface: a patch with a soft, uneven border."""

    radius_m: float | None = None
    """Of a round patch; None where `polygon` says it."""
    center_xz: tuple[float, float] | None = None
    """[x, z] of the round patch in the plane's frame, metres; None = where most of the surface lies open around it."""
    polygon: tuple[tuple[float, float], ...] | None = None
    """[x, z] corners in the plane's frame, metres."""
    soft_m: float = 0.15
    """Width of the border over which the paint thins out."""
    uneven: float = 0.5
    """0..1, how much the border wanders by its own width."""

    def __post_init__(self) -> None:
        if (self.radius_m is None) == (self.polygon is None):
            raise ValueError("a region has a radius or a polygon, and not both")
        if self.radius_m is not None and not 0.02 <= self.radius_m <= 100:
            raise ValueError(f"radius_m must lie between 0.02 and 100 metres, got {self.radius_m:g}")
        if self.polygon is not None and len(self.polygon) < 3:
            raise ValueError(f"a region's polygon has at least 3 corners, got {len(self.polygon)}")
        if not 0 <= self.soft_m <= 10 or not 0 <= self.uneven <= 1:
            raise ValueError(f"soft_m lies between 0 and 10, uneven between 0 and 1, got {self.soft_m}, {self.uneven}")


@dataclass(frozen=True)
class PaintJob:
    """What the author wants painted."""

    surface: str
    """A label ("floor": all floors) or the id of a plane; "ceiling|wall": the first of them that the scene has."""
    prompt: str = ""
    """What it should become, e.g. "lush meadow with small flowers"."""
    painter: str | None = None
    """Name of a painter; None = the caller's."""
    mode: str | None = None
    """One of PAINT_MODES; None = what fits: a portal for skies, inpaint with a region, reference with an image, else
    replace."""
    metres_per_pixel: float | None = None
    """Size of a texture's pixel; None = 4 mm, more on large surfaces."""
    region: PaintRegion | None = None
    """Part of the surface; None = all of it."""
    strength: float | None = None
    """0..1, how much it covers; None = 1, or 0.6 for the mode blend."""
    relief_m: float | None = None
    """Height of the grain above the surface, metres; None = what fits the prompt (grass stands up, boards do not)."""
    image: str | None = None
    """Picture to lay, in any mode; the prompt is then not read."""
    image_width_m: float = 1.0
    """Real width of what the picture shows."""
    turn_deg_per_s: float = 0.0
    """Portals: how fast the sky turns."""
    twinkle: float | None = None
    """Portals: share by which stars flicker, 0..1; None = what fits the prompt."""
    model: str | None = None
    """For the painter diffusers: folder of a checkpoint, or its name on the hub."""

    def __post_init__(self) -> None:
        def refuse(name: str, wanted: str) -> None:
            raise ValueError(f"paint on '{self.surface}': {name} must {wanted}, got {getattr(self, name)!r}")

        if self.mode is not None and self.mode not in PAINT_MODES:
            refuse("mode", f"be one of {', '.join(PAINT_MODES)}")
        if self.mode == "inpaint" and self.region is None:
            refuse("region", "be given for the mode inpaint")
        if (self.mode == "reference") and self.image is None:
            refuse("image", "be given for the mode reference")
        if not self.prompt.strip() and self.image is None:
            refuse("prompt", "say what the surface becomes")
        for name, low, high in (("metres_per_pixel", 0.0005, 0.1), ("strength", 0.0, 1.0), ("relief_m", 0.0, 0.3),
                                ("image_width_m", 0.001, 1000.0), ("turn_deg_per_s", -360.0, 360.0),
                                ("twinkle", 0.0, 1.0)):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                refuse(name, f"lie between {low:g} and {high:g}")
