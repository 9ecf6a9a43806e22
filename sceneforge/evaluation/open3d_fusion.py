"""Open3D's own fusion of depth images, the peer of ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sceneforge.core import Frame
from sceneforge.core.transforms import inverse


def fuse(frames: Iterable[Frame], voxel_m: float, max_depth_m: float, least_weight: float) -> tuple[Any, int]:
    """The mesh (open3d.geometry.TriangleMesh) of frames with poses, and how many there were.

    Args:
        frames: Read one by one.
        voxel_m, max_depth_m: Edge of a voxel, and how far depth counts.
        least_weight: Readings that a voxel needs to count.
    """
    import open3d as o3d

    core, image = o3d.core, o3d.t.geometry.Image
    types = (core.float32, core.float32, core.float32)
    grid = o3d.t.geometry.VoxelBlockGrid(
        ("tsdf", "weight", "color"), types, ((1), (1), (3)), voxel_m, 16, 4000, core.Device("CPU:0")
    )
    count = 0
    for frame in frames:
        assert frame.T_world_camera is not None
        depth = image(core.Tensor(np.asarray(frame.depth).copy()))
        color = image(core.Tensor(frame.color.astype(np.float32)))
        extrinsic = core.Tensor(inverse(frame.T_world_camera))
        K, K_color = core.Tensor(frame.depth_camera.K), core.Tensor(frame.camera.K)
        blocks = grid.compute_unique_block_coordinates(depth, K, extrinsic, 1.0, max_depth_m)
        grid.integrate(blocks, depth, color, K, K_color, extrinsic, 1.0, max_depth_m)
        count += 1
    return grid.extract_triangle_mesh(least_weight).to_legacy(), count
