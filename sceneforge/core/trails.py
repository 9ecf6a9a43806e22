"""What moves in a room and where one can walk: answers of placement that pictures and files read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Float32, Float64, Int32, frozen_array, owned_array
from .transforms import make_transform, quaternion_from_rotation, rotation_from_quaternion


@dataclass(frozen=True)
class NavMesh:
    """Where an agent can walk, as triangles in the scene's world."""

    vertices: Float32
    """(N, 3) float32 metres, world."""
    faces: Int32
    """(M, 3) int32 vertex indices, counter-clockwise seen from above."""
    agent_radius_m: float = 0.2
    """Distance that was kept to obstacles."""
    islands: Int32 | None = None
    """(M,) int32 connected part of every triangle, 0 = the largest; None = one part."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "vertices", owned_array(self.vertices, (None, 3), np.float32, "vertices"))
        set_(self, "faces", owned_array(self.faces, (None, 3), np.int32, "faces"))
        if len(self.faces) and (self.faces.min() < 0 or self.faces.max() >= len(self.vertices)):
            raise ValueError(f"faces refer to vertex {int(self.faces.max())}, the mesh has {len(self.vertices)}")
        if self.islands is not None:
            set_(self, "islands", owned_array(self.islands, (len(self.faces),), np.int32, "islands"))


@dataclass(frozen=True)
class BodyTrajectory:
    """How one piece of placed content moves: physics that settle it, or an agent that walks."""

    body: str
    """Request id of the placement that moves."""
    times_s: Float64
    """(N,) seconds from the start, ascending."""
    T_world_content: Float64
    """(N, 4, 4) rigid content-to-world at those times, as in `Placement`."""

    def __post_init__(self) -> None:
        n, set_ = len(self.times_s), object.__setattr__
        set_(self, "times_s", frozen_array(self.times_s, (n,), np.float64, f"{self.body}.times_s"))
        set_(self, "T_world_content", frozen_array(self.T_world_content, (n, 4, 4), np.float64, f"{self.body}.T"))
        if n < 1 or not (np.diff(self.times_s) > 0).all():
            raise ValueError(f"{self.body}.times_s: expected at least one time, ascending, got {self.times_s.tolist()}")

    @property
    def path(self) -> Float64:
        """(N, 3) origin of the content in the world."""
        return self.T_world_content[:, :3, 3]

    def at(self, time_s: float) -> Float64:
        """(4, 4) content-to-world at a time; it stands still before the first and after the last.

        Positions are interpolated on straight lines, rotations along great circles (Shoemake 1985).
        """
        times = self.times_s
        if time_s <= times[0] or len(times) == 1:
            return np.asarray(self.T_world_content[0])
        if time_s >= times[-1]:
            return np.asarray(self.T_world_content[-1])
        k = int(np.searchsorted(times, time_s, side="right")) - 1
        return interpolated(
            self.T_world_content[k], self.T_world_content[k + 1], (time_s - times[k]) / (times[k + 1] - times[k])
        )


def interpolated(T_a: Float64, T_b: Float64, share: float) -> Float64:
    """The rigid transform (4, 4) on the way from `T_a` (share 0) to `T_b` (share 1)."""
    a, b = quaternion_from_rotation(T_a[:3, :3]), quaternion_from_rotation(T_b[:3, :3])
    c = float(a @ b)
    if c < 0:
        b, c = -b, -c
    angle = np.arccos(min(c, 1.0))
    if angle < 1e-6:
        q = a + share * (b - a)
    else:
        q = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
    t = T_a[:3, 3] + share * (T_b[:3, 3] - T_a[:3, 3])
    return make_transform(rotation_from_quaternion(q), t)
