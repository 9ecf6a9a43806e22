"""The sun and the sky of one room, drawn from its seed."""

from __future__ import annotations

import numpy as np

from .lighting import Daylight, Portal
from .room import Shell


def daylight(shell: Shell, seed: int) -> Daylight:
    """An afternoon: the sun 33-42 degrees high, coming in aslant through the first window."""
    rng = np.random.Generator(np.random.PCG64([seed, 3]))
    portals = []
    for o in shell.openings:
        if o.kind == "window":
            T = shell.T_world_wall(o.wall)
            R, t = T[:3, :3], T[:3, 3]
            corner = R @ np.array([o.x0, o.y0, 0.0]) + t
            portals.append(Portal(corner, R[:, 0] * (o.x1 - o.x0), R[:, 1] * (o.y1 - o.y0), R[:, 2].copy()))
    elevation = np.radians(rng.uniform(33.0, 42.0))
    aslant = np.radians(rng.uniform(20.0, 40.0)) * (1 if rng.random() < 0.5 else -1)
    out, along = -portals[0].normal, portals[0].u / np.linalg.norm(portals[0].u)
    level = out * np.cos(aslant) + along * np.sin(aslant)
    to_sun = level * np.cos(elevation) + np.array([0, np.sin(elevation), 0])
    return Daylight(tuple(portals), to_sun, sun=np.array([13.0, 11.4, 9.2]), sky=np.array([5.2, 5.6, 6.1]))
