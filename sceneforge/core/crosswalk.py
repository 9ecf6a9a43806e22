"""Canonical labels to every platform's vocabulary and back, each cell marked exact or lossy.

    Crosswalk().to_platform(Label.DESK, "meta_mruk")       -> TABLE, lossy
    Crosswalk().from_platform("WALL_FACE", "meta_mruk")    -> wall, exact

Exact pairs are one to one, so a round trip through an exact cell is the identity. `docs/labels.md` shows the whole
table; `python -m sceneforge.core.crosswalk docs/labels.md` writes it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .errors import InputError, UsageError
from .labels import LABEL_NAMES, Label
from .scene import Scene
from .vocabularies_benchmarks import BENCHMARK_VOCABULARIES
from .vocabularies_xr import XR_VOCABULARIES
from .vocabulary import NEAREST, Vocabulary

VOCABULARIES: Mapping[str, Vocabulary] = MappingProxyType({**XR_VOCABULARIES, **BENCHMARK_VOCABULARIES})
"""All vocabularies by key."""


@dataclass(frozen=True)
class LabelMapping:
    """One cell of the crosswalk."""

    label: Label
    """The canonical side."""
    name: str
    """The platform's side, in its own spelling."""
    exact: bool
    """Whether both mean the same; otherwise something is lost or guessed on the way."""


def vocabulary_names() -> tuple[str, ...]:
    """Keys of all vocabularies."""
    return tuple(VOCABULARIES)


def _folded(name: str) -> str:
    """Spelling without case, spaces and punctuation: `WALL_FACE`, `wall face` and `WallFace` are one name."""
    return "".join(c for c in name.casefold() if c.isalnum())


class Crosswalk:
    """The label crosswalk with a user's overrides on top. Immutable.

    Args:
        names: Overrides {vocabulary: {name: label}} for reading; names the vocabulary lacks extend it.
        planes: Overrides {plane id: label}.
    """

    def __init__(
        self,
        names: Mapping[str, Mapping[str, Label]] = MappingProxyType({}),
        planes: Mapping[str, Label] = MappingProxyType({}),
    ) -> None:
        for key in names:
            _vocabulary(key)
        self._names = {key: {_folded(n): (n, label) for n, label in table.items()} for key, table in names.items()}
        self.planes: Mapping[str, Label] = MappingProxyType(dict(planes))
        """Labels the user gives to planes, by id."""

    def to_platform(self, label: Label, vocabulary: str) -> LabelMapping:
        """What a platform calls a label: its exact name, or else the nearest one, marked lossy.

        Raises:
            UsageError: No vocabulary has this key.
        """
        v = _vocabulary(vocabulary)
        exact = next((name for name, meaning in v.exact.items() if meaning is label), None)
        if exact is not None:
            redirected = self._names.get(vocabulary, {}).get(_folded(exact))
            return LabelMapping(label, exact, redirected is None or redirected[1] is label)
        return LabelMapping(label, _nearest_name(label, v), False)

    def from_platform(self, name: str, vocabulary: str) -> LabelMapping:
        """The label for a platform's name; case, spaces and punctuation do not matter.

        Raises:
            UsageError: No vocabulary has this key.
            InputError: The vocabulary has no such name and no override gives it one.
        """
        v, folded = _vocabulary(vocabulary), _folded(name)
        own = _reading(v).get(folded)
        override = self._names.get(vocabulary, {}).get(folded)
        if override is not None:
            spelling, label = (own.name if own else override[0]), override[1]
            return LabelMapping(label, spelling, own is not None and own.exact and own.label is label)
        if own is None:
            raise InputError(
                f"{v.title} has no label '{name}'",
                expected=f"one of {', '.join((*v.exact, *v.lossy, *v.others))}",
                fix=f"name its meaning in an override file: {{{vocabulary}: {{{name}: other}}}}",
            )
        return own

    def with_overrides(self, path: str | Path) -> Crosswalk:
        """This crosswalk with a user's file on top: YAML or JSON.

        The file holds, for any vocabulary, `{vocabulary: {name: label}}`, and for single planes
        `{planes: {plane_3: table}}`. Later files win.

        Raises:
            InputError: The file cannot be read, or names a vocabulary or label that does not exist.
        """
        names: dict[str, dict[str, Label]] = {key: dict(table.values()) for key, table in self._names.items()}
        planes = dict(self.planes)
        for key, entries in _read_mapping(path).items():
            if key != "planes" and key not in VOCABULARIES:
                raise InputError(f"unknown section '{key}'", path=path, expected=f"planes, {', '.join(VOCABULARIES)}")
            if not isinstance(entries, dict):
                raise InputError(
                    f"section '{key}' is {type(entries).__name__}", path=path, expected="names with labels"
                )
            for name, label in entries.items():
                if label not in LABEL_NAMES:
                    raise InputError(
                        f"{key}: {name}: '{label}' is no label", path=path, expected=f"one of {', '.join(LABEL_NAMES)}"
                    )
                (planes if key == "planes" else names.setdefault(key, {}))[str(name)] = Label(label)
        return Crosswalk(names, planes)

    def relabelled(self, scene: Scene) -> Scene:
        """The scene with the user's labels on the planes that have one, certain (confidence 1).

        Raises:
            InputError: An override names a plane the scene does not have.
        """
        missing = sorted(set(self.planes) - {p.id for p in scene.planes})
        if missing:
            raise InputError(
                f"label overrides name planes the scene does not have: {', '.join(missing)}",
                expected=f"ids among {', '.join(p.id for p in scene.planes) or '(no planes)'}",
            )
        planes = tuple(
            replace(p, label=self.planes[p.id], confidence=1.0, scores={self.planes[p.id].value: 1.0})
            if p.id in self.planes
            else p
            for p in scene.planes
        )
        return replace(scene, planes=planes)


def _vocabulary(key: str) -> Vocabulary:
    if key not in VOCABULARIES:
        raise UsageError(f"no vocabulary '{key}'. Choose one of: {', '.join(VOCABULARIES)}")
    return VOCABULARIES[key]


def _reading(v: Vocabulary) -> dict[str, LabelMapping]:
    """Every name of a vocabulary, by its folded spelling."""
    table = {_folded(n): LabelMapping(label, n, True) for n, label in v.exact.items()}
    table |= {_folded(n): LabelMapping(label, n, False) for n, label in v.lossy.items()}
    table |= {_folded(n): LabelMapping(Label.OTHER, n, False) for n in v.others}
    return table | {_folded(alias): table[_folded(name)] for alias, name in v.aliases.items()}


def _nearest_name(label: Label, v: Vocabulary) -> str:
    if label in v.nearest:
        return v.nearest[label]
    own = next((name for name, meaning in v.lossy.items() if meaning is label), None)
    if own is not None:
        return own
    names = {meaning: name for name, meaning in v.exact.items()}
    return next((names[n] for n in NEAREST.get(label, ()) if n in names), v.rest)


def _read_mapping(path: str | Path) -> dict[Any, Any]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", path=path, expected="a YAML or JSON file of labels") from error
    if Path(path).suffix.lower() == ".json":
        try:
            data = json.loads(text)
        except ValueError as error:
            raise InputError(f"not valid JSON: {error}", path=path) from error
    else:
        import yaml

        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"not valid YAML: {error}", path=path) from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InputError(f"holds a {type(data).__name__}", path=path, expected="sections with names and labels")
    return data


def labels_markdown() -> str:
    """The page docs/labels.md."""
    crosswalk = Crosswalk()
    groups = list(VOCABULARIES)
    lines = [
        "# Labels",
        "",
        "<!-- Written by `python -m sceneforge.core.crosswalk docs/labels.md`: edit core/vocabularies_*.py. -->",
        "",
        "SceneForge has one set of labels. The tables say what every other system calls them. A plain cell is exact:",
        "it means the same and survives the round trip. A cell with `~` is lossy: the nearest name there is.",
        "",
        "Names are read without regard to case, spaces and punctuation. ADE20K's `other` and COCO's `background` are",
        "index 0 of their label images. RoomPlan has no catch-all: solid things it cannot name become `storage`.",
        "",
        "## From labels to names",
    ]
    for start in range(0, len(groups), 4):
        keys = groups[start : start + 4]
        lines += ["", "| label | " + " | ".join(f"{VOCABULARIES[k].title} (`{k}`)" for k in keys) + " |"]
        lines.append("|---" * (len(keys) + 1) + "|")
        for label in Label:
            cells = [crosswalk.to_platform(label, k) for k in keys]
            lines.append(f"| {label.value} | " + " | ".join(("" if c.exact else "~ ") + c.name for c in cells) + " |")
    lines += ["", "## From names to labels: the lossy ones", ""]
    lines += ["Names not listed here are in the tables above without `~`.", ""]
    for key in groups:
        v = VOCABULARIES[key]
        if v.lossy or v.others:
            pairs = [f"{name} → {label.value}" for name, label in v.lossy.items()]
            if v.others:
                pairs.append(f"{', '.join(sorted(v.others))} → other")
            lines.append(f"- **{v.title}**: {'; '.join(pairs)}")
    lines += [
        "",
        "## Your own words",
        "",
        "An override file (YAML or JSON) changes how names are read, adds names a vocabulary lacks, and labels single",
        "planes. It lives beside the capture and is applied again after each run:",
        "",
        "```yaml",
        "meta_mruk: {STORAGE: shelf}",
        "planes: {plane_3: table}",
        "```",
        "",
        "```python",
        'crosswalk = Crosswalk().with_overrides("labels.yaml")',
        "scene = crosswalk.relabelled(scene)",
        "```",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(labels_markdown(), encoding="utf-8")
