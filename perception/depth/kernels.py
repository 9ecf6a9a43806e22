"""Compiled loops of depth refinement. Imported on first use only: numba is slow to import.

Everything works on inverse depth `w` = 1/z (1/m, 0 = none): a plane in space is a plane in inverse depth over the pixel
grid, exactly, and the noise of triangulating sensors is even in it. `gx`, `gy` are its slopes per pixel.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sceneforge.core.arrays import Float32, Int32, UInt8

BINS = 48
"""Bins of the vote histogram."""


@njit(cache=True, nogil=True)
def local_planes(
    first: int, last: int, w: Float32, noise: Float32, steepest: Float32, radius: int, out: Float32
) -> None:
    """Fit a plane to the readings around each reading, without those of other surfaces.

    Two passes of least squares: readings within the noise plus the steepest slope worth believing, then readings within
    the noise of the first fit.

    Args:
        first, last: Rows to work on.
        w: (H, W) inverse depth, 0 = none.
        noise: (H, W) standard deviation of w.
        steepest: (H, W) largest slope per pixel that one surface may have.
        radius: Half the window's width in pixels.
        out: (5, H, W) filled with w, gx, gy, readings used, root mean square residual; 0 where there is no fit.
    """
    height, width = w.shape
    for y in range(first, last):
        for x in range(width):
            out[:, y, x] = 0
            if w[y, x] <= 0:
                continue
            c, gx, gy = w[y, x], np.float32(0), np.float32(0)
            n, residual = 0, np.float32(0)
            for turn in range(2):
                s1 = sx = sy = sxx = sxy = syy = sw = sxw = syw = 0.0
                limit = np.float32(3.0) * noise[y, x]
                for dy in range(-radius, radius + 1):
                    yy = y + dy
                    if yy < 0 or yy >= height:
                        continue
                    for dx in range(-radius, radius + 1):
                        xx = x + dx
                        if xx < 0 or xx >= width:
                            continue
                        q = w[yy, xx]
                        if q <= 0:
                            continue
                        e = abs(q - c - gx * dx - gy * dy)
                        if turn == 0:
                            e -= steepest[y, x] * max(abs(dx), abs(dy))
                        if e > limit:
                            continue
                        s1 += 1
                        sx += dx
                        sy += dy
                        sxx += dx * dx
                        sxy += dx * dy
                        syy += dy * dy
                        sw += q
                        sxw += dx * q
                        syw += dy * q
                n = int(s1)
                if n < 5:
                    break
                a11, a12, a22 = sxx - sx * sx / s1, sxy - sx * sy / s1, syy - sy * sy / s1
                b1, b2 = sxw - sx * sw / s1, syw - sy * sw / s1
                det = a11 * a22 - a12 * a12
                if det > 1e-6 * a11 * a22 and det > 1e-3:
                    gx = np.float32((b1 * a22 - b2 * a12) / det)
                    gy = np.float32((a11 * b2 - a12 * b1) / det)
                else:
                    gx, gy = np.float32(0), np.float32(0)
                c = np.float32((sw - gx * sx - gy * sy) / s1)
            if n < 5:
                continue
            residual = np.float32(0)
            count = 0
            limit = np.float32(3.0) * noise[y, x]
            for dy in range(-radius, radius + 1, 2):
                for dx in range(-radius, radius + 1, 2):
                    yy, xx = y + dy, x + dx
                    if 0 <= yy < height and 0 <= xx < width and w[yy, xx] > 0:
                        e = w[yy, xx] - c - gx * dx - gy * dy
                        if abs(e) < limit:
                            residual += e * e
                            count += 1
            out[0, y, x], out[1, y, x], out[2, y, x], out[3, y, x] = c, gx, gy, n
            out[4, y, x] = np.sqrt(residual / max(count, 1))


@njit(cache=True, nogil=True)
def jumps(w: Float32, gx: Float32, gy: Float32, noise: Float32, least: float, reach: int) -> UInt8:
    """Pixels (H, W) at a depth edge: 1 on its near side, 2 on its far side, 0 elsewhere.

    Looks along rows and columns, across up to `reach` pixels without a reading.

    Args:
        w, gx, gy: (H, W) plane fits, 0 = none.
        noise: (H, W) standard deviation of w.
        least: Smallest jump, as a share of w.
        reach: Widest gap looked across, pixels.
    """
    height, width = w.shape
    out = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            if w[y, x] <= 0:
                continue
            for axis in range(2):
                for step in range(1, reach + 2):
                    yy, xx = (y, x + step) if axis == 0 else (y + step, x)
                    if yy >= height or xx >= width:
                        break
                    if w[yy, xx] <= 0:
                        continue
                    half = np.float32(0.5) * step
                    g, k = (gx, half) if axis == 0 else (gy, half)
                    gap = (w[y, x] + k * g[y, x]) - (w[yy, xx] - k * g[yy, xx])
                    limit = max(4 * (noise[y, x] + noise[yy, xx]), least * min(w[y, x], w[yy, xx]))
                    if abs(gap) > limit:
                        near, far = (np.uint8(1), np.uint8(2)) if gap > 0 else (np.uint8(2), np.uint8(1))
                        out[y, x], out[yy, xx] = near, far
                    break
    return out


@njit(cache=True, nogil=True)
def vote(
    first: int,
    last: int,
    todo: Int32,
    color: Float32,
    samples: Float32,
    trust: Float32,
    own: Float32,
    shadow: Float32,
    near: UInt8,
    hidden: Float32,
    least: float,
    support: float,
    noise: Float32,
    radius: int,
    color_sigma: float,
    out: Float32,
) -> None:
    """Depth of doubtful pixels by the vote of the surfaces around them (weighted mode, Min, Lu & Do 2012).

    Every sample in the window is carried to the pixel along its own plane and votes with its trust, falling with
    distance and with the difference of colour. The fullest bin of the histogram wins; its votes are averaged.

    Args:
        first, last: Which of `todo` to work on.
        todo: (n, 2) pixels, row and column.
        color: (H, W, 3) colour, 0..255, slightly smoothed.
        samples: (3, H, W) w, gx, gy; 0 = none.
        trust: (H, W) weight of each sample.
        own: (H, W) what the sensor itself says at the pixel, w, 0 = none: it supports the votes near it.
        shadow: (H, W) 0..1, how much less `near` samples count: beside near surfaces a sensor of two eyes sees nothing
            of what lies behind.
        near: (H, W) 1 = sample on the near side of a depth edge.
        hidden: (H, W) from `shadow_caps`: samples with a smaller w lie in the sensor's shadow at the pixel, and those
            with a larger one count less, in place of `near` ones; -1 = not known.
        least: A pixel waits whose votes weigh less than this share of a window of firm ones of its own colour.
        support: How many times likelier the sensor is right than wrong at such pixels: factor on the votes that agree
            with `own`.
        noise: (H, W) standard deviation of w, > 0 at all pixels.
        radius: Half the window's width.
        color_sigma: Colour difference (root of the sum over channels) at which a vote counts 0.61.
        out: (5, n) filled with w, spread of the winning votes, share of the votes that lost, mean squared distance
            of the losers, share of the votes that agree with `own` (-1 = no reading); w is 0 where the votes weigh too
            little.
    """
    height, width = samples.shape[1:]
    scale = np.float32(-0.5 / color_sigma**2)
    spread = np.float32(-0.5 / (0.5 * radius) ** 2)
    size = (2 * radius + 1) ** 2
    for i in range(first, last):
        y, x = todo[i, 0], todo[i, 1]
        out[:, i] = 0
        votes = np.empty(size, np.float32)
        differences = np.empty(size, np.float32)
        weights = np.empty(size, np.float32)
        n = 0
        low, high = np.float32(1e9), np.float32(0)
        mass = full = np.float32(0)
        closest = np.float32(1e9)
        for dy in range(-radius, radius + 1):
            yy = y + dy
            if yy < 0 or yy >= height:
                continue
            for dx in range(-radius, radius + 1):
                xx = x + dx
                if xx < 0 or xx >= width:
                    continue
                at_distance = np.exp(spread * (dx * dx + dy * dy))
                full += at_distance
                if trust[yy, xx] <= 0:
                    continue
                value = samples[0, yy, xx] - samples[1, yy, xx] * dx - samples[2, yy, xx] * dy
                if value <= 0.02:
                    continue
                d0 = color[yy, xx, 0] - color[y, x, 0]
                d1 = color[yy, xx, 1] - color[y, x, 1]
                d2 = color[yy, xx, 2] - color[y, x, 2]
                difference = d0 * d0 + d1 * d1 + d2 * d2
                k = trust[yy, xx] * at_distance
                seen = value > hidden[y, x] if hidden[y, x] >= 0 else near[yy, xx] > 0
                if seen:
                    k *= 1 - shadow[y, x]
                mass += k * np.exp(scale * difference)
                votes[n], weights[n], differences[n] = value, k, difference
                n += 1
                low, high = min(low, value), max(high, value)
                if trust[yy, xx] > 0.3:
                    closest = min(closest, difference)
        if n == 0 or mass < least * full:
            continue
        bin_width = max((high - low) / (BINS - 1), np.float32(1.5) * noise[y, x])
        histogram = np.zeros(BINS + 2, np.float32)
        total = np.float32(0)
        for j in range(n):
            # against the best match: at edges the picture mixes both sides, and the closer one is right
            weights[j] *= np.exp(scale * max(differences[j] - closest, np.float32(0))) + np.float32(1e-4)
            at = (votes[j] - low) / bin_width
            k = int(at)
            f = at - k
            histogram[k] += weights[j] * (1 - f)
            histogram[k + 1] += weights[j] * f
            total += weights[j]
        mine = -1
        backed = np.float32(0)
        if own[y, x] > 0:
            at = (own[y, x] - low) / bin_width
            if -1.5 < at < BINS + 0.5:
                mine = min(max(int(at + 0.5), 0), BINS)
                for k in range(max(mine - 1, 0), min(mine + 2, BINS + 1)):
                    backed += histogram[k]
                    histogram[k] *= np.float32(support)
        out[4, i] = backed / total if own[y, x] > 0 else -1
        best, most = 0, np.float32(-1)
        for k in range(BINS + 1):
            here = histogram[k] + np.float32(0.5) * ((histogram[k - 1] if k > 0 else 0) + histogram[k + 1])
            if here > most:
                best, most = k, here
        centre = low + best * bin_width
        reach = np.float32(1.6) * bin_width
        for _ in range(2):
            s = sv = np.float32(0)
            for j in range(n):
                if abs(votes[j] - centre) <= reach:
                    s += weights[j]
                    sv += weights[j] * votes[j]
            if s > 0:
                centre = sv / s
        inside = inner = lost = outer = np.float32(0)
        for j in range(n):
            e = votes[j] - centre
            k = weights[j]
            if mine >= 0 and abs(votes[j] - own[y, x]) < 1.5 * bin_width:
                k *= np.float32(support)
            if abs(e) <= reach:
                inside += k
                inner += k * e * e
            else:
                lost += k
                outer += k * e * e
        if inside <= 0:
            continue
        out[0, i] = centre
        out[1, i] = np.sqrt(inner / inside)
        out[2, i] = lost / (inside + lost)
        out[3, i] = outer / lost if lost > 0 else 0


@njit(cache=True, nogil=True)
def spread_nearest(color: Float32, known: UInt8, color_weight: float, source: Int32, cost: Float32) -> None:
    """For each pixel the known one with the cheapest way to it: a pixel's step costs 1 plus the change of colour.

    The geodesic distance transform by raster sweeps (Toivanen 1996; Criminisi et al. 2010), four of them.

    Args:
        color: (H, W, 3) colour, 0..255.
        known: (H, W) 1 = source.
        color_weight: Cost per unit of colour difference.
        source: (H, W) filled with the flat index of the source, -1 = none.
        cost: (H, W) filled with the cost of the way.
    """
    height, width = known.shape
    for y in range(height):
        for x in range(width):
            source[y, x] = y * width + x if known[y, x] else -1
            cost[y, x] = 0 if known[y, x] else np.float32(1e9)
    for sweep in range(4):
        forward = sweep % 2 == 0
        sign = -1 if forward else 1
        for i in range(height):
            y = i if forward else height - 1 - i
            for j in range(width):
                x = j if forward else width - 1 - j
                if known[y, x]:
                    continue
                for k in range(4):
                    dy = 0 if k == 3 else sign
                    dx = (k - 1) if k < 3 else sign
                    yy, xx = y + dy, x + dx
                    if yy < 0 or yy >= height or xx < 0 or xx >= width or source[yy, xx] < 0:
                        continue
                    d = np.float32(0)
                    for c in range(3):
                        d += abs(color[y, x, c] - color[yy, xx, c])
                    length = np.float32(1.4142135) if dx != 0 and dy != 0 else np.float32(1)
                    way = cost[yy, xx] + length + np.float32(color_weight) * d
                    if way < cost[y, x]:
                        cost[y, x] = way
                        source[y, x] = source[yy, xx]


@njit(cache=True, nogil=True)
def joint_bilateral(
    first: int,
    last: int,
    depth: Float32,
    color: Float32,
    radius: int,
    space_sigma: float,
    color_sigma: float,
    where: UInt8,
    out: Float32,
) -> None:
    """Mean depth (H, W) of the readings around each pixel, weighed by distance and colour: the classic peer.

    Args:
        first, last: Rows to work on.
        depth: (H, W) metres, 0 = none.
        color: (H, W, 3) guide, 0..255.
        radius: Half the window's width in pixels.
        space_sigma, color_sigma: Standard deviations of the two weights.
        where: (H, W) 1 = filter this pixel; others keep their depth.
        out: (H, W) filled; 0 where the window holds no reading.
    """
    height, width = depth.shape
    a, b = np.float32(-0.5 / space_sigma**2), np.float32(-0.5 / color_sigma**2)
    for y in range(first, last):
        for x in range(width):
            if not where[y, x]:
                out[y, x] = depth[y, x]
                continue
            total = value = np.float32(0)
            for dy in range(-radius, radius + 1):
                for dx in range(-radius, radius + 1):
                    yy, xx = y + dy, x + dx
                    if 0 <= yy < height and 0 <= xx < width and depth[yy, xx] > 0:
                        e = np.float32(0)
                        for c in range(3):
                            e += (color[yy, xx, c] - color[y, x, c]) ** 2
                        k = np.exp(a * (dx * dx + dy * dy) + b * e)
                        total += k
                        value += k * depth[yy, xx]
            out[y, x] = value / total if total > 1e-12 else 0
