"""What the parts of a renderer carry over from frame to frame, taken out as arrays and put back.

A part names its attributes in `CARRIED`: arrays, numbers, sets of numbers, or None while there is nothing. A video that
was stopped is continued with them, to the same bytes; whatever is not named there must not depend on earlier frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def memory_of(**parts: Any) -> dict[str, NDArray[Any]]:
    """Carried attributes of parts as `part.attribute`; those that are None are left out."""
    out: dict[str, NDArray[Any]] = {}
    for name, part in parts.items():
        for attribute in part.CARRIED:
            value = getattr(part, attribute)
            if value is not None:
                out[f"{name}.{attribute}"] = np.array(sorted(value) if isinstance(value, set) else value)
    return out


def recall_into(memory: Mapping[str, NDArray[Any]], **parts: Any) -> None:
    """Set carried attributes of parts to what `memory_of` gave; numbers come back as numbers, sets as sets."""
    for name, part in parts.items():
        for attribute in part.CARRIED:
            value = memory.get(f"{name}.{attribute}")
            if isinstance(getattr(part, attribute), set):
                setattr(part, attribute, set() if value is None else set(value.tolist()))
            else:
                number = value is not None and value.ndim == 0
                setattr(part, attribute, value.item() if number and value is not None else value)
