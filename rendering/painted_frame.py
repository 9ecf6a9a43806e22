"""A frame with what all paints want to know of its picture and of its depth."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Frame
from sceneforge.core.arrays import Float32, UInt8

from .frame_border import blank_border
from .room_view import MESH, PLANE, SENSOR

if TYPE_CHECKING:
    from .room_view import RoomView

ELSEWHERE = 1e-5
"""As in `painted_matte_kernels`, which takes long to import."""
BASELINE_M = 0.08
"""Longest distance between a depth camera's two eyes, or its projector and its eye."""
EDGE = 1 / 40
"""Of the picture's width: how much of the depth picture's edge tells what lies beside it."""


class ShownFrame:
    """A frame with what all paints want to know of its picture."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._source: UInt8 | None = None

    @cached_property
    def smooth(self) -> UInt8:
        """(H, W, 3) sRGB without sensor noise, which is no outline."""
        import cv2

        return np.asarray(cv2.GaussianBlur(self.frame.color, (0, 0), 0.7), dtype=np.uint8)

    @cached_property
    def _in_depth(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows (H,) and columns (W,) of the depth picture at the colour picture's; beyond its size there is none."""
        c, d = self.frame.camera, self.frame.depth_camera
        v = np.rint((np.arange(c.height) - c.cy) / c.fy * d.fy + d.cy).astype(int)
        u = np.rint((np.arange(c.width) - c.cx) / c.fx * d.fx + d.cx).astype(int)
        return v, u

    def source(self, view: RoomView) -> UInt8:
        """`RoomView.source`, but MESH where the sensor itself has a hole that the view closed from around.

        And SENSOR where nothing speaks for a thing without depth: where the scanned mesh is seen beside a depth picture
        that is smaller than the colour picture, and in the shadows that near things throw into the depth picture.
        """
        if self._source is None:
            import cv2

            from .painted_matte_kernels import shadows_of_depth

            depth, (v, u) = self.frame.depth, self._in_depth
            (height, width), beside = depth.shape, self._beside
            at = np.clip(v, 0, height - 1)[:, None], np.clip(u, 0, width - 1)[None, :]
            hole = cv2.erode((depth[at] <= 0).astype(np.uint8), np.ones((3, 3), np.uint8))
            shade = shadows_of_depth(depth, BASELINE_M * self.frame.depth_camera.fx)
            shade = (cv2.morphologyEx(shade, cv2.MORPH_CLOSE, np.ones((9, 3), np.uint8)) * (depth <= 0))[at] > 0
            closed = (hole > 0) & (view.source == SENSOR) & (view.face < 0) & ~shade
            source = np.where(closed, np.uint8(MESH), view.source)
            scanned = (source == MESH) & (view.face >= 0)
            sure = (beside & scanned) | (shade & (scanned | (source == PLANE)))
            self._source = np.where(sure, np.uint8(SENSOR), source)
        return self._source

    @cached_property
    def _beside(self) -> NDArray[np.bool_]:
        """(H, W) pixels beside the depth picture."""
        (height, width), (v, u) = self.frame.depth.shape, self._in_depth
        beside = ((v < 0) | (v >= height))[:, None] | ((u < 0) | (u >= width))[None, :]
        return np.asarray(beside, dtype=np.bool_)

    def continue_beside(self, on: Float32, sure: Float32) -> None:
        """What neither mesh nor sensor saw beside the depth picture goes on as at its edge; in place."""
        import cv2

        unseen = self._beside & (on > 0) & (sure <= np.float32(ELSEWHERE))
        if not unseen.any():
            return
        inside = [np.flatnonzero(~self._beside.all(axis=1 - axis)) for axis in (0, 1)]
        if not len(inside[0]) or not len(inside[1]):
            return
        row, column = np.nonzero(unseen)
        near = np.clip(row, inside[0][0], inside[0][-1]), np.clip(column, inside[1][0], inside[1][-1])
        # Specks of depth at the edge are not drawn out into streaks.
        side = (2 * round(on.shape[1] * EDGE / 2) + 1,) * 2
        seen = (~self._beside & (sure > np.float32(ELSEWHERE))).astype(np.float32)
        share = (cv2.blur(on * seen, side) / np.maximum(cv2.blur(seen, side), np.float32(1e-6)))[near]
        on[unseen], sure[unseen] = share, 0.25 * (2 * share - 1) ** 2 * sure[near]

    @cached_property
    def blank(self) -> NDArray[np.bool_] | None:
        """(H, W) borders without a picture; None where there are none."""
        return blank_border(self.frame.color)
