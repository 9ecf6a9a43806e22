"""Help with misspelt names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def suggestion(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'table'?` for the nearest choice, else a list of the choices when they are few, else nothing."""
    names = sorted(choices)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; choose from {', '.join(names)}" if 0 < len(names) <= 12 else ""
