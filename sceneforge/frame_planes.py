"""`sceneforge planes`: the planes of every frame of a capture, as plane-id images and one planes.json."""

from __future__ import annotations

import json
import time
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import FrameError, Progress, Scan, ScanError, SceneForgeWarning, UsageError, silent
from sceneforge.core.arrays import UInt8
from sceneforge.core.files import write_folder_aside
from sceneforge.core.scan import FrameSource

if TYPE_CHECKING:
    from sceneforge.perception.frame_planes import FramePlane, FramePlaneOptions

FORMAT = "sceneforge.planes"
FACTS_FILE = "planes.json"


@dataclass(frozen=True)
class FramePlanesReport:
    """What `find_frame_planes` did."""

    out: Path
    """The folder."""
    frames: int
    """Frames segmented."""
    planes: int
    """Planes in all of them."""
    milliseconds: float
    """Median processor time per frame, back-projection and fits included, reading and writing not."""


def find_frame_planes(
    scan: Scan | str | Path,
    out: str | Path,
    *,
    every: int = 1,
    overlays: bool = False,
    options: FramePlaneOptions | None = None,
    progress: Progress = silent,
) -> FramePlanesReport:
    """Segment each frame's depth into planes. Poses are not needed: single views are welcome.

    Writes into `out`, which is replaced as a whole, a 16-bit PNG per frame (the pixel's plane id, 0 = none), named like
    the frame's depth file, and planes.json with each plane's equation and doubt in its frame's camera axes.

    Args:
        scan: An RGB-D capture.
        out: A new folder, an empty one or an earlier result.
        every: Use every n-th frame.
        overlays: Also draw the planes over the colour pictures, into the folder "overlays".
        options: Thresholds.
        progress: Told after each frame.

    Raises:
        UsageError: The capture has no depth images, or `out` holds something else.
        ScanError: More frames are unreadable than the capture allows.
    """
    from sceneforge.io import load
    from sceneforge.perception.frame_planes import segment_planes

    capture = load(scan) if isinstance(scan, str | Path) else scan
    if not isinstance(capture, Scan) or not capture.has_depth:
        raise UsageError(f"'{capture.name}' has no depth images to find planes in")
    if every < 1:
        raise UsageError(f"every must be at least 1, got {every}")
    chosen = list(range(0, len(capture), every))
    names = image_names([capture.sources[i] for i in chosen])
    frames: list[dict[str, Any]] = []
    bad: list[FrameError] = []
    spent: list[float] = []
    with write_folder_aside(out, (FACTS_FILE,)) as folder:
        for done, (index, name) in enumerate(zip(chosen, names, strict=True)):
            source = capture.sources[index]
            try:
                depth = _depth(source)
            except FrameError as error:
                bad.append(error)
                if len(bad) > capture.max_bad_fraction * len(chosen):
                    raise ScanError(f"{len(bad)} of {done + 1} depth images are unusable: {error}") from error
                continue
            start = time.thread_time()
            found = segment_planes(depth, source.depth_camera, options)
            spent.append(time.thread_time() - start)
            _write_png(folder / name, found.ids)
            if overlays:
                (folder / "overlays").mkdir(exist_ok=True)
                with suppress(FrameError):  # a frame without a readable picture has planes all the same
                    _write_png(folder / "overlays" / name, overlay(source.read_color(), found.ids)[..., ::-1])
            frames.append(
                {
                    "index": index,
                    "name": source.name,
                    "file": name,
                    "width": source.depth_camera.width,
                    "height": source.depth_camera.height,
                    "noise_scale": round(found.noise_scale, 4),
                    "planes": [_plane_facts(p) for p in found.planes],
                }
            )
            progress("planes", done + 1, len(chosen))
        document = {
            "format": FORMAT,
            "version": 1,
            "source": {"name": capture.name, "format": capture.format},
            "frame_of_reference": "camera axes: x right, y down, z forward, metres; normal . p + offset_m = 0",
            "frames": frames,
        }
        (folder / FACTS_FILE).write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    if bad:
        text = f"{capture.name}: {len(bad)} of {len(chosen)} depth images could not be read and were left out: {bad[0]}"
        warnings.warn(text, SceneForgeWarning, stacklevel=2)
    # The first frame of a run also compiles or loads the kernels.
    median = 1e3 * float(np.median(spent[1:] or spent)) if spent else 0.0
    return FramePlanesReport(Path(out), len(frames), sum(len(f["planes"]) for f in frames), round(median, 2))


def overlay(color: UInt8, ids: NDArray[np.uint16]) -> UInt8:
    """The picture (H, W, 3), grey, with a colour per plane, at the size of `ids`; where there is none it is dark."""
    import cv2

    h, w = ids.shape
    grey = cv2.resize(np.ascontiguousarray(color), (w, h), interpolation=cv2.INTER_AREA).mean(-1, keepdims=True)
    # Hues a golden ratio apart: neighbours in size get colours far apart.
    hue = (np.arange(int(ids.max()) + 1) * 0.618034 % 1.0)[:, None] * 6 + np.array([0.0, 4.0, 2.0])
    tint = 255 * np.clip(np.abs(hue % 6 - 3) - 1, 0.15, 1.0)
    drawn: UInt8 = np.where(ids[..., None] > 0, 0.45 * grey + 0.5 * tint[ids], 0.45 * grey).astype(np.uint8)
    return drawn


def image_names(sources: list[FrameSource]) -> list[str]:
    """A PNG's name per frame: that of its depth file; the frame's own where depth has no file of its own."""
    stems = [Path(s.path).stem for s in sources]
    twice = {stem for stem, n in Counter(stems).items() if n > 1}
    names = [s.name if stem in twice or not stem else stem for s, stem in zip(sources, stems, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{s.name}_{i:06d}" for i, s in enumerate(sources)]
    return [f"{name.replace('/', '_')}.png" for name in names]


def _depth(source: FrameSource) -> Any:
    depth = source.read_depth()
    if depth.shape != source.depth_camera.shape:
        raise FrameError(
            f"depth image is {depth.shape[1]}x{depth.shape[0]}",
            path=source.path,
            frame=source.name,
            expected=f"{source.depth_camera.width}x{source.depth_camera.height} as the intrinsics say",
        )
    return depth


def _write_png(path: Path, image: Any) -> None:
    import cv2

    ok, data = cv2.imencode(".png", image)
    if not ok:
        raise RuntimeError(f"{path.name} could not be encoded")
    path.write_bytes(data.tobytes())


def _plane_facts(plane: FramePlane) -> dict[str, Any]:
    return {
        "id": plane.id,
        "normal": plane.normal.tolist(),
        "offset_m": plane.offset_m,
        "centroid": plane.centroid.tolist(),
        "rmse_m": plane.rmse_m,
        "area_m2": plane.area_m2,
        "pixels": plane.pixels,
        "covariance": plane.covariance.tolist(),
    }
