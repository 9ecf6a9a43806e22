"""The embedded painter: two small diffusion models of our own, from noise or over a procedural layout.

1. What lies below. Surfaces of even grain (asphalt, soil, ice, snow) are painted from pure noise by the base network
   at about 24 mm per pixel. A swatch comes first, one window large; its mean colour guides the canvas, so that
   windows that do not meet agree. Everything else is laid out by the procedural painter: the base network was too
   shortly trained to know courses, boards, plates or blades.
2. Detail at about 12 mm (SDEdit, Meng et al. 2022). Colour and drift from the base are noised to level 850 of 1000. Of
   a layout that is grain alone (grass, gravel, sand) level 650 leaves the drift; any other is noised to level 500, with
   itself at half resolution as guide, so that its joints stay. What is finer than about two pixels stays the layout's
   own: there the network is softest, and it leaves a net of its patches.
3. Pictures finer than 6 mm per pixel are passed over once more at their own scale: a cascade (Ho et al. 2022).

All passes denoise overlapping windows jointly; see `sceneforge.generative.windows`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import InputError, MissingExtra, SceneForgeError
from sceneforge.core.arrays import Float32, UInt8
from sceneforge.generative.concepts import FIGURES, GRAIN, NAMES, NOISE, RESHAPED
from sceneforge.generative.painter import MaskedPainter, Progress, Request
from sceneforge.generative.text import Meaning, meaningful
from sceneforge.generative.windows import Stage, denoise, plane_noise

if TYPE_CHECKING:
    import torch

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
"""The weights that ship, a file for each network; MODEL_CARD.md there says where they come from."""
MAX_WEIGHTS_BYTES = 64_000_000
COARSE_M = 0.012
"""Metres per pixel of the first pass of the detail network."""
FINE_M = 0.006
"""Pictures with smaller pixels get a second one."""
RIM_PX = 8
"""Pixels of the base canvas around what is kept."""
FROM_NOISE = Stage((999, 960, 910, 860, 800, 740, 680, 610, 540, 470, 400, 330, 260, 190, 120, 50), 2.0)
DRIFT_PX = (2.0, 21.0)
"""Standard deviations, in pixels of a base canvas, of the blurs between which its drift lies: what is smaller is its
patches, what is larger is windows that did not agree."""
BARE = Stage((850, 760, 670, 580, 490, 400, 310, 220, 140, 50), 1.5)
"""For detail over a base canvas."""
LOOSE = Stage((650, 560, 480, 390, 310, 220, 140, 50), 1.5)
"""For detail over a layout that is grain alone."""
COARSE = Stage((500, 410, 320, 230, 140, 50), 1.5)
"""For detail over a layout."""
FINE = Stage((180, 100, 40), 1.0)
"""The same at a finer scale."""
FINE_BARE = Stage((650, 530, 410, 290, 170, 60), 1.0)
"""BARE at a finer scale."""
LAYOUT_GRAIN_PX = 1.0
"""Standard deviation of the blur that parts what the network made of a layout from the layout's own grain."""
FILL = Stage((700, 600, 500, 400, 300, 200, 110, 40), 1.5)
"""For holes: mostly from noise, since what is around says what belongs there."""


class EmbeddedPainter(MaskedPainter):
    """The network and its schedule, ready to paint."""

    name = "embedded"

    def __init__(self, networks: dict[str, Any], threads: int) -> None:
        self._networks, self._threads = networks, threads

    def make(self, request: Request) -> UInt8:
        """With `match_surroundings` the prompt may be empty: what is around decides."""
        empty = request.match_surroundings and not request.prompt.strip()
        meaning = Meaning(np.zeros(len(NAMES), np.float32), None, ()) if empty else meaningful(request.prompt)
        around = (request.periodic[1], request.periodic[0])
        job = _Job(self._networks, meaning, request.metres_per_pixel, request.seed, request.origin_m, around)
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
        weights: A folder with base.safetensors and detail.safetensors, as `sceneforge.training.train_painter` writes
            them; by default that of the weights that ship, which also stand in for a file that is not there.
        threads: Of torch. Results are the same bytes for the same number of threads.

    Raises:
        MissingExtra: torch or diffusers is not installed.
        InputError: The weights are missing, damaged, or of another vocabulary.
    """
    try:
        from sceneforge.generative.network import DESIGNS

        folder = Path(weights) if weights is not None else WEIGHTS
        own = {name: folder / f"{name}.safetensors" for name in DESIGNS}
        if not any(path.is_file() for path in own.values()):
            raise InputError("no weights there", path=folder, expected=f"a folder with {' or '.join(own)}.safetensors")
        paths = {name: path if path.is_file() else WEIGHTS / path.name for name, path in own.items()}
        return EmbeddedPainter({name: _read(path, name) for name, path in paths.items()}, threads)
    except ImportError as e:
        raise MissingExtra((e.name or "torch").split(".")[0], "paint", "painting with the embedded model") from None


def _read(path: Path, name: str) -> Any:
    """A network with the weights of a file."""
    import torch  # noqa: F401
    from safetensors import SafetensorError, safe_open

    from sceneforge.generative.network import DESIGNS, build_network

    try:
        if path.stat().st_size > MAX_WEIGHTS_BYTES:
            raise InputError("the weights are too large", path=path, expected=f"at most {MAX_WEIGHTS_BYTES:,} bytes")
        with safe_open(path, framework="pt") as f:
            names = json.loads((f.metadata() or {}).get("names", "[]"))
            held = {k: f.get_tensor(k).float() for k in f.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, ValueError) as e:
        raise InputError(f"no weights that can be read ({e})", path=path, expected="a safetensors file") from None
    if tuple(names) != NAMES:
        raise InputError("trained on another vocabulary", path=path, fix="train again with this version")
    network = build_network(DESIGNS[name])
    try:
        network.load_state_dict(held)
    except RuntimeError:
        raise InputError(f"not the {name} network's weights", path=path, fix="train again with this version") from None
    return network.eval()


class _Job:
    """One request."""

    def __init__(
        self,
        networks: dict[str, Any],
        meaning: Meaning,
        scale: float,
        seed: int,
        origin: tuple[float, float],
        around: tuple[bool, bool],
    ) -> None:
        self.networks, self.meaning, self.scale, self.seed = networks, meaning, scale, seed
        self.origin, self.around = origin, around

    def cover(self, shape: tuple[int, int], progress: Progress | None) -> Float32:
        """A new surface (H, W, 3) in 0..1, whatever was there."""
        if self.scale >= FINE_M:
            return self._coarse(shape, self.scale, progress)
        factor = max(2, round(COARSE_M / self.scale))
        small = (max(1, round(shape[0] / factor)), max(1, round(shape[1] / factor)))
        guide = _resized(self._coarse(small, self.scale * shape[1] / small[1], _part(progress, 0.0, 0.35)), shape)
        rest = _part(progress, 0.35, 1.0)
        if self.from_noise:
            return self._pass("detail", guide, None, None, self.scale, FINE_BARE, 2, rest)
        layout = self._layout(shape, self.scale)  # what the coarse pass cannot show stays the layout's
        start = np.clip(guide + layout - _resized(_resized(layout, small), shape), 0, 1)
        return _with_grain(self._pass("detail", start, guide, None, self.scale, FINE, 2, rest), layout)

    @property
    def from_noise(self) -> bool:
        """Whether the base network paints what the prompt asks for."""
        return self.meaning.kind in NOISE and not FIGURES & self.meaning.words.keys()

    def _coarse(self, shape: tuple[int, int], scale: float, progress: Progress | None) -> Float32:
        """The surface at 6 mm per pixel or more."""
        if self.from_noise:
            half = (max(1, -(-shape[0] // 2)), max(1, -(-shape[1] // 2)))
            drift = _resized(self._base(half, scale * shape[1] / half[1], _part(progress, 0.0, 0.3)), shape)
            return self._pass("detail", drift, None, None, scale, BARE, 1, _part(progress, 0.3, 1.0))
        layout = self._layout(shape, scale)
        if self.meaning.kind in GRAIN and not FIGURES & self.meaning.words.keys():
            made = self._pass("detail", layout, None, None, scale, LOOSE, 1, progress)
            return made if self.meaning.kind in RESHAPED else _with_grain(made, layout)
        return _with_grain(self._pass("detail", layout, _softened(layout), None, scale, COARSE, 1, progress), layout)

    def _base(self, shape: tuple[int, int], scale: float, progress: Progress | None) -> Float32:
        """Colour and drift of the surface, from noise."""
        import cv2

        from sceneforge.generative.network import BASE

        blank = np.zeros((BASE.window, BASE.window, 3), np.float32)
        anywhere = _Job(self.networks, self.meaning, scale, self.seed, (0.0, 0.0), (False, False))
        swatch = anywhere._pass("base", blank, None, None, scale, FROM_NOISE, 4, None)
        mean = np.clip(swatch, 0, 1).mean((0, 1))
        # A window's outermost patches are its worst: the canvas reaches beyond what is kept.
        down, right = (0 if along else RIM_PX for along in self.around)
        origin = (self.origin[0] - right * scale, self.origin[1] - down * scale)
        wide = _Job(self.networks, self.meaning, scale, self.seed, origin, self.around)
        flat = np.broadcast_to(mean, (shape[0] + 2 * down, shape[1] + 2 * right, 3)).astype(np.float32)
        made = wide._pass("base", flat, flat, None, scale, FROM_NOISE, 5, progress)
        fine, wide_blur = (
            cv2.GaussianBlur(np.clip(made, 0, 1), (0, 0), s, borderType=cv2.BORDER_REFLECT_101) for s in DRIFT_PX
        )
        drift = np.clip(fine - wide_blur + mean, 0, 1)
        return np.asarray(drift[down : down + shape[0], right : right + shape[1]], np.float32)

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
        return self._pass("detail", rough, None, (known, hole), self.scale, FILL, 3, progress)

    def _layout(self, shape: tuple[int, int], scale: float) -> Float32:
        from sceneforge.generative.procedural import texture

        period = (shape[1] * scale * self.around[1], shape[0] * scale * self.around[0])
        return texture(self.meaning, shape, scale, self.seed, origin_m=self.origin, period_m=period)

    def _pass(
        self, network: str, start: Float32, guide: Float32 | None, known: tuple[Float32, NDArray[Any]] | None,
        scale: float, stage: Stage, salt: int, progress: Progress | None,
    ) -> Float32:  # fmt: skip
        """Noise `start` (H, W, 3) to the stage's first level, and let a network denoise it."""
        import torch
        from diffusers import DPMSolverMultistepScheduler

        from sceneforge.generative.network import DESIGNS, SCHEDULE

        (h, w), window = start.shape[:2], DESIGNS[network].window
        rows, columns = _index(h, self.around[0], window), _index(w, self.around[1], window)
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
        full = (self.around[0] and h >= window, self.around[1] and w >= window)
        predict = self._predictor(self.networks[network], scale, guide is not None, known is not None)
        made = denoise(
            predict, scheduler, noisy, context, stage, periodic=full, seed=self.seed, window=window, progress=progress
        )
        return np.asarray((made[:, :h, :w].permute(1, 2, 0).numpy() + 1) / 2, np.float32)

    def _predictor(self, network: Any, scale: float, guided: bool, known: bool) -> Any:
        import torch

        from sceneforge.generative.network import condition, velocity

        told = torch.from_numpy(condition(self.meaning.vector, scale, guided=guided, known=known))
        untold = torch.from_numpy(condition(self.meaning.vector * 0, scale, guided=guided, known=known))

        def predict(noisy: torch.Tensor, seen: list[torch.Tensor], step: int, guidance: float) -> torch.Tensor:
            n = len(noisy)
            t = torch.full((n,), step)
            v = velocity(network, noisy, seen[0], seen[1], seen[2], told.expand(n, -1), t)
            if guidance == 1.0:
                return v
            plain = velocity(network, noisy, seen[0], seen[1], seen[2], untold.expand(n, -1), t)
            return plain + guidance * (v - plain)

        return predict


def _index(size: int, periodic: bool, window: int) -> NDArray[np.intp]:
    """Indices that bring a side to at least one window: repeated if it is periodic, else mirrored."""
    line = np.arange(max(size, window))
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


def _with_grain(made: Float32, layout: Float32) -> Float32:
    """What the network made, with the finest grain of the layout that it began with."""
    import cv2

    def blurred(image: Float32) -> NDArray[Any]:
        return cv2.GaussianBlur(image, (0, 0), LAYOUT_GRAIN_PX, borderType=cv2.BORDER_REFLECT_101)

    return np.asarray(blurred(np.clip(made, 0, 1)) + layout - blurred(layout), np.float32)


def _part(progress: Progress | None, low: float, high: float) -> Progress | None:
    if progress is None:
        return None
    report = progress
    return lambda share: report(low + (high - low) * share)
