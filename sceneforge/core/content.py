"""Virtual content, what is asked for it, and where it ended up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from .arrays import Float32, Float64, Int32, UInt8, owned_array, rigid_transform


@dataclass(frozen=True)
class Material:
    """glTF 2.0 metallic-roughness material. Factors are linear; textures are stored as in the file."""

    base_color: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    """Linear RGBA factor."""
    metallic: float = 0.0
    """0..1."""
    roughness: float = 1.0
    """0..1."""
    emissive: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Linear RGB emitted radiance."""
    base_color_texture: UInt8 | None = None
    """(H, W, 4) uint8 sRGB + alpha, first row at v = 0 as in glTF."""
    alpha_mode: str = "OPAQUE"
    """"OPAQUE", "MASK" or "BLEND"."""
    alpha_cutoff: float = 0.5
    """For "MASK"."""
    double_sided: bool = False
    """Whether back faces are seen."""
    metallic_roughness_texture: UInt8 | None = None
    """(H, W, 4) uint8 linear: green times `roughness`, blue times `metallic`."""
    normal_texture: UInt8 | None = None
    """(H, W, 4) uint8: the surface's normal in its tangent frame, 0..255 for -1..1; green points to smaller v."""
    normal_scale: float = 1.0
    """Factor on the x and y of `normal_texture`."""
    emissive_texture: UInt8 | None = None
    """(H, W, 4) uint8 sRGB that multiplies `emissive`."""

    def __post_init__(self) -> None:
        for name in ("base_color_texture", "metallic_roughness_texture", "normal_texture", "emissive_texture"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, owned_array(value, (None, None, 4), np.uint8, name))

    @property
    def textured(self) -> bool:
        """Whether any texture is looked up at the surface's texture coordinates."""
        maps = (self.base_color_texture, self.metallic_roughness_texture, self.normal_texture, self.emissive_texture)
        return any(m is not None for m in maps)


@dataclass(frozen=True)
class Part:
    """Triangles of one material, in the content's frame."""

    vertices: Float32
    """(N, 3) float32 metres, content frame: +Y up, +Z front."""
    faces: Int32
    """(M, 3) int32, counter-clockwise from outside."""
    normals: Float32
    """(N, 3) float32 unit shading normals."""
    material: Material
    """How it looks."""
    uv: Float32 | None = None
    """(N, 2) float32 texture coordinates, v down as in glTF."""
    colors: Float32 | None = None
    """(N, 4) float32 linear RGBA that multiplies the base colour."""

    def __post_init__(self) -> None:
        n, set_ = len(self.vertices), object.__setattr__
        set_(self, "vertices", owned_array(self.vertices, (None, 3), np.float32, "vertices"))
        set_(self, "faces", owned_array(self.faces, (None, 3), np.int32, "faces"))
        set_(self, "normals", owned_array(self.normals, (n, 3), np.float32, "normals"))
        if self.uv is not None:
            set_(self, "uv", owned_array(self.uv, (n, 2), np.float32, "uv"))
        if self.colors is not None:
            set_(self, "colors", owned_array(self.colors, (n, 4), np.float32, "colors"))


@dataclass(frozen=True)
class Content:
    """A model to place: metres, +Y up, +Z front. It stands on its lowest points, whatever the file's pivot."""

    name: str
    """Short name, e.g. "rover"."""
    path: str
    """The file it was read from."""
    parts: tuple[Part, ...]
    """Its geometry by material."""

    def __post_init__(self) -> None:
        if not self.parts or not any(len(p.faces) for p in self.parts):
            raise ValueError(f"content '{self.name}' has no triangles")

    @property
    def bounds(self) -> Float64:
        """(2, 3) lowest and highest corner in the content frame."""
        v = np.concatenate([p.vertices for p in self.parts]).astype(np.float64)
        return np.stack([v.min(axis=0), v.max(axis=0)])

    @property
    def size(self) -> Float64:
        """(3,) extents in metres."""
        low, high = self.bounds
        return np.asarray(high - low)


@dataclass(frozen=True)
class Request:
    """What the author wants: this content, there. Relations are data; `arrange` finds the place."""

    id: str
    """Unique in the experience, e.g. "rover"."""
    content: Content
    """What to place."""
    on: tuple[str, ...] = ("table", "floor")
    """Labels, plane ids or "largest_horizontal", best first: the first that has room is used."""
    yaw_deg: float | None = None
    """Heading about the surface normal; None = chosen by the solver."""
    facing: str | None = None
    """Id of an object or plane, or "camera": what the front should look at."""
    near: str | None = None
    """Id of a plane, object or earlier request to stay close to."""
    scale: float = 1.0
    """Uniform factor on the content's size."""
    clearance_m: float = 0.02
    """Free distance to keep to anything else."""

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"request '{self.id}': scale must be positive, got {self.scale}")
        if self.clearance_m < 0:
            raise ValueError(f"request '{self.id}': clearance_m must not be negative, got {self.clearance_m}")


@dataclass(frozen=True)
class Certificate:
    """Measured soundness of one placement."""

    contact_gap_m: float
    """Largest distance between the base's support points and the surface under them; >= 0."""
    penetration_m: float
    """Deepest overlap with the scanned surface or other content; 0 = none."""
    support_fraction: float
    """Share of the base's footprint that has surface under it, 0..1."""
    clearance_m: float
    """Distance from the content (above its base) to the nearest other surface or content."""
    visible_fraction: float
    """Share of camera frames from which the placement's centre is in view and not hidden, 0..1."""


@dataclass(frozen=True)
class Placement:
    """Content in its place."""

    request: str
    """Id of the request it answers."""
    content: Content
    """The model."""
    surface: str
    """Id of the plane it stands on."""
    T_world_content: Float64
    """(4, 4) rigid content-to-world, applied after `scale`."""
    scale: float
    """Uniform factor."""
    certificate: Certificate
    """What was measured of it."""
    reasons: tuple[str, ...]
    """Why this place, one sentence each."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "T_world_content", rigid_transform(self.T_world_content, "T_world_content"))


@dataclass(frozen=True)
class Rejection:
    """Why one surface cannot take the content."""

    surface: str
    """Plane id."""
    label: str
    """The plane's label."""
    rule: str
    """The rule that fails for the best candidate there, e.g. "support", "collision", "size"."""
    margin_mm: float
    """By how much it fails."""
    detail: str
    """One sentence."""


@dataclass(frozen=True)
class Unplaced:
    """A request that found no place."""

    request: str
    """Request id."""
    summary: str
    """One sentence for people."""
    rejections: tuple[Rejection, ...]
    """One per surface tried."""


@dataclass(frozen=True)
class Arrangement:
    """The answer to all requests."""

    placements: tuple[Placement, ...]
    """In request order."""
    unplaced: tuple[Unplaced, ...] = ()
    """Requests that could not be met, with reasons."""
    seed: int = 0
    """Seed it was solved with."""
    facts: Mapping[str, float] = field(default_factory=dict)
    """Counts for the report."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))
