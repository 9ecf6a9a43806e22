"""Room files of headsets and phones: planes face into the room, boxes stand upright, frames are right-handed."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sceneforge.core import Label, RoomCapture, ScanError
from sceneforge.core.transforms import quaternion_from_rotation, transform_points
from sceneforge.io import load
from sceneforge.io._discover import recognised

SIZE = np.array([4.0, 2.5, 3.0])
"""The room spans 0..SIZE, Y up; a 1.2 x 0.7 m table with its top at 0.75 m stands in it, its front to +X."""
TABLE_LOW, TABLE_HIGH = np.array([1.0, 0.0, 1.0]), np.array([1.7, 0.75, 2.2])


def _faces() -> list[tuple[str, NDArray[np.float64], NDArray[np.float64], float, float]]:
    """(label, centre, normal into the room, width, height) of floor, ceiling and four walls."""
    x, y, z = SIZE
    return [
        ("FLOOR", np.array([x / 2, 0, z / 2]), np.array([0.0, 1, 0]), x, z),
        ("CEILING", np.array([x / 2, y, z / 2]), np.array([0.0, -1, 0]), x, z),
        ("WALL_FACE", np.array([0, y / 2, z / 2]), np.array([1.0, 0, 0]), z, y),
        ("WALL_FACE", np.array([x, y / 2, z / 2]), np.array([-1.0, 0, 0]), z, y),
        ("WALL_FACE", np.array([x / 2, y / 2, 0]), np.array([0.0, 0, 1]), x, y),
        ("WALL_FACE", np.array([x / 2, y / 2, z]), np.array([0.0, 0, -1]), x, y),
    ]


def _right(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([1.0, 0, 0]) if abs(normal[1]) > 0.5 else np.cross([0.0, 1, 0], normal)


MESH_VERTICES = np.array([[0, 0, 0], [4, 0, 0], [4, 0, 3], [0, 0, 3.0]])
MESH_FACES = np.array([[0, 2, 1], [0, 3, 2]])
"""The floor, seen from above."""


def iwer(path: Path, *, outwards: bool) -> Path:
    """IWER's file; `outwards` as Quest reports normals (out of the room) or the other way round."""
    sign = -1.0 if outwards else 1.0
    entities: list[dict[str, Any]] = []
    for label, centre, normal, w, h in _faces():
        y, x = sign * normal, _right(normal)
        R = np.column_stack([x, y, np.cross(x, y)])
        entities.append(_entity(label, R, centre, bounded2D_META=_bounds(x=-w / 2, y=-h / 2, width=w, height=h)))
    # a volume: local z up, local -y the front
    R = np.column_stack([np.cross([-1.0, 0, 0], [0.0, 1, 0]), [-1.0, 0, 0], [0.0, 1, 0]])
    top = np.array([(TABLE_LOW + TABLE_HIGH)[0] / 2, TABLE_HIGH[1], (TABLE_LOW + TABLE_HIGH)[2] / 2])
    box = {
        "offset": {"x": -0.6, "y": -0.35, "z": -0.75},
        "extent": {"width": 1.2, "height": 0.7, "depth": 0.75},
    }
    entities.append(_entity("TABLE", R, top, bounded3D_META=box))
    shift = np.array([1.0, 2.0, 3.0])
    mesh = {
        "vertices": base64.b64encode((MESH_VERTICES - shift).astype("<f4").tobytes()).decode(),
        "indices": base64.b64encode(MESH_FACES.astype("<u4").tobytes()).decode(),
    }
    entities.append(_entity("GLOBAL_MESH", np.eye(3), shift, triangleMesh_META=mesh))
    path.write_text(json.dumps({"type": "scene", "version": 1, "spatialEntities": entities}))
    return path


def _bounds(**v: float) -> dict[str, dict[str, float]]:
    return {
        "offset": {"x": v["x"], "y": v["y"]},
        "extent": {"width": v["width"], "height": v["height"]},
    }


def _entity(label: str, R: NDArray[np.float64], t: NDArray[np.float64], **shape: Any) -> dict[str, Any]:
    q = quaternion_from_rotation(R)
    locatable = {
        "orientation": dict(zip("xyzw", q.tolist(), strict=True)),
        "position": dict(zip("xyz", t.tolist(), strict=True)),
    }
    return {"uuid": label, "semanticLabel_META": label, "locatable_META": locatable, **shape}


def _unity_euler(R: NDArray[np.float64]) -> list[float]:
    """Degrees x, y, z with R = Ry Rx Rz."""
    x = np.arcsin(np.clip(-R[1, 2], -1, 1))
    if abs(R[1, 2]) > 1 - 1e-9:
        y, z = np.arctan2(-R[2, 0], R[0, 0]), 0.0
    else:
        y, z = np.arctan2(R[0, 2], R[2, 2]), np.arctan2(R[1, 0], R[1, 1])
    return [float(v) for v in np.degrees([x, y, z])]


def mruk(path: Path, *, walls_key: str) -> Path:
    """MRUK's file: the same room mirrored in Z into Unity's left-handed frame, plane normals along local +Z."""
    M = np.diag([1.0, 1.0, -1.0])
    anchors: list[dict[str, Any]] = []
    for i, (label, centre, normal, w, h) in enumerate(_faces()):
        z = M @ normal
        y = np.array([0.0, 1, 0]) if abs(normal[1]) < 0.5 else np.array([0.0, 0, 1])
        R = np.column_stack([np.cross(y, z), y, z])  # a proper rotation in Unity's frame too
        assert np.allclose(R @ R.T, np.eye(3)) and np.linalg.det(R) > 0
        anchors.append(
            {
                "UUID": f"anchor{i}",
                "SemanticClassifications": [label],
                "Transform": {"Translation": (M @ centre).tolist(), "Rotation": _unity_euler(R), "Scale": [1, 1, 1]},
                "PlaneBounds": {"Min": [-w / 2, -h / 2], "Max": [w / 2, h / 2]},
                "PlaneBoundary2D": [[-w / 2, -h / 2], [w / 2, -h / 2], [w / 2, h / 2], [-w / 2, h / 2]],
            }
        )
    up, front = np.array([0.0, 1, 0]), M @ np.array([1.0, 0, 0])
    R = np.column_stack([np.cross(-front, up), -front, up])
    top = np.array([(TABLE_LOW + TABLE_HIGH)[0] / 2, TABLE_HIGH[1], (TABLE_LOW + TABLE_HIGH)[2] / 2])
    euler = _unity_euler(R)
    translation = M @ top
    anchors.append(
        {
            "UUID": "table",
            "SemanticClassifications": ["TABLE"],
            "Transform": {
                "Translation": dict(zip("xyz", translation.tolist(), strict=True)),
                "Rotation": dict(zip("xyz", euler, strict=True)),
                "Scale": {"x": 1, "y": 1, "z": 1},
            },
            "VolumeBounds": {"Min": [-0.6, -0.35, -0.75], "Max": [0.6, 0.35, 0.0]},
        }
    )
    anchors.append(
        {
            "UUID": "mesh",
            "SemanticClassifications": ["GLOBAL_MESH"],
            "Transform": {"Translation": [0, 0, 0], "Rotation": [0, 0, 0], "Scale": [1, 1, 1]},
            "GlobalMesh": {"Positions": (MESH_VERTICES @ M).tolist(), "Indices": MESH_FACES.reshape(-1).tolist()},
        }
    )
    layout = {"FloorUuid": "anchor0", "CeilingUuid": "anchor1", walls_key: [f"anchor{i}" for i in range(2, 6)]}
    room = {"UUID": "room", "RoomLayout": layout, "Anchors": anchors}
    path.write_text(json.dumps({"CoordinateSystem": "Unity", "Rooms": [room]}))
    return path


def _check_room(room: RoomCapture) -> None:
    assert room.up is not None and room.up.tolist() == [0, 1, 0]
    assert len(room.planes) == 6
    for plane, (_, centre, normal, w, h) in zip(room.planes, _faces(), strict=True):
        np.testing.assert_allclose(plane.normal, normal, atol=1e-6)
        np.testing.assert_allclose(plane.to_local(centre)[1], 0, atol=1e-6)
        x, z = plane.polygon[:, 0], plane.polygon[:, 1]
        assert np.sum(x * np.roll(z, -1) - np.roll(x, -1) * z) > 0, "outline runs the agreed way round"
        assert plane.area_m2 == pytest.approx(w * h, abs=1e-6)
        corners = plane.to_world(plane.polygon)
        assert (corners > -1e-6).all() and (corners < SIZE + 1e-6).all()
        assert np.ptp(corners, axis=0).max() == pytest.approx(max(w, h), abs=1e-6)
    (table,) = room.objects
    assert table.label is Label.TABLE
    corners = table.box.corners
    np.testing.assert_allclose(corners.min(axis=0), TABLE_LOW, atol=1e-6)
    np.testing.assert_allclose(corners.max(axis=0), TABLE_HIGH, atol=1e-6)
    np.testing.assert_allclose(table.box.T_world_box[:3, 1], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(table.box.T_world_box[:3, 2], [1, 0, 0], atol=1e-6)
    assert room.mesh is not None
    np.testing.assert_allclose(room.mesh.vertices, MESH_VERTICES, atol=1e-6)
    assert (room.mesh.face_normals[:, 1] > 0.99).all(), "triangles face into the room"


@pytest.mark.parametrize("outwards", [True, False])
def test_iwer_room(tmp_path: Path, outwards: bool) -> None:
    path = iwer(tmp_path / "room.json", outwards=outwards)
    assert recognised(path) == ["iwer_room"]
    room = load(path)
    assert isinstance(room, RoomCapture)
    _check_room(room)


@pytest.mark.parametrize("walls_key", ["WallsUuid", "WallsUUid"])
def test_mruk_room(tmp_path: Path, walls_key: str) -> None:
    path = mruk(tmp_path / "room.json", walls_key=walls_key)
    assert recognised(path) == ["mruk_room"]
    room = load(path)
    assert isinstance(room, RoomCapture)
    _check_room(room)
    assert room.notes == ()


def test_mruk_layout_with_lost_anchors(tmp_path: Path) -> None:
    path = mruk(tmp_path / "room.json", walls_key="WallsUuid")
    data = json.loads(path.read_text())
    del data["Rooms"][0]["Anchors"][2]
    path.write_text(json.dumps(data))
    room = load(path)
    assert any("names 1 anchors that are not in the file" in n for n in room.notes)


def test_mruk_from_unreal_is_refused(tmp_path: Path) -> None:
    path = mruk(tmp_path / "room.json", walls_key="WallsUuid")
    path.write_text(path.read_text().replace('"Unity"', '"Unreal"'))
    with pytest.raises(ScanError, match=r"CoordinateSystem is 'Unreal'; expected Unity"):
        load(path)


def test_room_without_anchors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "room.json"
    path.write_text('{"CoordinateSystem": "Unity", "Rooms": [{"UUID": "a", "RoomLayout": {}, "Anchors": []}]}')
    with pytest.raises(ScanError, match=r"room\.json: holds no anchors; expected Rooms"):
        load(path)


def test_unknown_labels_are_kept_with_a_note(tmp_path: Path) -> None:
    path = iwer(tmp_path / "room.json", outwards=True)
    path.write_text(path.read_text().replace('"TABLE"', '"SPACESHIP"'))
    room = load(path)
    assert isinstance(room, RoomCapture)
    assert room.objects[0].label is Label.UNLABELLED and "SPACESHIP" in room.notes[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"w": ', '"v": ', "entity 0 is unusable"),
        ('"position": {"x": 2.0', '"position": {"x": NaN', "NaN or infinity"),
    ],
)
def test_broken_iwer_entities(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = iwer(tmp_path / "room.json", outwards=True)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ScanError, match=message):
        load(path)


def test_roomplan_transforms_are_column_major(tmp_path: Path) -> None:
    T = np.eye(4)
    T[:3, :3] = [[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    T[:3, 3] = [1.0, 1.2, -2.0]
    wall = {"category": {"wall": {}}, "confidence": {"high": {}}, "dimensions": [3.0, 2.4, 0.0]}
    wall["transform"] = T.T.reshape(-1).tolist()
    chair = {"category": {"chair": {}}, "confidence": {"low": {}}, "dimensions": [0.5, 0.9, 0.6]}
    chair["transform"] = T.T.reshape(-1).tolist()
    door = {"category": {"door": {"isOpen": True}}, "confidence": {"medium": {}}, "dimensions": [0.9, 2.0, 0.0]}
    door["transform"] = T.T.reshape(-1).tolist()
    data = {"walls": [wall], "doors": [door], "windows": [], "openings": [], "objects": [chair], "version": 2}
    path = tmp_path / "Room.json"
    path.write_text(json.dumps(data))
    assert recognised(path) == ["roomplan"]
    room = load(path)
    assert isinstance(room, RoomCapture)
    assert [(p.label, p.confidence) for p in room.planes] == [(Label.WALL, 0.95), (Label.DOOR, 0.75)]
    expected = transform_points(T, [[-1.5, -1.2, 0], [1.5, -1.2, 0], [1.5, 1.2, 0], [-1.5, 1.2, 0]])
    found = room.planes[0].to_world(room.planes[0].polygon)
    assert all(np.abs(found - e).sum(axis=1).min() < 1e-6 for e in expected)
    assert room.objects[0].label is Label.CHAIR
    np.testing.assert_allclose(room.objects[0].box.T_world_box, T, atol=1e-9)
