"""Random tables, clutter and content: what a certificate claims holds in an independent, slow check.

The check knows nothing of rasters or ray casting: tables, clutter and content are boxes, so that distances come from
closed forms and convex polygons.
"""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sceneforge.core import Label, Placement, Request, Scene
from sceneforge.core.transforms import make_transform, transform_points
from sceneforge.placement import arrange
from tests.placement.rooms import block, box, level, mesh_of, rectangle, sheet, track_around

length = st.floats(0.05, 0.5)


@st.composite
def tables(draw):
    """A table top of random size, turn and roughness, a hole or none, and boxes standing on it."""
    size = draw(st.tuples(st.floats(0.3, 1.8), st.floats(0.3, 1.2)))
    turn, bumps = draw(st.floats(-3, 3)), draw(st.sampled_from([0.0, 0.0, 0.002, 0.004]))
    clutter = [
        (x * size[0] / 2, z * size[1] / 2, w, d, h)
        for x, z, w, d, h in draw(
            st.lists(
                st.tuples(
                    st.floats(-1, 1), st.floats(-1, 1), st.floats(0.05, 0.3), st.floats(0.05, 0.3), st.floats(0.03, 0.5)
                ),
                max_size=4,
            )
        )
    ]
    hole = draw(st.booleans())
    return size, turn, bumps, clutter, hole


contents = st.lists(st.tuples(length, length, length, st.sampled_from([0.0, 0.01, 0.05])), min_size=1, max_size=3)


def world(p: Placement) -> np.ndarray:
    return transform_points(p.T_world_content, p.content.parts[0].vertices.astype(np.float64))


def gap_between(a: np.ndarray, b: np.ndarray) -> float:
    """Distance between two convex bodies given by corners (N, 3): the smallest over separating directions tried.

    Directions: both bodies' face normals and the shortest line of their outlines seen from above, which is exact for
    upright boxes; for slightly leaning ones it is a lower bound.
    """
    flat = [shapely.MultiPoint(v[:, [0, 2]]).convex_hull for v in (a, b)]
    sideways = flat[0].distance(flat[1])
    upwards = max(a[:, 1].min() - b[:, 1].max(), b[:, 1].min() - a[:, 1].max(), 0.0)
    return float(np.hypot(sideways, upwards))


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(tables(), contents)
def test_certificates_hold(table, wanted):
    size, turn, bumps, clutter, hole = table
    T = make_transform(
        np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]), [1, 0.7, 2]
    )
    local = [box([x - w / 2, bumps, z - d / 2], [x + w / 2, bumps + h, z + d / 2]) for x, z, w, d, h in clutter]
    things = [(transform_points(T, v), f) for v, f in local]
    hole_outline = rectangle(0.1, 0.1, 0.05, 0.0)[::-1]
    plane = level("t", Label.TABLE, 0.7, rectangle(*size), holes=(hole_outline,) if hole else ())
    plane = type(plane)(**{**{n: getattr(plane, n) for n in plane.__dataclass_fields__}, "T_world_plane": T})
    scene = Scene(planes=(plane,), mesh=mesh_of(sheet(T, size, bumps, 0.02), *things), track=track_around([1, 0.7, 2]))
    requests = [
        Request(f"r{i}", block(w, h, d, (i, 1, 2)), on=("table",), clearance_m=c)
        for i, (w, h, d, c) in enumerate(wanted)
    ]
    arrangement = arrange(scene, requests, seed=1)
    assert len(arrangement.placements) + len(arrangement.unplaced) == len(requests)
    table_top = shapely.Polygon(rectangle(*size)).difference(shapely.Polygon(hole_outline) if hole else shapely.Point())
    asked = {r.id: r for r in requests}
    placed: list[np.ndarray] = []
    for p in arrangement.placements:
        corners, certificate = world(p), p.certificate
        here = plane.to_local(corners)
        footprint = shapely.MultiPoint(here[:, [0, 2]]).convex_hull
        assert footprint.difference(table_top.buffer(1e-4)).area < 1e-6
        others = [v for v, _ in things] + placed
        distance = min([gap_between(corners, v) for v in others], default=0.5)
        lean = 1 - p.T_world_content[1, 1]
        slack = 1e-4 if lean < 1e-9 else 0.002
        assert distance >= asked[p.request].clearance_m - slack
        assert min(distance, 0.5) >= certificate.clearance_m - 0.02  # samples lie at most this far apart
        assert certificate.clearance_m >= min(distance, 0.5) - slack
        # The rough surface itself, on a fine lattice over the footprint, against the box's underside.
        side = np.stack(np.meshgrid(*(np.linspace(-0.5, 0.5, 41) for _ in range(2))), axis=-1).reshape(-1, 2)
        low, high = p.content.bounds
        bottom = np.stack(
            [low[0] + (side[:, 0] + 0.5) * (high[0] - low[0]), np.full(len(side), low[1]),
             low[2] + (side[:, 1] + 0.5) * (high[2] - low[2])], axis=1
        )  # fmt: skip
        under = plane.to_local(transform_points(p.T_world_content, bottom))
        surface = bumps * np.sin(23 * under[:, 0] + 1) * np.cos(17 * under[:, 2])
        chord = 0.06 * bumps  # the mesh's 2 cm facets against the smooth surface they sample
        assert (under[:, 1] - surface).min() >= -certificate.penetration_m - chord - 1e-4
        assert (under[:, 1] - surface).max() <= certificate.contact_gap_m + chord + 1.5e-3
        assert certificate.support_fraction >= 0.98
        placed.append(corners)
    for u in arrangement.unplaced:
        assert [r.surface for r in u.rejections] == ["t"]
        assert u.rejections[0].margin_mm > 0 and u.rejections[0].detail.endswith(".")
