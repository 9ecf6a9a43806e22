"""Planes of one depth image, against exact scenes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from sceneforge.core import Camera
from sceneforge.evaluation.planar_views import CAMERA, cylinder, noisy, patch, plane, seen
from sceneforge.perception.frame_planes import FramePlanes, segment_planes

DOWN = np.array([0.0, -1.0, -0.4])
"""Normal of a table seen from above and in front."""
U, V = np.meshgrid(np.arange(640), np.arange(480))


def iou(found: FramePlanes, truth: np.ndarray, label: int) -> float:
    """Best IoU of a found plane with a true one."""
    mine = truth == label
    return max(
        (((found.ids == p.id) & mine).sum() / ((found.ids == p.id) | mine).sum() for p in found.planes), default=0.0
    )


def test_a_wall_alone_is_one_plane_with_its_equation() -> None:
    normal = np.array([0.3, 0.2, -1.0])
    normal /= np.linalg.norm(normal)
    depth, _ = seen(plane(normal, 2.0))
    found = segment_planes(depth, CAMERA)
    assert len(found.planes) == 1
    p = found.planes[0]
    assert p.pixels == depth.size
    np.testing.assert_allclose(p.normal, normal, atol=1e-6)  # float32 depth
    assert p.offset_m == pytest.approx(2.0, abs=1e-5)
    assert p.rmse_m < 1e-5
    points = CAMERA.backproject(depth)
    # A cell's mean of a product is taken as the product of means: its error is of second order in the cell's size.
    np.testing.assert_allclose(p.centroid, points.reshape(-1, 3).mean(0), atol=2e-3)
    corners = points[[0, 0, -1, -1], [0, -1, -1, 0]].astype(np.float64)
    across = np.cross(corners[2] - corners[0], corners[3] - corners[1])
    assert p.area_m2 == pytest.approx(0.5 * np.linalg.norm(across), rel=0.005)  # corner pixels' centres, not edges


def test_room_corner_with_noise_is_three_planes_to_the_pixel() -> None:
    floor, left, back = (
        plane(np.array([0, -1.0, -0.25]), 1.3),
        plane(np.array([1.0, 0, -0.5]), 1.2),
        plane(np.array([-0.5, 0.1, -1]), 2.4),
    )
    depth, truth = seen(floor, left, back)
    found = segment_planes(noisy(depth, 1), CAMERA)
    assert len(found.planes) == 3
    for label in (1, 2, 3):
        assert iou(found, truth, label) > 0.985  # noise of 2 to 5 mm blurs each crease by a few pixels


def test_box_on_a_table_does_not_leak_and_the_table_stays_one() -> None:
    table = plane(DOWN, 0.9)
    front = patch(plane(np.array([0.0, 0.37, -1.0]), 0.72), (U > 250) & (U < 400) & (V > 160) & (V < 330))
    depth, truth = seen(table, front)
    found = segment_planes(noisy(depth, 2), CAMERA)
    near = np.where(depth < 3, truth, 0)  # the table's far end is seen at grazing angles
    found = FramePlanes(np.where(near > 0, found.ids, 0), found.planes, found.noise_scale)
    assert iou(found, near, 1) > 0.985
    assert iou(found, near, 2) > 0.95
    table_id = found.ids[440, 320]
    assert (found.ids[truth == 2] == table_id).mean() < 0.01


def test_table_parted_by_a_thing_that_hides_it_is_one_plane_but_two_tops_over_a_gap_are_two() -> None:
    top = plane(DOWN, 0.9)
    hider = patch(plane(np.array([0, 0, -1.0]), 0.6), (U > 280) & (U < 360))
    depth, _ = seen(top, hider)
    found = segment_planes(noisy(depth, 3), CAMERA)
    assert found.ids[400, 100] == found.ids[400, 540] > 0
    floor = plane(DOWN, 2.2)
    tops = patch(top, ((U < 220) | (U > 420)) & (V > 200))
    depth, _ = seen(tops, floor)
    found = segment_planes(noisy(depth, 3), CAMERA)
    assert found.ids[400, 100] != found.ids[400, 540]


@pytest.mark.parametrize("radius", [0.05, 0.1, 0.25])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_cylinder_is_no_plane(radius: float, seed: int) -> None:
    wall = plane(np.array([0, 0, -1.0]), 1.6)
    column = cylinder(np.array([0, 0, 1.0]), np.array([0.1, 1, 0.05]), radius)
    depth, truth = seen(wall, column)
    found = segment_planes(noisy(depth, seed, 0.001), CAMERA)
    assert iou(found, truth, 1) > 0.97
    assert (found.ids[truth == 2] > 0).mean() < 0.03


@pytest.mark.parametrize("radius", [0.35, 0.5])
@pytest.mark.parametrize("far", [1.0, 1.6, 2.5])
def test_a_wide_column_is_no_plane_though_each_strip_of_it_hardly_turns(radius: float, far: float) -> None:
    wall = plane(np.array([0, 0, -1.0]), far + radius + 0.6)
    depth, truth = seen(wall, cylinder(np.array([0, 0, far]), np.array([0.1, 1, 0.05]), radius))
    found = segment_planes(noisy(depth, 0, 0.0012), CAMERA)
    assert (found.ids[truth == 2] > 0).mean() < 0.12  # strips at the outline are narrow and seen aslant


def test_steps_and_tilts_beyond_the_noise_part_planes() -> None:
    step = patch(plane(np.array([0, 0, -1.0]), 0.97), U > 320)
    depth, truth = seen(plane(np.array([0, 0, -1.0]), 1.0), step)
    found = segment_planes(noisy(depth, 4, 0.001), CAMERA)
    assert iou(found, truth, 1) > 0.99
    assert iou(found, truth, 2) > 0.99
    ramp = plane(np.array([np.sin(0.35), 0, -np.cos(0.35)]), 1.0)
    depth, truth = seen(plane(np.array([0, 0, -1.0]), 1.0), ramp)
    found = segment_planes(noisy(depth, 5, 0.001), CAMERA)
    assert iou(found, truth, 1) > 0.97
    assert iou(found, truth, 2) > 0.97


def test_covariance_matches_the_error() -> None:
    normal = np.array([0.2, -0.5, -1.0])
    normal /= np.linalg.norm(normal)
    depth, _ = seen(plane(normal, 1.5))
    squared = []
    for seed in range(40):
        p = segment_planes(noisy(depth, seed, 0.004), CAMERA).planes[0]
        error = np.append(p.normal - normal, p.offset_m - 1.5)
        values, vectors = np.linalg.eigh(p.covariance)
        seen_in = values > 1e-6 * values[-1]
        assert seen_in.sum() == 3  # a unit normal has two freedoms, the offset one
        squared.append(((vectors.T @ error)[seen_in] ** 2 / values[seen_in]).sum())
    # Chi square with 3 freedoms has mean 3; of 40 draws the mean is good to 0.39, and the tails are left room.
    assert 1.8 < np.mean(squared) < 4.5


def test_no_depth_and_scattered_depth_give_no_planes() -> None:
    assert segment_planes(np.zeros((480, 640), np.float32), CAMERA).planes == ()
    rng = np.random.default_rng(0)
    scatter = rng.uniform(0.5, 3, (480, 640)).astype(np.float32)
    found = segment_planes(scatter, CAMERA)
    assert found.planes == ()
    assert not found.ids.any()


def test_odd_sizes_and_small_images() -> None:
    camera = Camera(101, 75, 90.0, 90.0, 50.0, 37.0)
    depth, _ = seen(plane(np.array([0.1, 0, -1.0]), 1.0, camera))
    found = segment_planes(depth, camera)
    assert len(found.planes) == 1
    assert found.ids.all()
    with pytest.raises(ValueError, match="expects"):
        segment_planes(depth[:-1], camera)


def test_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib, numpy as np\n"
        "from sceneforge.perception.frame_planes import segment_planes\n"
        "from sceneforge.evaluation.planar_views import *\n"
        "d, _ = seen(plane(np.array([0, -1.0, -0.25]), 1.3), plane(np.array([1.0, 0, -0.5]), 1.2))\n"
        "f = segment_planes(noisy(d, 7), CAMERA)\n"
        "h = hashlib.sha256(f.ids.tobytes())\n"
        "for p in f.planes: h.update(p.normal.tobytes() + p.covariance.tobytes() + p.centroid.tobytes())\n"
        "print(len(f.planes), h.hexdigest())\n"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(runs) == 1
    assert runs.pop().startswith("2 ")
