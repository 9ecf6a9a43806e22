"""Images from files: size from the header, whole or not at all, never a partly decoded one."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, UInt8
from sceneforge.core.errors import FrameError

MAX_SIDE = 16384
"""Larger images are refused before they are decoded, pixels."""
MAX_FILE_BYTES = 256 * 2**20
"""Larger files are refused before they are read."""
NO_READING = 65535
"""Saturated 16-bit depth: 7-Scenes and others write it for "none"."""

_PNG = b"\x89PNG\r\n\x1a\n"
_SOF = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}


def read_bytes(path: Path, frame: str) -> bytes:
    """The whole file.

    Raises:
        FrameError: It cannot be read, is empty, or larger than `MAX_FILE_BYTES`.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise FrameError(f"file has {size} bytes", path=path, frame=frame, expected=f"at most {MAX_FILE_BYTES}")
        data = path.read_bytes()
    except OSError as error:
        raise FrameError(f"cannot be read ({error.strerror})", path=path, frame=frame) from error
    if not data:
        raise FrameError("file is empty", path=path, frame=frame, expected="an image")
    return data


def header_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) from the header of a PNG, JPEG or binary PNM file, None when it is none of them or cut short."""
    if data.startswith(_PNG):
        return struct.unpack(">II", data[16:24]) if len(data) >= 24 else None
    if data.startswith(b"\xff\xd8"):
        return _jpeg_size(data)
    if data[:2] in (b"P5", b"P6"):
        header = _pnm_header(data)
        return header[:2] if header else None
    return None


def image_size(path: Path) -> tuple[int, int] | None:
    """(width, height) from the file's header; None when unreadable. The file is read no further than needed."""
    try:
        with path.open("rb") as file:
            head = file.read(65536)
            size = header_size(head)
            return size if size or not head.startswith(b"\xff\xd8") else header_size(head + file.read(2**22))
    except OSError:
        return None


def decode_color(data: bytes, path: str | Path, frame: str) -> UInt8:
    """(H, W, 3) uint8 sRGB from the bytes of a PNG, JPEG or PNM file, as stored (EXIF rotation is not applied).

    Raises:
        FrameError: Damaged, cut short, absurdly large, or no image.
    """
    import cv2

    _check(data, path, frame)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise FrameError("colour image cannot be decoded", path=path, frame=frame, expected="an intact PNG or JPEG")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def decode_depth(data: bytes, path: str | Path, frame: str, unit_m: float) -> Float32:
    """(h, w) float32 metres from the bytes of a 16-bit single-channel image; 0 and 65535 mean no reading.

    Args:
        data: PNG or PGM file.
        path: For errors.
        frame: For errors.
        unit_m: Metres per stored unit, e.g. 0.001.

    Raises:
        FrameError: Damaged, cut short, or not 16-bit single-channel.
    """
    import cv2

    _check(data, path, frame)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise FrameError("depth image cannot be decoded", path=path, frame=frame, expected="an intact 16-bit PNG")
    if image.dtype != np.uint16 or image.ndim != 2:
        channels = 1 if image.ndim == 2 else image.shape[2]
        raise FrameError(
            f"depth image has {channels} channel(s) of {image.dtype}",
            path=path,
            frame=frame,
            expected="one channel of uint16",
        )
    return scaled_depth(np.asarray(image, dtype=np.uint16), unit_m)


def decode_gray(data: bytes, path: str | Path, frame: str) -> UInt8:
    """(h, w) uint8 as stored, e.g. confidence levels.

    Raises:
        FrameError: Damaged, cut short, or not 8-bit single-channel.
    """
    import cv2

    _check(data, path, frame)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint8 or image.ndim != 2:
        raise FrameError("is not an 8-bit grey image", path=path, frame=frame, expected="one channel of uint8")
    return np.asarray(image)


def scaled_depth(raw: NDArray[np.uint16], unit_m: float) -> Float32:
    """Stored 16-bit depth to float32 metres, with "no reading" as 0."""
    depth = raw.astype(np.float32)
    depth *= np.float32(unit_m)
    depth[raw == NO_READING] = 0.0
    return depth


def clean_depth(depth: NDArray[np.floating]) -> Float32:
    """Metric depth as devices store it (NaN, infinity or negative for "none") to float32 with 0 for "none"."""
    out = np.array(depth, dtype=np.float32)
    out[~(np.isfinite(out) & (out > 0))] = 0.0
    return out


def read_color(path: Path, frame: str) -> UInt8:
    """`decode_color` of a file."""
    return decode_color(read_bytes(path, frame), path, frame)


def read_depth(path: Path, frame: str, unit_m: float) -> Float32:
    """`decode_depth` of a file."""
    return decode_depth(read_bytes(path, frame), path, frame, unit_m)


def _check(data: bytes, path: str | Path, frame: str) -> None:
    size = header_size(data)
    if size is None:
        raise FrameError("is not a PNG, JPEG or PGM image", path=path, frame=frame, expected="an intact image file")
    if max(size) > MAX_SIDE or min(size) < 1:
        raise FrameError(
            f"image claims to be {size[0]}x{size[1]}", path=path, frame=frame, expected=f"at most {MAX_SIDE} per side"
        )
    if not _complete(data):
        raise FrameError(
            "image file is damaged or cut short", path=path, frame=frame, expected="an intact file", fix="copy it again"
        )


def _complete(data: bytes) -> bool:
    """Whether a file reaches its end mark (and, for PNG, every checksum holds): decoders fill the rest with grey."""
    if data.startswith(_PNG):
        at = len(_PNG)
        while at + 12 <= len(data):
            length, kind = struct.unpack(">I4s", data[at : at + 8])
            end = at + 8 + length
            if end + 4 > len(data):
                return False
            if zlib.crc32(memoryview(data)[at + 4 : end]) != struct.unpack(">I", data[end : end + 4])[0]:
                return False
            if kind == b"IEND":
                return True
            at = end + 4
        return False
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" in data[-4096:]
    header = _pnm_header(data)
    if header is None:
        return False
    width, height, maximum, start = header
    samples = width * height * (3 if data[:2] == b"P6" else 1)
    return len(data) - start >= samples * (2 if maximum > 255 else 1)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _SOF:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:
            at += 2
        else:
            at += 2 + int(struct.unpack(">H", data[at + 2 : at + 4])[0])
    return None


def _pnm_header(data: bytes) -> tuple[int, int, int, int] | None:
    """(width, height, maximum, offset of the samples) of a binary PNM file."""
    numbers: list[int] = []
    at = 2
    head = data[:4096]
    while len(numbers) < 3 and at < len(head):
        if head[at : at + 1].isspace():
            at += 1
        elif head[at : at + 1] == b"#":
            at = head.find(b"\n", at) + 1 or len(head)
        else:
            end = at
            while end < len(head) and head[end : end + 1].isdigit():
                end += 1
            if end == at or end - at > 9:
                return None
            numbers.append(int(head[at:end]))
            at = end
    return (numbers[0], numbers[1], numbers[2], at + 1) if len(numbers) == 3 else None
