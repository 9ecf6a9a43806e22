"""The limits that a placement must keep, in one place. Certificates are measured, then held against these."""

from __future__ import annotations

from dataclasses import dataclass

MAX_SLOPE_DEG = 15.0
"""Content stands on surfaces up to this slope: beyond it things slide (friction 0.3 holds up to 16.7 degrees)."""
MIN_SUPPORT = 0.98
"""Share of the base that must have surface under it."""
MIN_WALL_SUPPORT = 0.90
"""The same for what hangs on walls: a frame needs no wall behind its every corner, and scans of walls have pinholes."""
MIN_FOOTPRINT_SEEN = 0.9
"""Share of the whole footprint whose surface was really scanned: content never stands half over unobserved area."""
MAX_CONTACT_GAP_M = 0.008
"""Stays below the 1 cm that still counts as support (SceneEval, `configs/metrics.yaml`)."""
ROUGH_CONTACT_GAP_M = 0.015
"""On noisy scans, where nothing better is found: half of such a gap is the scan's error, not air."""
GOOD_CONTACT_GAP_M = 0.003
"""A place with a larger gap is compared with the next few before it is taken."""
MAX_PENETRATION_M = 0.001
"""Nothing sinks visibly: a millimetre is below one pixel beyond half a metre at VGA."""
MAX_SETTLE_DEG = 2.0
"""Content may lean this much against the plane's normal to rest on a bumpy scan."""
MIN_BAND_M = 0.010
"""Scan within this height of the plane is the surface itself, not something standing on it..."""
MAX_BAND_M = 0.030
"""...on noisy scans up to this height, following the measured roughness."""
NEAR_M = 1.5
"""`near` asks for at most this distance (SceneEval: near is 0.5 to 1.5 m, next to is below 0.5 m)."""
NEXT_TO_M = 0.3
"""Nearer than this is no better: things next to each other still want some air."""
EYE_HEIGHT_M = 1.5
"""Wall content hangs with its centre this high above the floor."""
REACH_M = 0.5
"""Clearances are searched up to this distance; a certificate's 0.5 means "at least half a metre"."""
ENCLOSED_M, WALL_ENCLOSED_M = 3.0, 1.0
"""A back face within this distance of a surface, along its normal, means "inside or under something". Shorter on walls:
across the room, things are often scanned from one side only."""
FACING_BINS = 24
"""Orientations rasterised where the heading depends on the position."""
VIEW_POSES = 48
"""Camera poses sampled to compare candidates."""
CERTIFICATE_POSES = 240
"""Camera poses sampled to measure `visible_fraction`."""
NOMINAL_TAN_HALF_FOV = (0.55, 0.41)
"""Tangents of half the view angles of a common RGB-D camera (58 x 45 degrees), used where no camera is given."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that does not hold."""

    rule: str
    """"slope", "size", "support", "collision", "clearance", "contact", "near" or "inside"."""
    margin_mm: float
    """By how much it fails."""
    detail: str
    """One sentence without its full stop."""
