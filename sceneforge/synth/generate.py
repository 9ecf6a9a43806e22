"""`generate`: from a seed to a scan folder with its exact truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.camera import Camera
from sceneforge.core.errors import UsageError
from sceneforge.core.files import check_replaceable, write_folder_aside
from sceneforge.core.json_values import json_bytes
from sceneforge.core.progress import Progress, silent

from . import write
from .catalogue import Catalogue, item_from_meshes
from .daylight import daylight
from .item import Item
from .layout import Layout, furnish
from .lighting import Daylight, bake
from .materials import Material, make_materials
from .path import Walk, walk
from .render import Exposure, Renderer, auto_gain, develop
from .sampling import TextureSet
from .sensor import sense
from .truth import Observation, face_planes, true_scene, truth_document
from .world import World, build_world


@dataclass(frozen=True)
class Quality:
    """How much work goes into a picture."""

    step: float
    """Tessellation of surfaces, metres: the resolution of soft light."""
    samples: int
    """Rays per vertex and kind of light."""
    side: int
    """side x side samples per pixel."""


MARKS = ("scan.yaml", "truth.json")
"""A folder that holds both is an earlier generated scan, and may be replaced."""
QUALITIES = {"draft": Quality(0.12, 9, 1), "final": Quality(0.03, 81, 3)}


@dataclass(frozen=True)
class Room:
    """A furnished, lit room ready to be looked at."""

    layout: Layout
    world: World
    day: Daylight
    renderer: Renderer
    models: tuple[dict[str, str], ...]
    """Catalogue models used, with author, source and licence."""


def make_room(
    kind: str,
    seed: int,
    quality: Quality,
    *,
    models: Path | None = None,
    extra: Sequence[tuple[Any, Float64]] = (),
    progress: Progress = silent,
) -> Room:
    """Furnish and light a room.

    Args:
        kind: "living_room", "office" or "bedroom".
        seed: Same seed, same room.
        quality: One of `QUALITIES`.
        models: Folder of a model catalogue, see `catalogue`; None uses the built-in furniture alone.
        extra: (trimesh mesh or scene, T_world_mesh (4, 4)) pairs set into the room before it is lit.
        progress: Told now and then how far the lighting is.
    """
    materials: dict[str, Material] = {}
    shop = Catalogue(models, seed, quality.step, materials) if models is not None else None
    layout = furnish(kind, seed, quality.step, shop)
    materials |= make_materials(np.random.Generator(np.random.PCG64([seed, 6])), layout.palette)
    added = [_extra_item(mesh, T, k, quality.step, materials) for k, (mesh, T) in enumerate(extra)]
    layout = replace(layout, items=(*layout.items, *added))
    world = build_world(layout.items, materials)
    textures = TextureSet(world.materials)
    day = daylight(layout.shell, seed)
    albedo = textures(world.vertex_material, world.uv, np.full(len(world.uv), 0.05, np.float32))
    baked = bake(world, day, albedo, seed, samples=quality.samples, progress=progress)
    return Room(layout, world, day, Renderer(world, day, baked, textures), tuple(shop.used) if shop else ())


def _extra_item(mesh: Any, T_world_mesh: Float64, number: int, step: float, materials: dict[str, Material]) -> Item:
    import trimesh

    meshes = [m for m in mesh.dump() if isinstance(m, trimesh.Trimesh)] if isinstance(mesh, trimesh.Scene) else [mesh]
    item = item_from_meshes(meshes, f"extra_{number}", "other", step, materials)
    return replace(item, T_world_item=np.asarray(T_world_mesh, float), blocking=False)


def generate(
    out: Path,
    *,
    kind: str = "living_room",
    seed: int = 0,
    frames: int = 60,
    size: tuple[int, int] = (640, 480),
    models: Path | None = None,
    noise: bool = True,
    truth: Literal["full", "compact"] = "full",
    quality: Literal["draft", "final"] = "final",
    extra: Sequence[tuple[Any, Float64]] = (),
    progress: Progress | None = None,
) -> Path:
    """Write an RGB-D scan of a made-up furnished room, with its exact truth, and return the folder.

    The folder holds a generic scan (`scan.yaml`, `color/`, `depth/`, `trajectory.txt`) and `truth.json` (scene.json
    version 1 with planes, boxes, room, relations and lights, and the camera's track). `truth="compact"` adds clean
    depth of every tenth frame (`truth_depth/`, unit 0.2 mm); "full" adds it for all frames, with plane and object
    numbers per pixel (`truth_planes/`, `truth_objects/`: index + 1 into truth.json's lists, 0 = none) and the true
    surface (`truth.npz`: vertices float32 (N, 3), faces int32 (M, 3), objects int32 (M,) as above).

    Args:
        out: Folder to make: absent, empty, or an earlier generated scan, which is replaced once the new one is
            complete.
        kind: "living_room", "office" or "bedroom".
        seed: Same arguments and seed, same bytes.
        frames: Number of frames.
        size: Width and height in pixels.
        models: Folder of a model catalogue; None uses built-in furniture.
        noise: Sensor-like depth and picture noise; False writes clean ones.
        truth: How much truth is written.
        quality: "final", or "draft" for quick coarse light.
        extra: (trimesh mesh or scene, T_world_mesh) pairs really put into the room.
        progress: Called with stages "light" and "frames".

    Raises:
        UsageError: Unknown kind, quality or truth, sizes below 1, or a folder that holds something else.
        InputError: The catalogue or one of its models cannot be read.
    """
    if quality not in QUALITIES or truth not in ("full", "compact"):
        raise UsageError(
            f"expected quality 'draft' or 'final' and truth 'full' or 'compact', got '{quality}' and '{truth}'"
        )
    if frames < 1 or min(size) < 8:
        raise UsageError(f"expected at least one frame of at least 8x8 pixels, got {frames} of {size[0]}x{size[1]}")
    check_replaceable(out, MARKS)
    say = progress or silent
    work = QUALITIES[quality]
    room = make_room(kind, seed, work, models=models, extra=extra, progress=say)
    track = walk(room.layout, frames, seed)
    with write_folder_aside(out, MARKS) as folder:
        _write_frames(folder, room, track, size, seed, work.side, noise, truth == "full", say)
        write.write_scan_yaml(folder, kind, camera_for(size))
        write.write_trajectory(folder, track.timestamps_s, track.T_world_camera)
        if truth == "full":
            _write_surface(folder, room)
    return out


def camera_for(size: tuple[int, int]) -> Camera:
    """The camera of all generated scans: 62.7 degrees wide at 4:3."""
    w, h = size
    f = 525.0 * w / 640.0
    return Camera(w, h, f, f, (w - 1) / 2, (h - 1) / 2)


def _write_frames(
    folder: Path,
    room: Room,
    track: Walk,
    size: tuple[int, int],
    seed: int,
    side: int,
    noise: bool,
    full: bool,
    say: Progress,
) -> None:
    camera, renderer = camera_for(size), room.renderer
    exposure = _exposure(room, track, noise)
    planes = true_scene(room.layout, room.day, {}).planes
    plane_of = face_planes(room.layout, room.world, planes)
    objects = {i: k + 1 for k, i in enumerate(n for n, item in enumerate(room.layout.items) if item.label)}
    object_of = np.array([objects.get(i, 0) for i in range(len(room.layout.items))])[room.world.face_item]
    infrared = np.array([m.infrared for m in room.world.materials], np.float32)[room.world.face_material]
    seen = Observation(planes)
    for k, T in enumerate(track.T_world_camera):
        say("frames", k, len(track.T_world_camera))
        rng = np.random.Generator(np.random.PCG64([seed, 10, k]))
        name = f"{k:06d}"
        linear = renderer.picture(camera, T, rng, side=side)
        write.write_color(folder / "color" / f"{name}.jpg", develop(linear, camera, exposure, rng))
        depth, face, cosine = renderer.depth(camera, T)
        hit = face >= 0
        ids = np.where(hit, plane_of[face], 0).astype(np.int32)
        seen.add(depth, ids, camera, T)
        dark: Float32 = np.where(hit, infrared[face], 0).astype(np.float32)
        measured = sense(depth, cosine, dark, camera, rng) if noise else depth
        write.write_depth(folder / "depth" / f"{name}.png", measured, write.DEPTH_UNIT_M)
        if full or k % 10 == 0:
            write.write_depth(folder / "truth_depth" / f"{name}.png", depth, write.TRUTH_UNIT_M)
        if full:
            write.write_png16(folder / "truth_planes" / f"{name}.png", ids.astype(np.uint16))
            write.write_png16(
                folder / "truth_objects" / f"{name}.png", np.where(hit, object_of[face], 0).astype(np.uint16)
            )
    scene = true_scene(room.layout, room.day, seen.fractions())
    document = truth_document(scene, track, room.day)
    document["synth"]["models"] = [dict(m) for m in room.models]
    (folder / "truth.json").write_bytes(json_bytes(document))


def _exposure(room: Room, track: Walk, noise: bool) -> Exposure:
    """One exposure for the whole walk, metered on a few small pictures along it."""
    small = camera_for((80, 60))
    at = np.unique(np.linspace(0, len(track.T_world_camera) - 1, 6).astype(int))
    rng = np.random.Generator(np.random.PCG64(0))
    pictures = [room.renderer.picture(small, track.T_world_camera[k], rng, side=1) for k in at]
    return Exposure(auto_gain(pictures), np.array([0.99, 1.0, 1.03]), 0.011 if noise else 0.0)


def _write_surface(folder: Path, room: Room) -> None:
    world = room.world
    objects = {i: k + 1 for k, i in enumerate(n for n, item in enumerate(room.layout.items) if item.label)}
    numbers = np.array([objects.get(i, 0) for i in range(len(room.layout.items))], np.int32)[world.face_item]
    np.savez_compressed(folder / "truth.npz", vertices=world.vertices, faces=world.faces, objects=numbers)
