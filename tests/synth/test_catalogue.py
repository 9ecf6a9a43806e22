"""Catalogue models stand in for built-in furniture only where they fit and are free."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh

from sceneforge.core.errors import InputError
from sceneforge.synth.catalogue import Catalogue, load_item
from sceneforge.synth.layout import furnish
from sceneforge.synth.materials import Material


def _catalogue(folder: Path, license_: str, size: tuple[float, float, float]) -> Path:
    width, depth, height = size
    table = trimesh.creation.box((width, height, depth))
    table.apply_translation((0, height / 2, 0))
    table.visual.face_colors = (200, 40, 40, 255)
    (folder / "box.glb").write_bytes(trimesh.Scene(table).export(file_type="glb"))
    record = {
        "path": "box.glb",
        "semantic": "table",
        "license": license_,
        "dims_wdh_m": list(size),
        "author": "a",
        "source": "s",
    }
    (folder / "index.json").write_text(json.dumps([record]))
    return folder


@pytest.mark.parametrize(
    ("license_", "size", "taken"),
    [("CC0-1.0", (1.1, 0.6, 0.45), True), ("CC-BY-4.0", (1.1, 0.6, 0.45), False), ("CC0-1.0", (1.1, 0.6, 0.9), False)],
)
def test_only_free_models_of_the_right_size_are_used(
    tmp_path: Path, license_: str, size: tuple[float, float, float], taken: bool
) -> None:
    materials: dict[str, Material] = {}
    shop = Catalogue(_catalogue(tmp_path, license_, size), 0, 0.3, materials)
    layout = furnish("living_room", 0, 0.3, shop)
    table = next(i for i in layout.items if i.name == "coffee_table")
    assert (table.parts[0].material in materials) == taken
    assert [u["path"] for u in shop.used] == (["box.glb"] if taken else [])
    if taken:
        (top,) = table.surfaces
        assert top.label == "table" and top.corners[:, 1] == pytest.approx(0.45)
        bowl = next(i for i in layout.items if i.name == "bowl")
        assert bowl.T_world_item[1, 3] == pytest.approx(0.45 + table.T_world_item[1, 3])


def test_models_are_split_finely_and_keep_their_area_and_colour(tmp_path: Path) -> None:
    _catalogue(tmp_path, "CC0-1.0", (1.0, 0.5, 0.4))
    materials: dict[str, Material] = {}
    part = load_item(tmp_path / "box.glb", "thing", "other", 0.1, materials).parts[0]
    a, b, c = (part.vertices[part.faces[:, i]] for i in range(3))
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 == pytest.approx(2 * (0.5 + 0.4 + 0.2))
    assert max(np.linalg.norm(p - q, axis=1).max() for p, q in ((a, b), (b, c), (c, a))) <= 0.1
    red, green, _ = materials[part.material].albedo[0, 0]
    assert red > 10 * green


def test_a_broken_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.glb").write_bytes(b"glTF nonsense")
    with pytest.raises(InputError, match=r"bad\.glb"):
        load_item(tmp_path / "bad.glb", "thing", "other", 0.1, {})
