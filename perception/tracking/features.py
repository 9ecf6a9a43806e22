"""Features and their matches: root-SIFT (Lowe 2004; Arandjelovic & Zisserman 2012), and which pictures look alike.

Descriptors are small integers, so that their products are exact in float32 whatever order a matrix product sums in: the
matches do not depend on threads or machine.
"""

from __future__ import annotations

import numpy as np

from sceneforge.core.arrays import Float32, Float64, Int32, UInt8


def detect(grey: UInt8, limit: int) -> tuple[Float64, UInt8]:
    """Find features in a grey image (H, W).

    Returns:
        xy: (n, 2) pixel positions, strongest first; n <= limit.
        descriptors: (n, 128) uint8 of norm about 256.
    """
    import cv2

    sift = cv2.SIFT.create(nfeatures=4 * limit, contrastThreshold=0.015)
    keypoints: list[cv2.KeyPoint] = list(sift.detect(grey, None))
    order = _spread(keypoints, grey.shape, limit)
    keypoints = [keypoints[i] for i in order]
    if not keypoints:
        return np.zeros((0, 2)), np.zeros((0, 128), dtype=np.uint8)
    kept, raw = sift.compute(grey, keypoints)
    xy = np.array([k.pt for k in kept], dtype=np.float64).reshape(-1, 2)
    share = raw.astype(np.float64)
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    return xy, np.minimum(np.rint(np.sqrt(share) * 256), 255).astype(np.uint8)


def _spread(keypoints: list, shape: tuple[int, ...], limit: int) -> list[int]:  # type: ignore[type-arg]
    """Indices of at most `limit` keypoints, strong ones first but no image cell before its turn."""
    if not keypoints:
        return []
    rows = np.array([(k.pt[0], k.pt[1], k.response, k.size, k.angle) for k in keypoints])
    cell = (rows[:, 1] * 6 // shape[0]).astype(np.int64) * 8 + (rows[:, 0] * 8 // shape[1]).astype(np.int64)
    order = np.lexsort((rows[:, 4], rows[:, 3], rows[:, 1], rows[:, 0], -rows[:, 2]))
    by_cell = order[np.argsort(cell[order], kind="stable")]
    cells = cell[by_cell]
    first = np.r_[True, cells[1:] != cells[:-1]]
    start = np.maximum.accumulate(np.where(first, np.arange(len(cells)), 0))
    turn = np.empty(len(rows), dtype=np.int64)
    turn[by_cell] = np.arange(len(cells)) - start
    quota = 3 * limit // 48
    chosen = order[np.lexsort((np.arange(len(order)), turn[order] >= quota))]
    return [int(i) for i in chosen[:limit]]


def match(a: UInt8, b: UInt8, ratio: float = 0.85) -> Int32:
    """Mutual nearest neighbours (m, 2) of descriptors a (n, 128) and b (k, 128) that pass Lowe's ratio test one way."""
    if len(a) < 2 or len(b) < 2:
        return np.zeros((0, 2), dtype=np.int32)
    fa, fb = a.astype(np.float32), b.astype(np.float32)
    # squared distances are whole numbers below 2^24: exact
    D = (fa * fa).sum(axis=1)[:, None] + (fb * fb).sum(axis=1)[None, :] - 2 * (fa @ fb.T)
    best = D.argmin(axis=1)
    back = D.argmin(axis=0)
    rows = np.arange(len(a))
    first = D[rows, best]
    D[rows, best] = np.inf
    second = D.min(axis=1)
    good = (back[best] == rows) & (first < ratio * ratio * second)
    return np.column_stack([rows[good], best[good]]).astype(np.int32)


def picture_vectors(descriptors: list[UInt8], seed: int, words: int = 512) -> Float32:
    """Bags of visual words (Sivic & Zisserman 2003): one unit vector (n, words) per picture.

    The vocabulary comes from the scan itself: a few rounds of k-means on a sample of its descriptors.
    """
    rng = np.random.default_rng(seed)
    per_picture = max(8, 24000 // max(1, len(descriptors)))
    samples = [d[rng.permutation(len(d))[:per_picture]] for d in descriptors]
    sample = np.concatenate(samples).astype(np.float32)
    words = min(words, max(1, len(sample) // 4))
    centres = sample[np.sort(rng.permutation(len(sample))[:words])]
    for _ in range(6):
        nearest = _nearest_word(sample, centres)
        counts = np.bincount(nearest, minlength=words)
        # whole-number sums: exact in float64 in any order
        sums = np.zeros((words, sample.shape[1]))
        np.add.at(sums, nearest, sample.astype(np.float64))
        centres = np.where(counts[:, None] > 0, np.rint(sums / np.maximum(counts, 1)[:, None]), centres).astype(
            np.float32
        )
    bags = np.stack(
        [np.bincount(_nearest_word(d.astype(np.float32), centres), minlength=words) for d in descriptors]
    ).astype(np.float64)
    rarity = np.log((1 + len(bags)) / (1 + np.count_nonzero(bags, axis=0)))
    vectors = np.sqrt(bags) * rarity
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _nearest_word(descriptors: Float32, centres: Float32) -> Int32:
    if not len(descriptors):
        return np.zeros(0, dtype=np.int32)
    out = [
        ((centres * centres).sum(axis=1)[None, :] - 2 * (part @ centres.T)).argmin(axis=1)
        for part in np.array_split(descriptors, max(1, len(descriptors) // 8192))
    ]
    return np.concatenate(out).astype(np.int32)
