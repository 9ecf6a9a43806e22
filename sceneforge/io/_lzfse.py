"""LZFSE-packed data whose size is known before it is unpacked."""

from __future__ import annotations

import struct
from collections.abc import Collection
from importlib import import_module
from pathlib import Path

from sceneforge.core.errors import FrameError, MissingExtra

MAX_WORST_BYTES = 2 * 10**9
"""What a damaged or hostile file could unpack to at most, whatever sizes its blocks state."""
LONGEST_MATCH = 2359
"""Bytes one match of an LZFSE block can copy."""


def unpacked(data: bytes, sizes: Collection[int], path: Path, frame: str) -> bytes:
    """The unpacked bytes, if their stated size is one of `sizes`; nothing is unpacked before that is known.

    Raises:
        FrameError: Damaged, or another size.
        MissingExtra: The package lzfse is not installed.
    """
    try:
        lzfse = import_module("lzfse")
    except ImportError as error:
        raise MissingExtra("lzfse", "record3d", "Reading the packed depth of .r3d recordings") from error
    damaged = FrameError("packed depth is damaged", path=path, frame=frame, expected="LZFSE data")
    try:
        stated, worst = _stated_size(data)
    except (ValueError, struct.error) as error:
        raise damaged from error
    if stated not in sizes or worst > MAX_WORST_BYTES:
        wanted = " or ".join(str(s) for s in sorted(sizes))
        raise FrameError(f"packed depth states {stated} bytes", path=path, frame=frame, expected=wanted)
    try:
        out = bytes(lzfse.decompress(data))
    except lzfse.error as error:
        raise damaged from error
    if len(out) != stated:
        raise FrameError(f"packed depth has {len(out)} bytes", path=path, frame=frame, expected=f"{stated} as stated")
    return out


def _stated_size(data: bytes) -> tuple[int, int]:
    """(bytes the blocks say they hold, bytes they could unpack to at most), from the blocks' headers.

    The block layout is that of Apple's reference implementation (lzfse_internal.h).

    Raises:
        ValueError: A block of no known kind, or one that reaches past the end.
        struct.error: The data ends within a header.
    """
    at = stated = worst = 0
    while (kind := data[at : at + 4]) != b"bvx$":
        (raw,) = struct.unpack_from("<I", data, at + 4)
        if kind == b"bvx-":
            length, most = 8 + raw, raw
        elif kind == b"bvxn":  # LZVN unpacks no further than it states
            length, most = 12 + struct.unpack_from("<I", data, at + 8)[0], raw
        elif kind == b"bvx2":
            literals, states, header = struct.unpack_from("<3Q", data, at + 8)
            length = (header & 0xFFFFFFFF) + (literals >> 20 & 0xFFFFF) + (states >> 40 & 0xFFFFF)
            most = max(raw, (literals & 0xFFFFF) + LONGEST_MATCH * (literals >> 40 & 0xFFFFF))
        else:
            raise ValueError("no LZFSE block")
        if length < 8 or at + length > len(data):
            raise ValueError("a block reaches past the end")
        at, stated, worst = at + length, stated + raw, worst + most
    return stated, worst
