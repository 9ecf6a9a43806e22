"""A scene folder is read back as it was, and damaged or hostile folders are refused."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import Scene, SceneFileError
from sceneforge.core.scene_json import scene_to_dict
from sceneforge.export import export
from sceneforge.io import scene_folder
from sceneforge.io.scene_folder import read_scene, read_surface, read_trajectory


@pytest.fixture
def folder(tmp_path: Path, scene: Scene) -> Path:
    for name in ("scene.json", "surface.npz", "trajectory.txt"):
        export(scene, tmp_path / name)
    return tmp_path


def test_the_round_trip(folder: Path, scene: Scene) -> None:
    read = read_scene(folder)
    assert scene_to_dict(read) == scene_to_dict(scene)
    assert read.mesh is not None and scene.mesh is not None
    for name in ("vertices", "faces", "colors", "labels", "instances"):
        assert getattr(read.mesh, name).tobytes() == getattr(scene.mesh, name).tobytes()
    assert read.track is not None and scene.track is not None
    assert read.track.indices == scene.track.indices
    assert read.track.timestamps_s.tolist() == scene.track.timestamps_s.tolist()
    assert read.track.confidence.tolist() == scene.track.confidence.tolist()
    assert np.abs(read.track.T_world_camera - scene.track.T_world_camera).max() < 1e-14


def test_mesh_and_track_may_be_missing(folder: Path) -> None:
    (folder / "surface.npz").unlink()
    (folder / "trajectory.txt").unlink()
    read = read_scene(folder)
    assert (read.mesh, read.track) == (None, None)
    (folder / "scene.json").unlink()
    with pytest.raises(SceneFileError, match=r"there is no scene.json. Make one with: sceneforge understand SCAN"):
        read_scene(folder)


def test_labels_are_matched_by_name(folder: Path, scene: Scene) -> None:
    path = folder / "surface.npz"
    with np.load(path) as data:
        arrays = dict(data)
    order = np.random.default_rng(0).permutation(len(arrays["label_names"]))
    arrays["label_names"] = arrays["label_names"][order]
    arrays["labels"] = np.argsort(order)[arrays["labels"]].astype(np.int64)
    np.savez(path, **arrays)
    labels = read_surface(path).labels
    assert scene.mesh is not None and scene.mesh.labels is not None and labels is not None
    assert np.array_equal(labels, scene.mesh.labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"faces": np.array([[0, 1, 999]], np.int32)}, "faces refer to vertex 999"),
        ({"labels": np.full(51, 200, np.uint8)}, "labels go up to 200; expected 0 to 55"),
        ({"labels": np.zeros(3, np.uint8)}, r"labels: expected shape \(51\), got \(3,\)"),
        ({"vertices": np.full((51, 3), np.nan, np.float32)}, "vertices hold NaN or infinity"),
        ({"vertices": np.zeros((51, 3), np.complex64)}, "array 'vertices' is complex64; expected kind f"),
        ({"label_names": np.array(["unlabelled", "lava"])}, "label_names hold lava. Upgrade with"),
        ({"instances": None}, "has no array .*instances"),
    ],
)
def test_damaged_surfaces(folder: Path, change: dict[str, np.ndarray | None], message: str) -> None:
    path = folder / "surface.npz"
    with np.load(path) as data:
        arrays = {key: value for key, value in {**data, **change}.items() if value is not None}
    np.savez(path, **arrays)
    with pytest.raises(SceneFileError, match=message):
        read_surface(path)


def test_truncated_and_foreign_files(folder: Path) -> None:
    path = folder / "surface.npz"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(SceneFileError, match="is damaged"):
        read_surface(path)
    path.write_text("not a zip")
    with pytest.raises(SceneFileError, match="is damaged"):
        read_surface(path)


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.mark,))


def test_pickles_are_not_run(folder: Path) -> None:
    path, mark = folder / "surface.npz", folder / "mark"
    with np.load(path) as data:
        arrays = {**data, "instances": np.array([Trap(mark)], dtype=object)}
    np.savez(path, **arrays)
    with pytest.raises(SceneFileError, match="is damaged: Object arrays cannot be loaded"):
        read_surface(path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Trap(mark)))
    assert mark.exists(), "the trap works"


def test_surfaces_that_would_fill_the_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "surface.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vertices.npy", b"\0" * 1_000_000)
    monkeypatch.setattr(scene_folder, "_MAX_SURFACE_BYTES", 100_000)
    with pytest.raises(SceneFileError, match="the arrays take 1000000 bytes; expected at most 100000"):
        read_surface(path)


def test_trajectories_of_other_programs(tmp_path: Path) -> None:
    path = tmp_path / "trajectory.txt"
    path.write_text("# made elsewhere\n1.5 1 2 3 0 0 0 2\n\n2.5 0 0 0 0 0.7071068 0 0.7071068\n")
    track = read_trajectory(path)
    assert track.indices == (0, 1)
    assert track.confidence.tolist() == [1, 1]
    assert track.T_world_camera[0].tolist() == [[1, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 2 3", "line 2 is '1 2 3'; expected timestamp tx ty tz qx qy qz qw, all finite"),
        ("1 2 3 4 5 6 7 x", "line 2 is could not convert string to float: 'x'"),
        ("1 nan 3 0 0 0 0 1", "line 2 is '1 nan 3 0 0 0 0 1'"),
        ("1 2 3 4 0 0 0 0", "line 2 is quaternion .* has no direction"),
        ('# {"indices": [1, 2], "confidence": [1, 1]}', "the comment on frames does not fit the 1 poses"),
        ('# {"indices": [1', "line 2 is not valid JSON"),
    ],
)
def test_damaged_trajectories(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "trajectory.txt"
    path.write_text(f"0 0 0 0 0 0 0 1\n{line}\n")
    with pytest.raises(SceneFileError, match=message):
        read_trajectory(path)
