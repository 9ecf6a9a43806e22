"""Quest room captures as IWER (Meta's WebXR emulator) stores them: planes, boxes and the room mesh in one JSON file."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.errors import ScanError
from sceneforge.core.scan import RoomCapture
from sceneforge.core.scene import SceneObject
from sceneforge.core.transforms import transform_points

from ._poses import pose_from_quaternion
from ._rooms import RawPlane, facing_inwards, joined_mesh, label_of, scene_object, z_up_box
from ._text import read_json


def sniff(path: Path) -> bool:
    """Whether a JSON file speaks of spatialEntities in its first kilobytes."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        return b'"spatialEntities"' in file.read(4096)


def read(path: Path) -> RoomCapture:
    """Planes (normals turned into the room), boxes and the global mesh; metres, Y up.

    Raises:
        ScanError: Not the expected structure, or an entity without a valid pose or with damaged mesh data.
    """
    entities = read_json(path).get("spatialEntities")
    if not isinstance(entities, list) or not entities:
        raise ScanError("holds no spatialEntities", path=path, expected="a list of planes, boxes and meshes")
    planes: list[RawPlane] = []
    objects: list[SceneObject] = []
    meshes: list[tuple[Float64, Any]] = []
    notes: list[str] = []
    for i, entity in enumerate(entities):
        try:
            label = label_of(str(entity.get("semanticLabel_META", "UNKNOWN")), "meta_mruk", notes)
            T = _pose(entity["locatable_META"])
            if "bounded2D_META" in entity:
                b = entity["bounded2D_META"]
                x, z, w, h = (float(b[k][v]) for k, v in _RECTANGLE)
                corners = np.array([[x, 0, z], [x + w, 0, z], [x + w, 0, z + h], [x, 0, z + h]])
                planes.append(RawPlane(f"plane_{len(planes)}", label, transform_points(T, corners), T[:3, 1]))
            elif "bounded3D_META" in entity:
                b = entity["bounded3D_META"]
                low = np.array([float(b["offset"][k]) for k in "xyz"])
                size = np.array([float(b["extent"][k]) for k in ("width", "height", "depth")])
                objects.append(scene_object(f"object_{len(objects)}", label, z_up_box(T, low, low + size)))
            elif "triangleMesh_META" in entity:
                meshes.append(_mesh(entity["triangleMesh_META"], T))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ScanError(
                f"entity {i} is unusable ({type(error).__name__}: {error})",
                path=path,
                expected="locatable_META with one of bounded2D_META, bounded3D_META, triangleMesh_META",
            ) from error
    return RoomCapture(
        path.stem,
        str(path),
        "iwer_room",
        joined_mesh(meshes),
        facing_inwards(planes),
        tuple(objects),
        np.array([0.0, 1.0, 0.0]),
        tuple(notes),
    )


_RECTANGLE = (("offset", "x"), ("offset", "y"), ("extent", "width"), ("extent", "height"))


def _pose(locatable: dict[str, dict[str, float]]) -> Float64:
    position, orientation = locatable["position"], locatable["orientation"]
    pose = pose_from_quaternion([position[k] for k in "xyz"], [orientation[k] for k in "xyzw"])
    if pose.T is None:
        raise ValueError(pose.problem)
    return pose.T


def _mesh(data: dict[str, Any], T: Float64) -> tuple[Float64, Any]:
    if "vertices" not in data or "indices" not in data:
        raise ValueError(f"mesh has {sorted(data)} instead of vertices and indices")
    vertices = _numbers(data["vertices"], "<f4").astype(np.float64).reshape(-1, 3)
    faces = _numbers(data["indices"], "<u4").astype(np.int64).reshape(-1, 3)
    if not np.isfinite(vertices).all() or (len(faces) and faces.max() >= len(vertices)):
        raise ValueError("mesh has NaN vertices or triangles without vertices")
    return transform_points(T, vertices), faces


def _numbers(value: Any, dtype: str) -> Any:
    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value, validate=True), dtype=dtype)
    return np.asarray(value, dtype=dtype).reshape(-1)
