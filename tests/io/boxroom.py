"""A small RGB-D sequence with exact truth: a box room raycast analytically, and writers for every layout we read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sceneforge.core import Camera
from sceneforge.core.transforms import inverse, make_transform, quaternion_from_rotation

SIZE = np.array([4.0, 2.5, 3.0])
"""The room spans 0..SIZE, Y up."""
COLOR = Camera(64, 48, 55.0, 54.0, 31.0, 24.0)
DEPTH = COLOR.resized(32, 24)
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
COUNT = 6


@dataclass(frozen=True)
class Sequence:
    """Six views of the room."""

    poses: tuple[NDArray[np.float64], ...]
    """(4, 4) camera-to-world, OpenCV axes."""
    colors: tuple[NDArray[np.uint8], ...]
    """(48, 64, 3) RGB."""
    depths: tuple[NDArray[np.float64], ...]
    """(48, 64) metres, as the colour camera sees it."""
    small: tuple[NDArray[np.float64], ...]
    """(24, 32) metres."""


def look(eye: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Camera-to-world, OpenCV axes, +Y up in the world."""
    z = (target - eye) / np.linalg.norm(target - eye)
    x = np.cross(z, [0.0, 1.0, 0.0])
    x /= np.linalg.norm(x)
    return make_transform(np.column_stack([x, np.cross(z, x), z]), eye)


def depth_of(T: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """z-depth of the room's inside: the nearest of six axis-aligned planes along each ray."""
    rays = camera.rays().astype(np.float64) @ T[:3, :3].T
    eye = T[:3, 3]
    with np.errstate(divide="ignore"):
        along = np.where(rays > 0, (SIZE - eye) / rays, -eye / rays)
    return np.asarray(along.min(axis=-1))


def sequence() -> Sequence:
    """The views, all from inside the room."""
    eyes = [np.array([1.2 + 0.2 * i, 1.4, 0.8 + 0.1 * i]) for i in range(COUNT)]
    poses = tuple(look(e, np.array([2.0 + 0.3 * i, 0.4, 2.8])) for i, e in enumerate(eyes))
    rng = np.random.default_rng(5)
    base = np.kron(rng.integers(40, 220, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    colors = tuple(np.ascontiguousarray(np.roll(base, 4 * i, axis=1)) for i in range(COUNT))
    return Sequence(poses, colors, tuple(depth_of(T, COLOR) for T in poses), tuple(depth_of(T, DEPTH) for T in poses))


def plane_distance(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) distance of points to the nearest of the room's six planes."""
    return np.minimum(np.abs(points), np.abs(points - SIZE)).min(axis=-1)


def save_color(path: Path, image: NDArray[np.uint8]) -> None:
    """Write RGB as PNG or JPEG, by suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def save_depth(path: Path, depth: NDArray[np.float64], unit_m: float = 0.001) -> None:
    """Write 16-bit depth."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.round(depth / unit_m).astype(np.uint16))


def save_matrix(path: Path, matrix: NDArray[np.float64]) -> None:
    """Write numbers, nine decimals."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, matrix, fmt="%.9f")


def quaternion_row(T: NDArray[np.float64]) -> list[float]:
    """tx ty tz qx qy qz qw."""
    return [*T[:3, 3].tolist(), *quaternion_from_rotation(T[:3, :3]).tolist()]


def _text(values: list[float]) -> str:
    return " ".join(f"{v:.9f}" for v in values)


def seven_scenes(root: Path, s: Sequence) -> Path:
    """7-Scenes with a SUN3D-like intrinsics header, invalid depth 65535, and sequences in folders."""
    for i in range(COUNT):
        stem = root / "seq-01" / f"frame-{i:06d}"
        save_color(stem.with_suffix(".color.png"), s.colors[i])
        depth = s.depths[i].copy()
        depth[5, 5] = 65.535  # how the data set marks "no reading"
        save_depth(stem.with_suffix(".depth.png"), depth)
        save_matrix(stem.with_suffix(".pose.txt"), s.poses[i])
    rows = "\n".join(" ".join(str(v) for v in row) for row in COLOR.K)
    (root / "camera-intrinsics.txt").write_text(f"depth and colour intrinsics\n{rows}\n")
    (root / "gravity-direction.txt").write_text("0 -1 0\n")
    return root


def hololens(root: Path, s: Sequence) -> Path:
    """deep-video-mvs."""
    for i in range(COUNT):
        save_color(root / "images" / f"{3 * i:05d}.png", s.colors[i])
        save_depth(root / "depth" / f"{3 * i:05d}.png", s.depths[i])
    save_matrix(root / "poses.txt", np.stack([T.reshape(-1) for T in s.poses]))
    save_matrix(root / "K.txt", COLOR.K)
    return root


def tum(root: Path, s: Sequence) -> Path:
    """TUM RGB-D: unequal rates, a depth image without partner, a truth at 100 Hz, world as ours."""
    root = root / "rgbd_dataset_freiburg3_box"
    rgb, depth, truth = ["# color images"], ["# depth maps"], ["# ground truth"]
    for i in range(COUNT):
        t = 1000.0 + i / 30
        save_color(root / "rgb" / f"{t:.6f}.png", cv2.resize(s.colors[i], (640, 480), interpolation=cv2.INTER_NEAREST))
        camera = Camera(640, 480, 535.4, 539.2, 320.1, 247.6)
        save_depth(root / "depth" / f"{t + 0.008:.6f}.png", depth_of(s.poses[i], camera), 1 / 5000)
        rgb.append(f"{t:.6f} rgb/{t:.6f}.png")
        depth.append(f"{t + 0.008:.6f} depth/{t + 0.008:.6f}.png")
        truth.append(f"{t + 0.009:.4f} {_text(quaternion_row(s.poses[i]))}")
        truth.append(f"{t + 0.018:.4f} 9 9 9 0 0 0 1")  # farther away: must not be taken
    depth.append("2000.0 depth/missing.png")
    for name, lines in (("rgb.txt", rgb), ("depth.txt", depth), ("groundtruth.txt", truth)):
        (root / name).write_text("\n".join(lines) + "\n")
    return root


def tum_cabinet(root: Path, s: Sequence) -> Path:
    """CubeSLAM's key frames."""
    lines = []
    for i in range(COUNT):
        save_color(root / "raw_imgs" / f"{i:04d}_rgb_raw.jpg", s.colors[i])
        save_depth(root / "depth_imgs" / f"{i:04d}_depth_raw.png", s.depths[i], 1 / 5000)
        lines.append(f"{1000 + i} {_text(quaternion_row(s.poses[i]))}")
    (root / "truth_cam_poses.txt").write_text("\n".join(lines))
    camera = f"Camera.fx: {COLOR.fx}\nCamera.fy: {COLOR.fy}\nCamera.cx: {COLOR.cx}\nCamera.cy: {COLOR.cy}\n"
    (root / "TUM3.yaml").write_text(f"%YAML:1.0\n# settings\n{camera}DepthMapFactor: 5000.0\n")
    return root


def slambook(root: Path, s: Sequence) -> Path:
    """color/N.png, depth/N.pgm, pose.txt; frames 1..6 at 640x480, as its intrinsics are."""
    camera = Camera(640, 480, 518.0, 519.0, 325.5, 253.5)
    for i in range(COUNT):
        image = cv2.resize(s.colors[i], (640, 480), interpolation=cv2.INTER_NEAREST)
        save_color(root / "color" / f"{i + 1}.png", image)
        save_depth(root / "depth" / f"{i + 1}.pgm", depth_of(s.poses[i], camera))
    (root / "pose.txt").write_text("\n".join(_text(quaternion_row(T)) for T in s.poses))
    return root


def realsense(root: Path, s: Sequence) -> Path:
    """Single views."""
    for i in range(COUNT):
        save_color(root / "color" / f"{i:06d}.png", s.colors[i])
        save_depth(root / "depth" / f"{i:06d}.png", s.depths[i])
    camera = {"width": COLOR.width, "height": COLOR.height, "intrinsic_matrix": COLOR.K.T.reshape(-1).tolist()}
    (root / "cam_params_realsense.json").write_text(json.dumps(camera))
    return root


def kinect_pairs(root: Path, s: Sequence) -> Path:
    """NAME_color.png and NAME_depth_mm.png with PCL's default camera."""
    camera = Camera(640, 480, 525.0, 525.0, 319.5, 239.5)
    for i in range(COUNT):
        image = cv2.resize(s.colors[i], (640, 480), interpolation=cv2.INTER_NEAREST)
        save_color(root / f"learn{i}_color.png", image)
        save_depth(root / f"learn{i}_depth_mm.png", depth_of(s.poses[i], camera))
    return root


def scannet(root: Path, s: Sequence) -> Path:
    """SensReader's export; frame 4 lost tracking."""
    for i in range(COUNT):
        save_color(root / "color" / f"{i}.jpg", s.colors[i])
        save_depth(root / "depth" / f"{i}.png", s.small[i])
        save_matrix(root / "pose" / f"{i}.txt", s.poses[i] if i != 4 else np.full((4, 4), -np.inf))
    for name, camera in (("color", COLOR), ("depth", DEPTH)):
        K = np.eye(4)
        K[:3, :3] = camera.K
        save_matrix(root / "intrinsic" / f"intrinsic_{name}.txt", K)
        save_matrix(root / "intrinsic" / f"extrinsic_{name}.txt", np.eye(4))
    return root


def redwood(root: Path, s: Sequence) -> Path:
    """Open3D's reconstruction system."""
    lines = []
    for i in range(COUNT):
        save_color(root / "image" / f"{i + 1:06d}-{i * 33366:012d}.jpg", s.colors[i])
        save_depth(root / "depth" / f"{i + 1:06d}-{i * 33000:012d}.png", s.depths[i])
        lines += [f"{i} {i} {i + 1}", *(" ".join(f"{v:.9f}" for v in row) for row in s.poses[i])]
    (root / "scene").mkdir()
    (root / "scene" / "trajectory.log").write_text("\n".join(lines) + "\n")
    K = {"width": COLOR.width, "height": COLOR.height, "intrinsic_matrix": COLOR.K.T.reshape(-1).tolist()}
    (root / "camera_intrinsic.json").write_text(json.dumps(K))
    return root


def stray_scanner(root: Path, s: Sequence) -> Path:
    """Video, small depth with confidence, odometry with a header."""
    import av

    root.mkdir(parents=True, exist_ok=True)
    with av.open(str(root / "rgb.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=60, options={"crf": "4", "g": "4", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = COLOR.width, COLOR.height, "yuv420p"
        for image in s.colors:
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    lines = ["timestamp, frame, x, y, z, qx, qy, qz, qw"]
    for i in range(COUNT):
        save_depth(root / "depth" / f"{i:06d}.png", s.small[i])
        level = np.full(s.small[i].shape, 2, dtype=np.uint8)
        level[0, :3] = 0
        (root / "confidence").mkdir(exist_ok=True)
        assert cv2.imwrite(str(root / "confidence" / f"{i:06d}.png"), level)
        lines.append(f"{i / 60:.6f}, {i:06d}, " + ", ".join(f"{v:.9f}" for v in quaternion_row(s.poses[i])))
    (root / "odometry.csv").write_text("\n".join(lines) + "\n")
    np.savetxt(root / "camera_matrix.csv", COLOR.K, delimiter=",")
    return root


def _record3d_metadata(s: Sequence, depth: Camera) -> dict[str, object]:
    poses = []
    for T in s.poses:
        row = quaternion_row(T @ FLIP)
        poses.append([*row[3:], *row[:3]])
    return {
        "w": COLOR.width,
        "h": COLOR.height,
        "dw": depth.width,
        "dh": depth.height,
        "fps": 60,
        "K": COLOR.K.T.reshape(-1).tolist(),
        "poses": poses,
        "frameTimestamps": [i / 60 for i in range(COUNT)],
    }


def record3d_r3d(root: Path, s: Sequence) -> Path:
    """A .r3d recording with plain float32 depth and NaN where nothing was measured."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / "room.r3d"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("metadata", json.dumps(_record3d_metadata(s, DEPTH)))
        for i in range(COUNT):
            ok, jpg = cv2.imencode(".jpg", cv2.cvtColor(s.colors[i], cv2.COLOR_RGB2BGR))
            assert ok
            depth = s.small[i].astype("<f4")
            depth[0, 0] = np.nan
            z.writestr(f"rgbd/{i}.jpg", jpg.tobytes())
            z.writestr(f"rgbd/{i}.depth", depth.tobytes())
    return path


def transforms_json(root: Path, s: Sequence) -> Path:
    """nerfstudio with per-frame intrinsics on one frame, one frame without depth, and a scale applied."""
    frames: list[dict[str, object]] = []
    for i in range(COUNT):
        save_color(root / "images" / f"frame_{i:05d}.jpg", s.colors[i])
        save_depth(root / "depths" / f"frame_{i:05d}.png", s.small[i])
        T = s.poses[i] @ FLIP
        T[:3, 3] *= 0.5
        frame: dict[str, object] = {"file_path": f"images/frame_{i:05d}.jpg", "transform_matrix": T.tolist()}
        frame["depth_file_path"] = f"depths/frame_{i:05d}.png"
        frames.append(frame)
    frames[1].update(fl_x=COLOR.fx, fl_y=COLOR.fy)
    frames.insert(3, {"file_path": "images/extra.jpg", "transform_matrix": np.eye(4).tolist()})
    data = {"w": COLOR.width, "h": COLOR.height, "fl_x": COLOR.fx, "fl_y": COLOR.fy, "cx": COLOR.cx, "cy": COLOR.cy}
    (root / "transforms.json").write_text(
        json.dumps({**data, "camera_model": "OPENCV", "k1": 0.0, "applied_scale": 0.5, "frames": frames[::-1]})
    )
    return root


def arkitscenes(root: Path, s: Sequence) -> Path:
    """World-to-camera axis-angle; every second image lies between two entries of the trajectory."""
    lines = []
    for i in range(COUNT):
        for k, t in enumerate((3.1 + i * 0.1, 3.117 + i * 0.1)):
            stem = f"41069021_{t:.3f}"
            save_color(root / "lowres_wide" / f"{stem}.png", s.colors[i])
            save_depth(root / "lowres_depth" / f"{stem}.png", s.depths[i])
            (root / "lowres_wide_intrinsics").mkdir(exist_ok=True)
            camera = f"{COLOR.width} {COLOR.height} {COLOR.fx} {COLOR.fy} {COLOR.cx} {COLOR.cy}"
            (root / "lowres_wide_intrinsics" / f"41069021_{t + 0.001 * k:.3f}.pincam").write_text(camera)
        W = inverse(s.poses[i])
        rotation = cv2.Rodrigues(W[:3, :3])[0].reshape(-1)
        lines.append(f"{3.1 + i * 0.1:.5f} {_text([*rotation.tolist(), *W[:3, 3].tolist()])}")
    (root / "lowres_wide.traj").write_text("\n".join(lines) + "\n")
    return root


def scan_yaml(root: Path, s: Sequence) -> Path:
    """Our own folder, with OpenGL axes and a depth camera of its own."""
    lines = []
    for i in range(COUNT):
        save_color(root / "color" / f"{i + 7}.jpg", s.colors[i])
        save_depth(root / "depth" / f"{i + 7}.png", s.small[i], 0.0005)
        lines.append(f"{i * 0.5} {_text(quaternion_row(s.poses[i] @ FLIP))}")
    (root / "trajectory.txt").write_text("\n".join(lines))

    def camera(c: Camera) -> str:
        return f"{{width: {c.width}, height: {c.height}, fx: {c.fx}, fy: {c.fy}, cx: {c.cx}, cy: {c.cy}}}"

    (root / "scan.yaml").write_text(
        "format: sceneforge.scan\nversion: 1\nname: box room\ndepth_unit_m: 0.0005\n"
        f"camera: {camera(COLOR)}\ndepth_camera: {camera(DEPTH)}\nup: [0, 1, 0]\n"
        'color: "color/*.jpg"\ndepth: "depth/*.png"\ntrajectory: trajectory.txt\naxes: opengl\n'
    )
    return root


def record3d_exr(root: Path, s: Sequence) -> Path:
    """Record3D's EXR export with a frame missing; needs the package OpenEXR to write."""
    import OpenEXR

    folder = root / "EXR_RGBD"
    (folder / "depth").mkdir(parents=True)
    for i in range(COUNT):
        if i != 3:
            save_color(folder / "rgb" / f"{i}.jpg", s.colors[i])
            header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
            depth = s.small[i].astype(np.float32)
            depth[0, 0] = np.nan
            OpenEXR.File(header, {"R": depth}).write(str(folder / "depth" / f"{i}.exr"))
    (folder / "metadata.json").write_text(json.dumps(_record3d_metadata(s, DEPTH)))
    return root


WRITERS: dict[str, Callable[[Path, Sequence], Path]] = {
    "seven_scenes": seven_scenes,
    "hololens": hololens,
    "tum_rgbd": tum,
    "tum_cabinet": tum_cabinet,
    "slambook": slambook,
    "realsense_frames": realsense,
    "kinect_pairs": kinect_pairs,
    "scannet": scannet,
    "redwood": redwood,
    "stray_scanner": stray_scanner,
    "record3d_r3d": record3d_r3d,
    "transforms_json": transforms_json,
    "arkitscenes": arkitscenes,
    "scan_yaml": scan_yaml,
}
"""RGB-D layouts by reader; Record3D's EXR export is apart, for it needs a package to write."""
