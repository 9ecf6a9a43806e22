"""Prompts -> concept vectors, by a small vocabulary of our own: no model, no download, the same on every machine.

A prompt is cut into word stems; two- and three-word phrases are looked up first, then single words; a word that is not
known is compared with those that are by the character trigrams they share (so "cobblestoned" and "gras" still count).
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np

from sceneforge.core import UsageError
from sceneforge.core.arrays import Float32
from sceneforge.core.errors import SceneForgeWarning

from .concepts import CLASSES, COLORS, GATHERED, NAMES, PHRASES, WEAK, WORDS

FUZZY = 0.55
"""Share of trigrams (Dice) from which an unknown word counts as a misspelt or derived known one."""
SIDE = 0.5
"""Weight of a class that is named beside the main one ("grass with stones")."""
IGNORED = frozenset(
    {"a", "an", "and", "the", "of", "with", "in", "on", "for", "at", "to", "by", "from", "some", "full", "very", "my",
     "our", "like", "as", "into", "under", "over", "made", "covered", "surface", "texture", "floor", "look", "looking",
     "view", "seamless", "realistic", "photo", "style", "that", "is", "are", "it"}
)  # fmt: skip
BESIDE = frozenset({"with", "under", "over", "between", "among", "covered", "full"})
"""Words after which something else than the surface is described."""
MAX_CHARACTERS = 500
ENDINGS = (("ies", "y"), ("ves", "f"), ("es", ""), ("s", ""), ("ed", ""), ("y", ""), ("ish", ""), ("ing", ""))
"""Endings that are cut off, and what is put in their place."""
GATHERING = re.compile(rf"\b(?:{'|'.join(sorted(GATHERED))})s? of\b")
"""The "carpet of" in "a carpet of moss"."""


@dataclass(frozen=True)
class Meaning:
    """What a prompt asks for."""

    vector: Float32
    """(len(NAMES),) float32 in 0..1, in the order of `concepts.NAMES`."""
    kind: str | None
    """The main class; None when the prompt names none we know."""
    unknown: tuple[str, ...]
    """Words that mean nothing to this vocabulary, in order."""

    @property
    def words(self) -> dict[str, float]:
        """Concept -> weight, for those present."""
        return {n: float(w) for n, w in zip(NAMES, self.vector, strict=True) if w > 0}

    @property
    def own(self) -> frozenset[str]:
        """The concepts of the surface itself: all but the colours of what lies in or on it, such as veins."""
        return frozenset(n for n, w in self.words.items() if w > SIDE or n not in COLORS)


def understand_prompt(prompt: str) -> Meaning:
    """Read a prompt such as "lush meadow with small flowers".

    The head of an English noun phrase stands last ("dark oak boards") unless a preposition follows ("boards of oak"),
    so the last class before the first preposition is the main one. Classes beside it in the same phrase say what it is
    made of ("stone paving") and are dropped; those of later phrases ("grass with stones") are mixed in at half weight.

    Raises:
        UsageError: The prompt is empty, or longer than 500 characters.
    """
    if not prompt.strip():
        raise UsageError("the prompt is empty; say what the surface should become, such as 'lush meadow with flowers'")
    if len(prompt) > MAX_CHARACTERS:
        raise UsageError(f"the prompt has {len(prompt)} characters; at most {MAX_CHARACTERS} are read")
    vector = np.zeros(len(NAMES), np.float32)
    classes: list[tuple[int, str]] = []
    weak: list[tuple[int, str]] = []
    unknown: list[str] = []
    for clause, (text, beside) in enumerate(_clauses(GATHERING.sub(" ", prompt.lower()))):
        for word, meaning in _meanings(text, unknown):
            for name in meaning:
                if name in CLASSES:
                    (weak if word in WEAK else classes).append((clause, name))
                else:
                    weight = SIDE if beside and name in COLORS else 1.0
                    vector[NAMES.index(name)] = max(vector[NAMES.index(name)], weight)
    classes = classes or weak
    kind = _head(classes)
    first = min((clause for clause, _ in classes), default=0)
    for clause, name in classes:
        if name == kind or clause > first:
            vector[NAMES.index(name)] = max(vector[NAMES.index(name)], 1.0 if name == kind else SIDE)
    if kind == "wood_floor":  # "boards of oak": the oak is the boards', not something beside them
        vector[NAMES.index("wood")] = 0.0
    vector.flags.writeable = False
    return Meaning(vector, kind, tuple(unknown))


def meaningful(prompt: str) -> Meaning:
    """As `understand_prompt`, but says when a word means nothing here.

    Raises:
        UsageError: Neither a surface nor a colour is named.

    Warns:
        SceneForgeWarning: Some words are not understood.
    """
    meaning = understand_prompt(prompt)
    reason = refusal(meaning, prompt)
    if reason:
        raise UsageError(reason)
    if meaning.unknown:
        warnings.warn(
            f"the painter's vocabulary has no {', '.join(repr(w) for w in meaning.unknown)} (of '{prompt}')",
            SceneForgeWarning,
            stacklevel=3,
        )
    return meaning


def refusal(meaning: Meaning, prompt: str) -> str:
    """Why nothing can be painted after a prompt; empty when something can."""
    if meaning.kind is not None or color_of(meaning) is not None:
        return ""
    return f"nothing in '{prompt}' names a surface this painter knows; it knows {', '.join(CLASSES).replace('_', ' ')}"


def color_of(meaning: Meaning) -> Float32 | None:
    """Mean sRGB (3,) of the colours a prompt gives the surface itself, not the veins or flowers in it; None without."""
    named = [c for c in COLORS if c in meaning.own]
    if not named:
        return None
    mean = np.mean([[int(COLORS[c][i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in named], 0)
    return np.asarray(mean, np.float32)


def stem(word: str) -> str:
    """A word without plural, -ed, -y and the like, as far as the vocabulary needs it."""
    if word in WORDS:
        return word
    for ending, instead in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and word[: -len(ending)] + instead in WORDS:
            return word[: -len(ending)] + instead
    if word.endswith("s") and len(word) > 4 and word[:-1] in _phrase_words():
        return word[:-1]
    return word


def _clauses(prompt: str) -> list[tuple[str, bool]]:
    """The phrases of a prompt, and whether each is about something beside the surface ("with veins", not "of oak")."""
    parts = re.split(r"(\b(?:with|of|in|on|under|over|between|among|made|covered|full|and|at)\b|[,;.:])", prompt)
    out, beside = [(parts[0], False)], False
    for joint, text in zip(parts[1::2], parts[2::2], strict=True):
        beside = joint in BESIDE or (beside and joint in {"of", "in", "and"})
        out.append((text, beside))
    return out


def _head(classes: list[tuple[int, str]]) -> str | None:
    if not classes:
        return None
    first = min(clause for clause, _ in classes)
    return [name for clause, name in classes if clause == first][-1]


def _meanings(text: str, unknown: list[str]) -> list[tuple[str, tuple[str, ...]]]:
    words = [stem(w) for w in re.findall(r"[a-z]+", text)]
    words = [w for i, w in enumerate(words) if w not in IGNORED or (w == "floor" and i > 0)]
    found: list[tuple[str, tuple[str, ...]]] = []
    at = 0
    while at < len(words):
        for size in (3, 2):
            phrase = " ".join(words[at : at + size])
            if len(words) - at >= size and phrase in _phrases():
                found.append((phrase, _phrases()[phrase]))
                at += size
                break
        else:
            meaning = _word(words[at])
            if meaning:
                found.append((words[at], meaning))
            elif words[at] != "floor":
                unknown.append(words[at])
            at += 1
    return found


def _word(word: str) -> tuple[str, ...]:
    if word in WORDS:
        return tuple(WORDS[word].split())
    if len(word) < 4:
        return ()
    mine = _trigrams(word)
    best = max(WORDS, key=lambda w: (_dice(mine, _trigrams(w)), w))
    return tuple(WORDS[best].split()) if _dice(mine, _trigrams(best)) >= FUZZY else ()


@cache
def _phrases() -> dict[str, tuple[str, ...]]:
    kept = {k: [stem(w) for w in k.split() if w not in IGNORED or w == "floor"] for k in PHRASES}
    return {" ".join(kept[k]): tuple(v.split()) for k, v in PHRASES.items()}


@cache
def _phrase_words() -> frozenset[str]:
    return frozenset(w for k in PHRASES for w in k.split())


@cache
def _trigrams(word: str) -> frozenset[str]:
    padded = f"^{word}$"
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


def _dice(a: frozenset[str], b: frozenset[str]) -> float:
    return 2 * len(a & b) / (len(a) + len(b))
