"""A render that was stopped goes on where it was, to the same bytes."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import BodyTrajectory
from sceneforge.core.digest import digest
from sceneforge.rendering import render_video
from sceneforge.rendering.effects import EffectSpec, Stage, effect_layers
from sceneforge.rendering.frame_cache import MEMORY, FrameCache
from sceneforge.rendering.video import CACHE
from tests.rendering.render_stage import scan_of

COUNT = 6


class StoppedError(Exception):
    """Stands for a kill."""


def motion() -> tuple[BodyTrajectory, ...]:
    T = np.tile(np.eye(4), (2, 1, 1))
    T[:, :3, 3] = [(-0.3, 0, -1.4), (0.3, 0, -1.4)]
    return (BodyTrajectory("cube", np.array([0.0, 1.0]), T),)


def made(folder: Path, *, stop_after: int | None = None, moving: bool = False, key: str = "a"):
    scan, scene, arrangement = scan_of(COUNT)
    specs = [EffectSpec("passthrough"), EffectSpec("graph"), EffectSpec("plan")]
    under, over = effect_layers(specs, Stage(scene, arrangement))

    def progress(stage: str, done: int, total: int) -> None:
        if stop_after is not None and done > stop_after:
            raise StoppedError

    return render_video(
        scan, scene, arrangement, folder, fps=6, under=under, over=over, fingerprint=key, progress=progress,
        motion=motion() if moving else (),
    )  # fmt: skip


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("moving", [False, True], ids=["still", "moving"])
def test_wherever_it_stops_the_bytes_are_the_same(tmp_path: Path, moving: bool) -> None:
    whole = made(tmp_path / "whole", moving=moving)
    assert whole.facts["resumed"] == 0 and not (tmp_path / "whole" / CACHE).exists()
    for stop in (1, 4) if moving else range(1, COUNT):
        folder = tmp_path / f"stopped{stop}"
        with pytest.raises(StoppedError):
            made(folder, stop_after=stop, moving=moving)
        assert not (folder / "preview.mp4").exists()
        again = made(folder, moving=moving)
        assert 1 <= again.facts["resumed"] <= stop
        assert sha(again.video) == sha(whole.video)
        assert sha(again.contact_sheet) == sha(whole.contact_sheet)
        shares = [k for k in whole.facts if k.startswith("share_")]
        assert [again.facts[k] for k in shares] == [whole.facts[k] for k in shares]
        assert sorted(p.name for p in folder.iterdir()) == ["contact_sheet.png", "preview.mp4"]


def test_other_inputs_start_anew(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        made(tmp_path, stop_after=3)
    assert (tmp_path / CACHE / MEMORY).is_file()
    assert made(tmp_path, key="b").facts["resumed"] == 0


def test_a_damaged_memory_is_not_trusted(tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    cache = FrameCache(tmp_path / "c", "a")
    cache.write(0, picture + 7, {"x": np.arange(3)})
    again = FrameCache(tmp_path / "c", "a")
    assert again.count == 1 and (again.read(0) == 7).all() and again.memory["x"].tolist() == [0, 1, 2]
    (tmp_path / "c" / MEMORY).write_bytes(b"PK\x03\x04 not an archive")
    assert FrameCache(tmp_path / "c", "a").count == 0
    cache.write(0, picture, {})
    cache.write(1, picture, {})
    (tmp_path / "c" / "000000.png").unlink()
    assert FrameCache(tmp_path / "c", "a").count == 0, "a picture is missing"


@pytest.mark.slow
def test_a_killed_process_leaves_what_the_next_one_continues(tmp_path: Path) -> None:
    code = (
        "import time; from tests.rendering import test_resume as t; from pathlib import Path; import sys\n"
        "import sceneforge.rendering.frame_cache as f\n"
        "write = f.FrameCache.write\n"
        "def slow(self, *a): write(self, *a); time.sleep(0.4)\n"
        "f.FrameCache.write = slow\n"
        "t.made(Path(sys.argv[1]))"
    )
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "k")], cwd=root, env={**os.environ})
    waited = time.monotonic() + 120
    while not (tmp_path / "k" / CACHE / "000002.png").exists() and time.monotonic() < waited:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = made(tmp_path / "k")
    assert again.facts["resumed"] >= 2
    assert sha(again.video) == sha(made(tmp_path / "whole").video)


def test_digests_tell_values_apart() -> None:
    _, scene, arrangement = scan_of(3)
    assert digest(scene, arrangement) == digest(scan_of(3)[1], scan_of(3)[2])
    assert digest(scene) != digest(scan_of(4)[1])
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})
    assert len({digest(v) for v in (1, 1.0, "1", True, None, (1,), ((1,),), np.array(1), np.array([1]))}) == 9
    assert digest(np.zeros((2, 3))) != digest(np.zeros((3, 2)))
    with pytest.raises(TypeError, match="fingerprint of set"):
        digest({1, 2})
