"""The size of a capture put right: by a dimension that somebody knows, or by what doors, tables and seats usually are.

Pictures alone have no size of their own, and poses of unknown units none in metres. Depth and poses are multiplied by
one factor and the capture is understood anew, for what things are called depends on how large they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from sceneforge._suggest import suggestion
from sceneforge.core import Label, Plane, Scan, Scene, SceneObject, UsageError
from sceneforge.core.arrays import Float32
from sceneforge.core.scan import FrameSource
from sceneforge.core.transforms import make_transform

from .account import Account

TURNS = 3
TRIED = (1.5, 1 / 1.5, 2.25, 1 / 2.25)
"""Other sizes at which a thing of known length is looked for: a table half as high is taken for a seat."""
SETTLED = 0.03
"""A size within this share needs no further turn."""
EDGE_SIGMA_M = 0.03
"""How well an edge of a reconstructed surface is known: a voxel and a half."""
MIN_M, MAX_M = 0.05, 100.0
PATTERN = re.compile(r"\s*(?P<thing>.+?)\s+(?P<dimension>height|width|length)\s*=\s*(?P<metres>[^=]+)", re.IGNORECASE)
BETWEEN = re.compile(r"\s*(?P<thing>.+?)\s+to\s+(?P<other>.+?)\s*=\s*(?P<metres>[^=]+)", re.IGNORECASE)
EXAMPLES = "'door height=2.03', 'room height=2.6', 'object_1 length=1.8' or 'plane_1 to plane_3=4.2'"
LABELS = tuple(label.value for label in Label)
IDS = re.compile(r".*[_-]\d+")
"""Ids as scene.json has them: plane_6, object_4, device_2."""


@dataclass(frozen=True)
class KnownDimension:
    """A length in the room that somebody measured."""

    thing: str
    """A label ("door"), "room", or the id of a plane or object in scene.json."""
    dimension: str
    """"height", "width", "length", or "distance" to `other`."""
    metres: float
    other: str = ""
    """The second thing of a distance."""

    def describe(self) -> str:
        """As it was written."""
        what = f"{self.thing} to {self.other}" if self.other else f"{self.thing} {self.dimension}"
        return f"{what}={self.metres:g}"


def parse_known_dimension(text: str) -> KnownDimension:
    """Read "THING height|width|length=METRES" or "THING to THING=METRES".

    Raises:
        UsageError: It is written otherwise, or the length is no usable number.
    """
    found = PATTERN.fullmatch(text) or BETWEEN.fullmatch(text)
    if found is None:
        raise UsageError(f"known dimension '{text}': expected {EXAMPLES}")
    try:
        metres = float(found["metres"])
    except ValueError:
        raise UsageError(f"known dimension '{text}': '{found['metres'].strip()}' is no number of metres") from None
    if not MIN_M <= metres <= MAX_M:
        raise UsageError(f"known dimension '{text}': expected {MIN_M:g} to {MAX_M:g} metres")
    parts = found.groupdict()
    known = KnownDimension(parts["thing"], parts.get("dimension", "distance").lower(), metres, parts.get("other", ""))
    things = [known.thing, *([known.other] if known.other else [])]
    if known.thing.lower() == "room" and known.dimension != "height":
        raise UsageError(f"known dimension '{text}': of a room only the height is known")
    if len(things) == 2 and things[0].lower() == things[1].lower():
        raise UsageError(f"known dimension '{text}': a distance lies between two things; name them by their ids")
    for name in things:
        if not _nameable(name):
            raise UsageError(f"known dimension '{text}': '{name}' is no label and no id{suggestion(name, LABELS)}")
    return known


def _nameable(name: str) -> bool:
    """Whether a scene could hold a thing of this name; found out before anything is understood."""
    return name.lower() in (*LABELS, "room") or IDS.fullmatch(name) is not None


def measured(known: KnownDimension, scene: Scene) -> list[float]:
    """The lengths in the scene that the known one may be, in its present units; of a label one per thing that has it.

    Door, window and wall heights are those of their outlines; a table's or seat's is its top above the floor, an
    object's that of its box. "room height" is floor to ceiling. Length and width are the longer and the shorter level
    side; of upright planes both are the level side. A distance is that of two parallel planes, else of the middles.

    Raises:
        UsageError: The scene holds no such thing; the message names those it holds.
    """
    if known.dimension == "distance":
        first, second = (_things(name, scene)[:1] for name in (known.thing, known.other))
        return [_distance(first[0], second[0])]
    if known.thing.lower() == "room":
        heights = [r.height_m for r in scene.rooms if r.height_m] if known.dimension == "height" else []
        if not heights:
            raise UsageError(f"known dimension '{known.describe()}': no room with floor and ceiling was found")
        return [float(h) for h in heights]
    floors = [float(p.origin[1]) for p in scene.planes if p.label is Label.FLOOR]
    return [_extent(t, known.dimension, min(floors, default=None)) for t in _things(known.thing, scene)]


def factor_of(known: KnownDimension, scene: Scene) -> tuple[float, float]:
    """What the scene's lengths must be multiplied by, and its standard deviation as a share.

    Raises:
        UsageError: As `measured`.
    """
    lengths = np.array(measured(known, scene))
    middle = float(np.median(lengths))
    if middle <= 1e-4:
        raise UsageError(f"known dimension '{known.describe()}': it measures nothing in the scene")
    spread = 1.4826 * float(np.median(np.abs(lengths - middle))) / middle
    sigma = np.hypot(EDGE_SIGMA_M / max(known.metres, EDGE_SIGMA_M), spread / np.sqrt(len(lengths)))
    return known.metres / middle, float(sigma)


def sized(
    scan: Scan, account: Account, known: KnownDimension | None, run: Callable[[Scan, Account], Scene]
) -> tuple[Scene, Account]:
    """Understand a capture of unsure size, put the size right, and understand it anew until it stands.

    Without a known length every turn weighs the first guess against what the heights of things say by now: at the right
    size more of them are recognised.

    Args:
        scan: Posed, with depth.
        account: What happened so far; not changed.
        known: A length somebody measured.
        run: Understands a scan, and writes down what happened.

    Returns:
        The scene, and the account of the last turn with the seconds of all.

    Raises:
        UsageError: The known length is of nothing that was found.
    """
    if known is not None:
        scene, now, factor, sigma = _by_length(scan, account, known, run)
    else:
        scene, now, factor, sigma = _by_heights(scan, account, run)
    changed = f"{factor:.2f} times the first guess" if account.size_sigma else f"{factor:.2f} times what the poses say"
    if known is not None:
        now.warnings.append(f"size set by {known.describe()}: {changed}, right within {sigma:.0%}")
        source = {"scale": f"known ({sigma:.2f})", "known_dimension": known.describe()}
    else:
        told = now.scale.describe() if now.scale is not None else ""
        now.warnings.append(f"size guessed from pictures{'' if factor == 1 else f', made {changed}'}: {told}")
        source = {"scale": f"guessed ({sigma:.2f})"}
    now.size_sigma = sigma
    if factor != 1.0:
        source["size_factor"] = f"{factor:.4f}"
    return replace(scene, source={**scene.source, **source}), now


def _by_length(
    scan: Scan, account: Account, known: KnownDimension, run: Callable[[Scan, Account], Scene]
) -> tuple[Scene, Account, float, float]:
    """Scene, account, factor and its standard deviation by a known length; sizes are tried until its thing is found."""
    first, now = _turn(scan, account, 1.0, run)
    scene, factor = first, 1.0
    for tried in TRIED:
        if _found(known, scene):
            break
        scene, now = _turn(scan, now, tried, run, account)
        factor = tried
    if not _found(known, scene):
        factor_of(known, first)  # raises: says what there is instead
    step, sigma = factor_of(known, scene)
    factor *= step
    scene, now = _turn(scan, now, factor, run, account)
    return scene, now, factor, sigma


def _by_heights(
    scan: Scan, account: Account, run: Callable[[Scan, Account], Scene]
) -> tuple[Scene, Account, float, float]:
    """The same by the heights of things, weighed against the first guess."""
    factor = 1.0
    scene, now = _turn(scan, account, 1.0, run)
    for _ in range(TURNS):
        if now.scale is None or abs(np.log(now.scale.factor)) < SETTLED:
            break
        factor *= now.scale.factor
        scene, now = _turn(scan, now, factor, run, account)
    return scene, now, factor, account.size_sigma if now.scale is None else now.scale.sigma


def _turn(
    scan: Scan,
    before: Account,
    factor: float,
    run: Callable[[Scan, Account], Scene],
    first: Account | None = None,
) -> tuple[Scene, Account]:
    """The scene of the scan made that many times as large; its account starts from the first one, but for the time."""
    account = deepcopy(first or before)
    account.seconds = dict(before.seconds)
    account.size_guess = 1 / factor
    scene = run(scan if factor == 1.0 else rescaled(scan, factor), account)
    return scene, account


def _found(known: KnownDimension, scene: Scene) -> bool:
    try:
        measured(known, scene)
    except UsageError:
        return False
    return True


def rescaled(scan: Scan, factor: float) -> Scan:
    """The scan with its poses and depth that many times as large."""
    return replace(scan, sources=tuple(_larger(s, factor) for s in scan.sources))


def _larger(source: FrameSource, factor: float) -> FrameSource:
    T = source.T_world_camera
    if T is not None:
        T = make_transform(T[:3, :3], T[:3, 3] * factor)
    read = partial(_times, source.read_depth, np.float32(factor)) if source.has_depth else source.read_depth
    return replace(source, T_world_camera=T, read_depth=read)


def _times(read: object, factor: np.float32) -> Float32:
    return np.asarray(read() * factor, dtype=np.float32)  # type: ignore[operator]


def _things(name: str, scene: Scene) -> Sequence[Plane | SceneObject]:
    """The plane or object of this id, else those of this label."""
    every: list[Plane | SceneObject] = [*scene.planes, *scene.objects]
    found = [t for t in every if t.id == name] or [t for t in every if t.label.value == name.lower()]
    if not found:
        labels = ", ".join(sorted({t.label.value for t in every}))
        raise UsageError(f"known dimension: nothing in the scene is called '{name}'; there are {labels}, or name an id")
    return found


def _extent(thing: Plane | SceneObject, dimension: str, floor: float | None) -> float:
    if isinstance(thing, SceneObject):
        x, y, z = (float(v) for v in thing.box.size)
        return {"height": y, "length": max(x, z), "width": min(x, z)}[dimension]
    if abs(thing.normal[1]) < 0.7:
        corners = thing.to_world(thing.polygon)
        if dimension == "height":
            return float(np.ptp(corners[:, 1]))
        along = np.cross([0.0, 1.0, 0.0], thing.normal)
        return float(np.ptp(corners @ (along / np.linalg.norm(along))))
    if dimension == "height":
        if floor is None:
            raise UsageError(f"known dimension: '{thing.id}' has no height: no floor was found")
        return float(thing.origin[1]) - floor
    sides = _level_sides(thing)
    return max(sides) if dimension == "length" else min(sides)


def _level_sides(plane: Plane) -> tuple[float, float]:
    """Sides of the smallest rectangle around a plane's outline."""
    import cv2

    (_, sides, _) = cv2.minAreaRect(np.ascontiguousarray(plane.polygon, dtype=np.float32))
    return float(sides[0]), float(sides[1])


def _distance(a: Plane | SceneObject, b: Plane | SceneObject) -> float:
    if isinstance(a, Plane) and isinstance(b, Plane) and abs(float(a.normal @ b.normal)) > 0.97:
        middle = b.to_world(b.polygon).mean(axis=0)
        return abs(float((middle - a.origin) @ a.normal))
    ends = [t.to_world(t.polygon).mean(axis=0) if isinstance(t, Plane) else t.box.T_world_box[:3, 3] for t in (a, b)]
    return float(np.linalg.norm(ends[0] - ends[1]))
