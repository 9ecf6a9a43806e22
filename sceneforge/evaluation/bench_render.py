"""`sceneforge bench render`: time per composed frame against pyrender on EGL with its shadow pass, same frames.

Ours makes the finished frame: content under the room's light, hidden by sensor depth and scanned mesh, with shadow on
the real surface. The peer draws the room's mesh and the content under one shadowed directional light and reads colour
and depth back, which a compositor on top of it would still have to merge with the frame. Files are decoded before the
clock starts, for both. CPU time over all threads is given beside the clock's, because it depends less on what else the
machine is doing; "load" is the machine's load average at the end.
"""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Arrangement, Frame, Request, Scan, Scene
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import inverse, transform_points

from .cases import posed_scans
from .machine import machine

FRAMES = 15
"""Frames with content in view that are measured, spread over each capture."""


@dataclass(frozen=True)
class _Case:
    scene: Scene
    arrangement: Arrangement
    frames: list[tuple[Frame, Float64]]


def bench(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Median wall and CPU milliseconds per frame on every posed capture under `data` (default: the embedded sample).

    Returns:
        {"name", "ours", "peers", "ratio", "machine"}: "ratio" is peer / ours, larger than 1 = ours is faster. A peer
        that cannot run is listed with its reason instead of figures.
    """
    ours: dict[str, Any] = {}
    peer: dict[str, Any] = {}
    ratio: dict[str, Any] = {}
    for path in posed_scans(data):
        case = _case(path, seed)
        if case is None:
            ours[path.name] = {"skipped": "the content found no place, or is in no frame's view"}
            continue
        ours[path.name] = _ours(case)
        peer[path.name] = _pyrender(case)
        if "ms_per_frame" in peer[path.name]:
            ratio[path.name] = {
                key: round(peer[path.name][key] / max(ours[path.name][key], 0.1), 2)
                for key in ("ms_per_frame", "cpu_ms_per_frame")
            }
    on = {**machine(), "load": round(os.getloadavg()[0], 1)}
    return {"name": "render", "ours": ours, "peers": {"pyrender_egl": peer}, "ratio": ratio, "machine": on}


def _case(path: Path, seed: int) -> _Case | None:
    from sceneforge.data import sample_content
    from sceneforge.io import load, load_content
    from sceneforge.pipeline import arrange, understand

    scan = load(path)
    if not isinstance(scan, Scan):
        return None
    scene = understand(scan, None, seed=seed)
    rover = Request("rover", load_content(sample_content("rover")), on=("table", "largest_horizontal"))
    arrangement = arrange(scene, [rover], seed=seed)
    if not arrangement.placements or scene.track is None:
        return None
    placement = arrangement.placements[0]
    centre = transform_points(placement.T_world_content, placement.content.bounds.mean(axis=0) * placement.scale)
    seen = []
    for index, T in zip(scene.track.indices, scene.track.T_world_camera, strict=True):
        camera = scan.sources[index].camera
        uv, z = camera.project(transform_points(inverse(T), centre))
        if z > 0.2 and 0 <= uv[0] < camera.width and 0 <= uv[1] < camera.height:
            seen.append((index, T))
    if not seen:
        return None
    pick = [seen[i] for i in np.unique(np.linspace(0, len(seen) - 1, FRAMES).round().astype(int))]
    poses = dict(pick)
    frames = [(f, poses[f.index]) for f in scan.frames([i for i, _ in pick], bad=[])]
    return _Case(scene, arrangement, frames)


def _ours(case: _Case) -> dict[str, Any]:
    from sceneforge.rendering import FrameCompositor

    start = time.perf_counter()
    compositor = FrameCompositor(case.scene, case.arrangement)
    built = time.perf_counter() - start
    frame, T = case.frames[0]
    compositor.compose(frame, T)  # compiles on the first run of a machine
    spent = []
    for frame, T in case.frames:
        clock = _Clock()
        compositor.compose(frame, T)
        spent.append(clock.read())
    return {**_figures(spent, case), "build_seconds": round(built, 3)}


def _pyrender(case: _Case) -> dict[str, Any]:
    before = os.environ.get("PYOPENGL_PLATFORM")
    os.environ["PYOPENGL_PLATFORM"] = "egl"
    try:
        if not hasattr(np, "infty"):
            setattr(np, "infty", np.inf)  # noqa: B010 - pyrender 0.1.45 was written for NumPy 1
        import pyrender

        return {**_figures(_drawn(pyrender, case), case), "version": pyrender.__version__}
    except Exception as problem:  # a missing package, library or driver: each raises its own kind
        return {"skipped": f"{type(problem).__name__}: {problem}"}
    finally:
        if before is None:
            del os.environ["PYOPENGL_PLATFORM"]
        else:
            os.environ["PYOPENGL_PLATFORM"] = before


def _drawn(pyrender: Any, case: _Case) -> list[tuple[float, float]]:
    """Wall and CPU seconds per frame of pyrender's full drawing with its shadow pass."""
    mesh = case.scene.mesh
    if mesh is None:
        raise ValueError("the scene has no mesh")
    room = pyrender.Primitive(
        positions=mesh.vertices, normals=mesh.vertex_normals.astype(np.float32), indices=mesh.faces, color_0=mesh.colors
    )
    world = pyrender.Scene(ambient_light=(0.4, 0.4, 0.4))
    world.add(pyrender.Mesh([room]))
    for placement in case.arrangement.placements:
        pose = placement.T_world_content @ np.diag([*[placement.scale] * 3, 1.0])
        primitives = []
        for part in placement.content.parts:
            m = part.material
            texture = m.base_color_texture
            material = pyrender.MetallicRoughnessMaterial(
                baseColorFactor=m.base_color,
                metallicFactor=m.metallic,
                roughnessFactor=m.roughness,
                baseColorTexture=None
                if texture is None or part.uv is None
                else pyrender.Texture(source=texture, source_channels="RGBA"),
            )
            primitives.append(
                pyrender.Primitive(
                    positions=part.vertices,
                    normals=part.normals,
                    indices=part.faces,
                    texcoord_0=part.uv,
                    material=material,
                )
            )
        world.add(pyrender.Mesh(primitives), pose=pose)
    slope: NDArray[np.float64] = np.eye(4)
    slope[:3, :3] = np.array([[1, 0, 0], [0, 0.5, 0.866], [0, -0.866, 0.5]])  # shines down along its own -z
    world.add(pyrender.DirectionalLight(color=np.ones(3), intensity=3.0), pose=slope)
    camera = case.frames[0][0].camera
    node = world.add(pyrender.IntrinsicsCamera(camera.fx, camera.fy, camera.cx, camera.cy, znear=0.05, zfar=20.0))
    renderer = pyrender.OffscreenRenderer(camera.width, camera.height)
    spent = []
    try:
        for number, (_, T) in enumerate([case.frames[0], *case.frames]):
            world.set_pose(node, T @ np.diag([1.0, -1.0, -1.0, 1.0]))
            clock = _Clock()
            renderer.render(world, flags=pyrender.RenderFlags.SHADOWS_DIRECTIONAL)
            if number:  # the first one uploads
                spent.append(clock.read())
    finally:
        renderer.delete()
    return spent


class _Clock:
    """Wall and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def _figures(spent: list[tuple[float, float]], case: _Case) -> dict[str, Any]:
    camera = case.frames[0][0].camera
    return {
        "ms_per_frame": round(1e3 * statistics.median(wall for wall, _ in spent), 1),
        "cpu_ms_per_frame": round(1e3 * statistics.median(cpu for _, cpu in spent), 1),
        "slowest_ms": round(1e3 * max(wall for wall, _ in spent), 1),
        "frames": len(spent),
        "size": f"{camera.width}x{camera.height}",
    }
