"""A scene without some of its things: what they are, which part of the mesh is theirs, and what is left."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge._suggest import suggestion
from sceneforge.core import Label, Mesh, OrientedBox, Plane, Room, Scene, SceneGraph, SceneObject, UsageError
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform

from .labelling import STRUCTURE
from .removal_extent import ON_PLANE_M, raised, widened

GROWN_M, FRAY_M = 0.03, 0.07
"""Boxes are grown by this much, since scanned surface frays about them; by more where nothing else is."""
BEFORE_M = 0.7
"""A thing this close before a plane hides the plane's own surface, and nothing else, behind it."""
AROUND_M, FLOOR_AROUND_M = 0.6, 2.0
"""The outline this near to where a thing stood is closed over its print. Under a large table the floor goes on behind
it, too, as far as the room does."""
SAME_M = 0.1
"""An object that lies in a thing's box, give or take this, is the thing."""
FACE_M, BEFORE_FACE_M = 0.06, 1.2
"""A plane this near to a face of an object's box is that face; what hides a part of it stands this close before it."""
LEGS_M = 0.03
"""Faces of things are not continued farther than this below the lowest that was seen of them: things stand on legs, but
for those that mostly do not."""
DOWN_TO_THE_FLOOR = (
    Label.SHELF, Label.STORAGE, Label.COUNTER, Label.CABINET, Label.REFRIGERATOR, Label.STOVE, Label.OVEN,
    Label.DISHWASHER, Label.WASHER_DRYER, Label.BOX, Label.FIREPLACE, Label.COLUMN,
)  # fmt: skip
THICK_M = 0.06
"""Thickness given to flat things on a wall, such as pictures."""
WORDS = {
    "sofa": Label.COUCH, "settee": Label.COUCH, "armchair": Label.CHAIR, "stool": Label.CHAIR,
    "television": Label.SCREEN, "tv": Label.SCREEN, "monitor": Label.SCREEN,
    "picture": Label.WALL_ART, "painting": Label.WALL_ART, "poster": Label.WALL_ART,
    "cupboard": Label.CABINET, "wardrobe": Label.STORAGE, "bookshelf": Label.SHELF, "fridge": Label.REFRIGERATOR,
    "carpet": Label.RUG, "bin": Label.TRASH_CAN, "thing": Label.OTHER, "object": Label.OTHER,
}  # fmt: skip
RELATIONS = {"next to": "next_to", "beside": "next_to", "on": "on", "above": "above"}
_SIZES = {"largest": -1, "biggest": -1, "smallest": 1}


@dataclass(frozen=True)
class Thing:
    """Something that can be taken out of a scene."""

    id: str
    """Id of the object or plane."""
    label: Label
    """Its class."""
    box: OrientedBox
    """Where it is; a plane's box is `THICK_M` deep and lies on its front."""


@dataclass(frozen=True)
class Removal:
    """A scene after things were taken out of it."""

    scene: Scene
    """What is left; outlines are closed where the things stood."""
    things: tuple[Thing, ...]
    """What was taken out, those that stood on it included."""
    surface: Mesh
    """The things' own part of the mesh."""


def select_things(scene: Scene, what: str) -> tuple[Thing, ...]:
    """Find things by id ("object_3"), label ("chair") or phrase ("the largest table next to the couch").

    A phrase is: an optional "largest" or "smallest", a label or everyday word for one, and an optional relation
    ("next to", "on", "above") to a label or id, as the scene graph has it. Flat things that hang on walls are planes.

    Raises:
        UsageError: Nothing in the scene answers to it; the message lists what there is.
    """
    things = _things(scene)
    by_id = [t for t in things if t.id == what]
    if by_id:
        return tuple(by_id)
    phrase = " ".join(re.findall(r"[a-z0-9_]+", what.lower().replace("-", " ")))
    main, relation, other = phrase, None, ""
    for words, predicate in RELATIONS.items():
        parts = re.split(rf"\b{words}\b", phrase, maxsplit=1)
        if len(parts) == 2:
            main, relation, other = parts[0], predicate, parts[1]
            break
    found = [t for t in things if t.label in _labels(main)]
    missing = "" if found or not relation else f" (no '{main.strip()}')"
    if relation:
        partners = {t.id for t in things if t.id in other.split() or t.label in _labels(other)}
        partners |= {p.id for p in scene.planes if p.id in other.split() or p.label in _labels(other)}
        found = [t for t in found if _related(scene, t.id, relation, partners)]
        missing = missing or ("" if partners else f" (no '{other.strip()}')")
    for word, sign in _SIZES.items():
        if word in main.split() and found:
            found = sorted(found, key=lambda t: (sign * float(np.prod(t.box.size)), t.id))[:1]
    if not found:
        labels = sorted({str(t.label) for t in things})
        ids = sorted((t.id for t in things), key=lambda i: (len(i), i))
        there = ", ".join((*labels, *ids)) or "nothing"
        near = suggestion(main.split()[-1] if main.split() else what, labels)
        raise UsageError(f"nothing in the scene answers to '{what}'{missing}{near}; there is: {there}")
    return tuple(found)


def remove_things(scene: Scene, things: Sequence[Thing]) -> Removal:
    """Take things, and what stands on them, out of a scene.

    Raises:
        UsageError: The scene has no mesh.
    """
    if scene.mesh is None:
        raise UsageError("taking things out needs the scene's mesh: understand the capture first")
    things = tuple(replace(t, box=raised(widened(t.box, scene), scene)) for t in _with_burden(scene, things))
    boxes = [t.box for t in things]
    gone = {t.id for t in things} | {p.id for p in scene.planes if _owned(p, boxes)}
    gone |= {o.id for o in scene.objects if any(bool(inside(o.box.corners, b, SAME_M).all()) for b in boxes)}
    staying = [p for p in scene.planes if p.id not in gone]
    others = [o for o in scene.objects if o.id not in gone]
    vertex = _vertices_of(scene.mesh, staying, boxes, [o.box for o in others])
    face: NDArray[np.bool_] = np.asarray(vertex[scene.mesh.faces].any(axis=1))
    room = [p for p in staying if p.label in STRUCTURE and p.area_m2 > 1.0]
    planes = tuple(completed(_closed(p, boxes, room), boxes, others) for p in staying)
    number = {p.id: i + 1 for i, p in enumerate(planes)}
    renumber = np.array([0, *(number.get(p.id, 0) for p in scene.planes)], dtype=np.int32)
    left = part(scene.mesh, ~face)
    if left.instances is not None:
        left = replace(left, instances=renumber[left.instances])
    return Removal(
        replace(
            scene,
            planes=planes,
            objects=tuple(o for o in scene.objects if o.id not in gone),
            rooms=tuple(_without(r, gone) for r in scene.rooms),
            graph=SceneGraph(tuple(r for r in scene.graph.relations if r.subject not in gone and r.object not in gone)),
            mesh=left,
        ),
        things,
        part(scene.mesh, face),
    )


def part(mesh: Mesh, faces: NDArray[np.bool_]) -> Mesh:
    """Some faces (M,) of a mesh, with the vertices they need and everything that is known per vertex."""
    kept = mesh.faces[faces]
    used = np.unique(kept)
    index = np.full(len(mesh.vertices), -1, dtype=np.int32)
    index[used] = np.arange(len(used), dtype=np.int32)

    def some(values: Any) -> Any:
        return None if values is None else np.ascontiguousarray(values[used])

    return replace(
        mesh,
        vertices=mesh.vertices[used],
        faces=index[kept],
        colors=some(mesh.colors),
        labels=some(mesh.labels),
        instances=some(mesh.instances),
    )


def inside(points: Float64, box: OrientedBox, grown: float = GROWN_M) -> NDArray[np.bool_]:
    """(N,) whether world points (N, 3) lie in a box that is grown on all sides."""
    local = (points - box.T_world_box[:3, 3]) @ box.T_world_box[:3, :3]
    return np.asarray((np.abs(local) <= box.size / 2 + grown).all(axis=1))


def _things(scene: Scene) -> tuple[Thing, ...]:
    flat = [p for p in scene.planes if p.label in (Label.WALL_ART, Label.SCREEN, Label.WHITEBOARD, Label.MIRROR)]
    return (
        *(Thing(o.id, o.label, o.box) for o in scene.objects),
        *(Thing(p.id, p.label, _slab(p)) for p in flat if abs(float(p.normal[1])) < 0.5),
    )


def _slab(plane: Plane) -> OrientedBox:
    low, high = plane.polygon.min(axis=0), plane.polygon.max(axis=0)
    centre = plane.to_world((low + high) / 2)
    return OrientedBox(
        make_transform(plane.T_world_plane[:3, :3], centre), np.array([high[0] - low[0], THICK_M, high[1] - low[1]])
    )


def _labels(words: str) -> set[Label]:
    """Labels that a few words name; plurals count."""
    found: set[Label] = set()
    tokens = words.split()
    joined = {*tokens, *(f"{a}_{b}" for a, b in pairwise(tokens))}
    for token in joined | {t[:-1] for t in joined if t.endswith("s")} | {t[:-2] for t in joined if t.endswith("es")}:
        if token in WORDS:
            found.add(WORDS[token])
        elif token in set(Label):
            found.add(Label(token))
    return found


def _related(scene: Scene, thing: str, predicate: str, partners: set[str]) -> bool:
    for r in scene.graph.relations:
        if r.predicate != predicate:
            continue
        if r.subject == thing and r.object in partners:
            return True
        if predicate == "next_to" and r.object == thing and r.subject in partners:  # it is stored once
            return True
    return False


def _with_burden(scene: Scene, things: Sequence[Thing]) -> tuple[Thing, ...]:
    """The things and all that stands on them: nothing is left hanging in the air."""
    found = {t.id: t for t in things}
    known = {t.id: t for t in _things(scene)}
    grew = True
    while grew:
        boxes = [t.box for t in found.values()]
        owned = {p.id for p in scene.planes if _owned(p, boxes)} | set(found)
        carried = [r.subject for r in scene.graph.relations if r.predicate == "on" and r.object in owned]
        new = [c for c in carried if c in known and c not in found]
        found |= {c: known[c] for c in new}
        grew = bool(new)
    return tuple(found.values())


def _owned(plane: Plane, boxes: Sequence[OrientedBox]) -> bool:
    """Whether a plane is a face of one of the boxes' things: most of it lies in the box, and it is no structure."""
    if plane.label in STRUCTURE:
        return False
    ring = plane.to_world(plane.polygon)
    points = np.concatenate([ring, (ring + np.roll(ring, 1, axis=0)) / 2, ring.mean(axis=0, keepdims=True)])
    return any(float(inside(points, b, 0.05).mean()) > 0.75 for b in boxes)


def _vertices_of(
    mesh: Mesh, staying: Sequence[Plane], boxes: Sequence[OrientedBox], others: Sequence[OrientedBox]
) -> NDArray[np.bool_]:
    """(N,) vertices in a box, or fraying about it and in no other one, that do not lie on a plane that stays."""
    import shapely

    points = mesh.vertices.astype(np.float64)
    mine = np.zeros(len(points), dtype=np.bool_)
    for b in boxes:
        fraying = np.flatnonzero(inside(points, b, FRAY_M))
        loose = np.ones(len(fraying), dtype=np.bool_)
        for other in others:
            loose &= ~inside(points[fraying], other)
        mine[fraying[loose]] = True
        mine |= inside(points, b)
    for p in staying:
        where = np.flatnonzero(mine)
        local = p.to_local(points[where])
        near = np.abs(local[:, 1]) < ON_PLANE_M
        outline = shapely.Polygon(p.polygon).buffer(0.1)
        near[near] = shapely.contains_xy(outline, local[near, 0], local[near, 2])
        mine[where[near]] = False
    return mine


def _closed(plane: Plane, boxes: Sequence[OrientedBox], room: Sequence[Plane]) -> Plane:
    """A structural plane whose outline is closed where a box stands before it, as far as the room goes."""
    import shapely

    if plane.label not in STRUCTURE:
        return plane
    shape = shapely.Polygon(plane.polygon, plane.holes).buffer(0)
    near = []
    for b in boxes:
        local = plane.to_local(b.corners)
        if -0.3 < local[:, 1].min() < BEFORE_M:
            near.append(shapely.MultiPoint(local[:, [0, 2]]).convex_hull.buffer(0.1, join_style="mitre"))
    prints = [p for p in near if p.distance(shapely.Polygon(plane.polygon)) < BEFORE_M]
    if not prints:
        return plane
    # The print, and what lies between it and the outline: the hull of the part of the outline that is close.
    around = FLOOR_AROUND_M if plane.label == Label.FLOOR else AROUND_M
    gap = shapely.union_all([shapely.union(p, shape.intersection(p.buffer(around))).convex_hull for p in prints])
    for other in room:
        if other is not plane and abs(float(other.normal @ plane.normal)) < 0.3:
            gap = gap.intersection(_free_side(plane, other))
    return grown_to(plane, shape.union(gap))


def completed(plane: Plane, boxes: Sequence[OrientedBox], others: Sequence[SceneObject]) -> Plane:
    """A face of a thing that stays, whose outline is closed where a box stands before it, as far as its thing goes."""
    import shapely

    if plane.label in STRUCTURE or abs(float(plane.normal[1])) > 0.3:
        return plane
    for other in others:
        local = plane.to_local(other.box.corners)
        if abs(float(local[:, 1].max())) > FACE_M or not _owned(plane, [other.box]):
            continue
        face = shapely.MultiPoint(local[:, [0, 2]]).convex_hull
        prints = []
        for b in boxes:
            theirs = plane.to_local(b.corners)
            if -0.3 < theirs[:, 1].min() < BEFORE_FACE_M:
                # Seen from above, a thing hides more of what is behind it than its print: down to the floor.
                prints.append(shapely.MultiPoint(theirs[:, [0, 2]]).convex_hull.buffer(0.3, join_style="mitre"))
        if prints:
            shape = shapely.Polygon(plane.polygon, plane.holes).buffer(0)
            grown = shapely.union_all(prints).intersection(face)
            if other.label not in DOWN_TO_THE_FLOOR:
                grown = grown.intersection(_above(plane))
            return grown_to(plane, shape.union(grown))
    return plane


def _above(plane: Plane) -> Any:
    """The part of an upright plane, [x, z], that is no lower than its outline: what stands on legs ends there."""
    import shapely

    rise = plane.T_world_plane[1, [0, 2]]
    up, along, reach = rise / np.linalg.norm(rise), np.array([-rise[1], rise[0]]) / np.linalg.norm(rise), 30.0
    foot = (float((plane.polygon @ up).min()) - LEGS_M) * up
    return shapely.Polygon(
        [foot - reach * along, foot + reach * along, foot + reach * (along + up), foot - reach * (along - up)]
    )


def grown_to(plane: Plane, whole: Any) -> Plane:
    """A plane with another outline, that holds its own."""
    import shapely

    area = shapely.Polygon(plane.polygon, plane.holes).area
    if whole.geom_type != "Polygon":
        whole = max(whole.geoms, key=lambda g: float(g.area))
    if whole.area < area + 1e-4:
        return plane
    whole = shapely.orient_polygons(whole)
    ring = np.asarray(whole.exterior.coords)[:-1]
    known = zip(_edges(plane.polygon), plane.edge_observed, strict=False)
    seen = {tuple(np.round(edge, 6).ravel()) for edge, observed in known if observed}
    return replace(
        plane,
        polygon=ring,
        edge_observed=tuple(tuple(np.round(e, 6).ravel()) in seen for e in _edges(ring)) if plane.edge_observed else (),
        holes=tuple(np.asarray(h.coords)[:-1] for h in whole.interiors if shapely.Polygon(h).area > 1e-3),
        area_m2=float(whole.area),
        observed_fraction=plane.observed_fraction * min(float(area) / float(whole.area), 1.0),
    )


def _edges(ring: Float64) -> Float64:
    """(K, 2, 2) the edges of an outline, from point k to k + 1."""
    return np.stack([ring, np.roll(ring, -1, axis=0)], axis=1)


def _free_side(plane: Plane, other: Plane) -> Any:
    """The part of a plane, [x, z], that lies on the free side of another one; large where they are far apart."""
    import shapely

    R = plane.T_world_plane[:3, :3]
    n = np.array([other.normal @ R[:, 0], other.normal @ R[:, 2]])
    offset = float(other.normal @ (plane.origin - other.origin))
    foot, along, reach = -offset * n / (n @ n), np.array([-n[1], n[0]]) / np.linalg.norm(n), 30.0
    inward = n / np.linalg.norm(n) * reach
    corners = [foot - reach * along, foot + reach * along, foot + reach * along + inward, foot - reach * along + inward]
    return shapely.Polygon(corners)


def _without(room: Room, gone: set[str]) -> Room:
    return replace(
        room,
        walls=tuple(w for w in room.walls if w not in gone),
        openings=tuple(o for o in room.openings if o not in gone),
    )
