"""Furnished rooms made on the fly and looked at all around by a simulated depth camera, with their exact truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sceneforge.core import Camera, FrameSource, Scan, Scene
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.transforms import make_transform

CAMERA = Camera(224, 168, 190.0, 190.0, 111.5, 83.5)
FRAMES = 48
KINDS = ("living_room", "office", "bedroom")


def look_around(kind: str, seed: int, T_source_room: Float64, *, inward: bool = False) -> tuple[Scan, Scene]:
    """A scan of a made room and its truth.

    Args:
        kind: One of `KINDS`.
        seed: Of the room, the camera's walk and its noise.
        T_source_room: (4, 4) where the room lies in the capture's world; the truth stays in the room's own.
        inward: Also look at what stands in the room's middle, with half as many frames again.
    """
    from sceneforge.synth.daylight import daylight
    from sceneforge.synth.layout import furnish
    from sceneforge.synth.materials import make_materials
    from sceneforge.synth.path import walk
    from sceneforge.synth.sampling import TextureSet
    from sceneforge.synth.truth import true_scene
    from sceneforge.synth.world import build_world

    layout = furnish(kind, seed, 0.12)
    materials = make_materials(np.random.Generator(np.random.PCG64([seed, 6])), layout.palette)
    world = build_world(layout.items, materials)
    textures = TextureSet(world.materials)
    positions = walk(layout, 4 * FRAMES, seed).T_world_camera[::4, :3, 3]
    poses = [_looking(at, 2.4 * k, (-0.8, -0.1, 0.35)[k % 3]) for k, at in enumerate(positions)]
    if inward:
        poses += [_looking_at(at, layout.focus, 1.3 * k) for k, at in enumerate(positions[::2])]
    sources = []
    for k, T in enumerate(poses):
        color, depth = _frame(world, textures, T, np.random.Generator(np.random.PCG64([seed, k, 5])))
        name = f"{k:04d}"
        pose = T_source_room @ T
        sources.append(FrameSource(name, name, 0.1 * k, CAMERA, CAMERA, pose, color.copy, depth.copy))
    truth = true_scene(layout, daylight(layout.shell, seed), {})
    seen = tuple(replace(p, observed_fraction=1.0) for p in truth.planes)
    return Scan(kind, kind, "sceneforge.evaluation", tuple(sources), up=None), replace(truth, planes=seen)


def _looking(at: Float64, yaw: float, pitch: float) -> Float64:
    z = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    x = np.cross(z, (0, 1, 0))
    x /= np.linalg.norm(x)
    return make_transform(np.stack([x, np.cross(z, x), z], axis=1), at)


def _looking_at(at: Float64, middle: Float64, turn: float) -> Float64:
    """Towards a place on a circle around the room's middle, knee high."""
    way = middle + np.array([0.6 * np.sin(turn), 0.0, 0.6 * np.cos(turn)]) - at
    return _looking(at, float(np.arctan2(way[0], way[2])), float(np.arctan2(0.4 - at[1], np.hypot(way[0], way[2]))))


def _frame(world: Any, textures: Any, T: Float64, rng: np.random.Generator) -> tuple[UInt8, Float32]:
    """Evenly lit colour and sensor-like depth of one view."""
    from sceneforge.synth.sensor import sense

    rays = CAMERA.rays().reshape(-1, 3).astype(np.float64) @ T[:3, :3].T
    hits = world.cast(np.broadcast_to(T[:3, 3], rays.shape).astype(np.float32), rays.astype(np.float32))
    hit = hits.face >= 0
    depth = np.where(hit, hits.t, 0).astype(np.float32).reshape(CAMERA.shape)
    face = np.maximum(hits.face, 0)
    normal = world.face_normals[face]
    cosine = np.abs((normal * rays).sum(axis=1)) / np.linalg.norm(rays, axis=1)
    corner = world.faces[face]
    uv = (world.uv[corner] * hits.bary[:, :, None]).sum(axis=1).astype(np.float32)
    albedo = textures(world.face_material[face], uv, np.full(len(uv), 0.01, np.float32))
    shade = 0.75 + 0.25 * normal[:, 1:2]
    color = np.where(hit[:, None], np.clip(albedo * shade, 0, 1) ** (1 / 2.2) * 255, 0).astype(np.uint8)
    dark = np.array([m.infrared for m in world.materials], np.float32)[world.face_material[face]]
    measured = sense(depth, cosine.reshape(CAMERA.shape).astype(np.float32), dark.reshape(CAMERA.shape), CAMERA, rng)
    return color.reshape(*CAMERA.shape, 3), measured
