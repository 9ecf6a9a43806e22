"""A piece of furniture or fitting: parts with materials, and the exact flat surfaces that belong to its truth."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import plane_frame

from .shapes import Part


@dataclass(frozen=True)
class Surface:
    """One exactly flat surface of an item."""

    label: str
    """Canonical label, e.g. "table"."""
    normal: tuple[float, float, float]
    """Unit normal in the item's frame, into free space."""
    corners: Float64
    """(K, 3) float64 boundary in the item's frame, metres."""


@dataclass(frozen=True)
class Item:
    """An item in its own frame: base centre at the origin, +Y up, front towards +Z, metres."""

    name: str
    """Id, unique in a room once placed ("sofa", "chair_2")."""
    label: str
    """Canonical label of the object; "" for fittings that are no objects of their own (trim, frames)."""
    parts: tuple[Part, ...]
    surfaces: tuple[Surface, ...] = ()
    blocking: bool = True
    """False for rugs and things standing on other things: they may share floor area with others."""
    T_world_item: Float64 = field(default_factory=lambda: np.eye(4))
    on: str = "floor"
    """Id of what carries it: "floor", "ceiling", a wall's id or another item's name."""

    def placed(
        self, x: float, z: float, yaw_rad: float, *, y: float = 0.0, name: str | None = None, on: str | None = None
    ) -> Item:
        """The same item standing at (x, y, z), its front turned from +Z towards +X by `yaw_rad`."""
        from sceneforge.core.transforms import make_transform, yaw_rotation

        T = make_transform(yaw_rotation(yaw_rad), (x, y, z))
        return replace(self, T_world_item=T, name=name or self.name, on=on or self.on)

    @property
    def bounds(self) -> tuple[Float64, Float64]:
        """Lowest and highest corner (3,), (3,) in the item's frame."""
        points = np.concatenate([p.vertices for p in self.parts])
        return points.min(0), points.max(0)

    @property
    def footprint(self) -> Float64:
        """(4, 2) corners x, z in the world."""
        low, high = self.bounds
        corners = np.array([[low[0], 0, low[2]], [high[0], 0, low[2]], [high[0], 0, high[2]], [low[0], 0, high[2]]])
        return np.asarray((corners @ self.T_world_item[:3, :3].T + self.T_world_item[:3, 3])[:, [0, 2]])

    @property
    def T_world_box(self) -> Float64:
        """(4, 4) frame of the oriented bounding box: its centre, axes as the item's."""
        low, high = self.bounds
        T = self.T_world_item.copy()
        T[:3, 3] += T[:3, :3] @ ((low + high) / 2)
        return T

    @property
    def size(self) -> Float64:
        """(3,) extents of the box along the item's x, y, z."""
        low, high = self.bounds
        return high - low


def top(label: str, width: float, depth: float, height: float, *, x: float = 0.0, z: float = 0.0) -> Surface:
    """A level rectangle facing up at `height`, centred at (x, z)."""
    w, d = width / 2, depth / 2
    corners = np.array([[x - w, height, z - d], [x + w, height, z - d], [x + w, height, z + d], [x - w, height, z + d]])
    return Surface(label, (0.0, 1.0, 0.0), corners)


def disc(label: str, radius: float, height: float) -> Surface:
    """A level round surface facing up."""
    a = np.linspace(0, 2 * np.pi, 33)[:-1]
    return Surface(label, (0.0, 1.0, 0.0), np.stack([radius * np.cos(a), np.full(32, height), radius * np.sin(a)], 1))


def front(label: str, width: float, height: float, y: float, z: float) -> Surface:
    """An upright rectangle facing +Z, bottom edge at `y`."""
    w = width / 2
    return Surface(label, (0.0, 0.0, 1.0), np.array([[-w, y, z], [w, y, z], [w, y + height, z], [-w, y + height, z]]))


def world_plane(item: Item, surface: Surface) -> tuple[Float64, Float64]:
    """T_world_plane (4, 4) and polygon (K, 2) [x, z] of a surface, as core planes define them."""
    R, t = item.T_world_item[:3, :3], item.T_world_item[:3, 3]
    corners = surface.corners @ R.T + t
    T = plane_frame(R @ np.array(surface.normal), corners.mean(0))
    outline = np.asarray(((corners - T[:3, 3]) @ T[:3, :3])[:, [0, 2]])
    x, z = outline[:, 0], outline[:, 1]
    return T, outline if float(x @ np.roll(z, -1) - z @ np.roll(x, -1)) > 0 else outline[::-1]
