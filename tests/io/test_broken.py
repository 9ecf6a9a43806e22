"""Broken input: one clear error for a capture, a counted bad frame for a frame."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from sceneforge.core import (
    FrameError,
    Scan,
    ScanError,
    UnknownFormatError,
    UsageError,
)
from sceneforge.io import load
from tests.io import boxroom


@pytest.fixture(scope="module")
def truth() -> boxroom.Sequence:
    return boxroom.sequence()


@pytest.fixture
def office(tmp_path: Path, truth: boxroom.Sequence) -> Path:
    return boxroom.hololens(tmp_path / "office", truth)


def _scan(path: Path) -> Scan:
    scan = load(path)
    assert isinstance(scan, Scan)
    return scan


def _cut(path: Path, keep: float = 0.6) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


def _flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x5A
    path.write_bytes(bytes(data))


def _resize(path: Path) -> None:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None and cv2.imwrite(str(path), image[:20, :30])


def _eight_bit(path: Path) -> None:
    assert cv2.imwrite(str(path), np.full((48, 64), 90, np.uint8))


def _huge(path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 16, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("depth/00009.png", _cut, "damaged or cut short; expected an intact file. Copy it again"),
        ("images/00009.png", _cut, "damaged or cut short"),
        ("depth/00009.png", _flip_byte, "damaged or cut short"),
        ("depth/00009.png", _resize, "depth image is 30x20; expected 64x48 as the intrinsics say"),
        ("images/00009.png", _resize, "colour image is 30x20; expected 64x48 as the intrinsics say"),
        ("depth/00009.png", _eight_bit, "depth image has 1 channel(s) of uint8; expected one channel of uint16"),
        ("depth/00009.png", _huge, "image claims to be 100000x100000; expected at most 16384 per side"),
        ("depth/00009.png", lambda p: p.write_bytes(b""), "file is empty"),
        ("depth/00009.png", lambda p: p.write_text("hello"), "is not a PNG, JPEG or PGM image"),
        ("depth/00009.png", Path.unlink, "missing"),
    ],
)
def test_one_bad_image_is_counted(office: Path, file: str, damage: Callable[[Path], object], message: str) -> None:
    if message == "missing":  # the layout then needs names to pair by
        (office / "frames.txt").write_text("\n".join(f"{3 * i:05d}.png" for i in range(boxroom.COUNT)))
    damage(office / file)
    scan = _scan(office)
    bad: list[FrameError] = []
    assert [f.index for f in scan.frames(bad=bad)] == [0, 1, 2, 4, 5]
    (error,) = bad
    assert message in str(error) and "00009" in str(error)
    with pytest.raises(FrameError):
        list(scan.frames())


def test_cut_jpeg_and_pgm(tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.scannet(tmp_path / "a", truth)
    _cut(path / "color" / "2.jpg")
    with pytest.raises(FrameError, match="cut short"):
        _scan(path).read(2)
    path = boxroom.slambook(tmp_path / "b", truth)
    _cut(path / "depth" / "2.pgm")
    with pytest.raises(FrameError, match="cut short"):
        _scan(path).read(1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nan " * 16, "pose contains NaN or infinity"),
        ("-inf " * 16, "pose contains NaN or infinity"),
        ("2 0 0 0 0 2 0 0 0 0 2 0 0 0 0 1", "not a rotation and translation (determinant 8.000)"),
        ("1 0 0 0 0 1 0 0 0 0 -1 0 0 0 0 1", "not a rotation and translation (determinant -1.000)"),
        ("1 0 0 0 0 1 0 0 0 0 1 0 3 0 0 1", "last row of the pose"),
    ],
)
def test_one_bad_pose_is_counted(office: Path, line: str, message: str) -> None:
    lines = (office / "poses.txt").read_text().splitlines()
    lines[3] = line
    (office / "poses.txt").write_text("\n".join(lines))
    scan = _scan(office)
    bad: list[FrameError] = []
    assert len(list(scan.frames(bad=bad))) == 5
    assert message in str(bad[0])


def test_mostly_bad_frames_refuse_the_scan(office: Path) -> None:
    for i in (1, 2, 3, 4):
        _cut(office / "depth" / f"{3 * i:05d}.png")
    with pytest.raises(ScanError, match="of 6 frames are unusable"):
        list(_scan(office).frames(bad=[]))


def test_all_poses_bad(office: Path) -> None:
    (office / "poses.txt").write_text(("nan " * 16 + "\n") * boxroom.COUNT)
    with pytest.raises(ScanError, match="none of 6 frames is usable; 00000: pose contains NaN"):
        load(office)


@pytest.mark.parametrize("unit", [1e-5, 1.0])
def test_depth_in_the_wrong_unit(tmp_path: Path, truth: boxroom.Sequence, unit: float) -> None:
    path = boxroom.hololens(tmp_path / "office", truth)
    for i, depth in enumerate(truth.depths):
        boxroom.save_depth(path / "depth" / f"{3 * i:05d}.png", np.minimum(depth, 0.6 if unit < 1 else 9), unit)
    message = (
        r"frame 00000: median depth is .* when read as 0.001 m per unit; expected between 0.05 and 20 m.*scan\.yaml"
    )
    with pytest.raises(ScanError, match=message):
        load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: (p / "K.txt").write_text("1 2 3"), r"K\.txt: holds 3 numbers; expected a 3x3 or 4x4 camera matrix"),
        (lambda p: (p / "K.txt").write_text("0 0 9 0 0 9 0 0 1"), r"focal lengths 0, 0; expected positive"),
        (lambda p: (p / "K.txt").write_text("500 0 640 0 500 360 0 0 1"), r"images are 64x48 but the principal point"),
        (lambda p: (p / "K.txt").write_bytes(b"\xff\xfe\x00\x80"), r"K\.txt: is not a text file"),
        (lambda p: (p / "depth" / "00000.png").unlink(), r"6 colour images, 5 depth images, 6 poses; expected equal"),
        (lambda p: (p / "poses.txt").write_text("1 2 3\n"), r"poses\.txt: line 1 has 3 values; expected 16 numbers"),
        (lambda p: (p / "poses.txt").write_text("a " * 16), r"poses\.txt: line 1: could not convert"),
        (lambda p: (p / "frames.txt").write_text("../../x.png\n"), r"frames\.txt: names files in other folders"),
    ],
)
def test_broken_captures(office: Path, change: Callable[[Path], object], message: str) -> None:
    change(office)
    with pytest.raises(ScanError, match=message):
        load(office)


def test_missing_intrinsics(tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.tum_cabinet(tmp_path / "a", truth)
    (path / "TUM3.yaml").unlink()
    with pytest.raises(ScanError, match=r"no intrinsics; expected an ORB-SLAM settings file"):
        load(path)
    path = boxroom.redwood(tmp_path / "b", truth)
    (path / "camera_intrinsic.json").unlink()
    with pytest.raises(ScanError, match=r"no intrinsics for 64x48 images; expected one of intrinsic\.json"):
        load(path)
    path = boxroom.scannet(tmp_path / "c", truth)
    (path / "intrinsic" / "intrinsic_color.txt").unlink()
    with pytest.raises(ScanError, match=r"no colour intrinsics; expected intrinsic/intrinsic_color\.txt"):
        load(path)
    path = boxroom.arkitscenes(tmp_path / "d", truth)
    next((path / "lowres_wide_intrinsics").iterdir()).unlink()
    with pytest.raises(ScanError, match=r"no intrinsics; expected lowres_wide_intrinsics/"):
        load(path)


def test_nothing_to_load(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="does not exist"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ScanError, match="folder is empty"):
        load(tmp_path / "empty")
    (tmp_path / "empty" / "notes.md").write_text("hello")
    with pytest.raises(UnknownFormatError) as error:
        load(tmp_path / "empty")
    text = str(error.value)
    assert "seven_scenes" in text and "scannet" in text and "scan.yaml" in text
    with pytest.raises(UsageError, match="no reader is called 'seven'; there are: arkitscenes"):
        load(tmp_path, format="seven")


def test_a_single_picture_is_sent_to_depth(tmp_path: Path, truth: boxroom.Sequence) -> None:
    image = next((boxroom.realsense(tmp_path / "views", truth) / "color").iterdir())
    with pytest.raises(UnknownFormatError, match=f"is a single picture.*sceneforge depth {image.name}"):
        load(image)


def test_a_folder_of_captures_names_them(tmp_path: Path, truth: boxroom.Sequence) -> None:
    boxroom.hololens(tmp_path / "office", truth)
    boxroom.slambook(tmp_path / "dining", truth)
    with pytest.raises(UnknownFormatError, match=r"holds 2: dining, office\. Load one of them"):
        load(tmp_path)


def test_layouts_without_images(tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.realsense(tmp_path / "views", truth)
    for image in [*(path / "color").iterdir(), *(path / "depth").iterdir()]:
        image.unlink()
    with pytest.raises(ScanError, match="no frames; expected at least one pair"):
        load(path)


YAML = """format: sceneforge.scan
version: 1
depth_unit_m: 0.001
camera: {width: 64, height: 48, fx: 55, fy: 54, cx: 31, cy: 24}
color: images/*.png
depth: depth/*.png
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("images/*.png", "../*/images/*.png", "color is '../.*expected a relative path inside the folder"),
        ("images/*.png", "/etc/*", "expected a relative path inside the folder"),
        ("images/*.png", "linked/*.png", "links? out of the folder|leads out of the folder"),
        ("images/*.png", "nothing/*.png", "nothing matches 'nothing"),
        ("version: 1", "version: 2", "version is 2; expected version: 1"),
        ("fx: 55", "fx: wide", "camera is .*expected numbers width, height, fx"),
        ("fx: 55", "fx: -5", "focal lengths must be positive"),
        ("width: 64, height: 48", "width: 640, height: 480", "colour images are 64x48; expected 640x480 as it says"),
        ("depth_unit_m: 0.001", "depth_unit_m: 5000", "depth_unit_m is 5000; expected metres per stored unit"),
        ("depth_unit_m: 0.001\n", "", "lacks depth_unit_m; expected the keys"),
        ("depth_unit_m", "depth_units", "has unknown keys depth_units; expected"),
        ("format: sceneforge.scan", "format: other", "does not say 'format: sceneforge.scan'"),
        ("version: 1", "version: [", "is not valid YAML"),
        ("version: 1", "version: 1\nup: [0, 0, 0]", r"up is \[0, 0, 0\]; expected a direction"),
        ("version: 1", "version: 1\naxes: unity", "axes is 'unity'; expected opencv or opengl"),
        ("version: 1", "version: 1\ntrajectory: K.txt", "line 1 has 3 values; expected 8 numbers per line"),
        ("version: 1", "version: 1\nname: !!python/object/apply:os.system [ls]", "is not valid YAML"),
    ],
)
def test_broken_scan_yaml(office: Path, old: str, new: str, message: str) -> None:
    (office / "linked").symlink_to("/etc")
    (office / "scan.yaml").write_text(YAML)
    assert len(_scan(office)) == boxroom.COUNT
    (office / "scan.yaml").write_text(YAML.replace(old, new))
    with pytest.raises(ScanError, match=message):
        load(office)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": []}, "none of 0 frames has a depth_file_path"),
        ({"frames": [{"file_path": "a.jpg"}]}, "none of 1 frames has a depth_file_path; expected an export with depth"),
        ({"frames": "x"}, "holds no frames"),
        ({"camera_model": "OPENCV_FISHEYE"}, "camera_model is OPENCV_FISHEYE.*Undistort it first"),
        ({"fl_x": None}, "no intrinsics; expected fl_x"),
        ({"applied_scale": 0}, "applied_scale is 0"),
        (
            {"frames": [{"file_path": "../a.jpg", "depth_file_path": "b.png"}]},
            "names '../a.jpg'; expected paths inside",
        ),
    ],
)
def test_broken_transforms(tmp_path: Path, truth: boxroom.Sequence, change: dict[str, object], message: str) -> None:
    path = boxroom.transforms_json(tmp_path / "t", truth)
    data = json.loads((path / "transforms.json").read_text())
    for frame in data["frames"]:
        frame.pop("fl_x", None)
    (path / "transforms.json").write_text(json.dumps({**data, **change}))
    with pytest.raises(ScanError, match=message):
        load(path)


def test_not_json(tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.transforms_json(tmp_path / "t", truth)
    (path / "transforms.json").write_text("{")
    with pytest.raises(ScanError, match=r"transforms\.json: is not valid JSON"):
        load(path)


def test_damaged_video(tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.stray_scanner(tmp_path / "s", truth)
    (path / "rgb.mp4").write_bytes(b"not a video")
    with pytest.raises(ScanError, match=r"rgb\.mp4: cannot be read as a video"):
        load(path)


def test_trajectory_log_that_does_not_fit(tmp_path: Path, truth: boxroom.Sequence) -> None:
    path = boxroom.redwood(tmp_path / "r", truth)
    log = path / "scene" / "trajectory.log"
    lines = log.read_text().splitlines()
    log.write_text("\n".join(lines[:-1]))
    with pytest.raises(ScanError, match="holds 29 lines; expected entries of 5 lines"):
        load(path)
    log.write_text("\n".join([*lines[:-5], "9 9 10", *lines[-4:]]))
    with pytest.raises(ScanError, match="names frame 9; expected each of the 6 frames at most once"):
        load(path)
    log.write_text("\n".join(lines[:-5]))
    assert _scan(path).sources[5].problem == "the trajectory has no entry for this frame"
