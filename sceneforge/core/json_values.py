"""JSON written the same way every time, and read with errors that name the place: `$.planes[2].polygon[0]`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from .arrays import Float64
from .errors import SceneFileError


def json_bytes(data: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON of plain data: keys in the order given, rows of numbers on one line, floats by their shortest repr.

    Raises:
        ValueError: A number is NaN or infinite, which JSON cannot hold.
    """
    return (_text(data, "\n") + "\n").encode()


def _text(value: Any, newline: str) -> str:
    if not isinstance(value, dict | list) or _fits_a_line(value):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = newline + " "
    if isinstance(value, dict):
        rows = [f"{json.dumps(k, ensure_ascii=False)}: {_text(v, inner)}" for k, v in value.items()]
        return "{" + inner + ("," + inner).join(rows) + newline + "}"
    return "[" + inner + ("," + inner).join(_text(v, inner) for v in value) + newline + "]"


def _fits_a_line(value: Any) -> bool:
    """Whether a container reads best on one line: plain records, and numbers nested up to a matrix or a polygon."""
    if isinstance(value, dict):
        return all(not isinstance(v, dict | list) for v in value.values())
    return all(not isinstance(v, dict) and (not isinstance(v, list) or _fits_a_line(v)) for v in value)


def load_json(path: str | Path, *, max_bytes: int = 256 << 20) -> JsonValue:
    """Read and parse a JSON file.

    Raises:
        SceneFileError: The file is missing, larger than `max_bytes`, not UTF-8, or not strict JSON (NaN included).
    """
    try:
        size = Path(path).stat().st_size
        if size > max_bytes:
            raise SceneFileError(f"the file has {size} bytes", path=path, expected=f"at most {max_bytes}")
        data = Path(path).read_bytes()
    except OSError as error:
        raise SceneFileError(f"cannot be read: {error.strerror or error}", path=path) from error

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"it holds {constant}, which is not a JSON number")

    try:
        return JsonValue(json.loads(data.decode("utf-8"), parse_constant=refuse), "$", str(path))
    except (ValueError, RecursionError) as error:
        raise SceneFileError(f"not valid JSON: {error}", path=path, fix="write it again with sceneforge") from error


class JsonValue:
    """A parsed value that knows where in which file it stands; every accessor checks the type it returns."""

    __slots__ = ("path", "value", "where")

    def __init__(self, value: Any, where: str = "$", path: str | Path | None = None) -> None:
        self.value, self.where, self.path = value, where, path

    def error(self, problem: str, *, expected: str | None = None, fix: str | None = None) -> SceneFileError:
        """The error to raise about this value."""
        return SceneFileError(f"{self.where} {problem}", path=self.path, expected=expected, fix=fix)

    def _wrong(self, expected: str) -> SceneFileError:
        return self.error(f"is {_shown(self.value)}", expected=expected)

    @contextmanager
    def building(self) -> Iterator[None]:
        """Turn the `ValueError` of a value type made from this value into an error that names the place."""
        try:
            yield
        except ValueError as error:
            raise self.error(f"is damaged: {error}") from error

    def __getitem__(self, key: str) -> JsonValue:
        """A member that must be there."""
        if key not in self._object():
            raise self.error(f"has no '{key}'")
        return self._member(key)

    def get(self, key: str) -> JsonValue | None:
        """A member that may be missing or null."""
        return None if self._object().get(key) is None else self._member(key)

    def _member(self, key: str) -> JsonValue:
        return JsonValue(self.value[key], f"{self.where}.{key}", self.path)

    def _object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self._wrong("an object")
        return self.value

    def members(self) -> dict[str, JsonValue]:
        """All members of an object."""
        return {key: self._member(key) for key in self._object()}

    def items(self) -> list[JsonValue]:
        """The elements of an array."""
        if not isinstance(self.value, list):
            raise self._wrong("an array")
        return [JsonValue(v, f"{self.where}[{i}]", self.path) for i, v in enumerate(self.value)]

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self._wrong("a string")
        return self.value

    def integer(self) -> int:
        """A whole number; 1.0 is not one."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self._wrong("a whole number")
        return self.value

    def number(self, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number within [low, high]."""
        expected = "a finite number"
        if low > -math.inf:
            expected = f"a number of at least {low:g}" if high == math.inf else f"a number from {low:g} to {high:g}"
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise self._wrong(expected)
        try:
            number = float(self.value)
        except OverflowError:
            raise self._wrong(expected) from None
        if not math.isfinite(number) or not low <= number <= high:
            raise self._wrong(expected)
        return number

    def texts(self) -> tuple[str, ...]:
        """An array of strings."""
        return tuple(item.text() for item in self.items())

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self._wrong("true or false")
        return self.value

    def flags(self) -> tuple[bool, ...]:
        """An array of true and false."""
        return tuple(item.flag() for item in self.items())

    def numbers(self) -> dict[str, float]:
        """An object whose members are finite numbers."""
        return {key: member.number() for key, member in self.members().items()}

    def array(self, *shape: int | None) -> Float64:
        """Nested arrays of finite numbers as float64 of this shape, one entry at least; None = any length."""
        rows = self.items()
        if shape[0] is not None and len(rows) != shape[0]:
            raise self.error(f"has {len(rows)} elements", expected=f"{shape[0]}")
        if len(shape) == 1:
            return np.array([row.number() for row in rows], dtype=np.float64)
        if not rows:
            return np.zeros([n or 0 for n in shape])
        return np.stack([row.array(*shape[1:]) for row in rows])


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def plain_numbers(mapping: Mapping[str, float]) -> dict[str, float]:
    """A mapping as plain data, keys sorted so that equal mappings give equal bytes."""
    return {key: float(mapping[key]) for key in sorted(mapping)}


def check_header(value: JsonValue, name: str, newest: int) -> None:
    """Check `format` and `version` of a file.

    Raises:
        SceneFileError: It is another format, or a version this package does not read.
    """
    found = value["format"].text()
    if found != name:
        raise value["format"].error(f"is '{found}'", expected=f"'{name}'")
    version = value["version"].integer()
    if version > newest:
        raise value["version"].error(
            f"is {version}, newer than this sceneforge reads",
            expected=f"{newest} or less",
            fix="upgrade with: pip install --upgrade sceneforge",
        )
    if version < 1:
        raise value["version"].error(f"is {version}", expected=f"1 to {newest}")
