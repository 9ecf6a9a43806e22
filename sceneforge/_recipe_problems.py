"""Says in plain words what a schema check found, and where in the file."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from sceneforge._recipe_yaml import Document, Where, path_text
from sceneforge._suggest import suggestion


def explain(
    document: Document, error: ErrorDetails, fields: Callable[[Where], Iterable[str]]
) -> tuple[tuple[int, int], str]:
    """A pydantic error as position and sentence.

    Args:
        document: The file, for positions.
        error: One entry of `ValidationError.errors()`.
        fields: Names the keys that are known at a place in the file.
    """
    loc = error["loc"]
    if error["type"].startswith("union_tag"):
        return _unknown_effect(document, loc, error)
    if len(loc) > 2 and loc[0] == "effects":
        loc = (*loc[:2], *loc[3:])  # the checker names the kind of entry there, the file does not
    if loc and loc[-1] == "[key]" and error["type"] != "string_pattern_mismatch":
        return document.key_marks[loc[:-1]], f"{path_text(loc[:-2])}: {error['msg']}"
    if loc and loc[-1] == "[key]":
        where: Where = loc[:-1]
        at = document.key_marks[where]
        return (
            at,
            f"{path_text(where[:-1])}: '{where[-1]}' is no good name; use letters, digits, _ and -, a letter first",
        )
    # a lone name given where a list is expected stands for a list of one: its position is the list's
    where = loc if loc in document.marks or error["type"] == "missing" else loc[:-1]
    kind, value, facts = error["type"], error["input"], error.get("ctx", {})
    at = document.marks.get(where, (1, 1))
    if kind == "missing":
        inside = document.marks.get(where[:-1], (1, 1))
        return inside, f"{path_text(where[:-1]) or 'the recipe'}: '{where[-1]}' is missing"
    if kind == "extra_forbidden":
        known = fields(where[:-1])
        inside_text = path_text(where[:-1])
        prefix = f"{inside_text}: " if inside_text else ""
        return document.key_marks[where], f"{prefix}unknown key '{where[-1]}'{suggestion(str(where[-1]), known)}"
    bounds = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    wanted = {
        "string_type": "text",
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "tuple_type": "a list",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "model_attributes_type": "a mapping",
        "string_too_short": "some text",
        "string_pattern_mismatch": "a short name of letters, digits, _ and -",
        "too_short": "at least one entry",
        "too_long": f"at most {facts.get('max_length')} entries",
    }.get(kind)
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", str(facts["expected"]))
        return at, f"{path_text(where)}: there is no {shown(value)} to choose{suggestion(str(value), known)}"
    limits = [f"{word} {facts[key]:g}" for key, word in bounds.items() if key in facts]
    wanted = wanted or (limits[0] if limits else None)
    text = f"expected {wanted}, got {shown(value)}" if wanted else error["msg"]
    return at, f"{path_text(where)}: {text}"


def _unknown_effect(document: Document, where: Where, error: ErrorDetails) -> tuple[tuple[int, int], str]:
    """An entry of `effects` that names none, or one that is not there."""
    facts = error.get("ctx", {})
    if "tag" not in facts:
        entry = error["input"]
        what = "'effect' is missing" if isinstance(entry, Mapping) else f"expected a mapping, got {shown(entry)}"
        return document.marks[where], f"{path_text(where)}: {what}"
    known = [name.strip("' ") for name in str(facts["expected_tags"]).split(",")]
    text = f"there is no effect '{facts['tag']}'{suggestion(str(facts['tag']), known)}"
    return document.marks[(*where, "effect")], f"{path_text((*where, 'effect'))}: {text}"


def shown(value: Any) -> str:
    """A value as it may appear in a message: short, and recognisable as what was written."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}..."
