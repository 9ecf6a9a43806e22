"""Placement quality, measured apart from the solver: collision, support, bounds, contact and relations.

Definitions follow SceneEval (`configs/metrics.yaml`): collision by mesh test; out of bounds when fewer than 99 % of an
object's samples lie over its surface; supported when surface lies within 1 cm under the base and its normal points
against gravity by more than 0.9; next to < 0.5 m, near < 1.5 m, facing within 30 degrees. Report them jointly: one
number alone hides failures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Arrangement, Placement, Plane, Request, Scene
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import inverse, transform_points

SAMPLES = 4000
TOUCH_M = 0.001
"""Overlaps up to this are contact."""
SUPPORT_M = 0.01
BASE_M = 0.002
"""What lies this low is the base."""
IN_BOUNDS, SUPPORT, WALL_SUPPORT = 0.99, 0.98, 0.90
NEXT_TO_M, NEAR_M, FACING_DEG = 0.5, 1.5, 30.0


@dataclass(frozen=True)
class PlacementQuality:
    """One placement, measured."""

    request: str
    """Id of the request."""
    surface: str
    """Id of its plane."""
    collides: bool
    """Whether it cuts more than a millimetre into the scan or into other content."""
    in_bounds: float
    """Share of its samples that lie over the plane's outline less its holes, 0..1."""
    support: float
    """Share of its base with surface within a centimetre under it, 0..1."""
    level: bool
    """Whether the surface faces up enough to carry it (normal . up > 0.9), or it hangs."""
    upright: bool
    """Whether the surface is a wall, where a tenth of the base may lack scanned surface behind it."""
    contact_gap_m: float | None
    """Largest distance from a base point to the surface under it, where there is surface; None if there is none."""
    near_m: float | None
    """Distance to what it should be near; None if nothing was asked."""
    facing_error_deg: float | None
    """Angle between its front and what it should face, about the surface normal; None if nothing was asked."""

    @property
    def sound(self) -> bool:
        """All physical criteria at once."""
        return not self.collides and self.in_bounds >= IN_BOUNDS and self.supported

    @property
    def supported(self) -> bool:
        """Whether the surface carries it."""
        return self.level and self.support >= (WALL_SUPPORT if self.upright else SUPPORT)

    @property
    def relations_hold(self) -> bool:
        """Whether what was asked of near and facing is so."""
        return (self.near_m or 0.0) < NEAR_M and (self.facing_error_deg or 0.0) <= FACING_DEG


def measure_arrangement(
    arrangement: Arrangement, scene: Scene, requests: Sequence[Request] = (), *, seed: int = 0
) -> tuple[PlacementQuality, ...]:
    """Measure every placement of an arrangement.

    Args:
        arrangement: What was placed.
        scene: Where; it needs a mesh.
        requests: What was asked, for the relations; those of placements that are not listed are not measured.
        seed: For the sample points.

    Raises:
        ValueError: The scene has no mesh.
    """
    if scene.mesh is None:
        raise ValueError("placement quality is measured against the scanned mesh, and the scene has none")
    scan = _Soup(scene.mesh.vertices.astype(np.float64), scene.mesh.faces.astype(np.int64))
    bodies = {p.request: _Soup(*_world(p)) for p in arrangement.placements}
    asked = {r.id: r for r in requests}
    rng = np.random.default_rng(seed)
    return tuple(_measure(p, scene, scan, bodies, asked.get(p.request), rng) for p in arrangement.placements)


def summarise(
    qualities: Sequence[PlacementQuality], unplaced: int = 0, *, certificates: Sequence[Placement] = ()
) -> dict[str, float]:
    """Joint figures over many placements; shares are of the placements, `placed` of the requests."""
    n = max(len(qualities), 1)
    gaps = [q.contact_gap_m for q in qualities if q.contact_gap_m is not None]
    out = {
        "placed": len(qualities) / max(len(qualities) + unplaced, 1),
        "collision_free": sum(not q.collides for q in qualities) / n,
        "in_bounds": sum(q.in_bounds >= IN_BOUNDS for q in qualities) / n,
        "supported": sum(q.supported for q in qualities) / n,
        "sound": sum(q.sound for q in qualities) / n,
        "relations": sum(q.relations_hold for q in qualities) / n,
        "contact_gap_mean_mm": 1000 * sum(gaps) / max(len(gaps), 1),
        "contact_gap_max_mm": 1000 * max(gaps, default=0.0),
    }
    if certificates:
        out["visible_mean"] = sum(p.certificate.visible_fraction for p in certificates) / len(certificates)
    return {k: round(v, 4) for k, v in out.items()}


def evaluate(*, data: Path | None = None, seed: int = 0) -> dict[str, Any]:
    """`sceneforge evaluate placement`: the shipped models placed in every posed capture under `data`, then measured.

    Returns:
        {"name", "metrics", "cases"}: joint figures over all captures, and per capture with every placement.
    """
    from sceneforge.data import sample_content
    from sceneforge.io import load_content
    from sceneforge.pipeline import arrange, understand

    from .cases import posed_scans

    def request(name: str, **more: Any) -> Request:
        return Request(name, load_content(sample_content(name)), **more)

    requests = [
        request("rover"),
        request("robot", near="rover", facing="rover"),
        request("ball"),
        request("plant", on=("floor", "largest_horizontal"), facing="camera"),
        request("picture_frame", on=("wall",)),
        request("lamp", on=("table", "largest_horizontal")),
    ]
    cases: list[dict[str, Any]] = []
    every: list[PlacementQuality] = []
    missing = 0
    placements: list[Placement] = []
    for path in posed_scans(data, least_frames=5):
        scene = understand(path, seed=seed)
        arrangement = arrange(scene, requests, seed=seed)
        qualities = measure_arrangement(arrangement, scene, requests, seed=seed)
        every += qualities
        placements += arrangement.placements
        missing += len(arrangement.unplaced)
        cases.append(
            {
                "case": path.name,
                "metrics": summarise(qualities, len(arrangement.unplaced), certificates=arrangement.placements),
                "placements": [asdict(q) for q in qualities],
                "unplaced": [u.summary for u in arrangement.unplaced],
            }
        )
    return {"name": "placement", "metrics": summarise(every, missing, certificates=placements), "cases": cases}


class _Soup:
    """World triangles with a ray structure."""

    def __init__(self, vertices: Float64, faces: Any) -> None:
        import open3d as o3d

        self.vertices, self.faces = vertices, faces
        edges = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
        self.starts, self.ends = vertices[edges[:, 0]], vertices[edges[:, 1]]
        self._rays = o3d.t.geometry.RaycastingScene()
        self._rays.add_triangles(o3d.core.Tensor(vertices.astype(np.float32)), o3d.core.Tensor(faces.astype(np.uint32)))

    def cast(self, origins: Float64, directions: Float64) -> Float64:
        import open3d as o3d

        rays = np.concatenate([origins, np.broadcast_to(directions, origins.shape)], axis=1).astype(np.float32)
        return np.asarray(self._rays.cast_rays(o3d.core.Tensor(rays))["t_hit"].numpy(), dtype=np.float64)

    def cuts(self, other: _Soup) -> bool:
        """Whether an edge of one passes through a triangle of the other."""
        for a, b in ((self, other), (other, self)):
            low, high = b.vertices.min(axis=0), b.vertices.max(axis=0)
            near = ((np.maximum(a.starts, a.ends) >= low) & (np.minimum(a.starts, a.ends) <= high)).all(axis=1)
            starts, ends = a.starts[near], a.ends[near]
            if len(starts) and (b.cast(starts, ends - starts) <= 1).any():
                return True
        return False


def _world(p: Placement) -> tuple[Float64, Any]:
    starts = np.cumsum([0] + [len(part.vertices) for part in p.content.parts])
    v = np.concatenate([part.vertices for part in p.content.parts]).astype(np.float64) * p.scale
    faces = [part.faces.astype(np.int64) + s for part, s in zip(p.content.parts, starts[:-1], strict=True)]
    return transform_points(p.T_world_content, v), np.concatenate(faces)


def _measure(
    p: Placement,
    scene: Scene,
    scan: _Soup,
    bodies: Mapping[str, _Soup],
    request: Request | None,
    rng: np.random.Generator,
) -> PlacementQuality:
    import shapely

    body, plane = bodies[p.request], scene.plane(p.surface)
    corners = body.vertices[body.faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    chosen = corners[rng.choice(len(area), SAMPLES, p=area / area.sum())]
    weights = rng.dirichlet([1, 1, 1], SAMPLES)
    samples = np.concatenate([np.einsum("nk,nkd->nd", weights, chosen), body.vertices])
    outline = shapely.make_valid(shapely.Polygon(plane.polygon))
    for hole in plane.holes:
        outline = outline.difference(shapely.make_valid(shapely.Polygon(hole)))
    over = shapely.intersects_xy(outline.buffer(1e-4), plane.to_local(samples)[:, [0, 2]])
    # Heights along the content's own axis that points away from the surface: leaning must not hide a gap.
    axis = np.round(p.T_world_content[:3, :3].T @ plane.normal)
    own = samples @ (p.T_world_content[:3, :3] @ axis)
    own -= own.min()
    low = own <= BASE_M
    drop = scan.cast(samples[low] + plane.normal * SUPPORT_M, -plane.normal) - SUPPORT_M - own[low]
    found = drop[np.isfinite(drop)]
    middle = (body.vertices.min(axis=0) + body.vertices.max(axis=0)) / 2
    lifted = middle + (body.vertices - middle) * (1 - 2 * TOUCH_M / np.ptp(body.vertices, axis=0).max())
    shrunk = _Soup(lifted + plane.normal * TOUCH_M, body.faces)
    others = [scan, *(b for name, b in bodies.items() if name != p.request)]
    near, facing = _relations(p, plane, samples, scene, bodies, request)
    return PlacementQuality(
        request=p.request,
        surface=p.surface,
        collides=any(shrunk.cuts(other) for other in others),
        in_bounds=float(over.mean()),
        support=float((np.abs(drop) <= SUPPORT_M).mean()),
        level=bool(plane.normal[1] > 0.9 or abs(plane.normal[1]) < 0.3 or plane.normal[1] < -0.9),
        upright=bool(abs(plane.normal[1]) < 0.3),
        contact_gap_m=max(0.0, float(found.max())) if len(found) else None,
        near_m=near,
        facing_error_deg=facing,
    )


def _relations(
    p: Placement,
    plane: Plane,
    samples: Float64,
    scene: Scene,
    bodies: Mapping[str, _Soup],
    request: Request | None,
) -> tuple[float | None, float | None]:
    near = facing = None
    if request is not None and request.near is not None:
        near = _distance(request.near, samples, scene, bodies)
    if request is not None and request.facing is not None:
        target = _middle(request.facing, scene, bodies)
        if target is not None:
            front, to = (plane.T_world_plane[:3, :3].T @ d for d in (p.T_world_content[:3, 2], target - middle_of(p)))
            angle = np.degrees(np.arctan2(front[0], front[2]) - np.arctan2(to[0], to[2]))
            facing = float(abs((angle + 180) % 360 - 180))
    return near, facing


def middle_of(p: Placement) -> Float64:
    """(3,) world position of the middle of the content's own bounds."""
    return transform_points(p.T_world_content, p.content.bounds.mean(axis=0) * p.scale)


def _middle(name: str, scene: Scene, bodies: Mapping[str, _Soup]) -> Float64 | None:
    if name == "camera":
        return None if scene.track is None else np.asarray(scene.track.T_world_camera[:, :3, 3].mean(axis=0))
    for plane in scene.planes:
        if plane.id == name:
            return plane.to_world((plane.polygon.min(axis=0) + plane.polygon.max(axis=0)) / 2)
    for thing in scene.objects:
        if thing.id == name:
            return thing.box.T_world_box[:3, 3]
    if name not in bodies:
        return None
    v = bodies[name].vertices
    return np.asarray((v.min(axis=0) + v.max(axis=0)) / 2)


def _distance(name: str, samples: Float64, scene: Scene, bodies: Mapping[str, _Soup]) -> float | None:
    """Smallest distance from the samples to a plane's bounds, an object's box or other content's vertices."""
    from scipy.spatial import cKDTree

    for plane in scene.planes:
        if plane.id == name:
            local, low, high = plane.to_local(samples), plane.polygon.min(axis=0), plane.polygon.max(axis=0)
            outside = np.maximum(np.maximum(low - local[:, [0, 2]], local[:, [0, 2]] - high), 0)
            return float(np.sqrt((outside**2).sum(axis=1) + local[:, 1] ** 2).min())
    for thing in scene.objects:
        if thing.id == name:
            away = np.abs(transform_points(inverse(thing.box.T_world_box), samples)) - thing.box.size / 2
            return float(np.linalg.norm(np.maximum(away, 0), axis=1).min())
    if name not in bodies:
        return None
    return float(cKDTree(bodies[name].vertices).query(samples)[0].min())
