"""Every error SceneForge raises on purpose.

    SceneForgeError                     exit code 1: something of ours went wrong
    ├── UsageError                      2: the call or the command line does not make sense
    ├── InputError                      3: a file or value handed in cannot be used
    │   ├── UnknownFormatError             no reader recognises the path
    │   ├── ScanError                      a capture as a whole is unusable
    │   ├── FrameError                     one frame of a capture is unusable; the rest may be fine
    │   ├── RecipeError                    a recipe breaks the schema (with file, line and column)
    │   ├── ContentError                   a content model cannot be used
    │   ├── SceneFileError                 a scene.json is damaged or from a newer version
    │   └── UnsafeArchiveError             an archive would write outside its folder or explode in size
    └── EnvironmentProblem              4: the machine lacks something
        ├── MissingExtra                   an optional Python package, with the command that installs it
        └── MissingSystemLibrary           a shared library, with the command that installs it

Messages say what was expected, what was found, and what to do.
"""

from __future__ import annotations

from pathlib import Path


class SceneForgeWarning(UserWarning):
    """Something was survivable but worth knowing; the message says what and how often."""


class SceneForgeError(Exception):
    """Root of all deliberate errors. `exit_code` is what the command line returns."""

    exit_code = 1


class UsageError(SceneForgeError):
    """The arguments contradict each other or name something that does not exist."""

    exit_code = 2


class InputError(SceneForgeError):
    """A file or value handed in cannot be used.

    Args:
        problem: What is wrong, in one clause ("depth is 320x240").
        path: The file or folder it concerns, when there is one.
        frame: Name or index of the frame it concerns, when there is one.
        expected: What would have been right.
        fix: What the user can do.
    """

    exit_code = 3

    def __init__(
        self,
        problem: str,
        *,
        path: str | Path | None = None,
        frame: str | int | None = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.problem, self.path, self.frame, self.expected, self.fix = problem, path, frame, expected, fix
        where = "" if path is None else f"{path}"
        if frame is not None:
            where += f"{', ' if where else ''}frame {frame}"
        text = f"{where}: {problem}" if where else problem
        if expected:
            text += f"; expected {expected}"
        if fix:
            text += f". {fix[0].upper()}{fix[1:]}"
        super().__init__(text)


class UnknownFormatError(InputError):
    """No reader recognises the path."""


class ScanError(InputError):
    """A capture as a whole is unusable."""


class FrameError(InputError):
    """One frame of a capture is unusable."""


class RecipeError(InputError):
    """A recipe breaks the schema."""


class ContentError(InputError):
    """A content model cannot be used."""


class SceneFileError(InputError):
    """A scene.json is damaged, or written by a newer version of the format."""


class UnsafeArchiveError(InputError):
    """An archive holds absolute or parent paths, links, or more data than is reasonable."""


class EnvironmentProblem(SceneForgeError):  # noqa: N818 - reads better in a sentence than ...Error
    """The machine lacks something the call needs."""

    exit_code = 4


class MissingExtra(EnvironmentProblem):
    """An optional Python package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"{purpose} needs the package '{package}'. Install it with: pip install 'sceneforge[{extra}]'")


class MissingSystemLibrary(EnvironmentProblem):
    """A shared library of the operating system is not installed."""

    def __init__(self, library: str, purpose: str, apt_package: str) -> None:
        self.library, self.apt_package = library, apt_package
        super().__init__(
            f"{purpose} needs the system library {library}. Install it with: sudo apt-get install -y {apt_package}"
        )
