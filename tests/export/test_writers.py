"""What every writer promises: found by name and suffix, same bytes, whole files, clear refusals."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sceneforge.core import LABEL_NAMES, Arrangement, Scene, UsageError
from sceneforge.core.scene_json import scene_from_dict, scene_to_dict
from sceneforge.export import export, writers

FILES = {
    "scene.json": "scene_json",
    "arrangement.json": "arrangement_json",
    "surface.npz": "surface_npz",
    "trajectory.txt": "trajectory_tum",
    "environment.npz": "environment_npz",
    "room.hdr": "environment_hdr",
    "mesh.glb": "glb",
    "mesh.ply": "ply",
}


def test_every_writer_is_covered_here() -> None:
    assert sorted(FILES.values()) == sorted(writers())
    for writer in writers().values():
        assert writer.SUFFIXES and all(s == s.lower() for s in writer.SUFFIXES)
        assert writer.write.__doc__


@pytest.mark.parametrize(("name", "format"), FILES.items())
class TestEveryWriter:
    def test_name_and_suffix_choose_the_same(
        self, name: str, format: str, tmp_path: Path, scene: Scene, arrangement: Arrangement
    ) -> None:
        by_suffix = export(scene, tmp_path / name.upper(), arrangement=arrangement)
        by_name = export(scene, str(tmp_path / "out.bin"), arrangement=arrangement, format=format)
        assert by_suffix.read_bytes() == by_name.read_bytes()
        assert len(list(tmp_path.iterdir())) == 2, "nothing is left aside"

    def test_a_failed_write_leaves_the_old_file(
        self,
        name: str,
        format: str,
        tmp_path: Path,
        scene: Scene,
        arrangement: Arrangement,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        path = tmp_path / name
        path.write_text("old")

        def broken(*_: object) -> None:
            raise OSError("disk full")

        monkeypatch.setattr(Path, "replace", broken)
        with pytest.raises(OSError, match="disk full"):
            export(scene, path, arrangement=arrangement)
        assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]

    def test_an_empty_scene_is_written_or_refused_by_name(self, name: str, format: str, tmp_path: Path) -> None:
        if format == "scene_json":
            assert scene_from_dict(json.loads(export(Scene(), tmp_path / name).read_text())).planes == ()
        else:
            with pytest.raises(UsageError, match=f"nothing to write to .*{name}"):
                export(Scene(), tmp_path / name)
            assert list(tmp_path.iterdir()) == []


def test_unknown_formats_list_the_choices(tmp_path: Path, scene: Scene) -> None:
    choices = r"Choose one of: arrangement_json \(arrangement.json\), environment_hdr \(.hdr\), environment_npz"
    with pytest.raises(UsageError, match=rf"no writer for 'room.usd'. {choices}"):
        export(scene, tmp_path / "room.usd")
    with pytest.raises(UsageError, match=rf"no writer is called 'usd'. {choices}"):
        export(scene, tmp_path / "room.glb", format="usd")


def test_scene_json_holds_the_scene(tmp_path: Path, scene: Scene) -> None:
    data = json.loads(export(scene, tmp_path / "scene.json").read_text())
    assert data == scene_to_dict(scene)


def test_surface_npz_is_plain_arrays_with_fixed_dates(tmp_path: Path, scene: Scene) -> None:
    path = export(scene, tmp_path / "surface.npz")
    assert scene.mesh is not None
    with np.load(path, allow_pickle=False) as data:
        assert set(data) == {"vertices", "faces", "labels", "label_names", "instances", "colors"}
        for name in ("vertices", "faces", "labels", "instances", "colors"):
            mine = getattr(scene.mesh, name)
            assert data[name].dtype == mine.dtype
            assert data[name].tobytes() == mine.tobytes()
        assert tuple(data["label_names"].tolist()) == LABEL_NAMES
        assert data["label_names"][data["labels"][0]] == "floor"
    with zipfile.ZipFile(path) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_trajectory_is_tum(tmp_path: Path, scene: Scene) -> None:
    path = export(scene, tmp_path / "trajectory.txt")
    rows = np.loadtxt(path)  # skips comments, as the tools of the benchmark do
    track = scene.track
    assert track is not None
    assert rows.shape == (3, 8)
    assert rows[:, 0].tolist() == track.timestamps_s.tolist()
    assert rows[:, 1:4].tolist() == track.T_world_camera[:, :3, 3].tolist()
    assert np.allclose(np.linalg.norm(rows[:, 4:], axis=1), 1)


def test_ply_opens_with_its_colours_and_labels(tmp_path: Path, scene: Scene) -> None:
    import trimesh

    mesh = scene.mesh
    assert mesh is not None and mesh.colors is not None and mesh.labels is not None and mesh.instances is not None
    path = export(scene, tmp_path / "mesh.ply")
    assert b"comment label 1 floor\ncomment label 3 wall\n" in path.read_bytes()[:400]
    read: Any = trimesh.load(io.BytesIO(path.read_bytes()), file_type="ply", process=False)
    assert np.array_equal(read.vertices, mesh.vertices)
    assert np.array_equal(read.faces, mesh.faces)
    assert np.array_equal(read.visual.vertex_colors[:, :3], mesh.colors)
    raw = read.metadata["_ply_raw"]["vertex"]["data"]
    assert np.array_equal(raw["label"], mesh.labels)
    assert np.array_equal(raw["instance"], mesh.instances)
