"""The environment map's files give back what was written."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sceneforge.core import EnvironmentMap, Scene, SceneFileError, UsageError
from sceneforge.export import export
from sceneforge.io.scene_folder import read_environment


def _scene() -> Scene:
    rng = np.random.default_rng(0)
    radiance = np.exp(rng.normal(size=(16, 32, 3)) * 2).astype(np.float32)
    radiance[3, 4] = 0
    return Scene(environment=EnvironmentMap(np.array([1.0, 2, 3]), radiance, rng.random((16, 32)).astype(np.float32)))


def test_npz_gives_back_the_same_bits(tmp_path: Path) -> None:
    scene = _scene()
    export(scene, tmp_path / "environment.npz")
    again = read_environment(tmp_path / "environment.npz")
    assert scene.environment is not None
    assert again.radiance.tobytes() == scene.environment.radiance.tobytes()
    assert again.observed.tobytes() == scene.environment.observed.tobytes()
    assert again.position.tolist() == [1, 2, 3]
    export(scene, tmp_path / "b" / "environment.npz")
    assert (tmp_path / "environment.npz").read_bytes() == (tmp_path / "b" / "environment.npz").read_bytes()


def test_hdr_is_read_by_others_to_its_precision(tmp_path: Path) -> None:
    scene = _scene()
    export(scene, tmp_path / "room.hdr")
    read = cv2.imread(str(tmp_path / "room.hdr"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    assert scene.environment is not None
    largest = scene.environment.radiance.max(axis=2, keepdims=True)
    assert (np.abs(read - scene.environment.radiance) <= largest / 128).all()


def test_a_scene_without_light_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no environment map"):
        export(Scene(), tmp_path / "environment.npz")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "environment.npz"
    path.write_bytes(b"PK\x03\x04 no")
    with pytest.raises(SceneFileError, match=r"environment\.npz"):
        read_environment(path)
    np.savez(path, position=np.zeros(3), radiance=np.full((4, 8, 3), np.nan), observed=np.zeros((4, 8)))
    with pytest.raises(SceneFileError, match="finite"):
        read_environment(path)
    np.savez(path, position=np.zeros(3), radiance=np.zeros((4, 8, 2)), observed=np.zeros((4, 8)))
    with pytest.raises(SceneFileError, match="no environment map"):
        read_environment(path)
