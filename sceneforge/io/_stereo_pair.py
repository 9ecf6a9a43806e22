"""A rectified stereo pair in a folder: im0, im1 and calib.txt, as Middlebury (2014, 2021) and ETH3D lay them out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.camera import Camera
from sceneforge.core.errors import ScanError

from ._images import MAX_SIDE, decode_gray, image_size, read_bytes, read_color
from ._text import as_floats, checked_intrinsics, read_text

CALIBRATION = "calib.txt"
NAMES = (("im0", "im1"), ("left", "right"))
"""How the names of the two pictures end."""
TRUTHS = ("disp0.pfm", "disp0GT.pfm")
VISIBLE = "mask0nocc.png"
SUFFIXES = (".png", ".jpg", ".jpeg", ".ppm", ".pgm")
MM = 0.001


@dataclass(frozen=True)
class StereoPair:
    """Two rectified pictures and where their cameras stand. Pictures are read when asked for."""

    left: Path
    right: Path
    camera: Camera
    """Of the left picture."""
    baseline_m: float
    """Distance of the cameras, metres."""
    offset_px: float
    """Principal point x of the right picture less that of the left (doffs): depth = f b / (disparity + offset)."""
    disparities: int | None
    """Every disparity lies below this many pixels (ndisp); None = not said."""
    truth: Path | None
    """True disparity of the left picture, PFM."""
    visible: Path | None
    """Mask of the left picture, 255 = seen by both cameras."""

    def pictures(self) -> tuple[UInt8, UInt8]:
        """(H, W, 3) uint8 sRGB, left and right.

        Raises:
            FrameError: One cannot be read.
            ScanError: Their sizes are not that of the calibration.
        """
        both = read_color(self.left, self.left.name), read_color(self.right, self.right.name)
        for path, color in zip((self.left, self.right), both, strict=True):
            if color.shape[:2] != self.camera.shape:
                found = f"picture has {color.shape[1]}x{color.shape[0]} pixels"
                expected = f"{self.camera.width}x{self.camera.height} as in {CALIBRATION} and the other picture"
                raise ScanError(found, path=path, expected=expected)
        return both

    def true_disparity(self) -> Float32 | None:
        """(H, W) pixels, 0 = not known; None where the folder holds none.

        Raises:
            ScanError: The file is damaged or of another size.
        """
        if self.truth is None:
            return None
        found = read_pfm(self.truth)
        if found.shape != self.camera.shape:
            raise ScanError(f"disparity of {found.shape[1]}x{found.shape[0]} pixels", path=self.truth)
        return np.where(np.isfinite(found) & (found > 0), found, np.float32(0)).astype(np.float32)

    def visible_mask(self) -> NDArray[np.bool_] | None:
        """(H, W) what both cameras see; None where the folder does not say.

        Raises:
            FrameError: The mask cannot be read.
            ScanError: It is of another size.
        """
        if self.visible is None:
            return None
        mask = decode_gray(read_bytes(self.visible, self.visible.name), self.visible, self.visible.name)
        if mask.shape != self.camera.shape:
            raise ScanError(f"mask of {mask.shape[1]}x{mask.shape[0]} pixels", path=self.visible)
        return np.asarray(mask == 255)


def is_stereo_pair(path: Path) -> bool:
    """Whether a folder holds two pictures of these names and a calib.txt."""
    return path.is_dir() and (path / CALIBRATION).is_file() and _pictures(path) is not None


def read_stereo_pair(path: str | Path) -> StereoPair:
    """Open the pair in a folder.

    Raises:
        ScanError: A file is missing or the calibration makes no sense.
    """
    folder = Path(path)
    found = _pictures(folder)
    if found is None:
        raise ScanError(
            "holds no stereo pair", path=folder, expected="one im0.png and im1.png, or left.png and right.png"
        )
    calibration = folder / CALIBRATION
    values = _values(calibration)
    cam0 = _matrix(values, "cam0", calibration)
    size = image_size(found[0])
    width = int(_number(values, "width", calibration, size[0] if size else None))
    height = int(_number(values, "height", calibration, size[1] if size else None))
    baseline = _number(values, "baseline", calibration) * MM
    if not baseline > 0 or not 0 < max(width, height) <= MAX_SIDE:
        raise ScanError(
            f"baseline {baseline / MM:g} mm, {width}x{height} pixels", path=calibration, expected="positive numbers"
        )
    offset = (
        _number(values, "doffs", calibration)
        if "doffs" in values
        else float(_matrix(values, "cam1", calibration)[0, 2] - cam0[0, 2])
    )
    count = _number(values, "ndisp", calibration, 0.0)
    return StereoPair(
        *found,
        Camera(width, height, float(cam0[0, 0]), float(cam0[1, 1]), float(cam0[0, 2]), float(cam0[1, 2])),
        baseline,
        offset,
        int(count) if count >= 1 else None,
        next((folder / name for name in TRUTHS if (folder / name).is_file()), None),
        folder / VISIBLE if (folder / VISIBLE).is_file() else None,
    )


def read_pfm(path: Path) -> Float32:
    """(H, W) float32 of a single-channel PFM file (Debevec's portable float map), first row on top.

    Raises:
        ScanError: It is none, or cut short.
    """
    data = read_bytes(path, path.name)
    header = re.match(rb"Pf\s+(\d{1,5})\s+(\d{1,5})\s+([-+0-9.eE]{1,20})[^\S\n]*\n", data[:256])
    if header is None:
        raise ScanError("is no single-channel PFM file", path=path, expected="a header Pf, width, height, scale")
    width, height = int(header[1]), int(header[2])
    (scale,) = as_floats([header[3].decode()], path, 3)
    if not 0 < max(width, height) <= MAX_SIDE or len(data) - header.end() < 4 * width * height:
        raise ScanError(
            f"{width}x{height} pixels in {len(data)} bytes",
            path=path,
            expected=f"4 bytes for every pixel, {MAX_SIDE} pixels per side at most",
        )
    order = "<f4" if scale < 0 else ">f4"
    rows = np.frombuffer(data, order, width * height, header.end()).reshape(height, width)
    return np.ascontiguousarray(rows[::-1], dtype=np.float32)


def _pictures(folder: Path) -> tuple[Path, Path] | None:
    images = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    for names in NAMES:
        sides = [[p for p in images if p.stem.lower().endswith(name)] for name in names]
        if all(len(side) == 1 for side in sides):
            return sides[0][0], sides[1][0]
    return None


def _values(path: Path) -> dict[str, str]:
    """The `name=value` lines of the file."""
    return {k.strip(): v.strip() for k, sep, v in (line.partition("=") for line in read_text(path).splitlines()) if sep}


def _number(values: dict[str, str], name: str, path: Path, default: float | None = None) -> float:
    if name not in values:
        if default is None:
            raise ScanError(f"has no {name}", path=path, expected=f"a line {name}=NUMBER")
        return default
    try:
        found = float(values[name])
    except ValueError:
        found = float("nan")
    if not np.isfinite(found):
        raise ScanError(f"{name} is '{values[name][:40]}'", path=path, expected="a number")
    return found


def _matrix(values: dict[str, str], name: str, path: Path) -> Float64:
    numbers = re.findall(r"[-+0-9.eE]+", values.get(name, ""))
    if len(numbers) != 9:
        raise ScanError(f"{name} has {len(numbers)} numbers", path=path, expected=f"{name}=[f 0 cx; 0 f cy; 0 0 1]")
    return checked_intrinsics(np.array(as_floats(numbers, path, 1)).reshape(3, 3), path)
