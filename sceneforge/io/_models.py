"""Mesh files through trimesh, which gets to see nothing outside the file's own folder."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import numpy as np

from sceneforge.core.errors import ContentError, InputError, ScanError

SUFFIXES = frozenset({".glb", ".gltf", ".obj", ".ply", ".stl", ".off"})
"""What is read."""
MAX_BYTES = 4 * 2**30


def open_model(path: Path, error: type[ContentError] | type[ScanError]) -> Any:
    """The file as a trimesh Scene.

    Raises:
        ContentError, ScanError: As `error` says: missing, of another type, damaged, or refers to files elsewhere.
    """
    import trimesh

    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise error(f"is a {suffix or 'nameless'} file", path=path, expected=", ".join(sorted(SUFFIXES)))
    try:
        if path.stat().st_size > MAX_BYTES:
            raise error("is larger than 4 GB", path=path, expected="a decimated mesh")
        data = path.read_bytes()
    except OSError as problem:
        raise error(f"cannot be read ({problem.strerror})", path=path) from problem
    if not data:
        raise error("file is empty", path=path, expected="a mesh")
    files = _Folder(path.parent)
    resolver: Any = files  # trimesh asks for a subclass of its own, which would cost its import here
    try:
        scene = trimesh.load_scene(io.BytesIO(data), file_type=suffix[1:], resolver=resolver, process=False)
    except InputError:
        raise
    except Exception as problem:  # a parser fed with damaged bytes raises anything
        if files.refused is None and files.missing is None:
            raise error(
                f"is damaged or not a {suffix} file ({type(problem).__name__}: {problem})", path=path
            ) from problem
    if files.refused is not None:
        raise error(
            f"refers to {files.refused!r}", path=path, expected="files inside its own folder", fix="pack it as one .glb"
        )
    if files.missing is not None:
        raise error(f"refers to {files.missing!r}, which is not there", path=path, fix="copy it beside the model")
    return scene


def instances(scene: Any) -> list[tuple[Any, Any]]:
    """(geometry, (4, 4) transform to the scene) of every node that carries geometry, in the file's order."""
    out = []
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        out.append((scene.geometry[name], np.asarray(transform, dtype=np.float64)))
    return out


class _Folder:
    """Resolver for trimesh: files of one folder, by relative path; remembers what it had to refuse or did not find."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.refused: str | None = None
        self.missing: str | None = None

    def get(self, name: str) -> bytes:
        """Bytes of a file in the folder.

        Raises:
            FileNotFoundError: Outside the folder, or not there.
        """
        clean = unquote(name.strip()).replace("\\", "/")
        target = (self.root / clean).resolve()
        outside = PurePosixPath(clean).is_absolute() or "://" in clean or not target.is_relative_to(self.root)
        if outside or (target.exists() and not target.is_file()):
            self.refused = self.refused or name
            raise FileNotFoundError(name)
        if not target.is_file():
            if target.suffix.lower() not in (".mtl",):  # a mesh without its material library is still a mesh
                self.missing = self.missing or name
            raise FileNotFoundError(name)
        if target.stat().st_size > MAX_BYTES:
            self.refused = self.refused or name
            raise FileNotFoundError(name)
        return target.read_bytes()

    __getitem__ = get

    def keys(self) -> list[str]:
        """Names of the folder's files."""
        return sorted(p.name for p in self.root.iterdir() if p.is_file())

    def __contains__(self, name: str) -> bool:
        return (self.root / name).is_file()

    def namespaced(self, namespace: str) -> _Folder:
        """A resolver for a sub-folder, with the same borders."""
        return self

    def write(self, name: str, data: bytes) -> None:
        """Never: reading a model writes nothing."""
        raise PermissionError(name)
