"""scene.json: exact round trip, stable bytes, errors that name the place, and a schema that agrees."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneforge.core import (
    CameraTrack,
    Label,
    Light,
    Mesh,
    OrientedBox,
    Plane,
    Relation,
    Room,
    Scene,
    SceneFileError,
    SceneGraph,
    SceneObject,
)
from sceneforge.core.json_values import json_bytes, load_json
from sceneforge.core.scene import SOURCES
from sceneforge.core.scene_json import scene_from_dict, scene_to_dict
from sceneforge.core.transforms import make_transform, rotation_from_quaternion

DOCS = Path(__file__).parents[2] / "docs"


def schema(name: str) -> jsonschema.Draft202012Validator:
    data = json.loads(files("sceneforge.core").joinpath(f"{name}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(data)
    return jsonschema.Draft202012Validator(data)


def random_scene(seed: int) -> Scene:
    """Random numbers with all 52 bits in use, some of every kind, the optional parts now and then absent."""
    rng = np.random.default_rng(seed)
    labels = list(Label)

    def pose() -> Any:
        return make_transform(rotation_from_quaternion(rng.normal(size=4)), rng.normal(size=3))

    def ring(n: int) -> Any:
        return rng.normal(size=(n, 2))

    n_planes = int(rng.integers(0, 5))
    planes = tuple(
        Plane(
            f"plane_{i}",
            labels[rng.integers(len(labels))],
            rng.random(),
            pose(),
            ring(int(rng.integers(3, 9))),
            tuple(ring(4) for _ in range(rng.integers(0, 3))),
            {str(labels[k]): rng.random() for k in rng.permutation(len(labels))[:3]},
            rng.random() * 20,
            rng.random(),
            covariance=rng.normal(size=(3, 3)) if i % 2 else None,
            source=SOURCES[i % 3],
        )
        for i in range(n_planes)
    )
    planes = tuple(
        replace(p, edge_observed=tuple(rng.random(len(p.polygon)) > 0.5)) if i % 3 else p for i, p in enumerate(planes)
    )
    objects = tuple(
        SceneObject(
            f"object_{i}",
            labels[rng.integers(len(labels))],
            rng.random(),
            OrientedBox(pose(), rng.random(3)),
            source=SOURCES[-1 - i % 3],
            evidence={"top_m": rng.random(), "back": 1e-310} if i % 2 else {},
        )
        for i in range(int(rng.integers(0, 4)))
    )
    ids = [p.id for p in planes]
    room = Room(
        "room_ä", "kitchen", rng.random(), ids[0] if ids else None, None, tuple(ids[1:3]), ring(5),
        rng.random() if seed % 2 else None, tuple(ids[3:]),
    )  # fmt: skip
    things = ids + [o.id for o in objects]
    relations = tuple(Relation(t, "next_to", t, rng.random(), {"gap_m": rng.normal(), "a": 1e-310}) for t in things)
    lights = (
        Light("light_0", "ambient", rng.random(3), rng.random()),
        Light("light_1", "directional", rng.random(3), rng.random(), direction=rng.normal(size=3)),
        Light("light_2", "point", rng.random(3), rng.random(), position=rng.normal(size=3), size=rng.random(2)),
        Light(
            "light_3",
            "area",
            rng.random(3),
            rng.random(),
            direction=np.array([0.0, -1, 0]),
            size=rng.random(2),
            position=rng.normal(size=3),
            width_axis=np.array([1.0, 0, 0]),
        ),
        Light("light_4", "environment", rng.random(3), rng.random(), harmonics=rng.normal(size=(9, 3))),
    )
    return Scene(planes, objects, (room,), SceneGraph(relations), lights, pose(), {"name": 'a "quoted" näme', "a": ""})


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_round_trip_is_exact(seed: int) -> None:
    scene = random_scene(seed)
    data = json_bytes(scene_to_dict(scene))
    again = scene_from_dict(json.loads(data))
    assert scene_to_dict(again) == scene_to_dict(scene)
    assert json_bytes(scene_to_dict(again)) == data
    for mine, theirs in zip(scene.planes, again.planes, strict=True):
        assert mine.T_world_plane.tobytes() == theirs.T_world_plane.tobytes()
        assert mine.polygon.tobytes() == theirs.polygon.tobytes()


def test_bytes_do_not_depend_on_the_order_of_mappings() -> None:
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    a, b = (
        Scene((Plane("p", Label.WALL, 1, np.eye(4), square, scores=dict(order)),), source=dict(order_s))
        for order, order_s in (
            ([("wall", 0.7), ("door", 0.3)], [("x", "1"), ("y", "2")]),
            ([("door", 0.3), ("wall", 0.7)], [("y", "2"), ("x", "1")]),
        )
    )
    assert json_bytes(scene_to_dict(a)) == json_bytes(scene_to_dict(b))


def test_mesh_and_track_are_left_to_their_own_files() -> None:
    mesh = Mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    track = CameraTrack((0,), np.zeros(1), np.eye(4)[None], np.ones(1))
    assert scene_to_dict(Scene(mesh=mesh, track=track)) == scene_to_dict(Scene())


@pytest.mark.parametrize("seed", range(12))
def test_the_schema_accepts_what_is_written(seed: int) -> None:
    schema("scene").validate(json.loads(json_bytes(scene_to_dict(random_scene(seed)))))


def test_unknown_keys_are_left_alone() -> None:
    data = scene_to_dict(random_scene(3))
    expected = copy.deepcopy(data)
    data["my_app"] = {"deep": [1]}
    data["planes"][0]["my_note"] = "north wall"
    assert scene_to_dict(scene_from_dict(data)) == expected
    schema("scene").validate(data)


def broken(edit: str) -> dict[str, Any]:
    """A good scene as plain data after one assignment, such as `planes[0].label = 7`."""
    data: dict[str, Any] = json.loads(json_bytes(scene_to_dict(random_scene(7))))
    assert data["planes"] and data["objects"], "the example needs some of each"
    target, value = edit.split(" = ", 1)
    steps: list[str | int] = [int(s) if s.isdigit() else s for s in re.findall(r"\w+", target)]
    place: Any = data
    for step in steps[:-1]:
        place = place[step]
    if value == "absent":
        del place[steps[-1]]
    else:
        place[steps[-1]] = json.loads(value)
    return data


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("format = absent", "$ has no 'format'"),
        ('format = "gltf"', "$.format is 'gltf'; expected 'sceneforge.scene'"),
        ("version = 0", "$.version is 0; expected 1 to 1"),
        ('version = "1"', '$.version is "1"; expected a whole number'),
        ("planes = 3", "$.planes is 3; expected an array"),
        ("planes[0].id = 5", "$.planes[0].id is 5; expected a string"),
        ('planes[0].label = "tabel"', "$.planes[0].label is 'tabel'; expected a canonical label"),
        ("planes[0].confidence = 1.5", "$.planes[0].confidence is 1.5; expected a number from 0 to 1"),
        ("planes[0].confidence = true", "$.planes[0].confidence is true; expected a number from 0 to 1"),
        ("planes[0].polygon[1] = [1]", "$.planes[0].polygon[1] has 1 elements; expected 2"),
        ("planes[0].polygon[1][0] = null", "$.planes[0].polygon[1][0] is null; expected a finite number"),
        ("planes[0].polygon = [[0, 0], [1, 1]]", "$.planes[0] is damaged: plane_0.polygon: expected at least 3 points"),
        ("planes[0].T_world_plane[0] = [2, 0, 0, 0]", "$.planes[0] is damaged: plane_0.T_world_plane: upper-left"),
        ("planes[0].area_m2 = -1", "$.planes[0].area_m2 is -1; expected a number of at least 0"),
        ('planes[0].source = "hearsay"', "$.planes[0].source is 'hearsay'; expected one of geometry, device, both"),
        ("planes[0].scores = []", "$.planes[0].scores is an array; expected an object"),
        ("planes[0].holes = absent", "$.planes[0] has no 'holes'"),
        ("planes[0].edge_observed = [1, 0]", "$.planes[0].edge_observed[0] is 1; expected true or false"),
        ("planes[0].edge_observed = [true]", "$.planes[0] is damaged: plane_0.edge_observed: expected one per edge"),
        ("planes[0].covariance = [[1]]", "$.planes[0].covariance has 1 elements; expected 3"),
        ('planes[0].id = "object_0"', "$ is damaged: ids must be unique, repeated: ['object_0']"),
        ("objects[0].size = [1, 2]", "$.objects[0].size has 2 elements; expected 3"),
        ('rooms[0].floor = "plane_99"', "$.rooms[0].floor is 'plane_99'; expected the id of a plane in this file"),
        ('graph.relations[0].object = "x"', "$.graph.relations[0].object is 'x'; expected the id of a plane, object"),
        ("lights[1].direction = [1, 2]", "$.lights[1].direction has 2 elements; expected 3"),
        ("T_scene_source = [[1, 0], [0, 1]]", "$.T_scene_source has 2 elements; expected 4"),
        ("source.name = 4", "$.source.name is 4; expected a string"),
    ],
)
def test_damage_is_named_by_its_place(edit: str, message: str) -> None:
    with pytest.raises(SceneFileError) as caught:
        scene_from_dict(broken(edit), path="out/scene.json")
    assert str(caught.value).startswith(f"out/scene.json: {message}")


@pytest.mark.parametrize(
    "edit",
    [
        "format = absent",
        'format = "gltf"',
        "version = 2",
        "planes = 3",
        'planes[0].label = "tabel"',
        "planes[0].confidence = 1.5",
        "planes[0].polygon = [[0, 0], [1, 1]]",
        "planes[0].polygon[1] = [1]",
        "planes[0].T_world_plane[3] = [0, 0, 0, 2]",
        "planes[0].holes = absent",
        "objects[0].size = [1, -2, 3]",
        'objects[0].source = "hearsay"',
        "graph = {}",
        "lights[0].color = [1]",
        "source.name = 4",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(edit: str) -> None:
    data = broken(edit)
    assert not schema("scene").is_valid(data)
    with pytest.raises(SceneFileError):
        scene_from_dict(data)


def test_a_newer_version_is_refused_with_the_way_out() -> None:
    with pytest.raises(SceneFileError) as caught:
        scene_from_dict(broken("version = 2"), path="scene.json")
    assert str(caught.value) == (
        "scene.json: $.version is 2, newer than this sceneforge reads; expected 1 or less. "
        "Upgrade with: pip install --upgrade sceneforge"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not valid JSON"),
        (b'{"format": ', "not valid JSON"),
        (b'{"format": NaN}', "it holds NaN, which is not a JSON number"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_files_that_are_not_json(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "scene.json"
    path.write_bytes(content)
    with pytest.raises(SceneFileError, match=message):
        load_json(path)


def test_unreasonably_large_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "scene.json"
    path.write_bytes(b" " * 101)
    with pytest.raises(SceneFileError, match="the file has 101 bytes; expected at most 100"):
        load_json(path, max_bytes=100)
    with pytest.raises(SceneFileError, match="cannot be read: No such file"):
        load_json(tmp_path / "none.json")


def test_a_scene_with_nan_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes(scene_to_dict(Scene(lights=(Light("l", "ambient", np.array([np.nan, 0, 0]), 1.0),))))


def test_the_example_of_the_page_is_a_scene() -> None:
    text = (DOCS / "scene_json.md").read_text(encoding="utf-8")
    example = json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[0])
    schema("scene").validate(example)
    assert scene_from_dict(example).planes[0].label is Label.FLOOR
