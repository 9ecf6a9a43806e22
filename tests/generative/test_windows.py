"""Joint denoising: windows cover everything, agree, and noise belongs to the plane."""

from __future__ import annotations

import numpy as np
import pytest

from sceneforge.generative.windows import WINDOW, Stage, fade, grid, plane_noise, stride, windows


def test_noise_belongs_to_the_plane() -> None:
    whole = plane_noise((60, 80), (-20, 5), 7)
    assert np.array_equal(plane_noise((10, 12), (0, 15), 7), whole[:, 20:30, 10:22])
    assert not np.array_equal(plane_noise((60, 80), (-20, 5), 8), whole)


def test_noise_is_gaussian_and_independent() -> None:
    noise = plane_noise((256, 256), (0, 0), 1).astype(float)
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01
    assert abs((noise**4).mean() - 3) < 0.1
    pairs = [(noise[:, 1:], noise[:, :-1]), (noise[:, :, 1:], noise[:, :, :-1]), (noise[:1], noise[1:2])]
    pairs += [(noise[:1, k:], noise[1:2, :-k]) for k in (1, 2)] + [(noise[:1, :-k], noise[1:2, k:]) for k in (1, 2)]
    assert all(abs((a * b).mean()) < 0.02 for a, b in pairs)


def test_periodic_noise_repeats() -> None:
    noise = plane_noise((40, 60), (3, 4), 2, period=(20, 30))
    assert np.array_equal(noise[:, :20, :30], noise[:, 20:, 30:])


@pytest.mark.parametrize("size", [WINDOW, WINDOW + 1, 300, 512])
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shift", [0, 41, 92])
def test_windows_cover_every_pixel(size: int, periodic: bool, shift: int) -> None:
    seen = np.zeros((size, WINDOW), int)
    for rows, columns in windows((size, WINDOW), (periodic, False), (shift, 0)):
        seen[np.ix_(rows, columns)] += 1
    assert seen.min() >= 1
    starts = grid(size, periodic, shift)
    assert max(np.diff(starts), default=0) <= stride(WINDOW)


def test_weights_fade_towards_borders() -> None:
    weight = fade()
    assert weight.max() == pytest.approx(1) and weight[0].max() < 0.02 and weight.min() > 0
    assert np.allclose(weight, weight[::-1]) and np.allclose(weight, weight.T)


def test_a_perfect_network_gives_back_the_picture_it_knows() -> None:
    """With the exact velocity of a known picture, any canvas of windows ends at that picture."""
    torch = pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    from sceneforge.generative.network import SCHEDULE
    from sceneforge.generative.windows import denoise

    rng = np.random.default_rng(0)
    picture = torch.from_numpy(rng.uniform(-0.5, 0.5, (3, 150, 210)).astype(np.float32))
    scheduler = diffusers.DPMSolverMultistepScheduler(**SCHEDULE)
    alphas = scheduler.alphas_cumprod
    noise = torch.from_numpy(plane_noise((150, 210), (0, 0), 1))
    stage = Stage((800, 500, 200, 20), 1.0)
    noisy = alphas[800].sqrt() * picture + (1 - alphas[800]).sqrt() * noise

    def predict(z, seen, step, guidance):  # type: ignore[no-untyped-def]
        a = alphas[step]
        e = (z - a.sqrt() * seen[0]) / (1 - a).sqrt()
        return a.sqrt() * e - (1 - a).sqrt() * seen[0]

    made = denoise(predict, scheduler, noisy, [picture], stage, periodic=(False, True))
    assert (made - picture).abs().max() < 1e-3
