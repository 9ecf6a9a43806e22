"""Meta MRUK room files (JSON): planes, boxes and the global mesh in Unity's left-handed frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.errors import ScanError
from sceneforge.core.labels import Label
from sceneforge.core.scan import RoomCapture
from sceneforge.core.scene import SceneObject

from ._rooms import RawPlane, facing_inwards, joined_mesh, label_of, scene_object, z_up_box
from ._text import read_json

MIRROR = np.diag([1.0, 1.0, -1.0])
"""Unity's left-handed world to a right-handed one: the Z axis turns round, as in OpenXR."""


def sniff(path: Path) -> bool:
    """Whether a JSON file has Rooms with Anchors in its first kilobytes."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(65536)
    return b'"Rooms"' in head and (b'"Anchors"' in head or b'"RoomLayout"' in head)


def read(path: Path) -> RoomCapture:
    """All rooms of the file in one world: metres, Y up, right-handed; normals into the room.

    Raises:
        ScanError: Another coordinate system than Unity's, no anchors, or a malformed anchor.
    """
    data = read_json(path)
    system = data.get("CoordinateSystem", "Unity")
    if system not in ("Unity", 0):
        raise ScanError(f"CoordinateSystem is {system!r}", path=path, expected="Unity", fix="export it from Unity")
    rooms = data.get("Rooms")
    if not isinstance(rooms, list) or not any(isinstance(r, dict) and r.get("Anchors") for r in rooms):
        raise ScanError("holds no anchors", path=path, expected="Rooms, each with a list of Anchors")
    planes: list[RawPlane] = []
    objects: list[SceneObject] = []
    meshes: list[tuple[Float64, Any]] = []
    notes: list[str] = [f"{len(rooms)} rooms in one file"] if len(rooms) > 1 else []
    for r, room in enumerate(rooms):
        for a, anchor in enumerate(room.get("Anchors") or []):
            try:
                _anchor(anchor, planes, objects, meshes, notes)
            except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
                raise ScanError(
                    f"anchor {a} of room {r} is unusable ({type(error).__name__}: {error})",
                    path=path,
                    expected="Transform with PlaneBounds, VolumeBounds or GlobalMesh",
                ) from error
        _check_layout(room, notes)
    return RoomCapture(
        path.stem,
        str(path),
        "mruk_room",
        joined_mesh(meshes),
        facing_inwards(planes),
        tuple(objects),
        np.array([0.0, 1.0, 0.0]),
        tuple(notes),
    )


def _anchor(
    anchor: dict[str, Any],
    planes: list[RawPlane],
    objects: list[SceneObject],
    meshes: list[tuple[Float64, Any]],
    notes: list[str],
) -> None:
    names = anchor.get("SemanticClassifications") or ["UNKNOWN"]
    if len(names) > 1:
        notes.append(f"{names} on one anchor: the first is kept")
    label = label_of(str(names[0]), "meta_mruk", notes)
    transform = anchor["Transform"]
    R = _unity_rotation(_vector(transform["Rotation"], 3))
    R = R * _vector(transform.get("Scale", [1, 1, 1]), 3)
    t = _vector(transform["Translation"], 3)
    if anchor.get("PlaneBounds") or anchor.get("PlaneBoundary2D"):
        outline = anchor.get("PlaneBoundary2D") or _rectangle(anchor["PlaneBounds"])
        xy = np.array([_vector(p, 2) for p in outline])
        if len(xy) > 1 and np.allclose(xy[0], xy[-1]):
            xy = xy[:-1]
        corners = (np.column_stack([xy, np.zeros(len(xy))]) @ R.T + t) @ MIRROR
        planes.append(RawPlane(f"plane_{len(planes)}", label, corners, MIRROR @ R[:, 2]))
    if anchor.get("VolumeBounds"):
        low, high = (_vector(anchor["VolumeBounds"][k], 3) for k in ("Min", "Max"))
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = MIRROR @ R, MIRROR @ t
        objects.append(scene_object(f"object_{len(objects)}", label, z_up_box(T, low, high)))
    mesh = anchor.get("GlobalMesh")
    if mesh:
        vertices = np.array([_vector(p, 3) for p in mesh["Positions"]]).reshape(-1, 3)
        faces = np.asarray(mesh["Indices"], dtype=np.int64).reshape(-1, 3)
        if len(faces) and not 0 <= faces.min() <= faces.max() < len(vertices):
            raise ValueError("global mesh has triangles without vertices")
        # Unity's front faces are clockwise in a left-handed frame; the mirror makes them counter-clockwise
        meshes.append(((vertices @ R.T + t) @ MIRROR, faces))


def _vector(value: Any, length: int) -> Float64:
    """A vector written as [x, y, z] or {"x": ..., "y": ..., "z": ...}."""
    numbers = [value[k] for k in "xyz"[:length]] if isinstance(value, dict) else value
    out = np.array(numbers, dtype=np.float64)
    if out.shape != (length,) or not np.isfinite(out).all():
        raise ValueError(f"expected {length} finite numbers, got {value}")
    return out


def _rectangle(bounds: dict[str, Any]) -> list[Any]:
    (x0, y0), (x1, y1) = _vector(bounds["Min"], 2), _vector(bounds["Max"], 2)
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


def _unity_rotation(euler_deg: Float64) -> Float64:
    """Unity's Euler angles: about Z, then X, then Y (the matrices look the same in a left-handed frame)."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(euler_deg)), np.sin(np.radians(euler_deg))
    X = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    Y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    Z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(Y @ X @ Z)


def _check_layout(room: dict[str, Any], notes: list[str]) -> None:
    """Note layout entries that name anchors the room lacks; WallsUuid is also spelt WallsUUid in the wild."""
    layout = room.get("RoomLayout") or {}
    there = {a.get("UUID") for a in room.get("Anchors") or [] if isinstance(a, dict)}
    walls = layout.get("WallsUuid") or layout.get("WallsUUid") or []
    wanted = [layout.get("FloorUuid"), layout.get("CeilingUuid"), *walls]
    lost = [u for u in wanted if u and u not in there]
    if lost:
        notes.append(f"the room layout names {len(lost)} anchors that are not in the file")
    if not any(label_of(str(n), "meta_mruk", []) is Label.FLOOR for n in _names(room)):
        notes.append("the room has no floor anchor")


def _names(room: dict[str, Any]) -> list[str]:
    return [n for a in room.get("Anchors") or [] for n in a.get("SemanticClassifications") or []]
