"""scene.glb: surface, plane outlines and placed content as glTF 2.0, for engines and viewers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sceneforge.core import LABEL_NAMES, Arrangement, Content, Mesh, Plane, Scene, UsageError, write_bytes
from sceneforge.core.transforms import quaternion_from_rotation

from ._gltf import LINE_LOOP, TRIANGLES, GlbBuilder, linear_from_srgb, unit_normals
from ._painted import paint_node

NAME = "glb"
SUFFIXES = (".glb",)


def write(scene: Scene, path: str | Path, *, arrangement: Arrangement | None = None) -> None:
    """Write a binary glTF in metres, +Y up; equal input gives equal bytes.

    Nodes: `surface` (the scanned mesh: linear COLOR_0, and `_LABEL` per vertex into `label_names` of the mesh's
    extras; unlit, since the captured colours already hold the room's light), `planes` with one child per plane, named
    by its id, `paints` with one child per painted surface, a textured rectangle, and `content` with one child per
    placement, named by its request, carrying its own materials and textures.

    Raises:
        UsageError: There is nothing to write: no mesh, no plane and no placement.
    """
    placements = arrangement.placements if arrangement is not None else ()
    if scene.mesh is None and not scene.planes and not placements:
        raise UsageError(f"nothing to write to {path}: the scene has no mesh and no planes, and nothing is placed")
    glb = GlbBuilder("SceneForge")
    if scene.mesh is not None and len(scene.mesh.faces):
        glb.node("surface", mesh=_surface(glb, scene.mesh), root=True)
    if scene.planes:
        glb.node("planes", children=[_plane_node(glb, p) for p in scene.planes], root=True)
    if scene.paints:
        glb.node("paints", children=[paint_node(glb, p, n) for n, p in enumerate(scene.paints)], root=True)
    if placements:
        meshes: dict[int, int] = {}
        nodes = []
        for p in placements:
            mesh = meshes.setdefault(id(p.content), -1)
            if mesh < 0:
                mesh = meshes[id(p.content)] = _content(glb, p.content)
            rotation = quaternion_from_rotation(p.T_world_content[:3, :3])
            extras = {"content": p.content.name, "surface": p.surface}
            nodes.append(
                glb.node(
                    p.request, mesh=mesh, transform=p.T_world_content, quaternion=rotation, scale=p.scale, extras=extras
                )
            )
        glb.node("content", children=nodes, root=True)
    write_bytes(path, glb.to_bytes())


def _surface(glb: GlbBuilder, mesh: Mesh) -> int:
    attributes = {
        "POSITION": glb.attribute(mesh.vertices, bounds=True),
        "NORMAL": glb.attribute(unit_normals(mesh.vertex_normals)),
    }
    if mesh.colors is not None:
        attributes["COLOR_0"] = glb.attribute(linear_from_srgb(mesh.colors), normalized=True)
    if mesh.labels is not None:
        attributes["_LABEL"] = glb.attribute(mesh.labels)
    primitive = {
        "attributes": attributes,
        "indices": glb.indices(mesh.faces),
        "mode": TRIANGLES,
        "material": glb.unlit_material("captured"),
    }
    return glb.mesh("surface", [primitive], {"label_names": list(LABEL_NAMES)} if mesh.labels is not None else None)


def _plane_node(glb: GlbBuilder, plane: Plane) -> int:
    """The plane's outline and holes as line loops in its local frame."""
    primitives = []
    for ring in (plane.polygon, *plane.holes):
        points = np.zeros((len(ring), 3), dtype=np.float32)
        points[:, 0], points[:, 2] = ring[:, 0], ring[:, 1]
        primitives.append({"attributes": {"POSITION": glb.attribute(points, bounds=True)}, "mode": LINE_LOOP})
    extras = {"label": plane.label.value, "confidence": float(plane.confidence), "area_m2": float(plane.area_m2)}
    rotation = quaternion_from_rotation(plane.T_world_plane[:3, :3])
    mesh = glb.mesh(plane.id, primitives)
    return glb.node(plane.id, mesh=mesh, transform=plane.T_world_plane, quaternion=rotation, extras=extras)


def _content(glb: GlbBuilder, content: Content) -> int:
    primitives: list[dict[str, Any]] = []
    for k, part in enumerate(content.parts):
        if not len(part.faces):
            continue
        attributes = {
            "POSITION": glb.attribute(part.vertices, bounds=True),
            "NORMAL": glb.attribute(unit_normals(part.normals)),
        }
        if part.uv is not None and part.material.textured:
            attributes["TEXCOORD_0"] = glb.attribute(part.uv)
        if part.colors is not None:
            attributes["COLOR_0"] = glb.attribute(np.clip(part.colors, 0, 1, dtype=np.float32))
        primitives.append(
            {
                "attributes": attributes,
                "indices": glb.indices(part.faces),
                "mode": TRIANGLES,
                "material": glb.material(f"{content.name}_{k}", part.material),
            }
        )
    return glb.mesh(content.name, primitives)
