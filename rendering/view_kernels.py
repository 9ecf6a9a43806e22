"""What a frame shows of the real room, pixel by pixel: depth brought to the colour camera, fused, and cut along edges.

Plain arrays in, plain arrays out, one thread. Import this module only where it is used: numba takes a while to load.
"""

from __future__ import annotations

import math

import numpy as np

from .kernels import Array, kernel, sigma, smooth

NONE, SENSOR, MESH, PLANE = 0, 1, 2, 3
"""What a pixel's depth comes from."""
BINS = 16
"""Steps of inverse depth in which a gap between two surfaces is looked for."""
SWOLLEN_M = 0.08
"""How far a scanned mesh may reach out beyond a real edge into what no frame has measured: some voxels."""
STRANGE = 0.3
"""Likeness to both surfaces below which a pixel at an edge may be a mixture of the two."""
PLAIN = 6.0
"""Least squared distance of two surfaces' colours, over their variances, from which their mixture can be measured."""
UNLIKE = 0.1
"""Likeness that any colour has to either surface: what is like neither is decided by what is usual."""
DEEP_PX = 7
"""How far beyond a hole's rim its surroundings' colours are gathered."""
SHADOW = 2.0
"""How much likelier a hole beside a near edge shows the far surface, before colour is looked at."""
COLOR_STEP = 4
"""Squared colour distance per entry of `color_weights`."""


def color_weights(spread: float) -> Array:
    """Gaussian of colour distance as a table over the squared distance in steps of COLOR_STEP."""
    e = np.arange(int(9 * spread * spread / COLOR_STEP) + 1) * COLOR_STEP
    return np.exp(-e / (2 * spread * spread)).astype(np.float32)


@kernel
def agrees(a: float, b: float) -> bool:
    """Whether two depths can be one surface seen at neighbouring pixels."""
    return abs(a - b) <= max(0.03, 0.03 * min(a, b))


@kernel
def sensor_depth(depth: Array, need: Array, x0: int, y0: int, k: Array, kd: Array) -> tuple[Array, Array]:
    """Depth readings at colour pixels: (h, w) z in metres (0 = none) and whether the nine around are one surface.

    Where they are, their tent-weighted mean is taken and a lone hole is closed; at an edge the nearest reading alone,
    so that no depth between foreground and background is made up.
    """
    h, w = need.shape
    out, sure = np.zeros((h, w), dtype=np.float32), np.zeros((h, w), dtype=np.bool_)
    hd, wd = depth.shape
    for i in range(h):
        v = (y0 + i - k[3]) / k[1] * kd[1] + kd[3]
        cv = math.floor(v + 0.5)
        for j in range(w):
            if not need[i, j]:
                continue
            u = (x0 + j - k[2]) / k[0] * kd[0] + kd[2]
            cu = math.floor(u + 0.5)
            if cu < 0 or cv < 0 or cu >= wd or cv >= hd:
                continue
            n, low, high, total, weight = 0, 1e9, 0.0, 0.0, 0.0
            for b in range(max(cv - 1, 0), min(cv + 2, hd)):
                for a in range(max(cu - 1, 0), min(cu + 2, wd)):
                    d = depth[b, a]
                    if d > 0:
                        g = (1.5 - abs(a - u)) * (1.5 - abs(b - v))
                        low, high, total, weight, n = min(low, d), max(high, d), total + g * d, weight + g, n + 1
            if n >= 5 and agrees(low, high):
                out[i, j], sure[i, j] = total / weight, True
            else:
                out[i, j] = depth[cv, cu]
    return out, sure


@kernel
def fuse_depth(sensor: Array, sure: Array, hit: Array) -> tuple[Array, Array, Array]:
    """The real surface per pixel: (h, w) z (inf = unknown), its source and its standard error (inf = unknown).

    Where sensor and mesh see the same surface the mesh's steadier value is taken. Where they differ, the sensor is
    right about things that moved or that the mesh has not (people).
    """
    h, w = sensor.shape
    out, error = np.full((h, w), np.inf, dtype=np.float32), np.full((h, w), np.inf, dtype=np.float32)
    source = np.zeros((h, w), dtype=np.uint8)
    for i in range(h):
        for j in range(w):
            s, m = sensor[i, j], hit[i, j]
            if s > 0:
                e = sigma(s)
                out[i, j], source[i, j], error[i, j] = s, SENSOR, e if sure[i, j] else 2 * e
                if abs(s - m) <= 0.02 + 3 * e:
                    out[i, j], error[i, j] = m, 0.4 * e
            elif math.isfinite(m):
                out[i, j], source[i, j], error[i, j] = m, MESH, 0.6 * sigma(m)
    return out, source, error


@kernel
def ways_out(sensor: Array, reach: int) -> Array:
    """(4, h, w) int16: pixels to go left, right, up and down to the next reading, 0 = there is none within `reach`."""
    h, w = sensor.shape
    out = np.zeros((4, h, w), dtype=np.int16)
    above, below = np.full(w, -(1 << 20)), np.full(w, 1 << 20)
    for i in range(h):
        last = -(1 << 20)
        for j in range(w):
            if sensor[i, j] > 0:
                last, above[j] = j, i
            else:
                out[0, i, j] = j - last if j - last <= reach else 0
                out[2, i, j] = i - above[j] if i - above[j] <= reach else 0
    for i in range(h - 1, -1, -1):
        last = 1 << 20
        for j in range(w - 1, -1, -1):
            if sensor[i, j] > 0:
                last, below[j] = j, i
            else:
                out[1, i, j] = last - j if last - j <= reach else 0
                out[3, i, j] = below[j] - i if below[j] - i <= reach else 0
    return out


@kernel
def close_holes(
    out: Array,
    source: Array,
    error: Array,
    sensor: Array,
    lean: Array,
    need: Array,
    color: Array,
    x0: int,
    y0: int,
    reach: int,
    focal: float,
    weights: Array,
) -> None:
    """Depth for pixels without a reading, in place, from the readings around where these know more than the mesh.

    Between a near and a far surface most holes are the projector's shadow or a failed match, and show the far one; a
    scanned mesh swells into them, because nothing has ever been measured there. Colour has the last word. A hole
    within something that stands before the scanned room (dark hair) is that thing. Where nothing else is known, the
    farther surface is guessed, and the pixel's source stays NONE. Where `lean` is set, near is the likelier one.
    """
    h, w = out.shape
    ways = ways_out(sensor, reach)
    dx, dy = (-1, 1, 0, 0), (0, 0, -1, 1)
    for i in range(h):
        for j in range(w):
            if not need[i, j] or sensor[i, j] > 0:
                continue
            n, low, high, to_low, to_high, total, weight = 0, np.inf, 0.0, 0, 0, 0.0, 0.0
            for q in range(4):
                step = int(ways[q, i, j])
                if step:
                    z = sensor[i + step * dy[q], j + step * dx[q]]
                    if z < low:
                        low, to_low = z, step
                    if z > high:
                        high, to_high = z, step
                    n, total, weight = n + 1, total + z / step, weight + 1.0 / step
            if n == 0:
                continue
            base, known = out[i, j], source[i, j] != NONE
            gap = 0.15 if source[i, j] == MESH else 0.02
            enough = 3 if source[i, j] == MESH else 2
            if known and n >= enough and high < base - gap - 3 * sigma(high):
                out[i, j], source[i, j], error[i, j] = total / weight, SENSOR, 3 * sigma(high)
                continue
            if agrees(low, high) or high - low < (to_low + to_high) * low / focal:
                if not known:  # one surface, however slanted
                    out[i, j], error[i, j] = total / weight, 0.05 * high
                continue
            slack = 0.05 + 0.03 * base
            inside = to_low * low > SWOLLEN_M * focal
            if source[i, j] == MESH and (inside or (base < high - slack and abs(base - low) > slack)):
                continue  # too far in for the mesh's edge to be wrong, or a third surface
            middle, first, like0, like1, mass0, mass1 = 0.5 * (low + high), 0.0, 0.0, 0.0, 1e-6, 1e-6
            for q in range(4):
                step = int(ways[q, i, j])
                for further in range(step, step + DEEP_PX if step else step):
                    y, x = i + further * dy[q], j + further * dx[q]
                    if y < 0 or x < 0 or y >= h or x >= w or sensor[y, x] <= 0:
                        break
                    if further == step:
                        first = sensor[y, x]
                    elif not agrees(sensor[y, x], first):
                        break
                    like = alike(color, y0 + i, x0 + j, y0 + y, x0 + x, weights)
                    m = 0.1 + further - step  # right beside an edge depth is fattened
                    if first < middle:
                        like0, mass0 = like0 + m * like, mass0 + m
                    else:
                        like1, mass1 = like1 + m * like, mass1 + m
            doubt = 1.0 / SHADOW if lean[i, j] else SHADOW
            near = like0 / mass0 + UNLIKE > doubt * (like1 / mass1 + UNLIKE)
            total, weight = 0.0, 0.0
            for q in range(4):
                step = int(ways[q, i, j])
                if step:
                    z = sensor[i + step * dy[q], j + step * dx[q]]
                    if (z < middle) == near:
                        total, weight = total + z / step, weight + 1.0 / step
            z = total / weight
            if not known:
                out[i, j], error[i, j] = z, 0.05 * z
            elif abs(base - z) > slack:
                out[i, j], source[i, j], error[i, j] = z, SENSOR, 3 * sigma(z)


@kernel
def alike(color: Array, y0: int, x0: int, y1: int, x1: int, weights: Array) -> float:
    """How like two pixels' colours are, 0..1, by a table from `color_weights`."""
    r = float(color[y0, x0, 0]) - float(color[y1, x1, 0])
    g = float(color[y0, x0, 1]) - float(color[y1, x1, 1])
    b = float(color[y0, x0, 2]) - float(color[y1, x1, 2])
    e = int((r * r + g * g + b * b) / COLOR_STEP)
    return float(weights[e]) if e < len(weights) else 0.0


@kernel
def split_at(depth: Array, i: int, j: int, reach: int, step: int, low: float, high: float, counts: Array) -> float:
    """Depth that parts near from far around a pixel, 0 = there is one surface only, however slanted.

    The window's inverse depths are counted in BINS between its extremes; an edge leaves a long run of (nearly) empty
    bins, a slanted surface fills them all.
    """
    h, w = depth.shape
    counts[:] = 0
    a, scale = 1.0 / high, BINS / (1.0 / low - 1.0 / high + 1e-9)
    n = 0
    for y in range(max(i - reach, 0), min(i + reach + 1, h), step):
        for x in range(max(j - reach, 0), min(j + reach + 1, w), step):
            z = depth[y, x]
            if math.isfinite(z):
                counts[min(max(int((1.0 / z - a) * scale), 0), BINS - 1)] += 1
                n += 1
    few = n // 40  # flying pixels
    best, run, end = 0, 0, 0
    for b in range(BINS):
        run = run + 1 if counts[b] <= few else 0
        if run > best and b < BINS - 1:
            best, end = run, b
    if best < 4:
        return 0.0
    middle = a + (end - 0.5 * (best - 1) + 0.5) / scale
    return 1.0 / middle


@kernel
def add_color(sums: Array, side: int, weight: float, color: Array, y: int, x: int) -> None:
    """Add a pixel to a side's weighted sums: three channels, their squares together, the weight."""
    sums[side, 4] += weight
    for c in range(3):
        v = float(color[y, x, c])
        sums[side, c] += weight * v
        sums[side, 3] += weight * v * v


@kernel
def mixture(sums: Array, color: Array, y: int, x: int) -> float:
    """The near surface's share in a pixel whose colour lies between those of two plain surfaces; -1 = cannot be told.

    The line from the far side's mean colour to the near one's, as in matting; both must be plain beside their distance,
    and the pixel must lie on the line.
    """
    if sums[0, 4] < 1e-3 or sums[1, 4] < 1e-3:
        return -1.0
    apart, along, spread, length = 0.0, 0.0, 0.0, 0.0
    for c in range(3):
        near, far, v = sums[0, c] / sums[0, 4], sums[1, c] / sums[1, 4], float(color[y, x, c])
        apart += (near - far) ** 2
        along += (near - far) * (v - far)
        length += (v - far) ** 2
        spread -= near * near + far * far
    spread += sums[0, 3] / sums[0, 4] + sums[1, 3] / sums[1, 4]
    if apart < PLAIN * max(spread, 20.0):
        return -1.0
    share = along / apart
    off = length - along * share
    if share < 0.12 or share > 0.88 or off > 0.03 * apart:
        return -1.0
    return share


@kernel
def cut_edges(
    depth: Array,
    trust: Array,
    low: Array,
    high: Array,
    need: Array,
    color: Array,
    x0: int,
    y0: int,
    reach: int,
    step: int,
    blur: float,
    weights: Array,
) -> tuple[Array, Array, Array]:
    """Two surfaces per pixel near depth edges: (h, w) z of the nearer, of the farther, and the nearer one's cover 0..1.

    Depth knows which surfaces meet and roughly where; colour knows exactly where. The window's pixels are parted into
    near and far; how like each part's colours the pixel is (kernel density) and where the depth's edge lies (its
    blurred label) make the cover by Bayes' rule. Away from edges both surfaces are the pixel's own and the cover is 1.

    Args:
        depth: (h, w) z, inf = unknown.
        trust: (h, w) 0..1, how surely a pixel is on the side of the edge that its depth says.
        low, high: (h, w) least and greatest depth within `reach`.
        need: (h, w) pixels asked for.
        color: (H, W, 3) uint8, the whole picture; the arrays begin at its (x0, y0).
        reach: Half the window, pixels.
        step: Every how many pixels of the window are looked at.
        blur: Standard deviation of the error of depth edges, pixels.
        weights: From `color_weights`.
    """
    h, w = depth.shape
    near, far = depth.copy(), depth.copy()
    cover = np.ones((h, w), dtype=np.float32)
    counts = np.empty(BINS, dtype=np.int64)
    place = np.exp(-(np.arange(reach + 1) ** 2) / (2.0 * blur * blur))
    sums = np.zeros((2, 5))
    for i in range(h):
        for j in range(w):
            if not need[i, j] or not math.isfinite(depth[i, j]) or agrees(low[i, j], high[i, j]):
                continue
            split = split_at(depth, i, j, reach, step, low[i, j], high[i, j], counts)
            if split == 0.0:
                continue
            z0, z1, n0, n1 = 0.0, 0.0, 1e-9, 1e-9
            like0, like1, prior0, prior1 = 0.0, 0.0, 0.0, 0.0
            sums[:] = 0.0
            for y in range(max(i - reach, 0), min(i + reach + 1, h), step):
                # Every second pixel, like the black fields of a chessboard, says as much as all of them.
                left = max(j - reach, 0)
                for x in range(left + (left + y + i + j) % 2, min(j + reach + 1, w), 2 * step):
                    z = depth[y, x]
                    if not math.isfinite(z):
                        continue
                    q = alike(color, y0 + i, x0 + j, y0 + y, x0 + x, weights)
                    p = place[abs(y - i)] * place[abs(x - j)]
                    m = trust[y, x] * (0.1 + p)
                    if z < split:
                        like0, prior0, side = like0 + m * q, prior0 + p, 0
                        z0, n0 = z0 + (0.02 + p) * z, n0 + 0.02 + p
                    else:
                        like1, prior1, side = like1 + m * q, prior1 + p, 1
                        z1, n1 = z1 + (0.02 + p) * z, n1 + 0.02 + p
                    add_color(sums, side, m, color, y0 + y, x0 + x)
            if n0 < 1e-6 or n1 < 1e-6:
                continue
            like0, like1 = like0 / (sums[0, 4] + 1e-6) + 0.02, like1 / (sums[1, 4] + 1e-6) + 0.02
            a = smooth(0.1, 0.9, prior0 * like0 / (prior0 * like0 + prior1 * like1))
            strange = max(like0, like1) < STRANGE and 0.1 < prior0 / (prior0 + prior1) < 0.9
            mixed = mixture(sums, color, y0 + i, x0 + j) if strange else -1.0
            near[i, j], far[i, j], cover[i, j] = z0 / n0, z1 / n1, mixed if mixed >= 0 else a
    return near, far, cover
