"""Every layout, written from the same exact sequence, reads back to the same geometry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import FrameError, Scan
from sceneforge.core.transforms import transform_points
from sceneforge.io import load
from sceneforge.io._discover import recognised
from tests.io import boxroom

WITHOUT_POSES = {"realsense_frames", "kinect_pairs"}
EXPECTED_UP = {
    "seven_scenes": (0, 1, 0),
    "hololens": (0, 1, 0),
    "tum_rgbd": (0, 0, 1),
    "tum_cabinet": (0, 0, 1),
    "scannet": (0, 0, 1),
    "stray_scanner": (0, 1, 0),
    "record3d_r3d": (0, 1, 0),
    "arkitscenes": (0, 0, 1),
    "scan_yaml": (0, 1, 0),
}


@pytest.fixture(scope="module")
def truth() -> boxroom.Sequence:
    return boxroom.sequence()


def _loaded(path: Path) -> Scan:
    scan = load(path)
    assert isinstance(scan, Scan)
    return scan


def _check_geometry(scan: Scan, truth: boxroom.Sequence, indices: list[int]) -> None:
    """Every frame lies on the room's planes within 5 mm, and poses are the truth's."""
    for number, i in zip(indices, range(len(scan)), strict=True):
        if scan.sources[i].problem:
            continue
        frame = scan.read(i)
        T = truth.poses[number]
        if scan.has_poses:
            assert frame.T_world_camera is not None
            np.testing.assert_allclose(frame.T_world_camera, T, atol=2e-6)
        points = frame.depth_camera.backproject(frame.depth)[frame.depth > 0]
        assert len(points) > 0.9 * frame.depth.size
        assert boxroom.plane_distance(transform_points(T, points)).max() < 0.005
        reference = truth.colors[number]
        if frame.color.shape == reference.shape:
            assert np.abs(frame.color.astype(int) - reference).mean() < 12


@pytest.mark.parametrize("name", sorted(boxroom.WRITERS))
def test_layout_reads_back_the_truth(name: str, tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.WRITERS[name](tmp_path / "capture", truth)
    assert recognised(path) == [name]
    scan = _loaded(path)
    assert scan.format == name
    assert len(scan) == boxroom.COUNT
    assert scan.has_poses is (name not in WITHOUT_POSES)
    up = EXPECTED_UP.get(name)
    if up is None:
        assert scan.up is None
    else:
        assert scan.up is not None
        np.testing.assert_allclose(scan.up, up)
    _check_geometry(scan, truth, list(range(boxroom.COUNT)))
    stamps = [s.timestamp_s for s in scan.sources]
    assert stamps == sorted(stamps)


def test_record3d_exr(tmp_path: Path, truth: boxroom.Sequence) -> None:
    pytest.importorskip("OpenEXR", reason="the package OpenEXR reads and writes Record3D's depth")
    path = boxroom.record3d_exr(tmp_path / "capture", truth)
    assert recognised(path) == recognised(path / "EXR_RGBD") == ["record3d_exr"]
    scan = _loaded(path)
    assert len(scan) == 5 and "1 of 6 recorded frames" in scan.notes[0]
    _check_geometry(scan, truth, [0, 1, 2, 4, 5])


def test_packed_r3d_depth(tmp_path: Path, truth: boxroom.Sequence) -> None:
    lzfse = pytest.importorskip("lzfse", reason="the package lzfse unpacks Record3D's depth")
    import zipfile

    plain = boxroom.record3d_r3d(tmp_path / "a", truth)
    packed = tmp_path / "packed.r3d"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(packed, "w") as target:
        for n in source.namelist():
            data = source.read(n)
            target.writestr(n, lzfse.compress(data) if n.endswith(".depth") else data)
    _check_geometry(_loaded(packed), truth, list(range(boxroom.COUNT)))


def test_scannet_counts_lost_frames(tmp_path: Path, truth: boxroom.Sequence) -> None:
    scan = _loaded(boxroom.scannet(tmp_path / "scene0000_00", truth))
    bad: list[FrameError] = []
    assert [f.index for f in scan.frames(bad=bad)] == [0, 1, 2, 3, 5]
    assert len(bad) == 1 and "NaN or infinity" in str(bad[0]) and bad[0].frame == "4"


def test_video_frames_in_any_order(tmp_path: Path, truth: boxroom.Sequence) -> None:
    scan = _loaded(boxroom.stray_scanner(tmp_path / "stray", truth))
    forward = [scan.read(i).color for i in range(boxroom.COUNT)]
    for i in (5, 0, 3, 3, 1, 4, 2):
        assert np.array_equal(scan.read(i).color, forward[i])
    assert all(np.all(scan.read(i).depth[0, :3] == 0) for i in (0, 5)), "lowest confidence is dropped"


def test_tum_associations(tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.tum(tmp_path, truth)
    rows = [
        f"{d.stem} depth/{d.name} {c.stem} rgb/{c.name}"
        for c, d in zip(sorted((path / "rgb").iterdir()), sorted((path / "depth").iterdir()), strict=True)
    ]
    (path / "associations.txt").write_text("\n".join(rows))
    _check_geometry(_loaded(path), truth, list(range(boxroom.COUNT)))


def test_tum_leaves_out_depth_without_partner(tmp_path: Path, truth: boxroom.Sequence) -> None:
    notes = " ".join(_loaded(boxroom.tum(tmp_path, truth)).notes)
    assert "1 depth images" in notes and "freiburg3" in notes


def test_zip_of_a_folder(tmp_path: Path, truth: boxroom.Sequence) -> None:
    import zipfile

    root = boxroom.hololens(tmp_path / "office", truth)
    packed = tmp_path / "office.zip"
    with zipfile.ZipFile(packed, "w") as z:
        for file in sorted(root.rglob("*")):
            z.write(file, Path("office") / file.relative_to(root))
    assert recognised(packed) == ["zip_archive"]
    scan = _loaded(packed)
    assert (scan.name, scan.format) == ("office", "hololens")
    _check_geometry(scan, truth, list(range(boxroom.COUNT)))


def test_manifest_overrules_every_other_layout(tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.redwood(tmp_path / "both", truth)
    other = boxroom.scan_yaml(tmp_path / "yaml", truth)
    (path / "scan.yaml").write_text((other / "scan.yaml").read_text())
    assert recognised(path) == ["scan_yaml"]


def test_nothing_is_decoded_before_it_is_asked_for(tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.hololens(tmp_path / "office", truth)
    scan = _loaded(path)
    (path / "images" / "00003.png").unlink()
    with pytest.raises(FrameError, match=r"frame 00003: cannot be read"):
        scan.read(1)
    assert scan.read(0).color.shape == (48, 64, 3)
