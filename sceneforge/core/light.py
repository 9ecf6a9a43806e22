"""What lights the captured room: lights that stand for lamps, windows and the rest, and all of it as one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Float32, Float64, frozen_array, owned_array

LIGHT_KINDS = ("ambient", "directional", "point", "area", "environment")
"""What `Light.kind` can be."""


@dataclass(frozen=True)
class Light:
    """A light that stands in for what lights the captured room."""

    id: str
    """Unique in the scene."""
    kind: str
    """"ambient" (the same from everywhere), "directional" (from far along `direction`), "point" (a small body at
    `position` that shines all around), "area" (a rectangle that shines from one side) or "environment" (all light that
    comes to `position`, the other lights included, as `harmonics`)."""
    color: Float64
    """(3,) linear RGB; 1 is the brightest value that the captured pictures hold at their usual exposure. Radiance of an
    area or point light's surface, mean radiance of an environment and of ambient light, irradiance / pi of a
    directional one."""
    confidence: float
    """0..1."""
    direction: Float64 | None = None
    """(3,) unit vector in the world: along which a directional light travels, or to which side an area shines."""
    position: Float64 | None = None
    """(3,) metres in the world: centre of a point or area light, or where an environment was looked at from."""
    size: Float64 | None = None
    """(2,) metres: width and height of an area light; a point light's diameter, twice."""
    width_axis: Float64 | None = None
    """(3,) unit vector in the world along an area light's width, at right angles to `direction`."""
    harmonics: Float64 | None = None
    """(9, 3) an environment's radiance in real spherical harmonics of orders 0 to 2, world axes: 1, y, z, x, xy, yz,
    3z2 - 1, xz, x2 - y2, each normalised (Ramamoorthi and Hanrahan 2001)."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "color", frozen_array(self.color, (3,), np.float64, f"{self.id}.color"))
        shapes = {"direction": (3,), "position": (3,), "size": (2,), "width_axis": (3,), "harmonics": (9, 3)}
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value is not None:
                set_(self, name, frozen_array(value, shape, np.float64, f"{self.id}.{name}"))

    @property
    def height_axis(self) -> Float64:
        """(3,) unit vector along an area light's height.

        Raises:
            ValueError: It is no area light.
        """
        if self.direction is None or self.width_axis is None:
            raise ValueError(f"light '{self.id}' of kind '{self.kind}' has no axes")
        return np.cross(self.direction, self.width_axis)


@dataclass(frozen=True)
class EnvironmentMap:
    """All light that comes to one point of the room, as a picture of every direction (latitude-longitude).

    Row 0 looks up (+Y), the last one down. Columns turn from +X through +Z: the middle of column j of W looks along the
    azimuth (j + 0.5) / W * 2 pi with x = cos, z = sin.
    """

    position: Float64
    """(3,) where it was gathered, metres in the world."""
    radiance: Float32
    """(H, W, 3) linear RGB in the units of `Light.color`; lamps and windows above 1 as far as they could be told."""
    observed: Float32
    """(H, W) 0..1: how well each direction was seen; 0 = filled in."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "position", frozen_array(self.position, (3,), np.float64, "environment.position"))
        set_(self, "radiance", owned_array(self.radiance, (None, None, 3), np.float32, "environment.radiance"))
        h, w = self.radiance.shape[:2]
        set_(self, "observed", owned_array(self.observed, (h, w), np.float32, "environment.observed"))

    @property
    def directions(self) -> Float32:
        """(H, W, 3) unit vectors that the pixels look along."""
        return sphere_directions(*self.radiance.shape[:2])


def sphere_directions(height: int, width: int) -> Float32:
    """(height, width, 3) unit vectors of a latitude-longitude picture, see `EnvironmentMap`."""
    theta = (np.arange(height) + 0.5) / height * np.pi
    phi = (np.arange(width) + 0.5) / width * 2 * np.pi
    y = np.broadcast_to(np.cos(theta)[:, None], (height, width))
    s = np.sin(theta)[:, None]
    return np.stack([s * np.cos(phi), y, s * np.sin(phi)], axis=-1).astype(np.float32)


def harmonics_basis(directions: Float32 | Float64) -> Float64:
    """(..., 9) real spherical harmonics of unit directions (..., 3), in the order of `Light.harmonics`."""
    x, y, z = (np.asarray(directions, dtype=np.float64)[..., k] for k in range(3))
    one = np.full(x.shape, 0.28209479177387814)
    a, b = 0.4886025119029199, 1.0925484305920792
    rows = [one, a * y, a * z, a * x, b * x * y, b * y * z]
    rows += [0.31539156525252005 * (3 * z * z - 1), b * x * z, 0.5462742152960396 * (x * x - y * y)]
    return np.stack(rows, axis=-1)
