"""Compiled inner loops: one thread, sums in a fixed order. Import inside functions: loading numba takes time."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

from sceneforge.core.arrays import Float32, Float64


def _surface_normals(points: Float32, radius: int, tolerance: float) -> Float32:
    """Normals (h, w, 3) towards the camera from a point map (h, w, 3); zero where the surface is unclear.

    Fits 1/z = a x + b y + c over neighbours on the same surface (x, y normalised image coordinates): planes are exactly
    linear in it, whatever their slant (Badino et al. 2011).
    """
    h, w, _ = points.shape
    out = np.zeros((h, w, 3), dtype=np.float32)
    for i in range(h):
        for j in range(w):
            z0 = points[i, j, 2]
            if z0 <= 0:
                continue
            limit = tolerance * z0
            sxx = sxy = syy = sx = sy = sxd = syd = sd = 0.0
            n = 0
            x0, y0 = points[i, j, 0] / z0, points[i, j, 1] / z0
            for k in range(max(0, i - radius), min(h, i + radius + 1)):
                for m in range(max(0, j - radius), min(w, j + radius + 1)):
                    z = points[k, m, 2]
                    if z <= 0 or abs(z - z0) > limit * (1 + max(abs(k - i), abs(m - j))):
                        continue
                    x, y, d = points[k, m, 0] / z - x0, points[k, m, 1] / z - y0, 1.0 / z
                    n += 1
                    sx += x
                    sy += y
                    sd += d
                    sxx += x * x
                    sxy += x * y
                    syy += y * y
                    sxd += x * d
                    syd += y * d
            if n < 6:
                continue
            cxx, cxy, cyy = sxx - sx * sx / n, sxy - sx * sy / n, syy - sy * sy / n
            cxd, cyd = sxd - sx * sd / n, syd - sy * sd / n
            det = cxx * cyy - cxy * cxy
            if det <= 1e-3 * cxx * cyy or det <= 0:
                continue
            a, b = (cyy * cxd - cxy * cyd) / det, (cxx * cyd - cxy * cxd) / det
            c = (sd - a * sx - b * sy) / n - a * x0 - b * y0
            length = np.sqrt(a * a + b * b + c * c)
            if length > 0:
                out[i, j, 0], out[i, j, 1], out[i, j, 2] = -a / length, -b / length, -c / length
    return out


def _dense_equations(
    T: Float64,
    points_a: Float32,
    normals_a: Float32,
    shade_a: Float32,
    camera: Float64,
    points_b: Float32,
    normals_b: Float32,
    shade_b: Float32,
    gate: float,
    noise: Float64,
    shade_weight: float,
) -> tuple[Float64, Float64, Float64]:
    """Gauss-Newton equations of projective point-to-plane alignment with a colour term, for T_a_b -> exp(x) T_a_b.

    Args:
        T: (4, 4) T_a_b.
        points_a: (h, w, 3) reference point map; its camera is `camera` (fx, fy, cx, cy).
        normals_a: (h, w, 3).
        shade_a: (h, w) high-passed luminance.
        camera: (4,) fx, fy, cx, cy of the reference maps.
        points_b: (k, l, 3) points to align.
        normals_b: (k, l, 3).
        shade_b: (k, l).
        gate: Distances above this many standard deviations along the normal are no correspondence.
        noise: (2,) depth noise n0 + n1 z^2 in metres.
        shade_weight: Weight of a squared colour residual in units of its noise; 0 leaves colour out.

    Returns:
        H: (6, 6) and g (6,): solve H x = -g.
        stats: (8,) points in view, agreeing, in front of the reference (seen through), behind it, sum of robust squared
            residuals, colour sums ab, aa, bb of the agreeing points.
    """
    H, g, stats = np.zeros((6, 6)), np.zeros(6), np.zeros(8)
    h, w, _ = points_a.shape
    fx, fy, cx, cy = camera[0], camera[1], camera[2], camera[3]
    J = np.zeros(6)
    for i in range(points_b.shape[0]):
        for j in range(points_b.shape[1]):
            bz = points_b[i, j, 2]
            if bz <= 0:
                continue
            bx, by = points_b[i, j, 0], points_b[i, j, 1]
            x = T[0, 0] * bx + T[0, 1] * by + T[0, 2] * bz + T[0, 3]
            y = T[1, 0] * bx + T[1, 1] * by + T[1, 2] * bz + T[1, 3]
            z = T[2, 0] * bx + T[2, 1] * by + T[2, 2] * bz + T[2, 3]
            if z < 0.05:
                continue
            u, v = x / z * fx + cx, y / z * fy + cy
            if u < 0 or v < 0 or u > w - 1 or v > h - 1:
                continue
            iu, iv = int(u + 0.5), int(v + 0.5)
            az = points_a[iv, iu, 2]
            if az <= 0:
                continue
            nx, ny, nz = normals_a[iv, iu, 0], normals_a[iv, iu, 1], normals_a[iv, iu, 2]
            if nx == 0 and ny == 0 and nz == 0:
                continue
            sigma = noise[0] + noise[1] * max(az * az, bz * bz)
            dx, dy, dz = x - points_a[iv, iu, 0], y - points_a[iv, iu, 1], z - az
            r = nx * dx + ny * dy + nz * dz
            stats[0] += 1
            reach = gate * sigma
            if abs(r) > reach or dx * dx + dy * dy + dz * dz > (reach + 0.02 * az) ** 2 * 4:
                if dz < -(reach + 0.03 * az):
                    stats[2] += 1
                elif dz > reach + 0.03 * az:
                    stats[3] += 1
                continue
            bnx, bny, bnz = normals_b[i, j, 0], normals_b[i, j, 1], normals_b[i, j, 2]
            if bnx == 0 and bny == 0 and bnz == 0:
                continue
            rnx = T[0, 0] * bnx + T[0, 1] * bny + T[0, 2] * bnz
            rny = T[1, 0] * bnx + T[1, 1] * bny + T[1, 2] * bnz
            rnz = T[2, 0] * bnx + T[2, 1] * bny + T[2, 2] * bnz
            if rnx * nx + rny * ny + rnz * nz < 0.7:
                continue
            stats[1] += 1
            e = r / sigma
            weight = 1.0 / (1.0 + e * e / 9.0)  # Cauchy at three sigma
            stats[4] += 9.0 * np.log(1.0 + e * e / 9.0)
            J[0], J[1], J[2] = nx, ny, nz
            J[3], J[4], J[5] = y * nz - z * ny, z * nx - x * nz, x * ny - y * nx
            scale = weight / (sigma * sigma)
            for k in range(6):
                g[k] += scale * J[k] * r
                for m in range(k, 6):
                    H[k, m] += scale * J[k] * J[m]
            u0, v0 = int(u), int(v)
            if u0 < 1 or v0 < 1 or u0 >= w - 2 or v0 >= h - 2:
                continue
            fu, fv = u - u0, v - v0
            s00, s01 = shade_a[v0, u0], shade_a[v0, u0 + 1]
            s10, s11 = shade_a[v0 + 1, u0], shade_a[v0 + 1, u0 + 1]
            s = (1 - fv) * ((1 - fu) * s00 + fu * s01) + fv * ((1 - fu) * s10 + fu * s11)
            sb = shade_b[i, j]
            stats[5] += s * sb
            stats[6] += s * s
            stats[7] += sb * sb
            if shade_weight <= 0:
                continue
            gu = (1 - fv) * (s01 - s00) + fv * (s11 - s10)
            gv = (1 - fu) * (s10 - s00) + fu * (s11 - s01)
            e = s - sb
            scale = shade_weight / (1.0 + e * e * shade_weight / 4.0)
            px, py = gu * fx / z, gv * fy / z
            pz = -(px * x + py * y) / z
            J[0], J[1], J[2] = px, py, pz
            J[3], J[4], J[5] = y * pz - z * py, z * px - x * pz, x * py - y * px
            for k in range(6):
                g[k] += scale * J[k] * e
                for m in range(k, 6):
                    H[k, m] += scale * J[k] * J[m]
    for k in range(6):
        for m in range(k):
            H[k, m] = H[m, k]
    return H, g, stats


def _feature_equations(
    T: Float64, rays_a: Float64, depth_a: Float64, rays_b: Float64, depth_b: Float64, sigma: float, noise: Float64
) -> tuple[Float64, Float64, Float64]:
    """Gauss-Newton equations of matched features for T_a_b -> exp(x) T_a_b.

    A feature with depth in one view is projected into the other; both ways where both have depth.

    Args:
        T: (4, 4) T_a_b.
        rays_a: (n, 2) normalised image coordinates x / z, y / z in a.
        depth_a: (n,) z-depth in a in metres, 0 = unknown.
        rays_b: (n, 2) the same in b.
        depth_b: (n,).
        sigma: Standard deviation of normalised coordinates.
        noise: (2,) depth noise n0 + n1 z^2.

    Returns:
        H: (6, 6) and g (6,): solve H x = -g.
        errors: (n,) root mean squared residual in sigmas; 1e9 for features without depth or behind the camera.
    """
    n = len(rays_a)
    H, g, errors = np.zeros((6, 6)), np.zeros(6), np.full(n, 1e9)
    J = np.zeros(6)
    d = np.zeros(3)
    for i in range(n):
        total, count = 0.0, 0
        for way in range(2):
            z0 = depth_b[i] if way == 0 else depth_a[i]
            if z0 <= 0:
                continue
            if way == 0:
                bx, by = rays_b[i, 0] * z0, rays_b[i, 1] * z0
                x = T[0, 0] * bx + T[0, 1] * by + T[0, 2] * z0 + T[0, 3]
                y = T[1, 0] * bx + T[1, 1] * by + T[1, 2] * z0 + T[1, 3]
                z = T[2, 0] * bx + T[2, 1] * by + T[2, 2] * z0 + T[2, 3]
                wx, wy, wz = x, y, z
                tx, ty, tz = rays_a[i, 0], rays_a[i, 1], depth_a[i]
            else:
                wx, wy, wz = rays_a[i, 0] * z0, rays_a[i, 1] * z0, z0
                qx, qy, qz = wx - T[0, 3], wy - T[1, 3], wz - T[2, 3]
                x = T[0, 0] * qx + T[1, 0] * qy + T[2, 0] * qz
                y = T[0, 1] * qx + T[1, 1] * qy + T[2, 1] * qz
                z = T[0, 2] * qx + T[1, 2] * qy + T[2, 2] * qz
                tx, ty, tz = rays_b[i, 0], rays_b[i, 1], depth_b[i]
            if z < 0.05:
                total += 1e6
                count += 1
                continue
            ex, ey = x / z - tx, y / z - ty
            blur = sigma + 0.3 * (noise[0] + noise[1] * z0 * z0) / z
            e2 = (ex * ex + ey * ey) / (blur * blur)
            ez, sz = 0.0, 1.0
            rows = 2
            if way == 0 and tz > 0:
                rows = 3
                sz = 2 * (noise[0] + noise[1] * max(tz * tz, z0 * z0)) + 0.005 * tz
                ez = z - tz
                e2 += ez * ez / (sz * sz)
            total += e2
            count += 1
            weight = 1.0 / (1.0 + e2 / 9.0)
            for row in range(rows):
                if row == 0:
                    d[0], d[1], d[2] = 1 / z, 0.0, -x / (z * z)
                    e, scale = ex, weight / (blur * blur)
                elif row == 1:
                    d[0], d[1], d[2] = 0.0, 1 / z, -y / (z * z)
                    e, scale = ey, weight / (blur * blur)
                else:
                    d[0], d[1], d[2] = 0.0, 0.0, 1.0
                    e, scale = ez, weight / (sz * sz)
                px, py, pz = d[0], d[1], d[2]
                if way == 1:  # the moved point is -R^T of the motion at the world point
                    px = -(T[0, 0] * d[0] + T[0, 1] * d[1] + T[0, 2] * d[2])
                    py = -(T[1, 0] * d[0] + T[1, 1] * d[1] + T[1, 2] * d[2])
                    pz = -(T[2, 0] * d[0] + T[2, 1] * d[1] + T[2, 2] * d[2])
                J[0], J[1], J[2] = px, py, pz
                J[3], J[4], J[5] = wy * pz - wz * py, wz * px - wx * pz, wx * py - wy * px
                for k in range(6):
                    g[k] += scale * J[k] * e
                    for m in range(6):
                        H[k, m] += scale * J[k] * J[m]
        if count:
            errors[i] = np.sqrt(total / count)
    return H, g, errors


surface_normals: Callable[..., Float32] = numba.njit(cache=True)(_surface_normals)
dense_equations: Callable[..., tuple[Float64, Float64, Float64]] = numba.njit(cache=True)(_dense_equations)
feature_equations: Callable[..., tuple[Float64, Float64, Float64]] = numba.njit(cache=True)(_feature_equations)
