"""`sceneforge evaluate light`: the light estimated from a scan against the light that the scanned room really had.

Rooms are generated, scanned and understood. At points above the floor, tables and seats, the light that falls on
fourteen sides of a small probe is compared with that in the room itself, traced there with every window and lamp:
the angle between the two light vectors (sum over sides of irradiance times direction), and the relative error of the
irradiances once a common factor over the whole room is taken out; the factor itself is given too. The peer is the light
from high on one side that is assumed where nothing is known.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Scan, Scene
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.color import LUMINANCE

ROOMS = (("living_room", 1), ("office", 2), ("bedroom", 3))
FRAMES = 24
SIZE = (320, 240)
PROBES = 24
SIDES = np.array(
    [[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if abs(x) + abs(y) + abs(z) in (1, 3)], float
)
SIDES = SIDES / np.linalg.norm(SIDES, axis=1, keepdims=True)
"""(14, 3) faces and corners of a cube."""


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """Errors per room and their means.

    Args:
        data: Folder of scans named KIND_SEED that `synth.generate` made with draft light; None makes three.
        seed: Seed of understanding and of the probes' places.

    Returns:
        {"name", "rooms", "mean"}; angles in degrees, "rel_rmse" after the common factor, "log2_gain" that in stops.
    """
    from sceneforge.io import load
    from sceneforge.pipeline import understand
    from sceneforge.synth import generate
    from sceneforge.synth.generate import QUALITIES, make_room

    rooms: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, number in ROOMS if data is None else _named(data):
            path = Path(folder) / f"{kind}_{number}" if data is None else data / f"{kind}_{number}"
            if data is None:
                generate(path, kind=kind, seed=number, frames=FRAMES, size=SIZE, quality="draft", truth="compact")
            scan = load(path)
            assert isinstance(scan, Scan)
            scene = understand(scan, None, seed=seed)
            room = make_room(kind, number, QUALITIES["draft"])
            rooms[f"{kind}_{number}"] = _score(scene, room, seed)
    keys = sorted({k for r in rooms.values() for k in r})
    mean = {k: round(float(np.mean([r[k] for r in rooms.values()])), 3) for k in keys}
    return {"name": "light", "rooms": rooms, "mean": mean}


def _named(data: Path) -> list[tuple[str, int]]:
    names = sorted(p.name for p in data.iterdir() if (p / "truth.json").is_file() and p.name[-1].isdigit())
    return [(n.rpartition("_")[0], int(n.rpartition("_")[2])) for n in names]


def _score(scene: Scene, room: Any, seed: int) -> dict[str, float]:
    points = probes(scene, seed)
    truth = true_light(room, points)
    ours = estimated_light(scene, points)
    flat = estimated_light(replace(scene, lights=(), environment=None), points)
    out: dict[str, float] = {}
    for name, found in (("ours", ours), ("default", flat)):
        angle, error, gain = compare(found, truth)
        out |= {f"{name}_angle_deg": round(angle, 2), f"{name}_rel_rmse": round(error, 4)}
        if name == "ours":
            out["log2_gain"] = round(gain, 3)
    out["probes"] = float(len(points))
    return out


def probes(scene: Scene, seed: int) -> Float64:
    """(n, 3) points 0.12 m above level surfaces."""
    import shapely

    rng = np.random.Generator(np.random.PCG64([seed, 31]))
    level = [p for p in scene.planes if p.normal[1] > 0.95 and p.area_m2 > 0.1 and p.observed_fraction > 0.3]
    out: list[Float64] = []
    areas = np.array([p.area_m2 for p in level])
    for k in rng.choice(len(level), PROBES * 4, p=np.sqrt(areas) / np.sqrt(areas).sum()) if level else []:
        plane = level[k]
        outline = shapely.Polygon(plane.polygon, plane.holes)
        low, high = plane.polygon.min(axis=0), plane.polygon.max(axis=0)
        xz = low + rng.random(2) * (high - low)
        if outline.contains(shapely.Point(xz)) and len(out) < PROBES:
            out.append(plane.to_world(xz) + 0.12 * plane.normal)
    return np.array(out).reshape(-1, 3)


def true_light(room: Any, points: Float64, count: int = 256) -> Float32:
    """Irradiance / pi (n, 14, 3) on the sides of probes in a generated room; NaN where a probe is inside something."""
    from sceneforge.rendering.directions import cosine_hemisphere, frames

    renderer = room.renderer
    rng = np.random.Generator(np.random.PCG64(0))
    out = np.zeros((len(points), len(SIDES), 3), dtype=np.float32)
    turned = np.swapaxes(frames(SIDES) @ cosine_hemisphere(count).T, 1, 2)
    for i, p in enumerate(points):
        d = turned.reshape(-1, 3).astype(np.float32)
        origin = np.broadcast_to(p.astype(np.float32), d.shape).copy()
        hits = room.world.cast(origin, d)
        inside = np.einsum("ij,ij->i", room.world.face_normals[hits.face], d) > 0
        if np.mean(inside & (hits.face >= 0) & (hits.t < 0.6)) > 0.25:
            out[i] = np.nan
            continue
        light = renderer.radiance(origin, d, 0.01, rng, mirrors=False).reshape(len(SIDES), count, 3)
        out[i] = light.mean(axis=1)
        here = np.broadcast_to(p.astype(np.float32), SIDES.shape).copy()
        out[i] += renderer._sun(here, SIDES.astype(np.float32), SIDES.astype(np.float32)) / np.pi
    return out


def estimated_light(scene: Scene, points: Float64) -> Float64:
    """The same from an understood scene."""
    from sceneforge.core.color import to_linear
    from sceneforge.rendering.incident import RoomLight
    from sceneforge.rendering.lighting import white_level
    from sceneforge.rendering.tracing import Tracer

    mesh = scene.mesh
    assert mesh is not None and mesh.colors is not None
    light = RoomLight(scene, mesh, Tracer(mesh.vertices, mesh.faces), white_level(to_linear(mesh.colors)))
    where = np.repeat(points, len(SIDES), axis=0)
    return light.irradiance(where, np.tile(SIDES, (len(points), 1)), 0.0)[0].reshape(len(points), len(SIDES), 3)


def compare(found: Float64, truth: Float32) -> tuple[float, float, float]:
    """Median angle of light vectors in degrees, relative RMSE after a common factor, and that factor in stops."""
    good = np.isfinite(truth).all(axis=(1, 2))
    a, b = found[good] @ LUMINANCE, truth[good].astype(np.float64) @ LUMINANCE
    gain = float(np.exp(np.median(np.log(np.maximum(a, 1e-6) / np.maximum(b, 1e-6)))))
    relative = (a / gain - b) / b.mean(axis=1, keepdims=True)
    va, vb = a @ SIDES, b @ SIDES
    cosine = (va * vb).sum(axis=1) / np.maximum(np.linalg.norm(va, axis=1) * np.linalg.norm(vb, axis=1), 1e-9)
    angle = float(np.degrees(np.median(np.arccos(np.clip(cosine, -1, 1)))))
    return angle, float(np.sqrt(np.mean(np.minimum(np.abs(relative), 2) ** 2))), float(np.log2(gain))
