"""A scan.yaml without depth: pictures alone, with or without poses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import Scan, ScanError
from sceneforge.io import load, read_image

YAML = """format: sceneforge.scan
version: 1
camera: {width: 32, height: 24, fx: 30.0, fy: 30.0, cx: 15.5, cy: 11.5}
color: "color/*.png"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import cv2

    (tmp_path / "color").mkdir()
    for k in range(3):
        cv2.imwrite(str(tmp_path / "color" / f"{k}.png"), np.full((24, 32, 3), 40 * k, np.uint8))
    (tmp_path / "scan.yaml").write_text(YAML)
    return tmp_path


def test_depth_is_zero_everywhere(folder: Path) -> None:
    scan = load(folder)
    assert isinstance(scan, Scan)
    assert len(scan) == 3 and not scan.has_depth and not scan.has_poses
    frame = scan.read(1)
    assert frame.name == "1"
    assert frame.depth.shape == (24, 32) and not frame.depth.any()
    assert any("no depth" in note for note in scan.notes)


@pytest.mark.parametrize("line", ['depth: "depth/*.png"', "depth_unit_m: 0.001"])
def test_half_a_description_of_depth_is_refused(folder: Path, line: str) -> None:
    (folder / "scan.yaml").write_text(YAML + line + "\n")
    with pytest.raises(ScanError, match="both or none"):
        load(folder)


def test_a_picture_can_be_read_alone(folder: Path) -> None:
    assert read_image(folder / "color" / "2.png")[0, 0].tolist() == [80, 80, 80]
