"""Motion in recipes: waypoints as seen from the placed content, files of poses, and what mistakes are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sceneforge._recipe_motion import Motion, read_poses
from sceneforge.core import (
    Arrangement,
    Content,
    InputError,
    Placement,
    Plane,
    RecipeError,
    Scene,
    SceneForgeWarning,
)
from sceneforge.core.labels import Label
from sceneforge.core.transforms import make_transform
from sceneforge.recipe import load_recipe
from tests.rendering.render_stage import CERTIFICATE, box_part

RECIPE = """\
format: sceneforge.recipe
version: 1
name: drive
scan: room
content: {rover: {model: rover.glb}}
place: [{id: rover, content: rover}]
motion:
"""
TURNED = np.array([[0, 0, 1.0], [0, 1, 0], [-1, 0, 0]])
"""Faces +x."""


def _table(side: float = 2.0) -> Plane:
    square = np.array([[-1.0, -1], [-1, 1], [1, 1], [1, -1]]) * side / 2
    return Plane("plane_0", Label.TABLE, 1.0, np.eye(4), square, area_m2=side**2)


def _placed(plane: Plane) -> tuple[Scene, Arrangement]:
    content = Content("rover", "rover.glb", (box_part((-0.1, 0, -0.1), (0.1, 0.1, 0.1)),))
    placement = Placement(
        "rover", content, plane.id, make_transform(TURNED, np.array([0.1, 0, 0.2])), 1.0, CERTIFICATE, ()
    )
    return Scene(planes=(plane,)), Arrangement((placement,))


def _folder(tmp_path: Path, motion: str) -> Path:
    (tmp_path / "room").mkdir()
    (tmp_path / "rover.glb").write_bytes(b"")
    (tmp_path / "drive.txt").write_text("# made elsewhere\n0 0 1 0 0 0 0 1\n1.5 0 1 2 0 0 0 1\n")
    (tmp_path / "recipe.yaml").write_text(RECIPE + motion)
    return tmp_path / "recipe.yaml"


def test_waypoints_are_seen_from_where_the_content_was_placed(tmp_path: Path) -> None:
    text = "  - {body: rover, at: {1s: {forward_m: 0.4}, 2s: {turn_deg: 90}, 3s: {left_m: 0.2}}}\n"
    recipe = load_recipe(_folder(tmp_path, text))
    (found,) = recipe.trajectories(*_placed(_table()))
    np.testing.assert_allclose(found.times_s, [0, 1, 2, 3])
    # Facing +x, its left is -z; what a waypoint leaves out stays.
    wanted = [[0.1, 0, 0.2], [0.5, 0, 0.2], [0.5, 0, 0.2], [0.5, 0, 0.0]]
    np.testing.assert_allclose(found.path, wanted, atol=1e-9)
    front = found.T_world_content[:, :3, 2]
    np.testing.assert_allclose(front, [[1, 0, 0], [1, 0, 0], [0, 0, -1], [0, 0, -1]], atol=1e-9)
    np.testing.assert_allclose(found.at(0.5)[:3, 3], [0.3, 0, 0.2], atol=1e-9)


@pytest.mark.parametrize("turn", [-180, 180, 270, 720])
def test_bodies_turn_as_far_as_they_are_told(turn: int) -> None:
    motion = Motion.model_validate({"body": "rover", "at": {"2s": {"turn_deg": turn}}})
    found = motion.trajectory(*_placed(_table()))
    assert found is not None
    for share in np.linspace(0, 1, 21):
        a = np.radians(turn * share)  # to the left of +x is -z
        np.testing.assert_allclose(found.at(2 * share)[:3, 2], [np.cos(a), 0, -np.sin(a)], atol=1e-9)


def test_a_file_of_poses_lies_beside_the_recipe(tmp_path: Path) -> None:
    recipe = load_recipe(_folder(tmp_path, "  - {body: rover, file: drive.txt}\n"))
    scene, arrangement = _placed(_table())
    (found,) = recipe.trajectories(scene, arrangement)
    np.testing.assert_allclose(found.at(0.75)[:3, 3], [0, 1, 1])
    assert recipe.trajectories(scene, Arrangement(())) == ()  # the arrangement says why it was not placed


def test_leaving_the_surface_is_told() -> None:
    motion = Motion.model_validate({"body": "rover", "at": {"1s": {"forward_m": 0.3}, "2.5s": {"forward_m": 1.2}}})
    with pytest.warns(SceneForgeWarning, match=r"motion of 'rover': at 2\.5 s it is beyond the edge of plane_0"):
        motion.trajectory(*_placed(_table()))


@pytest.mark.parametrize(
    ("motion", "expected"),
    [
        ("  - {body: rower, at: {1s: {}}}", r"motion\[0\]\.body: 'rower' is not in 'place'; did you mean 'rover'"),
        ("  - {body: rover}", "expected at or file, and not both"),
        ("  - {body: rover, at: {soon: {}}}", "'soon' is not a time"),
        ("  - {body: rover, at: {1s: {}, 1.0s: {}}}", "two of the times are the same"),
        ("  - {body: rover, at: {90000s: {}}}", "later than a day"),
        ("  - {body: rover, at: {1s: {foward_m: 1}}}", "unknown key 'foward_m'; did you mean 'forward_m'"),
        ("  - {body: rover, file: gone.txt}", "there is no file or folder"),
        ("  - {body: rover, at: {1s: {}}}\n  - {body: rover, file: drive.txt}", "moves 'rover' already"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, motion: str, expected: str) -> None:
    with pytest.raises(RecipeError, match=expected):
        load_recipe(_folder(tmp_path, motion + "\n"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0 0 0 0 0 0 0 1\n1 2 3\n", "line 2 is no pose"),
        ("0 0 0 0 0 0 0 nan\n", "line 1 is"),
        ("0 0 0 0 0 0 0 0\n", "line 1 is"),
        ("1 0 0 0 0 0 0 1\n0 0 0 0 0 0 0 1\n", "do not ascend"),
        ("# nothing\n", "holds no pose"),
    ],
)
def test_files_that_are_no_poses_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(InputError, match=problem):
        read_poses("rover", tmp_path / "p.txt")
