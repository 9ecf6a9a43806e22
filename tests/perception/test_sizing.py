"""Size put right: by a length somebody measured, or by what doors, tables and ceilings usually are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sceneforge import cli
from sceneforge.core import Label, OrientedBox, Plane, Scan, Scene, SceneObject, UsageError
from sceneforge.core.transforms import make_transform, plane_frame
from sceneforge.perception.account import Account
from sceneforge.perception.scale import check_scale
from sceneforge.perception.sizing import KnownDimension, factor_of, measured, parse_known_dimension, rescaled, sized
from tests.perception.test_scale import SQUARE, room
from tests.perception.tracking.test_pictures import poses, scan_of


def scene(scale: float = 1.0) -> Scene:
    """A room of usual heights with a box, all that many times as large as it should be."""
    planes, rooms = room(scale)
    planes[1] = replace(planes[1], id="top_1", polygon=SQUARE * scale)
    planes += [
        Plane("floor", Label.FLOOR, 0.9, plane_frame((0, 1, 0), (0, 0, 0)), SQUARE * 5 * scale, area_m2=20.0),
        Plane("wall-1", Label.WALL, 0.9, plane_frame((1, 0, 0), (-2 * scale, 0, 0)), SQUARE * scale, area_m2=1.0),
        Plane("wall-2", Label.WALL, 0.9, plane_frame((-1, 0, 0), (2 * scale, 0, 0)), SQUARE * scale, area_m2=1.0),
    ]
    box = OrientedBox(make_transform(np.eye(3), [0, 0.4 * scale, 0]), np.array([1.8, 0.8, 0.9]) * scale)
    return Scene(tuple(planes), (SceneObject("couch-1", Label.COUCH, 0.8, box),), tuple(rooms))


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("door height=2.03", 2.03),
        ("door width=0.9", 0.9),
        ("table height = 0.74", 0.74),
        ("top_1 length=1.0", 1.0),
        ("top_1 width=0.8", 0.8),
        ("room height=2.5", 2.5),
        ("couch length=1.8", 1.8),
        ("couch-1 width=0.9", 0.9),
        ("wall-1 to wall-2=4", 4.0),
    ],
)
def test_a_known_length_gives_the_size_back(text: str, length: float) -> None:
    known = parse_known_dimension(text)
    assert measured(known, scene()) == [pytest.approx(length)]
    factor, sigma = factor_of(known, scene(0.6))
    assert factor == pytest.approx(1 / 0.6)
    assert 0 < sigma < 0.05


@pytest.mark.parametrize(
    "text",
    [
        "door",
        "door height",
        "door height=",
        "door height=-2",
        "door height=1e9",
        "=2",
        "",
        "dor height=2",
        "room width=4",
        "wall to wall=4",
        "door height=2,03",
    ],
)
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="known dimension"):
        parse_known_dimension(text)


def test_a_thing_that_is_not_there_is_named_beside_those_that_are() -> None:
    with pytest.raises(UsageError, match="'piano'; there are couch, door, floor, table, wall"):
        factor_of(KnownDimension("piano", "height", 1.2), scene())


def test_poses_and_depth_grow_together() -> None:
    scan = scan_of(poses())
    posed = scan.with_poses(poses())
    sources = [replace(s, read_depth=lambda: np.full((180, 240), 2, np.float32), has_depth=True) for s in posed.sources]
    larger = rescaled(replace(posed, sources=tuple(sources)), 1.5)
    for before, frame in zip(poses(), larger.frames(), strict=True):
        assert frame.T_world_camera is not None
        assert np.allclose(frame.T_world_camera[:3, 3], 1.5 * before[:3, 3])
        assert np.array_equal(frame.T_world_camera[:3, :3], before[:3, :3])
        assert (frame.depth == 3).all()


def understood(true_size: float) -> Callable[[Scan, Account], Scene]:
    """Stands for understanding: the room at the size that the scan's first step gives it; doors are known only near
    their real height."""

    def run(scan: Scan, account: Account) -> Scene:
        T = scan.sources[1].T_world_camera
        assert T is not None
        scale = true_size * float(np.linalg.norm(T[:3, 3]) / np.linalg.norm(poses()[1][:3, 3]))
        found = scene(scale)
        if abs(np.log(scale)) > 0.3:
            found = replace(found, planes=tuple(p for p in found.planes if p.label is not Label.DOOR))
        account.scale = check_scale(found.planes, found.rooms, 0.0, account.size_sigma or None, account.size_guess)
        account.seconds["fuse"] = account.seconds.get("fuse", 0.0) + 1.0
        return found

    return run


@pytest.mark.parametrize("size", [0.55, 0.8, 1.0, 1.5])
def test_a_guessed_size_is_corrected_by_what_things_usually_measure(size: float) -> None:
    account = Account(size_sigma=0.4)
    found, after = sized(scan_of(poses()).with_poses(poses()), account, None, understood(size))
    door = float(np.ptp(found.planes[0].to_world(found.planes[0].polygon)[:, 1]))
    assert found.planes[0].label is Label.DOOR
    assert door == pytest.approx(2.03, rel=2.5 * after.size_sigma)
    assert door == pytest.approx(2.03, rel=0.08)
    assert after.size_sigma < 0.1 < account.size_sigma
    assert found.source["scale"] == f"guessed ({after.size_sigma:.2f})"
    assert any("size guessed from pictures" in w for w in after.warnings)


@pytest.mark.parametrize("size", [0.4, 0.9, 2.0])
def test_a_known_length_sets_the_size_even_where_its_thing_is_recognised_only_later(size: float) -> None:
    known = parse_known_dimension("door height=2.10")
    found, after = sized(scan_of(poses()).with_poses(poses()), Account(), known, understood(size))
    door = found.planes[0]
    assert float(np.ptp(door.to_world(door.polygon)[:, 1])) == pytest.approx(2.10)
    assert found.source["known_dimension"] == "door height=2.1"
    assert found.source["scale"] == f"known ({after.size_sigma:.2f})"
    assert float(str(found.source["size_factor"])) == pytest.approx(2.10 / 2.03 / size, rel=1e-3)
    assert any(w.startswith("size set by door height=2.1") for w in after.warnings)


def test_a_known_length_of_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match="piano"):
        sized(scan_of(poses()).with_poses(poses()), Account(), KnownDimension("piano", "height", 1.0), understood(1.0))


@pytest.mark.parametrize(
    ("options", "text"),
    [(["door"], "expected 'door height=2.03'"), (["door height=2.03"], "depth sensor says how large")],
)
def test_the_command_says_what_is_wrong(options: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["understand", "sample:living_room", "--known-dimension", *options]) == 2
    assert text in " ".join(capsys.readouterr().err.split())
