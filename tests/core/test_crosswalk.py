"""The label crosswalk: total, consistent, tolerant in spelling, and in step with its page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sceneforge.core import InputError, Label, Plane, Scene, UsageError
from sceneforge.core.crosswalk import VOCABULARIES, Crosswalk, labels_markdown, vocabulary_names
from sceneforge.core.vocabulary import NEAREST

DOCS = Path(__file__).parents[2] / "docs"
CROSSWALK = Crosswalk()


def names_of(vocabulary: str) -> list[str]:
    v = VOCABULARIES[vocabulary]
    return [*v.exact, *v.lossy, *v.others]


@pytest.mark.parametrize("vocabulary", vocabulary_names())
class TestEveryVocabulary:
    def test_every_label_has_a_name_of_the_vocabulary(self, vocabulary: str) -> None:
        for label in Label:
            mapping = CROSSWALK.to_platform(label, vocabulary)
            assert mapping.label is label
            assert mapping.name in names_of(vocabulary)

    def test_every_name_has_a_label(self, vocabulary: str) -> None:
        for name in names_of(vocabulary):
            assert CROSSWALK.from_platform(name, vocabulary).name == name

    def test_exact_cells_survive_the_round_trip(self, vocabulary: str) -> None:
        exact = [m for m in (CROSSWALK.to_platform(label, vocabulary) for label in Label) if m.exact]
        assert len(exact) == len(VOCABULARIES[vocabulary].exact)
        for mapping in exact:
            assert CROSSWALK.from_platform(mapping.name, vocabulary) == mapping

    def test_lossy_cells_never_come_back_as_exact(self, vocabulary: str) -> None:
        for label in Label:
            there = CROSSWALK.to_platform(label, vocabulary)
            back = CROSSWALK.from_platform(there.name, vocabulary)
            assert there.exact == (back.exact and back.label is label)

    def test_names_differ_in_more_than_spelling(self, vocabulary: str) -> None:
        v = VOCABULARIES[vocabulary]
        folded = ["".join(c for c in n.casefold() if c.isalnum()) for n in (*names_of(vocabulary), *v.aliases)]
        assert len(set(folded)) == len(folded)

    def test_case_and_spacing_do_not_matter(self, vocabulary: str) -> None:
        for name in names_of(vocabulary):
            expected = CROSSWALK.from_platform(name, vocabulary)
            for variant in (name.upper(), f" {name.lower()} ", name.replace("_", " "), name.replace(" ", "-")):
                assert CROSSWALK.from_platform(variant, vocabulary) == expected

    def test_an_unknown_name_is_refused_with_the_choices(self, vocabulary: str) -> None:
        with pytest.raises(InputError) as caught:
            CROSSWALK.from_platform("flux capacitor", vocabulary)
        title, names = VOCABULARIES[vocabulary].title, ", ".join(names_of(vocabulary))
        assert str(caught.value) == (
            f"{title} has no label 'flux capacitor'; expected one of {names}. "
            f"Name its meaning in an override file: {{{vocabulary}: {{flux capacitor: other}}}}"
        )

    def test_declared_stand_ins_exist(self, vocabulary: str) -> None:
        v = VOCABULARIES[vocabulary]
        assert {v.rest, *v.nearest.values(), *v.aliases.values()} <= set(names_of(vocabulary))
        assert not set(v.nearest) & set(v.exact.values()), "a label with an exact name needs no stand-in"


@pytest.mark.parametrize(
    ("label", "vocabulary", "name", "exact"),
    [
        (Label.WALL, "meta_mruk", "WALL_FACE", True),
        (Label.DESK, "meta_mruk", "TABLE", False),
        (Label.VIRTUAL_WALL, "meta_mruk", "INVISIBLE_WALL_FACE", True),
        (Label.WALL_ART, "webxr", "wall art", True),
        (Label.COUCH, "arkit", "seat", False),
        (Label.SCREEN, "visionos", "tv", False),
        (Label.WASHER_DRYER, "roomplan", "washerDryer", True),
        (Label.PLANT, "roomplan", "storage", False),
        (Label.COUCH, "ar_foundation", "Couch", True),
        (Label.DOOR, "openxr_ext", "wall", False),
        (Label.TABLE, "openxr_msft", "platform", False),
        (Label.PERSON, "openxr_bd", "human", True),
        (Label.UNLABELLED, "android_xr", "unknown", False),
        (Label.REFRIGERATOR, "nyu40", "refridgerator", True),
        (Label.DOOR, "nyu13", "wall", False),
        (Label.SHELF, "scannet20", "bookshelf", False),
        (Label.TRASH_CAN, "ade20k", "ashcan", True),
        (Label.TABLE, "coco", "dining table", False),
    ],
)
def test_known_cells(label: Label, vocabulary: str, name: str, exact: bool) -> None:
    mapping = CROSSWALK.to_platform(label, vocabulary)
    assert (mapping.name, mapping.exact) == (name, exact)


@pytest.mark.parametrize(
    ("name", "vocabulary", "label", "exact"),
    [
        ("DESK", "meta_mruk", Label.DESK, False),
        ("SeatOfAnyType", "ar_foundation", Label.SEAT, False),
        ("inferred", "openxr_msft", Label.UNLABELLED, False),
        ("refrigerator", "nyu40", Label.REFRIGERATOR, True),
        ("chest of drawers", "ade20k", Label.CABINET, False),
        ("sky", "ade20k", Label.OTHER, False),
        ("zebra", "coco", Label.OTHER, False),
    ],
)
def test_known_names(name: str, vocabulary: str, label: Label, exact: bool) -> None:
    mapping = CROSSWALK.from_platform(name, vocabulary)
    assert (mapping.label, mapping.exact) == (label, exact)


@pytest.mark.parametrize(
    ("vocabulary", "count"), [("nyu40", 41), ("nyu13", 14), ("scannet20", 21), ("ade20k", 151), ("coco", 81)]
)
def test_benchmarks_are_complete(vocabulary: str, count: int) -> None:
    assert len(names_of(vocabulary)) == count  # all classes and the background


def test_nyu40_goes_to_nyu13_as_the_benchmark_reduces_it() -> None:
    reduction = {
        **dict.fromkeys(("wall", "door"), "wall"),
        **dict.fromkeys(("floor", "floor mat"), "floor"),
        **dict.fromkeys(("cabinet", "bookshelf", "counter", "shelves", "dresser", "refridgerator"), "furniture"),
        **dict.fromkeys(("window", "blinds", "curtain"), "window"),
        **dict.fromkeys(("table", "desk"), "table"),
        **dict.fromkeys(("pillow", "mirror", "clothes", "towel", "box", "whiteboard", "person", "lamp"), "objects"),
        "bed": "bed",
        "books": "books",
        "ceiling": "ceiling",
        "chair": "chair",
        "sofa": "sofa",
        "picture": "picture",
        "television": "tv",
    }
    for name, reduced in reduction.items():
        label = CROSSWALK.from_platform(name, "nyu40").label
        assert CROSSWALK.to_platform(label, "nyu13").name == reduced, name


def test_nearest_labels_are_other_labels() -> None:
    assert all(label not in nearest and nearest for label, nearest in NEAREST.items())


def test_an_unknown_vocabulary_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no vocabulary 'mruk'. Choose one of: meta_mruk, webxr"):
        CROSSWALK.to_platform(Label.WALL, "mruk")


class TestOverrides:
    @pytest.mark.parametrize("suffix", [".yaml", ".json"])
    def test_names_are_redirected_and_added(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"labels{suffix}"
        path.write_text(json.dumps({"meta_mruk": {"storage": "shelf", "AQUARIUM": "box"}, "planes": {"p": "desk"}}))
        crosswalk = CROSSWALK.with_overrides(path)
        storage = crosswalk.from_platform("STORAGE", "meta_mruk")
        assert (storage.label, storage.name, storage.exact) == (Label.SHELF, "STORAGE", False)
        assert crosswalk.from_platform("aquarium", "meta_mruk").label is Label.BOX
        assert not crosswalk.to_platform(Label.STORAGE, "meta_mruk").exact, "it no longer comes back as storage"
        assert crosswalk.from_platform("STORAGE", "roomplan").label is Label.STORAGE, "other vocabularies keep theirs"
        assert crosswalk.planes == {"p": Label.DESK}
        assert CROSSWALK.from_platform("STORAGE", "meta_mruk").exact, "the original is untouched"

    def test_confirming_a_name_keeps_it_exact(self, tmp_path: Path) -> None:
        path = tmp_path / "labels.yaml"
        path.write_text("arkit: {seat: seat}\n")
        crosswalk = CROSSWALK.with_overrides(path)
        assert crosswalk.from_platform("seat", "arkit").exact
        assert crosswalk.to_platform(Label.SEAT, "arkit").exact

    def test_later_files_win(self, tmp_path: Path) -> None:
        for name, label in (("a.yaml", "table"), ("b.yaml", "desk")):
            (tmp_path / name).write_text(f"webxr: {{other: {label}}}\nplanes: {{plane_1: {label}}}\n")
        crosswalk = CROSSWALK.with_overrides(tmp_path / "a.yaml").with_overrides(tmp_path / "b.yaml")
        assert crosswalk.from_platform("other", "webxr").label is Label.DESK
        assert crosswalk.planes["plane_1"] is Label.DESK

    def test_an_empty_file_changes_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "labels.yaml").write_text("# nothing yet\n")
        assert CROSSWALK.with_overrides(tmp_path / "labels.yaml").planes == {}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("mruk: {A: table}", "unknown section 'mruk'; expected planes, meta_mruk"),
            ("webxr: {desk: tabel}", "webxr: desk: 'tabel' is no label; expected one of unlabelled, floor"),
            ("webxr: [desk]", "section 'webxr' is list; expected names with labels"),
            ("[1, 2]", "holds a list"),
            ("a: [", "not valid YAML"),
        ],
    )
    def test_mistakes_are_named(self, tmp_path: Path, text: str, message: str) -> None:
        path = tmp_path / "labels.yaml"
        path.write_text(text)
        with pytest.raises(InputError) as caught:
            CROSSWALK.with_overrides(path)
        assert message in str(caught.value)
        assert str(path) in str(caught.value)

    def test_planes_are_relabelled(self) -> None:
        square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        planes = tuple(Plane(f"plane_{i}", Label.OTHER, 0.4, np.eye(4), square, scores={"other": 0.4}) for i in (0, 1))
        scene = Crosswalk(planes={"plane_1": Label.TABLE}).relabelled(Scene(planes=planes))
        assert [p.label for p in scene.planes] == [Label.OTHER, Label.TABLE]
        assert scene.planes[1].confidence == 1.0
        assert scene.planes[1].scores == {"table": 1.0}
        with pytest.raises(InputError, match="planes the scene does not have: plane_9; expected ids among plane_0"):
            Crosswalk(planes={"plane_9": Label.TABLE}).relabelled(scene)


def test_the_page_is_in_step_with_the_code() -> None:
    written = (DOCS / "labels.md").read_text(encoding="utf-8")
    assert written == labels_markdown(), "run: python -m sceneforge.core.crosswalk docs/labels.md"
