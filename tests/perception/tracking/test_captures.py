"""The tracker on recorded captures, their poses withheld. Skipped where the captures are absent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sceneforge.core import Scan
from sceneforge.evaluation.trajectory import trajectory_error
from sceneforge.io import load
from sceneforge.perception.tracking import track


def capture(root: Path, name: str) -> Scan:
    folder = root / "data" / name
    if not folder.is_dir():
        pytest.skip(f"no capture {folder}")
    scan = load(folder)
    assert isinstance(scan, Scan)
    return scan


def test_five_wide_frames(data_root):
    scan = capture(data_root, "slambook_diningroom")
    found = track(scan)
    error = trajectory_error(found.T_world_camera, [s.T_world_camera for s in scan.sources])
    assert error.coverage == 1 and error.ate_rmse_m < 0.04


@pytest.mark.slow
def test_white_floor_with_few_features(data_root):
    scan = capture(data_root, "tum_fr3_cabinet")
    found = track(scan)
    error = trajectory_error(found.T_world_camera, [s.T_world_camera for s in scan.sources])
    assert error.coverage == 1 and error.ate_rmse_m < 0.03


@pytest.mark.slow
def test_two_captures_in_one_are_told_apart(data_root):
    office, kitchen = capture(data_root, "hololens_office"), capture(data_root, "7scenes_redkitchen")
    mixed = replace(office, sources=office.sources[:12] + kitchen.sources[:12])
    found = track(mixed)
    assert not [f for f in found.fragments if min(f) < 12 <= max(f)]
