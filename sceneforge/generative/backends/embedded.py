"""The embedded painter: our own small diffusion model, in two stages, over a procedural layout.

1. Layout. The procedural painter lays the surface out at full size: courses, boards, plates, drifts.
2. Diffusion. The layout is noised to a middle level and denoised by the network (SDEdit, Meng et al. 2022). Where
   things have a place (joints, veins, stars) the network sees the layout at half resolution as its guide; where all is
   grain and drift (gravel, rock, grass) it starts from more noise, without a guide, and makes the grain itself.
   Pictures finer than 6 mm per pixel pass twice: at about 12 mm, then at their own scale with the first result as
   guide. Both passes denoise overlapping windows jointly; see `sceneforge.generative.windows`.

Why a layout: the network was trained for seven minutes. It knows the grain and colours of its photographs, but not how
bricks or boards lie; docs/generative.md shows what it makes of pure noise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import InputError, MissingExtra, SceneForgeError
from sceneforge.core.arrays import Float32, UInt8
from sceneforge.generative.concepts import FIGURES, GRAIN, NAMES
from sceneforge.generative.painter import MaskedPainter, Progress, Request
from sceneforge.generative.text import Meaning, meaningful
from sceneforge.generative.windows import WINDOW, Stage, denoise, plane_noise

if TYPE_CHECKING:
    import torch

WEIGHTS = Path(__file__).resolve().parents[1] / "weights" / "painter.safetensors"
"""The weights that ship; weights/MODEL_CARD.md says where they come from."""
MAX_WEIGHTS_BYTES = 64_000_000
COARSE_M = 0.012
"""Metres per pixel of the first stage."""
FINE_M = 0.006
"""Pictures with smaller pixels get a second stage."""
COARSE = Stage((500, 410, 320, 230, 140, 50), 1.5)
LOOSE = Stage((650, 560, 480, 390, 310, 220, 140, 50), 1.5)
"""Instead of COARSE for what is grain alone: only the drift of the layout is left."""
FINE = Stage((180, 100, 40), 1.0)
FILL = Stage((700, 600, 500, 400, 300, 200, 110, 40), 1.5)
"""For holes: mostly from noise, since what is around says what belongs there."""


class EmbeddedPainter(MaskedPainter):
    """The network and its schedule, ready to paint."""

    name = "embedded"

    def __init__(self, network: Any, threads: int) -> None:
        self._network, self._threads = network, threads

    def make(self, request: Request) -> UInt8:
        """With `match_surroundings` the prompt may be empty: what is around decides."""
        empty = request.match_surroundings and not request.prompt.strip()
        meaning = Meaning(np.zeros(len(NAMES), np.float32), None, ()) if empty else meaningful(request.prompt)
        around = (request.periodic[1], request.periodic[0])
        job = _Job(self._network, meaning, request.metres_per_pixel, request.seed, request.origin_m, around)
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode():
                if request.match_surroundings:
                    made = job.fill(request.image, request.alpha, request.progress)
                else:
                    made = job.cover(request.alpha.shape, request.progress)
        finally:
            torch.set_num_threads(before)
        return np.asarray(np.clip(made * 255 + 0.5, 0, 255), np.uint8)


def load(weights: str | Path | None = None, *, threads: int = 2) -> EmbeddedPainter:
    """Load the embedded painter.

    Args:
        weights: A file that `sceneforge.training.train_painter` wrote; the one that ships by default.
        threads: Of torch. Results are the same bytes for the same number of threads.

    Raises:
        MissingExtra: torch or diffusers is not installed.
        InputError: The weights are missing, damaged, or of another vocabulary.
    """
    try:
        import torch  # noqa: F401
        from safetensors import SafetensorError, safe_open

        from sceneforge.generative.network import build_network
    except ImportError as e:
        raise MissingExtra((e.name or "torch").split(".")[0], "paint", "painting with the embedded model") from None
    path = Path(weights) if weights is not None else WEIGHTS
    try:
        if path.stat().st_size > MAX_WEIGHTS_BYTES:
            raise InputError("the weights are too large", path=path, expected=f"at most {MAX_WEIGHTS_BYTES:,} bytes")
        with safe_open(path, framework="pt") as f:
            names = json.loads((f.metadata() or {}).get("names", "[]"))
            held = {k: f.get_tensor(k).float() for k in f.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, ValueError) as e:
        raise InputError(f"no weights that can be read ({e})", path=path, expected="a painter.safetensors") from None
    if tuple(names) != NAMES:
        raise InputError("trained on another vocabulary", path=path, fix="train again with this version")
    try:
        network = build_network()
    except ImportError as e:
        raise MissingExtra((e.name or "diffusers").split(".")[0], "paint", "painting with the embedded model") from None
    try:
        network.load_state_dict(held)
    except RuntimeError:
        raise InputError("not this network's weights", path=path, fix="train again with this version") from None
    return EmbeddedPainter(network.eval(), threads)


class _Job:
    """One request."""

    def __init__(
        self,
        network: Any,
        meaning: Meaning,
        scale: float,
        seed: int,
        origin: tuple[float, float],
        around: tuple[bool, bool],
    ) -> None:
        self.network, self.meaning, self.scale, self.seed = network, meaning, scale, seed
        self.origin, self.around = origin, around

    def cover(self, shape: tuple[int, int], progress: Progress | None) -> Float32:
        """A new surface (H, W, 3) in 0..1, whatever was there."""
        two = self.scale < FINE_M
        layout = self._layout(shape, self.scale)
        if not two:
            return self._first(layout, self.scale, progress)
        factor = max(2, round(COARSE_M / self.scale))
        small = (max(1, round(shape[0] / factor)), max(1, round(shape[1] / factor)))
        coarse_m = self.scale * shape[1] / small[1]
        rough = _resized(layout, small)
        first = self._first(rough, coarse_m, _part(progress, 0.0, 0.35))
        guide = _resized(first, shape)
        # What the first stage changed is carried over; what it cannot show stays the layout's.
        start = guide + layout - _resized(rough, shape)
        return self._pass(np.clip(start, 0, 1), guide, None, self.scale, FINE, 2, _part(progress, 0.35, 1.0))

    def _first(self, layout: Float32, scale: float, progress: Progress | None) -> Float32:
        """The layout as the network sees it."""
        if self.meaning.kind in GRAIN and not FIGURES & self.meaning.words.keys():
            return self._pass(layout, None, None, scale, LOOSE, 1, progress)
        return self._pass(layout, _softened(layout), None, scale, COARSE, 1, progress)

    def fill(self, image: UInt8, alpha: Float32, progress: Progress | None) -> Float32:
        """What belongs into the hole, by the pixels around it."""
        import cv2

        hole = (alpha > 0).astype(np.uint8)
        rough: NDArray[Any] = image
        if hole.all():
            raise SceneForgeError("there is nothing around the mask to match; paint without match_surroundings")
        # The nearest colours, smoothed: a start for the coarse parts, which noise then hides from the network.
        distance, label = cv2.distanceTransformWithLabels(hole, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
        nearest = np.zeros((label.max() + 1, 3), np.float32)
        nearest[label[hole == 0]] = image[hole == 0]
        spread = cv2.GaussianBlur(nearest[label], (0, 0), max(2.0, 0.15 * float(distance.max())))
        rough = np.where(hole[..., None] > 0, spread, image).astype(np.float32) / np.float32(255)
        known = image.astype(np.float32) / np.float32(255)
        return self._pass(rough, None, (known, hole), self.scale, FILL, 3, progress)

    def _layout(self, shape: tuple[int, int], scale: float) -> Float32:
        from sceneforge.generative.procedural import texture

        period = (shape[1] * scale * self.around[1], shape[0] * scale * self.around[0])
        return texture(self.meaning, shape, scale, self.seed, origin_m=self.origin, period_m=period)

    def _pass(
        self, start: Float32, guide: Float32 | None, known: tuple[Float32, NDArray[Any]] | None, scale: float,
        stage: Stage, salt: int, progress: Progress | None,
    ) -> Float32:  # fmt: skip
        """Noise `start` (H, W, 3) to the stage's first level, and denoise it."""
        import torch
        from diffusers import DPMSolverMultistepScheduler

        from sceneforge.generative.network import SCHEDULE

        h, w = start.shape[:2]
        rows, columns = _index(h, self.around[0]), _index(w, self.around[1])
        picture = _signed(start)[:, rows][:, :, columns]
        blank, whole = torch.zeros_like(picture), torch.ones_like(picture[:1])
        context = [blank, whole, blank]
        if guide is not None:
            context[2] = _signed(guide)[:, rows][:, :, columns]
        if known is not None:
            hole = torch.from_numpy(known[1].astype(np.float32))[None][:, rows][:, :, columns]
            context[0], context[1] = _signed(known[0])[:, rows][:, :, columns] * (1 - hole), hole
        scheduler = DPMSolverMultistepScheduler(**SCHEDULE)
        a = scheduler.alphas_cumprod[stage.steps[0]]
        first = (round(self.origin[1] / scale), round(self.origin[0] / scale))
        period = (h * self.around[0], w * self.around[1])
        noise = plane_noise((len(rows), len(columns)), first, self.seed * 31 + salt, 3, period)
        noisy = a.sqrt() * picture + (1 - a).sqrt() * torch.from_numpy(noise)
        full = (self.around[0] and h >= WINDOW, self.around[1] and w >= WINDOW)
        predict = self._predictor(scale, guide is not None, known is not None)
        made = denoise(predict, scheduler, noisy, context, stage, periodic=full, seed=self.seed, progress=progress)
        return np.asarray((made[:, :h, :w].permute(1, 2, 0).numpy() + 1) / 2, np.float32)

    def _predictor(self, scale: float, guided: bool, known: bool) -> Any:
        import torch

        from sceneforge.generative.network import condition, velocity

        told = torch.from_numpy(condition(self.meaning.vector, scale, guided=guided, known=known))
        untold = torch.from_numpy(condition(self.meaning.vector * 0, scale, guided=guided, known=known))

        def predict(noisy: torch.Tensor, seen: list[torch.Tensor], step: int, guidance: float) -> torch.Tensor:
            n = len(noisy)
            t = torch.full((n,), step)
            v = velocity(self.network, noisy, seen[0], seen[1], seen[2], told.expand(n, -1), t)
            if guidance == 1.0:
                return v
            plain = velocity(self.network, noisy, seen[0], seen[1], seen[2], untold.expand(n, -1), t)
            return plain + guidance * (v - plain)

        return predict


def _index(size: int, periodic: bool) -> NDArray[np.intp]:
    """Indices that bring a side to at least one window: repeated if it is periodic, else mirrored."""
    line = np.arange(max(size, WINDOW))
    if periodic:
        return line % size
    folded = line % (2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded)


def _signed(image: Float32) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)) * 2 - 1


def _resized(image: Float32, shape: tuple[int, int]) -> Float32:
    import cv2

    shrink = shape[0] < image.shape[0]
    made = cv2.resize(image, (shape[1], shape[0]), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
    return np.asarray(made, np.float32)


def _softened(image: Float32) -> Float32:
    """A picture as the network's guides are: halved and enlarged again."""
    h, w = image.shape[:2]
    return np.clip(_resized(_resized(image, (max(1, h // 2), max(1, w // 2))), (h, w)), 0, 1)


def _part(progress: Progress | None, low: float, high: float) -> Progress | None:
    if progress is None:
        return None
    report = progress
    return lambda share: report(low + (high - low) * share)
