"""What the command line prints: results on stdout, everything else on stderr, a progress bar only on a terminal."""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sceneforge.core import Arrangement, Scene
    from sceneforge.core.progress import Progress

_RED, _YELLOW, _PLAIN = "\033[31m", "\033[33m", "\033[0m"


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on stdout, two-space indent, keys in the order given; paths become text."""
    print(json.dumps(value, indent=2, default=str, ensure_ascii=False, allow_nan=False))


def print_problem(kind: str, text: str) -> None:
    """`error: ...` or `warning: ...` on stderr, coloured on a terminal."""
    color = {"error": _RED, "warning": _YELLOW}[kind] if sys.stderr.isatty() else ""
    print(f"{color}{kind}: {text}{_PLAIN if color else ''}", file=sys.stderr)


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Inside, SceneForge's own warnings are one line on stderr, and libraries' warnings are not the user's business."""

    def show(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        errors = sys.modules.get("sceneforge.core.errors")  # not loaded: not its warning, and --help stays quick
        if errors is not None and issubclass(category, errors.SceneForgeWarning):
            print_problem("warning", str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar per stage on stderr when that is a terminal, else silence."""
    if not sys.stderr.isatty():
        from sceneforge.core.progress import silent

        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report


def scene_facts(scene: Scene) -> dict[str, Any]:
    """Counts for `--json`."""
    return {
        "planes": dict(Counter(str(p.label) for p in scene.planes)),
        "objects": dict(Counter(str(o.label) for o in scene.objects)),
        "rooms": len(scene.rooms),
        "relations": len(scene.graph.relations),
    }


def scene_line(scene: Scene) -> str:
    """One sentence on a scene."""
    facts = scene_facts(scene)
    planes = ", ".join(f"{n} {label}" for label, n in facts["planes"].items()) or "none"
    return (
        f"{len(scene.planes)} planes ({planes}), {len(scene.objects)} objects, "
        f"{facts['rooms']} rooms, {facts['relations']} relations"
    )


def arrangement_facts(arrangement: Arrangement) -> dict[str, Any]:
    """Placements and what could not be placed, for `--json`."""
    return {
        "placed": [
            {
                "id": p.request,
                "surface": p.surface,
                "contact_gap_mm": round(p.certificate.contact_gap_m * 1000, 2),
                "penetration_mm": round(p.certificate.penetration_m * 1000, 2),
                "support_fraction": round(p.certificate.support_fraction, 4),
                "clearance_mm": _rounded_mm(p.certificate.clearance_m),
                "visible_fraction": round(p.certificate.visible_fraction, 4),
            }
            for p in arrangement.placements
        ],
        "unplaced": [
            {
                "id": u.request,
                "summary": u.summary,
                "rejections": [
                    {"surface": r.surface, "label": r.label, "rule": r.rule, "margin_mm": round(r.margin_mm, 1)}
                    for r in u.rejections
                ],
            }
            for u in arrangement.unplaced
        ],
    }


def _rounded_mm(metres: float) -> float | None:
    return round(metres * 1000, 2) if math.isfinite(metres) else None  # infinite: nothing else is near


def print_arrangement(arrangement: Arrangement) -> None:
    """A line per placement on stdout; per request without a place, why, on stderr."""
    for p in arrangement.placements:
        c = p.certificate
        print(
            f"{p.request}: on {p.surface}, gap {c.contact_gap_m * 1000:.1f} mm, "
            f"overlap {c.penetration_m * 1000:.1f} mm, {c.support_fraction:.0%} supported"
        )
    for u in arrangement.unplaced:
        print_problem("warning", f"{u.request} has no place: {u.summary}")
        for r in u.rejections:
            print(f"  {r.surface} ({r.label}): {r.rule} fails by {r.margin_mm:.0f} mm; {r.detail}", file=sys.stderr)


def flattened(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested results as lines: {"ours": {"seconds": 2}} gives {"ours.seconds": "2"}."""
    out: dict[str, str] = {}
    for key, item in value.items():
        name = f"{prefix}{key}"
        items = dict(enumerate(item)) if isinstance(item, list | tuple) else item
        if isinstance(items, Mapping):
            out |= flattened({str(k): v for k, v in items.items()}, f"{name}.")
        else:
            out[name] = str(items)
    return out


def print_paths(paths: Mapping[str, Path | None] | Mapping[str, str]) -> None:
    """`video  out/demo/preview.mp4`, aligned, for every path that is there."""
    there = {name: path for name, path in paths.items() if path is not None}
    width = max((len(name) for name in there), default=0)
    for name, path in there.items():
        print(f"{name:<{width}}  {path}")
