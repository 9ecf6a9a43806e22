"""Pictures of the room from where the camera never was: the scanned mesh, coloured by the captured frames around.

Unstructured lumigraph rendering (Buehler et al. 2001): the mesh says where each pixel's ray ends, the captured frames
nearest to the new pose that see that place say its colour, weighted so that no frame comes or goes at once. Where none
sees it, the mesh's own colours stand in; where there is no mesh, a far background.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from sceneforge.core import Camera, Frame, FrameError, Mesh, Scan, Scene
from sceneforge.core.arrays import Float32, Float64, Int32, UInt8
from sceneforge.core.transforms import inverse

from .tracing import Tracer

SOURCES = 4
"""Captured frames that colour one picture."""
KEPT = 10
"""Decoded frames kept in memory."""
TURN_M = 1.5
"""Metres that a turn by one radian counts for in the distance of poses."""
LAYERS = 6
"""Faces seen from behind that a ray passes through."""
SKY = ((214, 218, 224), (176, 182, 190))
"""Background above and below where the camera stands outside of the room."""


class ViewSynthesizer:
    """Renders frames of a scene for any pose.

    Args:
        scan: The capture that colours come from.
        scene: With mesh and camera track.
        supersample: Rays per pixel along each axis; more is smoother.
    """

    def __init__(self, scan: Scan, scene: Scene, supersample: int = 2) -> None:
        self._scan, self._supersample = scan, supersample
        self._mesh = scene.mesh or Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
        self._tracer = Tracer(self._mesh.vertices, self._mesh.faces)
        self._normals = self._mesh.face_normals.astype(np.float32)
        track = scene.track
        self._indices = () if track is None else track.indices
        self._poses = np.zeros((0, 4, 4)) if track is None else np.array(track.T_world_camera)
        self._bad: set[int] = set()
        self._decoded: OrderedDict[int, tuple[UInt8, Float32]] = OrderedDict()

    def frame(self, number: int, camera: Camera, T_world_camera: Float64, *, inside: bool) -> Frame:
        """The picture and depth that a camera would record there.

        Args:
            number: Becomes the frame's index.
            camera: The lens.
            T_world_camera: (4, 4) camera-to-world in the scene's world, OpenCV axes.
            inside: The camera is where the capture's was: faces are seen from both sides, and where there is no mesh
                the nearest captured frame is turned into place. Otherwise faces are seen through from behind.
        """
        import cv2

        from . import view_synthesis_kernels as kernels

        T, s = np.asarray(T_world_camera, dtype=np.float64), self._supersample
        fine = camera.resized(camera.width * s, camera.height * s)
        z, face, uv = self._cast(fine, T, inside)
        colors = self._own_colors(face, uv)
        picture = np.where((face >= 0)[..., None], colors, _sky(fine, T)).astype(np.float32)
        points = fine.rays().astype(np.float32) * np.where(face >= 0, z, 30.0).astype(np.float32)[..., None]
        points = points @ T[:3, :3].T.astype(np.float32) + T[:3, 3].astype(np.float32)
        total = np.zeros((*z.shape, 4), dtype=np.float32)
        for index, weight in self._sources(T):
            if weight <= 0:
                continue
            color, depth = self._source(index)
            c = self._scan.sources[self._indices[index]].camera
            k = np.array([c.fx, c.fy, c.cx, c.cy])
            M = np.ascontiguousarray(inverse(self._poses[index])[:3])
            kernels.gather(total, points, face, color, depth, k, M, weight, inside)
        share = np.minimum(total[..., 3:] / kernels.FULL, 1.0)
        seen = total[..., :3] / np.maximum(total[..., 3:], 1e-6)
        picture += share * (seen - picture)
        if inside:
            known = ((face >= 0) | (total[..., 3] > 0)).astype(np.float32)
            picture = filled(picture, known)
        if s > 1:
            small = cv2.resize(picture, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
            picture = np.asarray(small, dtype=np.float32)
        middle = slice((s - 1) // 2, None, s)
        depth = np.where(face >= 0, z, 0).astype(np.float32)[middle, middle]
        color = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        return Frame(number, f"view-{number:06d}", 0.0, color, np.ascontiguousarray(depth), camera, camera, T)

    def _cast(self, camera: Camera, T: Float64, inside: bool) -> tuple[Float32, Int32, Float32]:
        """z-depth (inf = none), face (-1) and barycentric uv of each pixel, stepping through faces seen from behind."""
        h, w = camera.shape
        rays = np.empty((h * w, 6), dtype=np.float32)
        rays[:, :3] = T[:3, 3]
        rays[:, 3:] = camera.rays().reshape(-1, 3) @ T[:3, :3].T.astype(np.float32)
        z = np.full(h * w, np.inf, dtype=np.float32)
        face, uv = np.full(h * w, -1, dtype=np.int32), np.zeros((h * w, 2), dtype=np.float32)
        todo = np.arange(h * w)
        travelled = np.zeros(h * w, dtype=np.float32)
        for _ in range(1 if inside else LAYERS):
            t, hit, bary = self._tracer.first_hits(rays[todo])
            met = np.isfinite(t)
            todo, t, hit, bary = todo[met], t[met], hit[met].astype(np.int32), bary[met]
            front = np.einsum("ij,ij->i", self._normals[hit], rays[todo, 3:]) < 0
            keep = np.ones(len(todo), dtype=bool) if inside else front
            at = todo[keep]
            z[at], face[at], uv[at] = travelled[at] + t[keep], hit[keep], bary[keep]
            todo, t = todo[~keep], t[~keep] + 1e-3
            if not len(todo):
                break
            rays[todo, :3] += t[:, None] * rays[todo, 3:]
            travelled[todo] += t
        return z.reshape(h, w), face.reshape(h, w), uv.reshape(h, w, 2)

    def _own_colors(self, face: Int32, uv: Float32) -> Float32:
        """(H, W, 3) the mesh's colours; grey where it has none."""
        if self._mesh.colors is None or not len(self._mesh.faces):
            return np.full((*face.shape, 3), 150, dtype=np.float32)
        corner = self._mesh.colors[self._mesh.faces[np.maximum(face, 0)]].astype(np.float32)
        weight = np.stack([1 - uv.sum(axis=-1), uv[..., 0], uv[..., 1]], axis=-1)
        return np.asarray(np.einsum("hwkc,hwk->hwc", corner, weight), dtype=np.float32)

    def _sources(self, T: Float64) -> list[tuple[int, float]]:
        """The captured frames nearest to a pose, with weights that fall to nothing where the next one would come in."""
        if not len(self._poses):
            return []
        away = np.linalg.norm(self._poses[:, :3, 3] - T[:3, 3], axis=1)
        cosine = (np.einsum("nij,ij->n", self._poses[:, :3, :3], T[:3, :3]) - 1) / 2
        distance = away + TURN_M * np.arccos(np.clip(cosine, -1, 1)) + 1e-3
        distance[list(self._bad)] = np.inf
        order = np.argsort(distance, kind="stable")[: SOURCES + 1]
        order = order[np.isfinite(distance[order])]
        for index in order:
            self._source(int(index))
        if self._bad & {int(i) for i in order}:
            return self._sources(T)
        last = float(distance[order[-1]]) if len(order) > SOURCES else float(distance[order[-1]]) * 1.5
        return [(int(i), 1 / float(distance[i]) ** 2 - 1 / last**2) for i in order[:SOURCES]]

    def _source(self, index: int) -> tuple[UInt8, Float32]:
        """Colour (H, W, 3) of a captured frame, and the mesh's depth (H, W) from its pose: what it can have seen."""
        if index in self._decoded:
            self._decoded.move_to_end(index)
            return self._decoded[index]
        source = self._scan.sources[self._indices[index]]
        try:
            color = self._scan.read(self._indices[index]).color
        except FrameError:
            self._bad.add(index)
            return np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.float32)
        z, _, _ = self._cast(source.camera, self._poses[index], True)
        self._decoded[index] = color, z
        while len(self._decoded) > KEPT:
            self._decoded.popitem(last=False)
        return self._decoded[index]


def filled(picture: Float32, known: Float32) -> Float32:
    """Pixels that nothing is known of, from what lies around them: averages of ever wider neighbourhoods.

    Pull and push over an image pyramid (Gortler et al. 1996, The Lumigraph, section 3.3).

    Args:
        picture: (H, W, 3).
        known: (H, W) 1 = known, 0 = not.
    """
    import cv2

    if known.min() > 0 or known.max() == 0:
        return picture

    def half(image: Float32) -> Float32:
        size = max(image.shape[1] // 2, 1), max(image.shape[0] // 2, 1)
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.float32)

    levels = [(picture * known[..., None], known)]
    while min(levels[-1][1].shape) > 2 and levels[-1][1].min() == 0:
        levels.append((half(levels[-1][0]), half(levels[-1][1])))
    color, weight = levels.pop()
    out = color / np.maximum(weight, 1e-6)[..., None]
    for color, weight in reversed(levels):
        wide = cv2.resize(out, (weight.shape[1], weight.shape[0]), interpolation=cv2.INTER_LINEAR)
        out = np.where(weight[..., None] > 1e-6, color / np.maximum(weight, 1e-6)[..., None], wide)
    return np.asarray(out, dtype=np.float32)


def _sky(camera: Camera, T: Float64) -> Float32:
    """(H, W, 3) a background that is lighter above."""
    y = camera.rays() @ T[:3, :3].T[:, 1].astype(np.float32)
    y = np.clip(0.5 + 0.5 * y / np.linalg.norm(camera.rays(), axis=-1), 0, 1)[..., None]
    above, below = np.array(SKY, dtype=np.float32)
    return np.asarray(below + y * (above - below), dtype=np.float32)
