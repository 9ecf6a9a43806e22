"""Recipes: what is accepted, and what each mistake is told."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sceneforge.core import LABEL_NAMES, RecipeError, ScanError
from sceneforge.recipe import Recipe, load_recipe, recipe_schema
from sceneforge.rendering.effects import Timeline, effect

HEAD = "format: sceneforge.recipe\nversion: 1\nname: test\nscan: room\n"
ROVER = "content:\n  rover: {model: rover.glb}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "room").mkdir()
    (tmp_path / "rover.glb").write_bytes(b"")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    """What is wrong with a recipe, each as `line:column: text`."""
    path = write(folder, text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


def test_full_recipe(folder: Path) -> None:
    recipe = load_recipe(
        write(
            folder,
            HEAD
            + "seed: 7\ncontent:\n  rover: {model: rover.glb, scale: 2}\nplace:\n"
            + "  - {id: a, content: rover, on: table, facing: camera, yaw_deg: -30, clearance_m: 0}\n"
            + "  - {id: b, content: rover, on: [plane_3, largest_horizontal], near: a}\n"
            + "render: {fps: 24, every: 2, grounding: halo}\n",
        )
    )
    assert recipe.scan == str(folder / "room")
    assert recipe.content["rover"].model == str(folder / "rover.glb")
    assert recipe.content["rover"].scale == 2.0
    assert recipe.place[0].on == ("table",)
    assert recipe.place[0].yaw_deg == -30
    assert recipe.place[1].on == ("plane_3", "largest_horizontal")
    assert recipe.place[1].near == "a"
    assert (recipe.seed, recipe.render.fps, recipe.render.every) == (7, 24.0, 2)
    assert recipe.render.style.grounding == "halo"


def test_effects_become_what_the_renderer_takes(folder: Path) -> None:
    recipe = load_recipe(
        write(
            folder,
            HEAD
            + "effects:\n  - effect: passthrough\n"
            + "  - effect: reveal\n    settings: {color: '#ff8800', start: [0, 1, 2]}\n"
            + "    at: {2s: {radius_m: 6}, 0.5s: {radius_m: 0}}\n    ease: linear\n",
        )
    )
    plain, reveal = (entry.spec for entry in recipe.effects)
    assert (plain.effect, dict(plain.settings), plain.keys) == ("passthrough", {}, ())
    assert dict(reveal.settings) == {"color": (255, 136, 0), "start": (0.0, 1.0, 2.0)}
    assert [(t, dict(v)) for t, v in reveal.keys] == [(0.5, {"radius_m": 0.0}), (2.0, {"radius_m": 6.0})]
    timeline = Timeline(effect("reveal").Settings, reveal)
    assert [timeline.at(t).radius_m for t in (0, 0.5, 1.25, 2, 3)] == [0, 0, 3, 6, 6]
    assert timeline.at(1).color == (255, 136, 0)


def test_defaults(folder: Path) -> None:
    recipe = load_recipe(write(folder, HEAD + ROVER + "place:\n  - {id: a, content: rover}\n"))
    assert recipe.place[0].on == ("table", "floor")
    assert recipe.place[0].clearance_m == 0.02
    assert (recipe.seed, recipe.render.fps, recipe.render.every) == (0, 15.0, 1)


def test_another_scan_than_the_recipes(folder: Path) -> None:
    (folder / "other").mkdir()
    path = write(folder, HEAD.replace("scan: room", "scan: gone"))
    assert load_recipe(path, scan=folder / "other").scan == str(folder / "other")
    with pytest.raises(ScanError, match="nowhere: there is no such file or folder"):
        load_recipe(path, scan=folder / "nowhere")


def test_recipes_are_frozen(folder: Path) -> None:
    recipe = load_recipe(write(folder, HEAD))
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("seed: many", "5:7: seed: expected a whole number, got 'many'"),
        ("seed: -1", "5:7: seed: expected at least 0, got -1"),
        ("seed: true", "5:7: seed: expected a whole number, got True"),
        ("sede: 1", "5:1: unknown key 'sede'; did you mean 'seed'?"),
        ("render: {fps: 0}", "5:15: render.fps: expected at least 1, got 0"),
        ("render: {evrey: 2}", "5:10: render: unknown key 'evrey'; did you mean 'every'?"),
        (
            "render: {grounding: blob}",
            "5:21: render.grounding: there is no 'blob' to choose; choose from drop, halo, traced",
        ),
        ("render: fast", "5:9: render: expected a mapping, got 'fast'"),
        ("seed: 1\nseed: 2", "6:1: seed: the key is there twice, first on line 5"),
        (
            "seed: !!python/name:os.system x",
            "5:7: seed: the tag tag:yaml.org,2002:python/name:os.system is not allowed",
        ),
        ("? [a, b]\n: 1", "5:3: the file: keys must be plain text"),
        ("content: {9x: {model: rover.glb}}", "5:11: content: '9x' is no good name; use letters, digits, _ and -"),
        ("content: {rover: {model: rovr.glb}}", "5:26: content.rover.model: there is no file or folder "),
        ("content: {rover: {scale: 2}}", "5:18: content.rover: 'model' is missing"),
        ("content: {rover: {model: rover.glb, scale: 0}}", "5:44: content.rover.scale: expected more than 0, got 0"),
        ("effects: [{effect: revael}]", "5:20: effects[0].effect: there is no effect 'revael'; did you mean 'reveal'?"),
        ("effects: [{efect: tint}]", "5:11: effects[0]: 'effect' is missing"),
        ("effects: [tint]", "5:11: effects[0]: expected a mapping, got 'tint'"),
        (
            "effects: [{effect: reveal, settings: {radius_m: -1}}]",
            "5:49: effects[0].settings.radius_m: expected at least 0, got -1",
        ),
        (
            "effects: [{effect: reveal, settings: {color: ff8800}}]",
            "5:46: effects[0].settings.color: 'ff8800' is not a colour like '#ff8800'",
        ),
        (
            "effects: [{effect: reveal, settings: {colr: '#fff'}}]",
            "5:39: effects[0].settings: unknown key 'colr'; did you mean 'color'?",
        ),
        (
            "effects: [{effect: reveal, at: {1s: {radius_m: far}}}]",
            "5:48: effects[0].at.1s.radius_m: expected a number, got 'far'",
        ),
        ("effects: [{effect: reveal, at: {soon: {}}}]", "5:33: effects[0].at: 'soon' is not a time"),
        (
            "effects: [{effect: reveal, settings: {start: [1, 2]}}]",
            "5:46: effects[0].settings.start: expected [x, y, z]",
        ),
        (
            "effects: [{effect: tint, settings: {labels: [wal]}}]",
            "5:46: effects[0].settings.labels[0]: there is no 'wal' to choose; did you mean 'wall'?",
        ),
        (
            "effects: [{effect: tint, ease: fast}]",
            "5:32: effects[0].ease: there is no 'fast' to choose; choose from linear, smooth, step",
        ),
        (
            "paint: [{surface: floor, prompt: grass, painter: diffusers}]",
            "5:9: paint[0]: the painter diffusers needs a",
        ),
        ("content: {r: {model: 'sample:no_such'}}", "5:22: content.r.model: no embedded model is called 'no_such'"),
    ],
)
def test_each_mistake_is_named_where_it_is(folder: Path, extra: str, expected: str) -> None:
    found = problems(folder, HEAD + extra + "\n")
    assert any(line.startswith(expected) for line in found), found


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("{id: a, content: rover, on: tabel}", "8:33: place[0].on: 'tabel' is not a label; did you mean 'table'?"),
        ("{id: a, content: rover, on: [floor, flor]}", "8:41: place[0].on[1]: 'flor' is not a label; did you mean"),
        ("{id: a, content: rover, on: []}", "8:33: place[0].on: expected at least one entry, got an empty list"),
        ("{id: a, content: rovre}", "8:22: place[0].content: 'rovre' is not in 'content'; did you mean 'rover'?"),
        ("{id: a, content: rover, near: b}", "8:35: place[0].near: 'b' is not an earlier entry or an id of the scene"),
        (
            "{id: a, content: rover, facing: camra}",
            "8:37: place[0].facing: 'camra' is not camera or an id of the scene",
        ),
        ("{id: a, content: rover, clearance_m: -1}", "8:42: place[0].clearance_m: expected at least 0, got -1"),
        ("{id: a, content: rover, yaw_deg: .inf}", "8:38: place[0].yaw_deg: expected a number, got '.inf'"),
        ("{content: rover}", "8:5: place[0]: 'id' is missing"),
        ("rover", "8:5: place[0]: expected a mapping, got 'rover'"),
    ],
)
def test_each_mistake_in_place_is_named_where_it_is(folder: Path, entry: str, expected: str) -> None:
    found = problems(folder, HEAD + ROVER + f"place:\n  - {entry}\n")
    assert any(line.startswith(expected) for line in found), found


def test_all_problems_at_once_in_file_order(folder: Path) -> None:
    found = problems(
        folder,
        HEAD
        + ROVER
        + "place:\n  - {id: a, content: rover, on: tabel}\n  - {id: a, content: robot}\nrendr: {}\nseed: x\n",
    )
    assert found == [
        "8:33: place[0].on: 'tabel' is not a label; did you mean 'table'?",
        "9:10: place[1].id: 'a' is taken by an earlier entry",
        "9:22: place[1].content: 'robot' is not in 'content'; choose from rover",
        "10:1: unknown key 'rendr'; did you mean 'render'?",
        "11:7: seed: expected a whole number, got 'x'",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: the file is empty"),
        ("- 1\n", "1:1: expected a mapping that starts with 'format: sceneforge.recipe', got a list"),
        ("format: other\n", "1:9: format: expected 'sceneforge.recipe', got 'other'"),
        ("version: 1\n", "1:1: format: expected 'sceneforge.recipe', got nothing"),
        ("format: sceneforge.recipe\nversion: 2\n", "2:10: version: 2 is newer than this SceneForge reads (1)"),
        ("format: sceneforge.recipe\nversion: '1'\n", "2:10: version: expected 1, got '1'"),
        ("a: [1, 2\nb: 3\n", "2:2: not valid YAML: "),
        ("a: 1\n---\nb: 2\n", "2:1: not valid YAML: "),
        ("a: \x07\n", "1:1: not valid YAML: "),
        ("[" * 2000, "1:21: nested deeper than 20 levels"),
    ],
)
def test_files_that_are_no_recipes(folder: Path, text: str, expected: str) -> None:
    found = problems(folder, text)
    assert len(found) == 1
    assert found[0].startswith(expected), found


def test_hostile_aliases_are_bounded(folder: Path) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in range(1, 12):
        bomb += f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]\n"
    assert "more than 20000 values" in problems(folder, HEAD + bomb)[0]
    assert "contains itself" in problems(folder, HEAD + "a: &a [*a]\n")[0]


def test_aliases_are_fine_in_moderation(folder: Path) -> None:
    text = (
        HEAD
        + ROVER
        + "place:\n  - {id: a, content: rover, on: &s [table, floor]}\n  - {id: b, content: rover, on: *s}\n"
    )
    recipe = load_recipe(write(folder, text))
    assert recipe.place[1].on == ("table", "floor")


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "none.yaml")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path)
    (tmp_path / "big.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(RecipeError, match="larger than 1 MB"):
        load_recipe(tmp_path / "big.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: x\nscan: caf\xe9\n")
    with pytest.raises(RecipeError, match=r"latin.yaml:2:1: not UTF-8"):
        load_recipe(tmp_path / "latin.yaml")


_plain: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from([*Recipe.model_fields, "other"]), _plain, max_size=6))
def test_any_yaml_gives_a_recipe_or_a_recipe_error(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("any") / "r.yaml"
    path.write_text(
        yaml.safe_dump({"format": "sceneforge.recipe", "version": 1, "name": "x", **values}), encoding="utf-8"
    )
    with pytest.raises(RecipeError, match=r"r\.yaml:\d+:\d+: "):  # no scan of a random name exists
        load_recipe(path)


def test_schema_file_is_in_step(repository: Path) -> None:
    on_disk = json.loads((repository / "sceneforge" / "recipe.schema.json").read_text(encoding="utf-8"))
    assert on_disk == recipe_schema()
    jsonschema.Draft202012Validator.check_schema(on_disk)


def test_schema_agrees_with_the_reader(folder: Path) -> None:
    schema = recipe_schema()
    good = yaml.safe_load(HEAD + ROVER + 'place:\n  - {id: a, content: rover, "on": [table, plane_1]}\n')
    jsonschema.validate(good, schema)
    for change in (
        {"format": "other"},
        {"version": 2},
        {"seed": -1},
        {"other": 1},
        {"place": [{"id": "a", "content": "rover", "on": "tabel"}]},
        {"place": [{"content": "rover"}]},
        {"render": {"fps": 0}},
        {"render": {"grounding": "blob"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**good, **change}, schema)


@pytest.mark.parametrize("label", [*LABEL_NAMES, "largest_horizontal"])
def test_every_label_is_a_surface(folder: Path, label: str) -> None:
    recipe = load_recipe(write(folder, HEAD + ROVER + f"place: [{{id: a, content: rover, on: {label}}}]\n"))
    assert recipe.place[0].on == (label,)


def test_shipped_recipes_load(repository: Path) -> None:
    from sceneforge.data import demo_recipe

    found = [demo_recipe(), *sorted((repository / "samples" / "recipes").glob("*.yaml"))]
    assert len(found) >= 2
    for path in found:
        assert load_recipe(path).place, path


def test_paint_entries(folder: Path) -> None:
    (folder / "tile.png").write_bytes(b"")
    recipe = load_recipe(
        write(
            folder,
            HEAD
            + "paint:\n  - {surface: floor, prompt: lush grass, region: {radius_m: 1, center: [0.5, -1]}}\n"
            + "  - {surface: plane_3, image: tile.png, image_width_m: 0.6, mpp: 0.005}\n"
            + "  - {surface: ceiling | wall, prompt: night sky}\n",
        )
    )
    grass, tiles, sky = recipe.paint_jobs()
    assert sky.surface == "ceiling|wall"
    assert grass.region is not None and grass.region.center_xz == (0.5, -1.0)
    assert (grass.surface, grass.prompt, grass.painter) == ("floor", "lush grass", "procedural")
    assert tiles.image == str(folder / "tile.png") and tiles.metres_per_pixel == 0.005


def test_paint_mistakes_are_named_where_they_stand(folder: Path) -> None:
    found = problems(
        folder,
        HEAD
        + "paint:\n"
        + "  - {surface: flor, prompt: grass}\n"
        + "  - {surface: floor}\n"
        + "  - {surface: floor, prompt: grass, region: {radius_m: 1, colour: 3}}\n"
        + "  - {surface: floor, prompt: grass, region: {}}\n"
        + "  - {surface: floor, image: missing.png}\n"
        + "  - {surface: floor, prompt: grass, mpp: 0}\n"
        + "  - {surface: ceiling|wal, prompt: grass}\n",
    )
    assert [line.split(":")[0] for line in found] == ["6", "7", "8", "9", "10", "11", "12"]
    told = ("'flor' is not a label", "prompt", "unknown key 'colour'", "radius_m or polygon", "missing.png", "0.0005",
            "'wal' is not a label")  # fmt: skip
    for line, words in zip(found, told, strict=True):
        assert words in line
