"""Numbers, names and JSON out of small text files, with errors that name the file and the line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core.arrays import Float64
from sceneforge.core.errors import ScanError

MAX_TEXT_BYTES = 512 * 2**20
_SEPARATORS = re.compile(r"[\s,;]+")
_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts "10" after "9": digit runs compare as numbers, everything else as text."""
    parts = _DIGITS.split(name)
    return tuple((0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p)


def read_text(path: Path) -> str:
    """The file as text (UTF-8, a byte-order mark is dropped).

    Raises:
        ScanError: The file is missing, is no text, or is absurdly large.
    """
    try:
        size = path.stat().st_size
        if size > MAX_TEXT_BYTES:
            raise ScanError(f"text file of {size / 2**20:.0f} MB", path=path, expected="at most 512 MB")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScanError("is not a text file", path=path, expected="UTF-8 text") from error
    except OSError as error:
        raise ScanError(f"cannot be read ({error.strerror})", path=path, expected="a readable text file") from error


def rows(path: Path) -> list[tuple[int, list[str]]]:
    """(line number, fields) of every line that is neither empty nor a # comment."""
    out = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        fields = [f for f in _SEPARATORS.split(line.split("#", 1)[0]) if f]
        if fields:
            out.append((number, fields))
    return out


def as_floats(fields: list[str], path: Path, line: int) -> list[float]:
    """The fields as floats; NaN and infinity pass.

    Raises:
        ScanError: A field is no number.
    """
    try:
        return [float(f) for f in fields]
    except ValueError as error:
        raise ScanError(f"line {line}: {error}", path=path, expected="numbers only") from error


def read_table(path: Path, columns: int, *, exact: bool = False) -> Float64:
    """(N, columns) float64 from the lines of a text file; further columns are dropped unless `exact`.

    Raises:
        ScanError: A line has too few numbers, or something that is no number.
    """
    out = []
    for line, fields in rows(path):
        if len(fields) < columns or (exact and len(fields) != columns):
            raise ScanError(f"line {line} has {len(fields)} values", path=path, expected=f"{columns} numbers per line")
        out.append(as_floats(fields[:columns], path, line))
    return np.array(out, dtype=np.float64).reshape(-1, columns)


def read_numbers(path: Path, *, skip_words: bool = False) -> Float64:
    """All numbers of a text file in reading order; lines that start with a word are passed over if `skip_words`."""
    out: list[float] = []
    for line, fields in rows(path):
        if skip_words and not _is_number(fields[0]):
            continue
        out += as_floats(fields, path, line)
    return np.array(out, dtype=np.float64)


def read_intrinsics(path: Path) -> Float64:
    """The 3x3 matrix K of a text file that holds 9 or 16 numbers (3x3, or 4x4 with K in its corner), row by row.

    Lines that start with a word (the headers some tools write) are passed over.

    Raises:
        ScanError: Another count of numbers, or no usable focal length.
    """
    values = read_numbers(path, skip_words=True)
    if values.size not in (9, 12, 16):
        raise ScanError(f"holds {values.size} numbers", path=path, expected="a 3x3 or 4x4 camera matrix")
    K = values.reshape({9: (3, 3), 12: (3, 4), 16: (4, 4)}[values.size])[:3, :3]
    return checked_intrinsics(K, path)


def checked_intrinsics(K: Float64, path: Path) -> Float64:
    """K, if its focal lengths are positive and everything is finite.

    Raises:
        ScanError: They are not.
    """
    if not np.isfinite(K).all() or K[0, 0] <= 0 or K[1, 1] <= 0:
        raise ScanError(
            f"camera matrix has focal lengths {K[0, 0]:g}, {K[1, 1]:g}", path=path, expected="positive, finite pixels"
        )
    return K


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        ScanError: Not JSON, or not an object.
    """
    try:
        value = json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ScanError(f"is not valid JSON ({error})", path=path, expected="a JSON object") from error
    if not isinstance(value, dict):
        raise ScanError(f"holds a JSON {type(value).__name__}", path=path, expected="a JSON object")
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
