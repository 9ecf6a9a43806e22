"""All that stays while content stands still: its own light, and the ratio of light it leaves to the room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sceneforge.core import Arrangement, Scene
from sceneforge.core.arrays import Float32
from sceneforge.core.color import to_linear

from .baking import ShadowMap, lamps_of, plane_grids, vertex_light
from .content_light import BakedLight, bake_content, emission_of
from .grounding import Grounding, signs
from .incident import RoomLight
from .lighting import white_level
from .packing import PackedContent
from .tracing import Tracer


@dataclass(frozen=True)
class PreparedLight:
    """Made once per arrangement, read in every frame."""

    content: BakedLight
    """On the content's vertices."""
    maps: tuple[ShadowMap, ...]
    """One per placement, on the plane it stands on."""
    room: Float32
    """(V, 3) light ratio of the scanned vertices; (0, 3) = the planes alone change."""
    incident: RoomLight
    """The room's light itself."""
    glow: Float32
    """(M, 3) radiance that each of the content's triangles emits."""


def prepare_light(
    scene: Scene,
    arrangement: Arrangement,
    content: PackedContent,
    casters: Tracer,
    room: Tracer,
    grounding: Grounding = "traced",
) -> PreparedLight:
    """Trace what does not change: light on the room with the content, and on the content in the room.

    Args:
        scene: With the mesh that `room` traces, if it has one.
        arrangement: What was packed into `content`.
        content: The content.
        casters: Those of its faces that stop light.
        room: The scanned surface.
        grounding: What the room shows of the content. With "drop" and "halo" it takes no light from the room but by
            its sign, and throws none; the content itself is lit as ever, above ground in a drop shadow.
    """
    colors = None if scene.mesh is None else scene.mesh.colors
    white = np.ones(3) if colors is None else white_level(to_linear(colors))
    centre = content.vertices.mean(axis=0, dtype=np.float64)
    light = RoomLight(scene, scene.mesh, room, white, centre)
    glow = emission_of(content)
    lamps = lamps_of(content, glow, room)
    untouched = np.ones((0, 3), dtype=np.float32)
    if grounding != "traced":
        drops = signs(scene, arrangement, content, "drop")
        maps = drops if grounding == "drop" else signs(scene, arrangement, content, "halo")
        return PreparedLight(bake_content(content, casters, light, drops, lamps), maps, untouched, light, glow)
    grids = plane_grids(scene, arrangement, content, casters, light, lamps)
    surface = vertex_light(scene, content, casters, light, lamps)
    # The content is lit by the ground in its own shadow, and throws what it gets back onto the ground.
    shadows = tuple(g.finished(None, lamps) for g in grids)
    lit = bake_content(content, casters, light, shadows, lamps)
    # Faces are numbered among those that stop light.
    sent = lit.sent[content.casts_shadow]
    maps = tuple(g.finished(sent, lamps) for g in grids)
    ratio = untouched if scene.mesh is None else surface.finished(scene, maps, sent, lamps)
    return PreparedLight(lit, maps, ratio, light, glow)
