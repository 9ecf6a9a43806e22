"""All items of a room flattened to arrays, with the ray caster over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sceneforge.core.arrays import Float32, Float64, Int32

from .item import Item
from .materials import Material


@dataclass(frozen=True)
class Hits:
    """What N rays met. Where `face` is -1 nothing was hit and the rest is meaningless."""

    face: Int32
    """(N,) index into `World.faces`, -1 = none."""
    t: Float32
    """(N,) distance along the ray, in units of its direction's length."""
    bary: Float32
    """(N, 3) weights of the face's three vertices."""


@dataclass(frozen=True)
class World:
    """A room as one triangle soup."""

    vertices: Float32
    """(V, 3) metres."""
    normals: Float32
    """(V, 3) shading normals."""
    uv: Float32
    """(V, 2)."""
    faces: Int32
    """(F, 3)."""
    face_normals: Float32
    """(F, 3) geometric unit normals."""
    face_material: Int32
    """(F,) index into `materials`."""
    face_item: Int32
    """(F,) index into the item list."""
    two_sided: NDArray[np.bool_]
    """(V,) whether the surface is lit and seen from both sides."""
    vertex_material: Int32
    """(V,)."""
    materials: tuple[Material, ...]
    caster: Any
    """open3d.t.geometry.RaycastingScene over the faces."""

    def cast(self, origins: Float32, directions: Float32) -> Hits:
        """First hits of N rays, both (N, 3) float32."""
        import open3d as o3d

        rays = np.concatenate([origins, directions], 1, dtype=np.float32)
        out = self.caster.cast_rays(o3d.core.Tensor(rays))
        face = out["primitive_ids"].numpy().astype(np.int64)
        hit = np.isfinite(out["t_hit"].numpy())
        uv = out["primitive_uvs"].numpy()
        bary = np.stack([1 - uv[:, 0] - uv[:, 1], uv[:, 0], uv[:, 1]], 1)
        return Hits(np.where(hit, face, -1).astype(np.int32), out["t_hit"].numpy(), bary)

    def blocked(self, origins: Float32, directions: Float32, far: float = 1.0) -> NDArray[np.bool_]:
        """Whether anything lies between each origin and origin + far * direction."""
        import open3d as o3d

        rays = np.concatenate([origins, directions], 1, dtype=np.float32)
        return np.asarray(self.caster.test_occlusions(o3d.core.Tensor(rays), tnear=0.0, tfar=far).numpy())


def build_world(items: Sequence[Item], materials: dict[str, Material]) -> World:
    """Flatten items to a World; only materials in use are kept, in order of name."""
    import open3d as o3d

    used = sorted({p.material for i in items for p in i.parts})
    number = {name: k for k, name in enumerate(used)}
    vertices: list[Float64] = []
    normals: list[Float64] = []
    uvs, faces, materials_of, items_of, sides, vertex_materials, start = [], [], [], [], [], [], 0
    for k, item in enumerate(items):
        for local in item.parts:
            part = local.moved(item.T_world_item)
            vertices.append(part.vertices)
            normals.append(part.normals)
            uvs.append(part.uv)
            faces.append(part.faces + start)
            n, m = len(part.vertices), len(part.faces)
            materials_of.append(np.full(m, number[part.material]))
            items_of.append(np.full(m, k))
            sides.append(np.full(n, part.two_sided))
            vertex_materials.append(np.full(n, number[part.material]))
            start += n
    v = np.concatenate(vertices).astype(np.float32)
    f = np.concatenate(faces).astype(np.int32)
    cross = np.cross(v[f[:, 1]] - v[f[:, 0]], v[f[:, 2]] - v[f[:, 0]])
    keep = np.linalg.norm(cross, axis=1) > 1e-12
    f, cross = f[keep], cross[keep]
    caster = o3d.t.geometry.RaycastingScene()
    caster.add_triangles(o3d.core.Tensor(v), o3d.core.Tensor(f.astype(np.uint32)))
    return World(
        vertices=v,
        normals=np.concatenate(normals).astype(np.float32),
        uv=np.concatenate(uvs).astype(np.float32),
        faces=f,
        face_normals=(cross / np.linalg.norm(cross, axis=1, keepdims=True)).astype(np.float32),
        face_material=np.concatenate(materials_of)[keep].astype(np.int32),
        face_item=np.concatenate(items_of)[keep].astype(np.int32),
        two_sided=np.concatenate(sides),
        vertex_material=np.concatenate(vertex_materials).astype(np.int32),
        materials=tuple(materials[name] for name in used),
        caster=caster,
    )
