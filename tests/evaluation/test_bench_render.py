"""What `bench render` counts: every step of a video once, on the frames it was given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sceneforge.evaluation.bench_render import Case, figures, resized, stages, written
from sceneforge.evaluation.filament_video import _run, simplified
from sceneforge.rendering import FrameCompositor
from tests.rendering.render_stage import scan_of


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(*scan_of(5))


def test_fewer_frames_are_spread_over_the_capture(case: Case) -> None:
    few = case.first(3)
    assert few.scene.track is not None and few.scene.track.indices == (0, 2, 4)
    frames = list(few.frames())
    assert [f.index for f, _ in frames] == [0, 2, 4]
    for (frame, T), n in zip(frames, (0, 2, 4), strict=True):
        np.testing.assert_allclose(T, case.scan.sources[n].T_world_camera)
        assert frame.color.shape == (*frame.camera.shape, 3)


def test_shares_of_all_stages_add_up(case: Case) -> None:
    found = stages(case)
    assert set(found["share"]) == {"decode", "match", "trace", "shade", "occlude", "shadow", "blend", "encode"}
    assert sum(found["share"].values()) == pytest.approx(1, abs=0.01)
    assert found["cpu_ms_per_frame"]["trace"] > 0 and found["cpu_ms_per_frame"]["encode"] > 0


def test_the_time_of_decoding_is_not_charged_to_what_runs_beside_it(case: Case) -> None:
    def slowly(read: Callable[[], Any]) -> Callable[[], Any]:
        def busy() -> Any:
            end = time.thread_time() + 0.05
            while time.thread_time() < end:
                pass
            return read()

        return busy

    slow = tuple(replace(s, read_color=slowly(s.read_color)) for s in case.scan.sources)
    spent = stages(replace(case, scan=replace(case.scan, sources=slow)))["cpu_ms_per_frame"]
    assert spent["decode"] >= 50, "every frame was decoded on the decoder's account"


def test_a_video_holds_every_frame(case: Case, tmp_path: Path) -> None:
    compositor = FrameCompositor(case.scene, case.arrangement)
    assert written(case, compositor.compose, tmp_path / "v.mp4") == 5
    assert (tmp_path / "v.mp4").stat().st_size > 0
    assert figures((1.0, 2.0), 5)["cpu_ms_per_frame"] == 400


def test_colour_is_scaled_and_depth_stays_as_the_sensor_has_it(case: Case) -> None:
    frame, _ = next(case.frames())
    small = resized(frame, 80)
    assert small.color.shape == (60, 80, 3) and small.camera.fx == pytest.approx(frame.camera.fx / 2)
    assert small.depth.shape == frame.depth.shape and small.depth_camera == frame.depth_camera


def test_a_simplified_room_keeps_its_shape_and_colours(case: Case) -> None:
    mesh, fewer = case.scene.mesh, simplified(case.scene, 400).mesh
    assert mesh is not None and fewer is not None and len(fewer.faces) <= 400 < len(mesh.faces)
    np.testing.assert_allclose(np.ptp(fewer.vertices, axis=0), np.ptp(mesh.vertices, axis=0), atol=0.02)
    assert fewer.colors is not None and fewer.colors.shape == fewer.vertices.shape


def test_a_process_that_fails_says_why() -> None:
    lines, problem = _run("print('{}', flush=True); raise ValueError('no driver')")
    assert lines == ["{}"] and "no driver" in problem
