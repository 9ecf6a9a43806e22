"""Sensor depth refined to the colour image: flying pixels out, noise down, edges at colour edges, holes filled.

Inside surfaces a reading is replaced by its local plane, combined with the scene's mesh where both agree. Near depth
edges and in holes the surfaces around vote, those of like colour most (weighted mode filtering, Min, Lu & Do, TIP
2012); the mesh and planes that other frames saw take part. What is left is filled along the cheapest way through the
picture (geodesic distance). Every pixel gets a standard deviation that says how far it can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, Frame, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8

from .noise import FIT_RADIUS, GENERIC, SensorNoise, plane_fits
from .prior import FILLED, NONE, SENSOR, Prior, ScenePrior
from .registration import Registration
from .sides import choose_sides
from .threads import in_parts

ALIGNED = Registration()
NEAR_M, FAR_M = 0.1, 20.0
"""Depth outside is no reading."""
BAND_PX = 2
"""Readings this near a depth edge are doubtful, in pixels of a picture 640 wide."""
REACH_PX = 7
"""Half the voting window, likewise."""
LEAST_JUMP = 0.03
"""Smallest depth edge, as a share of the depth."""
COLOR_SIGMA = 14.0
"""Colour difference at which a vote counts 0.61; sensor noise of ordinary cameras is below half of it."""
ROUNDS = (0.05, 0.05, 0.05, 0.02, 0.02, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0)
"""How much the votes must weigh in each round; voting goes on from what was filled before."""
DEEP_PX = 12
"""Farther than this from any reading the scene knows better than the picture, in pixels of one 640 wide."""
PRIOR_TURN = 0.003
"""Where votes weigh less than this, the scene decides first."""
GAP_PX = 40
"""Widest hole between the two sides of a depth edge, in pixels of a picture 640 wide."""
OWN_SUPPORT = 2.0
"""How many times likelier than wrong the sensor is at doubtful pixels: factor on the votes that agree with it."""
FINER = 1.5
"""A colour image finer than this, against the depth image, decides alone on which side of an edge a pixel is."""
BLUR_PX = 0.7
"""Blur of the colour image against its noise."""

BAND_TRUST = 0.3
"""Weight of a doubtful reading's vote; that of a firm one is 1."""
PRIOR_BAND_PX = 4
"""The scene's own edges are this rough: a voxel or two."""
SHADOW = 0.97
"""How much less the near side of a depth edge counts where the sensor is silent."""
SHADOW_SLACK_PX = 0.5
"""How far outlines of shadows wander."""
READABLE_M, READABLE_SLOPE = 4.0, 2.5
"""Surfaces nearer than this and less aslant (tangent) are read by any sensor that is not blinded."""
DARK = 60.0
"""Surfaces below this brightness (0..255) may have swallowed the sensor's light."""
HOLE_RISK, ROUND_RISK = 0.05, 0.03
"""A vote is wrong as often as the share it was won against (measured on generated scans: within a quarter of that), and
more often in holes and with every round."""
PRIOR_RISK = 0.1
"""Standard deviation of what only the scene knows, as a share of depth: it may show what lies behind."""


@dataclass(frozen=True)
class RefinedDepth:
    """Depth of one picture, at the colour image's resolution."""

    depth: Float32
    """(H, W) z-depth in metres, 0 = nothing known."""
    sigma: Float32
    """(H, W) standard deviation of `depth` in metres, inf where depth is 0."""
    source: UInt8
    """(H, W) 0 none, 1 sensor, 2 mesh, 3 plane, 4 filled from neighbours."""
    edges: UInt8
    """(H, W) 1 where the pixel was doubtful because of a depth edge."""
    camera: Camera
    """Intrinsics of the colour image, with the residual of the registration put right."""


class DepthRefiner:
    """Refines the depth of a scan's frames.

    Args:
        scene: What is known of the room: its mesh and planes fill what a frame's own sensor missed. None = nothing.
        noise: The sensor's noise, from `measure_noise`.
        registration: Where the depth image lies on the colour image, from `register`.
    """

    def __init__(
        self,
        scene: Scene | None = None,
        *,
        noise: SensorNoise = GENERIC,
        registration: Registration = ALIGNED,
    ) -> None:
        self._prior = None if scene is None else ScenePrior(scene)
        self.noise, self.registration = noise, registration

    def refine(self, frame: Frame, T_world_camera: Float64 | None = None) -> RefinedDepth:
        """Refine one frame.

        Args:
            frame: Colour and sensor depth (which may be empty: then the scene alone answers).
            T_world_camera: (4, 4) the camera's pose in the scene's world; None = the scene is not asked.
        """
        import cv2

        camera = self.registration.camera(frame.camera)
        px = camera.width / 640
        fit, edge = self._surfaces(frame)
        planes, count = _carried(fit, frame.depth_camera, camera)
        edges = _carried_mask(edge, frame.depth_camera, camera)
        near = _near_side(planes[0], edges == 1, px)
        band = _dilated(edges > 0, max(round(BAND_PX * px), 1))
        color = cv2.GaussianBlur(frame.color, (0, 0), BLUR_PX * max(px, 0.5)).astype(np.float32)
        dark = np.clip((DARK - color.max(axis=2)) / 30, 0, 1)
        own = planes[0].copy()
        field = _sensed(planes, count, band, self.noise)
        prior = None
        if self._prior is not None and T_world_camera is not None:
            prior = self._prior.see(camera, T_world_camera)
        _vote(field, prior, color, own, near, self.noise, px, camera.fx, dark)
        _spread(field, color, px)
        w = field.planes[0]
        if camera.fx < FINER * frame.depth_camera.fx:
            d = frame.depth
            read = np.divide(1, d, out=np.zeros_like(d), where=(d > NEAR_M) & (d < FAR_M))
            read = _carried_mask(read, frame.depth_camera, camera)
            choose_sides(field.planes, field.s, frame.color, read, self.noise.sigma_w(w), LEAST_JUMP, px)
        z = np.divide(1, w, out=np.zeros_like(w), where=w > 0)
        sigma = np.where(w > 0, field.s * z * z, np.float32(np.inf)).astype(np.float32)
        return RefinedDepth(z, sigma, field.source, band.astype(np.uint8), camera)

    def _surfaces(self, frame: Frame) -> tuple[Float32, UInt8]:
        """Local planes at the depth image's resolution without flying pixels; depth edges as from `kernels.jumps`."""
        from .kernels import jumps

        d = frame.depth
        w = np.divide(1, d, out=np.zeros_like(d), where=(d > NEAR_M) & (d < FAR_M))
        fit = plane_fits(w, self.noise, frame.depth_camera.fx)
        sigma = self.noise.sigma_w(w)
        window = (2 * FIT_RADIUS + 1) ** 2
        flying = (fit[3] < 0.2 * window) | (np.abs(w - fit[0]) > 3.5 * sigma)
        fit[:, flying] = 0
        reach = max(round(GAP_PX * frame.depth_camera.width / 640), 1)
        return fit, jumps(fit[0], fit[1], fit[2], sigma, LEAST_JUMP, reach)


@dataclass
class _Field:
    """A depth image on its way: local planes at the colour image's pixels and what is known of them."""

    planes: Float32
    """(3, H, W) w, gx, gy; w is 0 where nothing is known."""
    s: Float32
    """(H, W) standard deviation of w."""
    source: UInt8
    """(H, W) as in `RefinedDepth`."""
    trust: Float32
    """(H, W) weight of the pixel's vote on its neighbours."""
    settled: NDArray[np.bool_]
    """(H, W) whether the pixel's own depth stands."""


def _sensed(planes: Float32, count: Float32, band: NDArray[np.bool_], noise: SensorNoise) -> _Field:
    """What the sensor alone says."""
    w = planes[0]
    there = w > 0
    s = noise.sigma_w(w) * np.float32(np.sqrt(noise.correlation)) / np.sqrt(np.maximum(count, 1))
    trust = np.where(there, np.where(band, np.float32(BAND_TRUST), np.float32(1)), np.float32(0))
    source = np.where(there, SENSOR, NONE).astype(np.uint8)
    return _Field(planes, s.astype(np.float32), source, trust.astype(np.float32), there & ~band)


def _add_prior(field: _Field, prior: Prior, noise: SensorNoise, px: float) -> tuple[Float32, Float32]:
    """Combine the sensor with the scene where both agree.

    Returns:
        (H, W) the scene's w away from its own rough edges, 0 elsewhere; (H, W) its standard deviation.
    """
    w = field.planes[0]
    sigma, agrees = _prior_noise(w, field.s, noise, prior, field.settled)
    k = 1 / field.s[agrees] ** 2 + 1 / sigma[agrees] ** 2
    w[agrees] = (w[agrees] / field.s[agrees] ** 2 + prior.w[agrees] / sigma[agrees] ** 2) / k
    # sensor and mesh share part of their error: the mesh was made from such frames
    field.s[agrees] = np.sqrt(1 / k + (0.5 * field.s[agrees]) ** 2)
    near = _dilated(_prior_edges(prior, noise), max(round(PRIOR_BAND_PX * px), 1))
    return np.where(near, 0, prior.w).astype(np.float32), 2 * sigma


def _prior_noise(
    w: Float32, s: Float32, noise: SensorNoise, prior: Prior, judge: NDArray[np.bool_]
) -> tuple[Float32, NDArray[np.bool_]]:
    """Standard deviation (H, W) of the prior's inverse depth, from how far it lies off the sensor; where both agree."""
    unit = noise.sigma_w(np.where(prior.w > 0, prior.w, _typical(w)))
    both = judge & (prior.w > 0)
    ratio = 1.0
    if both.sum() > 500:
        total = 1.4826 * float(np.median(np.abs(prior.w - w)[both] / unit[both]))
        own = float(np.median(s[both] / unit[both]))
        ratio = float(np.sqrt(max(total**2 - own**2, (0.7 * total) ** 2)))
    sigma = np.asarray(ratio * unit, dtype=np.float32)
    return sigma, both & (np.abs(prior.w - w) < 3 * np.sqrt(sigma**2 + s**2))


def _prior_edges(prior: Prior, noise: SensorNoise) -> NDArray[np.bool_]:
    from .kernels import jumps

    return np.asarray(jumps(prior.w, prior.gx, prior.gy, 0.25 * noise.sigma_w(prior.w), LEAST_JUMP, 0) > 0)


def _vote(
    field: _Field,
    prior: Prior | None,
    color: Float32,
    own: Float32,
    near: UInt8,
    noise: SensorNoise,
    px: float,
    focal: float,
    dark: Float32,
) -> None:
    """Doubtful and unknown pixels take the depth that the surfaces around them vote for, from the known inwards."""
    import cv2

    from .kernels import vote

    radius = max(round(REACH_PX * px), 3)
    silent = (own <= 0).astype(np.float32)
    wide = cv2.blur(silent, (2 * round(2 * px) + 1,) * 2) > 0.4
    hidden = _hidden(own, noise, focal)
    explained = _may_be_shadow(own, noise.shadow_side, px) if hidden is None else hidden > 0
    shaded = (own <= 0) & wide & explained
    shadow = np.where(shaded, np.float32(SHADOW) * (1 - dark), np.float32(0)).astype(np.float32)
    if prior is not None:
        behind, s_behind = _add_prior(field, prior, noise, px)
        deep = cv2.distanceTransform((own <= 0).astype(np.uint8), cv2.DIST_L2, 3) > DEEP_PX * px
        behind[dark > 0.5] = 0  # where light was swallowed no frame saw a surface, and the mesh shows what is behind
        if hidden is not None:
            # what the sensor would have seen is not there
            behind[(own <= 0) & wide & (behind > hidden) & _plain(prior, focal)] = 0
        _settle_by_prior(field, prior, behind * deep, s_behind)
    unknown = np.full(own.shape, -1, np.float32)
    for turn, least in enumerate(ROUNDS):
        if prior is not None and least < PRIOR_TURN:
            _settle_by_prior(field, prior, behind, s_behind)
            prior = None
        todo = np.argwhere(~field.settled).astype(np.int32)
        if not len(todo):
            return
        w = field.planes[0]
        unit = noise.sigma_w(np.where(w > 0, w, _typical(w)))
        out = np.empty((5, len(todo)), np.float32)
        fixed = (
            color,
            field.planes,
            field.trust,
            own,
            shadow,
            near,
            unknown if hidden is None else hidden,
            least,
            OWN_SUPPORT,
            unit,
            radius,
            COLOR_SIGMA,
            out,
        )
        in_parts(len(todo), partial(_run, vote, (todo, *fixed)))
        got = out[0] > 0
        if not got.any():
            continue
        y, x = todo[got].T
        known = (field.source[y, x] != NONE) & (np.abs(out[0, got] - w[y, x]) < 4 * unit[y, x])
        w[y, x] = out[0, got]
        field.planes[1:, y[~known], x[~known]] = 0
        hole = own[y, x] <= 0
        risk = np.minimum(out[2, got] + ROUND_RISK * turn + np.where(hole, HOLE_RISK, 0), 0.6)
        core = unit[y, x] * np.where(hole, 1.0 + 0.6 * turn, 0.6 + 0.2 * turn)
        field.s[y, x] = np.sqrt(out[1, got] ** 2 + risk * out[3, got] + core**2)
        field.source[y, x] = np.where(known, field.source[y, x], FILLED)
        field.trust[y, x] = np.float32(0.4) * (1 - out[2, got])
        field.settled[y, x] = True


def _may_be_shadow(own: Float32, side: int, px: float) -> NDArray[np.bool_]:
    """Silent pixels that may lie in the shadow of a near surface: all, or those on the sensor's shadow side."""
    from .shadow_kernels import near_flanks

    if side == 0:
        return np.ones(own.shape, bool)
    return np.asarray(near_flanks(own, LEAST_JUMP, max(round(GAP_PX * px), 1))[0] == side)


def _hidden(own: Float32, noise: SensorNoise, focal: float) -> Float32 | None:
    """(H, W) the inverse depth below which a surface lies in a near one's shadow; None where shadows are not known."""
    from .shadow_kernels import shadow_caps

    if noise.shadow_side == 0 or noise.shadow_width <= 0:
        return None
    out = np.empty_like(own)
    shadow_caps(own, focal * noise.shadow_width, noise.shadow_side, out)
    slack = np.float32(SHADOW_SLACK_PX / (focal * noise.shadow_width))
    return np.where(out > 0, out + slack, out)


def _plain(prior: Prior, focal: float) -> NDArray[np.bool_]:
    """Where the scene's surface is one that a sensor reads: neither aslant nor far."""
    w = prior.w
    slope = focal * np.hypot(prior.gx, prior.gy)
    return np.asarray((w > 1 / READABLE_M) & (slope < READABLE_SLOPE * w))


def _run(kernel: Any, arguments: tuple[Any, ...], first: int, last: int) -> None:
    kernel(first, last, *arguments)


def _settle_by_prior(field: _Field, prior: Prior, behind: Float32, s_behind: Float32) -> None:
    fill = ~field.settled & (behind > 0) & (field.source == NONE)
    field.planes[:, fill] = np.stack([prior.w, prior.gx, prior.gy])[:, fill]
    field.s[fill] = np.hypot(s_behind[fill], PRIOR_RISK * behind[fill])
    field.source[fill] = prior.source[fill]
    field.trust[fill], field.settled[fill] = 0.3, True


def _spread(field: _Field, color: Float32, px: float) -> None:
    """Fill what no vote reached from the pixel with the cheapest way through the picture."""
    from .kernels import spread_nearest

    if field.settled.all() or not field.settled.any():
        return
    nearest, cost = np.empty(field.s.shape, np.int32), np.empty(field.s.shape, np.float32)
    spread_nearest(color, field.settled.astype(np.uint8), 0.2, nearest, cost)
    rest = ~field.settled
    w, at = field.planes[0], nearest[rest]
    s = np.sqrt(field.s.ravel()[at] ** 2 + (0.004 / px * cost[rest] * w.ravel()[at]) ** 2)
    w[rest] = w.ravel()[at]
    field.s[rest] = s
    field.source[rest] = FILLED


def _near_side(w: Float32, edge: NDArray[np.bool_], px: float) -> UInt8:
    """Readings (H, W) on the near side of a depth edge, as far as a vote reaches."""
    import cv2

    size = 2 * max(round(REACH_PX * px), 3) + 1
    at_edge = cv2.dilate(np.where(edge, w, np.float32(0)), np.ones((size, size), np.uint8))
    return np.asarray((w > 0) & (at_edge > 0) & (w > 0.9 * at_edge), dtype=np.uint8)


def _typical(w: Float32) -> np.float32:
    known = w[w > 0]
    return np.float32(np.median(known) if len(known) else 1.0)


def _dilated(mask: NDArray[np.bool_] | UInt8, radius: int) -> NDArray[np.bool_]:
    import cv2

    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)) > 0)


def _lookup(depth_camera: Camera, camera: Camera) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Position in the depth image of every column and row of the colour image: both cameras look from one place."""
    u = (np.arange(camera.width) - camera.cx) * (depth_camera.fx / camera.fx) + depth_camera.cx
    v = (np.arange(camera.height) - camera.cy) * (depth_camera.fy / camera.fy) + depth_camera.cy
    return u, v


def _carried(fit: Float32, depth_camera: Camera, camera: Camera) -> tuple[Float32, Float32]:
    """(3, H, W) w, gx, gy and (H, W) readings used at the colour image's pixels, each from the nearest depth pixel."""
    u, v = _lookup(depth_camera, camera)
    iu, iv = np.rint(u).astype(int), np.rint(v).astype(int)
    inside = ((iv >= 0) & (iv < depth_camera.height))[:, None] & ((iu >= 0) & (iu < depth_camera.width))[None, :]
    at = np.ix_(np.clip(iv, 0, depth_camera.height - 1), np.clip(iu, 0, depth_camera.width - 1))
    w, gx, gy, n = (fit[k][at] for k in range(4))
    du, dv = (u - iu).astype(np.float32)[None, :], (v - iv).astype(np.float32)[:, None]
    there = inside & (w > 0)
    w = w + gx * du + gy * dv
    there &= w > 0
    scale_x = depth_camera.fx / camera.fx
    scale_y = depth_camera.fy / camera.fy
    planes = np.stack([w, gx * np.float32(scale_x), gy * np.float32(scale_y)]) * there
    return planes.astype(np.float32), np.where(there, n, 0).astype(np.float32)


def _carried_mask(mask: NDArray[Any], depth_camera: Camera, camera: Camera) -> NDArray[Any]:
    u, v = _lookup(depth_camera, camera)
    iu = np.clip(np.rint(u).astype(int), 0, depth_camera.width - 1)
    iv = np.clip(np.rint(v).astype(int), 0, depth_camera.height - 1)
    return np.asarray(mask[np.ix_(iv, iu)])
