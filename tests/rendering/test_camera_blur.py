"""The blur of a picture is measured with its direction, as it was put in, and content is blurred by as much."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sceneforge.rendering.camera_blur import blurred, extra_blur, measure_blur

FINE = 4
"""Pictures are drawn and blurred so many times as fine as they are sampled."""
PIXEL = np.eye(2) / 12


def _along(degrees: float, variance: float) -> np.ndarray:
    way = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    return variance * np.outer(way, way)


def _picture(degrees: float, length: float, lens: float, noise: float) -> np.ndarray:
    """Turned rectangles of random greys, smeared along a line, blurred by a lens; (480, 640, 3) uint8."""
    rng = np.random.default_rng(0)
    big = np.full((480 * FINE, 640 * FINE), 90, np.float32)
    for _ in range(60):
        centre, size = rng.uniform(0, (640 * FINE, 480 * FINE)), rng.uniform(25 * FINE, 90 * FINE, 2)
        box = cv2.boxPoints((tuple(centre), tuple(size), float(rng.uniform(0, 180))))
        cv2.fillPoly(big, [box.astype(np.int32)], float(rng.integers(20, 230)))
    if length > 0:
        reach = int(length * FINE / 2) + 2
        kernel = np.zeros((2 * reach + 1,) * 2, np.float32)
        t = np.linspace(-0.5, 0.5, 1000) * length * FINE
        x, y = np.cos(np.radians(degrees)) * t + reach, np.sin(np.radians(degrees)) * t + reach
        np.add.at(kernel, (np.rint(y).astype(int), np.rint(x).astype(int)), 1 / 1000)
        big = cv2.filter2D(big, -1, kernel)
    if lens > 0:
        big = cv2.GaussianBlur(big, (0, 0), lens * FINE)
    grey = cv2.resize(big, (640, 480), interpolation=cv2.INTER_AREA)[..., None].repeat(3, 2)
    return np.clip(grey + noise * np.random.default_rng(1).standard_normal(grey.shape), 0, 255).astype(np.uint8)


def _axes(covariance: np.ndarray) -> tuple[float, float, float]:
    """Greater and lesser standard deviation and the direction, degrees, of the greater."""
    values, vectors = np.linalg.eigh(covariance)
    return np.sqrt(values[1]), np.sqrt(values[0]), float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))


@pytest.mark.parametrize("noise", [0.0, 4.0])
@pytest.mark.parametrize("lens", [0.6, 1.2])
@pytest.mark.parametrize("length", [5.0, 10.0, 16.0])
@pytest.mark.parametrize("degrees", [0.0, 45.0, 120.0])
def test_motion_is_measured_with_its_direction(degrees: float, length: float, lens: float, noise: float) -> None:
    great, small, way = _axes(measure_blur(_picture(degrees, length, lens, noise), 0.6 * noise))
    true_great, true_small, _ = _axes(_along(degrees, length**2 / 12) + lens**2 * np.eye(2) + PIXEL)
    assert great == pytest.approx(true_great, rel=0.12)
    assert small == pytest.approx(true_small, rel=0.25, abs=0.1)
    assert abs((way - degrees + 90) % 180 - 90) < 5


@pytest.mark.parametrize("noise", [0.0, 4.0])
@pytest.mark.parametrize("lens", [0.6, 1.2, 2.0])
def test_a_lens_blurs_all_directions_alike(lens: float, noise: float) -> None:
    great, small, _ = _axes(measure_blur(_picture(0, 0, lens, noise), 0.6 * noise))
    np.testing.assert_allclose([great, small], np.hypot(lens, np.sqrt(1 / 12)), rtol=0.1)


@pytest.mark.parametrize("noise", [0.0, 4.0])
def test_a_sharp_picture_adds_none(noise: float) -> None:
    assert not extra_blur(measure_blur(_picture(0, 0, 0, noise), 0.6 * noise)).any()


@pytest.mark.parametrize("size", [(6, 7), (64, 64), (200, 300)])
def test_nothing_to_measure_adds_none(size: tuple[int, int]) -> None:
    assert not extra_blur(measure_blur(np.full((*size, 3), 90, np.uint8), 1.0)).any()


def test_soft_edges_of_things_are_no_blur() -> None:
    """Half of the picture's edges are shadows' soft ones."""
    picture = _picture(0, 0, 0.8, 2.0)
    picture[:, 320:] = _picture(0, 0, 3.0, 2.0)[:, 320:]
    great, _, _ = _axes(measure_blur(picture, 1.2))
    assert great < 1.2


@pytest.mark.parametrize("degrees", [0.0, 45.0, 120.0])
@pytest.mark.parametrize("length", [3.0, 8.0, 16.0])
def test_a_point_spreads_as_asked(degrees: float, length: float) -> None:
    asked = _along(degrees, length**2 / 12) + np.eye(2)
    point = np.zeros((61, 61, 4), np.float32)
    point[30, 30] = 1
    spread = blurred(point, asked)[..., 0]
    y, x = np.mgrid[:61, :61] - 30
    assert spread.sum() == pytest.approx(1, abs=1e-4)
    got = np.array([[(spread * x * x).sum(), (spread * x * y).sum()], [(spread * x * y).sum(), (spread * y * y).sum()]])
    np.testing.assert_allclose(got, asked, atol=0.3)


@pytest.mark.parametrize("degrees", [0.0, 45.0, 120.0])
def test_a_sharp_picture_blurred_alike_measures_alike(degrees: float) -> None:
    camera = measure_blur(_picture(degrees, 10.0, 0.8, 3.0), 1.8)
    drawn = blurred(_picture(0, 0, 0, 0).astype(np.float32), extra_blur(camera))
    made = measure_blur(np.clip(drawn, 0, 255).astype(np.uint8), 0.5)
    assert _axes(made)[0] == pytest.approx(_axes(camera)[0], rel=0.12)
    assert _axes(made)[1] == pytest.approx(_axes(camera)[1], rel=0.25)
