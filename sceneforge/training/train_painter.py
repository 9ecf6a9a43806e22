"""Train the embedded painter: a text-conditioned diffusion model that fills holes in pictures of surfaces.

    python -m sceneforge.training.train_painter --data painter-data.npz --out run --minutes 9 --device cuda

How it works, for a reader who learns diffusion here:

*Forward.* A picture x (values -1..1) is drowned in Gaussian noise e little by little. At step t of 1000 it is
z = sqrt(a_t) x + sqrt(1 - a_t) e, where a_t falls from 1 to 0 along a cosine. At the end nothing of x is left, so a
picture of pure noise is a fair sample of the last step.

*What is learnt.* Given z, t and the conditions, the network says the velocity v = sqrt(a_t) e - sqrt(1 - a_t) x. Both
x = sqrt(a_t) z - sqrt(1 - a_t) v and e = sqrt(1 - a_t) z + sqrt(a_t) v follow from it, and unlike e alone v stays
meaningful at both ends. The loss is the squared error of v ("flat"), or that weighed by min(s, 5) / (s + 1) with the
signal-to-noise ratio s = a_t / (1 - a_t) (Min-SNR, Hang et al. 2023). The weights that ship were trained with Min-SNR,
which was a mistake: it gives the noisiest steps next to no weight, and there the network learnt neither colour nor
layout.

*Reverse.* To paint, start from noise and repeatedly ask the network which x it sees in z, then move to a less noisy
step consistent with that x. DPM-Solver++ (Lu et al. 2022) takes a dozen such steps; see `generative/windows.py`.

*Conditions.* What the prompt means (a concept vector), metres per pixel, the known pixels with their mask, and for half
of the examples a coarser picture of the same window (so that one network first lays out a large surface and then
refines it: a cascade, Ho et al. 2022, whose guide is noised a little so that flaws of the first stage do not matter).
One example in eight has its prompt dropped; the difference between the answers with and without prompt tells the
sampler which way the prompt pulls (classifier-free guidance).
"""

from __future__ import annotations

import argparse
import io
import json
import math
import time
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from sceneforge.generative.concepts import CLASSES, COLORS, LAID, NAMES
from sceneforge.generative.network import (
    CONDITION,
    CONFIG,
    REFERENCE_SCALE_M,
    SCALE_AT,
    SCHEDULE,
    WINDOW,
    build_network,
    condition,
    velocity,
)  # fmt: skip
from sceneforge.generative.text import understand_prompt

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


@dataclass(frozen=True)
class Data:
    """The pictures on the training device."""

    tiles: torch.Tensor
    """(N, 256, 256, 3) uint8; smaller tiling pictures repeat, smaller others are marked by `side`."""
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


def load_data(path: Path, device: str) -> Data:
    """Read the npz of `painter_data`."""
    with np.load(path) as f:
        z = {k: f[k] for k in f.files if k != "text"}
    starts = np.concatenate([[0], z["ends"][:-1]])
    with ThreadPool(8) as pool:
        images = pool.map(
            lambda se: np.asarray(Image.open(io.BytesIO(z["bytes"][se[0] : se[1]].tobytes()), formats=("WEBP",))),
            list(zip(starts, z["ends"], strict=True)),
        )
    tiles = np.zeros((len(images), 256, 256, 3), np.uint8)
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
        torch.from_numpy(z["scale"]).to(device),
        torch.from_numpy(z["captions"].astype(np.float32)).to(device),
        torch.from_numpy(weight / weight.sum()).to(device),
        torch.from_numpy(z["held"].astype(np.float64)).to(device),
    )


def draw(
    data: Data, n: int, g: torch.Generator, *, held: bool = False
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """n augmented windows.

    Returns:
        (pictures (n, 3, 128, 128) in -1..1, concept vectors (n, concepts), metres per pixel (n,)).
    """
    device = data.tiles.device

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
    reach = WINDOW / 2 * (cos.abs() + sin.abs())
    zoom = torch.where(
        wrap, zoom, torch.minimum(zoom, (side / 2 - 1) / reach)
    )  # a crop must fit into what does not tile
    margin = torch.where(wrap, torch.zeros_like(reach), zoom * reach)
    cx = margin + (side - 2 * margin) * uniform(0, 1)
    cy = margin + (side - 2 * margin) * uniform(0, 1)
    line = (torch.arange(WINDOW, device=device) + 0.5 - WINDOW / 2).float()
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


def masks(n: int, device: torch.device, g: torch.Generator) -> torch.Tensor:
    """(n, 1, 128, 128) of 1 where to paint: mostly everything, else boxes, half planes and blobs."""

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=g, device=device)

    line = torch.linspace(-1, 1, WINDOW, device=device)
    x, y = line[None, None, :], line[None, :, None]
    center, half = rand(n, 2, 1, 1) * 1.6 - 0.8, 0.15 + 0.65 * rand(n, 2, 1, 1)
    box = ((x - center[:, 0]).abs() < half[:, 0]) & ((y - center[:, 1]).abs() < half[:, 1])
    angle = rand(n, 1, 1) * 2 * math.pi
    plane = x * torch.cos(angle) + y * torch.sin(angle) > rand(n, 1, 1) * 1.2 - 0.6
    field = torch.nn.functional.interpolate(
        torch.randn(n, 1, 7, 7, generator=g, device=device), WINDOW, mode="bicubic"
    )[:, 0]
    blobs = field > rand(n, 1, 1) * 1.2 - 0.6
    which = rand(n, 1, 1)
    mask = torch.where(which < 0.18, box, torch.where(which < 0.28, plane, blobs))
    return torch.where(which > 0.45, torch.ones_like(mask), mask)[:, None].float()


def guides(picture: torch.Tensor, g: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A coarser, slightly noised copy for half of the windows (0 for the others), and which have one (n,) bool."""
    n, device = len(picture), picture.device
    resize = torch.nn.functional.interpolate
    coarse = [resize(resize(picture, WINDOW // f, mode="area"), WINDOW, mode="bicubic") for f in (2, 3, 4)]
    which = torch.randint(0, 3, (n,), generator=g, device=device)
    guide = torch.stack(coarse)[which, torch.arange(n, device=device)]
    noise = torch.randn(n, 3, WINDOW // 4, WINDOW // 4, generator=g, device=device)
    strength = 0.06 * torch.rand(n, 1, 1, 1, generator=g, device=device)
    guide = guide + strength * resize(noise, WINDOW, mode="bilinear")
    has = torch.rand(n, generator=g, device=device) < 0.5
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
    data: Data, n: int, alphas: torch.Tensor, g: torch.Generator, *, min_snr: bool, held: bool = False
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor, torch.Tensor]:
    """n examples: the network's inputs, the true velocity, and the weight of its error."""
    picture, concepts, scale = draw(data, n, g, held=held)
    mask = masks(n, picture.device, g)
    guide, has = guides(picture, g)
    told = tell(concepts, scale, has, mask, g)
    step = torch.randint(0, len(alphas), (n,), generator=g, device=picture.device)
    a = alphas[step][:, None, None, None]
    noise = torch.randn(picture.shape, generator=g, device=picture.device)
    noisy = a.sqrt() * picture + (1 - a).sqrt() * noise
    truth = a.sqrt() * noise - (1 - a).sqrt() * picture
    snr = a / (1 - a).clamp(min=1e-8)
    weight = (torch.clamp(snr, max=5.0) / (snr + 1) if min_snr else 1.0) * (0.1 + 0.9 * mask)
    return (noisy, picture * (1 - mask), mask, guide, told, step), truth, weight


def cosine_alphas(device: str) -> torch.Tensor:
    """(1000,) remaining signal a_t, as diffusers' schedulers compute it."""
    from diffusers import DDPMScheduler

    alphas: torch.Tensor = DDPMScheduler(**SCHEDULE).alphas_cumprod
    return alphas.to(device)


def train(options: argparse.Namespace) -> None:
    """Train until the minutes are over; write weights, the loss curve and samples into `--out`."""
    started = time.time()
    torch.manual_seed(options.seed)
    device = options.device
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    g = torch.Generator(device=device).manual_seed(options.seed)
    data = load_data(options.data, device)
    network = build_network().to(device, memory_format=torch.channels_last)
    averaged = {k: v.detach().clone() for k, v in network.state_dict().items()}
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=options.rate, weight_decay=0.01, betas=(0.9, 0.99), fused=device == "cuda"
    )
    done = _resume(options, network, averaged, optimizer)
    run = torch.compile(network) if options.compile else network
    alphas, min_snr = cosine_alphas(device), options.weighing == "min-snr"
    print(f"{sum(p.numel() for p in network.parameters()):,} parameters, {len(data.tiles)} pictures, "
          f"ready after {time.time() - started:.0f} s", flush=True)  # fmt: skip
    curve: list[tuple[float, int, float, float]] = []
    validation = math.nan
    losses: list[torch.Tensor] = []
    begun, saved, shown, step = time.time(), time.time(), time.time(), done
    while step == done or time.time() - started < options.minutes * 60:
        share = min((time.time() - started) / (options.minutes * 60), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = (
                options.rate * min(1, (step + 1) / 300) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
            )
        inputs, truth, weight = batch(data, options.batch, alphas, g, min_snr=min_snr)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            said = velocity(run, *inputs)
        loss = (weight * (said.float() - truth) ** 2).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        keep = min(0.9995, 1 - 1 / (step + 1) ** 0.75)
        with torch.no_grad():
            torch._foreach_lerp_(list(averaged.values()), list(network.state_dict().values()), 1 - keep)
        losses.append(loss.detach())
        if time.time() - shown > options.show_every:
            value = float(torch.stack(losses).mean())
            curve.append((time.time() - begun, step, value, validation))
            pace = len(losses) * options.batch / (time.time() - shown)
            print(f"{time.time() - started:6.0f} s  step {step}  loss {value:.5f}  {pace:.0f} windows/s", flush=True)
            losses, shown = [], time.time()
        if time.time() - saved > 60:
            validation = held_loss(network, averaged, data, alphas, 4 * options.batch, min_snr)
            _save(options, network, averaged, optimizer, step, curve)
            saved = time.time()
    validation = held_loss(network, averaged, data, alphas, 4 * options.batch, min_snr)
    curve.append((time.time() - begun, step, curve[-1][2] if curve else math.nan, validation))
    _save(options, network, averaged, optimizer, step, curve)
    if options.samples:
        samples(network, averaged, options.out / "samples.png", device)
    print(f"done: {step} steps of {options.batch} in {time.time() - started:.0f} s", flush=True)


@torch.no_grad()
def held_loss(
    network: Any, averaged: dict[str, torch.Tensor], data: Data, alphas: torch.Tensor, n: int, min_snr: bool
) -> float:
    """Loss of the averaged weights on n fixed windows of the pictures held out."""
    if not data.held.any():
        return math.nan
    device = data.tiles.device
    g = torch.Generator(device=device).manual_seed(1)
    inputs, truth, weight = batch(data, n, alphas, g, min_snr=min_snr, held=True)
    said = torch.func.functional_call(Told(network), {f"network.{k}": v for k, v in averaged.items()}, inputs)
    return float((weight * (said - truth) ** 2).mean())


class Told(torch.nn.Module):
    """`network.velocity` as a module, so that it can be called with other weights."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return velocity(self.network, *inputs)


@torch.no_grad()
def samples(network: Any, averaged: dict[str, torch.Tensor], path: Path, device: str) -> None:
    """A sheet of every class: laid out at 12 mm per pixel (left), its middle refined to 4 mm (right)."""
    from diffusers import DPMSolverMultistepScheduler

    told_net = Told(network)
    weights = {f"network.{k}": v for k, v in averaged.items()}
    prompts = [k.replace("_", " ") for k in CLASSES] + ["dark oak boards", "blue tiles", "red brick", "white marble"]
    vectors = torch.from_numpy(np.stack([understand_prompt(p).vector for p in prompts])).to(device)
    n = len(prompts)
    guide = torch.zeros(n, 3, WINDOW, WINDOW, device=device)
    g = torch.Generator(device=device).manual_seed(0)
    rows = []
    for scale, has in ((0.012, False), (0.004, True)):
        scheduler = DPMSolverMultistepScheduler(**SCHEDULE)
        scheduler.set_timesteps(16)
        z = torch.randn(n, 3, WINDOW, WINDOW, generator=g, device=device)
        known, mask = torch.zeros_like(z), torch.ones_like(z[:, :1])
        told = torch.from_numpy(
            np.stack([condition(v.cpu().numpy(), scale, guided=has, known=False) for v in (*vectors, *(vectors * 0))])
        ).to(device)
        for t in scheduler.timesteps:
            twice = [torch.cat([a, a]) for a in (z, known, mask, guide)]
            v = torch.func.functional_call(told_net, weights, (*twice, told, t.to(device).expand(2 * n)))
            z = scheduler.step(v[n:] + 2.5 * (v[:n] - v[n:]), t, z, return_dict=False)[0]
        rows.append(z)
        middle = z[:, :, 43:86, 43:86].clamp(-1, 1)
        guide = torch.nn.functional.interpolate(middle, WINDOW, mode="bicubic").clamp(-1, 1)
    both = torch.cat(rows, 3).clamp(-1, 1).permute(0, 2, 3, 1).cpu().numpy()
    both = np.concatenate([both, np.zeros((-n % 5, *both.shape[1:]), np.float32)]).reshape(-1, 5, WINDOW, 2 * WINDOW, 3)
    sheet = both.transpose(0, 2, 1, 3, 4).reshape(-1, 5 * 2 * WINDOW, 3)
    Image.fromarray(((sheet + 1) * 127.5 + 0.5).clip(0, 255).astype(np.uint8)).save(path)


def _resume(options: argparse.Namespace, network: Any, averaged: dict[str, torch.Tensor], optimizer: Any) -> int:
    """Continue a run from its state, if there is one; the steps already done."""
    state = options.out / "state.pt"
    if not (options.resume and state.is_file()):
        return 0
    held = torch.load(state, map_location=options.device, weights_only=True)
    network.load_state_dict(held["network"])
    optimizer.load_state_dict(held["optimizer"])
    for k, v in held["averaged"].items():
        averaged[k].copy_(v)
    return int(held["step"])


def _save(
    options: argparse.Namespace,
    network: Any,
    averaged: dict[str, torch.Tensor],
    optimizer: Any,
    step: int,
    curve: list[Any],
) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    half = {k: v.half().contiguous().cpu() for k, v in averaged.items()}
    meta = {
        "config": json.dumps(CONFIG),
        "schedule": json.dumps(SCHEDULE),
        "names": json.dumps(NAMES),
        "steps": str(step),
    }
    save_file(half, options.out / "painter.partial", metadata=meta)
    (options.out / "painter.partial").replace(options.out / "painter.safetensors")
    (options.out / "loss.json").write_text(
        json.dumps({"columns": ["seconds", "step", "loss", "held_out"], "rows": curve})
    )
    if options.state:
        held = {
            "network": network.state_dict(),
            "averaged": averaged,
            "optimizer": optimizer.state_dict(),
            "step": step,
        }
        torch.save(held, options.out / "state.pt")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="npz of sceneforge.training.painter_data")
    parser.add_argument("--out", type=Path, required=True, help="folder for weights and curves")
    parser.add_argument("--minutes", type=float, default=9.0, help="stop and save after this long, start-up included")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--weighing", choices=("flat", "min-snr"), default="flat", help="of the noise levels")
    parser.add_argument("--compile", action="store_true", help="let torch.compile fuse the network first")
    parser.add_argument("--state", action="store_true", help="keep the optimiser's state too, to go on later")
    parser.add_argument("--resume", action="store_true", help="go on from the state in --out")
    parser.add_argument("--samples", action="store_true", help="end with a sheet of samples")
    parser.add_argument("--show-every", type=float, default=5.0, help="seconds between lines of the log")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
