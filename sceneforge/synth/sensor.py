"""What a structured-light depth sensor makes of a true depth image.

The disparity noise and quantisation are those of Handa et al., "A Benchmark for RGB-D Visual Odometry, 3D
Reconstruction and SLAM" (ICRA 2014), section III, after Barron and Malik 2013: pixels wander by half a pixel, disparity
in eighths of a pixel gets Gaussian noise of 1/6 and is rounded, so that the error grows with z squared (13 mm per
step at 2 m). Loss at grazing angles follows Nguyen et al., "Modeling Kinect Sensor Noise" (3DIMPVT 2012): nothing is
reliable beyond about 80 degrees of incidence. The projector's shadows are geometric; black gloss swallows the pattern.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32
from sceneforge.core.camera import Camera


@dataclass(frozen=True)
class DepthSensor:
    """The sensor's constants."""

    baseline_m: float = 0.075
    """Projector to the camera's right."""
    disparity_steps: float = 8.0
    """Quantisation: levels per pixel of disparity."""
    disparity_sigma: float = 1 / 6
    """Noise in quantisation steps."""
    lateral_sigma_px: float = 0.5
    """How far pixels wander."""
    near_m: float = 0.4
    far_m: float = 6.0
    grazing_deg: float = 80.0
    """Incidence at which half the readings are lost."""
    correlation_px: float = 1.2
    """Width of the matching window's smoothing of the noise (standard deviation)."""


def sense(
    depth: Float32,
    cosine: Float32,
    absorbing: Float32,
    camera: Camera,
    rng: np.random.Generator,
    sensor: DepthSensor | None = None,
) -> Float32:
    """Noisy z-depth (H, W) float32 metres, 0 = no reading.

    Args:
        depth: (H, W) true z-depth in metres, 0 = nothing in sight.
        cosine: (H, W) cosine of the angle of incidence.
        absorbing: (H, W) 0..1, how much of the pattern the surface swallows (`Material.infrared`).
        camera: Intrinsics of the depth image.
        rng: Source of all noise.
        sensor: Constants, a 640-pixel Kinect-like device when None.
    """
    s = sensor or DepthSensor()
    h, w = depth.shape
    scale = w / 640.0  # small test images stand for the same optics with larger pixels
    rows = np.arange(h)[:, None] + s.lateral_sigma_px * scale * _correlated(rng, h, w, s.correlation_px)
    cols = np.arange(w)[None, :] + s.lateral_sigma_px * scale * _correlated(rng, h, w, s.correlation_px)
    r, c = np.clip(np.rint(rows), 0, h - 1).astype(int), np.clip(np.rint(cols), 0, w - 1).astype(int)
    z, cos, dark = depth[r, c].astype(np.float64), cosine[r, c], absorbing[r, c]
    valid = (z >= s.near_m) & (z <= s.far_m) & ~_shadowed(depth, camera, s.baseline_m)
    steps = s.disparity_steps * camera.fx / scale * s.baseline_m
    disparity = np.divide(steps, z, out=np.ones_like(z), where=z > 0)
    disparity = np.rint(disparity + s.disparity_sigma * _correlated(rng, h, w, s.correlation_px))
    out = steps / np.maximum(disparity, 1)
    # weak returns drop out in patches, the more the greater the distance
    strength = 1.0 - dark * np.clip(0.55 + 0.18 * z, 0, 1.2)
    angle = np.degrees(np.arccos(np.clip(cos, 0, 1)))
    strength -= np.clip((angle - s.grazing_deg) / 8.0 + 0.5, 0, 1)
    patches = 0.5 + 0.22 * _correlated(rng, h, w, 2.5)
    valid &= strength > np.clip(patches, 0.02, 0.98)
    valid &= rng.random((h, w)) > 0.0008
    return np.where(valid & (out >= s.near_m) & (out <= s.far_m), out, 0).astype(np.float32)


def _correlated(rng: np.random.Generator, h: int, w: int, sigma: float) -> NDArray[np.float64]:
    """Unit-variance Gaussian noise smoothed over `sigma` pixels."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.standard_normal((h, w)), sigma, mode="wrap", truncate=3.0)
    return np.asarray(field * (2 * sigma * np.sqrt(np.pi)))


def _shadowed(depth: Float32, camera: Camera, baseline: float) -> NDArray[np.bool_]:
    """Pixels whose surface the projector cannot see because something nearer stands between (left of near edges)."""
    x = np.arange(depth.shape[1], dtype=np.float64)[None, :]
    with np.errstate(divide="ignore"):
        at = np.where(depth > 0, x - camera.fx * baseline / np.where(depth > 0, depth, 1), np.inf)
    right = np.minimum.accumulate(at[:, ::-1], axis=1)[:, ::-1]
    following = np.concatenate([right[:, 1:], np.full((len(at), 1), np.inf)], 1)
    return np.asarray(at > following + 0.5)
