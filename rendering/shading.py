"""Shading of traced content, compiled by numba: glTF metallic-roughness under sky, bounce and a main light."""

from __future__ import annotations

import math

import numpy as np

from .kernels import Array, kernel
from .packing import (
    BASE,
    CUTOFF,
    EMISSIVE,
    EMISSIVE_MAP,
    METAL_ROUGH_MAP,
    METALLIC,
    MODE,
    NORMAL_MAP,
    NORMAL_SCALE,
    ROUGHNESS,
    TEXTURE,
    TWO_SIDED,
)


@kernel
def texture(texels: Array, levels: Array, index: int, u: float, v: float, footprint: float, out: Array) -> None:
    """Trilinear lookup with repeat wrapping into `out` (4,); `footprint` is a pixel's size in texture coordinates."""
    lod = math.log2(max(footprint * max(levels[index, 0, 1], levels[index, 0, 2]), 1e-6)) - 0.25
    lod = min(max(lod, 0.0), 11.0)
    first = int(lod)
    part = lod - first
    for c in range(4):
        out[c] = 0.0
    for step in range(2):
        share = part if step == 1 else 1.0 - part
        if share <= 0:
            continue
        offset, w, h = levels[index, min(first + step, 11)]
        x, y = u * w - 0.5, v * h - 0.5
        x0, y0 = math.floor(x), math.floor(y)
        a, b = x - x0, y - y0
        i0, j0 = int(x0) % w, int(y0) % h
        i1, j1 = (i0 + 1) % w, (j0 + 1) % h
        for c in range(4):
            top = texels[offset + j0 * w + i0, c] * (1 - a) + texels[offset + j0 * w + i1, c] * a
            low = texels[offset + j1 * w + i0, c] * (1 - a) + texels[offset + j1 * w + i1, c] * a
            out[c] += share * (top * (1 - b) + low * b)


@kernel
def tilted(
    nx: float, ny: float, nz: float, tangents: Array, flip: float, bump: Array, scale: float
) -> tuple[float, float, float, float]:
    """Unit normal (nx, ny, nz) turned by a texel (4,) of a normal map, and the spread of normals within that texel.

    Filtered texels are shorter than one where normals differ; the squared roughness that stands for it is that of a
    von Mises-Fisher lobe (Toksvig 2005; Crassin et al. 2015, "Aggregate G-Buffer Anti-Aliasing", section 5.2).
    """
    x, y, z = 2.0 * bump[0] - 1.0, 2.0 * bump[1] - 1.0, 2.0 * bump[2] - 1.0
    short = min(math.sqrt(x * x + y * y + z * z) + 0.01, 1.0)  # eight bits make it shorter by up to this
    x, y, z = x * scale, y * scale, max(z, 0.05)
    n, out = (nx, ny, nz), np.empty(3)
    for c in range(3):
        out[c] = z * n[c]
    for axis in range(2):
        dot = tangents[axis, 0] * nx + tangents[axis, 1] * ny + tangents[axis, 2] * nz
        share = (x if axis == 0 else y) * flip
        for c in range(3):  # the face's tangents made square to the interpolated normal
            out[c] += share * (tangents[axis, c] - dot * n[c])
    size = math.sqrt(out[0] * out[0] + out[1] * out[1] + out[2] * out[2]) + 1e-9
    spread = 2.0 * (1.0 - short * short) / (3.0 * short - short**3 + 1e-6)
    return out[0] / size, out[1] / size, out[2] / size, spread


@kernel
def surroundings(environment: Array, level: int, share: float, x: float, y: float, z: float, out: Array) -> None:
    """Radiance from a direction into `out` (3,), bilinear in the table and linear between `level` and the next."""
    rows, columns = environment.shape[1:3]
    p = math.acos(min(max(y, -1.0), 1.0)) / math.pi * rows - 0.5
    q = math.atan2(z, x) / (2 * math.pi) * columns - 0.5
    i0, j0 = math.floor(p), math.floor(q)
    a, b = p - i0, q - j0
    i, k = min(max(int(i0), 0), rows - 1), min(max(int(i0) + 1, 0), rows - 1)
    j, n = int(j0) % columns, (int(j0) + 1) % columns
    for c in range(3):
        out[c] = 0.0
        for step in range(2):
            e = environment[level + step]
            value = (e[i, j, c] * (1 - b) + e[i, n, c] * b) * (1 - a) + (e[k, j, c] * (1 - b) + e[k, n, c] * b) * a
            out[c] += value * (share if step == 1 else 1.0 - share)


@kernel
def highlight(
    light: Array,
    normal: Array,
    visible: float,
    rough: float,
    px: float,
    py: float,
    pz: float,
    nx: float,
    ny: float,
    nz: float,
    vx: float,
    vy: float,
    vz: float,
    spec0: Array,
    out: Array,
) -> None:
    """Add one light's reflection, as far as it is visible, to `out` (3,)."""
    lx, ly, lz = light[0] - px, light[1] - py, light[2] - pz
    d2 = max(lx * lx + ly * ly + lz * lz, 1e-4)
    distance = math.sqrt(d2)
    lx, ly, lz = lx / distance, ly / distance, lz / distance
    nl = nx * lx + ny * ly + nz * lz
    there = 1.0 if light[7] > 0.5 else -(lx * normal[0] + ly * normal[1] + lz * normal[2])
    if nl <= 0 or there <= 0:
        return
    alpha = max(rough * rough, 0.003)
    wide = min(alpha + light[6] / (2.0 * distance), 1.0)
    hx, hy, hz = lx + vx, ly + vy, lz + vz
    size = math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
    nh = max((nx * hx + ny * hy + nz * hz) / size, 0.0)
    vh = max((vx * hx + vy * hy + vz * hz) / size, 0.0)
    nv = nx * vx + ny * vy + nz * vz
    d = nh * nh * (wide * wide - 1.0) + 1.0
    ggx = wide * wide / (math.pi * d * d)
    kk = wide * 0.5
    smith = 0.25 / ((nl * (1 - kk) + kk) * (nv * (1 - kk) + kk))
    schlick = (1.0 - vh) ** 5
    for c in range(3):
        fresnel = spec0[c] + (1.0 - spec0[c]) * schlick
        out[c] += visible * light[3 + c] * there / max(d2, 0.02) * nl * ggx * smith * fresnel


@kernel
def shade(
    rays: Array,
    t: Array,
    face: Array,
    bary: Array,
    mirror: Array,
    pixel: float,
    vertices: Array,
    normals: Array,
    uv: Array,
    colors: Array,
    faces: Array,
    face_normals: Array,
    face_material: Array,
    face_density: Array,
    face_tangents: Array,
    materials: Array,
    texels: Array,
    levels: Array,
    face_placement: Array,
    baked: Array,
    lights: Array,
    light_normals: Array,
    environment: Array,
    gain: Array,
) -> Array:
    """Colour of every hit.

    Diffuse light is baked (`BakedLight`); of what a normal map tilts, its main part follows the cosine. Lights make
    GGX highlights with Smith visibility and Schlick's Fresnel, widened by their size (Karis 2013, "Real shading in
    Unreal Engine 4"); reflections use the room around, or what mirrored rays met (`Mirrors`), with the split-sum fit of
    Karis 2014 ("Physically based shading on mobile"). All in linear light, brought to the frame's exposure.

    Args:
        rays: (n, 6), with z-depth 1 directions.
        t: (n,) z-depth, inf where nothing was hit.
        mirror: (n, 4) radiance from the mirrored direction, and how far it replaces the surroundings' table.
        pixel: Angular size of a pixel.

    Returns:
        (n, 4) linear colour multiplied by alpha, and alpha. Alpha 0 where nothing or an unseen back face was hit.
    """
    out = np.zeros((len(t), 4), dtype=np.float32)
    texel, base, spec0, seen = np.empty(4), np.empty(4), np.empty(3), np.empty(3)
    glow, shine, local = np.empty(3), np.empty(3), np.empty(8)
    for n in range(len(t)):
        if not math.isfinite(t[n]):
            continue
        f = face[n]
        m = materials[face_material[f]]
        i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
        b1, b2 = bary[n, 0], bary[n, 1]
        b0 = 1.0 - b1 - b2
        dx, dy, dz = rays[n, 3], rays[n, 4], rays[n, 5]
        length = math.sqrt(dx * dx + dy * dy + dz * dz)
        vx, vy, vz = -dx / length, -dy / length, -dz / length
        gx, gy, gz = face_normals[f, 0], face_normals[f, 1], face_normals[f, 2]
        facing = gx * vx + gy * vy + gz * vz
        if facing < 0 and m[TWO_SIDED] < 0.5:
            continue
        flip = -1.0 if facing < 0 else 1.0
        nx = (normals[i0, 0] * b0 + normals[i1, 0] * b1 + normals[i2, 0] * b2) * flip
        ny = (normals[i0, 1] * b0 + normals[i1, 1] * b1 + normals[i2, 1] * b2) * flip
        nz = (normals[i0, 2] * b0 + normals[i1, 2] * b1 + normals[i2, 2] * b2) * flip
        size = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
        nx, ny, nz = nx / size, ny / size, nz / size
        footprint = face_density[f] * t[n] * pixel / math.sqrt(max(abs(facing), 0.05))
        u = uv[i0, 0] * b0 + uv[i1, 0] * b1 + uv[i2, 0] * b2
        v = uv[i0, 1] * b0 + uv[i1, 1] * b1 + uv[i2, 1] * b2
        spread, sx, sy, sz = 0.0, nx, ny, nz
        if m[NORMAL_MAP] >= 0:
            texture(texels, levels, int(m[NORMAL_MAP]), u, v, footprint, texel)
            nx, ny, nz, spread = tilted(nx, ny, nz, face_tangents[f], flip, texel, m[NORMAL_SCALE])
        nv = nx * vx + ny * vy + nz * vz
        if nv < 0.02:  # interpolated normals may turn away at silhouettes: bend them back into view
            nx, ny, nz = nx + (0.02 - nv) * vx, ny + (0.02 - nv) * vy, nz + (0.02 - nv) * vz
            size = math.sqrt(nx * nx + ny * ny + nz * nz)
            nx, ny, nz, nv = nx / size, ny / size, nz / size, 0.02
        for c in range(4):
            base[c] = m[BASE + c] * (colors[i0, c] * b0 + colors[i1, c] * b1 + colors[i2, c] * b2)
        if m[TEXTURE] >= 0:
            texture(texels, levels, int(m[TEXTURE]), u, v, footprint, texel)
            for c in range(4):
                base[c] *= texel[c]
        alpha = 1.0
        if m[MODE] == 1:
            alpha = 1.0 if base[3] >= m[CUTOFF] else 0.0
        elif m[MODE] == 2:
            alpha = min(max(base[3], 0.0), 1.0)
        if alpha <= 0:
            continue
        for c in range(8):
            local[c] = baked[i0, c] * b0 + baked[i1, c] * b1 + baked[i2, c] * b2
        even = 1.0
        if m[NORMAL_MAP] >= 0:  # the baked light is that of the smooth surface
            plain = max(sx * local[3] + sy * local[4] + sz * local[5], 0.15)
            tilt = max(nx * local[3] + ny * local[4] + nz * local[5], 0.0) / plain
            even = 1.0 + local[6] * (min(tilt, 2.5) - 1.0)
        metal, rough = m[METALLIC], m[ROUGHNESS]
        if m[METAL_ROUGH_MAP] >= 0:
            texture(texels, levels, int(m[METAL_ROUGH_MAP]), u, v, footprint, texel)
            rough, metal = rough * texel[1], metal * texel[2]
        rough = min(max(math.sqrt(math.sqrt(rough**4 + spread)), 0.05), 1.0)
        for c in range(3):
            glow[c] = m[EMISSIVE + c]
        if m[EMISSIVE_MAP] >= 0:
            texture(texels, levels, int(m[EMISSIVE_MAP]), u, v, footprint, texel)
            for c in range(3):
                glow[c] *= texel[c]
        # Karis' fit of the environment's integral over the BRDF.
        r0, r1 = 1.0 - rough, 0.0425 - 0.0275 * rough
        a004 = min(r0 * r0, 2.0 ** (-9.28 * nv)) * r0 + r1
        fa, fb = -1.04 * a004 + 1.04 - 0.572 * rough, 1.04 * a004 - 0.04 + 0.022 * rough
        rx, ry, rz = 2 * nv * nx - vx, 2 * nv * ny - vy, 2 * nv * nz - vz
        blur = min(rough * 2.2, 2.0)
        level = min(int(blur), 1)
        open_ = min(1.0, local[7] * local[7] + 0.1)
        surroundings(environment[face_placement[f]], level, blur - level, rx, ry, rz, seen)
        traced = mirror[n, 3]
        for c in range(3):
            seen[c] = (1.0 - traced) * open_ * seen[c] + traced * mirror[n, c]
            spec0[c] = 0.04 * (1.0 - metal) + base[c] * metal
            shine[c] = 0.0
        px = rays[n, 0] + t[n] * dx
        py = rays[n, 1] + t[n] * dy
        pz = rays[n, 2] + t[n] * dz
        for k in range(len(lights)):
            visible = baked[i0, 8 + k] * b0 + baked[i1, 8 + k] * b1 + baked[i2, 8 + k] * b2
            if visible <= 0:
                continue
            highlight(lights[k], light_normals[k], visible, rough, px, py, pz, nx, ny, nz, vx, vy, vz, spec0, shine)
        for c in range(3):
            albedo = base[c] * (1.0 - metal)
            value = albedo * local[c] * even + shine[c] + seen[c] * (spec0[c] * fa + fb)
            value = value * gain[c] + glow[c]
            if value > 0.75:  # a camera's shoulder instead of a hard clip
                value = 0.75 + 0.25 * (1.0 - math.exp(-(value - 0.75) / 0.25))
            out[n, c] = value * alpha
        out[n, 3] = alpha
    return out


@kernel
def outlines(t: Array, face: Array, material: Array, normals: Array) -> Array:
    """(h, w) bool: pixels whose 3x3 neighbourhood holds an edge of the content, which need more samples."""
    h, w = t.shape
    out = np.zeros((h, w), dtype=np.bool_)
    for i in range(h):
        for j in range(w):
            hit = math.isfinite(t[i, j])
            f = face[i, j]
            for a in range(-1, 2):
                for b in range(-1, 2):
                    y, x = min(max(i + a, 0), h - 1), min(max(j + b, 0), w - 1)
                    other = math.isfinite(t[y, x])
                    if hit != other:
                        out[i, j] = True
                    elif hit and face[y, x] != f:
                        g = face[y, x]
                        dot = 0.0
                        for c in range(3):
                            dot += normals[f, c] * normals[g, c]
                        if material[f] != material[g] or dot < 0.85 or abs(t[y, x] - t[i, j]) > 0.02 * t[i, j]:
                            out[i, j] = True
    return out


@kernel
def gather(
    samples: Array, z: Array, plane: Array, m: int, pixels: Array, rgba: Array, z_out: Array, plane_out: Array
) -> None:
    """Average m samples and the one that is there already into each of the pixels (n, 2)."""
    for i in range(len(pixels)):
        x, y = pixels[i, 0], pixels[i, 1]
        hits, total = 0, 0.0
        if rgba[y, x, 3] > 0:
            hits, total = 1, z_out[y, x]
        for c in range(4):
            rgba[y, x, c] /= m + 1
        for s in range(m):
            n = i * m + s
            for c in range(4):
                rgba[y, x, c] += samples[n, c] / (m + 1)
            if samples[n, 3] > 0:
                hits, total = hits + 1, total + z[n]
                plane_out[y, x] = plane[n]
        z_out[y, x] = total / hits if hits else np.inf
