"""Rows shared out over cores, for compiled loops that release the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_parts(count: int, work: Callable[[int, int], None]) -> None:
    """Call `work(first, last)` on parts of `range(count)`, each on its own thread.

    Every item is worked on once and alone, so that the result does not depend on the number of threads.
    """
    threads = min(cores(), 8, max(count // 16, 1))
    bounds = [count * k // threads for k in range(threads + 1)]
    if threads == 1:
        work(0, count)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, bounds[:-1], bounds[1:]))
