"""The loops of what smooth paint mirrors, compiled by numba. One thread, so results never vary."""

from __future__ import annotations

import math

import numpy as np

from .kernels import Array, kernel
from .painted_kernels import encode

SAME_M = 0.05
"""A point is what the frame shows if it lies this near to it, beyond three standard errors."""


@kernel
def mirrored_rays(
    share: Array, k: Array, T_world_camera: Array, T_world_plane: Array, straight: float, lift: float
) -> tuple[Array, Array, Array]:
    """Rays (n, 6) in the world from where pixels' rays meet the plane, mirrored in it; the pixels' numbers (n,); and
    (n,) the share of light that comes that way. See `Gloss.add` for the arguments."""
    h, w = share.shape
    rays, at = np.empty((h * w, 6), dtype=np.float32), np.empty(h * w, dtype=np.int64)
    fresnel = np.empty(h * w, dtype=np.float32)
    n = 0
    d, normal, origin = np.zeros(3), T_world_plane[:3, 1], T_world_camera[:3, 3]
    above = 0.0
    for c in range(3):
        above += (origin[c] - T_world_plane[c, 3]) * normal[c]
    for i in range(h):
        for j in range(w):
            if share[i, j] <= 0.01:
                continue
            x, y = (j - k[2]) / k[0], (i - k[3]) / k[1]
            down, length = 0.0, 0.0
            for c in range(3):
                d[c] = T_world_camera[c, 0] * x + T_world_camera[c, 1] * y + T_world_camera[c, 2]
                down += d[c] * normal[c]
                length += d[c] * d[c]
            if down > -1e-4 or above <= 0:
                continue
            t = (above - lift) / -down
            for c in range(3):
                rays[n, c] = origin[c] + t * d[c]
                rays[n, 3 + c] = d[c] - 2.0 * down * normal[c]
            fresnel[n] = straight + (1.0 - straight) * (1.0 + down / math.sqrt(length)) ** 5
            at[n] = i * w + j
            n += 1
    return rays[:n], at[:n], fresnel[:n]


@kernel
def met(
    rays: Array, t: Array, face: Array, bary: Array, faces: Array, colors: Array, gain: Array, usual: Array,
    picture: Array, depth: Array, sigma: Array, k: Array, T: Array, to_linear: Array,
) -> Array:  # fmt: skip
    """(n, 3) linear light that comes back along rays: the picture's where it shows what they meet, else the mesh's."""
    h, w = depth.shape
    out = np.empty((len(rays), 3), dtype=np.float32)
    p = np.zeros(3)
    for n in range(len(rays)):
        if not math.isfinite(t[n]):
            for c in range(3):
                out[n, c] = usual[c] * gain[c]
            continue
        x, y, z = 0.0, 0.0, 0.0
        for c in range(3):
            p[c] = rays[n, c] + t[n] * rays[n, 3 + c] - T[c, 3]
            x, y, z = x + T[c, 0] * p[c], y + T[c, 1] * p[c], z + T[c, 2] * p[c]
        if z > 0.05:
            j, i = int(x / z * k[0] + k[2] + 0.5), int(y / z * k[1] + k[3] + 0.5)
            if 0 <= i < h and 0 <= j < w and abs(depth[i, j] - z) < SAME_M + 3.0 * min(sigma[i, j], 0.1):
                for c in range(3):
                    out[n, c] = to_linear[picture[i, j, c]]
                continue
        a, b, q = faces[face[n], 0], faces[face[n], 1], faces[face[n], 2]
        u, v = bary[n, 0], bary[n, 1]
        for c in range(3):
            out[n, c] = ((1.0 - u - v) * colors[a, c] + u * colors[b, c] + v * colors[q, c]) * gain[c]
    return out


@kernel
def add_mirrored(picture: Array, mirror: Array, at: Array, share: Array, to_linear: Array, to_srgb: Array) -> None:
    """Exchange a share (n,) of the light of pixels (n,) for what they mirror (H, W, 4), weighted; in place."""
    w = picture.shape[1]
    for n in range(len(at)):
        i, j = at[n] // w, at[n] % w
        weight = max(mirror[i, j, 3], 1e-6)
        for c in range(3):
            light = to_linear[picture[i, j, c]] * (1.0 - share[n]) + mirror[i, j, c] / weight * share[n]
            picture[i, j, c] = encode(light, to_srgb)
