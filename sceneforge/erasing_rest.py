"""What stands in where nothing is known behind removed things: made up in a few frames, kept in space for all.

Behind a large table there is surface that no plane and no scan holds. In the frame that lacks most, the picture is
continued by the painter, and the depth by the Laplace equation in inverse depth, in which planes are straight; lifted
into space, it is what all other frames see there. So it does not flicker, and it is as sharp as the picture around.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera, FrameError, Mesh, Scan
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.color import to_linear, to_srgb
from sceneforge.core.transforms import transform_points

if TYPE_CHECKING:
    from sceneforge.generative import Painter
    from sceneforge.rendering.erasing import Eraser, Unknown

PROBES, AGAIN, VIEWS = 12, 5, 3
"""Frames looked at for what is missing, those looked at again after each guess, and guesses at most."""
WORTH = 0.0015
"""Share of the picture that must be unknown for a guess."""
AROUND_FRACTION = 1 / 8
"""Share of the picture's width around the unknown part that the painter is shown."""
SOLVED = 4
"""Pixels per side of a cell in which depth is solved."""
STEP = 1.08
"""Ratio of depths from which neighbours are not joined."""
FARTHEST_M = 15.0


def guess_rest(
    capture: Scan,
    poses: Mapping[int, Float64],
    eraser: Eraser,
    gains: Mapping[int, Float64],
    painter: Painter,
    seed: int,
    bad: list[FrameError],
    known: Mesh | None = None,
) -> Mesh | None:
    """Surface with colours for what frames show behind the things and nothing is known of; None where all is known.

    Args:
        capture: The frames.
        poses: Frame index -> (4, 4) camera-to-world.
        eraser: Knows what is behind.
        gains: Frame index -> (3,) linear brightness over the mean exposure.
        painter: Continues the pictures.
        seed: Of the painter.
        bad: Collects frames that cannot be read.
        known: Surface with colours to begin with.
    """
    eraser = eraser if known is None else eraser.with_guess(known)
    indices = sorted(poses)
    probes = sorted({indices[round(i)] for i in np.linspace(0, len(indices) - 1, PROBES)})
    guess = known
    for n in range(VIEWS):
        missing = {}
        for frame in capture.frames(probes, bad=bad):
            look = eraser.unknown(frame, poses[frame.index], gains.get(frame.index, np.ones(3)))
            missing[frame.index] = (float(look.holes.mean()), look, frame.camera)
        order = sorted(missing, key=lambda i: (-missing[i][0], i))
        if not order or missing[order[0]][0] < WORTH:
            break
        _, look, camera = missing[order[0]]
        lifted = _lifted(look, camera, poses[order[0]], gains.get(order[0], np.ones(3)), painter, seed + n)
        if lifted is None:
            break
        guess = lifted if guess is None else _joined(guess, lifted)
        eraser = eraser.with_guess(guess)
        probes = sorted(i for i in order[1 : AGAIN + 1] if missing[i][0] >= WORTH)
    return guess


def _lifted(look: Unknown, camera: Camera, T: Float64, gain: Float64, painter: Painter, seed: int) -> Mesh | None:
    """The unknown part of a frame, continued from around, as a surface in the world; None if too little is around."""
    import cv2

    from sceneforge.generative.materials import paintable

    margin = round(camera.width * AROUND_FRACTION)
    y, x = np.flatnonzero(look.holes.any(axis=1)), np.flatnonzero(look.holes.any(axis=0))
    part = (
        slice(max(int(y[0]) - margin, 0), min(int(y[-1]) + margin + 1, camera.height)),
        slice(max(int(x[0]) - margin, 0), min(int(x[-1]) + margin + 1, camera.width)),
    )
    holes, behind = look.holes[part], look.behind[part]
    depth = _continued(behind, holes)
    middle = float(np.median(depth[holes])) / camera.fx
    picture = np.ascontiguousarray(look.color[part])
    masked = cv2.dilate(holes.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if not paintable(~masked):
        return None
    painted = painter.paint(picture, masked, "", float(np.clip(middle, 1e-3, 0.05)), seed, match_surroundings=True)
    wide = cv2.dilate(holes.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    color = to_srgb(np.clip(to_linear(painted) / np.maximum(gain, 1e-3).astype(np.float32), 0, 1))
    return _surface(depth, color, wide, camera, T, part)


def _continued(behind: Float32, holes: NDArray[np.bool_]) -> Float32:
    """(h, w) depth, where it is not known from the Laplace equation in inverse depth."""
    import cv2

    from sceneforge.generative.continuing import harmonic

    h, w = holes.shape
    known = np.isfinite(behind) & (behind > 0) & ~holes
    if not known.any():
        return np.full((h, w), 3.0, dtype=np.float32)
    rows, columns = -(-h // SOLVED), -(-w // SOLVED)

    def pooled(values: NDArray[np.float64]) -> Float64:
        padded = np.zeros((rows * SOLVED, columns * SOLVED))
        padded[:h, :w] = values
        return np.asarray(padded.reshape(rows, SOLVED, columns, SOLVED).sum(axis=(1, 3)))

    weight = pooled(known.astype(np.float64))
    inverse = pooled(np.where(known, 1 / np.maximum(behind, 0.1), 0)) / np.maximum(weight, 1)
    solved = harmonic(inverse, weight > 0)
    full = cv2.resize(solved, (columns * SOLVED, rows * SOLVED), interpolation=cv2.INTER_LINEAR)[:h, :w]
    return np.where(known, behind, 1 / np.maximum(full, 1 / FARTHEST_M)).astype(np.float32)


def _surface(
    depth: Float32, color: UInt8, wanted: NDArray[np.bool_], camera: Camera, T: Float64, part: tuple[slice, slice]
) -> Mesh:
    """A pixel grid as triangles in the world; neighbours far apart in depth are not joined."""
    number = np.full(wanted.shape, -1, dtype=np.int32)
    y, x = np.nonzero(wanted)
    number[y, x] = np.arange(len(y))
    z = depth[y, x].astype(np.float64)
    c = camera
    p = np.stack([(x + part[1].start - c.cx) / c.fx * z, (y + part[0].start - c.cy) / c.fy * z, z], axis=1)
    quads = np.stack([number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]], axis=-1).reshape(-1, 4)
    quads = quads[(quads >= 0).all(axis=1)]
    corners = z[quads]
    quads = quads[corners.max(axis=1) < STEP * corners.min(axis=1)]
    faces = np.concatenate([quads[:, [0, 2, 1]], quads[:, [0, 3, 2]]])
    return Mesh(transform_points(T, p).astype(np.float32), faces.astype(np.int32), colors=color[y, x])


def _joined(a: Mesh, b: Mesh) -> Mesh:
    assert a.colors is not None and b.colors is not None
    return Mesh(
        np.concatenate([a.vertices, b.vertices]),
        np.concatenate([a.faces, b.faces + np.int32(len(a.vertices))]),
        colors=np.concatenate([a.colors, b.colors]),
    )
