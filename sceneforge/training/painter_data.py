"""Gather what the embedded painter learns from into one file: pictures, their scale, and captions of ours.

    python -m sceneforge.training.painter_data --textures assets/textures --out painter-data.npz

`--textures` holds a folder per class and an index.json with a licence for each picture. Only CC0 and public-domain
pictures are taken. A fifth of the photographs of each class is left out for evaluation. For every class our own
procedural generators add pictures at scales that the photographs do not reach.

The npz holds: `bytes` and `ends` (concatenated WebP files), `kind` (index into concepts.CLASSES), `wrap` (tiles?),
`scale` (metres per pixel), `photo`, `held`
(out for evaluation), `captions` (N, V, concepts) float16 concept vectors, `text` (N, V) the captions.
"""

from __future__ import annotations

import argparse
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from PIL import Image

from sceneforge.core import write_aside
from sceneforge.core.arrays import Float32, UInt8
from sceneforge.generative.concepts import CLASSES, COLORS
from sceneforge.generative.photographs import photographs
from sceneforge.generative.procedural import texture
from sceneforge.generative.text import understand_prompt

SIDE = 256
"""Stored pictures are at most this large; larger photographs are cut up, at several scales."""
MADE = 192
"""Pixels along the side of a procedural picture: enough for a window turned by any angle."""
VARIANTS = 6
"""Captions per picture."""
NOUNS = {
    "asphalt": ("asphalt", "tarmac"), "bark": ("tree bark", "bark"), "brick": ("brick wall", "bricks", "brickwork"),
    "carpet": ("carpet", "rug"), "ceiling_tiles": ("ceiling tiles", "acoustic panels"),
    "clouds": ("sky with clouds", "clouds"), "concrete": ("concrete", "cement"), "cork": ("cork", "corkboard"),
    "fabric": ("fabric", "cloth", "woven textile"), "grass": ("grass", "lawn", "turf"),
    "gravel": ("gravel", "pebbles"), "ground": ("soil", "dirt ground", "earth"), "ice": ("ice", "frozen lake"),
    "lava": ("lava", "molten rock"), "leaves": ("fallen leaves", "foliage"), "marble": ("marble", "polished marble"),
    "meadow": ("meadow", "meadow with flowers"), "metal": ("metal", "sheet metal"), "milkyway": ("milky way", "galaxy"),
    "moss": ("moss", "lichen"), "nebula": ("nebula", "cosmic nebula"), "paper": ("paper", "cardboard"),
    "plaster": ("plaster", "painted wall", "stucco"), "rock": ("rock", "cliff"), "roof": ("roof tiles", "shingles"),
    "sand": ("sand", "beach", "desert"), "snow": ("snow", "snow field"),
    "starfield": ("stars", "night sky", "starry sky"),
    "stone_paving": ("stone paving", "cobblestones", "paving stones"), "terrazzo": ("terrazzo",),
    "thatch": ("thatch", "straw"), "tiles": ("tiles", "ceramic tiles"), "wallpaper": ("wallpaper",),
    "water": ("water", "sea", "pond"), "wood": ("wood", "timber"), "cracked": ("cracked earth", "parched clay"),
    "wood_floor": ("wooden floor", "boards", "parquet", "planks"),
}  # fmt: skip
"""Class -> what people call it."""
TEMPLATES = ("{a} {c} {n}", "{c} {n}", "{n}", "{a} {n}", "a floor of {a} {c} {n}", "{n}, {c} and {a}")


@dataclass(frozen=True)
class Picture:
    """One picture to learn from."""

    image: UInt8
    """(H, W, 3), at most 256 x 256."""
    kind: str
    """Its class."""
    scale: float
    """Metres per pixel."""
    photo: bool
    """A photograph, not made by us."""
    held: bool = False
    """Kept for evaluation."""


def cut(image: UInt8, scale: float) -> Iterator[tuple[UInt8, float]]:
    """A photograph as stored pictures: itself if it is small, else crops at each halving of its size."""
    while min(image.shape[:2]) > SIDE * 1.5:
        for top in range(0, image.shape[0] - SIDE + 1, SIDE + 64):
            for left in range(0, image.shape[1] - SIDE + 1, SIDE + 64):
                yield image[top : top + SIDE, left : left + SIDE], scale
        h, w = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        image = image[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).mean((1, 3)).astype(np.uint8)
        scale *= 2
    yield image[:SIDE, :SIDE], scale


def tiles_well(image: UInt8) -> bool:
    """Whether opposite edges meet about as smoothly as neighbouring pixels do."""
    f = image.astype(np.float32)
    for axis in (0, 1):
        inside = np.abs(np.diff(f, axis=axis)).mean() + 0.5
        seam = np.abs(np.take(f, 0, axis) - np.take(f, -1, axis)).mean()
        if seam > 2.0 * inside:
            return False
    return True


def made(job: tuple[str, int]) -> Picture:
    """One procedural picture of a class, at a random scale between 3 and 14 mm per pixel."""
    kind, seed = job
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    scale = float(np.exp(rng.uniform(np.log(0.003), np.log(0.014))))
    origin = (float(rng.uniform(0, 50)), float(rng.uniform(0, 50)))
    image = texture(
        understand_prompt(kind.replace("_", " ")), (MADE, MADE), scale, 1000 + seed, origin_m=origin, supersample=2
    )
    return Picture((image * 255 + 0.5).astype(np.uint8), kind, scale, False)


def level(picture: Picture) -> Picture:
    """Boards and grain turned to run along x, as everywhere in this package."""
    if picture.kind not in {"wood", "wood_floor"}:
        return picture
    gray = picture.image.astype(np.float32).mean(-1)
    along_x, along_y = np.abs(np.diff(gray, axis=1)).mean(), np.abs(np.diff(gray, axis=0)).mean()
    turned = along_x > 1.15 * along_y
    return replace(picture, image=np.rot90(picture.image).copy()) if turned else picture


def lab(image: UInt8) -> Float32:
    """Mean CIE L*a*b* (3,) of a picture."""
    import cv2

    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).mean((0, 1)), np.float32)


def color_names(mean: Float32) -> list[str]:
    """The nearest one or two colour names."""
    import cv2

    palette = np.array([[[int(c[i : i + 2], 16) / 255 for i in (0, 2, 4)]] for c in COLORS.values()], np.float32)
    distance = np.linalg.norm(cv2.cvtColor(palette, cv2.COLOR_RGB2LAB)[:, 0] - mean, axis=1)
    order = np.argsort(distance)
    near = [list(COLORS)[i] for i in order[:2] if distance[i] < 1.35 * distance[order[0]] + 4]
    return near


def describe(pictures: list[Picture], seed: int) -> list[list[str]]:
    """Captions for every picture: class words, colours measured, qualities by rank within the class."""
    rng = np.random.default_rng(seed)
    means = np.array([lab(p.image) for p in pictures])
    spread = np.array([p.image.astype(np.float32).mean(-1).std() for p in pictures])
    kinds = np.array([p.kind for p in pictures])
    captions = []
    for i, p in enumerate(pictures):
        peers = kinds == p.kind
        light, busy = (means[peers, 0] < means[i, 0]).mean(), (spread[peers] < spread[i]).mean()
        chroma = float(np.hypot(*means[i, 1:]))
        words = [w for w, yes in (("dark", light < 0.25), ("light", light > 0.75), ("smooth", busy < 0.2)) if yes]
        words += [w for w, yes in (("rough", busy > 0.85), ("vivid", chroma > 48), ("muted", chroma < 5)) if yes]
        colors = color_names(means[i])
        texts = []
        for _ in range(VARIANTS):
            noun = str(rng.choice(NOUNS[p.kind]))
            adjective = str(rng.choice(words)) if words else ""
            color = " and ".join(rng.permutation(colors)[: int(rng.integers(1, len(colors) + 1))])
            texts.append(" ".join(str(rng.choice(TEMPLATES)).format(a=adjective, c=color, n=noun).split()))
        captions.append(texts)
    return captions


def gather(root: Path, per_class: int, processes: int) -> list[Picture]:
    """All pictures to learn from, in a fixed order."""
    pictures = [
        level(Picture(piece, kind, s, "proc256" not in path, held))
        for held in (False, True)
        for path, kind, image, scale in photographs(root, held=held)
        for piece, s in cut(image, scale)
    ]
    with Pool(processes) as pool:
        pictures += pool.map(made, [(k, i) for k in CLASSES for i in range(per_class)], chunksize=4)
    return pictures


def pack(pictures: list[Picture], out: Path, seed: int) -> None:
    """Write the npz."""
    texts = describe(pictures, seed)
    files, flags = [], []
    for p in pictures:
        stream = io.BytesIO()
        Image.fromarray(p.image).save(stream, "WEBP", quality=86, method=4)
        files.append(np.frombuffer(stream.getvalue(), np.uint8))
        flags.append(p.photo and tiles_well(p.image))
    vectors = np.array([[understand_prompt(t).vector for t in row] for row in texts], np.float16)
    with write_aside(out) as aside, aside.open("wb") as f:
        np.savez(
            f,
            bytes=np.concatenate(files),
            ends=np.cumsum([len(b) for b in files]),
            kind=np.array([CLASSES.index(p.kind) for p in pictures], np.int16),
            wrap=np.array(flags),
            scale=np.array([p.scale for p in pictures], np.float32),
            photo=np.array([p.photo for p in pictures]),
            held=np.array([p.held for p in pictures]),
            captions=vectors,
            text=np.array(texts),
        )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--textures", type=Path, required=True, help="folder with a folder per class and index.json")
    parser.add_argument("--out", type=Path, required=True, help="npz to write")
    parser.add_argument("--per-class", type=int, default=24, help="procedural pictures per class")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    pictures = gather(options.textures, options.per_class, options.processes)
    pack(pictures, options.out, options.seed)
    print(
        f"{len(pictures)} pictures, {sum(p.photo for p in pictures)} photographed, {options.out.stat().st_size:,} bytes"
    )


if __name__ == "__main__":
    main()
