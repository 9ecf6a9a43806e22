"""What lights the room: lamps, windows and the unseen ceiling as area lights, and an environment map."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import EnvironmentMap, Label, Light, Mesh, Plane
from sceneforge.core.arrays import Float64
from sceneforge.core.color import LUMINANCE
from sceneforge.core.light import harmonics_basis

from .caster import Caster
from .emitters import Emitter, boundary, ceiling_patches, find_emitters, wall_patches
from .environment import stitch
from .light_fit import LightFit, fit_light
from .radiance import Glance, read_light

MAX_FRAMES = 40
CEILING_M = 2.5
"""Height of a ceiling that was not seen, unless the scan reaches higher."""
PATCH_M = 1.4
MAX_PATCHES = 5
"""Patches of unseen ceiling along either side."""
WINDOW_M = (0.8, 2.1)
"""Heights over the floor between which windows mostly lie."""
WORTH = 0.02
"""An emitter that gives less than this share of the room's light is no light of its own."""
SHINES = 1.2
"""A seen emitter's fitted radiance over what the pictures held of it, from which it is a light of its own."""
MAX_LIGHTS = 8


@dataclass(frozen=True)
class LightEstimate:
    """The result of `estimate_light`."""

    lights: tuple[Light, ...] = ()
    """The environment first, then the emitters, those with the most light first."""
    environment: EnvironmentMap | None = None
    """All of it as seen from one point."""
    notes: tuple[str, ...] = ()
    """What the reader of a report should know."""
    facts: dict[str, float] = field(default_factory=dict)
    """Figures for the report."""


def estimate_light(
    glances: Iterable[tuple[Glance, Float64]],
    mesh: Mesh,
    planes: tuple[Plane, ...],
    cameras: Float64,
    *,
    seed: int = 0,
    caster: Caster | None = None,
) -> LightEstimate:
    """Estimate the room's light from what its frames show and from its surface.

    Clipped readings are clustered into rectangles and balls (`emitters`), unseen ceiling and walls are divided into
    patches, the radiance of all of them is fitted to the shading of the scanned surfaces (`light_fit`), and everything
    is stitched into an environment map (`environment`). High dynamic range comes from that fit: what a clipped window
    must have sent for the room to look as it does.

    Args:
        glances: Of frames (`radiance.glance`), with their camera-to-world poses (4, 4); some MAX_FRAMES spread over the
            capture are enough.
        mesh: Reconstructed surface with colours and instances, +Y up.
        planes: The scene's planes.
        cameras: (N, 3) where the camera was.
        seed: Picks the points that light is fitted at.
        caster: Over the mesh, where there is one already.
    """
    if mesh.colors is None or mesh.instances is None or not len(mesh.faces) or not (mesh.instances > 0).any():
        return LightEstimate(notes=("no coloured flat surface: the light could not be estimated",))
    caster = caster or Caster(mesh)
    readings = read_light(glances, mesh, caster)
    points = mesh.vertices[:: max(1, len(mesh.vertices) // 20_000)]
    low, high = (np.quantile(points, q, axis=0).astype(np.float64) for q in (0.005, 0.995))
    walls = boundary(points, planes, low, high)
    position = _standpoint(cameras)
    seen = find_emitters(readings, walls, position)
    emitters = [*seen, *_unseen(caster, planes, low, high, position)]
    fit = fit_light(mesh, caster, emitters, np.random.Generator(np.random.PCG64([seed, 7])))
    environment = stitch(position, readings, mesh, caster, walls, emitters, fit.strength, fit.hole)
    lights = (_as_environment(environment), *_as_lights(emitters, fit))
    facts = {
        "light_emitters": float(len(seen)),
        "light_observed": round(float(_solid_mean(environment.observed[..., None])[0]), 4),
        "light_explained": round(fit.explained, 4),
    }
    return LightEstimate(lights, environment, (), facts)


def spread_frames(count: int) -> list[int]:
    """Positions of at most MAX_FRAMES of `count` frames, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, MAX_FRAMES)).round().astype(int)).tolist() if count else []


def _standpoint(cameras: Float64) -> Float64:
    """The camera position nearest to the middle of all: free space that the capture surrounds."""
    middle = np.median(cameras, axis=0)
    return np.asarray(cameras[np.argmin(np.linalg.norm(cameras - middle, axis=1))], dtype=np.float64)


def _unseen(caster: Caster, planes: tuple[Plane, ...], low: Float64, high: Float64, position: Float64) -> list[Emitter]:
    """Patches of ceiling and of walls at window height that were not scanned: rays towards them meet nothing there."""
    floors = [p.origin[1] for p in planes if p.label is Label.FLOOR]
    ceilings = [p.origin[1] for p in planes if p.label is Label.CEILING]
    floor = min(floors) if floors else float(low[1])
    height = max(ceilings) if ceilings else max(floor + CEILING_M, float(high[1]) - 0.05, position[1] + 0.5)
    count = np.clip(np.ceil((high - low)[[0, 2]] / PATCH_M), 1, MAX_PATCHES).astype(int)
    first, last = low[[0, 2]], high[[0, 2]]
    patches = ceiling_patches(first, last, height, (int(count[0]), int(count[1])))
    patches += wall_patches(first, last, floor + WINDOW_M[0], min(floor + WINDOW_M[1], height), PATCH_M)
    return [p for p in patches if not _scanned(caster, p)]


def _scanned(caster: Caster, patch: Emitter) -> bool:
    """Whether half of the patch, or more, has scanned surface within 0.4 m before or behind it."""
    assert patch.direction is not None
    origin = patch.samples(4) + 0.4 * patch.direction
    distance, _ = caster.hits(origin, np.broadcast_to(-patch.direction, origin.shape))
    return int(np.count_nonzero(distance < 0.8)) >= len(origin) / 2


def _as_environment(environment: EnvironmentMap) -> Light:
    d = environment.directions
    basis = harmonics_basis(d)
    products = environment.radiance[..., None, :] * basis[..., None]
    harmonics = 4 * np.pi * _solid_mean(products.reshape(*d.shape[:2], -1)).reshape(9, 3)
    mean = _solid_mean(environment.radiance)
    confidence = float(_solid_mean(environment.observed[..., None])[0])
    return Light(
        "environment", "environment", mean, confidence, position=environment.position, harmonics=np.asarray(harmonics)
    )


def _solid_mean(values: NDArray[np.floating]) -> Float64:
    """(C,) mean of (h, w, C) over the sphere."""
    h = values.shape[0]
    weight = np.sin((np.arange(h) + 0.5) / h * np.pi)
    return np.asarray((values.mean(axis=1) * weight[:, None]).sum(axis=0) / weight.sum(), dtype=np.float64)


def _as_lights(emitters: list[Emitter], fit: LightFit) -> list[Light]:
    """Emitters that matter, the most light first."""
    order = sorted(range(len(emitters)), key=lambda j: -fit.contribution[j])
    out: list[Light] = []
    for j in order[:MAX_LIGHTS]:
        e, share = emitters[j], float(fit.contribution[j])
        strength = float(fit.strength[j] @ LUMINANCE)
        # A clipped surface that need not have sent more than was seen is an overexposed wall, and no lamp.
        if share < WORTH or strength <= max(SHINES * float(e.least @ LUMINANCE), 0):
            continue
        # What was seen to shine is a light for sure; one that was only assumed is as sure as the shading shows it.
        confidence = float(np.clip(0.6 + 0.4 * min(share / 0.1, 1), 0, 1) if e.seen else 0.6 * fit.explained)
        kind = "point" if e.direction is None else "area"
        name = f"light_{len(out)}"
        axis = None if e.direction is None else e.width_axis
        color = fit.strength[j]
        out.append(Light(name, kind, color, confidence, e.direction, e.position, e.size, axis))
    return out
