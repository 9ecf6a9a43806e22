"""A floor of known colours with a box on it, filmed from known places: what painting must find and must spare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core import Camera, CameraTrack, Frame, FrameSource, Label, Mesh, Plane, Scan, Scene
from sceneforge.core.transforms import make_transform

CAMERA = Camera(320, 240, 280.0, 280.0, 159.5, 119.5)
HALF_X, HALF_Z = 1.5, 1.2
BOX = ((-0.3, 0.0, -0.2), (0.3, 0.4, 0.2))
SHADOW_EDGE_M = 0.5
"""The floor beyond this x is half as bright: a soft shadow."""


def floor_light(x):
    """Light on the floor at x, 1 in the open and 0.5 in the shadow, with a border 20 cm wide."""
    return 1 - 0.5 * np.clip((np.asarray(x) - SHADOW_EDGE_M) / 0.2 + 0.5, 0, 1)


def floor_color(x, z):
    """Linear colour (..., 3) of the floor: broad stripes across, in the light there."""
    x, z = np.asarray(x, float), np.asarray(z, float)
    stripe = 0.5 + 0.5 * np.sin(z * 9)
    return np.stack([0.30 + 0.06 * stripe, 0.25 + 0 * stripe, 0.2 - 0.04 * stripe], axis=-1) * floor_light(x)[..., None]


def look_at(eye, target):
    """Camera-to-world, OpenCV axes."""
    z = np.asarray(target, float) - eye
    z /= np.linalg.norm(z)
    x = np.cross(z, (0, 1, 0))
    x /= np.linalg.norm(x)
    return make_transform(np.stack([x, np.cross(z, x), z], axis=1), eye)


@dataclass
class Filmed:
    """One view with what is truly in it."""

    color: np.ndarray
    depth: np.ndarray
    floor: np.ndarray
    xz: np.ndarray


def film(T, gain=1.0, camera=CAMERA) -> Filmed:
    """Ray cast by hand: floor, box and nothing else."""
    rays = camera.rays().astype(float) @ T[:3, :3].T
    o = T[:3, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(rays[..., 1] < 0, -o[1] / rays[..., 1], np.inf)
        xz = o[[0, 2]] + t[..., None] * rays[..., [0, 2]]
        low, high = ((np.array(b) - o) / rays for b in BOX)
    on = np.isfinite(t) & (np.abs(xz[..., 0]) < HALF_X) & (np.abs(xz[..., 1]) < HALF_Z)
    enter, leave = np.minimum(low, high).max(axis=-1), np.maximum(low, high).min(axis=-1)
    box = (enter < leave) & (enter > 0) & (enter < t)
    linear = np.full((*t.shape, 3), 0.02)
    linear[on] = floor_color(xz[..., 0][on], xz[..., 1][on])
    linear[box] = (0.05, 0.1, 0.4)
    linear = np.clip(linear * gain, 0, 1)
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    depth = np.where(box, enter, np.where(on, t, 0))
    return Filmed(np.rint(srgb * 255).astype(np.uint8), depth.astype(np.float32), on & ~box, xz)


EYES = ((1.9, 1.4, 1.6), (0.3, 1.5, 2.0), (-1.5, 1.3, 1.8), (-2.0, 1.5, 0.0), (-1.2, 1.4, -1.9), (1.0, 1.6, -1.8),
        (2.1, 1.3, -0.2))  # fmt: skip
GAINS = (1.0, 1.25, 0.8, 1.0, 0.9, 1.15, 1.0)


def room() -> tuple[Scan, Scene]:
    """The capture and its scene, understood without error."""
    poses = [look_at(np.array(e), (0.0, 0.1, 0.0)) for e in EYES]
    sources = []
    for n, (T, gain) in enumerate(zip(poses, GAINS, strict=True)):
        view = film(T, gain)
        sources.append(
            FrameSource(
                f"{n:03}",
                f"{n:03}.png",
                n / 10,
                CAMERA,
                CAMERA,
                T,
                lambda v=view: v.color.copy(),
                lambda v=view: v.depth.copy(),
            )
        )
    scan = Scan("painted_room", "memory", "memory", tuple(sources), np.array([0.0, 1.0, 0.0]))
    outline = np.array([(-HALF_X, -HALF_Z), (HALF_X, -HALF_Z), (HALF_X, HALF_Z), (-HALF_X, HALF_Z)])
    floor = Plane("plane_0", Label.FLOOR, 1.0, np.eye(4), outline, area_m2=4 * HALF_X * HALF_Z)
    track = CameraTrack(tuple(range(len(poses))), np.arange(len(poses)) / 10, np.stack(poses), np.ones(len(poses)))
    return scan, Scene((floor,), mesh=_mesh(), track=track, source={"name": "painted_room", "format": "memory"})


def _mesh() -> Mesh:
    """Floor and the box's upper face and sides, as a scan would hold them, in the mean exposure."""
    x, z = np.meshgrid(np.linspace(-HALF_X, HALF_X, 121), np.linspace(-HALF_Z, HALF_Z, 97))
    v = np.stack([x, np.zeros_like(x), z], axis=-1).reshape(-1, 3)
    i = np.arange(121 * 97).reshape(97, 121)
    p, q, r, s = (a.ravel() for a in (i[:-1, :-1], i[:-1, 1:], i[1:, 1:], i[1:, :-1]))
    f = np.concatenate([np.stack([p, s, r], 1), np.stack([p, r, q], 1)])
    under = (np.abs(v[f][..., 0]) < BOX[1][0]).all(1) & (np.abs(v[f][..., 2]) < BOX[1][2]).all(1)
    linear = floor_color(v[:, 0], v[:, 2])
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    from tests.rendering.render_stage import box_part

    solid = box_part(*BOX)
    vertices = np.concatenate([v, solid.vertices]).astype(np.float32)
    faces = np.concatenate([f[~under], solid.faces + len(v)]).astype(np.int32)
    colors = np.concatenate([np.rint(srgb * 255), np.full((len(solid.vertices), 3), 100)]).astype(np.uint8)
    return Mesh(vertices, faces, colors)


def frame(scan: Scan, index: int) -> Frame:
    """A decoded frame."""
    return scan.read(index)
