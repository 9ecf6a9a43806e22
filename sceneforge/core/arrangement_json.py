"""`Arrangement` to arrangement.json, version 1, and back to records: the models themselves stay in their own files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .arrays import Float64, rigid_transform
from .content import Arrangement, Certificate, Placement, Rejection, Unplaced
from .json_values import JsonValue, check_header

FORMAT = "sceneforge.arrangement"
VERSION = 1


@dataclass(frozen=True)
class PlacementRecord:
    """A placement as the file tells it: like `Placement`, with the content by name and path."""

    request: str
    """Id of the request it answers."""
    content_name: str
    """The model's short name."""
    content_path: str
    """The file the model was read from."""
    surface: str
    """Id of the plane it stands on."""
    T_world_content: Float64
    """(4, 4) rigid content-to-world, applied after `scale`."""
    scale: float
    """Uniform factor."""
    certificate: Certificate
    """What was measured of it."""
    reasons: tuple[str, ...]
    """Why this place."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "T_world_content", rigid_transform(self.T_world_content, "T_world_content"))


@dataclass(frozen=True)
class ArrangementRecord:
    """An arrangement as the file tells it."""

    placements: tuple[PlacementRecord, ...]
    """In request order."""
    unplaced: tuple[Unplaced, ...]
    """Requests that could not be met."""
    seed: int
    """Seed it was solved with."""


def arrangement_to_dict(arrangement: Arrangement) -> dict[str, Any]:
    """The arrangement as plain data in a fixed key order. `facts` belong to the report and are left out."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "seed": int(arrangement.seed),
        "placements": [_placement_to_dict(p) for p in arrangement.placements],
        "unplaced": [
            {
                "request": u.request,
                "summary": u.summary,
                "rejections": [
                    {
                        "surface": r.surface,
                        "label": str(r.label),
                        "rule": r.rule,
                        "margin_mm": float(r.margin_mm),
                        "detail": r.detail,
                    }
                    for r in u.rejections
                ],
            }
            for u in arrangement.unplaced
        ],
    }


def _placement_to_dict(p: Placement) -> dict[str, Any]:
    c = p.certificate
    return {
        "request": p.request,
        "content": {"name": p.content.name, "path": p.content.path},
        "surface": p.surface,
        "T_world_content": p.T_world_content.tolist(),
        "scale": float(p.scale),
        "certificate": {
            "contact_gap_m": float(c.contact_gap_m),
            "penetration_m": float(c.penetration_m),
            "support_fraction": float(c.support_fraction),
            "clearance_m": float(c.clearance_m) if math.isfinite(c.clearance_m) else None,
            "visible_fraction": float(c.visible_fraction),
        },
        "reasons": list(p.reasons),
    }


def arrangement_from_dict(data: dict[str, Any] | JsonValue, *, path: str | Path | None = None) -> ArrangementRecord:
    """What `arrangement_to_dict` wrote; keys it does not know are left alone.

    Args:
        data: Parsed JSON, or the `JsonValue` of `json_values.load_json`.
        path: File to name in errors.

    Raises:
        SceneFileError: Another format, a newer version, or a damaged value, named by its JSON path.
    """
    root = data if isinstance(data, JsonValue) else JsonValue(data, "$", path)
    check_header(root, FORMAT, VERSION)
    return ArrangementRecord(
        placements=tuple(_placement(v) for v in root["placements"].items()),
        unplaced=tuple(
            Unplaced(v["request"].text(), v["summary"].text(), tuple(_rejection(r) for r in v["rejections"].items()))
            for v in root["unplaced"].items()
        ),
        seed=root["seed"].integer(),
    )


def _rejection(v: JsonValue) -> Rejection:
    return Rejection(
        v["surface"].text(), v["label"].text(), v["rule"].text(), v["margin_mm"].number(), v["detail"].text()
    )


def _placement(v: JsonValue) -> PlacementRecord:
    c = v["certificate"]
    clearance = c.get("clearance_m")  # null: nothing else is anywhere near
    with v.building():
        return PlacementRecord(
            request=v["request"].text(),
            content_name=v["content"]["name"].text(),
            content_path=v["content"]["path"].text(),
            surface=v["surface"].text(),
            T_world_content=v["T_world_content"].array(4, 4),
            scale=_positive(v["scale"]),
            certificate=Certificate(
                contact_gap_m=c["contact_gap_m"].number(0),
                penetration_m=c["penetration_m"].number(0),
                support_fraction=c["support_fraction"].number(0, 1),
                clearance_m=math.inf if clearance is None else clearance.number(),
                visible_fraction=c["visible_fraction"].number(0, 1),
            ),
            reasons=v["reasons"].texts(),
        )


def _positive(v: JsonValue) -> float:
    if v.number(0) == 0:
        raise v.error("is 0", expected="a positive factor")
    return v.number()
