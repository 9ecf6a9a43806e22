"""Tubes that depth looks through stay before the paint; boards, sun, shadows and patterns do not become tubes."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.core.color import TO_LINEAR
from sceneforge.rendering.frame_border import blank_border
from sceneforge.rendering.painted_clutter import clutter

H, W = 240, 360
TUBE = (slice(100, 105), slice(120, 262))  # a runner on the floor, from the chair leftwards
CHAIR = (slice(60, 160), slice(262, 330))


def floor(kind: str, seed: int = 0) -> np.ndarray:
    """sRGB of a floor seen from above, a dark chair on it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:H, :W]
    color = np.full((H, W, 3), (150.0, 105.0, 65.0))
    if kind == "boards":
        color *= (0.9 + 0.1 * ((y // 24) % 2))[..., None]
        color[y % 24 == 0] *= 0.6
    elif kind == "rug":
        color[((x // 6) + (y // 6)) % 2 == 0] = (40, 60, 130)
        color[((x // 12) + (y // 12)) % 3 == 0] = (220, 215, 200)
    color *= rng.normal(1, 0.04, (H, W, 1))
    color[CHAIR] = (25, 25, 28)
    return np.clip(color, 0, 255)


def seen(color: np.ndarray, expected: np.ndarray | None = None) -> np.ndarray:
    matte = np.ones((H, W), np.float32)
    matte[CHAIR] = 0
    expected = np.zeros((H, W, 4), np.float32) if expected is None else expected
    return clutter(color.round().astype(np.uint8), matte, matte < 0.1, expected)


@pytest.mark.parametrize("tone", [(210, 212, 215), (22, 22, 24), (95, 98, 104)], ids=["chrome", "black", "grey"])
@pytest.mark.parametrize("kind", ["plain", "boards"])
def test_tubes_are_kept(kind: str, tone: tuple[int, int, int]) -> None:
    color = floor(kind)
    color[TUBE] = tone
    found = seen(color)
    assert found[TUBE].mean() > 0.85
    found[96:109, 116:266] = 0
    assert found.mean() < 0.002


@pytest.mark.parametrize("kind", ["plain", "boards", "rug"])
def test_floors_alone_hold_no_tubes(kind: str) -> None:
    assert seen(floor(kind)).mean() < 0.002


def test_light_is_no_thing() -> None:
    color = floor("boards")
    color[TUBE] = np.clip(color[TUBE] * 1.6, 0, 255)  # a stripe of sun that starts at the chair
    color[130:136, 120:262] *= 0.62  # a leg's shadow
    assert seen(color).mean() < 0.004


def test_blown_out_sun_is_no_thing() -> None:
    color = floor("plain")
    color[TUBE] = (255, 250, 205)  # so bright that the wood's colour is lost
    assert seen(color).mean() < 0.004


def test_what_hangs_together_with_nothing_is_the_floor_s_own() -> None:
    color = floor("plain")
    color[20:26, 40:160] = (230, 230, 230)  # a tape on the floor
    assert seen(color).mean() < 0.002


def test_far_shadows_are_thicker_than_tubes() -> None:
    color = floor("plain")
    color[TUBE] = (40, 42, 60)
    matte = np.ones((H, W), np.float32)
    matte[CHAIR] = 0
    unknown = np.zeros((H, W, 4), np.float32)
    for pixels_per_metre, kept in ((200.0, True), (40.0, False)):  # five pixels are 2.5 cm, or 12
        metre = np.full((H, W), pixels_per_metre, np.float32)
        found = clutter(color.round().astype(np.uint8), matte, matte < 0.1, unknown, metre)
        assert (found[TUBE].mean() > 0.85) == kept


def test_blank_borders_are_found_and_windows_are_not() -> None:
    rng = np.random.default_rng(1)
    color = rng.integers(30, 200, (H, W, 3)).astype(np.uint8)
    assert blank_border(color) is None
    slanted = color.copy()
    for x in range(W):
        slanted[H - 3 - x // 90 :, x] = 255
    found = blank_border(slanted)
    assert found is not None
    white = (slanted == 255).all(axis=2)
    assert found[white].all()
    assert found.sum() < white.sum() + 2 * W + 20  # the mixed pixel beside it, no more
    window = color.copy()
    window[:60, 100:300] = 255  # blown out, at the picture's rim, and much too deep for a strip
    assert blank_border(window) is None
    dark = color.copy()
    dark[:, :4] = 0
    left = blank_border(dark)
    assert left is not None and left[:, :4].all() and left.sum() <= 6 * H


def bare(color: np.ndarray, known: float = 0.9) -> np.ndarray:
    """What other frames say of the floor."""
    expected = np.full((H, W, 4), np.float32(known))
    expected[..., :3] = TO_LINEAR[color.round().astype(np.uint8)]
    return expected


def test_what_all_frames_show_on_the_floor_is_the_floor_s_own() -> None:
    color = floor("plain")
    color[TUBE] = (215, 215, 220)  # a white strip in the floor that leads up to the chair
    assert seen(color, bare(color)).mean() < 0.002
    assert seen(color, bare(color, known=0.2))[TUBE].mean() > 0.85, "where they do not agree it counts for nothing"
    brighter = np.clip(1.25 * color, 0, 255)
    assert seen(brighter, bare(color)).mean() < 0.002, "more light is no other colour"


def test_tubes_differ_from_what_other_frames_show() -> None:
    color = floor("plain")
    before = bare(color)
    color[TUBE] = (95, 98, 104)
    assert seen(color, before)[TUBE].mean() > 0.85


def bordered(agreement_of_line: float) -> tuple[np.ndarray, np.ndarray]:
    """A rug in the left half, boards beside it, and a dark line between them that runs to the chair; and what other
    frames show of it, who agree little on thin dark lines."""
    color = np.where((np.arange(W) < 180)[None, :, None], floor("rug"), floor("boards", 1))
    line = (slice(20, 220), slice(180, 186))
    color[line] = (30, 38, 70)
    color[60:160, 186:262] = color[60:160, 262:338] = (25, 25, 28)  # the chair reaches the line
    bare = np.where((np.arange(W) < 180)[None, :, None], floor("rug", 2), floor("boards", 3))
    bare[line] = (40, 48, 80)
    expected = np.dstack([TO_LINEAR[bare.round().astype(np.uint8)], np.full((H, W), 0.95, np.float32)])
    expected[line[0], 178:188, 3] = agreement_of_line
    return color, expected


def test_a_rug_s_border_beside_plain_boards_is_no_tube() -> None:
    def found(agreement: float) -> float:
        color, expected = bordered(agreement)
        matte = np.ones((H, W), np.float32)
        matte[60:160, 190:338] = 0
        return float(clutter(color.round().astype(np.uint8), matte, matte < 0.1, expected)[20:220, 180:186].mean())

    assert found(0.1) < 0.05 < found(0.0)
