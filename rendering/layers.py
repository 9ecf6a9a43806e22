"""What is drawn into a frame besides content: paint and surface effects under it, overlays over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sceneforge.core import Frame
from sceneforge.core.arrays import Float64, UInt8

if TYPE_CHECKING:
    from .room_view import RoomView


class FrameLayer(Protocol):
    """One thing drawn into every frame of a video.

    Layers under the content change the real room: content hides them, and its shadow falls on them. Layers over the
    content are drawn last; the view they get counts content as part of the room (see `CONTENT`), so that a line behind
    content is hidden by it.
    """

    def apply(self, picture: UInt8, view: RoomView, frame: Frame, T_world_camera: Float64, time_s: float) -> UInt8:
        """The picture with this layer drawn into it.

        Args:
            picture: (H, W, 3) uint8 sRGB, what has been drawn so far; not to be changed in place.
            view: The visible surface at every pixel of the picture.
            frame: The captured frame, as it was recorded.
            T_world_camera: (4, 4) camera-to-world in the scene's world, OpenCV axes.
            time_s: Seconds since the start of the video.

        Returns:
            (H, W, 3) uint8 sRGB.
        """
        ...


CONTENT = 4
"""`RoomView.source` where placed content is nearer than the room, in the view that layers over the content get."""


def apply_layers(
    layers: Sequence[FrameLayer], picture: UInt8, view: RoomView, frame: Frame, T_world_camera: Float64, time_s: float
) -> UInt8:
    """Draw layers one after the other; the first lies lowest. Arguments as in `FrameLayer.apply`."""
    for layer in layers:
        drawn = layer.apply(picture, view, frame, T_world_camera, time_s)
        if drawn.shape != picture.shape or drawn.dtype != np.uint8:
            raise TypeError(
                f"{type(layer).__name__}.apply: expected {picture.shape} uint8, got {drawn.shape} {drawn.dtype}"
            )
        picture = drawn
    return picture
