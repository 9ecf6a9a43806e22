"""Boxes of things in a room of known measures: what is one thing, what is none, and where it ends."""

from __future__ import annotations

import numpy as np

from sceneforge.core import Label, Mesh, Plane, SceneObject
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import plane_frame
from sceneforge.perception.device import box_iou
from sceneforge.perception.labelling import Levels
from sceneforge.perception.objects import find_objects
from sceneforge.perception.surfels import SurfaceSamples, build_surfels, grain

STEP = 0.02
WIDTH, DEPTH, HEIGHT = 6.0, 4.0, 2.6
"""The room: x in 0..6, z in 0..4, the wall of interest at z = 0."""


def side(low: list[float], high: list[float], axis: int, sign: float) -> tuple[Float64, Float64]:
    """Points and normals of one side of an axis-aligned box."""
    axes = [np.arange(a + STEP / 2, b, STEP) if k != axis else [b if sign > 0 else a] for k, (a, b) in enumerate(
        zip(low, high, strict=True))]  # fmt: skip
    points = np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], axis=1)
    return points, np.tile(sign * np.eye(3)[axis], (len(points), 1))


def solid(low: list[float], high: list[float], hidden: str = "") -> list[tuple[Float64, Float64]]:
    """The sides of a box, less the `hidden` ones ("-z": the one that faces -z)."""
    names = {f"{'-+'[s > 0]}{'xyz'[axis]}": (axis, s) for axis in range(3) for s in (-1.0, 1.0)}
    return [side(low, high, axis, s) for name, (axis, s) in names.items() if name not in hidden]


def room_planes() -> tuple[Plane, ...]:
    def plane(name: str, label: Label, normal: tuple[float, ...], at: tuple[float, ...], a: float, b: float) -> Plane:
        T = plane_frame(normal, at)
        world = np.array([[x, y, z] for x in (0, WIDTH) for y in (0, HEIGHT) for z in (0, DEPTH)])
        local = (world - T[:3, 3]) @ T[:3, :3]
        (x0, _, z0), (x1, _, z1) = local.min(0), local.max(0)
        return Plane(name, label, 1.0, T, np.array([[x0, z0], [x1, z0], [x1, z1], [x0, z1]]), area_m2=a * b)

    return (
        plane("floor", Label.FLOOR, (0, 1, 0), (3, 0, 2), WIDTH, DEPTH),
        plane("ceiling", Label.CEILING, (0, -1, 0), (3, HEIGHT, 2), WIDTH, DEPTH),
        plane("wall", Label.WALL, (0, 0, 1), (3, 1.3, 0), WIDTH, HEIGHT),
        plane("left", Label.WALL, (1, 0, 0), (0, 1.3, 2), DEPTH, HEIGHT),
    )


def objects_of(
    parts: list[tuple[Float64, Float64]],
    grain_m: float = 0.0,
    unseen_floor: list[tuple[list[float], list[float]]] | None = None,
) -> tuple[SceneObject, ...]:
    """The objects of a room with these surfaces in it; rectangles of floor (low and high [x, z]) may be left out."""
    shell = [
        side([0, -1, 0], [WIDTH, 0, DEPTH], 1, 1),
        side([0, HEIGHT, 0], [WIDTH, 9, DEPTH], 1, -1),
        side([0, 0, -1], [WIDTH, HEIGHT, 0], 2, 1),
    ]
    for low, high in unseen_floor or []:
        p, n = shell[0]
        hidden = ((p[:, [0, 2]] > low) & (p[:, [0, 2]] < high)).all(axis=1)
        shell[0] = (p[~hidden], n[~hidden])
    points, normals = (np.concatenate(x) for x in zip(*shell, *parts, strict=True))
    count = len(points)
    samples = SurfaceSamples(points.astype(np.float32), normals.astype(np.float32), np.full(count, STEP**2))
    surfels = build_surfels(samples, 0.05)
    planes = room_planes()
    owner = np.full(len(surfels.area), -1, np.int32)
    for i, p in enumerate(planes):
        owner[(np.abs(p.to_local(surfels.position)[:, 1]) < 0.02) & (surfels.normal @ p.normal > 0.9)] = i
    return find_objects(surfels, planes, owner, Levels(0.0, 0.0, 1.5, HEIGHT), grain_m)


def test_what_stands_at_a_wall_reaches_back_to_it() -> None:
    # The last 7 cm before a wall are taken for its frayed surface: the cupboard's sides end there.
    (cupboard,) = objects_of(solid([1, 0, 0], [2.2, 1.8, 0.6], hidden="-y -z"))
    np.testing.assert_allclose(np.sort(cupboard.box.size), [0.6, 1.2, 1.8], atol=0.02)
    assert abs(cupboard.box.corners[:, 2].min()) < 0.005


def test_both_sides_of_a_thin_thing_are_one_thing() -> None:
    # Its two sides face apart and are no neighbours on the surface. Surfels lie half a cell inside the rim.
    found = objects_of(solid([2, 0.9, 1.5], [3, 1.5, 1.56], hidden="-x +x -y +y"))
    assert len(found) == 1
    np.testing.assert_allclose(np.sort(found[0].box.size), [0.06, 0.6, 1.0], atol=0.07)


def test_a_beam_and_a_skirting_are_parts_of_the_building() -> None:
    beam = solid([0.5, 2.2, 1.5], [5.5, HEIGHT, 1.8], hidden="+y")
    skirting = solid([0.5, 0, 0], [3.5, 0.4, 0.1], hidden="-y -z")
    assert objects_of(beam + skirting) == ()
    (lamp,) = objects_of(solid([2, 2.2, 1.5], [2.5, HEIGHT, 2.0], hidden="+y"))
    assert lamp.box.size.max() < 0.6


def test_a_shelf_that_touches_a_beam_across_the_room_is_parted_from_it() -> None:
    shelf = solid([0.5, 0, 0], [4.5, 2.1, 0.4], hidden="-y -z")
    panel = solid([0.5, 2.0, 0.3], [5.9, HEIGHT, 0.4], hidden="+y")
    beams = solid([0.6, 2.2, 0.3], [5.8, HEIGHT, 3.8], hidden="+y")
    found = objects_of(shelf + panel + beams)
    truth = objects_of(shelf)[0].box
    assert max(box_iou(o.box, truth) for o in found) > 0.8  # the panel makes it up to 0.14 m taller
    assert all(o.box.size[0] * o.box.size[2] < 4 for o in found)


def test_what_a_coarse_surface_cannot_show_is_no_thing() -> None:
    lump = solid([2, 0, 1.5], [2.2, 0.25, 1.7], hidden="-y")
    assert len(objects_of(lump)) == 1
    assert objects_of(lump, grain_m=0.06) == ()


def test_the_grain_is_that_of_the_details() -> None:
    v = np.array([[0, 0, 0], [0.04, 0, 0], [0, 0.04, 0], [0.04, 0.04, 0], [3, 0, 0]], np.float32)
    mesh = Mesh(v, np.array([[0, 1, 2], [1, 3, 2], [1, 4, 3]], np.int32))
    assert 0.03 < grain(mesh) < 0.06
    assert grain(Mesh(v * 100, mesh.faces)) == 0.07
    assert grain(Mesh(v, np.zeros((0, 3), np.int32))) == 0.0


def label_near(found: tuple[SceneObject, ...], at: tuple[float, float, float]) -> Label:
    return min(found, key=lambda o: float(np.linalg.norm(o.box.T_world_box[:3, 3] - at))).label


def couch(x: float, z: float, width: float = 1.9) -> list[tuple[Float64, Float64]]:
    """A couch with its back towards -z: seat, back, arms."""
    seat = solid([x, 0, z], [x + width, 0.43, z + 0.9], hidden="-y")
    back = solid([x, 0.43, z], [x + width, 0.82, z + 0.25], hidden="-y")
    arms = [solid([a, 0.43, z + 0.25], [a + 0.2, 0.62, z + 0.9], hidden="-y -z") for a in (x, x + width - 0.2)]
    return [*seat, *back, *arms[0], *arms[1]]


def test_furniture_is_named_by_its_shape() -> None:
    chair = solid([4.2, 0.43, 2.5], [4.65, 0.46, 2.95]) + solid([4.2, 0.46, 2.5], [4.65, 0.9, 2.53], hidden="-y")
    table = solid([1, 0.7, 2.2], [2.4, 0.74, 3.0]) + solid([1.6, 0, 2.55], [1.7, 0.7, 2.65], hidden="-y +y")
    cupboard = solid([4.5, 0, 0], [5.7, 1.9, 0.6], hidden="-y -z")
    found = objects_of(couch(0.5, 0.4) + chair + table + cupboard)
    assert label_near(found, (1.4, 0.4, 0.85)) is Label.COUCH
    assert label_near(found, (4.4, 0.45, 2.7)) is Label.CHAIR
    assert label_near(found, (1.7, 0.37, 2.6)) is Label.TABLE
    assert label_near(found, (5.1, 0.95, 0.3)) is Label.CABINET
    assert len(found) == 4
    seat = next(o for o in found if o.label is Label.COUCH)
    assert abs(seat.evidence["seat_m"] - 0.43) < 0.02 and seat.evidence["back"] > 0.8
    assert abs(sum(seat.scores.values()) - 1) < 1e-3


def test_a_bed_keeps_its_pillow_and_its_headboard() -> None:
    bed = solid([1, 0, 0.1], [2.6, 0.5, 2.1], hidden="-y")
    pillow = solid([1.1, 0.5, 0.2], [2.5, 0.62, 0.7], hidden="-y")
    head = solid([1, 0.5, 0.1], [2.6, 1.0, 0.15], hidden="-y")
    (found,) = objects_of(bed + pillow + head)
    assert found.label is Label.BED
    np.testing.assert_allclose(np.sort(found.box.size), [1.0, 1.6, 2.05], atol=0.06)


def test_a_counter_around_a_corner_is_two_counters() -> None:
    # Only the fronts and the front edges of the tops are seen; the floor in the corner's open side is.
    one = [side([0, 0, 0], [3.0, 0.9, 0.62], 2, 1), side([0, 0, 0.5], [3.0, 0.9, 0.62], 1, 1)]
    two = [side([0, 0, 0.62], [0.62, 0.9, 2.8], 0, 1), side([0.5, 0, 0.62], [0.62, 0.9, 2.8], 1, 1)]
    under = [([0.0, 0.0], [3.0, 0.62]), ([0.0, 0.0], [0.62, 2.8])]
    found = [o for o in objects_of([*one, *two], unseen_floor=under) if o.label is Label.COUNTER]
    assert len(found) == 2
    footprints = sorted(tuple(np.sort(o.box.size[[0, 2]]).round(1).tolist()) for o in found)
    assert sum(a * b for a, b in footprints) < 3.6, "no box over the open corner, which would be 8 square metres"
    along = next(o for o in found if o.box.corners[:, 2].max() < 0.7)
    assert abs(along.box.corners[:, 2].min()) < 0.01, "it reaches back to its wall"


def test_tops_along_a_wall_make_a_counter_without_a_front() -> None:
    # Black fronts give no depth: two patches of top with a sink between them, and nobody saw the floor under them.
    patches = [side([0.6, 0, 0.1], [1.5, 0.9, 0.6], 1, 1), side([2.1, 0, 0.1], [2.9, 0.9, 0.6], 1, 1)]
    found = objects_of(patches, unseen_floor=[([0.5, 0.0], [3.0, 0.75])])
    assert [o.label for o in found] == [Label.COUNTER]
    np.testing.assert_allclose(np.sort(found[0].box.size), [0.6, 0.9, 2.3], atol=0.06)
    assert objects_of(patches) == (), "with the floor seen below, they float and are nothing"


def test_nothing_floats() -> None:
    table = solid([1, 0.7, 2.2], [2.8, 0.74, 3.2]) + solid([1.8, 0, 2.65], [1.9, 0.7, 2.75], hidden="-y +y")
    back = side([1.4, 0.6, 3.2], [1.85, 0.95, 3.38], 2, 1)  # of a chair whose seat is under the table
    shade = solid([2.3, 0.95, 2.6], [2.55, 1.2, 2.85])
    found = objects_of([*table, back, *shade])
    assert sorted(o.label for o in found) == [Label.CHAIR, Label.LAMP, Label.TABLE]
    chair = next(o for o in found if o.label is Label.CHAIR)
    lamp = next(o for o in found if o.label is Label.LAMP)
    assert chair.box.corners[:, 1].min() < 0.01 and chair.evidence["guessed"] > 0.5
    assert chair.box.corners[:, 2].min() < 3.0, "its seat is under the table"
    assert abs(lamp.box.corners[:, 1].min() - 0.74) < 0.03


def test_without_a_floor_in_view_a_table_top_is_a_table_and_nothing_is_dropped() -> None:
    points, normals = (np.concatenate(x) for x in zip(*solid([2, 0.7, 1.5], [3.2, 0.74, 2.3]), strict=True))
    samples = SurfaceSamples(points.astype(np.float32), normals.astype(np.float32), np.full(len(points), STEP**2))
    surfels = build_surfels(samples, 0.05)
    T = plane_frame((0, 1, 0), (2.6, 0.74, 1.9))
    ring = np.array([[-0.6, -0.4], [0.6, -0.4], [0.6, 0.4], [-0.6, 0.4]])
    top = Plane("top", Label.TABLE, 0.8, T, ring, area_m2=0.96)
    owner = np.where((surfels.normal[:, 1] > 0.9) & (surfels.position[:, 1] > 0.72), 0, -1).astype(np.int32)
    (found,) = find_objects(surfels, (top,), owner, Levels(None, -0.2, 1.3, None))
    assert found.label is Label.TABLE
