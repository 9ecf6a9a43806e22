"""`sceneforge evaluate painter`: do painters make what was asked for, like photographs, without seams or repeats?"""

from __future__ import annotations

import hashlib
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import UsageError
from sceneforge.core.arrays import UInt8
from sceneforge.generative import load_painter
from sceneforge.generative.backends.embedded import LOOSE
from sceneforge.generative.photographs import photographs
from sceneforge.generative.text import understand_prompt
from sceneforge.generative.windows import WINDOW, grid, shifts

from .painter_features import SIDE, Probe, features, kid, repetition, seam_score
from .painter_prompts import prompts

PAINTERS = ("procedural", "embedded")
LEAST_HELD = 6
"""Classes with fewer photographs held out get no KID."""
SCALE_M = 0.010
"""Metres per pixel of what is painted: about that of the photographs."""
ALIKE = (
    {"grass", "meadow", "moss", "leaves"}, {"starfield", "milkyway", "nebula"}, {"wood", "wood_floor"},
    {"rock", "stone_paving"}, {"ground", "sand", "gravel", "cracked"}, {"ice", "snow"}, {"plaster", "concrete"},
)  # fmt: skip
"""Classes that no probe could be blamed for confusing; counted apart as "near"."""


def evaluate(
    *,
    data: Path | None = None,
    seed: int = 0,
    painters: tuple[str, ...] = PAINTERS,
    each: int = 6,
    asked: int = 100,
) -> dict[str, Any]:
    """Measure painters against photographs in `data` (a folder per class, and index.json).

    Args:
        data: The photographs; those held out from training are compared with, the others train the probe.
        seed: Of the painters.
        painters: Names.
        each: Pictures per class and painter for KID.
        asked: How many of the hundred prompts are painted, spread evenly; text is always measured on all.

    Returns:
        {"name", "metrics", "cases"}; per painter: KID x 1000 by class and mean (with that of training photographs and
        of such a photograph tiled, as bounds), accuracy of the probe on painted prompts, seam score at window
        borders, repetition, CPU seconds and memory.

    Raises:
        UsageError: No data is given.
        MissingExtra: torch or the feature weights are not installed.
    """
    if data is None:
        raise UsageError("`evaluate painter` needs photographs to compare with; pass --data FOLDER with index.json")
    import torch

    torch.set_num_threads(1)
    seen = [(k, _fit(i)) for _, k, i, _ in photographs(data, held=False)]
    held = [(k, _fit(i)) for _, k, i, _ in photographs(data, held=True)]
    x_seen, x_held = features([i for _, i in seen]), features([i for _, i in held])
    kinds_seen, kinds_held = [k for k, _ in seen], [k for k, _ in held]
    probe = Probe(x_seen, kinds_seen)
    classes = sorted(k for k, n in Counter(kinds_held).items() if n >= LEAST_HELD)
    metrics: dict[str, Any] = {
        "probe_accuracy_held": float((probe.rank(x_held, kinds_held) == 0).mean()),
        "photographs": {"seen": len(seen), "held": len(held), "classes_with_kid": len(classes)},
        "text": _text(),
    }
    rng = np.random.default_rng(seed)
    bounds: dict[str, dict[str, float]] = {"photographs": {}, "nearest_tile": {}}
    for kind in classes:
        truth = x_held[[k == kind for k in kinds_held]]
        own = np.flatnonzero([k == kind for k in kinds_seen])
        drawn = rng.choice(own, min(len(own), 4 * each), replace=False)
        bounds["photographs"][kind] = kid(x_seen[drawn], truth)
        tiles = [_tiled(seen[i][1]) for i in drawn[:each]]
        bounds["nearest_tile"][kind] = kid(features(tiles), truth)
    metrics["kid"] = {name: {"mean": _mean(v), "by_class": v} for name, v in bounds.items()}
    tile = _tiled(seen[int(np.flatnonzero([k == "grass" for k in kinds_seen])[0])][1], 3)
    metrics["repetition"] = {"nearest_tile": repetition(tile, 40)}
    for name in painters:
        painter = load_painter(name, threads=1) if name == "embedded" else load_painter(name)
        made = {k: [_paint(painter, k.replace("_", " "), seed * 1000 + i) for i in range(each)] for k in classes}
        by_class = {k: kid(features(v), x_held[[h == k for h in kinds_held]]) for k, v in made.items()}
        metrics["kid"][name] = {"mean": _mean(by_class), "by_class": by_class}
        metrics.setdefault("prompts", {})[name] = _prompts(painter, probe, seed, asked)
        metrics.setdefault("surface", {})[name] = _surface(painter, seed)
        metrics["repetition"][name] = metrics["surface"][name].pop("repetition")
    metrics["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"name": "painter", "metrics": metrics, "cases": [{"seed": seed, "scale_m": SCALE_M, "each": each}]}


def _paint(painter: Any, prompt: str, seed: int, side: int = SIDE, scale: float = SCALE_M) -> UInt8:
    blank = np.full((side, side, 3), 127, np.uint8)
    made: UInt8 = painter.paint(blank, np.ones((side, side), bool), prompt, scale, seed)
    return made


def _fit(image: UInt8) -> UInt8:
    """The middle of a photograph at 128 x 128 pixels; large ones are shrunk to about 256 first."""
    import cv2

    while min(image.shape[:2]) >= 2 * 2 * SIDE:
        image = np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    h, w = image.shape[:2]
    if min(h, w) < SIDE:
        return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)
    top, left = (h - SIDE) // 2, (w - SIDE) // 2
    return np.ascontiguousarray(image[top : top + SIDE, left : left + SIDE])


def _tiled(image: UInt8, times: int = 2) -> UInt8:
    """A photograph repeated, as a floor laid with it shows it; for KID at the size of the others."""
    import cv2

    laid = np.tile(image, (times, times, 1))
    return laid if times > 2 else np.asarray(cv2.resize(laid, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _text() -> dict[str, float]:
    """Share of the hundred prompts whose class the vocabulary finds."""
    right = [(understand_prompt(text).kind == kind, hidden) for text, kind, hidden in prompts()]
    return {
        "plain": float(np.mean([r for r, hidden in right if not hidden])),
        "paraphrased": float(np.mean([r for r, hidden in right if hidden])),
    }


def _prompts(painter: Any, probe: Probe, seed: int, asked: int) -> dict[str, Any]:
    """Whether the probe recognises what prompts asked for."""
    known = [p for p in prompts() if p[1] in probe.names]
    chosen = [known[i] for i in np.linspace(0, len(known) - 1, min(asked, len(known))).round().astype(int)]
    pictures, kinds, hidden = [], [], []
    for i, (text, kind, paraphrased) in enumerate(chosen):
        if understand_prompt(text).kind is None:
            pictures.append(np.full((SIDE, SIDE, 3), 127, np.uint8))  # refused: counts as wrong
        else:
            pictures.append(_paint(painter, text, seed * 1000 + i))
        kinds.append(kind)
        hidden.append(paraphrased)
    x = features(pictures)
    rank = probe.rank(x, kinds)
    best = [probe.names[i] for i in probe.scores(x).argmax(1)]
    near = [b == k or any(b in group and k in group for group in ALIKE) for b, k in zip(best, kinds, strict=True)]
    hide = np.array(hidden)
    return {
        "asked": len(chosen),
        "right": float((rank == 0).mean()),
        "right_or_alike": float(np.mean(near)),
        "in_first_five": float((rank < 5).mean()),
        "plain": float((rank[~hide] == 0).mean()),
        "paraphrased": float((rank[hide] == 0).mean()) if hide.any() else None,
    }


def _surface(painter: Any, seed: int) -> dict[str, Any]:
    """A floor of 3.84 m x 2.56 m at 10 mm: seams at window borders, repetition, time, same bytes."""
    blank = np.full((256, 384, 3), 127, np.uint8)
    whole = np.ones((256, 384), bool)
    started = time.process_time()
    made = painter.paint(blank, whole, "grass", SCALE_M, seed)
    seconds = time.process_time() - started
    firsts = grid(384, False, shifts(seed, len(LOOSE.steps))[-1][1])  # of the last step, whose windows show most
    borders = sorted({b for k in firsts for b in (k, k + WINDOW) if 0 < b < 384})
    again = painter.paint(blank, whole, "grass", SCALE_M, seed)
    return {
        "seam_score": seam_score(made, borders),
        "repetition": repetition(made, 40),
        "cpu_seconds_per_megapixel": seconds / (256 * 384) * 1e6,
        "same_bytes": hashlib.sha256(made.tobytes()).digest() == hashlib.sha256(again.tobytes()).digest(),
    }


def _mean(values: dict[str, float]) -> float:
    return float(np.mean(list(values.values())))
