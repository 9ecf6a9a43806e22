"""YAML as plain data that remembers where everything stood, within limits that hostile files cannot break.

YAML 1.2's core rules decide what a plain scalar is, so the key `on` stays text and `no` is not a truth value.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from sceneforge.core import RecipeError

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_VALUES = 20_000

Where: TypeAlias = tuple[str | int, ...]
"""Way to a value: ("place", 0, "on")."""


@dataclass
class Document:
    """A parsed file: mappings are dicts with text keys, sequences are tuples."""

    path: Path
    """The file."""
    data: Any = None
    """Its content."""
    marks: dict[Where, tuple[int, int]] = field(default_factory=dict)
    """Line and column, from 1, of every value."""
    key_marks: dict[Where, tuple[int, int]] = field(default_factory=dict)
    """Line and column of the keys that lead to values."""
    problems: list[tuple[tuple[int, int], str]] = field(default_factory=list)
    """What is wrong with the YAML itself but lets reading go on: repeated keys, odd tags."""

    def line(self, mark: tuple[int, int], text: str) -> str:
        """One problem as `file:line:column: text`."""
        return f"{self.path}:{mark[0]}:{mark[1]}: {text}"


def path_text(where: Where) -> str:
    """("place", 0, "on") as `place[0].on`."""
    out = ""
    for step in where:
        out += f"[{step}]" if isinstance(step, int) else f"{'.' if out else ''}{step}"
    return out


def read_yaml(path: str | Path) -> Document:
    """Read one YAML document.

    Raises:
        RecipeError: The file is missing, too large, not UTF-8, not YAML, nested deeper than `MAX_DEPTH`, or its
            aliases unfold to more than `MAX_VALUES` values.
    """
    document = Document(Path(path))
    text = _read_text(document.path)
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):  # the parser does not recurse; building the tree does
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise RecipeError(document.line(_mark(event), f"nested deeper than {MAX_DEPTH} levels"))
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = ", ".join(t for t in (error.context, error.problem) if t)
        raise RecipeError(document.line(at, f"not valid YAML: {said}")) from error
    except yaml.YAMLError as error:
        raise RecipeError(document.line((1, 1), f"not valid YAML: {' '.join(str(error).split())}")) from error
    if node is None:
        raise RecipeError(document.line((1, 1), "the file is empty"))
    document.data = _plain(node, (), document, ())
    return document


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"cannot be read ({error.strerror or error})", path=path) from error
    if len(raw) > MAX_BYTES:
        raise RecipeError("larger than 1 MB", path=path, expected="a recipe of a few kilobytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise RecipeError(f"{path}:{line}:1: not UTF-8 text") from error


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML carries no types
    """SafeLoader with YAML 1.2's few implicit types in place of 1.1's many."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - overrides PyYAML's


_IMPLICIT = {
    "null": (r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    "bool": (r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    "int": (r"^[-+]?[0-9]{1,18}$", list("-+0123456789")),
    "float": (r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,2})?$", list("-+.0123456789")),
}
for _name, (_pattern, _starts) in _IMPLICIT.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(_pattern), _starts)


def _mark(thing: Any) -> tuple[int, int]:
    return thing.start_mark.line + 1, thing.start_mark.column + 1


def _plain(node: yaml.Node, where: Where, document: Document, open_nodes: tuple[int, ...]) -> Any:
    """Turn a node into plain data, noting where each value stood."""
    mark = _mark(node)
    document.marks[where] = mark
    if len(document.marks) > MAX_VALUES:
        raise RecipeError(document.line(mark, f"holds more than {MAX_VALUES} values once its aliases are unfolded"))
    if id(node) in open_nodes or len(open_nodes) > MAX_DEPTH:
        raise RecipeError(document.line(mark, "an alias contains itself or nests too deeply"))
    inside = (*open_nodes, id(node))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, where, document, inside)
    if isinstance(node, yaml.SequenceNode):
        return tuple(_plain(n, (*where, i), document, inside) for i, n in enumerate(node.value))
    return _scalar(node, where, document)


def _mapping(node: yaml.MappingNode, where: Where, document: Document, inside: tuple[int, ...]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            document.problems.append((_mark(key_node), f"{path_text(where) or 'the file'}: keys must be plain text"))
            continue
        key = str(key_node.value)
        if key in out:
            first = document.key_marks[(*where, key)][0]
            text = f"{path_text((*where, key))}: the key is there twice, first on line {first}"
            document.problems.append((_mark(key_node), text))
            continue
        document.key_marks[(*where, key)] = _mark(key_node)
        out[key] = _plain(value_node, (*where, key), document, inside)
    return out


def _scalar(node: yaml.Node, where: Where, document: Document) -> str | int | float | bool | None:
    text, kind = str(node.value), node.tag.removeprefix("tag:yaml.org,2002:")
    try:
        match kind:
            case "str":
                return text
            case "null":
                return None
            case "bool":
                return {"true": True, "false": False}[text.lower()]
            case "int":
                return int(text)
            case "float" if math.isfinite(float(text)):
                return float(text)
    except (ValueError, KeyError):  # an explicit tag on a value it does not fit: !!int "many"
        pass
    document.problems.append((_mark(node), f"{path_text(where)}: the tag {node.tag} is not allowed for '{text[:40]}'"))
    return text
