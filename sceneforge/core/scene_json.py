"""`Scene` to and from scene.json, version 1. The mesh and the camera track live in files of their own.

The format is described in docs/scene_json.md and by `scene.schema.json` beside this file. Numbers are float64 written
by their shortest exact repr, so that reading gives back the very same values.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .json_values import JsonValue, check_header, plain_numbers
from .labels import LABEL_NAMES, Label
from .light import Light
from .scene import SOURCES, OrientedBox, Plane, Relation, Room, Scene, SceneGraph, SceneObject, Source

FORMAT = "sceneforge.scene"
VERSION = 1


def scene_to_dict(scene: Scene) -> dict[str, Any]:
    """The scene as plain data in a fixed key order, ready for `json_values.json_bytes`."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "source": {key: scene.source[key] for key in sorted(scene.source)},
        "T_scene_source": scene.T_scene_source.tolist(),
        "planes": [_plane_to_dict(p) for p in scene.planes],
        "objects": [
            {
                "id": o.id,
                "label": o.label.value,
                "confidence": float(o.confidence),
                "scores": plain_numbers(o.scores),
                "T_world_box": o.box.T_world_box.tolist(),
                "size": o.box.size.tolist(),
                **({"evidence": plain_numbers(o.evidence)} if o.evidence else {}),
                **_source_to_dict(o.source),
            }
            for o in scene.objects
        ],
        "rooms": [_room_to_dict(r) for r in scene.rooms],
        "graph": {
            "relations": [
                {
                    "subject": r.subject,
                    "predicate": r.predicate,
                    "object": r.object,
                    "confidence": float(r.confidence),
                    "evidence": plain_numbers(r.evidence),
                }
                for r in scene.graph.relations
            ]
        },
        "lights": [
            {
                "id": x.id,
                "kind": x.kind,
                "color": x.color.tolist(),
                "confidence": float(x.confidence),
                "direction": None if x.direction is None else x.direction.tolist(),
                "position": None if x.position is None else x.position.tolist(),
                **{k: v.tolist() for k in ("size", "width_axis", "harmonics") if (v := getattr(x, k)) is not None},
            }
            for x in scene.lights
        ],
    }


def _plane_to_dict(p: Plane) -> dict[str, Any]:
    return {
        "id": p.id,
        "label": p.label.value,
        "confidence": float(p.confidence),
        "scores": plain_numbers(p.scores),
        "T_world_plane": p.T_world_plane.tolist(),
        "polygon": p.polygon.tolist(),
        "holes": [h.tolist() for h in p.holes],
        "area_m2": float(p.area_m2),
        "observed_fraction": float(p.observed_fraction),
        "edge_observed": list(p.edge_observed),
        "covariance": None if p.covariance is None else p.covariance.tolist(),
        **_source_to_dict(p.source),
    }


def _source_to_dict(source: str) -> dict[str, str]:
    """Written where it is not the usual one."""
    return {} if source == "geometry" else {"source": source}


def _room_to_dict(r: Room) -> dict[str, Any]:
    return {
        "id": r.id,
        "kind": r.kind,
        "confidence": float(r.confidence),
        "floor": r.floor,
        "ceiling": r.ceiling,
        "walls": list(r.walls),
        "polygon": r.polygon.tolist(),
        "height_m": None if r.height_m is None else float(r.height_m),
        "openings": list(r.openings),
    }


def scene_from_dict(data: dict[str, Any] | JsonValue, *, path: str | Path | None = None) -> Scene:
    """The scene that `scene_to_dict` wrote; keys it does not know are left alone.

    Args:
        data: Parsed JSON, or the `JsonValue` of `json_values.load_json`.
        path: File to name in errors.

    Raises:
        SceneFileError: Another format, a newer version, or a damaged value, named by its JSON path.
    """
    root = data if isinstance(data, JsonValue) else JsonValue(data, "$", path)
    check_header(root, FORMAT, VERSION)
    with root.building():
        scene = Scene(
            planes=tuple(_plane(v) for v in root["planes"].items()),
            objects=tuple(_object(v) for v in root["objects"].items()),
            rooms=tuple(_room(v) for v in root["rooms"].items()),
            graph=SceneGraph(tuple(_relation(v) for v in root["graph"]["relations"].items())),
            lights=tuple(_light(v) for v in root["lights"].items()),
            T_scene_source=root["T_scene_source"].array(4, 4),
            source={key: member.text() for key, member in root["source"].members().items()},
        )
    _check_references(root, scene)
    return scene


def label_from_json(value: JsonValue) -> Label:
    """A canonical label.

    Raises:
        SceneFileError: No label has this name.
    """
    name = value.text()
    if name not in LABEL_NAMES:
        raise value.error(f"is '{name}'", expected="a canonical label (docs/labels.md lists them)")
    return Label(name)


def _plane(v: JsonValue) -> Plane:
    edges, covariance = v.get("edge_observed"), v.get("covariance")
    with v.building():
        return Plane(
            id=v["id"].text(),
            label=label_from_json(v["label"]),
            confidence=v["confidence"].number(0, 1),
            T_world_plane=v["T_world_plane"].array(4, 4),
            polygon=v["polygon"].array(None, 2),
            holes=tuple(h.array(None, 2) for h in v["holes"].items()),
            scores=v["scores"].numbers(),
            area_m2=v["area_m2"].number(0),
            observed_fraction=v["observed_fraction"].number(0, 1),
            edge_observed=() if edges is None else edges.flags(),
            covariance=None if covariance is None else covariance.array(3, 3),
            source=_source(v),
        )


def _source(v: JsonValue) -> Source:
    given = v.get("source")
    name = "geometry" if given is None else given.text()
    for known in SOURCES:
        if name == known:
            return known
    assert given is not None
    raise given.error(f"is '{name}'", expected=f"one of {', '.join(SOURCES)}")


def _object(v: JsonValue) -> SceneObject:
    evidence = v.get("evidence")
    with v.building():
        return SceneObject(
            id=v["id"].text(),
            label=label_from_json(v["label"]),
            confidence=v["confidence"].number(0, 1),
            box=OrientedBox(v["T_world_box"].array(4, 4), v["size"].array(3)),
            scores=v["scores"].numbers(),
            source=_source(v),
            evidence={} if evidence is None else evidence.numbers(),
        )


def _room(v: JsonValue) -> Room:
    floor, ceiling, height = v.get("floor"), v.get("ceiling"), v.get("height_m")
    with v.building():
        return Room(
            id=v["id"].text(),
            kind=v["kind"].text(),
            confidence=v["confidence"].number(0, 1),
            floor=None if floor is None else floor.text(),
            ceiling=None if ceiling is None else ceiling.text(),
            walls=v["walls"].texts(),
            polygon=v["polygon"].array(None, 2),
            height_m=None if height is None else height.number(0),
            openings=v["openings"].texts(),
        )


def _relation(v: JsonValue) -> Relation:
    return Relation(
        v["subject"].text(),
        v["predicate"].text(),
        v["object"].text(),
        v["confidence"].number(0, 1),
        v["evidence"].numbers(),
    )


def _light(v: JsonValue) -> Light:
    direction, position, size = v.get("direction"), v.get("position"), v.get("size")
    width_axis, harmonics = v.get("width_axis"), v.get("harmonics")
    with v.building():
        return Light(
            id=v["id"].text(),
            kind=v["kind"].text(),
            color=v["color"].array(3),
            confidence=v["confidence"].number(0, 1),
            direction=None if direction is None else direction.array(3),
            position=None if position is None else position.array(3),
            size=None if size is None else size.array(2),
            width_axis=None if width_axis is None else width_axis.array(3),
            harmonics=None if harmonics is None else harmonics.array(9, 3),
        )


def _check_references(root: JsonValue, scene: Scene) -> None:
    planes = {p.id for p in scene.planes}
    things = planes | {o.id for o in scene.objects} | {r.id for r in scene.rooms}
    for room in root["rooms"].items():
        single = [v for v in (room.get("floor"), room.get("ceiling")) if v is not None]
        for v in (*single, *room["walls"].items(), *room["openings"].items()):
            if v.value not in planes:
                raise v.error(f"is '{v.value}'", expected="the id of a plane in this file")
    for relation in root["graph"]["relations"].items():
        for v in (relation["subject"], relation["object"]):
            if v.value not in things:
                raise v.error(f"is '{v.value}'", expected="the id of a plane, object or room in this file")
