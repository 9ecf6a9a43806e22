"""How a recipe names a surface."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from sceneforge._suggest import suggestion
from sceneforge.core import LABEL_NAMES

LARGEST = "largest_horizontal"
_SURFACES = [*LABEL_NAMES, LARGEST]


def _surface(text: str) -> str:
    """A label, `largest_horizontal`, or a plane id, which always holds a digit ("plane_3"); labels never do."""
    if text in _SURFACES or re.search(r"\d", text):
        return text
    raise PydanticCustomError("surface", "{text}", {"text": f"'{text}' is not a label{suggestion(text, _SURFACES)}"})


SURFACE_SCHEMA = {
    "anyOf": [{"enum": _SURFACES}, {"type": "string", "pattern": "[0-9]", "description": "Id of a plane"}]
}
Surface = Annotated[str, AfterValidator(_surface)]


def _alternatives(text: str) -> str:
    """A surface, or several with | between them, of which the first that a scene has is meant."""
    return "|".join(_surface(part.strip()) for part in text.split("|"))


ALTERNATIVES_SCHEMA = {
    "anyOf": [
        *SURFACE_SCHEMA["anyOf"],
        {"type": "string", "pattern": r"\|", "description": "Alternatives: ceiling|wall, the first that is there"},
    ]
}
Alternatives = Annotated[str, AfterValidator(_alternatives)]
