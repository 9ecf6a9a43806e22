"""Shape-checked, read-only arrays: every value type passes its arrays through here once, when it is made."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]
Int32: TypeAlias = NDArray[np.int32]
UInt8: TypeAlias = NDArray[np.uint8]

Dim: TypeAlias = int | None


def frozen_array(value: ArrayLike, shape: tuple[Dim, ...], dtype: DTypeLike, name: str) -> NDArray[Any]:
    """Return `value` as a read-only array of exactly this dtype and shape.

    Args:
        value: Anything numpy can turn into an array. An array that already fits is not copied unless writeable
            memory is shared with the caller, in which case a copy keeps the value type truly immutable.
        shape: Expected shape; None stands for any length.
        dtype: Target dtype.
        name: What to call the value in the error.

    Raises:
        ValueError: The shape differs.
    """
    if type(value) is np.ndarray and value.dtype == dtype and value.shape == shape and not value.flags.writeable:
        return value  # the common case, and per frame there are dozens
    array = np.asarray(value, dtype=dtype)
    if array.shape != shape and (
        array.ndim != len(shape) or any(w not in (None, n) for w, n in zip(shape, array.shape, strict=True))
    ):
        wanted = ", ".join("N" if d is None else str(d) for d in shape)
        raise ValueError(f"{name}: expected shape ({wanted}), got {array.shape}")
    if array.flags.writeable:
        array = array.copy() if isinstance(value, np.ndarray) and np.shares_memory(array, value) else array
        array.flags.writeable = False
    return array


def owned_array(value: NDArray[Any], shape: tuple[Dim, ...], dtype: DTypeLike, name: str) -> NDArray[Any]:
    """Like `frozen_array` for arrays whose memory the caller hands over: checks, freezes, never copies a match."""
    array = np.asarray(value, dtype=dtype)
    array.flags.writeable = False
    return frozen_array(array, shape, dtype, name)


def rigid_transform(value: ArrayLike, name: str, *, tolerance: float = 1e-4) -> Float64:
    """Return a read-only 4x4 float64 rigid transform.

    Raises:
        ValueError: The matrix is not 4x4, not finite, or its upper-left block is not a rotation within `tolerance`.
    """
    T = frozen_array(value, (4, 4), np.float64, name)
    if not np.isfinite(T).all():
        raise ValueError(f"{name}: contains NaN or infinity")
    R = T[:3, :3]
    if np.abs(R @ R.T - np.eye(3)).max() > tolerance or np.linalg.det(R) < 0:
        raise ValueError(f"{name}: upper-left 3x3 block is not a rotation (det {np.linalg.det(R):.4f})")
    if np.abs(T[3] - (0, 0, 0, 1)).max() > 1e-9:
        raise ValueError(f"{name}: last row must be 0 0 0 1, got {T[3].tolist()}")
    return T


def runs(mask: NDArray[np.bool_], close: int = 0) -> list[tuple[int, int]]:
    """Half-open stretches of True in a 1-D mask, those less than `close` + 1 apart joined."""
    edge = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    out: list[tuple[int, int]] = []
    for a, b in edge.reshape(-1, 2).tolist():
        if out and a - out[-1][1] <= close:
            out[-1] = (out[-1][0], b)
        else:
            out.append((a, b))
    return out
