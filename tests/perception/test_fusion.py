"""The voxel volume: exact where depth is exact, the same on any number of threads, bounded in memory."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core import Frame, Mesh
from sceneforge.core.arrays import Float64
from sceneforge.perception.fusion import DepthFusion
from tests.perception.furnished import CAMERA, Truth, box, cast, joined, look_at


def frame(depth: np.ndarray, T: Float64, color: tuple[int, int, int] = (10, 120, 230)) -> Frame:
    picture = np.broadcast_to(np.array(color, np.uint8), (*CAMERA.shape, 3)).copy()
    return Frame(0, "f", 0.0, picture, depth, CAMERA, CAMERA, T)


def fused(mesh: Mesh, poses: list[Float64], **options: float) -> Mesh:
    fusion = DepthFusion(**options)  # type: ignore[arg-type]
    for T in poses:
        fusion.add(frame(cast(mesh, T), T), T)
    return fusion.mesh()


BLOCK = joined([box((0, 0, 0), (0.6, 0.4, 0.5))])
AROUND = [look_at((1.6 * np.sin(a), 0.9, 1.6 * np.cos(a)), (0, 0, 0)) for a in np.arange(0, 2 * np.pi, np.pi / 8)]


def test_surface_lies_on_the_true_one_and_faces_outwards() -> None:
    m = fused(BLOCK, AROUND)
    half = np.array([0.3, 0.2, 0.25])
    outside = np.abs(m.vertices) - half
    distance = np.where((outside > 0).any(axis=1), np.linalg.norm(np.maximum(outside, 0), axis=1), -outside.max(axis=1))
    assert np.median(np.abs(distance)) < 0.001
    assert np.percentile(np.abs(distance), 95) < 0.012
    v, n = m.vertices[m.faces].mean(axis=1), m.face_normals
    side = np.abs(v) > half - 0.015
    clear = side.sum(axis=1) == 1
    facing = np.einsum("ij,ij->i", n, np.where(side, np.sign(v), 0))[clear]
    assert (facing > 0.8).mean() > 0.9 and (facing < -0.1).mean() < 0.001
    assert m.colors is not None
    assert np.abs(m.colors.astype(int) - (10, 120, 230)).max() <= 1


def test_a_camera_that_adapts_leaves_no_seams() -> None:
    block = joined([box((0, 0, 0), (1.2, 0.8, 1.0))])
    fusion = DepthFusion()
    for i, a in enumerate(np.arange(0, 2 * np.pi, np.pi / 8)):
        T = look_at((2.2 * np.sin(a), 1.3, 2.2 * np.cos(a)), (0, 0, 0))
        gain = 1.0 + 0.4 * np.sin(2.0 * i)
        color = (round(60 * gain), round(80 * gain), round(120 * gain))
        fusion.add(frame(cast(block, T), T, color), T)
    colors = fusion.mesh().colors
    assert colors is not None
    # Without compensation the sides differ by a quarter; whole numbers of so dark a grey are good to 1 %.
    assert (colors.std(axis=0) / colors.mean(axis=0)).max() < 0.02
    # And the surface is as bright as the pictures were in the mean (of their logarithms).
    assert np.abs(colors.mean(axis=0) / np.array([60, 80, 120]) - 1).max() < 0.1


def test_far_and_grazing_readings_weigh_less() -> None:
    from sceneforge.perception.reading_kernels import reading_weights

    facing = np.full((9, 9), 1.0, np.float32)
    slanted = (1.0 / (1.0 - np.arange(-4, 5) / 100.0))[None, :].repeat(9, axis=0).astype(np.float32)  # 45 degrees
    assert reading_weights(facing, 100.0, 100.0)[4, 4] == pytest.approx(1.0)
    assert reading_weights(2 * facing, 100.0, 100.0)[4, 4] == pytest.approx(0.25)
    assert reading_weights(slanted, 100.0, 100.0)[4, 4] == pytest.approx(0.5**0.5, abs=0.01)


def test_threads_do_not_change_a_bit(truth: Truth) -> None:
    frames = [truth.scan.read(i) for i in range(4)]
    one, three = DepthFusion(threads=1), DepthFusion(threads=3)
    for f in frames:
        assert f.T_world_camera is not None
        one.add(f, f.T_world_camera)
        three.add(f, f.T_world_camera)
    a, b = one.mesh(), three.mesh()
    assert a.vertices.tobytes() == b.vertices.tobytes()
    assert a.faces.tobytes() == b.faces.tobytes()


def test_a_frame_made_ready_ahead_is_fused_as_one_that_was_not(truth: Truth) -> None:
    scan = truth.scan
    at_once, ahead = DepthFusion(), DepthFusion()
    frames = [f for f in scan.frames(range(6)) if f.T_world_camera is not None]
    ready = [ahead.prepare(f) for f in frames]
    for f, r in zip(frames, ready, strict=True):
        assert f.T_world_camera is not None
        at_once.add(f, f.T_world_camera)
        ahead.add(f, f.T_world_camera, r)
    a, b = at_once.mesh(), ahead.mesh()
    assert len(a.faces) and a.vertices.tobytes() == b.vertices.tobytes()
    assert a.colors is not None and b.colors is not None and a.colors.tobytes() == b.colors.tobytes()


def test_seeing_the_same_again_allocates_nothing() -> None:
    fusion = DepthFusion()
    T = AROUND[0]
    shot = frame(cast(BLOCK, T), T)
    fusion.add(shot, T)
    blocks = fusion.blocks
    for _ in range(5):
        fusion.add(shot, T)
    assert fusion.blocks == blocks > 0


def test_what_moved_away_is_carved() -> None:
    wall = joined([box((0, 0, -1.0), (3, 3, 0.1))])
    thing = joined([box((0, 0, -1.0), (3, 3, 0.1)), box((0, 0, -0.8), (0.3, 0.3, 0.05))])
    T = look_at((0, 0, 1.2), (0, 0, -1))
    fusion = DepthFusion()
    for scene in (thing, thing, *[wall] * 12):
        fusion.add(frame(cast(scene, T), T), T)
    assert fusion.mesh().vertices[:, 2].max() < -0.9


def test_flying_pixels_are_dropped_and_slopes_kept() -> None:
    from sceneforge.perception.volume_kernels import clean_depth

    depth = np.full((5, 9), 1.0, np.float32)
    depth[:, 5:] = 2.0
    depth[:, 4] = 1.5
    cleaned = clean_depth(depth, 0.1, 5.0, 0.05)
    assert (cleaned[:, 4] == 0).all() and (cleaned[:, [3, 5]] > 0).all()
    slope = np.tile(np.linspace(2, 2.2, 40, dtype=np.float32), (5, 1))
    assert (clean_depth(slope, 0.1, 5.0, 0.05) == slope).all()


@pytest.mark.parametrize("voxel_m", [0.01, 0.04])
def test_voxel_size_sets_the_detail(voxel_m: float) -> None:
    m = fused(BLOCK, AROUND, voxel_m=voxel_m)
    area = 0.5 * np.linalg.norm(
        np.cross(
            m.vertices[m.faces[:, 1]] - m.vertices[m.faces[:, 0]], m.vertices[m.faces[:, 2]] - m.vertices[m.faces[:, 0]]
        ),
        axis=1,
    )
    assert np.sqrt(2 * area.mean()) == pytest.approx(voxel_m, rel=0.35)


def test_nothing_seen_is_an_empty_mesh() -> None:
    fusion = DepthFusion()
    fusion.add(frame(np.zeros(CAMERA.shape, np.float32), AROUND[0]), AROUND[0])
    assert len(fusion.mesh().faces) == 0
