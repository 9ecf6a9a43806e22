"""A textured box room with two boxes in it, rendered ray by ray: exact depth, exact poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core import Camera, FrameSource, Scan
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.transforms import make_transform

SIZE = np.array([5.0, 2.6, 4.0])
BOXES = (((0.6, 0.0, 2.9), (1.8, 0.8, 3.7)), ((3.6, 0.0, 0.4), (4.5, 1.3, 1.2)))
CAMERA = Camera(320, 240, 280.0, 280.0, 159.5, 119.5)


@dataclass(frozen=True)
class BoxRoom:
    """A room whose faces wear random pictures of their own."""

    textures: UInt8
    """(faces, 256, 256, 3) uint8, six faces per box, the room first."""

    @classmethod
    def make(cls, seed: int) -> BoxRoom:
        rng = np.random.default_rng(seed)
        faces = 6 * (1 + len(BOXES))
        out = np.zeros((faces, 256, 256, 3))
        for cells in (8, 32, 128):
            noise = rng.uniform(0, 1, (faces, cells, cells, 3))
            out += noise.repeat(256 // cells, axis=1).repeat(256 // cells, axis=2)
        return cls((out / 3 * 255).astype(np.uint8))

    def render(self, T_world_camera: Float64, camera: Camera = CAMERA) -> tuple[UInt8, Float32]:
        """Colour (H, W, 3) uint8 and z-depth (H, W) float32 in whole millimetres."""
        rays = camera.rays().reshape(-1, 3).astype(np.float64) @ T_world_camera[:3, :3].T
        origin = T_world_camera[:3, 3]
        distance = np.full(len(rays), np.inf)
        color = np.zeros((len(rays), 3), dtype=np.uint8)
        for k, (low, high) in enumerate(((np.zeros(3), SIZE), *BOXES)):
            low, high = np.asarray(low), np.asarray(high)
            with np.errstate(divide="ignore", invalid="ignore"):
                t0, t1 = (low - origin) / rays, (high - origin) / rays
            near, far = np.minimum(t0, t1), np.maximum(t0, t1)
            if k == 0:  # the room is seen from inside
                axis, t = far.argmin(axis=1), far.min(axis=1)
                hit = t > 0
            else:
                axis, t = near.argmax(axis=1), near.max(axis=1)
                hit = (t > 0) & (t < far.min(axis=1))
            hit &= t < distance
            distance[hit] = t[hit]
            p = origin + t[hit, None] * rays[hit]
            a = axis[hit]
            rows = np.arange(len(a))
            side = (p[rows, a] > (low + high)[a] / 2).astype(int)
            u, v = p[rows, (a + 1) % 3], p[rows, (a + 2) % 3]
            texture = self.textures[6 * k + 2 * a + side, (v * 80).astype(int) % 256, (u * 80).astype(int) % 256]
            color[hit] = texture
        depth = np.round(distance * 1000) / 1000
        return color.reshape(*camera.shape, 3), depth.reshape(camera.shape).astype(np.float32)


def look(eye: tuple[float, float, float], target: tuple[float, float, float]) -> Float64:
    """Camera-to-world (4, 4) of a camera at `eye` that looks at `target`, upright, in a +Y-up world."""
    z = np.asarray(target, dtype=float) - np.asarray(eye, dtype=float)
    z /= np.linalg.norm(z)
    x = np.cross(z, [0.0, 1.0, 0.0])
    x /= np.linalg.norm(x)
    return make_transform(np.column_stack([x, np.cross(z, x), z]), eye)


def walk(count: int, turn: float = 1.2) -> list[Float64]:
    """Camera path: a walk through the room with a turning head, ten degrees and ten centimetres a step."""
    s = np.linspace(0, 1, count)
    return [
        look(
            (2.2 + 0.8 * np.sin(turn * 2 * x), 1.5 + 0.1 * np.sin(5 * x), 1.6 + 0.5 * x),
            (2.2 + 3 * np.sin(turn * 3 * x), 0.9, 1.6 + 3 * np.cos(turn * 3 * x)),
        )
        for x in s
    ]


def scan_of(pictures: list[tuple[UInt8, Float32]], camera: Camera = CAMERA, color_camera: Camera | None = None) -> Scan:
    """A scan of rendered pictures, without poses."""
    sources = tuple(
        FrameSource(
            f"frame-{k}",
            f"frame-{k}.png",
            float(k),
            color_camera or camera,
            camera,
            None,
            lambda c=color: c.copy(),
            lambda d=depth: d.copy(),
        )
        for k, (color, depth) in enumerate(pictures)
    )
    return Scan("box room", "box room", "made", sources)
