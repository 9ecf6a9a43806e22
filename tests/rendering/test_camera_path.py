"""Camera paths, and pictures from where the camera never was, against the exact room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from sceneforge.core import Arrangement, Camera, CameraTrack, FrameSource, Scan, Scene, UsageError
from sceneforge.core.transforms import inverse, transform_points
from sceneforge.rendering import camera_path as paths
from sceneforge.rendering import render_video
from sceneforge.rendering.compare import compared
from sceneforge.rendering.view_synthesis import ViewSynthesizer, filled
from tests.rendering.render_stage import CAMERA, ROOM, exact_depth, joined, look, scan_of


def painted_scan() -> tuple[Scan, Scene]:
    """The box room with a colour that is a function of the place, filmed from a shaky arc."""
    mesh = joined(ROOM)
    rng = np.random.default_rng(5)
    poses = [
        look((s + 0.05 * rng.normal(), 1.3 + 0.05 * rng.normal(), 1.0), (0, 0.6, -2)) for s in np.linspace(-1, 1, 15)
    ]

    def color(T: np.ndarray) -> np.ndarray:
        return pattern(transform_points(T, CAMERA.rays() * exact_depth(mesh, CAMERA, T)[..., None]))

    sources = tuple(
        FrameSource(
            f"f{i}", f"f{i}", i / 15, CAMERA, CAMERA, T,
            lambda T=T: color(T), lambda T=T: exact_depth(mesh, CAMERA, T),
        )
        for i, T in enumerate(poses)
    )  # fmt: skip
    track = CameraTrack(tuple(range(15)), np.arange(15) / 15, np.array(poses), np.ones(15))
    return Scan("arc", "arc", "test", sources), Scene(mesh=mesh, track=track)


def pattern(points: np.ndarray) -> np.ndarray:
    """sRGB bytes of places: waves half a metre long."""
    return np.clip(127 + 100 * np.sin(4 * np.pi * points), 0, 255).astype(np.uint8)


def test_a_synthesised_view_shows_what_is_there() -> None:
    scan, scene = painted_scan()
    T = look((0.33, 1.45, 0.8), (0.1, 0.6, -2))
    frame = ViewSynthesizer(scan, scene).frame(0, CAMERA, T, inside=True)
    truth = exact_depth(scene.mesh, CAMERA, T)
    assert np.abs(frame.depth - truth)[truth > 0].max() < 0.05 + 0.02 * truth.max()
    want = pattern(transform_points(T, CAMERA.rays() * truth[..., None])).astype(float)
    off = np.abs(frame.color - want).mean(axis=-1)
    bare = np.abs(150 - want).mean(axis=-1)  # what the mesh's own grey would give
    assert np.median(off) < 6 and np.median(off) < 0.15 * np.median(bare)


def test_a_lost_frame_is_done_without() -> None:
    from sceneforge.core import FrameError

    def broken() -> np.ndarray:
        raise FrameError("damaged", path="f7")

    scan, scene = painted_scan()
    bad = replace(scan, sources=tuple(replace(s, read_color=broken) if s.name == "f7" else s for s in scan.sources))
    T = np.array(scene.track.T_world_camera[7])
    frame = ViewSynthesizer(bad, scene).frame(0, CAMERA, T, inside=True)
    want = scan.read(7).color.astype(float)
    assert np.median(np.abs(frame.color - want)) < 12


def test_walls_are_seen_through_from_behind_only_outside() -> None:
    scan, scene = painted_scan()
    T = look((0, 1.5, -6), (0, 0.5, -1))  # behind the far wall, which faces the room
    views = ViewSynthesizer(scan, scene, 1)
    places = [
        transform_points(T, CAMERA.rays() * views.frame(0, CAMERA, T, inside=inside).depth[..., None])[..., 2]
        for inside in (False, True)
    ]
    behind, wall = places[0], np.abs(places[1] + 3) < 0.02
    assert wall.mean() > 0.3, "from inside the capture's way nothing is taken away"
    floor = wall & (behind > -5.9)
    assert floor.sum() > 1000 and (behind[floor] > -2.99).all(), "the floor behind the wall is seen"


def test_smoothing_takes_the_jitter_and_keeps_the_way() -> None:
    _, scene = painted_scan()
    T = paths.smooth_path(scene, CAMERA, 40).T_world_camera
    raw = np.array(scene.track.T_world_camera)
    shake = lambda P: np.abs(np.diff(P[:, :3, 3], n=2, axis=0)).max() * (len(P) / 15) ** 2  # noqa: E731
    assert shake(T) < 0.3 * shake(raw)
    assert max(np.linalg.norm(raw[:, :3, 3] - p, axis=1).min() for p in T[:, :3, 3]) < 0.15
    way = np.linalg.norm(np.diff(T[:, :3, 3], axis=0), axis=1)
    turn = np.einsum("nij,nij->n", T[:-1, :3, :3], T[1:, :3, :3])
    step = way + paths.TURN_M * np.arccos(np.clip((turn - 1) / 2, -1, 1))
    assert step.std() < 0.05 * step.mean(), "constant speed"


def test_an_orbit_stays_at_its_distance_and_looks_at_its_middle() -> None:
    _, scene = painted_scan()
    target = np.array([0.2, 0.5, -1.0])
    path = paths.orbit_path(scene, CAMERA, 12, target=target, radius_m=2.0)
    eyes = path.T_world_camera[:, :3, 3]
    assert np.allclose(np.linalg.norm(eyes - target, axis=1), 2.0)
    for T in path.T_world_camera:
        uv, _ = CAMERA.project(transform_points(inverse(T), target))
        assert np.allclose(uv, (CAMERA.cx, CAMERA.cy), atol=1e-6)
        assert abs(T[1, 0]) < 1e-9 and T[1, 1] < 0, "level, head up"
    whole = paths.orbit_path(scene, CAMERA, 12)
    assert not whole.inside and np.allclose(
        np.ptp(np.linalg.norm(np.diff(whole.T_world_camera[:, :3, 3], axis=0), axis=1)), 0
    )


def test_from_above_the_whole_floor_is_in_the_picture() -> None:
    _, scene = painted_scan()
    path = paths.top_down_path(scene, CAMERA, 3)
    corners = np.array([[x, 0.0, z] for x in (-1.9, 1.9) for z in (-2.9, 0.9)])
    uv, z = CAMERA.project(transform_points(inverse(path.T_world_camera[0]), corners))
    assert (z > 0).all() and (uv > -0.5).all() and (uv < np.array([CAMERA.width, CAMERA.height]) - 0.5).all()


def test_a_dolly_comes_nearer_and_keeps_its_target() -> None:
    _, scene = painted_scan()
    target = np.array([0.0, 0.3, -1.6])
    path = paths.dolly_path(scene, CAMERA, 9, target=target).T_world_camera
    gap = np.linalg.norm(path[:, :3, 3] - target, axis=1)
    assert (np.diff(gap) < 0).all() and gap[-1] < 0.75 * gap[0]
    uv, _ = CAMERA.project(transform_points(inverse(path[4]), target))
    assert np.allclose(uv, (CAMERA.cx, CAMERA.cy), atol=1e-6)


def test_holes_are_filled_from_around() -> None:
    picture = np.zeros((40, 60, 3), dtype=np.float32)
    picture[:, :30], picture[:, 30:] = 40, 200
    known = np.ones((40, 60), dtype=np.float32)
    known[10:20, 5:15] = 0
    picture[10:20, 5:15] = -999
    out = filled(picture, known)
    assert np.allclose(out[10:20, 5:15], 40, atol=8) and (out[known > 0] == picture[known > 0]).all()


def test_a_path_becomes_a_video_with_content(tmp_path: Path) -> None:
    scan, scene, arrangement = scan_of(6)
    path = paths.orbit_path(scene, CAMERA, 5, target=np.array([0, 0.2, -1.4]), radius_m=1.8)
    with_content = render_video(scan, scene, arrangement, tmp_path / "a", path=path)
    without = render_video(scan, scene, Arrangement(()), tmp_path / "b", path=path)
    assert with_content.facts["frames"] == 5
    a, b = (decode(r.video) for r in (with_content, without))
    assert len(a) == 5 and all(np.abs(x.astype(int) - y).max() > 25 for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("how", ["side", "wipe"])
def test_before_and_after(tmp_path: Path, how) -> None:
    scan, scene, _ = scan_of(3)

    class Red:
        def apply(self, picture, *_):
            return np.full_like(picture, (200, 0, 0))

    result = render_video(scan, scene, Arrangement(()), tmp_path, under=[Red()], compare=how)
    (first, *_) = decode(result.video)
    red = (first[..., 0] > 150) & (first[..., 1] < 80)
    w = CAMERA.width
    assert first.shape[1] == (2 * w if how == "side" else w)
    if how == "side":
        assert red[:, w + 4 :].all() and not red[:, : w - 4].any()
    else:
        assert red[:, : int(0.06 * w)].all() and not red[:, int(0.12 * w) :].any()
    assert (compared(first, first, "none", 0.0) == first).all()


def test_paths_need_what_they_follow() -> None:
    bare = Scene()
    with pytest.raises(UsageError, match="no camera track"):
        paths.smooth_path(bare, CAMERA, 5)
    with pytest.raises(UsageError, match="scanned mesh"):
        paths.orbit_path(bare, CAMERA, 5)
    wide = Camera(320, 200, 250.0, 250.0, 159.5, 99.5)
    assert paths.top_down_path(Scene(mesh=joined(ROOM)), wide, 2).camera is wide


def decode(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(container.streams.video[0])]
