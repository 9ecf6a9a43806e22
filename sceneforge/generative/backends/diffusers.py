"""The diffusers painter: any inpainting checkpoint of the Stable Diffusion class, from a folder or the hub.

The real pipeline runs on the whole picture; only its UNet is replaced by one that looks at overlapping windows and
averages (MultiDiffusion), so a surface larger than the model's own picture has neither seams nor repeats. Weights are
read from safetensors files alone, and no code of a checkpoint is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sceneforge.core import InputError, MissingExtra, UsageError
from sceneforge.core.arrays import UInt8
from sceneforge.generative.painter import MaskedPainter, Request
from sceneforge.generative.windows import plane_noise

if TYPE_CHECKING:
    import torch

OVERLAP = 4
"""Neighbouring windows share one part in this many."""


class DiffusersPainter(MaskedPainter):
    """A pipeline of diffusers as a painter."""

    name = "diffusers"

    def __init__(self, pipeline: Any, steps: int, guidance: float, controlled: bool, suffix: str) -> None:
        self._pipeline, self._steps, self._guidance = pipeline, steps, guidance
        self._controlled, self._suffix = controlled, suffix

    def make(self, request: Request) -> UInt8:
        """The pipeline reads the prompt itself. A depth ControlNet is shown a flat plane."""
        if not request.prompt.strip():
            raise UsageError("the prompt is empty; say what the surface should become")
        import torch

        pipe = self._pipeline
        unit = pipe.vae_scale_factor * 8
        height, width = (-(-n // unit) * unit for n in request.alpha.shape)
        known = _padded(request.image, height, width)
        hole = _padded((request.alpha > 0).astype(np.uint8) * 255, height, width)
        if not request.match_surroundings:
            known, hole = np.full_like(known, 127), np.full_like(hole, 255)
        factor = pipe.vae_scale_factor
        column, row = (round(m / request.metres_per_pixel) // factor for m in request.origin_m)
        around = (request.periodic[1], request.periodic[0])
        shape = (height // factor, width // factor)
        repeat = (shape[0] * around[0], shape[1] * around[1])
        noise = plane_noise(shape, (row, column), request.seed, pipe.vae.config.latent_channels, repeat)
        extra = {"control_image": _image(np.full_like(known, 128))} if self._controlled else {}
        unet = pipe.unet
        try:
            pipe.unet = windowed(unet, around)
            made = pipe(
                prompt=f"{request.prompt}{self._suffix}",
                image=_image(known),
                mask_image=_image(hole),
                height=height,
                width=width,
                strength=1.0,
                num_inference_steps=self._steps,
                guidance_scale=self._guidance,
                latents=torch.from_numpy(noise)[None].to(pipe.device, pipe.dtype),
                generator=torch.Generator("cpu").manual_seed(request.seed),
                callback_on_step_end=_reporter(request, self._steps),
                output_type="np",
                **extra,
            ).images[0]
        finally:
            pipe.unet = unet
        h, w = request.alpha.shape
        return np.asarray(np.clip(made[:h, :w] * 255 + 0.5, 0, 255), np.uint8)


def load(
    model: str | Path | None = None,
    *,
    depth_controlnet: str | Path | None = None,
    steps: int = 25,
    guidance: float = 7.5,
    device: str = "cpu",
    half: bool = False,
    download: bool = False,
    suffix: str = ", top-down view, flat seamless surface texture, evenly lit",
) -> DiffusersPainter:
    """Load a checkpoint.

    Args:
        model: Folder of a diffusers checkpoint, or a hub name such as "owner/name".
        depth_controlnet: Folder or hub name of a depth ControlNet for it.
        steps: Of the checkpoint's own scheduler.
        guidance: Classifier-free guidance scale.
        device: "cpu" or "cuda".
        half: 16-bit weights; for GPUs.
        download: Allow a hub name to be fetched; otherwise only what is already on this machine is used.
        suffix: Added to every prompt.

    Raises:
        UsageError: No model is named.
        InputError: It is not there, or holds no safetensors weights.
        MissingExtra: torch or diffusers is not installed.
    """
    if model is None:
        raise UsageError("the diffusers painter needs a checkpoint; pass model=FOLDER or model='owner/name'")
    try:
        import torch
        from diffusers import AutoPipelineForInpainting, ControlNetModel
    except ImportError as e:
        raise MissingExtra(
            (e.name or "diffusers").split(".")[0], "paint", "painting with a diffusers checkpoint"
        ) from None
    options: dict[str, Any] = {
        "use_safetensors": True,
        "local_files_only": not download,
        "torch_dtype": torch.float16 if half else torch.float32,
    }
    try:
        if depth_controlnet is not None:
            control = ControlNetModel.from_pretrained(str(depth_controlnet), **options)
            options |= {"controlnet": control}
        pipeline = AutoPipelineForInpainting.from_pretrained(str(model), **options, safety_checker=None)
    except (OSError, ValueError) as e:
        raise InputError(
            f"no usable checkpoint ({str(e).splitlines()[0]})",
            path=str(model),
            expected="a diffusers inpainting checkpoint with safetensors weights",
            fix="give the folder it lies in; load_painter('diffusers', model=NAME, download=True) fetches one",
        ) from None
    pipeline.set_progress_bar_config(disable=True)
    pipeline.vae.enable_tiling()
    return DiffusersPainter(pipeline.to(device), steps, guidance, depth_controlnet is not None, suffix)


def windowed(unet: Any, periodic: tuple[bool, bool]) -> Any:
    """The UNet as one that takes latents of any size: windows of its own size, averaged where they overlap."""
    import torch

    side = int(unet.config.sample_size)

    class WindowedUNet(torch.nn.Module):
        config, dtype, device = unet.config, unet.dtype, unet.device

        def forward(self, sample: torch.Tensor, timestep: Any, **told: Any) -> Any:
            total = torch.zeros_like(sample[:, : unet.config.out_channels])
            norm = torch.zeros(sample.shape[2:], device=sample.device, dtype=sample.dtype)
            weight = _fade(side, sample)
            extra = {k: told.pop(k, None) for k in ("down_block_additional_residuals", "mid_block_additional_residual")}
            told.pop("return_dict", None)
            for r, c in _places((sample.shape[2], sample.shape[3]), side, periodic):
                rows, columns = torch.from_numpy(r)[:, None], torch.from_numpy(c)[None, :]
                cut = {k: _cut(v, r, c, sample.shape[2]) for k, v in extra.items() if v is not None}
                w = weight[: len(r), : len(c)]
                said = unet(sample[:, :, rows, columns], timestep, return_dict=False, **told, **cut)[0]
                total[:, :, rows, columns] += said * w
                norm[rows, columns] += w
            return (total / norm,)

    return WindowedUNet()


def _places(shape: tuple[int, int], side: int, periodic: tuple[bool, bool]) -> list[tuple[Any, Any]]:
    """Row and column indices of the windows; first pixels are multiples of 8, as ControlNet residuals need."""
    firsts = []
    for size, around in zip(shape, periodic, strict=True):
        step = max(8, side - side // OVERLAP) // 8 * 8
        last = 0 if size <= side else size - side
        firsts.append(
            list(range(0, size, step))
            if around and size > side
            else sorted({min(k, last) for k in range(0, size, step)})
        )
    line = [np.arange(min(side, size)) for size in shape]
    return [((t + line[0]) % shape[0], (f + line[1]) % shape[1]) for t in firsts[0] for f in firsts[1]]


def _cut(residual: Any, r: Any, c: Any, full: int) -> Any:
    """ControlNet residuals of a window; each level is a whole factor smaller than the latents."""
    if isinstance(residual, list | tuple):
        return tuple(_cut(x, r, c, full) for x in residual)
    factor = max(1, round(full / residual.shape[2]))
    rows, columns = r[::factor] // factor, c[::factor] // factor
    return residual[:, :, rows[:, None], columns[None, :]]


def _fade(side: int, like: torch.Tensor) -> torch.Tensor:
    import torch

    line = torch.minimum(torch.arange(side) + 0.5, side - torch.arange(side) - 0.5) / (side / OVERLAP)
    ramp = line.clamp(0.02, 1).to(like)
    return ramp[:, None] * ramp[None, :]


def _padded(array: UInt8, height: int, width: int) -> UInt8:
    spare = [(0, height - array.shape[0]), (0, width - array.shape[1])] + [(0, 0)] * (array.ndim - 2)
    return np.pad(array, spare, mode="edge")


def _image(array: UInt8) -> Any:
    from PIL import Image

    return Image.fromarray(array)


def _reporter(request: Request, steps: int) -> Any:
    def report(_pipe: Any, step: int, _t: Any, kept: dict[str, Any]) -> dict[str, Any]:
        request.report((step + 1) / steps)
        return kept

    return report
