"""Depth checkpoints of a folder or the hub, through transformers: Depth Anything, DPT, ZoeDepth, GLPN, Depth Pro.

The picture is prepared as the checkpoint's own preprocessor_config.json says (size, multiple, mean and deviation), with
OpenCV: the processors of transformers want torchvision, which nothing else here needs. Only safetensors weights are
loaded.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import Camera, InputError, MissingExtra
from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.perception.depth.estimator import DepthEstimator, DepthGuess, Kind

KINDS: dict[str, Kind] = {
    "depth_anything": "disparity",
    "dpt": "disparity",
    "zoedepth": "metric",
    "glpn": "metric",
    "depth_pro": "metric",
}
"""What a model type answers; Depth Anything's metric checkpoints say so in their configuration."""
METRIC_SHARE, RELATIVE_SHARE = 0.12, 0.15
"""Standard deviation as a share of depth: published AbsRel on NYU is about half of it; rooms differ."""
MAX_SIDE = 2048


def load(*, model: str, device: str = "cpu", download: bool = False) -> DepthEstimator:
    """A checkpoint as a depth estimator.

    Args:
        model: Folder with config.json and model.safetensors, or a name on the hub.
        device: Where torch runs it.
        download: Allow a hub name to be fetched; otherwise only what is already on this machine is used.

    Raises:
        MissingExtra: torch or transformers is not installed.
        InputError: The checkpoint is missing, damaged or of another kind.
    """
    try:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoConfig, AutoModelForDepthEstimation
    except ImportError as error:
        raise MissingExtra(error.name or "transformers", "models", "Depth from a learned model") from error
    try:
        config = AutoConfig.from_pretrained(model, local_files_only=not download)
    except (OSError, ValueError) as error:
        raise _no_checkpoint(model, download, error) from error
    if config.model_type not in KINDS:
        raise InputError(
            f"is a '{config.model_type}' model", path=model, expected=f"a depth model: {', '.join(sorted(KINDS))}"
        )
    try:
        network = AutoModelForDepthEstimation.from_pretrained(
            model, use_safetensors=True, local_files_only=not download
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"cannot be loaded ({_line(error)})", path=model, expected="model.safetensors") from error
    kind = KINDS[config.model_type]
    if getattr(config, "depth_estimation_type", "") == "metric":
        kind = "metric"
    network.eval().to(device)
    return _Estimator(network, torch, _preparation(model, download), kind, config.model_type, device)


class _Estimator:
    def __init__(
        self, network: Any, torch: Any, preparation: dict[str, Any], kind: Kind, model_type: str, device: str
    ) -> None:
        self.name = f"huggingface:{model_type}"
        self._network, self._torch, self._preparation = network, torch, preparation
        self._kind: Kind = kind
        self._type, self._device = model_type, device

    def estimate(self, color: UInt8, camera: Camera, up: Float64 | None = None) -> DepthGuess:
        """See `DepthEstimator`."""
        import cv2

        torch = self._torch
        pixels = prepared(color, self._preparation)
        with torch.no_grad():
            out = self._network(pixel_values=torch.from_numpy(pixels[None]).to(self._device))
        raw = out.predicted_depth.squeeze().float().cpu().numpy()
        values = cv2.resize(raw, (camera.width, camera.height), interpolation=cv2.INTER_LINEAR)
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        if self._type == "depth_pro":  # answers canonical inverse depth (Bochkovskii et al. 2024, eq. 1)
            values = camera.fx / camera.width / np.clip(values, 1e-4, 1e4)
        share = METRIC_SHARE if self._kind == "metric" else RELATIVE_SHARE
        return DepthGuess(np.maximum(values, 0).astype(np.float32), self._kind, share)


def prepared(color: UInt8, preparation: dict[str, Any]) -> Float32:
    """(3, h, w) network input as a preprocessor_config.json describes it."""
    import cv2

    h, w = color.shape[:2]
    size = preparation.get("size") or {"height": 384, "width": 384}
    if isinstance(size, int):
        size = {"height": size, "width": size}
    if "height" in size:
        height, width = float(size["height"]), float(size["width"])
        if preparation.get("keep_aspect_ratio"):
            scales = (height / h, width / w)
            scale = min(scales, key=lambda s: abs(1 - s))  # as the networks were trained: the smaller change
            height, width = h * scale, w * scale
    elif "shortest_edge" in size:
        scale = float(size["shortest_edge"]) / min(h, w)
        height, width = h * scale, w * scale
    else:
        height, width = float(h), float(w)
    if preparation.get("do_resize") is False:
        height, width = float(h), float(w)
    step = int(preparation.get("ensure_multiple_of") or preparation.get("size_divisor") or 1)
    rows, columns = (
        int(np.clip(max(round(x / step), 1) * step, step, MAX_SIDE // step * step)) for x in (height, width)
    )
    method = cv2.INTER_CUBIC if rows * columns >= h * w else cv2.INTER_AREA
    x = cv2.resize(color, (columns, rows), interpolation=method).astype(np.float32)
    if preparation.get("do_rescale", True):
        x *= np.float32(preparation.get("rescale_factor", 1 / 255))
    if preparation.get("do_normalize", True):
        x = (x - np.float32(preparation.get("image_mean", 0.5))) / np.float32(preparation.get("image_std", 0.5))
    return np.ascontiguousarray(x.transpose(2, 0, 1), dtype=np.float32)


def _preparation(model: str, download: bool) -> dict[str, Any]:
    path: Path | None = Path(model) / "preprocessor_config.json"
    assert path is not None
    if not Path(model).is_dir():
        from transformers.utils.hub import cached_file

        found = cached_file(
            model,
            "preprocessor_config.json",
            local_files_only=not download,
            _raise_exceptions_for_missing_entries=False,
        )
        path = None if found is None else Path(found)
    if path is None or not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"is not JSON ({_line(error)})", path=path, expected="a preprocessor's settings") from error
    if not isinstance(data, dict):
        raise InputError("is not a JSON object", path=path, expected="a preprocessor's settings")
    return data


def _no_checkpoint(model: str, download: bool, error: Exception) -> InputError:
    if Path(model).is_dir() or download:
        return InputError(f"holds no configuration ({_line(error)})", path=model, expected="a checkpoint")
    return InputError(
        "is neither a folder nor a checkpoint that is on this machine",
        path=model,
        expected="a folder with config.json and model.safetensors",
        fix="give that folder, or allow a name of the hub to be fetched (--download, or download=True)",
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
