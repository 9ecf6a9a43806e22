"""The `motion` of a recipe: where placed content goes during the video."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from sceneforge._recipe_effects import Time, once, seconds
from sceneforge.core import Arrangement, BodyTrajectory, InputError, Placement, Scene, SceneForgeWarning
from sceneforge.core.arrays import Float64
from sceneforge.core.transforms import make_transform, rotation_from_quaternion

STRICT = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
LARGEST_FILE = 16 * 2**20
"""Bytes; a file of poses for hours of video is smaller."""


class Waypoint(BaseModel):
    """Where content is, as seen from where and how it was placed."""

    model_config = STRICT

    forward_m: float = Field(default=0, ge=-1000, le=1000, description="To where its front was placed to face, metres")
    left_m: float = Field(default=0, ge=-1000, le=1000, description="To the left of that, metres")
    up_m: float = Field(default=0, ge=-1000, le=1000, description="Along its own upright, metres")
    turn_deg: float = Field(default=0, ge=-36000, le=36000, description="To the left about its upright, degrees")


class Motion(BaseModel):
    """How one thing moves: waypoints over time, or a file of poses that something else has made."""

    model_config = STRICT

    body: str = Field(min_length=1, description="Id of an entry of `place`")
    at: Annotated[dict[Time, Waypoint], Field(max_length=1000), AfterValidator(once)] = Field(
        default_factory=dict, description="Waypoints by time; what one leaves out stays as it was"
    )
    file: str | None = Field(
        default=None,
        min_length=1,
        description="Text file of content-to-world poses in the scene's frame: seconds x y z qx qy qz qw",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Motion:
        if bool(self.at) == (self.file is not None):
            raise PydanticCustomError("motion", "expected at or file, and not both")
        return self

    def trajectory(self, scene: Scene, arrangement: Arrangement) -> BodyTrajectory | None:
        """The motion in the scene's world; None where its body found no place, which the arrangement explains.

        Raises:
            InputError: The file is not one of poses.
        """
        placed = {p.request: p for p in arrangement.placements}.get(self.body)
        if placed is None:
            return None
        if self.file is not None:
            return read_poses(self.body, Path(self.file))
        trajectory = self._from_waypoints(placed)
        _warn_off_surface(trajectory, placed, scene)
        return trajectory

    def _from_waypoints(self, placed: Placement) -> BodyTrajectory:
        order = ("left_m", "up_m", "forward_m", "turn_deg")  # its left is +x, its front +z
        times, rows, now = [0.0], [[0.0] * 4], Waypoint().model_dump()
        for time_s, values in sorted(((seconds(t), w) for t, w in self.at.items()), key=lambda k: k[0]):
            now |= values.model_dump(exclude_unset=True)
            row = [float(now[k]) for k in order]
            if time_s == 0:
                rows[0] = row
                continue
            # Between two poses a body takes the shorter way round, so no step may turn by half a circle.
            steps = int(abs(row[3] - rows[-1][3]) // 120) + 1
            share = np.arange(1, steps + 1)[:, None] / steps
            times += (times[-1] + share[:, 0] * (time_s - times[-1])).tolist()
            rows += (np.array(rows[-1]) + share * (np.array(row) - rows[-1])).tolist()
        return BodyTrajectory(self.body, np.array(times), np.array([placed.T_world_content @ _step(r) for r in rows]))


def _step(row: list[float]) -> Float64:
    """(4, 4) of left, up, forward (metres) and turn (degrees)."""
    a = np.radians(row[3])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    return make_transform(turn, np.array(row[:3]))


def read_poses(body: str, path: Path) -> BodyTrajectory:
    """A text file with a pose per line, "seconds x y z qx qy qz qw" (the TUM format), as a trajectory.

    Raises:
        InputError: It is none, or larger than LARGEST_FILE.
    """
    wanted = "lines of 8 numbers, seconds x y z qx qy qz qw, seconds ascending"
    if not path.is_file():
        raise InputError("there is no such file", path=path, expected=wanted)
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"it is larger than {LARGEST_FILE // 2**20} MiB", path=path, expected=wanted)
    rows: list[list[float]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        text = line.partition("#")[0].split()
        if not text:
            continue
        try:
            row = [float(value) for value in text]
        except ValueError:
            row = []
        if len(row) != 8 or not np.isfinite(row).all() or not 0.5 < float(np.linalg.norm(row[4:])) < 2:
            raise InputError(f"line {number} is no pose", path=path, expected=wanted)
        rows.append(row)
    table = np.array(rows).reshape(-1, 8)
    if not len(table) or not (np.diff(table[:, 0]) > 0).all():
        raise InputError("its times do not ascend" if len(table) else "it holds no pose", path=path, expected=wanted)
    return BodyTrajectory(body, table[:, 0], np.array([_pose(row) for row in table]))


def _pose(row: Float64) -> Float64:
    return make_transform(rotation_from_quaternion(row[4:] / np.linalg.norm(row[4:])), row[1:4])


def _warn_off_surface(trajectory: BodyTrajectory, placed: Placement, scene: Scene) -> None:
    """Say where a body leaves the surface it was placed on: nothing will hold it there."""
    import shapely

    plane = scene.plane(placed.surface)
    outline = shapely.Polygon(plane.polygon, plane.holes)
    for time_s, point in zip(trajectory.times_s, plane.to_local(trajectory.path), strict=True):
        if not outline.covers(shapely.Point(point[0], point[2])):
            text = f"motion of '{trajectory.body}': at {time_s:g} s it is beyond the edge of {placed.surface}"
            warnings.warn(text, SceneForgeWarning, stacklevel=2)
            return
