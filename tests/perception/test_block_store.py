"""Blocks on disk come back bit for bit, memory keeps its limit, and the mesh does not know the difference."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import EnvironmentProblem, Frame
from sceneforge.perception.block_store import FIELDS, RECORD, BlockStore
from sceneforge.perception.fusion import DepthFusion
from tests.perception.furnished import CAMERA, box, cast, joined, look_at

MB = 2**20


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def test_blocks_keep_every_byte_through_random_traffic() -> None:
    store = BlockStore(memory_mb=40.5 * RECORD / MB)
    assert store.slots == 40
    rng = np.random.default_rng(1)
    truth = {name: np.zeros((300, *shape), dtype) for name, dtype, shape in FIELDS}
    for turn in range(200):
        asked = rng.permutation(300)[: rng.integers(1, 30)].astype(np.int32)
        write = bool(turn % 3)
        slots = store.resident(asked, write=write)
        assert len(set(slots.tolist())) == len(asked)
        for name, dtype, shape in FIELDS:
            assert np.array_equal(store.voxels[name][slots], truth[name][asked])
            if write:
                truth[name][asked] = rng.integers(0, 200, (len(asked), *shape)).astype(dtype)
                store.voxels[name][slots] = truth[name][asked]
    assert store.slots == 40 and 0 < store.bytes_on_disk <= 300 * RECORD


def test_one_call_gets_all_it_needs_and_what_fits_is_never_written() -> None:
    store = BlockStore(memory_mb=10 * RECORD / MB)
    store.resident(np.arange(10, dtype=np.int32), write=True)
    assert store.bytes_on_disk == 0
    slots = store.resident(np.arange(5, 40, dtype=np.int32), write=True)
    assert len(set(slots.tolist())) == 35 and store.slots == 35
    assert store.bytes_on_disk > 0


def test_the_longest_unused_go_first_and_unchanged_ones_are_not_written_again() -> None:
    store = BlockStore(memory_mb=3.5 * RECORD / MB)
    for n in (0, 1, 2):
        store.voxels["seen"][store.resident(numbers(n), write=True)] = n + 1
    store.resident(numbers(0), write=False)
    store.resident(numbers(3), write=True)  # 1 was used longest ago
    assert store.bytes_on_disk == 2 * RECORD  # a record has its block's place in the file
    back = store.resident(numbers(1), write=False)
    assert (store.voxels["seen"][back] == 2).all()


def test_a_full_disk_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    store = BlockStore(memory_mb=1.5 * RECORD / MB)
    store.resident(numbers(0), write=True)
    with pytest.raises(EnvironmentProblem, match=r"No space left on device.*TMPDIR.*memory_mb"):
        store.resident(numbers(1), write=True)


def walk() -> list[Frame]:
    """A corridor of 9 m with pillars, there and back again."""
    parts = [box((0, 1.2, 4.5), (2.0, 2.4, 9.0), inward=True)]
    parts += [box((0.9 * (-1) ** k, 1.2, 1.0 + k), (0.2, 2.4, 0.2)) for k in range(8)]
    scene = joined(parts)
    color = np.random.default_rng(0).integers(60, 200, (*CAMERA.shape, 3), dtype=np.uint8)
    frames = []
    for n, z in enumerate([*np.arange(0.3, 8, 0.6), *np.arange(8, 0.3, -0.6)]):
        T = look_at((0, 1.2, z), (0.3 * (-1) ** n, 1.0, z + (1 if n < 13 else -1)))
        frames.append(Frame(n, f"{n}", float(n), color, cast(scene, T), CAMERA, CAMERA, T))
    return frames


def test_a_small_pool_gives_the_same_mesh_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    whole = DepthFusion(max_depth_m=2.5)
    small = DepthFusion(max_depth_m=2.5, memory_mb=4)
    for frame in walk():
        assert frame.T_world_camera is not None
        whole.add(frame, frame.T_world_camera)
        small.add(frame, frame.T_world_camera)
    assert whole.bytes_on_disk == 0
    assert small.bytes_on_disk > 4 * MB, "most of the corridor went to disk"
    assert list(tmp_path.iterdir()) == [], "the file has no name"
    a, b = whole.mesh(), small.mesh()
    assert len(a.faces) > 50_000
    assert a.colors is not None and b.colors is not None
    for one, other in ((a.vertices, b.vertices), (a.faces, b.faces), (a.colors, b.colors)):
        assert one.tobytes() == other.tobytes()
    # And once more: meshing changed nothing.
    assert small.mesh().vertices.tobytes() == b.vertices.tobytes()
