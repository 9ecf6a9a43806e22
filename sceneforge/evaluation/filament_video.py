"""Filament through Open3D as a peer: in a process of its own, because it ends the process where it finds no driver.

The scanned mesh is simplified, since the software rasteriser under it needs minutes for the real one's first picture.
The process tells of every picture as it is done, so that a time limit still leaves the ones before it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Arrangement, Camera, Frame, Mesh, Scene
from sceneforge.core.arrays import Float64, UInt8

LIMIT_S = 420
TRIANGLES = 40_000
"""Of the simplified mesh."""
FRAMES = 3
"""After the first one, which also compiles and uploads."""


def filament_video(path: Path, seed: int) -> dict[str, Any]:
    """Time per frame, decoding and encoding included, of the capture at `path` as `bench_render.make_case` sees it.

    Returns:
        Figures as those of the other peers, and what was simplified; or {"skipped": why}.
    """
    lines, problem = _run(f"measure({str(path)!r}, {seed})")
    done = [json.loads(line) for line in lines if line.startswith("{")]
    if len(done) < 2:
        first = f"; the first took {done[0]['cpu_s']:.0f} s of processor time" if done else ""
        return {"skipped": (problem or f"no {'second ' if done else ''}picture within {LIMIT_S} s") + first}
    wall, cpu = (float(np.median([d[k] for d in done[1:]])) for k in ("wall_s", "cpu_s"))
    return {
        "frames": len(done) - 1,
        "ms_per_frame": round(1e3 * wall, 1),
        "cpu_ms_per_frame": round(1e3 * cpu, 1),
        "first_picture_cpu_s": round(done[0]["cpu_s"], 1),
        "note": f"mesh simplified to {TRIANGLES} triangles, one sample per pixel",
    }


def filament_pictures(path: Path, seed: int, shots: Sequence[tuple[Frame, Float64]], folder: Path) -> list[UInt8]:
    """Frames with the content that `evaluate_shadow.placed` puts into the capture at `path`; those done in time.

    Args:
        path: The capture.
        seed: Of understanding and placing.
        shots: Frames and poses to compose onto.
        folder: For what the processes tell each other.
    """
    for n, (frame, T) in enumerate(shots):
        c = frame.camera
        lens = np.array([c.width, c.height, c.fx, c.fy, c.cx, c.cy])
        np.savez(folder / f"shot_{n}.npz", color=frame.color, depth=frame.depth, lens=lens, T=T)
    _run(f"draw({str(path)!r}, {seed}, {str(folder)!r}, {len(shots)})")
    done = [folder / f"drawn_{n}.npy" for n in range(len(shots))]
    return [np.load(file) for file in done if file.is_file()]


def _run(call: str) -> tuple[list[str], str]:
    """Lines that a function of this module, called in another process, printed in time; and why it ended early."""
    command = [sys.executable, "-c", f"from sceneforge.evaluation.filament_video import *; {call}"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as late:
        text = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        return text.splitlines(), ""
    last = ended.stderr.strip().splitlines()[-1:] or [f"the process ended with {ended.returncode}"]
    return ended.stdout.splitlines(), "" if ended.returncode == 0 else last[0]


def measure(path: str, seed: int) -> None:
    """In the other process: print one line of JSON per frame of the video."""
    import tempfile

    from .bench_render import Clock, make_case, written

    case = make_case(Path(path), seed)
    if case is None:
        return
    case = case.first(FRAMES + 1)
    compose = _renderer(case.scene, case.arrangement).compose
    clock = Clock()

    def told(frame: Frame, T: Float64) -> UInt8:
        nonlocal clock
        picture: UInt8 = compose(frame, T)
        wall, cpu = clock.read()
        print(json.dumps({"wall_s": wall, "cpu_s": cpu}), flush=True)
        clock = Clock()
        return picture

    with tempfile.TemporaryDirectory() as folder:
        written(case, told, Path(folder) / "filament.mp4")


def draw(path: str, seed: int, folder: str, count: int) -> None:
    """In the other process: compose the shots in a folder."""
    from .evaluate_shadow import placed

    _, scene, arrangement = placed(Path(path), seed)
    renderer = _renderer(scene, arrangement)
    for n in range(count):
        shot = np.load(Path(folder) / f"shot_{n}.npz")
        w, h, *lens = shot["lens"]
        camera = Camera(int(w), int(h), *map(float, lens))
        frame = Frame(n, str(n), 0.0, shot["color"], shot["depth"], camera, camera, shot["T"])
        picture = renderer.compose(frame, shot["T"])
        np.save(Path(folder) / f"part_{n}.npy", picture)
        (Path(folder) / f"part_{n}.npy").rename(Path(folder) / f"drawn_{n}.npy")


def _renderer(scene: Scene, arrangement: Arrangement) -> Any:
    from sceneforge.rendering.backends.filament import FilamentRenderer

    return FilamentRenderer(simplified(scene, TRIANGLES), arrangement, finer=1)


def simplified(scene: Scene, triangles: int) -> Scene:
    """The scene with about so many triangles of its mesh; colours come from the nearest vertices."""
    import open3d as o3d

    from sceneforge.perception.decimation import dressed

    mesh = scene.mesh
    if mesh is None or len(mesh.faces) <= triangles:
        return scene
    whole = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(np.array(mesh.vertices, np.float64)),
        o3d.utility.Vector3iVector(np.array(mesh.faces, np.int32)),
    )
    light = whole.simplify_quadric_decimation(triangles)
    vertices, faces = np.asarray(light.vertices).astype(np.float32), np.asarray(light.triangles).astype(np.int32)
    fewer: Mesh = dressed(mesh, vertices, faces)
    return replace(scene, mesh=fewer)
