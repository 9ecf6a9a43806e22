"""arrangement.json: what is written is read back, agrees with its schema, and is refused when damaged."""

from __future__ import annotations

import copy
import json
import math
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest

from sceneforge.core import (
    Arrangement,
    Certificate,
    Content,
    Material,
    Part,
    Placement,
    Rejection,
    SceneFileError,
    Unplaced,
)
from sceneforge.core.arrangement_json import arrangement_from_dict, arrangement_to_dict
from sceneforge.core.json_values import json_bytes
from sceneforge.core.transforms import make_transform, yaw_rotation

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads(files("sceneforge.core").joinpath("arrangement.schema.json").read_text(encoding="utf-8"))


def validator() -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def example(clearance_m: float = 0.25) -> Arrangement:
    triangle = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    normals = np.tile(np.array([[0, 1, 0]], np.float32), (3, 1))
    content = Content(
        "rover", "content/rover.glb", (Part(triangle, np.array([[0, 2, 1]], np.int32), normals, Material()),)
    )
    pose = make_transform(yaw_rotation(0.3), [0.1, 0.7, -1 / 3])
    certificate = Certificate(0.001, 0.0, 0.99, clearance_m, 0.5)
    rejection = Rejection("plane_2", "table", "size", 12.5, "the base is wider than the table")
    return Arrangement(
        (Placement("rover", content, "plane_1", pose, 0.5, certificate, ("largest free area", "in view")),),
        (Unplaced("lamp", "no surface is large enough", (rejection,)),),
        seed=7,
    )


@pytest.mark.parametrize("clearance_m", [0.25, math.inf])
def test_what_is_written_is_read_back(clearance_m: float) -> None:
    arrangement = example(clearance_m)
    data = json.loads(json_bytes(arrangement_to_dict(arrangement)))
    validator().validate(data)
    record = arrangement_from_dict(data)
    mine, theirs = arrangement.placements[0], record.placements[0]
    assert theirs.T_world_content.tobytes() == mine.T_world_content.tobytes()
    assert (theirs.content_name, theirs.content_path) == ("rover", "content/rover.glb")
    for name in ("request", "surface", "scale", "certificate", "reasons"):
        assert getattr(theirs, name) == getattr(mine, name)
    assert record.unplaced == arrangement.unplaced
    assert record.seed == 7


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("version",), 2, "$.version is 2, newer than this sceneforge reads"),
        (("format",), "sceneforge.scene", "$.format is 'sceneforge.scene'; expected 'sceneforge.arrangement'"),
        (("placements", 0, "scale"), 0, "$.placements[0].scale is 0; expected a positive factor"),
        (("placements", 0, "certificate", "support_fraction"), 2, "$.placements[0].certificate.support_fraction is 2"),
        (
            ("placements", 0, "T_world_content", 3),
            [0, 0, 0, 2],
            "$.placements[0] is damaged: T_world_content: last row",
        ),
        (("placements", 0, "content"), "rover.glb", '$.placements[0].content is "rover.glb"; expected an object'),
        (
            ("unplaced", 0, "rejections", 0, "margin_mm"),
            "3",
            '$.unplaced[0].rejections[0].margin_mm is "3"; expected a',
        ),
    ],
)
def test_damage_is_named_and_the_schema_agrees(path: tuple[str | int, ...], value: Any, message: str) -> None:
    data: Any = copy.deepcopy(arrangement_to_dict(example()))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not validator().is_valid(data)
    with pytest.raises(SceneFileError) as caught:
        arrangement_from_dict(data, path="arrangement.json")
    assert str(caught.value).startswith(f"arrangement.json: {message}")


def test_the_example_of_the_page_is_an_arrangement() -> None:
    text = (DOCS / "scene_json.md").read_text(encoding="utf-8")
    data = json.loads(re.findall(r"```json\n(.*?)```", text, re.DOTALL)[1])
    validator().validate(data)
    assert arrangement_from_dict(data).unplaced[0].rejections[0].rule == "size"
