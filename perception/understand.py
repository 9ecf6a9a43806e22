"""A capture in, a scene out: track, fuse, find planes, name them, relate them. One pass over the frames."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from sceneforge.core import (
    CameraTrack,
    Frame,
    FrameError,
    Label,
    Mesh,
    Progress,
    RoomCapture,
    Scan,
    ScanError,
    Scene,
    UsageError,
    silent,
)
from sceneforge.core.arrays import Float32, Float64
from sceneforge.core.transforms import make_transform, rotation_between, transform_points

from .account import Account
from .caster import Caster, load_ahead
from .certainty import with_certainty
from .device import with_entities
from .fusion import MEMORY_MB, DepthFusion, Prepared
from .gravity import UpEstimate, estimate_up, prior_from_cameras
from .layout import lay_out
from .light import estimate_light, spread_frames
from .objects import find_objects
from .openings import Views
from .planes import PlaneOptions, find_planes
from .pose_check import correct_outliers, sample_points
from .preparation import check_lost_frames, refined, tracked, with_swept_depth
from .radiance import Glance, glance
from .refinement import refine_normals
from .relations import find_relations
from .rooms import find_rooms
from .scale import check_scale
from .sensor_range import FRAMES, NEAR_M, trusted_range
from .sizing import KnownDimension, sized
from .surfaces import bound_planes, label_mesh, vertex_planes
from .surfels import SurfaceSamples, Surfels, build_surfels, grain, sample_surface
from .wall_views import KEPT, KeptView, kept

UP = np.array([0.0, 1.0, 0.0])
MIN_UP_CONFIDENCE = 0.3
MAX_EXTENT_M = 300
"""A larger surface has other units or a broken pose, and its plan would not fit into memory."""


def understand_scan(
    scan: Scan,
    *,
    voxel_m: float = 0.02,
    max_depth_m: float | None = None,
    every: int = 1,
    ignore_poses: bool = False,
    refine_poses: bool = False,
    memory_mb: float = MEMORY_MB,
    known: KnownDimension | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[Scene, Account]:
    """Understand an RGB-D capture, or one of pictures alone.

    The size of pictures without poses is guessed; it is put right by `known`, else as far as the heights of doors,
    tables, seats and ceilings say (see `sizing`).

    Args:
        scan: The capture. Poses are taken from it; where it has none they are estimated from the images.
        voxel_m: Voxel edge of the reconstruction, metres.
        max_depth_m: Depth beyond this is not fused; None = 4.5 m, or as far as the sensor's noise, measured on the
            capture, stays below a voxel.
        every: Use every n-th frame.
        ignore_poses: Estimate poses even where the capture has them.
        refine_poses: Put right those of the capture's poses that the pictures disagree with.
        memory_mb: What the reconstruction's voxels may take in memory; the rest lies in a temporary file meanwhile.
        known: A length somebody measured, for captures without a depth sensor: the scene gets the size it says.
        seed: Seed of the tracker's sampling.
        progress: Told of each stage.

    Raises:
        ScanError: Too many frames are damaged, no frame has a pose, or nothing was reconstructed.
        UsageError: The known length is of nothing that was found, or the capture measures depth itself.
    """
    if known is not None and scan.has_depth:
        raise UsageError(f"known dimension '{known.describe()}': this capture's depth sensor says how large things are")
    account = Account()
    bad: list[FrameError] = []
    pose_confidence = np.ones(len(scan))
    if ignore_poses or not scan.has_poses:
        scan, pose_confidence = tracked(scan, seed, progress, bad, account)
    elif refine_poses and scan.has_depth:
        scan, pose_confidence = refined(scan, every, progress, bad, account)
    if max_depth_m is None:
        max_depth_m = _measured_range(scan, every, voxel_m) if scan.has_depth else NEAR_M
    if not scan.has_depth:
        scan = with_swept_depth(scan, every, progress, account)

    def run(scan: Scan, account: Account) -> Scene:
        return _fused(
            scan,
            account,
            pose_confidence,
            list(bad),
            voxel_m=voxel_m,
            max_depth_m=max_depth_m,
            every=every,
            memory_mb=memory_mb,
            seed=seed,
            progress=progress,
        )

    if known is None and not account.size_sigma:
        return run(scan, account), account
    return sized(scan, account, known, run)


def _fused(
    scan: Scan,
    account: Account,
    pose_confidence: Float64,
    bad: list[FrameError],
    *,
    voxel_m: float,
    max_depth_m: float,
    every: int,
    memory_mb: float,
    seed: int,
    progress: Progress,
) -> Scene:
    """The scene of a capture with poses and depth."""
    used = [i for i in range(0, len(scan), every) if scan.sources[i].T_world_camera is not None]
    asked = range(0, len(scan), every)
    check_lost_frames(account, scan, asked, len(used))
    R_given = None if scan.up is None else _rotation_to_y(scan.up)
    T_scene_source = make_transform(np.eye(3) if R_given is None else R_given, np.zeros(3))

    fusion = DepthFusion(voxel_m=voxel_m, max_depth_m=max_depth_m, memory_mb=memory_mb)
    indices: list[int] = []
    samples: list[Float32] = []
    pictures: dict[int, KeptView] = {}
    glances: dict[int, Glance] = {}
    wanted = set(np.unique(np.linspace(0, len(used) - 1, KEPT).astype(int)).tolist())
    load_ahead()
    for_light = set(spread_frames(len(used)))
    with account.stage("fuse"):
        for n, (frame, prepared) in enumerate(_prepared(scan.frames(used, bad=bad), fusion)):
            assert frame.T_world_camera is not None
            fusion.add(frame, T_scene_source @ frame.T_world_camera, prepared)
            samples.append(sample_points(frame, max_depth_m))
            if n in wanted:
                pictures[len(indices)] = kept(frame, fusion.gain)
            if n in for_light:
                glances[len(indices)] = glance(frame)
            indices.append(frame.index)
            progress("fuse", n + 1, len(used))
    with account.stage("mesh"):
        mesh = fusion.mesh()
        account.counts["blocks"] = fusion.blocks
        account.counts["mb_on_disk"] = fusion.bytes_on_disk // 2**20
        del fusion
    if not len(mesh.faces):
        raise ScanError(
            "no surface could be reconstructed from the depth images",
            path=scan.path,
            expected=f"depth between 0.2 and {max_depth_m} m",
            fix="check the depth unit and the poses",
        )
    _check_extent(mesh, scan.path)
    T_source_camera = np.stack([np.asarray(scan.sources[i].T_world_camera) for i in indices])
    source = {"name": scan.name, "format": scan.format, "gravity": "capture"}
    if R_given is None:
        with account.stage("gravity"):
            estimate = _estimate_up(mesh, prior_from_cameras(T_source_camera), account)
            source["gravity"] = f"estimated ({estimate.confidence:.2f})"
            R = _rotation_to_y(estimate.up)
            T_scene_source = make_transform(R, np.zeros(3))
            mesh = replace(mesh, vertices=transform_points(T_scene_source, mesh.vertices).astype(np.float32))
    T_scene_camera = np.asarray(T_scene_source @ T_source_camera)
    confidence = pose_confidence[indices]
    caster = Caster(mesh)
    with account.stage("poses"):
        checked = correct_outliers(caster, samples, T_scene_camera)
        for c in checked.corrections:
            text = (
                f"frame {scan.sources[indices[c.index]].name}: its pose lies {1000 * c.before_m:.0f} mm off the surface"
            )
            if c.T_world_camera is None or c.after_m is None:
                confidence[c.index] *= 0.2
                account.warnings.append(f"{text} of the other frames, and no better one was found")
            else:
                T_scene_camera[c.index] = c.T_world_camera
                confidence[c.index] *= 0.5
                account.warnings.append(f"{text} of the other frames; corrected, {1000 * c.after_m:.0f} mm are left")
        if checked.alone:
            confidence[list(checked.alone)] *= 0.5
            account.warnings.append(
                f"{len(checked.alone)} of {len(indices)} frames show almost nothing that another frame saw, the first "
                f"{scan.sources[indices[checked.alone[0]]].name}: their poses could not be checked"
            )
    track = CameraTrack(
        tuple(indices),
        np.array([scan.sources[i].timestamp_s for i in indices]),
        T_scene_camera,
        confidence,
    )
    if bad:
        account.warnings.append(f"{len(bad)} of {len(asked)} frames could not be read and were left out: {bad[0]}")
    account.warnings.extend(scan.notes)
    account.counts["frames"] = len(indices)
    account.counts["frames_skipped"] = len(asked) - len(indices)
    cameras = tuple(scan.sources[i].depth_camera for i in indices)
    views = Views(cameras, T_scene_camera, pictures, max_depth_m)
    scene = _understand_surface(mesh, views, account, progress, caster)
    scene = _lit(scene, caster, glances, track, seed, account, progress)
    return replace(scene, T_scene_source=T_scene_source, source={**source, **scene.source}, track=track)


def _prepared(frames: Iterator[Frame], fusion: DepthFusion) -> Iterator[tuple[Frame, Prepared]]:
    """Frames made ready to be fused, one ahead of the caller."""
    waiting: tuple[Frame, Future[Prepared]] | None = None
    with ThreadPoolExecutor(1) as pool:
        for frame in frames:
            ahead = (frame, pool.submit(fusion.prepare, frame))
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = ahead
        if waiting is not None:
            yield waiting[0], waiting[1].result()


def _measured_range(scan: Scan, every: int, voxel_m: float) -> float:
    readable = [i for i in range(0, len(scan), every) if not scan.sources[i].problem]
    few = [readable[k] for k in np.unique(np.linspace(0, len(readable) - 1, FRAMES).astype(int))] if readable else []
    return trusted_range(replace(scan, max_bad_fraction=1.0).frames(few, bad=[]), voxel_m)


def _lit(
    scene: Scene,
    caster: Caster,
    glances: dict[int, Glance],
    track: CameraTrack,
    seed: int,
    account: Account,
    progress: Progress,
) -> Scene:
    """The scene with its light, from what some of the frames showed."""
    assert scene.mesh is not None
    T = track.T_world_camera
    progress("light", 0, 1)
    with account.stage("light"):
        light = estimate_light(
            [(g, T[k]) for k, g in glances.items()], scene.mesh, scene.planes, T[:, :3, 3], seed=seed, caster=caster
        )
    progress("light", 1, 1)
    account.warnings.extend(light.notes)
    account.counts["lights"] = len(light.lights)
    account.light.update(light.facts)
    return replace(scene, lights=light.lights, environment=light.environment)


def understand_room(capture: RoomCapture, *, progress: Progress = silent) -> tuple[Scene, Account]:
    """Understand a mesh, a point cloud or a headset's room capture: the same path as a scan from the mesh on.

    The device's own planes and boxes lend their labels, and stay beside what was found where geometry does not show
    them. Where the capture has no mesh, they are the scene.

    Raises:
        ScanError: There is neither a mesh nor any plane.
    """
    account = Account()
    account.warnings.extend(capture.notes)
    source = {"name": capture.name, "format": capture.format, "gravity": "capture"}
    if capture.mesh is None or len(capture.mesh.vertices) < 3:
        if not capture.planes and not capture.objects:
            raise ScanError("neither a mesh nor planes", path=capture.path, expected="a mesh or device entities")
        graph = find_relations(capture.planes, capture.objects)
        scene = Scene(capture.planes, capture.objects, find_rooms(capture.planes), graph, source=source)
        account.counts.update(planes=len(scene.planes), objects=len(scene.objects))
        return scene, account
    mesh, T_scene_source = capture.mesh, np.eye(4)
    if len(mesh.faces) and not mesh.face_normals.any():
        raise ScanError("no triangle of the mesh has an area", path=capture.path, expected="a scanned surface")
    _check_extent(mesh, capture.path)
    if capture.up is None:
        with account.stage("gravity"):
            estimate = _estimate_up(mesh, UP, account)
        source["gravity"] = f"estimated ({estimate.confidence:.2f})"
        T_scene_source = make_transform(_rotation_to_y(estimate.up), np.zeros(3))
    else:
        T_scene_source = make_transform(_rotation_to_y(capture.up), np.zeros(3))
    if not np.array_equal(T_scene_source, np.eye(4)):
        mesh = replace(mesh, vertices=transform_points(T_scene_source, mesh.vertices).astype(np.float32))
    scene = _understand_surface(mesh, None, account, progress)
    if capture.planes or capture.objects:
        scene = _with_entities(scene, capture, T_scene_source, account)
    return replace(scene, T_scene_source=T_scene_source, source=source), account


def _with_entities(scene: Scene, capture: RoomCapture, T_scene_source: Float64, account: Account) -> Scene:
    """The scene with the device's own planes and boxes: they name what geometry cannot."""
    boxes = [replace(o, box=replace(o.box, T_world_box=T_scene_source @ o.box.T_world_box)) for o in capture.objects]
    flat = [p for p in capture.planes if p.label is not Label.GLOBAL_MESH]
    planes = [replace(p, T_world_plane=T_scene_source @ p.T_world_plane) for p in flat]
    scene, notes = with_entities(scene, planes, boxes)
    account.warnings.extend(notes)
    account.counts.update(
        planes=len(scene.planes),
        objects=len(scene.objects),
        relations=len(scene.graph.relations),
        device_entities=len(planes) + len(boxes),
    )
    return scene


def _understand_surface(
    mesh: Mesh, views: Views | None, account: Account, progress: Progress, caster: Caster | None = None
) -> Scene:
    options = PlaneOptions()
    progress("planes", 0, 3)
    with account.stage("planes"):
        samples, surfels = _surfels(mesh, options)
        fits = refine_normals(find_planes(surfels, options), surfels)
        progress("planes", 1, 3)
        cameras = None if views is None else views.T_world_camera
        surfaces = bound_planes(fits, samples, surfels, cameras, min_area_m2=options.min_area_m2)
        progress("planes", 2, 3)
    with account.stage("layout"):
        layout = lay_out(surfaces, samples, surfels, mesh, views, caster)
        surfaces = layout.surfaces
        planes = with_certainty(surfaces.planes, surfels, surfaces.surfel_plane)
        surfaces = replace(surfaces, planes=planes)
        vertex_plane = vertex_planes(mesh, samples, surfels, surfaces.surfel_plane, surfaces.planes)
        mesh = label_mesh(mesh, surfaces.planes, vertex_plane)
    with account.stage("objects"):
        objects = find_objects(surfels, surfaces.planes, surfaces.surfel_plane, surfaces.levels, grain(mesh))
        graph = find_relations(surfaces.planes, objects)
    progress("planes", 3, 3)
    account.counts.update(
        vertices=len(mesh.vertices),
        triangles=len(mesh.faces),
        planes=len(surfaces.planes),
        objects=len(objects),
        relations=len(graph.relations),
    )
    size = account.size_sigma or None
    scale = check_scale(surfaces.planes, layout.rooms, surfaces.levels.floor, size, account.size_guess)
    account.scale = scale
    if size is None and not scale.plausible:
        account.warnings.append(f"scale: {scale.describe()}; are its units metres?")
    if surfaces.levels.floor is None:
        account.warnings.append("no floor was seen: heights are relative to a floor assumed 1.5 m below the camera")
    return Scene(surfaces.planes, objects, layout.rooms, graph, mesh=mesh)


def _check_extent(mesh: Mesh, path: str) -> None:
    size = float(np.ptp(mesh.vertices, axis=0).max())
    if not 0 < size <= MAX_EXTENT_M:
        found, wanted = f"the surface is {size:.0f} m across", f"at most {MAX_EXTENT_M} m"
        raise ScanError(found, path=path, expected=wanted, fix="check its units (they must be metres) and the poses")


def _surfels(mesh: Mesh, options: PlaneOptions) -> tuple[SurfaceSamples, Surfels]:
    samples = sample_surface(mesh, 0.02)
    return samples, build_surfels(samples, options.cell_m)


def _rotation_to_y(up: Float64) -> Float64:
    # Captures that are upright already keep their world to the last bit.
    return np.eye(3) if float(up @ UP) > 1 - 1e-9 else rotation_between(up, UP)


def _estimate_up(mesh: Mesh, prior: Float64, account: Account) -> UpEstimate:
    _, surfels = _surfels(mesh, PlaneOptions())
    estimate = estimate_up(surfels, prior)
    if estimate.confidence < MIN_UP_CONFIDENCE:
        account.warnings.append(
            f"up is uncertain (confidence {estimate.confidence:.2f}): few level or upright surfaces were seen"
        )
    return estimate
