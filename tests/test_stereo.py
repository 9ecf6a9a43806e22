"""A stereo pair in a folder: calibration read, depth right, scored against the truth that lies beside it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sceneforge import cli
from sceneforge.core import Camera, ScanError
from sceneforge.core.arrays import Float32, UInt8
from sceneforge.io import is_stereo_pair, read_stereo_pair
from sceneforge.perception.depth import stereo
from sceneforge.stereo import disparity_scores, stereo_folder_depth
from tests.perception.depth.test_views import look, pose

CAMERA = Camera(320, 240, 280.0, 280.0, 150.0, 119.5)
CALIBRATION = """cam0=[280 0 150; 0 280 119.5; 0 0 1]
cam1=[280 0 154; 0 280 119.5; 0 0 1]
doffs=4
baseline=100
width=320
height=240
ndisp=48
isint=0
"""


def write_pfm(path: Path, values: Float32) -> None:
    h, w = values.shape
    path.write_bytes(f"Pf\n{w} {h}\n-1.0\n".encode() + values[::-1].astype("<f4").tobytes())


def pair(folder: Path, calibration: str = CALIBRATION) -> Path:
    """A made-up pair with its truth, laid out as Middlebury's."""
    folder.mkdir()
    (left, truth), (right, _) = look(pose(0.0), CAMERA), look(pose(0.1), Camera(320, 240, 280.0, 280.0, 154.0, 119.5))
    for name, color in (("im0.png", left), ("im1.png", right)):
        write_picture(folder / name, color)
    disparity = 28 / truth - 4
    disparity[:10] = np.inf  # Middlebury's "not known"
    write_pfm(folder / "disp0.pfm", disparity.astype(np.float32))
    (folder / "calib.txt").write_text(calibration)
    return folder


def write_picture(path: Path, color: UInt8) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(color, cv2.COLOR_RGB2BGR))


def test_the_calibration_is_read(tmp_path: Path) -> None:
    found = read_stereo_pair(pair(tmp_path / "pair"))
    assert found.camera == CAMERA
    assert (found.baseline_m, found.offset_px, found.disparities) == (0.1, 4.0, 48)
    truth = found.true_disparity()
    assert truth is not None
    assert (truth[:10] == 0).all()
    assert (truth[10:] > 0).all()


def test_what_the_calibration_leaves_out_follows_from_the_rest(tmp_path: Path) -> None:
    kept = [line for line in CALIBRATION.splitlines() if line.startswith(("cam", "baseline"))]
    found = read_stereo_pair(pair(tmp_path / "pair", "\n".join(kept)))
    assert (found.camera, found.offset_px, found.disparities) == (CAMERA, 4.0, None)


def test_the_command_finds_the_depth_and_scores_it(tmp_path: Path) -> None:
    folder, out = pair(tmp_path / "pair"), tmp_path / "out"
    cv2.imwrite(str(folder / "mask0nocc.png"), np.full((240, 320), 255, np.uint8))
    assert cli.main(["depth", str(folder), "-o", str(out)]) == 0
    record = json.loads((out / "depth.json").read_text())
    scores = record["frames"][0]["truth"]
    assert scores["confirmed"]["coverage"] > 0.7
    assert scores["confirmed"]["bad_1"] < 0.05
    assert scores["dense"]["coverage"] == 1.0
    assert scores["dense_visible"] == scores["dense"]
    assert scores["dense"]["abs_rel"] < 0.03
    stored = cv2.imread(str(out / "depth" / "pair.png"), cv2.IMREAD_UNCHANGED)
    truth = read_stereo_pair(folder).true_disparity()
    assert truth is not None
    assert np.median(np.abs(28000 / stored[10:] - 4 - truth[10:])) < stereo.SIGMA_PX


def test_a_picture_too_large_for_the_matcher_is_matched_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pair(tmp_path / "pair")
    whole = stereo_folder_depth(folder, tmp_path / "whole")["frames"][0]
    monkeypatch.setattr(stereo, "MAX_CELLS", 320 * 240 * 48 // 8)
    smaller = stereo_folder_depth(folder, tmp_path / "smaller")["frames"][0]
    assert smaller["camera"] == whole["camera"]
    assert cv2.imread(str(tmp_path / "smaller" / "depth" / "pair.png"), cv2.IMREAD_UNCHANGED).shape == (240, 320)
    assert whole["truth"]["dense"]["abs_rel"] < smaller["truth"]["dense"]["abs_rel"] < 0.04


def test_scores_are_those_of_the_definition() -> None:
    truth = np.array([[10.0, 10.0, 10.0, 0.0, 10.0]], np.float32)
    found = np.array([[10.0, 11.5, 13.0, 10.0, np.inf]], np.float32)
    depth = (100 / (found + 2)).astype(np.float32)
    got = disparity_scores(depth, truth, 100.0, 2.0)
    assert (got["bad_1"], got["bad_2"], got["bad_4"]) == (0.6667, 0.3333, 0.0)
    assert (got["mean_px"], got["coverage"]) == (1.5, 0.75)
    assert disparity_scores(np.zeros_like(depth), truth, 100.0, 2.0) == {"coverage": 0.0}


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("baseline=100\n", "", "has no baseline"),
        ("baseline=100", "baseline=-1", "positive"),
        ("baseline=100", "baseline=nan", "'nan'"),
        ("width=320", "width=inf", "'inf'"),
        ("baseline=100", "baseline=ten", "'ten'"),
        ("cam0=[280 0 150; 0 280 119.5; 0 0 1]", "cam0=[280 0]", "cam0 has 2 numbers"),
        ("cam0=[280", "cam0=[0", "focal"),
        ("width=320", "width=640", "640x240"),
    ],
)
def test_a_wrong_calibration_is_named(old: str, new: str, text: str, tmp_path: Path) -> None:
    folder = pair(tmp_path / "pair", CALIBRATION.replace(old, new))
    with pytest.raises(ScanError, match=text):
        read_stereo_pair(folder).pictures()


@pytest.mark.parametrize("data", [b"", b"PF\n2 2\n-1\n" + bytes(48), b"Pf\n320 240\n-1\n", b"Pf\n99999 99999\n-1\n"])
def test_a_damaged_truth_is_named(data: bytes, tmp_path: Path) -> None:
    folder = pair(tmp_path / "pair")
    (folder / "disp0.pfm").write_bytes(data)
    with pytest.raises(Exception, match=r"disp0\.pfm"):
        read_stereo_pair(folder).true_disparity()


def test_folders_without_a_pair_are_none(tmp_path: Path) -> None:
    folder = pair(tmp_path / "pair")
    assert is_stereo_pair(folder)
    (folder / "im1.png").unlink()
    assert not is_stereo_pair(folder)
    assert not is_stereo_pair(tmp_path / "nothing")
    with pytest.raises(ScanError, match="no stereo pair"):
        read_stereo_pair(folder)


def test_the_motorcycle(data_root: Path, tmp_path: Path) -> None:
    source = data_root / "data" / "middlebury_motorcycle"
    folder = tmp_path / "motorcycle"
    folder.mkdir()
    for side in ("left", "right"):
        (folder / f"{side}.png").write_bytes((source / f"motorcycle_{side}.png").read_bytes())
    truth = np.load(source / "motorcycle_disp.npz")["arr_0"]
    write_pfm(folder / "disp0.pfm", np.where(np.isfinite(truth), truth, np.inf).astype(np.float32))
    (folder / "calib.txt").write_text(
        "cam0=[994.978 0 311.193; 0 994.978 254.877; 0 0 1]\ncam1=[994.978 0 342.279; 0 994.978 254.877; 0 0 1]\n"
        "doffs=31.086\nbaseline=193.001\nwidth=741\nheight=500\nndisp=64\n"
    )
    scores = stereo_folder_depth(folder, tmp_path / "out")["frames"][0]["truth"]
    assert scores["confirmed"]["coverage"] > 0.85
    assert scores["confirmed"]["bad_2"] < 0.06
    assert scores["dense"]["bad_2"] < 0.09
