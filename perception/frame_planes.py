"""Planes of a single depth image, exact to the pixel, in a few milliseconds.

Cells of about ten pixels are fitted, grown into regions and merged as in CAPE (Proenca & Gao 2018), but in inverse
depth, where a plane is linear in the pixel and the noise of structured light and stereo is even. Regions that turn
like a cylinder are refused; what is left claims its pixels one by one against the sensor's noise. One thread, fixed
order: the same image gives the same bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera
from sceneforge.core.arrays import Float32, Float64, frozen_array

MIN_FILLED = 0.4
"""Share of a cell's pixels that must have depth: registered depth has holes in regular patterns."""
CURVE_SAMPLES = 400
"""Pixels per region that its curvature is judged by."""


@dataclass(frozen=True)
class FramePlaneOptions:
    """Thresholds, with the reason for each default."""

    noise_m: tuple[float, float, float] = (0.0008, 0.0, 0.0016)
    """Standard deviation of depth: [0] + [1] z + [2] z^2 metres, for a Kinect v1 (Khoshelham & Elberink 2012). How
    far a frame's noise is from it is measured in the frame."""
    lateral_px: float = 0.6
    """Readings of a slanted surface may belong to a point this many pixels away (Nguyen et al. 2012)."""
    near_m: float = 0.15
    """Nearer readings are the sensor's own dirt."""
    far_m: float = 10.0
    """Farther readings of consumer sensors carry no shape."""
    cells_across: int = 64
    """Cells along the image's longer side: ten pixels of 640."""
    flat_ratio: float = 1.7
    """A cell is flat when its residual is below this many times the noise."""
    grow_angle: float = np.radians(9)
    """Cells of one plane differ by sensor distortion; noise comes on top."""
    grow_offset_m: float = 0.006
    """Likewise at 1 m; grows with the square of distance."""
    grow_sigma: float = 3.0
    """Angle, in standard deviations of a cell's slope, on top of that."""
    grow_offset_sigma: float = 1.5
    """The same for the offset."""
    merge_angle: float = np.radians(8)
    """Pieces of one plane, each of many cells."""
    merge_offset_m: float = 0.012
    """At 1 m; grows with the square of distance."""
    bow_offset_m: float = 0.03
    """The same for pieces that meet without a step: cheap sensors bend a floor by centimetres."""
    bow_sigma: float = 5.0
    """Largest rms residual of such pieces on their joint plane."""
    merge_reach_m: float = 1.0
    """Pieces this far apart are not one thing, whatever stands between."""
    curved_turn: float = 0.2
    """A surface whose normal turns by 11 degrees across its extent is no plane, if ..."""
    curved_radius_m: float = 0.35
    """... its radius is that of a thing rather than a bulging carton, or it turns twice as much, and ..."""
    curved_sigma: float = 6.0
    """... that is this certain."""
    claim_sigma: float = 3.2
    """Pixels within this many standard deviations belong to a plane."""
    min_share: float = 0.002
    """Least share of the image's pixels: 600 of 640x480."""


@dataclass(frozen=True)
class FramePlane:
    """A plane in one frame's camera axes: normal . p + offset_m = 0."""

    id: int
    """Its value in `FramePlanes.ids`, from 1, largest first."""
    normal: Float64
    """(3,) unit, towards the camera."""
    offset_m: float
    """Distance of the camera from the plane, > 0."""
    covariance: Float64
    """(4, 4) of (normal, offset_m): from the scatter of the cells about the plane."""
    centroid: Float64
    """(3,) mean of its points, metres."""
    rmse_m: float
    """Root mean square distance of its points."""
    area_m2: float
    """Area that its pixels cover on the plane."""
    pixels: int
    """Number of its pixels."""

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "normal", frozen_array(self.normal, (3,), np.float64, "normal"))
        set_(self, "covariance", frozen_array(self.covariance, (4, 4), np.float64, "covariance"))
        set_(self, "centroid", frozen_array(self.centroid, (3,), np.float64, "centroid"))


@dataclass(frozen=True)
class FramePlanes:
    """All planes of one depth image."""

    ids: NDArray[np.uint16]
    """(H, W) id of the plane a pixel lies on, 0 = none."""
    planes: tuple[FramePlane, ...]
    """Most pixels first; planes[i].id == i + 1."""
    noise_scale: float
    """Measured noise over `FramePlaneOptions.noise_m`."""


def segment_planes(depth: Float32, camera: Camera, options: FramePlaneOptions | None = None) -> FramePlanes:
    """Segment a depth image (H, W) float32 metres, 0 = none, taken by `camera`, into planes.

    Raises:
        ValueError: The image does not have the camera's size.
    """
    from . import frame_plane_cells as cells
    from . import frame_plane_pixels as pixels
    from . import frame_plane_regions as regions
    from .frame_plane_curvature import bent
    from .frame_plane_tidy import tidy

    o = options or FramePlaneOptions()
    if depth.shape != camera.shape:
        raise ValueError(f"depth is {depth.shape}, the camera expects {camera.shape}")
    K = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    side = max(round(max(depth.shape) / o.cells_across), 5)
    tiles, sums, span = cells.cell_sums(np.ascontiguousarray(depth, np.float32), K, side, o.near_m, o.far_m)
    noise = np.array([*o.noise_m, o.lateral_px / camera.fx, o.lateral_px / camera.fy])
    scale = _noise_scale(cells.block_ratio(sums, noise, MIN_FILLED * side * side))
    noise[:3] *= scale
    plane, mean, ratio = cells.fit_cells(sums, noise, MIN_FILLED * side * side)

    slope = np.sqrt(12) / side * np.sqrt(camera.fx * camera.fy)
    limits = np.array([o.flat_ratio, o.grow_angle, o.grow_sigma, o.grow_offset_m, o.grow_offset_sigma])
    smallest = max(int(o.min_share * depth.size / side**2), 4)
    region, count = regions.grow(sums, plane, mean, ratio, slope, noise, limits, smallest)
    limits = np.array([o.merge_angle, o.merge_offset_m, o.bow_offset_m, o.bow_sigma**2])
    total = regions.merge(region, count, sums, plane, mean, noise, limits, o.merge_reach_m)

    planes = pixels.fits(total)
    limits = np.array([o.curved_turn, o.curved_radius_m, o.curved_sigma])
    flat = (total[:, 0] > 0) & ~bent(region, planes, tiles, K, side, CURVE_SAMPLES, limits)
    region, planes = pixels.renumber(region, flat), planes[flat]
    claimed = pixels.claim_pixels(
        region, planes, plane, mean, ratio, o.flat_ratio, tiles, span, K, side, noise, o.claim_sigma
    )
    ids, only = tidy(claimed, tiles, side, *depth.shape)
    total, facts = pixels.pixel_sums(ids, only, tiles, sums, K, side, planes, noise)
    equation, covariance = pixels.equations(total, region, mean, noise)
    return _result(ids, facts, equation, covariance, camera, scale, o)


def _noise_scale(ratio: Float64) -> float:
    """Noise of this frame over the model's: flat blocks have the least residuals, so a low quantile is theirs.

    The factor is for the part of the noise that is even over a whole block.
    """
    seen = np.sort(ratio[ratio >= 0])
    return min(max(1.3 * float(seen[int(0.35 * len(seen))]), 0.4), 3.0) if len(seen) >= 10 else 1.0


def _result(
    ids: NDArray[np.uint16],
    facts: Float64,
    equation: Float64,
    covariance: Float64,
    camera: Camera,
    scale: float,
    o: FramePlaneOptions,
) -> FramePlanes:
    from .frame_plane_pixels import relabel

    rank = np.zeros(len(facts) + 2, np.uint16)  # the last is for surfaces that are no planes
    found: list[FramePlane] = []
    centroid = facts[:, 1:4] / np.maximum(facts[:, :1], 1)
    equation.flags.writeable = covariance.flags.writeable = centroid.flags.writeable = False  # the planes share them
    rows, offsets = facts.tolist(), equation[:, 3].tolist()
    for i in np.argsort(-facts[:, 0], kind="stable").tolist():
        (pixels, _, _, _, cubed, squared), offset = rows[i], offsets[i]
        if pixels < o.min_share * ids.size or offset == 0:
            continue
        rank[i + 1] = len(found) + 1
        found.append(
            FramePlane(
                len(found) + 1,
                equation[i, :3],
                offset,
                covariance[i],
                centroid[i],
                math.sqrt(squared / pixels) * offset,
                cubed / (offset * camera.fx * camera.fy),
                int(pixels),
            )
        )
    relabel(ids, rank)
    ids.flags.writeable = False
    return FramePlanes(ids, tuple(found), scale)
