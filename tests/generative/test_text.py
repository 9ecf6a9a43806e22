"""Prompts mean what people mean by them."""

from __future__ import annotations

import pytest

from sceneforge.core import UsageError
from sceneforge.core.errors import SceneForgeWarning
from sceneforge.generative import understand_prompt
from sceneforge.generative.concepts import CLASSES, COLORS, NAMES, PHRASES, WORDS
from sceneforge.generative.text import color_of, meaningful


@pytest.mark.parametrize(
    ("prompt", "kind", "also"),
    [
        ("lush meadow with small flowers", "meadow", {"flowers", "lush", "small"}),
        ("dark oak boards", "wood_floor", {"dark", "brown"}),
        ("boards of dark oak", "wood_floor", {"dark"}),
        ("night sky full of stars", "starfield", set()),
        ("starry ceiling", "starfield", set()),
        ("cracked desert", "cracked", {"dry"}),
        ("a carpet of moss", "moss", set()),
        ("sea of clouds", "clouds", set()),
        ("old cobblestoned street", "stone_paving", {"old"}),
        ("grass with stones", "grass", {"rock"}),
        ("GRASSY Lawns!", "grass", set()),
        ("gras", "grass", set()),
    ],
)
def test_prompts_are_understood(prompt: str, kind: str, also: set[str]) -> None:
    meaning = understand_prompt(prompt)
    assert meaning.kind == kind
    assert also <= set(meaning.words)


@pytest.mark.parametrize("prompt", ["stone paving", "marble tiles", "dark oak boards", "brick wall"])
def test_what_a_thing_is_made_of_is_no_second_surface(prompt: str) -> None:
    assert len(set(CLASSES) & set(understand_prompt(prompt).words)) == 1


@pytest.mark.parametrize(
    ("prompt", "own"),
    [
        ("white marble with black veins", {"white"}),
        ("black marble with white veins", {"black"}),
        ("meadow with red flowers", set()),
        ("boards of dark oak", {"brown"}),
        ("tiles in blue", {"blue"}),
    ],
)
def test_a_surface_has_its_own_colour_not_that_of_what_is_in_it(prompt: str, own: set[str]) -> None:
    meaning, plain = understand_prompt(prompt), understand_prompt(" ".join(sorted(own)) or "sand")
    mine, theirs = color_of(meaning), color_of(plain)
    assert (mine is None and not own) or (mine == theirs).all()


def test_every_word_means_concepts_that_exist() -> None:
    for text in (*WORDS.values(), *PHRASES.values()):
        assert set(text.split()) <= set(NAMES), text
    assert len(set(NAMES)) == len(NAMES)


def test_every_class_and_color_can_be_asked_for_by_name() -> None:
    for name in CLASSES:
        assert understand_prompt(name.replace("_", " ")).kind == name
    for name in COLORS:
        assert name in understand_prompt(f"{name} tiles").words


def test_a_colour_is_the_mean_of_those_named() -> None:
    white, black, both = (color_of(understand_prompt(f"{p} tiles")) for p in ("white", "black", "black and white"))
    assert white is not None and black is not None and both is not None
    assert both == pytest.approx((white + black) / 2)
    assert color_of(understand_prompt("tiles")) is None


def test_nonsense_is_refused_and_unknown_words_are_named() -> None:
    with pytest.raises(UsageError, match="nothing in 'qqqq zzzz'"):
        meaningful("qqqq zzzz")
    with pytest.warns(SceneForgeWarning, match="'zzzz'"):
        meaningful("zzzz grass")
    with pytest.raises(UsageError, match="empty"):
        understand_prompt("  ")
    with pytest.raises(UsageError, match="at most 500"):
        understand_prompt("grass " * 200)
