"""A model: named parts, each a mesh of materials and surfaces set at a pose. Parts may share one mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .materials import Material
from .surface import Floats, Surface, merge, translate


@dataclass(frozen=True, eq=False)
class PartMesh:
    """What a part looks like: one surface per material, in order of first use."""

    name: str
    layers: tuple[tuple[Material, Surface], ...]


@dataclass(frozen=True)
class Part:
    """A mesh set in the model's frame."""

    name: str
    mesh: PartMesh
    T_model_part: Floats
    """(4, 4) rigid."""


@dataclass(frozen=True)
class Model:
    """A whole model, in metres, Y up, front towards +Z."""

    name: str
    parts: tuple[Part, ...]

    @classmethod
    def grounded(cls, name: str, parts: Sequence[Part]) -> Model:
        """The parts as a model whose lowest point is at y = 0 and whose footprint is centred on the origin.

        The footprint is what lies in the lowest tenth of the height: what a table would feel.
        """
        points = cls(name, tuple(parts)).positions()
        low, high = points.min(axis=0), points.max(axis=0)
        foot = points[points[:, 1] <= low[1] + 0.1 * (high[1] - low[1])]
        centre = (foot.min(axis=0) + foot.max(axis=0)) / 2
        shift = translate(-centre[0], -low[1], -centre[2])
        return cls(name, tuple(replace(part, T_model_part=shift @ part.T_model_part) for part in parts))

    @property
    def triangles(self) -> int:
        """Triangles drawn, shared meshes counted once per part."""
        return sum(len(surface.faces) for part in self.parts for _, surface in part.mesh.layers)

    def positions(self) -> Floats:
        """(N, 3) all vertices in the model's frame."""
        points = [
            surface.positions @ part.T_model_part[:3, :3].T + part.T_model_part[:3, 3]
            for part in self.parts
            for _, surface in part.mesh.layers
        ]
        return np.concatenate(points)


@dataclass
class Kit:
    """Collects surfaces by material while a part is being built."""

    _items: list[tuple[Material, list[Surface]]] = field(default_factory=list)

    def add(self, material: Material, *surfaces: Surface) -> None:
        """Add surfaces of one material."""
        for known, bucket in self._items:
            if known is material:
                bucket.extend(surfaces)
                return
        self._items.append((material, list(surfaces)))

    def add_pair(self, material: Material, *surfaces: Surface) -> None:
        """Add surfaces and their mirror images across x = 0."""
        for surface in surfaces:
            self.add(material, surface, surface.mirrored_x())

    def mesh(self, name: str) -> PartMesh:
        """Everything added, merged per material."""
        return PartMesh(name, tuple((material, merge(surfaces)) for material, surfaces in self._items))

    def part(self, name: str, T_model_part: Floats | None = None) -> Part:
        """The kit as one part of its own, at the model's origin unless posed."""
        return Part(name, self.mesh(name), np.eye(4) if T_model_part is None else T_model_part)
