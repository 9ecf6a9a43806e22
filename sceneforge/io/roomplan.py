"""Apple RoomPlan's CapturedRoom JSON: walls, openings, floors and furniture boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.errors import ScanError
from sceneforge.core.scan import RoomCapture
from sceneforge.core.scene import OrientedBox, SceneObject
from sceneforge.core.transforms import transform_points

from ._poses import pose_from_matrix
from ._rooms import RawPlane, facing_inwards, label_of, scene_object
from ._text import read_json

SURFACES = ("floors", "walls", "doors", "windows", "openings")
CONFIDENCE = {"high": 0.95, "medium": 0.75, "low": 0.5}
"""Our reading of Apple's three levels; its documentation gives no numbers."""


def sniff(path: Path) -> bool:
    """Whether a JSON file has walls, objects and openings at its top level: names and braces only are looked at."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(65536)
        file.seek(max(0, path.stat().st_size - 65536))
        tail = file.read()
    seen = [k for k in (b'"walls"', b'"objects"', b'"openings"', b'"doors"', b'"windows"') if k in head or k in tail]
    return len(seen) >= 3 and (b'"dimensions"' in head or b'"dimensions"' in tail)


def read(path: Path) -> RoomCapture:
    """Planes (normals into the room) and boxes; metres, Y up. Apple's parametric result, not measured surface.

    Raises:
        ScanError: No surfaces and no objects, or a malformed entry.
    """
    data = read_json(path)
    planes: list[RawPlane] = []
    objects: list[SceneObject] = []
    notes = ["Apple's parametric model: no mesh"]
    for kind in (*SURFACES, "objects"):
        entries = data.get(kind) or []
        if not isinstance(entries, list):
            raise ScanError(f"{kind} is a {type(entries).__name__}", path=path, expected="a list")
        for i, entry in enumerate(entries):
            try:
                T = _transform(entry["transform"])
                size = np.array(entry["dimensions"], dtype=np.float64)
                if size.shape != (3,) or not np.isfinite(size).all() or (size < 0).any():
                    raise ValueError(f"dimensions are {entry['dimensions']}")
                confidence = CONFIDENCE.get(_choice(entry.get("confidence")), 0.5)
                label = label_of(_choice(entry.get("category")) or kind.removesuffix("s"), "roomplan", notes)
                if kind == "objects":
                    box = OrientedBox(T, size)
                    objects.append(scene_object(f"object_{len(objects)}", label, box, confidence))
                else:
                    corners = transform_points(T, _outline(entry, size))
                    planes.append(RawPlane(f"plane_{len(planes)}", label, corners, T[:3, 2], confidence))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise ScanError(
                    f"{kind}[{i}] is unusable ({type(error).__name__}: {error})",
                    path=path,
                    expected="transform (16 numbers, column by column), dimensions and category",
                ) from error
    if not planes and not objects:
        raise ScanError("holds neither surfaces nor objects", path=path, expected="a CapturedRoom with walls")
    if any(e.get("curve") for e in data.get("walls") or []):
        notes.append("curved walls are kept as their flat chord")
    up = np.array([0.0, 1.0, 0.0])
    return RoomCapture(path.stem, str(path), "roomplan", None, facing_inwards(planes), tuple(objects), up, tuple(notes))


def _transform(values: Any) -> Float64:
    flat = np.array(values, dtype=np.float64).reshape(-1)
    if flat.size != 16:
        raise ValueError(f"transform has {flat.size} numbers")
    pose = pose_from_matrix(flat.reshape(4, 4).T)
    if pose.T is None:
        raise ValueError(pose.problem)
    return pose.T


def _choice(value: Any) -> str:
    """Swift writes an enum case as {"wall": {}}; doors carry a value, {"door": {"isOpen": true}}."""
    if isinstance(value, dict) and value:
        return str(next(iter(value)))
    return value if isinstance(value, str) else ""


def _outline(entry: dict[str, Any], size: Float64) -> Float64:
    corners = entry.get("polygonCorners") or []
    if len(corners) >= 3:
        return np.array(corners, dtype=np.float64).reshape(-1, 3)
    x, y = size[0] / 2, size[1] / 2
    return np.array([[-x, -y, 0], [x, -y, 0], [x, y, 0], [-x, y, 0]])
