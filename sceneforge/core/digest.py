"""Fingerprints of values: equal values give equal digests, in every process."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np


class _Sink(Protocol):
    def update(self, data: bytes, /) -> None: ...


def digest(*values: Any) -> str:
    """SHA-256 of values, as 64 hex digits.

    Args:
        values: Dataclasses, arrays, mappings in any order, sequences, text, numbers, paths, None; nested at will.

    Raises:
        TypeError: Something else, whose content cannot be told.
    """
    sink = hashlib.sha256()
    for value in values:
        _feed(sink, value)
    return sink.hexdigest()


def _feed(sink: _Sink, value: Any) -> None:
    if value is None or isinstance(value, bool | str | Path):
        text = str(value).encode()
        sink.update(f"{type(value).__name__ if not isinstance(value, Path) else 'Path'} {len(text)} ".encode() + text)
    elif isinstance(value, int | np.integer):
        sink.update(f"int {int(value)} ".encode())
    elif isinstance(value, float | np.floating):
        sink.update(b"float " + struct.pack("<d", float(value)))
    elif isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        sink.update(f"array {array.dtype.str} {value.shape} ".encode() + array.tobytes())
    elif isinstance(value, Mapping):
        sink.update(f"mapping {len(value)} ".encode())
        for key in sorted(value, key=str):
            _feed(sink, str(key))
            _feed(sink, value[key])
    elif isinstance(value, tuple | list):
        sink.update(f"sequence {len(value)} ".encode())
        for item in value:
            _feed(sink, item)
    elif is_dataclass(value) and not isinstance(value, type):
        sink.update(f"{type(value).__name__} ".encode())
        for field in fields(value):
            _feed(sink, field.name)
            _feed(sink, getattr(value, field.name))
    else:
        raise TypeError(f"cannot take a fingerprint of {type(value).__name__}")
