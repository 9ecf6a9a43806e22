"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder with `data/` (recorded captures) and `assets/` (models, textures).

    The environment variable SCENEFORGE_DATA names it; without it, `../shared` beside the checkout. None of it is part
    of the project, so a test that needs it is skipped where it is absent.
    """
    root = Path(os.environ.get("SCENEFORGE_DATA", REPOSITORY.parent / "shared"))
    if not (root / "data").is_dir():
        pytest.skip(f"no recorded captures in {root}; set SCENEFORGE_DATA to the folder that holds data/ and assets/")
    return root
