"""Finished pictures of a video kept without loss beside it, so that a render that was stopped goes on where it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import write_aside, write_bytes
from sceneforge.core.arrays import UInt8

MARK = "fingerprint.txt"
MEMORY = "memory.npz"


class FrameCache:
    """Pictures by number, and what the renderer carries over after the last of them.

    Kept in a hidden folder; one made from other inputs is thrown away. A picture counts only once the memory behind it
    is on disk too, so that a stop at any moment leaves a state that can be continued.

    Args:
        folder: Made if needed.
        fingerprint: Of everything that the pictures depend on.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder
        mark = folder / MARK
        if folder.exists() and (not mark.is_file() or mark.read_text(encoding="utf-8") != fingerprint):
            self.drop()
        write_bytes(mark, fingerprint.encode())
        self.memory: dict[str, NDArray[Any]] = self._read_memory()
        """What was saved with the last picture; empty at the start."""
        self.count = int(self.memory["cache.count"]) if self.memory else 0
        """Pictures that need not be made again."""

    def _read_memory(self) -> dict[str, NDArray[Any]]:
        path = self.folder / MEMORY
        if not path.is_file():
            return {}
        try:
            with np.load(path, allow_pickle=False) as file:
                memory = dict(file)
        except (OSError, ValueError, EOFError, BadZipFile):
            return {}
        count = int(memory.get("cache.count", 0))
        return memory if all(self._path(i).is_file() for i in range(count)) else {}

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.png"

    def read(self, number: int) -> UInt8:
        """A picture (H, W, 3) uint8 sRGB.

        Raises:
            OSError: It is damaged.
        """
        import cv2

        image = cv2.imread(str(self._path(number)), cv2.IMREAD_COLOR)
        if image is None:
            raise OSError(f"{self._path(number)}: damaged; delete {self.folder} and render again")
        return np.ascontiguousarray(image[..., ::-1])

    def write(self, number: int, picture: UInt8, memory: Mapping[str, NDArray[Any]]) -> None:
        """Keep a picture, then what carries over after it."""
        import cv2

        done, data = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not done:
            raise OSError(f"{self._path(number)}: the picture could not be packed")
        write_bytes(self._path(number), data.tobytes())
        with write_aside(self.folder / MEMORY) as aside, aside.open("wb") as file:
            np.savez(file, **{"cache.count": np.array(number + 1)}, **dict(memory))  # type: ignore[arg-type]

    def drop(self) -> None:
        """Delete the folder."""
        away = self.folder.with_name(f"{self.folder.name}.{os.getpid()}.old")
        if self.folder.exists():
            self.folder.replace(away)
            shutil.rmtree(away, ignore_errors=True)
