"""Where moving content has been and where it goes: the trail behind it, its way ahead dashed."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from sceneforge.core import UsageError
from sceneforge.core.arrays import Float64
from sceneforge.core.trails import BodyTrajectory

from ._canvas import Canvas
from ._parts import Parts
from ._settings import Color, EffectSettings
from ._stage import Stage

SUMMARY = "where moving content has been and where it goes"
STEP_S = 1 / 60
CHUNKS = 12
"""Pieces of the trail that fade one after the other."""


class Settings(EffectSettings):
    """Settings of `trails`."""

    bodies: tuple[str, ...] = Field(default=(), description="Ids of placements; empty = all that move")
    seconds: float = Field(default=2.0, gt=0, le=3600, description="Length of the trail behind")
    ahead: bool = Field(default=True, description="Whether the way still to go is dashed")
    color: Color = Field(default=(255, 196, 64), description="Of the trail")
    width_px: float = Field(default=3.0, gt=0, le=20, description="Width at the body")


def prepare(stage: Stage) -> Parts:
    """Ready for one scene.

    Raises:
        UsageError: Nothing moves.
    """
    if not stage.trajectories:
        raise UsageError("effect 'trails': nothing moves; render with trajectories of physics or navigation")
    middle = {
        p.request: p.scale * (p.content.bounds.mean(axis=0)) for p in stage.arrangement.placements
    }  # the trail runs through the body's middle, not along its feet
    paths = [(t, *_sampled(t, middle.get(t.body, np.zeros(3)))) for t in stage.trajectories]

    def draw(canvas: Canvas, settings: Settings) -> None:
        now = canvas.time_s
        for trajectory, times, path in paths:
            if settings.bodies and trajectory.body not in settings.bodies:
                continue
            if settings.ahead:
                rest = path[times >= now]
                if len(rest) > 1:
                    arc = _arc(rest)
                    mask = canvas.lines(rest[:-1], rest[1:], width_px=0.4 * settings.width_px, dash_m=0.04, arc=arc)
                    canvas.paint(settings.color, 0.7 * mask)
            for k in range(CHUNKS):
                young, old = now - settings.seconds * k / CHUNKS, now - settings.seconds * (k + 1) / CHUNKS
                part = path[(times >= old - STEP_S) & (times <= young)]
                if len(part) > 1:
                    left = 1 - k / CHUNKS
                    mask = canvas.lines(
                        part[:-1], part[1:], width_px=settings.width_px * (0.4 + 0.6 * left), hidden=0.1
                    )
                    canvas.paint(settings.color, left * mask)

    return Parts(over=draw)


def _sampled(trajectory: BodyTrajectory, middle: Float64) -> tuple[Float64, Float64]:
    """Times (n,) and positions (n, 3) of a body's middle while it moves."""
    first, last = trajectory.times_s[0], trajectory.times_s[-1]
    times = np.linspace(first, last, max(int(np.ceil((last - first) / STEP_S)), 1) + 1)
    poses = np.array([trajectory.at(float(t)) for t in times])
    return times, poses[:, :3, :3] @ middle + poses[:, :3, 3]


def _arc(path: Float64) -> Float64:
    """(n - 1, 2) metres along a path at both ends of its pieces, from its far end, so that dashes stand still."""
    run = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    run = run[-1] - run
    return np.stack([run[:-1], run[1:]], axis=1)
