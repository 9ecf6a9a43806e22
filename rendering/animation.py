"""A finished video as an animated picture for pages that play no videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sceneforge.core import UsageError, write_aside

WIDTH, FPS = 480, 10.0
PALETTE_FROM = 8
"""Pictures that a GIF's colours are chosen from."""
QUALITY = 62
"""Of WebP; higher is larger."""


def animation(video: Path, path: Path, *, width: int = WIDTH, fps: float = FPS, seconds: float | None = None) -> Path:
    """Write an MP4 again as WebP or GIF, by the suffix of `path`; it plays without end.

    Args:
        video: The MP4 file.
        path: With the suffix .webp or .gif.
        width: Of the pictures, pixels; smaller videos keep their own.
        fps: Pictures per second, at most the video's.
        seconds: Only this much from the start.

    Raises:
        UsageError: The suffix is neither.
    """
    import av
    from PIL import Image

    kind = path.suffix.lower()
    if kind not in (".webp", ".gif"):
        raise UsageError(f"{path}: an animation is written as .webp or .gif")
    pictures: list[Any] = []
    with av.open(str(video)) as container:
        stream: Any = container.streams.video[0]
        rate = float(stream.average_rate)
        step = max(rate / fps, 1.0)
        for number, frame in enumerate(container.decode(stream)):
            if seconds is not None and number / rate >= seconds:
                break
            if number < round(len(pictures) * step):
                continue
            image = Image.fromarray(frame.to_ndarray(format="rgb24"))
            if image.width > width:
                image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
            pictures.append(image)
    lasts = round(1000 * step / rate)
    with write_aside(path) as aside:
        if kind == ".webp":
            options: dict[str, Any] = {"format": "WEBP", "quality": QUALITY, "method": 4}
        else:
            palette = _palette(pictures)
            pictures = [p.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for p in pictures]
            options = {"format": "GIF", "optimize": False, "disposal": 1}
        pictures[0].save(aside, save_all=True, append_images=pictures[1:], duration=lasts, loop=0, **options)
    return path


def _palette(pictures: list[Any]) -> Any:
    """One palette for all pictures, from a few of the whole video: what stands still keeps its colours."""
    from PIL import Image

    few = pictures[:: max(len(pictures) // PALETTE_FROM, 1)]
    w, h = few[0].size
    sheet = Image.new("RGB", (w, h * len(few)))
    for n, picture in enumerate(few):
        sheet.paste(picture, (0, n * h))
    return sheet.quantize(255, dither=Image.Dither.NONE)
