"""`arrange`: requests in order, surfaces best first, candidates by score, the first that passes every check wins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from sceneforge.core import Arrangement, Camera, Placement, Plane, Rejection, Request, Scene, Unplaced
from sceneforge.core.progress import Progress, silent
from sceneforge.core.transforms import transform_points

from .body import Body, Mount, content_pose, make_body
from .candidates import Candidate, Wish, all_yaws, propose
from .check import Fit, Placed, check_place
from .explain import diagnose, too_large
from .raster import Fitter
from .reasons import certificate_of, describe, unplaced_summary
from .relations import check_requests, planes_for, target_of, viewers_centre
from .rules import CERTIFICATE_POSES, GOOD_CONTACT_GAP_M, MAX_CONTACT_GAP_M, VIEW_POSES, Failure
from .surface import Surface, mount_of
from .triangles import Triangles, outline_polygon, scene_triangles
from .view import View

MAX_CHECKS_PER_SURFACE, MAX_CHECKS = 16, 48
"""Exact checks on one surface, and for one entry of `on`, before it is given up."""
MAX_SOUND = 6
"""Sound places compared by their contact gap where the best liked one does not rest well."""
VIEW_WEIGHT, GAP_WEIGHT = 2.5, 100.0
"""Score of a place the track shows perfectly, and what a metre of contact gap costs."""


def arrange(
    scene: Scene,
    requests: Sequence[Request],
    *,
    seed: int = 0,
    camera: Camera | None = None,
    progress: Progress = silent,
) -> Arrangement:
    """Find a sound place for every request, or say per surface why there is none.

    Requests are answered in order; earlier content is an obstacle for later content. For each, the entries of
    `Request.on` are tried in order and all surfaces of one entry compete. Content stands on surfaces that face up,
    hangs with its back on walls (centre at eye height) and with its top under ceilings.

    Args:
        scene: Planes, and the mesh and camera track where there are any. Without a mesh, planes and object boxes stand
            in for it.
        requests: What to place.
        seed: Breaks ties between equally good places. Same input and seed give the same answer, bit by bit.
        camera: Intrinsics of the recording camera, to judge what it sees; a common RGB-D view angle otherwise.
        progress: Told about each finished request.

    Returns:
        Placements with measured certificates, and the requests that found no place.

    Raises:
        UsageError: A request refers to something that is neither in the scene nor an earlier request.
        ContentError: A content model has no extent.
    """
    check_requests(scene, requests)
    solver = _Solver(scene, requests, seed, camera)
    for number, request in enumerate(requests):
        progress("arrange", number, len(requests))
        solver.answer(number, request)
    progress("arrange", len(requests), len(requests))
    facts = {
        "requests": float(len(requests)),
        "placed": float(len(solver.placed)),
        "surfaces_tried": float(solver.surfaces_tried),
        "candidates": float(solver.candidates),
        "exact_checks": float(solver.checks),
    }
    return Arrangement(tuple(p.placement for p in solver.placed), tuple(solver.unplaced), seed, facts)


class _Solver:
    """What is shared between the requests of one call: rays, surfaces, what was placed so far."""

    def __init__(self, scene: Scene, requests: Sequence[Request], seed: int, camera: Camera | None) -> None:
        self.scene, self.seed = scene, seed
        self.soup, self.solids = scene_triangles(scene)
        self.reach = max((float(np.linalg.norm(r.content.size)) * r.scale + r.clearance_m for r in requests), default=0)
        self.view = View(scene.track, camera, VIEW_POSES)
        self.full_view = View(scene.track, camera, CERTIFICATE_POSES)
        self.placed: list[Placed] = []
        self.unplaced: list[Unplaced] = []
        self.surfaces: dict[str, Surface] = {}
        self.surfaces_tried = self.candidates = self.checks = 0
        floors = [float(p.origin[1]) for p in scene.planes if p.label.value == "floor"]
        lowest = float(self.soup.vertices[:, 1].min()) if len(self.soup.vertices) else 0.0
        self.floor_y = min(floors) if floors else lowest
        self.towards = viewers_centre(scene)

    def answer(self, number: int, request: Request) -> None:
        """Place one request or note why not."""
        by_id = {p.placement.request: p.placement for p in self.placed}
        wish = Wish(
            request=request,
            look_at=None if request.facing is None else target_of(request.facing, self.scene, by_id),
            near=None if request.near is None else target_of(request.near, self.scene, by_id),
            towards=self.towards,
            floor_y=self.floor_y,
        )
        rng = np.random.default_rng([self.seed, number])
        rejections: dict[str, Rejection] = {}
        bodies: dict[Mount, Body] = {}
        for on in request.on:
            pool: list[tuple[float, Candidate]] = []
            for plane in planes_for(on, self.scene):
                if plane.id in rejections:
                    continue
                found = self._propose(plane, wish, bodies, rng)
                if isinstance(found, Failure):
                    rejections[plane.id] = _rejection(plane, found)
                pool += [] if isinstance(found, Failure) else found
            placement = self._first_sound(pool, wish, bodies, rejections, tuple(rejections.values()))
            if placement is not None:
                self._add(placement)
                return
        self.unplaced.append(
            Unplaced(request.id, unplaced_summary(request, self.scene, rejections), tuple(rejections.values()))
        )

    def _propose(
        self, plane: Plane, wish: Wish, bodies: dict[Mount, Body], rng: np.random.Generator
    ) -> list[tuple[float, Candidate]] | Failure:
        """Scored candidates on one plane, or why there are none."""
        self.surfaces_tried += 1
        mount = mount_of(plane)
        if isinstance(mount, Failure):
            return mount
        if outline_polygon(plane).area <= 0:
            return Failure("size", 1000 * float(max(wish.request.content.size)), "its outline has no area")
        body = bodies.get(mount) or make_body(wish.request, mount)
        bodies[mount] = body
        if (oversize := too_large(body, plane)) is not None:
            return oversize
        surface = self._surface(plane, mount)
        fitter = Fitter(surface.raster, body.height, wish.request.clearance_m)
        found = propose(body, surface, fitter, wish, rng)
        if isinstance(found, Failure):
            return found
        if not found:
            return diagnose(body, fitter, all_yaws(body, surface, wish))
        self.candidates += len(found)
        middles = plane.to_world(np.array([[c.x, c.z] for c in found])) + plane.normal * body.height / 2
        appeal = self.view.appeal(middles, float(np.linalg.norm(body.size)), self._blockers())
        return [(c.score + VIEW_WEIGHT * float(a), c) for c, a in zip(found, appeal, strict=True)]

    def _first_sound(
        self,
        pool: list[tuple[float, Candidate]],
        wish: Wish,
        bodies: dict[Mount, Body],
        rejections: dict[str, Rejection],
        skipped: tuple[Rejection, ...],
    ) -> Placement | None:
        """The best candidate that passes the exact check; adds the nearest miss of each surface to `rejections`."""
        request = wish.request
        order = sorted(range(len(pool)), key=lambda i: (-pool[i][0], i))
        misses: dict[str, tuple[Plane, Failure]] = {}
        sound: list[tuple[float, Surface, Fit]] = []
        tried: Counter[str] = Counter()
        for i in order:
            score, candidate = pool[i]
            surface = candidate.surface
            if tried[surface.plane.id] >= MAX_CHECKS_PER_SURFACE or (
                tried[surface.plane.id] and tried.total() >= MAX_CHECKS
            ):
                continue
            tried[surface.plane.id] += 1
            self.checks += 1
            found = check_place(
                bodies[surface.mount],
                surface,
                candidate.x,
                candidate.z,
                candidate.yaw,
                self.placed,
                request.clearance_m,
            )
            if isinstance(found, Failure):
                best = misses.get(surface.plane.id)
                if best is None or found.margin_mm < best[1].margin_mm:
                    misses[surface.plane.id] = (surface.plane, found)
                continue
            sound.append((score - GAP_WEIGHT * found.seat.gap_m, surface, found))
            closed = [f.seat.gap_m for _, _, f in sound if f.seat.gap_m <= MAX_CONTACT_GAP_M]
            if found.seat.gap_m <= GOOD_CONTACT_GAP_M or len(closed) >= MAX_SOUND:
                break
        if sound:
            _, surface, fit = max(sound, key=lambda s: (s[2].seat.gap_m <= MAX_CONTACT_GAP_M, s[0]))
            return self._placement(wish, bodies[surface.mount], surface, fit, skipped)
        for plane, failure in misses.values():
            rejections[plane.id] = _rejection(plane, failure)
        return None

    def _placement(
        self, wish: Wish, body: Body, surface: Surface, fit: Fit, skipped: tuple[Rejection, ...]
    ) -> Placement:
        request = wish.request
        T = content_pose(body, fit.seat.T_plane_mount, surface.plane.T_world_plane)
        centre = transform_points(T, request.content.bounds.mean(axis=0) * request.scale)
        visible = float(self.full_view.share(centre[None], self._blockers())[0])
        certificate = certificate_of(fit, visible)
        reasons = describe(wish, body, surface, fit, certificate, T, len(self.full_view.poses), skipped)
        return Placement(request.id, request.content, surface.plane.id, T, request.scale, certificate, reasons)

    def _surface(self, plane: Plane, mount: Mount) -> Surface:
        if plane.id not in self.surfaces:
            soup, solids = (
                (self.soup, self.solids) if self.scene.mesh is not None else scene_triangles(self.scene, plane)
            )
            surface = Surface(plane, mount, soup, solids, self.reach)
            self.surfaces[plane.id] = surface
            for placed in self.placed:
                _stand_on(surface, placed)
        return self.surfaces[plane.id]

    def _add(self, placement: Placement) -> None:
        placed = Placed(placement)
        self.placed.append(placed)
        for surface in self.surfaces.values():
            _stand_on(surface, placed)

    def _blockers(self) -> list[Triangles]:
        return [self.soup, *(p.triangles for p in self.placed)]


def _stand_on(surface: Surface, placed: Placed) -> None:
    """Make placed content an obstacle on a surface."""
    local = Triangles(surface.plane.to_local(placed.triangles.vertices), placed.triangles.faces)
    surface.raster.add_obstacles(local, 0.0, surface.reach)


def _rejection(plane: Plane, failure: Failure) -> Rejection:
    detail = f"On '{plane.id}' ({plane.label.value}): {failure.detail}."
    return Rejection(plane.id, plane.label.value, failure.rule, round(failure.margin_mm, 1), detail)
