"""Light at scanned vertices: one vertex's noise makes no stain, and light that is even stays as it is."""

from __future__ import annotations

import numpy as np

from sceneforge.rendering.baking import VertexLight
from sceneforge.rendering.exchange import Exchange

SIDE = 20


def light() -> tuple[VertexLight, np.ndarray]:
    """All vertices of a grid of SIDE x SIDE, and its triangles."""
    n = SIDE * SIDE
    at = np.arange(n).reshape(SIDE, SIDE)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
    faces = np.stack([np.stack([a, b, c], -1), np.stack([b, d, c], -1)]).reshape(-1, 3).astype(np.int32)
    none = Exchange(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0, np.int64), np.zeros(0, np.int64), 1)
    return VertexLight(np.arange(n), np.ones(n), none), faces


def test_even_light_stays() -> None:
    lit, faces = light()
    even = np.full((SIDE * SIDE, 3), 0.6, np.float32)
    assert np.abs(lit._smoothed(even, faces, SIDE * SIDE) - even).max() < 1e-6


def test_a_single_dark_vertex_is_no_stain_but_a_shadow_keeps_its_depth() -> None:
    lit, faces = light()
    stain = np.ones((SIDE, SIDE, 3), np.float32)
    stain[10, 10] = 0
    assert lit._smoothed(stain.reshape(-1, 3), faces, SIDE * SIDE).min() > 0.9
    shadow = np.ones((SIDE, SIDE, 3), np.float32)
    shadow[:, 10:] = 0.3
    out = lit._smoothed(shadow.reshape(-1, 3), faces, SIDE * SIDE).reshape(SIDE, SIDE, 3)
    assert out[10, 3].min() > 0.98 and out[10, 16].max() < 0.32


def test_vertices_without_neighbours_keep_theirs() -> None:
    lit, faces = light()
    dark = np.full((SIDE * SIDE, 3), 0.2, np.float32)
    assert (lit._smoothed(dark, faces[:0], SIDE * SIDE) == dark).all()
