"""What the embedded painter's training feeds its network: augmented windows, masks, guides, conditions and noise.

All of it runs on the training device, in batches; the pictures come from the npz of `painter_data`.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from sceneforge.core.arrays import UInt8
from sceneforge.generative.concepts import CLASSES, COLORS, LAID, NAMES
from sceneforge.generative.network import CONDITION, DETAIL, REFERENCE_SCALE_M, SCALE_AT, SCHEDULE, Design

DROP_PROMPT = 0.12
"""Share of examples that are told nothing of the prompt."""
RECOLORED = tuple(
    CLASSES.index(k)
    for k in ("tiles", "carpet", "fabric", "plaster", "brick", "wood_floor", "wallpaper", "marble", "concrete", "paper",
              "stone_paving", "metal", "wood", "terrazzo", "sand", "water", "ice", "rock")
)  # fmt: skip
"""Classes that are believable in any colour; a quarter of their examples is given one, and told so."""
SMALL_CLASS = 100
"""A class counts for sqrt(its pictures), but as if it had at least this many."""

LEVELS = ("flat", "noisy", "min-snr")
"""How noise levels share the loss. flat: all alike. noisy: drawn as 1 - u^3, so that a third of the examples are of the
noisiest twentieth, the only one where colour has to come from the prompt, and few have a guide. min-snr: weighed by
min(s, 5) / (s + 1) with the signal-to-noise ratio s (Hang et al. 2023)."""


@dataclass(frozen=True)
class Data:
    """The pictures on the training device."""

    tiles: torch.Tensor
    """(N, S, S, 3) uint8, S = 256 / shrink; smaller tiling pictures repeat, smaller others are marked by `side`."""
    side: torch.Tensor
    """(N,) usable pixels along a side."""
    wrap: torch.Tensor
    """(N,) bool: the picture tiles, with period `side`."""
    kind: torch.Tensor
    """(N,) class index."""
    scale: torch.Tensor
    """(N,) metres per pixel."""
    captions: torch.Tensor
    """(N, V, concepts) float32."""
    weight: torch.Tensor
    """(N,) how often a picture is drawn; 0 for those held out."""
    held: torch.Tensor
    """(N,) 1 for those held out, 0 for the others."""
    design: Design = DETAIL
    """The network they are meant for."""


def load_data(path: Path, device: str, design: Design = DETAIL) -> Data:
    """Read the npz of `painter_data`, with the pictures as a network sees them."""
    with np.load(path) as f:
        z = {k: f[k] for k in f.files if k != "text"}
    starts = np.concatenate([[0], z["ends"][:-1]])
    with ThreadPool(8) as pool:
        images = pool.map(
            lambda se: _shrunk(Image.open(io.BytesIO(z["bytes"][se[0] : se[1]].tobytes()), formats=("WEBP",)), design),
            list(zip(starts, z["ends"], strict=True)),
        )
    side = 256 // design.shrink
    tiles = np.zeros((len(images), side, side, 3), np.uint8)
    for i, image in enumerate(images):
        h, w = image.shape[:2]
        tiles[i, :h, :w] = image
    use = ~z["held"]
    counts = np.bincount(z["kind"], use, minlength=len(CLASSES))
    per_class = np.sqrt(np.maximum(counts, SMALL_CLASS)) / np.maximum(counts, 1)
    photos = np.bincount(z["kind"], z["photo"] & use, minlength=len(CLASSES))
    # Photographs first: where there are many, each is drawn three times as often as a procedural picture.
    weight = use * per_class[z["kind"]] * np.where(z["photo"] & (photos >= 12)[z["kind"]], 3.0, 1.0)
    to = {"device": device}
    return Data(
        torch.from_numpy(tiles).to(device),
        torch.tensor([min(i.shape[:2]) for i in images], **to),  # type: ignore[arg-type]
        torch.from_numpy(z["wrap"]).to(device),
        torch.from_numpy(z["kind"].astype(np.int64)).to(device),
        torch.from_numpy(z["scale"] * np.float32(design.shrink)).to(device),
        torch.from_numpy(z["captions"].astype(np.float32)).to(device),
        torch.from_numpy(weight / weight.sum()).to(device),
        torch.from_numpy(z["held"].astype(np.float64)).to(device),
        design,
    )


def _shrunk(image: Image.Image, design: Design) -> UInt8:
    return np.asarray(image.convert("RGB").reduce(design.shrink) if design.shrink > 1 else image.convert("RGB"))


def draw(
    data: Data, n: int, g: torch.Generator, *, held: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """n augmented windows.

    Returns:
        (pictures (n, 3, window, window) in -1..1, concept vectors (n, concepts), metres per pixel (n,)).
    """
    device, window = data.tiles.device, data.design.window

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, generator=g, device=device)

    index = torch.multinomial(data.held if held else data.weight, n, replacement=True, generator=g)
    side, wrap, kind = data.side[index].float(), data.wrap[index], data.kind[index]
    laid = torch.zeros(len(CLASSES), dtype=torch.bool, device=device)
    laid[[CLASSES.index(k) for k in LAID]] = True
    half_turn = math.pi * torch.randint(0, 2, (n,), generator=g, device=device)
    angle = torch.where(laid[kind], half_turn, uniform(0, 2 * math.pi))
    cos, sin = torch.cos(angle), torch.sin(angle)
    zoom = torch.exp(uniform(math.log(0.72), math.log(1.35)))
    reach = window / 2 * (cos.abs() + sin.abs())
    zoom = torch.where(
        wrap, zoom, torch.minimum(zoom, (side / 2 - 1) / reach)
    )  # a crop must fit into what does not tile
    margin = torch.where(wrap, torch.zeros_like(reach), zoom * reach)
    cx = margin + (side - 2 * margin) * uniform(0, 1)
    cy = margin + (side - 2 * margin) * uniform(0, 1)
    line = (torch.arange(window, device=device) + 0.5 - window / 2).float()
    flip = 1.0 - 2.0 * torch.randint(0, 2, (n,), generator=g, device=device).float()
    u, v = line[None, None, :] * flip[:, None, None], line[None, :, None]
    x = cx[:, None, None] + zoom[:, None, None] * (cos[:, None, None] * u - sin[:, None, None] * v) - 0.5
    y = cy[:, None, None] + zoom[:, None, None] * (sin[:, None, None] * u + cos[:, None, None] * v) - 0.5
    picture = _bilinear(data.tiles, index, x, y, side)
    concepts = data.captions[index, torch.randint(0, data.captions.shape[1], (n,), generator=g, device=device)].clone()
    picture = _recolor(picture, concepts, kind, uniform(0, 1), g)
    gain, tint = (
        uniform(0.92, 1.08)[:, None, None, None],
        1 + 0.03 * (torch.rand(n, 3, 1, 1, generator=g, device=device) - 0.5),
    )
    picture = (picture * gain * tint).clamp(0, 1) * 2 - 1
    return picture, concepts, data.scale[index] * zoom


def _bilinear(
    tiles: torch.Tensor, index: torch.Tensor, x: torch.Tensor, y: torch.Tensor, side: torch.Tensor
) -> torch.Tensor:
    """Sample pictures at (x, y), wrapping at each one's side; (n, 3, H, W) in 0..1."""
    period = side.long()[:, None, None]
    x0, y0 = torch.floor(x), torch.floor(y)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    i = index[:, None, None]
    x0, y0 = x0.long(), y0.long()

    def at(r: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        return tiles[i, torch.remainder(r, period), torch.remainder(c, period)].float()

    top = at(y0, x0) * (1 - fx) + at(y0, x0 + 1) * fx
    low = at(y0 + 1, x0) * (1 - fx) + at(y0 + 1, x0 + 1) * fx
    return ((top * (1 - fy) + low * fy) / 255).permute(0, 3, 1, 2)


def _recolor(
    picture: torch.Tensor, concepts: torch.Tensor, kind: torch.Tensor, chance: torch.Tensor, g: torch.Generator
) -> torch.Tensor:
    """A quarter of the pictures of some classes in a colour of our choice, with the concepts (in place) saying so."""
    device, first = picture.device, len(CLASSES)
    able = torch.zeros(len(CLASSES), dtype=torch.bool, device=device)
    able[list(RECOLORED)] = True
    chosen = able[kind] & (chance < 0.25)
    palette = torch.tensor([[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)] for c in COLORS.values()], device=device)
    color = torch.randint(0, len(COLORS), (len(picture),), generator=g, device=device)
    target = palette[color] * (0.75 + 0.5 * torch.rand(len(picture), 1, generator=g, device=device))
    gray = picture.mean(1, keepdim=True)
    gray = gray / gray.mean((2, 3), keepdim=True).clamp(min=0.04)
    made = (gray * target[:, :, None, None]).clamp(0, 1)
    slots = concepts[:, first : first + len(COLORS)]
    slots[chosen] = torch.nn.functional.one_hot(color, len(COLORS)).float()[chosen]
    for quality in ("dark", "light", "vivid", "muted"):
        concepts[chosen, NAMES.index(quality)] = 0
    return torch.where(chosen[:, None, None, None], made, picture)


def masks(n: int, window: int, device: torch.device, g: torch.Generator) -> torch.Tensor:
    """(n, 1, window, window) of 1 where to paint: mostly everything, else boxes, half planes and blobs."""

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=g, device=device)

    line = torch.linspace(-1, 1, window, device=device)
    x, y = line[None, None, :], line[None, :, None]
    center, half = rand(n, 2, 1, 1) * 1.6 - 0.8, 0.15 + 0.65 * rand(n, 2, 1, 1)
    box = ((x - center[:, 0]).abs() < half[:, 0]) & ((y - center[:, 1]).abs() < half[:, 1])
    angle = rand(n, 1, 1) * 2 * math.pi
    plane = x * torch.cos(angle) + y * torch.sin(angle) > rand(n, 1, 1) * 1.2 - 0.6
    field = torch.nn.functional.interpolate(
        torch.randn(n, 1, 7, 7, generator=g, device=device), window, mode="bicubic"
    )[:, 0]
    blobs = field > rand(n, 1, 1) * 1.2 - 0.6
    which = rand(n, 1, 1)
    mask = torch.where(which < 0.18, box, torch.where(which < 0.28, plane, blobs))
    return torch.where(which > 0.45, torch.ones_like(mask), mask)[:, None].float()


def guides(
    picture: torch.Tensor, g: torch.Generator, share: float, factors: tuple[int, ...]
) -> tuple[torch.Tensor, torch.Tensor]:
    """A coarser, slightly noised copy for a share of the windows (0 for the others), and which have one (n,) bool."""
    n, device, window = len(picture), picture.device, picture.shape[-1]
    resize = torch.nn.functional.interpolate
    coarse = [resize(resize(picture, window // f, mode="area"), window, mode="bicubic") for f in factors]
    which = torch.randint(0, len(factors), (n,), generator=g, device=device)
    guide = torch.stack(coarse)[which, torch.arange(n, device=device)]
    noise = torch.randn(n, 3, window // 4, window // 4, generator=g, device=device)
    strength = 0.06 * torch.rand(n, 1, 1, 1, generator=g, device=device)
    guide = guide + strength * resize(noise, window, mode="bilinear")
    has = torch.rand(n, generator=g, device=device) < share
    return guide.clamp(-1, 1) * has[:, None, None, None], has


def tell(
    concepts: torch.Tensor, scale: torch.Tensor, has: torch.Tensor, mask: torch.Tensor, g: torch.Generator
) -> torch.Tensor:
    """(n, CONDITION): `network.condition` for a batch, with prompts dropped and single adjectives left unsaid."""
    n, device = len(concepts), concepts.device
    said = concepts.clone()
    said[:, len(CLASSES) :] *= torch.rand(n, len(NAMES) - len(CLASSES), generator=g, device=device) > 0.3
    said *= (torch.rand(n, 1, generator=g, device=device) >= DROP_PROMPT).float()
    octave = torch.log2(scale / REFERENCE_SCALE_M)
    told = torch.zeros(n, CONDITION, device=device)
    told[:, : len(NAMES)] = said
    features = [octave / 2, torch.sin(octave), torch.cos(octave), torch.sin(octave * 2), torch.cos(octave * 2)]
    told[:, SCALE_AT : SCALE_AT + 5] = torch.stack(features, -1)
    told[:, SCALE_AT + 5] = has.float()
    told[:, SCALE_AT + 6] = (mask.amin((1, 2, 3)) < 1).float()
    told[:, SCALE_AT + 7] = (said.amax(1) == 0).float()
    return told


def batch(
    data: Data, n: int, alphas: torch.Tensor, g: torch.Generator, *, levels: str, held: bool = False
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor, torch.Tensor]:
    """n examples: the network's inputs, the true velocity, and the weight of its error (`levels` as in LEVELS)."""
    picture, concepts, scale = draw(data, n, g, held=held)
    mask = masks(n, data.design.window, picture.device, g)
    guide, has = guides(picture, g, 0.2 if levels == "noisy" else 0.5, data.design.guides)
    told = tell(concepts, scale, has, mask, g)
    part = torch.rand(n, generator=g, device=picture.device)
    step = ((1 - part**3 if levels == "noisy" else part) * len(alphas)).long().clamp(max=len(alphas) - 1)
    a = alphas[step][:, None, None, None]
    noise = torch.randn(picture.shape, generator=g, device=picture.device)
    noisy = a.sqrt() * picture + (1 - a).sqrt() * noise
    truth = a.sqrt() * noise - (1 - a).sqrt() * picture
    snr = a / (1 - a).clamp(min=1e-8)
    weight = (torch.clamp(snr, max=5.0) / (snr + 1) if levels == "min-snr" else 1.0) * (0.1 + 0.9 * mask)
    return (noisy, picture * (1 - mask), mask, guide, told, step), truth, weight


def cosine_alphas(device: str) -> torch.Tensor:
    """(1000,) remaining signal a_t, as diffusers' schedulers compute it."""
    from diffusers import DDPMScheduler

    alphas: torch.Tensor = DDPMScheduler(**SCHEDULE).alphas_cumprod
    return alphas.to(device)
