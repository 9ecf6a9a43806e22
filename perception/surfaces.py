"""From plane fits to the scene's labelled, bounded planes, and the surface's per-vertex labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Label, Mesh, Plane
from sceneforge.core.arrays import Float64, Int32
from sceneforge.core.transforms import plane_frame

from .labelling import STRUCTURE, Levels, PlaneFacts, find_levels, score_labels
from .outlines import Outline, PlaneRaster, trace
from .planes import PlaneFit
from .surfels import SurfaceSamples, Surfels

CLOSE_STRUCTURE_M = 0.3
"""Furniture and unseen strips up to 60 cm wide are bridged in floors, walls and ceilings."""
CLOSE_OTHER_M = 0.06
"""Table tops are bridged under cups and keyboards only."""


@dataclass(frozen=True)
class _Piece:
    fit: PlaneFit
    frame: Float64
    raster: PlaneRaster
    number: int
    outline: Outline
    facts: PlaneFacts
    label: Label
    scores: dict[str, float]


@dataclass(frozen=True)
class Surfaces:
    """Bounded planes and what belongs to them."""

    planes: tuple[Plane, ...]
    """Floors, ceilings, walls, tables, seats, others; largest first within each."""
    surfel_plane: Int32
    """(S,) index into `planes` of each surfel, -1 = none."""
    levels: Levels
    """Reference heights."""


def bound_planes(
    fits: tuple[PlaneFit, ...],
    samples: SurfaceSamples,
    surfels: Surfels,
    cameras: Float64 | None,
    *,
    min_area_m2: float = 0.05,
    min_oblique_m2: float = 0.15,
) -> Surfaces:
    """Trace, classify and name the planes of a gravity-aligned (+Y up) surface.

    Args:
        fits: Unbounded planes.
        samples: Surface samples, for the outlines.
        surfels: The surfels that `fits` refers to.
        cameras: (N, 4, 4) camera-to-world, or None for captures without.
        min_area_m2: Smaller pieces are not reported.
        min_oblique_m2: Likewise for pieces neither level nor upright within 10 degrees, which are mostly cushions,
            clothes and clutter.
    """
    camera_height, pitch_deg = None, 0.0
    if cameras is not None and len(cameras):
        camera_height = float(np.median(cameras[:, 1, 3]))
        pitch_deg = float(np.degrees(np.median(np.arcsin(np.clip(-cameras[:, 1, 2], -1, 1)))))
    owner = np.full(len(surfels.area), -1, np.int32)
    for i, f in enumerate(fits):
        owner[f.surfels] = i
    sample_owner = owner[surfels.member]
    by_fit = np.argsort(sample_owner, kind="stable")
    ends = np.searchsorted(sample_owner[by_fit], np.arange(len(fits) + 1))
    tree = _surfel_tree(surfels)

    def pieces_of(i: int, close_m: float, simplify_m: float) -> list[tuple[PlaneRaster, int, Outline]]:
        xz = local[i][:, [0, 2]]
        raster = trace(xz, close_m=close_m, min_area_m2=min_area_m2, min_hole_m2=0.02, simplify_m=simplify_m)
        return [(raster, k, o) for k, o in enumerate(raster.outlines)]

    frames = [plane_frame(f.normal, f.centre) for f in fits]
    local = [
        (samples.points[by_fit[ends[i] : ends[i + 1]]] - frames[i][:3, 3]) @ frames[i][:3, :3] for i in range(len(fits))
    ]
    shape = [pieces_of(i, CLOSE_OTHER_M, 0.02) for i in range(len(fits))]

    beyond = [_beyond(T, surfels) for T in frames]

    def facts_of(i: int, outline: Outline) -> PlaneFacts:
        return _facts(fits[i], frames[i], outline, surfels, tree, beyond[i])

    rough = [[facts_of(i, o) for _, _, o in parts] for i, parts in enumerate(shape)]
    levels = find_levels([f for facts in rough for f in facts], camera_height, pitch_deg)
    pieces: list[_Piece] = []
    for i, parts in enumerate(shape):
        facts = rough[i]
        votes = [score_labels(f, levels) for f in facts]
        if facts and Label(max(votes[0], key=lambda k: votes[0][k])) in STRUCTURE:
            parts = pieces_of(i, CLOSE_STRUCTURE_M, 0.035)
            facts = [facts_of(i, o) for _, _, o in parts]
            votes = [score_labels(f, levels) for f in facts]
        for (raster, k, outline), known, scores in zip(parts, facts, votes, strict=True):
            label = Label(max(sorted(scores), key=lambda name: scores[name]))
            if label is Label.OTHER and outline.area_m2 < min_oblique_m2 and 0.17 < abs(known.up_cosine) < 0.985:
                continue
            pieces.append(_Piece(fits[i], frames[i], raster, k, outline, known, label, scores))
    rank = {label: n for n, label in enumerate((*STRUCTURE, Label.TABLE, Label.SEAT, Label.OTHER))}
    pieces.sort(key=lambda p: (rank[p.label], -round(p.outline.area_m2, 6), int(p.fit.surfels[0]), p.number))
    return Surfaces(
        tuple(_plane(f"plane_{n}", p) for n, p in enumerate(pieces)), _surfel_planes(pieces, surfels), levels
    )


def label_mesh(mesh: Mesh, planes: tuple[Plane, ...], plane_of_vertex: Int32) -> Mesh:
    """The mesh with each vertex's label and instance; vertices off every plane are unlabelled."""
    numbers = np.array([0, *(p.label.number for p in planes)], np.uint8)
    return replace(mesh, labels=numbers[plane_of_vertex + 1], instances=(plane_of_vertex + 1).astype(np.int32))


def _plane(name: str, p: _Piece) -> Plane:
    # The frame's origin moves to the piece's own centre, so that its pose means something.
    centre = np.round((p.outline.polygon.min(axis=0) + p.outline.polygon.max(axis=0)) / 2, 6)
    T = p.frame.copy()
    T[:3, 3] += T[:3, 0] * centre[0] + T[:3, 2] * centre[1]
    return Plane(
        id=name,
        label=p.label,
        confidence=p.scores[p.label],
        T_world_plane=T,
        polygon=np.round(p.outline.polygon - centre, 6),
        holes=tuple(np.round(h - centre, 6) for h in p.outline.holes),
        scores=p.scores,
        area_m2=round(p.outline.area_m2, 6),
        observed_fraction=round(p.outline.observed_fraction, 6),
    )


def _surfel_planes(pieces: list[_Piece], surfels: Surfels) -> Int32:
    out = np.full(len(surfels.area), -1, np.int32)
    for n, p in enumerate(pieces):
        xz = ((surfels.position[p.fit.surfels] - p.frame[:3, 3]) @ p.frame[:3, :3])[:, [0, 2]]
        out[p.fit.surfels[p.raster.piece_at(xz) == p.number]] = n
    return out


def _surfel_tree(surfels: Surfels) -> Any:
    from scipy.spatial import cKDTree

    return cKDTree(surfels.position)


def _beyond(T: Float64, surfels: Surfels) -> float:
    """Share of the surface that lies behind a plane."""
    behind = surfels.position @ T[:3, 1] < T[:3, 3] @ T[:3, 1] - 0.15
    return float(surfels.area[behind].sum() / surfels.area.sum())


def _facts(fit: PlaneFit, T: Float64, outline: Outline, surfels: Surfels, tree: Any, beyond: float) -> PlaneFacts:
    import cv2

    ring = outline.polygon
    rim = np.stack([ring[:, 0], np.zeros(len(ring)), ring[:, 1]], axis=1) @ T[:3, :3].T + T[:3, 3]
    rectangle = cv2.minAreaRect(ring.astype(np.float32))[1]
    up_cosine = float(fit.normal[1])
    backed = _backed(ring, T, surfels, tree) if up_cosine > 0.9 and outline.area_m2 < 4 else 0.0
    return PlaneFacts(
        up_cosine=up_cosine,
        height=float(rim[:, 1].mean()),
        bottom=float(rim[:, 1].min()),
        top=float(rim[:, 1].max()),
        area_m2=outline.area_m2,
        width_m=float(min(rectangle)),
        compact=float(outline.area_m2 / max(rectangle[0] * rectangle[1], 1e-9)),
        rms_m=fit.rms_m,
        backed=backed,
        beyond=beyond,
    )


def _backed(ring: Float64, T: Float64, surfels: Surfels, tree: Any) -> float:
    """Share of the rim with surface 0.2-0.4 m above it, no farther out than 13 cm, that ends below 0.9 m."""
    edges = np.roll(ring, -1, axis=0) - ring
    length = np.linalg.norm(edges, axis=1)
    count = np.maximum(np.ceil(length / 0.05).astype(int), 1)
    points = np.concatenate([ring[i] + edges[i] * ((np.arange(n) + 0.5) / n)[:, None] for i, n in enumerate(count)])
    rim = np.stack([points[:, 0], np.zeros(len(points)), points[:, 1]], axis=1) @ T[:3, :3].T + T[:3, 3]

    def above(rise: float) -> NDArray[np.bool_]:
        distance, _ = tree.query(rim + np.array([0, rise, 0]), distance_upper_bound=0.13)
        return np.asarray(np.isfinite(distance))

    return float(((above(0.2) | above(0.3) | above(0.4)) & ~above(0.9) & ~above(1.1)).mean())


def vertex_planes(
    mesh: Mesh, samples: SurfaceSamples, surfels: Surfels, surfel_plane: Int32, planes: tuple[Plane, ...]
) -> Int32:
    """Index into `planes` (N,) of each mesh vertex, -1 = none: its nearest sample's plane, if the vertex lies on it."""
    from scipy.spatial import cKDTree

    if len(samples.points) == len(mesh.vertices) and np.array_equal(samples.points, mesh.vertices):
        nearest = np.arange(len(mesh.vertices))
    else:
        _, nearest = cKDTree(samples.points).query(mesh.vertices)
    out = surfel_plane[surfels.member[nearest]].copy()
    for i, p in enumerate(planes):
        mine = np.flatnonzero(out == i)
        off = (mesh.vertices[mine] - p.origin) @ p.normal
        out[mine[np.abs(off) > 0.04]] = -1
    return out
