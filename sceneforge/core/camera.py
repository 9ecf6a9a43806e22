"""The pinhole camera: OpenCV axes (x right, y down, z forward), pixel centres at integer coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import Float32, Float64


@dataclass(frozen=True, slots=True)
class Camera:
    """Pinhole intrinsics for images of one size, without lens distortion."""

    width: int
    """Image width in pixels."""
    height: int
    """Image height in pixels."""
    fx: float
    """Focal length along x, pixels."""
    fy: float
    """Focal length along y, pixels."""
    cx: float
    """Principal point x, pixels, with (0, 0) the centre of the top-left pixel."""
    cy: float
    """Principal point y, pixels."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"image size must be positive, got {self.width}x{self.height}")
        if not all(np.isfinite([self.fx, self.fy, self.cx, self.cy])) or self.fx <= 0 or self.fy <= 0:
            raise ValueError(
                f"focal lengths must be positive and finite, got {self.fx}, {self.fy}, {self.cx}, {self.cy}"
            )

    @classmethod
    def from_matrix(cls, width: int, height: int, K: NDArray[np.float64]) -> Camera:
        """Camera from a 3x3 (or larger) matrix K; skew is ignored."""
        return cls(width, height, float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2]))

    @property
    def K(self) -> Float64:
        """Intrinsic matrix (3, 3) float64."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], dtype=np.float64)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width), as arrays are indexed."""
        return self.height, self.width

    def resized(self, width: int, height: int) -> Camera:
        """The same camera for images scaled to another size (pixel centres stay at integers)."""
        sx, sy = width / self.width, height / self.height
        return Camera(width, height, self.fx * sx, self.fy * sy, (self.cx + 0.5) * sx - 0.5, (self.cy + 0.5) * sy - 0.5)

    def rays(self) -> Float32:
        """Viewing rays (H, W, 3) float32 in camera axes with z = 1: multiply by z-depth to get points."""
        x = (np.arange(self.width, dtype=np.float64) - self.cx) / self.fx
        y = (np.arange(self.height, dtype=np.float64) - self.cy) / self.fy
        out = np.ones((self.height, self.width, 3), dtype=np.float32)
        out[..., 0], out[..., 1] = x[None, :], y[:, None]
        return out

    def project(self, points: NDArray[np.floating]) -> tuple[Float64, Float64]:
        """Project points (..., 3) in camera axes to pixels (..., 2) and z-depth (...); NaN pixels where z <= 0."""
        p = np.asarray(points, dtype=np.float64)
        z = p[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            inv = np.where(z > 0, 1.0 / z, np.nan)
        return np.stack([p[..., 0] * inv * self.fx + self.cx, p[..., 1] * inv * self.fy + self.cy], axis=-1), z

    def backproject(self, depth: NDArray[np.floating]) -> Float32:
        """Points (H, W, 3) float32 in camera axes from z-depth (H, W) in metres; 0, 0, 0 where depth is 0."""
        if depth.shape != self.shape:
            raise ValueError(f"depth is {depth.shape}, the camera expects {self.shape}")
        return np.asarray(self.rays() * depth[..., None].astype(np.float32), dtype=np.float32)
