"""Voxel blocks by number: a bounded share of them in memory, the rest in a temporary file.

Blocks live in slots. When slots run out, the blocks that were used longest ago move to a file of fixed-size records
and come back when they are asked for, bit for bit. Until then nothing is written. The file has no name, so nothing is
left behind, not even after a crash; it lies where the system keeps temporary files (TMPDIR).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core import EnvironmentProblem
from sceneforge.core.arrays import Int32

VOXELS = 512
FIELDS: tuple[tuple[str, Any, tuple[int, ...]], ...] = (
    ("sdf", np.float32, (VOXELS,)),
    ("weight", np.float32, (VOXELS,)),
    ("seen", np.uint8, (VOXELS,)),
    ("color", np.uint16, (VOXELS, 3)),
)
RECORD = sum(np.dtype(d).itemsize * int(np.prod(shape)) for _, d, shape in FIELDS)
"""Bytes of a block."""
AT_ONCE = 1 << 18
"""Slots that are set aside without looking at need."""


class BlockStore:
    """Blocks of voxels, zero until they are written.

    Args:
        memory_mb: What the blocks in memory may take, MiB. One call that needs more blocks at once gets them.

    Attributes:
        voxels: Per field of `FIELDS` an array (slots, ...). Valid until the next call of `resident`.
    """

    def __init__(self, memory_mb: float) -> None:
        self.voxels: dict[str, NDArray[Any]] = {}
        self._slot_of = np.full(4096, -1, np.int32)
        self._kept = np.zeros(4096, bool)
        self._taken, self._now = 0, 0
        self._holds, self._used = np.zeros(0, np.int32), np.zeros(0, np.int64)
        self._changed = np.zeros(0, bool)
        self._file: IO[bytes] | None = None
        self._limit = max(int(memory_mb * 2**20 / RECORD), 1)
        self._allocate(min(self._limit, AT_ONCE))

    @property
    def slots(self) -> int:
        """Blocks that memory is set aside for."""
        return len(self._holds)

    @property
    def bytes_on_disk(self) -> int:
        """Size of the temporary file."""
        return 0 if self._file is None else self._file.seek(0, 2)

    def resident(self, numbers: Int32, *, write: bool) -> Int32:
        """Slots of blocks (n,), which are all in memory now.

        Args:
            numbers: (n,) distinct block numbers, from 0.
            write: Whether the caller changes their voxels.

        Raises:
            EnvironmentProblem: The temporary file could not be written or read.
        """
        self._know(int(numbers.max(initial=-1)) + 1)
        self._now += 1
        slots = self._slot_of[numbers]
        absent = slots < 0
        if absent.any():
            self._used[slots[~absent]] = self._now
            self._bring(np.sort(numbers[absent]))
            slots = self._slot_of[numbers]
        self._used[slots] = self._now
        if write:
            self._changed[slots] = True
        return slots

    def _bring(self, numbers: Int32) -> None:
        if self._taken + len(numbers) > self.slots < self._limit:
            self._allocate(min(max(2 * self.slots, self._taken + len(numbers)), self._limit))
        lacking = len(numbers) - (self.slots - self._taken)
        idle = np.flatnonzero(self._used[: self._taken] < self._now) if lacking > 0 else np.empty(0, np.int64)
        if lacking > len(idle):
            self._allocate(self.slots + lacking - len(idle))
            lacking = len(idle)
        fresh = np.arange(self._taken, min(self._taken + len(numbers), self.slots))
        self._taken += len(fresh)
        old = np.empty(0, np.int64)
        if lacking > 0:
            old = idle[np.argpartition(self._used[idle], lacking - 1)[:lacking]]
            self._put_away(old)
        slots = np.concatenate([old, fresh]).astype(np.int32)
        self._slot_of[numbers], self._holds[slots] = slots, numbers
        self._changed[slots] = False
        known = self._kept[numbers]
        blank = slots[: len(old)][~known[: len(old)]]
        for array in self.voxels.values():
            array[blank] = 0
        if known.any():
            self._read(numbers[known], slots[known])

    def _put_away(self, slots: NDArray[np.int64]) -> None:
        """Write blocks that changed to the file, and forget where all of them were."""
        self._slot_of[self._holds[slots]] = -1
        slots = slots[self._changed[slots]]
        slots = slots[np.argsort(self._holds[slots])]
        numbers = self._holds[slots]
        records = np.empty((len(slots), RECORD), np.uint8)
        for array, part in self._columns(records):
            part[:] = array[slots].reshape(len(slots), array[0].size).view(np.uint8)
        with _disk():
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="sceneforge-")  # noqa: SIM115 - lives as long as the store
            for first, last in _runs(numbers):
                self._file.seek(int(numbers[first]) * RECORD)
                self._file.write(records[first:last].data)
        self._kept[numbers] = True

    def _read(self, numbers: Int32, slots: Int32) -> None:
        assert self._file is not None
        records = np.empty((len(numbers), RECORD), np.uint8)
        with _disk():
            for first, last in _runs(numbers):
                self._file.seek(int(numbers[first]) * RECORD)
                if self._file.readinto(records[first:last]) != (last - first) * RECORD:  # type: ignore[attr-defined]
                    raise OSError("it is shorter than what was written")
        for array, part in self._columns(records):
            array[slots] = np.ascontiguousarray(part).view(array.dtype).reshape(len(slots), *array.shape[1:])

    def _columns(self, records: NDArray[np.uint8]) -> Iterator[tuple[NDArray[Any], NDArray[np.uint8]]]:
        start = 0
        for name, dtype, shape in FIELDS:
            size = np.dtype(dtype).itemsize * int(np.prod(shape))
            yield self.voxels[name], records[:, start : start + size]
            start += size

    def _allocate(self, slots: int) -> None:
        # Ahead of need: pages that no block uses yet cost nothing, and copying would hold blocks twice.
        for name, dtype, shape in FIELDS:
            self.voxels[name] = self._larger(self.voxels.get(name, np.zeros((0, *shape), dtype)), slots)
        self._holds, self._used = self._larger(self._holds, slots), self._larger(self._used, slots)
        self._changed = self._larger(self._changed, slots)

    def _larger(self, array: NDArray[Any], slots: int) -> NDArray[Any]:
        out = np.zeros((slots, *array.shape[1:]), array.dtype)
        out[: self._taken] = array[: self._taken]
        return out

    def _know(self, count: int) -> None:
        have = len(self._slot_of)
        if count > have:
            more = max(count, 2 * have) - have
            self._slot_of = np.concatenate([self._slot_of, np.full(more, -1, np.int32)])
            self._kept = np.concatenate([self._kept, np.zeros(more, bool)])


def _runs(numbers: Int32) -> Iterator[tuple[int, int]]:
    """First and one past last index of each run of consecutive ascending numbers."""
    if not len(numbers):
        return
    cuts = np.flatnonzero(np.diff(numbers) != 1) + 1
    yield from zip([0, *cuts.tolist()], [*cuts.tolist(), len(numbers)], strict=True)


@contextmanager
def _disk() -> Iterator[None]:
    """Tells of a full or broken disk in words that help."""
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(
            f"the scan is larger than its memory limit, and its temporary file in {tempfile.gettempdir()} failed: "
            f"{error}. Make room there, set TMPDIR to a larger disk, or raise memory_mb"
        ) from error
