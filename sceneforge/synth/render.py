"""Pictures of a lit world: primary rays, stored irradiance, sharp sun, a glossy bounce, a camera's response."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, UInt8
from sceneforge.core.camera import Camera
from sceneforge.core.color import LUMINANCE, linear_to_srgb

from .lighting import Baked, Daylight
from .sampling import TextureSet
from .world import Hits, World

_BLOCK = 20480


@dataclass(frozen=True)
class Exposure:
    """The camera's response."""

    gain: float
    """Multiplies radiance before the tone curve."""
    balance: Float64
    """(3,) white balance gains."""
    noise: float
    """Shot noise: deviation at full scale before the tone curve; 0 = none."""


@dataclass(frozen=True)
class Renderer:
    """Shades rays into a baked world."""

    world: World
    day: Daylight
    baked: Baked
    textures: TextureSet

    def radiance(
        self, origins: Float32, directions: Float32, pixel_rad: float, rng: np.random.Generator, *, mirrors: bool = True
    ) -> Float32:
        """Linear RGB (N, 3) seen along N rays; `pixel_rad` is the angle one sample stands for."""
        world = self.world
        hits = world.cast(origins, directions)
        out = np.zeros((len(origins), 3), np.float32)
        missed = hits.face < 0
        out[missed] = self.day.radiance(directions[missed])
        seen = np.flatnonzero(~missed)
        if len(seen) == 0:
            return out
        hits = Hits(hits.face[seen], hits.t[seen], hits.bary[seen])
        d = directions[seen] / np.linalg.norm(directions[seen], axis=1, keepdims=True)
        points = origins[seen] + hits.t[:, None] * directions[seen]
        corners = world.faces[hits.face]
        facing = np.einsum("ij,ij->i", world.face_normals[hits.face], d) < 0
        normal = _blend(world.normals, corners, hits.bary)
        normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
        geometric = np.where(facing[:, None], world.face_normals[hits.face], -world.face_normals[hits.face])
        normal = np.where((np.einsum("ij,ij->i", normal, geometric) < 0)[:, None], -normal, normal)
        light = _blend(self.baked.front, corners, hits.bary)
        turned = np.flatnonzero(~facing)
        light[turned] = _blend(self.baked.back, corners[turned], hits.bary[turned])
        cos = np.maximum(-np.einsum("ij,ij->i", normal, d), 0.03)
        material = world.face_material[hits.face]
        distance = hits.t * np.linalg.norm(directions[seen], axis=1)
        albedo = self.textures(
            material,
            _blend(world.uv, corners, hits.bary),
            distance * np.float32(pixel_rad) / np.sqrt(np.maximum(cos, 0.1)),
        )
        light = light + self._sun(points, normal, geometric)
        shaded = albedo * light / np.float32(np.pi)
        shaded += np.array([m.emission for m in world.materials], np.float32)[material]
        if mirrors:
            self._add_mirror(shaded, points, d, normal, geometric, cos, material, pixel_rad, rng)
        out[seen] = shaded
        return out

    def _sun(self, points: Float32, normal: Float32, geometric: Float32) -> Float32:
        to_sun = self.day.to_sun.astype(np.float32)
        cos = np.where(geometric @ to_sun > 0, np.maximum(normal @ to_sun, 0), 0)
        use = np.flatnonzero(cos > 0)
        use = use[self.day.sun_reaches(points[use])]
        free = ~self.world.blocked(points[use] + 0.0015 * geometric[use], np.broadcast_to(to_sun, (len(use), 3)), 60.0)
        out = np.zeros_like(points)
        out[use[free]] = cos[use[free], None] * self.day.sun
        return out

    def _add_mirror(
        self,
        shaded: Float32,
        points: Float32,
        d: Float32,
        normal: Float32,
        geometric: Float32,
        cos: Float32,
        material: NDArray[np.int32],
        pixel_rad: float,
        rng: np.random.Generator,
    ) -> None:
        gloss = np.array([m.gloss for m in self.world.materials], np.float32)[material]
        f0 = np.array([m.f0 for m in self.world.materials], np.float32)[material]
        spread = np.array([m.roughness for m in self.world.materials], np.float32)[material]
        # Schlick's approximation, with rough surfaces rising less at grazing angles (Lagarde's variant)
        fresnel = gloss * (f0 + (np.maximum(1 - 2.2 * spread, f0) - f0) * (1 - cos) ** 5)
        use = np.flatnonzero(fresnel > 0.008)
        if len(use) == 0:
            return
        n = normal[use] + spread[use, None] * 0.5 * rng.standard_normal((len(use), 3), np.float32)
        n /= np.linalg.norm(n, axis=1, keepdims=True)
        r = d[use] - 2 * np.einsum("ij,ij->i", d[use], n)[:, None] * n
        below = np.einsum("ij,ij->i", r, geometric[use])
        r = r + np.maximum(0.02 - below, 0)[:, None] * geometric[use]
        back = self.radiance(points[use] + 0.0015 * geometric[use], r, pixel_rad * 3, rng, mirrors=False)
        k = fresnel[use, None]
        shaded[use] = shaded[use] * (1 - k) + np.minimum(back, 3.0) * k

    def picture(self, camera: Camera, T_world_camera: Float64, rng: np.random.Generator, *, side: int) -> Float32:
        """Linear RGB (H, W, 3) with side x side jittered samples per pixel."""
        from concurrent.futures import ThreadPoolExecutor

        # blocks fit the cache; each has its own random stream, so that the threads' order does not matter
        base = camera.rays().reshape(-1, 3)
        starts = range(0, len(base), _BLOCK)
        seeds = rng.integers(1 << 62, size=len(starts))
        with ThreadPoolExecutor(2) as pool:
            blocks = list(
                pool.map(
                    lambda a, s: self._block(base[a : a + _BLOCK], camera, T_world_camera, int(s), side), starts, seeds
                )
            )
        return np.concatenate(blocks).reshape(*camera.shape, 3)

    def _block(self, base: Float32, camera: Camera, T_world_camera: Float64, seed: int, side: int) -> Float32:
        rng = np.random.Generator(np.random.PCG64(seed))
        R, t = T_world_camera[:3, :3].astype(np.float32), T_world_camera[:3, 3].astype(np.float32)
        origins = np.tile(t, (len(base), 1))
        total = np.zeros_like(base)
        for k in range(side * side):
            rays = base.copy()
            rays[:, 0] += ((rng.random(len(base), np.float32) + k % side) / side - 0.5) / camera.fx
            rays[:, 1] += ((rng.random(len(base), np.float32) + k // side) / side - 0.5) / camera.fy
            sample = self.radiance(origins, _turned(rays, R), 0.8 / camera.fx, rng)
            # clip before averaging, so that the rims of windows and lamps stay smooth
            total += np.minimum(sample, 8.0)
        return np.asarray(total / (side * side), np.float32)

    def depth(self, camera: Camera, T_world_camera: Float64) -> tuple[Float32, NDArray[np.int32], Float32]:
        """Exact z-depth (H, W) float32 metres (0 = nothing there), face index (H, W), cosine of incidence (H, W)."""
        d = _turned(camera.rays().reshape(-1, 3), T_world_camera[:3, :3].astype(np.float32))
        o = np.broadcast_to(T_world_camera[:3, 3].astype(np.float32), d.shape).copy()
        hits = self.world.cast(o, d)
        hit = hits.face >= 0
        cos = np.abs(np.einsum("ij,ij->i", self.world.face_normals[hits.face], d)) / np.linalg.norm(d, axis=1)
        z = np.where(hit, hits.t, 0).astype(np.float32)
        shape = camera.shape
        return z.reshape(shape), hits.face.reshape(shape), np.where(hit, cos, 0).astype(np.float32).reshape(shape)


def _turned(vectors: Float32, R: Float32) -> Float32:
    """vectors @ R.T without the BLAS, whose rounding depends on the machine."""
    return np.asarray(sum(vectors[:, k, None] * R[None, :, k] for k in range(3)), np.float32)


def _blend(values: Float32, corners: NDArray[np.int32], bary: Float32) -> Float32:
    out = values[corners[:, 0]] * bary[:, :1]
    out += values[corners[:, 1]] * bary[:, 1:2]
    out += values[corners[:, 2]] * bary[:, 2:]
    return np.asarray(out, np.float32)


def develop(linear: Float32, camera: Camera, exposure: Exposure, rng: np.random.Generator) -> UInt8:
    """Radiance (H, W, 3) to an sRGB uint8 picture: vignette, sensor noise, filmic curve, sRGB transfer."""
    rays = camera.rays()
    cos2 = 1 / (rays[..., 0] ** 2 + rays[..., 1] ** 2 + 1)
    gains = (exposure.gain * exposure.balance).astype(np.float32)
    x: Float32 = (linear * gains * (0.45 + 0.55 * cos2**2)[..., None]).astype(np.float32)
    if exposure.noise > 0:
        white = rng.standard_normal(x.shape, np.float32)
        # de-mosaicing correlates neighbouring pixels
        white = 0.6 * white + 0.25 * np.roll(white, 1, 0) + 0.25 * np.roll(white, 1, 1)
        x += (white * (exposure.noise * np.sqrt(np.maximum(x, 0) + 0.004))).astype(np.float32)
    x = _filmic(np.maximum(x, 0))
    return np.asarray(np.clip(np.rint(linear_to_srgb(x) * 255), 0, 255), np.uint8)


def _filmic(x: Float32) -> Float32:
    """Straight through the middle tones, rolling highlights off (Hable 2010's operator, white at 5)."""

    def curve(v: Float32) -> Float32:
        a, b, c, d, e, f = 0.22, 0.30, 0.10, 0.20, 0.01, 0.30
        return np.asarray((v * (a * v + c * b) + d * e) / (v * (a * v + b) + d * f) - e / f)

    return np.asarray(np.clip(curve(2.0 * x) / curve(np.float32(10.0) * np.ones(1, np.float32)), 0, 1))


def auto_gain(pictures: list[Float32], target: float = 0.205) -> float:
    """Gain that brings the mean log luminance of the pictures to `target`."""
    values = np.concatenate([p.reshape(-1, 3) @ LUMINANCE.astype(np.float32) for p in pictures])
    return float(target / np.exp(np.mean(np.log(np.clip(values, 1e-3, 3.0), dtype=np.float64))))
