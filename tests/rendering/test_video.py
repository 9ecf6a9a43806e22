"""Videos are opened again and compared with what went in."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from sceneforge.core import Arrangement, Camera, FrameError, UsageError
from sceneforge.rendering import FrameCompositor, render_video, video
from sceneforge.rendering.video import encode_video, sheet_frames
from tests.rendering.render_stage import CAMERA, look, scan_of, stage


def decoded(path: Path) -> tuple[list[np.ndarray], list[float], av.video.codeccontext.VideoCodecContext]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        times = [float(f.pts * f.time_base) for f in frames]
        return [f.to_ndarray(format="rgb24") for f in frames], times, stream.codec_context


def test_video_has_every_frame_at_constant_rate(tmp_path: Path) -> None:
    scan, scene, arrangement = scan_of(9)
    result = render_video(scan, scene, arrangement, tmp_path, fps=12)
    pictures, times, codec = decoded(result.video)
    assert len(pictures) == 9 == result.facts["frames"]
    assert np.allclose(np.diff(times), 1 / 12, atol=1e-4) and times[0] == 0
    assert pictures[0].shape == (120, 160, 3)
    assert (codec.name, codec.pix_fmt, codec.color_range, codec.colorspace) == ("h264", "yuv420p", 1, 1)
    data = result.video.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "the index comes first"
    assert result.contact_sheet.name == "contact_sheet.png" and result.contact_sheet.stat().st_size > 1000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["contact_sheet.png", "preview.mp4"]


def test_every_skips_frames_and_progress_is_told(tmp_path: Path) -> None:
    scan, scene, arrangement = scan_of(9)
    told: list[tuple[str, int, int]] = []
    result = render_video(scan, scene, arrangement, tmp_path, every=4, progress=lambda *a: told.append(a))
    assert result.facts["frames"] == 3 and told[-1] == ("render", 3, 3)


def test_scores_of_what_was_not_measured_are_null(tmp_path: Path) -> None:
    two = render_video(*scan_of(2), tmp_path / "two").facts
    many = render_video(*scan_of(9), tmp_path / "many").facts
    # No silhouette cuts the cube in this empty room, and points can be followed from the third frame on.
    assert two["occlusion_boundary_px"] is None and two["occlusion_flicker"] is None
    assert many["occlusion_boundary_px"] is None and many["occlusion_flicker"] == 0
    assert '"occlusion_flicker": null' in json.dumps(two)


def test_colours_survive(tmp_path: Path) -> None:
    scan, scene, _ = scan_of(4)
    result = render_video(scan, scene, Arrangement(()), tmp_path)
    pictures, _, _ = decoded(result.video)
    for i, picture in enumerate(pictures):
        assert np.abs(picture.mean(axis=(0, 1)) - (60 + 10 * i, 140, 190)).max() < 3


def test_primary_colours_survive(tmp_path: Path) -> None:
    colors = np.array([(255, 255, 255), (0, 0, 0), (200, 30, 30), (30, 200, 30), (30, 30, 200)], dtype=np.uint8)
    pictures = [np.broadcast_to(c, (64, 64, 3)).copy() for c in colors]
    encode_video(pictures, tmp_path / "a.mp4", 64, 64, 15)
    back, _, _ = decoded(tmp_path / "a.mp4")
    assert np.abs(np.array([p.mean(axis=(0, 1)) for p in back]) - colors).max() < 5


def test_odd_sizes_lose_their_last_row_and_column(tmp_path: Path) -> None:
    scan, scene, arrangement = scan_of(2, Camera(81, 61, 70.0, 70.0, 40.0, 30.0))
    pictures, _, _ = decoded(render_video(scan, scene, arrangement, tmp_path).video)
    assert pictures[0].shape == (60, 80, 3)


def test_bad_frames_are_left_out_and_named(tmp_path: Path) -> None:
    scan, scene, arrangement = scan_of(5)

    def broken() -> np.ndarray:
        raise FrameError("truncated", path="depth-2", frame="frame-2")

    sources = [replace(s, read_depth=broken) if i == 2 else s for i, s in enumerate(scan.sources)]
    result = render_video(replace(scan, sources=tuple(sources)), scene, arrangement, tmp_path)
    assert result.facts["frames"] == 4 and len(result.skipped) == 1 and "frame-2" in result.skipped[0]


def test_without_a_track_it_says_so(tmp_path: Path) -> None:
    scan, scene, arrangement = scan_of(2)
    with pytest.raises(UsageError, match="no camera track"):
        render_video(scan, replace(scene, track=None), arrangement, tmp_path)
    with pytest.raises(UsageError, match="positive"):
        render_video(scan, scene, arrangement, tmp_path, fps=0)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.rendering.render_stage import scan_of
from sceneforge.rendering import render_video
render_video(*scan_of(6), Path(sys.argv[2]))
"""
    digests = set()
    for name in ("a", "b"):
        subprocess.run([sys.executable, "-c", script, str(Path(__file__).parents[2]), str(tmp_path / name)], check=True)
        files = sorted((tmp_path / name).iterdir())
        digests.add(tuple(hashlib.sha256(f.read_bytes()).hexdigest() for f in files))
        assert len(files) == 2
    assert len(digests) == 1 and CAMERA.width == 160


@pytest.mark.parametrize(
    ("shares", "with_content", "cells"),
    [
        ([0.0] * 40 + [0.9] * 20, 9, 12),
        ([0.9] * 60, 12, 12),
        ([0.0] * 60, 0, 12),
        ([0.0] * 30 + [0.8] * 4 + [0.1] * 26, 4, 12),
        ([0.7] * 30 + [0.0], 11, 12),
        ([0.9, 0.0, 0.9], 2, 3),
        ([0.0] * 30 + [0.2] * 20, 9, 12),
    ],
    ids=["some", "all", "none", "few well", "few without", "short", "only a little"],
)
def test_most_cells_of_the_sheet_show_content(shares: list[float], with_content: int, cells: int) -> None:
    chosen = sheet_frames(shares)
    assert chosen == sorted(set(chosen)) and len(chosen) == cells
    least = 0.5 if max(shares) >= 0.5 else 0.01
    good = [i for i in chosen if shares[i] >= least]
    assert len(good) == with_content
    every = [i for i, s in enumerate(shares) if s >= least]
    assert not good or (good[0], good[-1]) == (every[0], every[-1]), "spread over all of them"


def test_shown_is_what_is_in_view_and_not_behind_the_room() -> None:
    s = stage()
    away = look((0.0, 1.3, 1.0), (0.0, 1.3, 3.0))
    assert FrameCompositor(s.scene, s.arrangement).shown(CAMERA, s.T) > 0.9
    assert FrameCompositor(s.scene, s.arrangement).shown(CAMERA, away) == 0
    low = look((0.0, 0.3, 1.0), (0.0, 0.2, -1.4))
    hidden = stage(partition=True)
    assert FrameCompositor(s.scene, s.arrangement).shown(CAMERA, low) > 0.9
    assert FrameCompositor(hidden.scene, hidden.arrangement).shown(CAMERA, low) == 0
    assert FrameCompositor(s.scene, Arrangement(())).shown(CAMERA, s.T) == 0


def test_the_sheet_gets_the_frames_with_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan, scene, arrangement = scan_of(30)
    poses = np.array(scene.track.T_world_camera)
    poses[:20] = look((0.0, 1.3, 1.0), (0.0, 1.3, 3.0))
    captions: list[str] = []
    real = video.contact_sheet

    def spy(thumbnails: list, path: Path, *, title: str) -> None:
        captions.extend(t.caption for t in thumbnails)
        real(thumbnails, path, title=title)

    monkeypatch.setattr(video, "contact_sheet", spy)
    render_video(scan, replace(scene, track=replace(scene.track, T_world_camera=poses)), arrangement, tmp_path)
    frames = [int(c.split()[0]) for c in captions]
    assert len(frames) == 12 and frames == sorted(frames) and sum(f >= 20 for f in frames) == 9
