"""Train the embedded painter: a text-conditioned diffusion model that fills holes in pictures of surfaces.

    python -m sceneforge.training.train_painter --network base --data painter-data.npz --out run --minutes 72
    python -m sceneforge.training.train_painter --network detail --data painter-data.npz --out run --minutes 9

How it works, for a reader who learns diffusion here:

*Forward.* A picture x (values -1..1) is drowned in Gaussian noise e little by little. At step t of 1000 it is
z = sqrt(a_t) x + sqrt(1 - a_t) e, where a_t falls from 1 to 0 along a cosine. At the end nothing of x is left, so a
picture of pure noise is a fair sample of the last step.

*What is learnt.* Given z, t and the conditions, the network says the velocity v = sqrt(a_t) e - sqrt(1 - a_t) x. Both
x = sqrt(a_t) z - sqrt(1 - a_t) v and e = sqrt(1 - a_t) z + sqrt(a_t) v follow from it, and unlike e alone v stays
meaningful at both ends. The loss is the squared error of v. `--levels` says how the steps share it. Beware of "min-snr"
alone: it gives the noisiest steps next to no weight, and there the network learns neither colour nor layout. The detail
network was trained so and cannot start from noise; the base network ("flat") can, and hands over to it.

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
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from sceneforge.generative.concepts import CLASSES, NAMES
from sceneforge.generative.network import DESIGNS, SCHEDULE, Design, build_network, condition, velocity
from sceneforge.generative.text import understand_prompt

from .painter_batches import LEVELS, Data, batch, cosine_alphas, load_data


def train(options: argparse.Namespace) -> None:
    """Train until the minutes are over; write weights, the loss curve and samples into `--out`."""
    started = time.time()
    torch.manual_seed(options.seed)
    device = options.device
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    g = torch.Generator(device=device).manual_seed(options.seed)
    design = DESIGNS[options.network]
    data = load_data(options.data, device, design)
    network = build_network(design)
    if options.start:
        network.load_state_dict({k: v.float() for k, v in load_file(options.start).items()})
    network.to(device, memory_format=torch.channels_last)
    averaged = {k: v.detach().clone() for k, v in network.state_dict().items()}
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=options.rate, weight_decay=0.01, betas=(0.9, 0.99), fused=device == "cuda"
    )
    done = _resume(options, network, averaged, optimizer)
    run = torch.compile(network) if options.compile else network
    alphas, levels = cosine_alphas(device), options.levels
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
        inputs, truth, weight = batch(data, options.batch, alphas, g, levels=levels)
        with torch.autocast(device, torch.bfloat16, enabled=options.bf16):
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
            validation = held_loss(network, averaged, data, alphas, 4 * options.batch, levels)
            _save(options, network, averaged, optimizer, step, curve)
            saved = time.time()
    validation = held_loss(network, averaged, data, alphas, 4 * options.batch, levels)
    curve.append((time.time() - begun, step, curve[-1][2] if curve else math.nan, validation))
    _save(options, network, averaged, optimizer, step, curve)
    if options.samples:
        samples(network, averaged, design, options.out / "samples.png", device)
    print(f"done: {step} steps of {options.batch} in {time.time() - started:.0f} s", flush=True)


@torch.no_grad()
def held_loss(
    network: Any, averaged: dict[str, torch.Tensor], data: Data, alphas: torch.Tensor, n: int, levels: str
) -> float:
    """Loss of the averaged weights on n fixed windows of the pictures held out."""
    if not data.held.any():
        return math.nan
    device = data.tiles.device
    g = torch.Generator(device=device).manual_seed(1)
    inputs, truth, weight = batch(data, n, alphas, g, levels=levels, held=True)
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
def samples(network: Any, averaged: dict[str, torch.Tensor], design: Design, path: Path, device: str) -> None:
    """A sheet of every class from pure noise: at the coarsest scale that the network serves (left), and the middle of
    that again at a third of it, with the first as guide (right)."""
    from diffusers import DPMSolverMultistepScheduler

    told_net, side, first = Told(network), design.window, 0.012 * design.shrink
    weights = {f"network.{k}": v for k, v in averaged.items()}
    prompts = [k.replace("_", " ") for k in CLASSES] + ["dark oak boards", "blue tiles", "red brick", "white marble"]
    vectors = torch.from_numpy(np.stack([understand_prompt(p).vector for p in prompts])).to(device)
    n = len(prompts)
    guide = torch.zeros(n, 3, side, side, device=device)
    g = torch.Generator(device=device).manual_seed(0)
    rows = []
    for scale, has in ((first, False), (first / 3, True)):
        scheduler = DPMSolverMultistepScheduler(**SCHEDULE)
        scheduler.set_timesteps(20)
        z = torch.randn(n, 3, side, side, generator=g, device=device)
        known, mask = torch.zeros_like(z), torch.ones_like(z[:, :1])
        told = torch.from_numpy(
            np.stack([condition(v.cpu().numpy(), scale, guided=has, known=False) for v in (*vectors, *(vectors * 0))])
        ).to(device)
        for t in scheduler.timesteps:
            twice = [torch.cat([a, a]) for a in (z, known, mask, guide)]
            v = torch.func.functional_call(told_net, weights, (*twice, told, t.to(device).expand(2 * n)))
            z = scheduler.step(v[n:] + 2.0 * (v[:n] - v[n:]), t, z, return_dict=False)[0]
        rows.append(z)
        middle = z[:, :, side // 3 : side * 2 // 3, side // 3 : side * 2 // 3].clamp(-1, 1)
        guide = torch.nn.functional.interpolate(middle, side, mode="bicubic").clamp(-1, 1)
    both = torch.cat(rows, 3).clamp(-1, 1).permute(0, 2, 3, 1).cpu().numpy()
    both = np.concatenate([both, np.zeros((-n % 5, *both.shape[1:]), np.float32)]).reshape(-1, 5, side, 2 * side, 3)
    sheet = both.transpose(0, 2, 1, 3, 4).reshape(-1, 5 * 2 * side, 3)
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
        "config": json.dumps(DESIGNS[options.network].config),
        "schedule": json.dumps(SCHEDULE),
        "names": json.dumps(NAMES),
        "steps": str(step),
    }
    save_file(half, options.out / "weights.partial", metadata=meta)
    (options.out / "weights.partial").replace(options.out / f"{options.network}.safetensors")
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
    parser.add_argument("--network", choices=tuple(DESIGNS), default="detail", help="which of the two to train")
    parser.add_argument("--minutes", type=float, default=9.0, help="stop and save after this long, start-up included")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--levels", choices=LEVELS, default="flat", help="how noise levels share the loss")
    parser.add_argument("--start", type=Path, help="weights of an earlier run to start from")
    parser.add_argument(
        "--bf16",
        action=argparse.BooleanOptionalAction,
        default=torch.cuda.is_available(),
        help="compute in bfloat16; CPUs with AVX512-BF16 gain by it, others lose",
    )
    parser.add_argument("--compile", action="store_true", help="let torch.compile fuse the network first")
    parser.add_argument("--state", action="store_true", help="keep the optimiser's state too, to go on later")
    parser.add_argument("--resume", action="store_true", help="go on from the state in --out")
    parser.add_argument("--samples", action="store_true", help="end with a sheet of samples")
    parser.add_argument("--show-every", type=float, default=5.0, help="seconds between lines of the log")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
