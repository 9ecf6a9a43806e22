"""What effects share about the scene: computed when the first effect asks for it, then kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from sceneforge.core import Arrangement, Label, Mesh, Scene, UsageError
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8
from sceneforge.core.trails import BodyTrajectory, NavMesh
from sceneforge.core.transforms import inverse

from ..palette import tint

Metric = Literal["geodesic", "euclidean"]


@dataclass
class Stage:
    """The scene that effects draw, and what they derive from it."""

    scene: Scene
    """Planes, objects, relations, mesh and track."""
    arrangement: Arrangement = field(default_factory=lambda: Arrangement(()))
    """Placed content."""
    navmesh: NavMesh | None = None
    """Where one can walk, if placement has found out."""
    trajectories: tuple[BodyTrajectory, ...] = ()
    """How content moves."""
    _distances: dict[tuple[Any, ...], Float32] = field(default_factory=dict)

    @property
    def mesh(self) -> Mesh:
        """The scanned surface; without one an empty mesh."""
        return self.scene.mesh or Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))

    @cached_property
    def face_plane(self) -> Int32:
        """(M,) index of the plane each triangle belongs to, -1 = none: what two of its corners agree on."""
        mesh = self.mesh
        if mesh.instances is None:
            return np.full(len(mesh.faces), -1, dtype=np.int32)
        a, b, c = (mesh.instances[mesh.faces[:, k]] for k in range(3))
        most = np.where((b == c) & (a != b), b, a)
        return np.asarray(np.where(most <= len(self.scene.planes), most - 1, -1), dtype=np.int32)

    @cached_property
    def face_label(self) -> UInt8:
        """(M,) `Label.number` of each triangle."""
        mesh = self.mesh
        if mesh.labels is None:
            numbers = np.array([0, *(p.label.number for p in self.scene.planes)], dtype=np.uint8)
            return np.asarray(numbers[self.face_plane + 1])
        a, b, c = (mesh.labels[mesh.faces[:, k]] for k in range(3))
        return np.where((b == c) & (a != b), b, a)

    @cached_property
    def plane_tints(self) -> Float32:
        """(P + 1, 3) sRGB of every plane's label; the last row, index -1, is black."""
        return np.array([*(tint(p.label) for p in self.scene.planes), (0, 0, 0)], dtype=np.float32)

    @cached_property
    def label_tints(self) -> Float32:
        """(L, 3) sRGB by `Label.number`."""
        return np.array([tint(label) for label in Label], dtype=np.float32)

    @cached_property
    def outlines(self) -> tuple[Float64, Int32, Float64]:
        """World-to-plane (P, 4, 4), starts (P + 1,) and outlines (K, 2) of all planes, as `plane_at` reads them."""
        planes = self.scene.planes
        frames = np.array([inverse(p.T_world_plane) for p in planes]).reshape(-1, 4, 4)
        starts = np.cumsum([0, *(len(p.polygon) for p in planes)], dtype=np.int32)
        return frames, starts, np.concatenate([np.zeros((0, 2)), *(p.polygon for p in planes)])

    @cached_property
    def vertex_tree(self) -> Any:
        """SciPy k-d tree of the mesh's vertices."""
        from scipy.spatial import cKDTree

        return cKDTree(self.mesh.vertices)

    @cached_property
    def vertex_normals(self) -> Float32:
        """(N, 3) unit normals of the mesh's vertices."""
        return self.mesh.vertex_normals.astype(np.float32)

    @cached_property
    def floor_y(self) -> float:
        """Height of the largest floor, else of the lowest scanned surface, else 0."""
        floors = self.scene.planes_labelled(Label.FLOOR)
        if floors:
            return float(max(floors, key=lambda p: p.area_m2).origin[1])
        return float(np.percentile(self.mesh.vertices[:, 1], 1)) if len(self.mesh.vertices) else 0.0

    def distances(self, start: Float64, metric: Metric) -> Float32:
        """(N,) metres from a point to every vertex of the mesh, through the air or along the surface."""
        key = (*np.round(start, 4).tolist(), metric)
        if key not in self._distances:
            from ._geodesic import along_surface

            straight = np.linalg.norm(self.mesh.vertices - start, axis=1)
            self._distances[key] = np.asarray(
                straight if metric == "euclidean" else along_surface(self.mesh, start), dtype=np.float32
            )
        return self._distances[key]

    def point(self, name: str) -> Float64:
        """(3,) where something is: the id of a plane, an object or a placement, or "camera" for its first pose.

        Raises:
            UsageError: Nothing is called that.
        """
        for plane in self.scene.planes:
            if plane.id == name:
                return np.asarray(plane.to_world(plane.polygon.mean(axis=0)))
        for thing in self.scene.objects:
            if thing.id == name:
                return np.array(thing.box.T_world_box[:3, 3])
        for p in self.arrangement.placements:
            if p.request == name:
                return np.array(p.T_world_content[:3, 3])
        if name == "camera" and self.scene.track is not None and len(self.scene.track.indices):
            return np.array(self.scene.track.T_world_camera[0][:3, 3])
        known = [p.request for p in self.arrangement.placements]
        known += [plane.id for plane in self.scene.planes] + [thing.id for thing in self.scene.objects]
        raise UsageError(f"there is no plane, object or placement '{name}'; known are {', '.join(known)}")
