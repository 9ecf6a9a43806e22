"""What generated scans know about who shows in each pixel: whole numbers of planes, and shares where several meet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, Plane, Scan, UsageError
from sceneforge.core.arrays import Float32, Float64, Int32
from sceneforge.core.camera import Camera
from sceneforge.core.scene_json import scene_from_dict
from sceneforge.rendering.tracing import Tracer

UNIT_M = 0.0002
"""Of the true depth's steps."""
SIDE = 4
"""Rays per side of a pixel at outlines: pictures are antialiased, and so are matte and truth."""
FLAT_M, LEVEL = 1e-4, 0.999


class PaintTruth:
    """The truth of a generated scan with full truth.

    Args:
        folder: The scan's folder.
    """

    def __init__(self, folder: Path) -> None:
        document = json.loads((folder / "truth.json").read_bytes())
        self.scene = scene_from_dict({k: v for k, v in document.items() if k != "synth"}, path=folder / "truth.json")
        self._poses = [np.array(t["T_world_camera"], dtype=np.float64) for t in document["synth"]["track"]]
        self._folder = folder
        with np.load(folder / "truth.npz", allow_pickle=False) as z:
            vertices, faces, objects = (z[k] for k in ("vertices", "faces", "objects"))
        self._tracer = Tracer(vertices, faces)
        self._plane_of = _face_planes(vertices[faces].astype(np.float64), self.scene.planes)
        rugs = [n for n, o in enumerate(self.scene.objects, 1) if o.label is Label.RUG]
        self._rug: NDArray[np.bool_] = np.isin(objects, rugs)

    def frame(self, scan: Scan, index: int) -> tuple[NDArray[np.uint16], Float32, NDArray[np.bool_]]:
        """(H, W) number of the true plane + 1, true z-depth in metres, and whether it is a rug, of a frame."""
        import cv2

        name = f"{Path(scan.sources[index].path).stem}.png"
        kinds = ("truth_planes", "truth_depth", "truth_objects")
        planes, depth, objects = (cv2.imread(str(self._folder / k / name), cv2.IMREAD_UNCHANGED) for k in kinds)
        if planes is None or depth is None or objects is None:
            raise UsageError(f"{self._folder} has no truth for frame {name}; make the scan with truth='full'")
        rugs = [n for n, o in enumerate(self.scene.objects, 1) if o.label is Label.RUG]
        return planes.astype(np.uint16), depth.astype(np.float32) * np.float32(UNIT_M), np.isin(objects, rugs)

    def shares(
        self, planes: NDArray[np.uint16], rug: NDArray[np.bool_], own: list[int], camera: Camera, index: int
    ) -> tuple[Float32, Float32]:
        """(H, W) 0..1: how much of each pixel shows the planes `own`, and how much a rug (its sides are no plane)."""
        import cv2

        mine, kernel = np.isin(planes, own), np.ones((3, 3), np.uint8)
        edge = np.zeros(mine.shape, dtype=np.bool_)
        for part in (mine, rug):
            p = part.astype(np.uint8)
            edge |= cv2.dilate(p, kernel) != cv2.erode(p, kernel)
        v, u = np.nonzero(edge)
        out: tuple[Float32, Float32] = mine.astype(np.float32), rug.astype(np.float32)
        total, T = np.zeros((2, len(u))), self._poses[index]
        for n in range(SIDE * SIDE):
            x = (u + (n % SIDE + 0.5) / SIDE - 0.5 - camera.cx) / camera.fx
            y = (v + (n // SIDE + 0.5) / SIDE - 0.5 - camera.cy) / camera.fy
            d = np.stack([x, y, np.ones_like(x)], axis=1) @ T[:3, :3].T
            rays = np.concatenate([np.broadcast_to(T[:3, 3], d.shape), d], axis=1).astype(np.float32)
            t, hit, _ = self._tracer.first_hits(rays)
            there = np.isfinite(t)
            face = np.where(there, hit.astype(np.int64), 0)
            total += np.isin(self._plane_of[face], own) & there, self._rug[face] & there
        out[0][v, u], out[1][v, u] = total / (SIDE * SIDE)
        return out


def _face_planes(corners: Float64, planes: tuple[Plane, ...]) -> Int32:
    """(F,) index + 1 of the plane that each face (F, 3, 3) lies in, 0 = none."""
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    out = np.zeros(len(corners), dtype=np.int32)
    for number, plane in enumerate(planes, 1):
        local: NDArray[Any] = plane.to_local(corners.reshape(-1, 3)).reshape(-1, 3, 3)
        flat = (np.abs(local[..., 1]) < FLAT_M).all(axis=1) & (normal @ plane.normal > LEVEL)
        low, high = plane.polygon.min(axis=0) - 1e-3, plane.polygon.max(axis=0) + 1e-3
        inside = ((local[..., [0, 2]] >= low) & (local[..., [0, 2]] <= high)).all(axis=(1, 2))
        out[flat & inside] = number
    return out
