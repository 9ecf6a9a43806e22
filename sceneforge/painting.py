"""Paint real surfaces: see what they look like, let a painter make one metric texture each, keep the room's light."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from sceneforge._suggest import suggestion
from sceneforge.core import (
    LABEL_NAMES,
    FrameError,
    Label,
    PaintJob,
    Plane,
    Progress,
    Scan,
    Scene,
    SceneForgeWarning,
    SurfacePaint,
    SurfaceRaster,
    UsageError,
    silent,
)
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.paint import DEFAULT_PAINTER

if TYPE_CHECKING:
    from sceneforge.generative import Painter
    from sceneforge.perception.surface_texture import SurfaceTexture

METRES_PER_PIXEL: Final = 0.004
MAX_PIXELS: Final = 3_000_000
"""A larger surface gets larger pixels unless the job says otherwise."""
SMALLEST_M2: Final = 0.1
"""Pieces of a surface below this are left alone where a label asks for all of them."""
SURFACE_PAINTERS: Final = ("diffusers", "embedded", "procedural")
"""Painters that make a surface from a prompt; the others continue or lay a picture."""
SKIES: Final = frozenset({"starfield", "milkyway", "nebula", "clouds"})
TWINKLING: Final = frozenset({"starfield", "milkyway"})
BLADES: Final = frozenset({"grass", "meadow"})
RELIEF_M: Final = {"grass": 0.04, "meadow": 0.055, "moss": 0.012, "leaves": 0.012, "gravel": 0.012, "thatch": 0.02}
"""How high the grain of a material stands."""
GLOSS: Final = {"water": 0.12, "ice": 0.05, "marble": 0.05, "terrazzo": 0.04, "tiles": 0.04}
"""Share of light that smooth materials mirror where one looks straight at them; water more than its true 0.02, or on
floors as bright as what it mirrors it would not be known for water."""
WET: Final = 0.6
"""A puddle is clear: how much it darkens the floor beneath."""
WET_COLOR: Final = (22, 22, 20)
BRIM: Final = 5.0
"""How much sharper a puddle's border is than a lawn's."""
SKY_PIXELS: Final = 2048
SKY_AWAY: Final = 3.0
"""So many skies' widths beside that of a ceiling begin those of walls."""
SKY_METRES: Final = 6.0
"""A sky is painted as a square this wide: painters know stars and clouds as pictures at arm's length."""


def paint(
    scene: Scene,
    scan: Scan,
    jobs: Sequence[PaintJob],
    out: str | Path | None = None,
    *,
    painter: str = DEFAULT_PAINTER,
    seed: int = 0,
    every: int = 1,
    progress: Progress = silent,
) -> tuple[SurfacePaint, ...]:
    """Paint surfaces of an understood scene.

    Show the result with `render(scan, dataclasses.replace(scene, paints=paints), ...)`.

    Args:
        scene: With mesh and camera track.
        scan: The capture it was understood from.
        jobs: What to paint; later ones lie over earlier ones.
        out: Folder for paint.json and its PNG files; None writes nothing.
        painter: Who paints the jobs that do not say it.
        seed: Same scene, scan, jobs and seed give the same textures.
        every: Look at every n-th tracked frame.
        progress: Told of each stage.

    Returns:
        One paint per surface; coplanar pieces of a label share one.

    Raises:
        UsageError: The scene has no track, or no surface of a job's name.
        MissingExtra: A painter needs a package that is not installed.
        InputError: Frames or a reference picture cannot be read.
    """
    from sceneforge.perception.exposure import frame_exposures
    from sceneforge.perception.surface_mask import candidate_mask, surface_masks, surface_raster
    from sceneforge.perception.surface_offset import surface_offsets
    from sceneforge.perception.surface_texture import gather

    if scene.track is None:
        raise UsageError("painting needs the scene's camera track: understand the capture first")
    check_jobs(jobs, painter)
    painters = [_load(job, painter) for job in jobs]
    groups = [surfaces(scene, job.surface) for job in jobs]
    asked: dict[tuple[str, ...], tuple[tuple[Plane, ...], float]] = {}
    for job, found in zip(jobs, groups, strict=True):
        for planes in found:
            key, pixel = tuple(p.id for p in planes), _pixel(job, planes)
            asked[key] = (planes, min(pixel, asked[key][1]) if key in asked else pixel)
    bad: list[FrameError] = []
    frames = scene.track.indices[::every]
    gains = frame_exposures(scan, scene, frames, bad=bad, progress=progress)
    moved = surface_offsets(scan, scene, [planes for planes, _ in asked.values()], frames, [])
    placed = [(p, surface_raster(p, m, by)) for (p, m), by in zip(asked.values(), moved, strict=True)]
    rasters = [(raster, candidate_mask(raster, planes)) for planes, raster in placed]
    textures = dict(
        zip(asked, gather(scan, scene, rasters, gains, every=every, bad=[], progress=progress), strict=True)
    )
    for error in bad:
        warnings.warn(f"{scan.name}: not used for painting: {error}", SceneForgeWarning, stacklevel=2)
    masks = surface_masks([textures[key] for key in asked], [planes for planes, _ in asked.values()], scene)
    looks = {key: _Look(textures[key], mask, scene) for key, mask in zip(asked, masks, strict=True)}
    done: list[SurfacePaint] = []
    total = sum(map(len, groups))
    for job, who, found in zip(jobs, painters, groups, strict=True):
        for planes in found:
            look = looks[tuple(p.id for p in planes)]
            made = look.painted(f"paint_{len(done)}", job, who, planes, seed)
            if made is not None:
                done.append(replace(made, gains=gains))
            progress("paint", len(done), total)
    if not done:
        raise UsageError(f"nothing of {', '.join(j.surface for j in jobs)} is seen well enough to be painted")
    if out is not None:
        from sceneforge.export._paints import write_paints

        write_paints(done, out)
    return tuple(done)


def surfaces(scene: Scene, name: str) -> list[tuple[Plane, ...]]:
    """Planes with a label or an id, coplanar pieces of a label together, the largest group first.

    "ceiling|wall" names alternatives: the first that the scene has.

    Raises:
        UsageError: There is none.
    """
    from sceneforge.perception.surface_mask import coplanar

    known = sorted({p.label.value for p in scene.planes})
    first, *others = (part.strip() for part in name.split("|"))
    if others:
        there = first in known or any(p.id == first for p in scene.planes)
        return surfaces(scene, first if there else "|".join(others))
    name = first
    if name in LABEL_NAMES:
        found = [g for g in coplanar(scene.planes_labelled(Label(name))) if sum(p.area_m2 for p in g) >= SMALLEST_M2]
        if not found:
            other = next((k for k in ("wall", "floor") if k in known), None)
            hint = f"; '{name}|{other}' paints the first of the two that is there" if other else ""
            raise UsageError(f"the scene has no {name} to paint; it has {', '.join(known) or 'no planes'}{hint}")
        return sorted(found, key=lambda g: -sum(p.area_m2 for p in g))
    try:
        return [(scene.plane(name),)]
    except KeyError:
        raise UsageError(
            f"the scene has no surface '{name}'; name a label ({', '.join(known)}) or the id of a plane"
        ) from None


def check_jobs(jobs: Sequence[PaintJob], painter: str = DEFAULT_PAINTER) -> None:
    """Refuse what no look at the room is needed to refuse, before minutes go into understanding it.

    Raises:
        UsageError: No painter of the name covers surfaces, it lacks its checkpoint, or a prompt names no surface.
        InputError: A reference picture cannot be read.
    """
    from sceneforge.generative.text import refusal, understand_prompt

    for job in jobs:
        name = job.painter or painter
        if job.image is not None:
            _load(job, painter)
        elif name not in SURFACE_PAINTERS:
            raise UsageError(f"no painter called '{name}' covers surfaces{suggestion(name, SURFACE_PAINTERS)}")
        elif name == "diffusers" and job.model is None:
            raise UsageError(
                "the painter diffusers needs a checkpoint: a model (--model), a folder or a name on the hub"
            )
        elif name != "diffusers":
            reason = refusal(understand_prompt(job.prompt), job.prompt)
            if reason:
                raise UsageError(reason)


def _load(job: PaintJob, painter: str) -> Painter:
    from sceneforge.generative import load_painter

    if job.image is not None:
        return load_painter("reference", image=job.image, width_m=job.image_width_m)
    name = job.painter or painter
    if name == "diffusers":
        return load_painter(name, model=job.model)
    return load_painter(name)


def _pixel(job: PaintJob, planes: Sequence[Plane]) -> float:
    if job.metres_per_pixel is not None:
        return job.metres_per_pixel
    rings = np.concatenate([planes[0].to_local(p.to_world(p.polygon))[:, [0, 2]] for p in planes])
    return max(METRES_PER_PIXEL, float(np.sqrt(np.prod(np.ptp(rings, axis=0) + 0.2) / MAX_PIXELS)))


class _Look:
    """What is known of one surface, worked out once for all jobs on it."""

    def __init__(self, texture: SurfaceTexture, mask: UInt8, scene: Scene) -> None:
        from sceneforge.core.color import LUMINANCE, to_linear
        from sceneforge.perception.surface_shading import shading
        from sceneforge.rendering.lighting import white_level

        self.mask = mask
        self.shading, level = shading(texture, self.mask)
        self.raster, self._texture, self._level = texture.raster, texture, level
        colors = None if scene.mesh is None else scene.mesh.colors
        white = np.ones(3) if colors is None else white_level(to_linear(colors))
        # The old surface tells how much light there is, if its own albedo is a likely one.
        albedo = float(np.clip(level @ LUMINANCE / (white @ LUMINANCE), 0.1, 0.8))
        self.light = white / (white @ LUMINANCE) * (level @ LUMINANCE) / albedo

    def painted(
        self, name: str, job: PaintJob, painter: Painter, planes: Sequence[Plane], seed: int
    ) -> SurfacePaint | None:
        """The surface as a job asks for it; None where the job's part of it is empty."""
        from sceneforge.generative import understand_prompt

        kind = understand_prompt(job.prompt).kind if job.prompt.strip() else None
        mode = job.mode or _fitting_mode(job, kind)
        mask = self.mask
        if job.region is not None:
            from sceneforge.perception.surface_region import region_mask

            share = region_mask(self.raster, self.mask, job.region, seed)
            if _puddle(job, kind, mode):
                share = np.clip(0.5 + BRIM * (share - 0.5), 0, 1)
            mask = np.rint(mask * share).astype(np.uint8)
        used = np.argwhere(mask > 0)
        if len(used) < 16:
            return None
        (r0, c0), (r1, c1) = np.maximum(used.min(axis=0) - 8, 0), np.minimum(used.max(axis=0) + 9, mask.shape)
        part = (slice(int(r0), int(r1)), slice(int(c0), int(c1)))
        raster, shading = _cut(self.raster, part), self._cut_shading(part)
        made = partial(
            SurfacePaint,
            id=name,
            planes=tuple(p.id for p in planes),
            raster=raster,
            mask=np.ascontiguousarray(mask[part]),
            shading=shading,
            look=self._unpainted(part, shading.shape),
            mode=mode,
            strength=_strength(job, mode),
            prompt=job.prompt,
            painter=painter.name,
            seed=seed,
        )
        if mode == "portal":
            sky = np.full((SKY_PIXELS, SKY_PIXELS, 3), 16, np.uint8)
            everywhere = np.ones(sky.shape[:2], np.float32)
            place = _sky_origin(raster.T_world_plane)
            environment = painter.paint(sky, everywhere, job.prompt, SKY_METRES / SKY_PIXELS, seed, origin_m=place)
            twinkle = job.twinkle if job.twinkle is not None else 0.35 if kind in TWINKLING else 0.0
            return made(
                color=None,
                light=np.ones(3),
                environment=environment,
                turn_deg_per_s=job.turn_deg_per_s,
                twinkle=twinkle,
            )
        m = raster.metres_per_pixel
        gloss = 0.0 if job.image is not None else GLOSS.get(kind or "", 0.0)
        if _puddle(job, kind, mode):
            color = np.broadcast_to(np.array(WET_COLOR, np.uint8), (*raster.shape, 3))
            return made(color=color, light=self.light, gloss=gloss, strength=WET)
        color = painter.paint(
            self._albedo(part), np.ones(raster.shape, np.float32), job.prompt or "material", m, seed,
            origin_m=(float(raster.origin_xz[0]), float(raster.origin_xz[1])),
        )  # fmt: skip
        height = job.relief_m if job.relief_m is not None else RELIEF_M.get(kind or "", 0.0) * (mode != "reference")
        blades = kind in BLADES and job.image is None and height > 0
        grain = relief(color, m) if height > 0 else None
        return made(color=color, light=self.light, relief=grain, relief_m=height, blades=blades, gloss=gloss)

    def _cut_shading(self, part: tuple[slice, slice]) -> Float32:
        """The part's light, in as many cells per metre as the whole has."""
        import cv2

        h, w = self.raster.shape
        rows, columns = part
        scale = np.array(self.shading.shape) / (h, w)
        size = (np.array([rows.stop - rows.start, columns.stop - columns.start]) * scale).round().astype(int)
        size = np.maximum(size, 1)
        y = (rows.start + (np.arange(size[0]) + 0.5) * (rows.stop - rows.start) / size[0]) * scale[0] - 0.5
        x = (columns.start + (np.arange(size[1]) + 0.5) * (columns.stop - columns.start) / size[1]) * scale[1] - 0.5
        u, v = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
        cut = cv2.remap(self.shading, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cut, dtype=np.float32)

    def _unpainted(self, part: tuple[slice, slice], shape: tuple[int, ...]) -> UInt8:
        """(h, w, 4): the part as it looks, in cells twice as fine as its light's, and how well that is known."""
        import cv2

        from sceneforge.core.color import to_srgb

        t, size = self._texture, (2 * shape[1], 2 * shape[0])
        mine = (self.mask[part] > 0).astype(np.float32)
        weight = t.confidence[part] * mine + np.float32(1e-6) * (t.weight[part] > 0)
        agreed, total, color = (
            cv2.resize(np.asarray(a, dtype=np.float32), size, interpolation=cv2.INTER_AREA)
            for a in (t.agreement[part] * mine, weight, t.color[part] * weight[..., None])
        )
        mean = to_srgb(np.asarray(color / np.maximum(total, 1e-9)[..., None], dtype=np.float32))
        return np.dstack([mean, np.rint(np.clip(agreed, 0, 1) * 255).astype(np.uint8)])

    def _albedo(self, part: tuple[slice, slice]) -> UInt8:
        """(rows, columns, 3) sRGB: the old surface without its light; its own mean colour where unseen."""
        import cv2

        from sceneforge.core.color import to_srgb

        t = self._texture
        light = cv2.resize(self.shading, (self.raster.width, self.raster.height), interpolation=cv2.INTER_LINEAR)[part]
        known = (t.weight[part] > 0)[..., None]
        scale = self.light.astype(np.float32)
        flat = t.color[part] / np.maximum(light, 0.05)[..., None]
        return to_srgb(np.asarray(np.where(known, flat, self._level) / scale, dtype=np.float32))


def relief(color: UInt8, metres_per_pixel: float) -> UInt8:
    """Height of the grain from its brightness: tips catch light, roots lie in shadow. (H, W) uint8.

    Args:
        color: (H, W, 3) sRGB.
        metres_per_pixel: Slow changes over more than 5 cm are colour, not height.
    """
    import cv2

    gray = color.astype(np.float32).mean(axis=2)
    low = cv2.GaussianBlur(gray, (0, 0), max(0.02 / metres_per_pixel, 1.5))
    fine = gray - low
    spread = max(float(np.std(fine)), 1.0)
    return np.asarray(np.clip(110 + 55 * fine / spread, 0, 255), dtype=np.uint8)


def _sky_origin(T_world_plane: Float64) -> tuple[float, float]:
    """Which part of one long sky a surface opens onto: that of a wall begins where its neighbour's to the left ends."""
    normal = T_world_plane[:3, 1]
    if abs(normal[1]) > 0.7:
        return 0.0, 0.0
    azimuth = float(np.arctan2(-normal[0], normal[2]))
    # Two walls at right angles show the same at their corner: 45 degrees from the middle of either picture.
    per_quarter = 2 * np.sin(np.pi / 8) * SKY_METRES / np.sqrt(2)
    return SKY_METRES * SKY_AWAY + per_quarter * azimuth / (np.pi / 2), 0.0


def _fitting_mode(job: PaintJob, kind: str | None) -> str:
    if job.image is not None:
        return "reference"
    if job.region is not None:
        return "inpaint"
    return "portal" if kind in SKIES else "replace"


def _puddle(job: PaintJob, kind: str | None, mode: str) -> bool:
    """Whether a job asks for a film of clear water on the floor, unless a strength says how much covers it."""
    return kind == "water" and mode == "inpaint" and job.strength is None and job.image is None


def _strength(job: PaintJob, mode: str) -> float:
    return job.strength if job.strength is not None else 0.6 if mode == "blend" else 1.0


def _cut(raster: SurfaceRaster, part: tuple[slice, slice]) -> SurfaceRaster:
    rows, columns = part
    corner: Float64 = raster.origin_xz + np.array([columns.start, rows.start]) * raster.metres_per_pixel
    return SurfaceRaster(
        raster.T_world_plane, corner, raster.metres_per_pixel, columns.stop - columns.start, rows.stop - rows.start
    )
