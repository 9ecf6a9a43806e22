"""What a frame shows of the real room, against an analytic one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sceneforge.rendering.region import Rect
from sceneforge.rendering.room_view import MESH, NONE, PLANE, SENSOR, RoomViewer
from tests.rendering.render_stage import CAMERA, exact_depth, stage


def far_from_edges(depth: np.ndarray, radius: int = 5) -> np.ndarray:
    """Pixels whose neighbourhood is one smooth surface."""
    out = np.ones(depth.shape, dtype=bool)
    for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        out &= np.abs(np.roll(depth, (dy * radius, dx * radius), (0, 1)) - depth) < 0.2
    return out


@pytest.mark.parametrize("lost", ["nothing", "a patch", "everything"])
def test_depth_is_whole_and_exact_whatever_the_sensor_misses(lost: str) -> None:
    s = stage(partition=True)
    depth = np.array(s.frame.depth)
    truth = depth.copy()
    if lost == "a patch":
        depth[40:80, 30:90] = 0
    elif lost == "everything":
        depth[:] = 0
    view = RoomViewer(s.scene).see(s.with_depth(depth).frame, s.T)
    inner = far_from_edges(truth) & (truth > 0)
    assert np.isfinite(view.depth[truth > 0]).all()
    assert np.abs(view.depth - truth)[inner].max() < 0.02
    assert (view.source[40:80, 30:90] == (SENSOR if lost == "nothing" else MESH)).mean() > 0.9


def test_planes_fill_in_where_there_is_no_mesh() -> None:
    s = stage()
    view = RoomViewer(replace(s.scene, mesh=None)).see(s.with_depth(np.zeros(CAMERA.shape)).frame, s.T)
    floor = view.source == PLANE
    assert floor.sum() > 2000
    assert np.abs(view.depth - exact_depth(s.scene.mesh, CAMERA, s.T))[floor].max() < 1e-3
    assert (view.source[~floor] == NONE).all() and np.isinf(view.depth[~floor]).all()


def test_a_face_is_named_only_where_the_pixel_shows_it() -> None:
    s = stage()
    depth = np.array(s.frame.depth)
    depth[:, :80] = 1.2
    view = RoomViewer(s.scene).see(s.with_depth(depth).frame, s.T)
    assert (view.face[:, :77] == -1).all() and (view.hits.face[30:, :77] >= 0).all()
    assert (view.face[30:, 84:] >= 0).mean() > 0.95
    assert np.abs(view.depth[:, :77] - 1.2).max() < 0.01, "someone before the scanned room"


def test_a_rectangle_gives_the_same_as_the_whole_picture() -> None:
    s = stage(partition=True)
    viewer = RoomViewer(s.scene)
    whole, rect = viewer.see(s.frame, s.T), Rect(40, 30, 110, 95)
    part = viewer.see(s.frame, s.T, rect=rect)
    for name in ("depth", "sigma", "source", "face"):
        assert (getattr(part, name) == getattr(whole, name)[rect.slices]).all(), name
    assert part.rect == rect
