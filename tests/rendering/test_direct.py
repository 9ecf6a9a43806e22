"""Video styles: paths, stills, animated pictures, and what decides whether a stopped run may go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from sceneforge.core import BodyTrajectory, UsageError
from sceneforge.rendering.animation import animation
from sceneforge.rendering.direct import VideoStyle, direct
from sceneforge.rendering.effects import EffectSpec
from sceneforge.rendering.motion import MovingContent, arrangement_at
from sceneforge.rendering.video import CACHE, encode_video
from tests.rendering.render_stage import scan_of


@pytest.mark.parametrize(
    ("path", "frames"), [("original", 4), ("smooth", 4), ("orbit", 3), ("dolly", 3), ("top_down", 3)]
)
def test_every_path_makes_a_video(tmp_path: Path, path, frames: int) -> None:
    scan, scene, arrangement = scan_of(4)
    seconds = 0.3 if path not in ("original", "smooth") else None
    style = VideoStyle(fps=10, path=path, seconds=seconds, around="cube", stills=(0, 2))
    result = direct(scan, scene, arrangement, tmp_path, style, effects=[EffectSpec("passthrough")])
    with av.open(str(result.video)) as container:
        stream = container.streams.video[0]
        pictures = [f.to_ndarray(format="rgb24") for f in container.decode(stream)]
        codec = stream.codec_context
        assert (codec.name, codec.pix_fmt, codec.color_range, codec.colorspace) == ("h264", "yuv420p", 1, 1)
        assert float(stream.average_rate) == 10
    assert len(pictures) == frames
    for n in style.stills:
        still = np.asarray(Image.open(tmp_path / f"still_{n:06d}.png"))
        assert np.abs(still.astype(int) - pictures[n]).mean() < 3, "the same picture, before the codec's loss"
    assert not (tmp_path / CACHE).exists()


def test_a_wider_picture_and_a_place_that_is_not_there(tmp_path: Path) -> None:
    scan, scene, arrangement = scan_of(3)
    style = VideoStyle(fps=10, path="orbit", seconds=0.1, width=200)
    facts = direct(scan, scene, arrangement, tmp_path, style).facts
    assert (facts["width"], facts["height"], facts["frames"]) == (200, 150, 1)
    with pytest.raises(UsageError, match="pictures 0 to 0, so there is no still 1"):
        direct(scan, scene, arrangement, tmp_path, replace(style, stills=(1,)))
    with pytest.raises(UsageError, match="no plane, object or placement 'sofa'"):
        direct(scan, scene, arrangement, tmp_path, replace(style, around="sofa"))


@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_an_animated_picture_has_the_videos_pictures_at_its_pace(tmp_path: Path, suffix: str) -> None:
    pictures = [np.full((48, 64, 3), 20 * n, dtype=np.uint8) for n in range(12)]
    encode_video(pictures, tmp_path / "v.mp4", 64, 48, 20)
    path = animation(tmp_path / "v.mp4", tmp_path / f"a{suffix}", fps=10)
    with Image.open(path) as image:
        assert image.n_frames == 6 and image.info["loop"] == 0
        for k in range(6):
            image.seek(k)
            assert abs(float(np.asarray(image.convert("RGB")).mean()) - 40 * k) < 8
            assert image.info["duration"] == 100
    with pytest.raises(UsageError, match=r"as \.webp or \.gif"):
        animation(tmp_path / "v.mp4", tmp_path / "a.png")


def test_bodies_move_and_the_rest_stays() -> None:
    scan, scene, arrangement = scan_of(2)
    T = np.tile(np.eye(4), (2, 1, 1))
    T[:, :3, 3] = [(-0.5, 0, -1.4), (0.5, 0, -1.4)]
    motion = (BodyTrajectory("cube", np.array([0.0, 1.0]), T),)
    content = MovingContent(scene, arrangement, motion)
    frame, pose = scan.read(0), scan.sources[0].T_world_camera
    changed = [np.abs(content.draw(frame, pose, t).astype(int) - frame.color).sum(axis=-1) > 60 for t in (0.0, 1.0)]
    left, right = (np.argwhere(c)[:, 1].mean() for c in changed)
    assert right > left + 15
    still = arrangement_at(arrangement, (), 0.5)
    assert still == arrangement
    with pytest.raises(UsageError, match="nothing called 'ghost' was placed"):
        arrangement_at(arrangement, (BodyTrajectory("ghost", np.array([0.0]), T[:1]),), 0.0)


def test_a_stopped_run_of_other_effects_is_not_continued(tmp_path: Path) -> None:
    scan, scene, arrangement = scan_of(4)

    def stop(stage: str, done: int, total: int) -> None:
        if done > 2:
            raise KeyboardInterrupt

    for effects in ([EffectSpec("passthrough")], [EffectSpec("depth")]):
        with pytest.raises(KeyboardInterrupt):
            direct(scan, scene, arrangement, tmp_path, effects=effects, progress=stop)
        assert (tmp_path / CACHE).is_dir()
    assert direct(scan, scene, arrangement, tmp_path, effects=[EffectSpec("depth")]).facts["resumed"] >= 1
    assert direct(scan, scene, arrangement, tmp_path, effects=[EffectSpec("depth")]).facts["resumed"] == 0


def test_a_changed_colour_file_makes_every_picture_anew(tmp_path: Path) -> None:
    scan, scene, arrangement = scan_of(4)
    file = tmp_path / "color.png"
    file.write_bytes(b"before")
    scan = replace(scan, sources=tuple(replace(s, files=(str(file),)) for s in scan.sources))

    def stop(stage: str, done: int, total: int) -> None:
        if done > 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        direct(scan, scene, arrangement, tmp_path / "out", progress=stop)
    file.write_bytes(b"and after")
    assert direct(scan, scene, arrangement, tmp_path / "out").facts["resumed"] == 0
