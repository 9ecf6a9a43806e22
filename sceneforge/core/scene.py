"""The understood scene: planes, objects, rooms, relations and light, in one gravity-aligned world (metres, +Y up)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np

from .arrays import Float64, frozen_array, rigid_transform
from .labels import Label
from .light import EnvironmentMap, Light
from .mesh import Mesh
from .paint import SurfacePaint
from .transforms import transform_points

Source = Literal["geometry", "device", "both"]
SOURCES: tuple[Source, ...] = ("geometry", "device", "both")


def _check_source(identity: str, source: str) -> None:
    if source not in SOURCES:
        raise ValueError(f"{identity}.source: expected one of {', '.join(SOURCES)}, got '{source}'")


def _frozen_mapping(value: Mapping[str, float]) -> Mapping[str, float]:
    return MappingProxyType({str(k): float(v) for k, v in value.items()})


@dataclass(frozen=True)
class Plane:
    """A bounded flat surface. Local frame: +Y is the normal and points into free space; outlines are [x, z]."""

    id: str
    """Unique in the scene, e.g. "plane_3"."""
    label: Label
    """Most likely meaning."""
    confidence: float
    """0..1, of the label given that the surface exists."""
    T_world_plane: Float64
    """(4, 4) plane-to-world."""
    polygon: Float64
    """(K, 2) outline [x, z] in metres, local frame; shoelace area in (x, z) positive (negative for holes)."""
    holes: tuple[Float64, ...] = ()
    """Each (K, 2) [x, z]: places inside the outline that are not this surface."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Label value -> probability."""
    area_m2: float = 0.0
    """Area of the outline less its holes."""
    observed_fraction: float = 1.0
    """Share of that area that was really seen; the rest is filled in."""
    edge_observed: tuple[bool, ...] = ()
    """For each edge of the outline, from point k to k + 1: True where the surface was seen to end there, False where
    the edge is only where the scan or the filling ends. Empty = unknown."""
    covariance: Float64 | None = None
    """(3, 3) of [offset along the normal in m, tilt about local x in rad, tilt about local z in rad] at the origin;
    None = unknown."""
    source: Source = "geometry"
    """Who says that it is there: what was scanned, the headset that set the room up, or both."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "T_world_plane", rigid_transform(self.T_world_plane, f"{self.id}.T_world_plane"))
        set_(self, "polygon", frozen_array(self.polygon, (None, 2), np.float64, f"{self.id}.polygon"))
        if len(self.polygon) < 3:
            raise ValueError(f"{self.id}.polygon: expected at least 3 points, got {len(self.polygon)}")
        set_(self, "holes", tuple(frozen_array(h, (None, 2), np.float64, f"{self.id}.holes") for h in self.holes))
        set_(self, "scores", _frozen_mapping(self.scores))
        set_(self, "edge_observed", tuple(bool(e) for e in self.edge_observed))
        if len(self.edge_observed) not in (0, len(self.polygon)):
            expected = f"one per edge ({len(self.polygon)}) or none"
            raise ValueError(f"{self.id}.edge_observed: expected {expected}, got {len(self.edge_observed)}")
        if self.covariance is not None:
            set_(self, "covariance", frozen_array(self.covariance, (3, 3), np.float64, f"{self.id}.covariance"))
        _check_source(self.id, self.source)

    @property
    def normal(self) -> Float64:
        """(3,) unit normal in the world."""
        return self.T_world_plane[:3, 1]

    @property
    def origin(self) -> Float64:
        """(3,) origin of the local frame in the world."""
        return self.T_world_plane[:3, 3]

    def sigma_at(self, points_xz: Float64) -> Float64 | None:
        """Standard deviation (...,) in metres along the normal at local [x, z] (..., 2); None where unknown."""
        if self.covariance is None:
            return None
        p = np.asarray(points_xz, dtype=np.float64)
        J = np.stack([np.ones(p.shape[:-1]), -p[..., 1], p[..., 0]], axis=-1)
        return np.asarray(np.sqrt(np.maximum(np.einsum("...i,ij,...j->...", J, self.covariance, J), 0)))

    def to_world(self, points_xz: Float64) -> Float64:
        """Local [x, z] (..., 2) to world points (..., 3)."""
        p = np.asarray(points_xz, dtype=np.float64)
        return transform_points(self.T_world_plane, np.stack([p[..., 0], np.zeros(p.shape[:-1]), p[..., 1]], axis=-1))

    def to_local(self, points: Float64) -> Float64:
        """World points (..., 3) to the local frame (..., 3): [x, height above the plane, z]."""
        p = np.asarray(points, dtype=np.float64) - self.origin
        return np.asarray(p @ self.T_world_plane[:3, :3])


@dataclass(frozen=True)
class OrientedBox:
    """A box with its own axes: +Y up, +Z its front."""

    T_world_box: Float64
    """(4, 4) box-to-world; the origin is the box's centre."""
    size: Float64
    """(3,) full extents along the local x, y, z in metres."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "T_world_box", rigid_transform(self.T_world_box, "T_world_box"))
        object.__setattr__(self, "size", frozen_array(self.size, (3,), np.float64, "size"))
        if not (self.size >= 0).all():
            raise ValueError(f"size: expected non-negative extents, got {self.size.tolist()}")

    @property
    def corners(self) -> Float64:
        """(8, 3) corners in the world."""
        signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
        return transform_points(self.T_world_box, signs * self.size / 2)


@dataclass(frozen=True)
class SceneObject:
    """A thing in the room."""

    id: str
    """Unique in the scene, e.g. "object_2"."""
    label: Label
    """Most likely class."""
    confidence: float
    """0..1."""
    box: OrientedBox
    """Where it is."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Label value -> probability."""
    source: Source = "geometry"
    """Who says that it is there, as for planes."""
    evidence: Mapping[str, float] = field(default_factory=dict)
    """Measures that the label was decided on, the unit in the name: {"seat_m": 0.43, "back": 0.9}; heights are over the
    floor, what has no unit is a share or 0/1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", _frozen_mapping(self.scores))
        object.__setattr__(self, "evidence", _frozen_mapping(self.evidence))
        _check_source(self.id, self.source)


@dataclass(frozen=True)
class Room:
    """One room: its floor outline and what bounds it."""

    id: str
    """Unique in the scene, e.g. "room_0"."""
    kind: str
    """"room" until something tells more ("kitchen", "office")."""
    confidence: float
    """0..1."""
    floor: str | None
    """Id of the floor plane."""
    ceiling: str | None
    """Id of the ceiling plane, None when unseen."""
    walls: tuple[str, ...]
    """Ids of the wall planes."""
    polygon: Float64
    """(K, 2) floor outline in world [x, z], metres."""
    height_m: float | None
    """Floor to ceiling, None when no ceiling was seen."""
    openings: tuple[str, ...] = ()
    """Ids of door, window and opening planes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "polygon", frozen_array(self.polygon, (None, 2), np.float64, f"{self.id}.polygon"))


@dataclass(frozen=True)
class Relation:
    """subject - predicate - object, with the measurements that led to it."""

    subject: str
    """Id of a plane or object."""
    predicate: str
    """"on", "above" or "next_to"."""
    object: str
    """Id of a plane or object."""
    confidence: float
    """0..1."""
    evidence: Mapping[str, float] = field(default_factory=dict)
    """Named measurements, the unit in the name: {"gap_m": 0.004}."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "evidence", _frozen_mapping(self.evidence))


@dataclass(frozen=True)
class SceneGraph:
    """Relations between the scene's planes and objects."""

    relations: tuple[Relation, ...] = ()
    """Sorted by subject, predicate, object."""


@dataclass(frozen=True)
class CameraTrack:
    """Where the camera was, frame by frame."""

    indices: tuple[int, ...]
    """Scan frame index of each pose, ascending."""
    timestamps_s: Float64
    """(N,) seconds."""
    T_world_camera: Float64
    """(N, 4, 4) camera-to-world in the scene's world, OpenCV axes."""
    confidence: Float64
    """(N,) 0..1; 1 for poses given by the capture."""

    def __post_init__(self) -> None:
        n = len(self.indices)
        set_ = object.__setattr__
        set_(self, "timestamps_s", frozen_array(self.timestamps_s, (n,), np.float64, "timestamps_s"))
        set_(self, "T_world_camera", frozen_array(self.T_world_camera, (n, 4, 4), np.float64, "T_world_camera"))
        set_(self, "confidence", frozen_array(self.confidence, (n,), np.float64, "confidence"))


@dataclass(frozen=True)
class Scene:
    """What was understood of a capture. Planes, objects and rooms refer to each other by id."""

    planes: tuple[Plane, ...] = ()
    """Largest first within a label, floors before all."""
    objects: tuple[SceneObject, ...] = ()
    """Things with a box."""
    rooms: tuple[Room, ...] = ()
    """Rooms."""
    graph: SceneGraph = field(default_factory=SceneGraph)
    """Relations."""
    lights: tuple[Light, ...] = ()
    """Light."""
    T_scene_source: Float64 = field(default_factory=lambda: np.eye(4))
    """(4, 4) takes the capture's own world to this scene's."""
    source: Mapping[str, str] = field(default_factory=dict)
    """Facts on the capture: name, format, how gravity was found."""
    mesh: Mesh | None = None
    """The reconstructed surface, labelled; not part of scene.json."""
    track: CameraTrack | None = None
    """The camera's path; not part of scene.json."""
    environment: EnvironmentMap | None = None
    """All light as seen from one point; not part of scene.json."""
    paints: tuple[SurfacePaint, ...] = ()
    """Painted surfaces, first to last; not part of scene.json."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "T_scene_source", rigid_transform(self.T_scene_source, "T_scene_source"))
        set_(self, "source", MappingProxyType({str(k): str(v) for k, v in self.source.items()}))
        ids = [x.id for xs in (self.planes, self.objects, self.rooms, self.lights) for x in xs]
        if len(set(ids)) != len(ids):
            raise ValueError(f"ids must be unique, repeated: {sorted({i for i in ids if ids.count(i) > 1})}")

    def plane(self, plane_id: str) -> Plane:
        """The plane with this id.

        Raises:
            KeyError: There is none.
        """
        for p in self.planes:
            if p.id == plane_id:
                return p
        raise KeyError(f"no plane '{plane_id}'; the scene has {[p.id for p in self.planes]}")

    def planes_labelled(self, *labels: Label) -> tuple[Plane, ...]:
        """Planes with any of these labels, in scene order."""
        return tuple(p for p in self.planes if p.label in labels)
