"""From files on disk to a `Scan`: pairing, cameras, and the checks every RGB-D reader ends with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.camera import Camera
from sceneforge.core.errors import FrameError, ScanError
from sceneforge.core.scan import FrameSource, Scan

from ._images import MAX_SIDE, image_size, read_color, read_depth
from ._poses import Pose
from ._text import natural_key

NO_POSE = Pose(None)
"""The capture gives no pose for a frame, and that is all right."""
MIN_MEDIAN_M, MAX_MEDIAN_M = 0.05, 20.0
"""A depth image whose median lies outside is taken for one in another unit."""
MANIFEST = "scan.yaml"
"""Where this file lies, it alone says how the folder is read."""
UNIT_FIX = f"if the unit differs, describe the folder in a {MANIFEST} with the right depth_unit_m"


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame's files before anything is opened."""

    name: str
    """The capture's own name for it."""
    color: Path | None
    """Colour image; None = missing."""
    depth: Path | None
    """Depth image; None = missing."""
    timestamp_s: float
    """Seconds, or the frame's index where the capture has no clock."""
    pose: Pose = NO_POSE
    """Camera-to-world in OpenCV axes."""
    camera: Camera | None = None
    """Intrinsics of this frame's colour image, where they change from frame to frame."""
    depth_camera: Camera | None = None
    """The same for depth."""


def has(folder: Path, *names: str) -> bool:
    """Whether `folder` is a folder without a scan.yaml that holds all these entries; "name/" must be a folder."""
    if not folder.is_dir() or (folder / MANIFEST).exists():
        return False
    return all((folder / n).is_dir() if n.endswith("/") else (folder / n).is_file() for n in names)


def listed(folder: Path, *suffixes: str) -> list[Path]:
    """Files of a folder with one of these suffixes (lower case, with dot), in natural order; [] if there is none."""
    if not folder.is_dir():
        return []
    found = [p for p in folder.iterdir() if p.name.lower().endswith(suffixes) and not p.name.startswith(".")]
    return sorted((p for p in found if p.is_file()), key=lambda p: natural_key(p.name))


def any_listed(folder: Path, *suffixes: str) -> bool:
    """Whether the folder holds such a file, without reading all of a long listing."""
    return folder.is_dir() and any(
        p.name.lower().endswith(suffixes) and not p.name.startswith(".") for p in folder.iterdir()
    )


def paired(color: Iterable[Path], depth: Iterable[Path]) -> list[tuple[str, Path | None, Path | None]]:
    """(stem, colour, depth) for every stem in either list, in natural order; None where one is missing."""
    by_color, by_depth = {p.stem: p for p in color}, {p.stem: p for p in depth}
    names = sorted(by_color.keys() | by_depth.keys(), key=natural_key)
    return [(n, by_color.get(n), by_depth.get(n)) for n in names]


def missing(kind: str, file: Path | None, other: Path | None) -> str:
    """The problem of a frame without its colour or depth `file`, with the name of that or of its `other` image."""
    if file is not None:
        return f"{kind} image {file.name} is missing"
    return f"{kind} image is missing" if other is None else f"{kind} image is missing, {other.name} has no partner"


def same_count(path: Path, **counts: int) -> None:
    """Refuse lists that belong together but differ in length.

    Raises:
        ScanError: They differ; the message gives all counts.
    """
    if len(set(counts.values())) > 1:
        text = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in counts.items())
        raise ScanError(
            text, path=path, expected="equal counts", fix="complete the copy, or remove what has no partner"
        )


def common_size(paths: Sequence[Path | None], kind: str, folder: Path) -> tuple[int, int]:
    """(width, height) that most of a few evenly chosen images have, from their headers.

    Raises:
        ScanError: None of them can be read, or the size is absurd.
    """
    there = [p for p in paths if p is not None]
    sampled = [there[i] for i in np.unique(np.linspace(0, len(there) - 1, 5).astype(int))] if there else []
    sizes = Counter(size for size in map(image_size, sampled) if size)
    if not sizes:
        found = f"none of {len(sampled)} sampled {kind} images can be read" if sampled else f"no {kind} images"
        raise ScanError(found, path=folder, expected=f"{kind} images in PNG, JPEG or PGM")
    width, height = sizes.most_common(1)[0][0]
    if max(width, height) > MAX_SIDE or min(width, height) < 1:
        raise ScanError(f"{kind} images claim to be {width}x{height}", path=folder, expected=f"at most {MAX_SIDE}")
    return width, height


def camera_from(K: Float64, size: tuple[int, int], folder: Path, K_size: tuple[int, int] | None = None) -> Camera:
    """Camera for images of `size` from K, which belongs to images of `K_size` (default: the same size).

    Raises:
        ScanError: The principal point lies outside the image: K belongs to another size.
    """
    width, height = K_size or size
    if not (0 < K[0, 2] < width and 0 < K[1, 2] < height):
        raise ScanError(
            f"images are {width}x{height} but the principal point is {K[0, 2]:.1f}, {K[1, 2]:.1f}",
            path=folder,
            expected="intrinsics for this image size",
            fix=f"correct the intrinsics, or describe the folder in a {MANIFEST}",
        )
    camera = Camera.from_matrix(width, height, K)
    return camera if (width, height) == size else camera.resized(*size)


def scan_from_files(
    path: Path,
    format_name: str,
    shots: Sequence[Shot],
    K: Float64 | None,
    *,
    unit_m: float | None,
    K_depth: Float64 | None = None,
    K_size: tuple[int, int] | None = None,
    up: Float64 | None = None,
    notes: Sequence[str] = (),
    name: str | None = None,
) -> Scan:
    """A scan over 16-bit depth files and colour files.

    Args:
        path: The capture's folder.
        format_name: The reader's name.
        shots: One per frame, in time order.
        K: (3, 3) colour intrinsics; None when every shot has its own cameras.
        unit_m: Metres per stored depth unit; None = the capture has pictures alone, and depth reads as zeros.
        K_depth: (3, 3) depth intrinsics; None = those of colour, scaled to the depth images' size.
        K_size: Image size K belongs to, when it is not the size of the files.
        up: (3,) up in the capture's world, when it is stated.
        notes: What was assumed.
        name: Default the folder's name.

    Raises:
        ScanError: No frames, no readable images, intrinsics for another size, depth in another unit.
    """
    if not shots:
        raise ScanError("no frames", path=path, expected="at least one pair of colour and depth images")
    color_size = common_size([s.color for s in shots], "colour", path)
    depth_size = color_size if unit_m is None else common_size([s.depth for s in shots], "depth", path)
    camera = camera_from(K, color_size, path, K_size) if K is not None else None
    if K_depth is not None:
        depth_camera: Camera | None = camera_from(K_depth, depth_size, path)
    else:
        depth_camera = camera if camera is None or depth_size == color_size else camera.resized(*depth_size)
    sources = [_source(s, s.camera or camera, s.depth_camera or depth_camera, unit_m) for s in shots]
    scan = Scan(name or path.resolve().name, str(path), format_name, tuple(sources), up, tuple(notes))
    return scan if unit_m is None else checked(scan, f"{unit_m:g} m per unit")


def checked(scan: Scan, unit: str) -> Scan:
    """The scan, if at least one frame may be usable and up to three sampled depth images are in the right unit.

    Raises:
        ScanError: Otherwise.
    """
    usable = [s for s in scan.sources if s.problem is None]
    if not usable:
        first = scan.sources[0]
        raise ScanError(
            f"none of {len(scan)} frames is usable; {first.name}: {first.problem}",
            path=scan.path,
            expected="frames with both images and a valid pose",
        )
    medians: dict[str, float] = {}
    for i in np.unique(np.linspace(0, len(usable) - 1, 3).astype(int)):
        try:
            depth = usable[i].read_depth()
        except FrameError:
            continue  # a single bad frame is counted when it is read
        valid = depth[depth > 0]
        if valid.size:
            medians[usable[i].name] = float(np.median(valid))
    if medians and not any(MIN_MEDIAN_M <= m <= MAX_MEDIAN_M for m in medians.values()):
        frame, median = next(iter(medians.items()))
        raise ScanError(
            f"median depth is {median:.4g} m when read as {unit}",
            path=scan.path,
            frame=frame,
            expected=f"between {MIN_MEDIAN_M} and {MAX_MEDIAN_M:g} m",
            fix=UNIT_FIX,
        )
    return scan


def _source(shot: Shot, camera: Camera | None, depth_camera: Camera | None, unit_m: float | None) -> FrameSource:
    if camera is None or depth_camera is None:
        raise ScanError("no intrinsics", frame=shot.name, expected="a camera for every frame")
    path = str(shot.depth or shot.color or "")
    problem = shot.pose.problem
    needed = (("colour", shot.color, shot.depth), ("depth", shot.depth, shot.color))
    for kind, file, other in needed[: 1 if unit_m is None else 2]:
        if file is None or not file.is_file():
            problem = missing(kind, file, other)
    return FrameSource(
        shot.name,
        path,
        shot.timestamp_s,
        camera,
        depth_camera,
        None if problem else shot.pose.T,
        partial(read_color, shot.color or Path(path), shot.name),
        partial(_no_depth, depth_camera)
        if unit_m is None
        else partial(read_depth, shot.depth or Path(path), shot.name, unit_m),
        problem,
        unit_m is not None,
        tuple(str(f) for f in (shot.color, shot.depth) if f is not None),
    )


def _no_depth(camera: Camera) -> Float32:
    return np.zeros(camera.shape, np.float32)
