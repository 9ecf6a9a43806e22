"""The command line: its words, its exit codes, and the whole road on a small synthetic room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sceneforge import cli, doctor
from sceneforge.core import MissingSystemLibrary

COMMANDS = (
    "understand",
    "track",
    "place",
    "render",
    "compose",
    "demo",
    "export",
    "synth",
    "bench",
    "evaluate",
    "doctor",
    "depth",
    "erase",
    "paint",
    "planes",
    "plan",
    "simplify",
)


def run(arguments: Sequence[str | Path], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    capsys.readouterr()
    code = cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def run_json(arguments: Sequence[str | Path], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code, out, err = run([*arguments, "--json"], capsys)
    assert code == 0, err
    value = json.loads(out)
    assert isinstance(value, dict)
    return value


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small synthetic scan, made by the command line itself."""
    out = tmp_path_factory.mktemp("cli") / "room"
    arguments = ["synth", "-o", str(out), "--draft", "--frames", "12", "--size", "160x120", "--seed", "4"]
    assert cli.main(arguments) == 0
    return out


@pytest.fixture(scope="module")
def understood(room: Path) -> Path:
    out = room.parent / "understood"
    assert cli.main(["understand", str(room), "-o", str(out)]) == 0
    return out


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(["--help"], capsys)
    assert code == 0
    listed = [line.split()[1] for line in out.splitlines() if line.startswith("│ ") and line[2].isalpha()]
    assert sorted(name for name in listed if not name.startswith("-")) == sorted(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run([command, "--help"], capsys)
    assert code == 0
    assert f"Example: sceneforge {command}" in out
    assert "--json" in out
    if command != "doctor":
        assert "--out" in out or command in ("bench", "evaluate")
    if command not in ("doctor", "export", "demo", "plan", "planes", "simplify"):
        assert "--seed" in out


def test_help_is_quick_and_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from sceneforge.cli import main; main(['--help']); "
        "print('HEAVY', [m for m in ('numpy', 'open3d', 'cv2', 'numba', 'trimesh', 'pydantic') if m in sys.modules])"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.rstrip().endswith("HEAVY []"), done.stdout + done.stderr
    assert time.perf_counter() - start < 10  # a guard against something pathological; the benchmark measures


def test_usage_errors_exit_2(room: Path, understood: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nonsense"], capsys)[0] == 2
    assert run(["understand"], capsys)[0] == 2
    assert run(["understand", room, "--every", "0"], capsys)[0] == 2
    code, _, err = run(["bench", "nonsense"], capsys)
    assert (code, err.startswith("error: bench: nothing is called 'nonsense'")) == (2, True)
    code, _, err = run(["synth", "-o", tmp_path / "s", "--size", "640"], capsys)
    assert (code, err) == (2, "error: --size: expected WIDTHxHEIGHT of 16 to 4096 pixels, such as 640x480, got '640'\n")
    code, _, err = run(["track", room, "-o", tmp_path], capsys)
    expected = f"error: {tmp_path} is a folder; name the trajectory file in it, e.g. {tmp_path}/trajectory.txt\n"
    assert (code, err) == (2, expected)
    code, _, err = run(["place", understood, "--content", "sample:rovr"], capsys)
    assert (code, err) == (2, "error: no embedded model is called 'rovr'; did you mean 'rover'?\n")
    code, _, err = run(["place", understood, "--content", "sample:rover", "--scale", "0"], capsys)
    assert (code, err) == (2, "error: --scale must be positive and finite, got 0\n")
    code, _, err = run(["export", understood, "-o", tmp_path / "x.nonsense"], capsys)
    assert (code, err.startswith("error: no writer for 'x.nonsense'")) == (2, True)


def test_input_errors_exit_3(room: Path, understood: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(["understand", tmp_path / "nowhere", "-o", tmp_path / "out"], capsys)
    assert (code, out) == (3, "")
    assert err.startswith("error: ") and "nowhere" in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    code, _, err = run(["place", tmp_path, "--content", "sample:rover"], capsys)
    assert code == 3
    assert "there is no scene.json" in err
    code, _, err = run(["render", room, understood, "--arrangement", tmp_path / "none.json"], capsys)
    assert code == 3
    assert "there is no such file" in err
    (tmp_path / "r.yaml").write_text("format: sceneforge.recipe\nversion: 1\nnmae: x\nscan: none\n")
    code, _, err = run(["compose", tmp_path / "r.yaml"], capsys)
    assert code == 3
    assert err.splitlines() == [
        f"error: {tmp_path}/r.yaml:1:1: the recipe: 'name' is missing",
        f"error: {tmp_path}/r.yaml:3:1: unknown key 'nmae'; did you mean 'name'?",
        f"error: {tmp_path}/r.yaml:4:7: scan: there is no file or folder {tmp_path}/none",
    ]


def test_missing_libraries_exit_4(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise MissingSystemLibrary("libGL.so.1", "Reconstruction", "libgl1")

    monkeypatch.setattr("sceneforge.pipeline.understand", fails)
    code, _, err = run(["understand", "x"], capsys)
    assert code == 4
    assert err == (
        "error: Reconstruction needs the system library libGL.so.1. Install it with: sudo apt-get install -y libgl1\n"
    )


def test_bugs_exit_1_with_a_hint_and_a_traceback_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("sceneforge.pipeline.understand", fails)
    code, _, err = run(["understand", "x"], capsys)
    assert code == 1
    assert err.startswith("error: ZeroDivisionError: by zero. This is a bug in SceneForge")
    assert "Traceback" not in err
    code, _, err = run(["understand", "x", "--debug"], capsys)
    assert code == 1
    assert "Traceback" in err


def test_warnings_are_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import warnings

    from sceneforge.core import Scene, SceneForgeWarning

    def warns(*_: Any, **__: Any) -> Scene:
        warnings.warn("2 of 9 frames are unusable", SceneForgeWarning, stacklevel=2)
        warnings.warn("some library is old", DeprecationWarning, stacklevel=2)
        return Scene()

    monkeypatch.setattr("sceneforge.pipeline.understand", warns)
    code, _, err = run(["understand", "x"], capsys)
    assert (code, err) == (0, "warning: 2 of 9 frames are unusable\n")


def test_understand_passes_its_options_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from sceneforge.core import Scene

    seen: dict[str, Any] = {}

    def note(source: Path, out: Path, **options: Any) -> Scene:
        seen.update(options, source=source, out=out)
        return Scene()

    monkeypatch.setattr("sceneforge.pipeline.understand", note)
    options = [
        "--voxel-m",
        "0.05",
        "--every",
        "3",
        "--ignore-poses",
        "--refine-poses",
        "--memory-mb",
        "64",
        "--known-dimension",
        "door height=2",
        "--seed",
        "9",
    ]
    run(["understand", "captures/kitchen", *options], capsys)
    assert (seen.pop("source"), seen.pop("out")) == (Path("captures/kitchen"), Path("out/kitchen"))
    assert callable(seen.pop("progress"))
    expected = {"voxel_m": 0.05, "every": 3, "ignore_poses": True, "refine_poses": True, "memory_mb": 64, "seed": 9}
    assert seen == {**expected, "known_dimension": "door height=2"}


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    import sceneforge

    assert run(["--version"], capsys)[:2] == (0, f"{sceneforge.__version__}\n")


def test_the_whole_road(room: Path, understood: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("scene.json", "mesh.glb", "surface.npz", "trajectory.txt", "report.json", "plan.png"):
        assert (understood / name).is_file(), name
    placed = run_json(
        ["place", understood, "--content", "sample:rover", "--on", "table", "--on", "floor", "-o", tmp_path], capsys
    )
    assert [p["id"] for p in placed["placed"]] == ["rover"]
    assert placed["placed"][0]["contact_gap_mm"] < 10
    assert placed["unplaced"] == []
    drawn = run_json(
        ["render", room, understood, "--arrangement", tmp_path / "arrangement.json", "-o", tmp_path, "--every", "3"],
        capsys,
    )
    assert set(drawn) == {"video", "pictures", "glb"}
    assert all(Path(path).stat().st_size > 1000 for path in drawn.values())
    written = run_json(["export", understood, "--to", "ply", "-o", tmp_path / "room.ply"], capsys)
    assert Path(written["file"]).read_bytes().startswith(b"ply")


def test_what_finds_no_place_says_why(understood: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["place", understood, "--content", "sample:rover", "--scale", "12", "--on", "floor", "-o", tmp_path]
    code, _, err = run(arguments, capsys)
    assert code == 0
    assert err.startswith("warning: rover has no place: ")
    assert "(floor): " in err and " mm; " in err
    found = run_json(arguments, capsys)
    assert found["placed"] == []
    assert found["unplaced"][0]["rejections"][0]["label"] == "floor"


def test_compose_writes_everything(room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        f"format: sceneforge.recipe\nversion: 1\nname: r\nscan: {room}\n"
        "content: {rover: {model: 'sample:rover'}}\n"
        "place: [{id: rover, content: rover, on: [table, floor]}]\nrender: {every: 4}\n"
    )
    code, out, err = run(["compose", recipe, "-o", tmp_path / "out"], capsys)
    assert (code, err) == (0, "")
    assert "rover: on " in out
    for line in ("video", "pictures", "plan", "scene", "glb"):
        (path,) = (row.split()[1] for row in out.splitlines() if row.startswith(f"{line} "))
        assert Path(path).stat().st_size > 500, line


def test_no_progress_bar_away_from_a_terminal(understood: Path, room: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sceneforge.cli",
            "place",
            str(understood),
            "--content",
            "sample:ball",
            "-o",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "FORCE_COLOR": "1"},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_doctor_reports_and_mends(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "LIBRARIES", {"libnone.so.9": ("libnone9", "open3d"), "libno.so.1": ("libno1", "x")})
    monkeypatch.setattr(doctor, "PACKAGES", {"no-such-package": "none", "pytest": "pytest"})
    monkeypatch.setattr(doctor, "EXTRAS", {"peers": {"no-such-peer": "none"}})
    monkeypatch.setattr(doctor, "PEER_LIBRARIES", {})
    code, out, _ = run(["doctor", "--json"], capsys)
    report = json.loads(out)
    assert (code, report["ok"]) == (4, False)
    states = {c["name"]: c["ok"] for c in report["checks"]}
    assert states == {
        "python": True,
        "libnone.so.9": False,
        "libno.so.1": False,
        "no-such-package": False,
        "pytest": True,
        "no-such-peer": False,
    }
    libraries, package, extra = report["mend"]
    assert libraries.endswith("apt-get install -y --no-install-recommends libno1 libnone9")
    assert package.endswith("-m pip install 'no-such-package'")
    assert extra.endswith("-m pip install 'sceneforge[peers]'")
    code, out, _ = run(["doctor"], capsys)
    assert code == 4
    assert "MISSING  libnone.so.9" in out
    assert "optional no-such-peer" in out


def test_doctor_finds_a_broken_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brokenpackage.py").write_text("import ctypes; ctypes.CDLL('libnone.so.9')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(doctor, "PACKAGES", {"pytest": "brokenpackage"})
    (check,) = (c for c in doctor.examine() if c.name == "pytest")
    assert not check.ok
    assert check.problem is not None and "libnone.so.9" in check.problem
    assert check.mend is None  # the library's own line carries the command


@pytest.mark.parametrize(("kind", "expected"), [("bench", "understand"), ("evaluate", "scene")])
def test_measurements_are_found_and_keep_the_contract(
    kind: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import inspect

    from sceneforge._cli_inputs import measurements

    code, out, _ = run([kind, "--list"], capsys)
    assert code == 0
    assert expected in out.splitlines()
    for name, function in measurements(kind).items():
        parameters = inspect.signature(function).parameters
        assert {"data", "seed"} <= set(parameters), name
        assert parameters["data"].default is None, name
    code, _, err = run([kind, expected, "--data", tmp_path / "none"], capsys)
    assert (code, err) == (2, f"error: --data: there is no file or folder {tmp_path}/none\n")


def test_results_in_text_and_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def measure(*, data: Path | None, seed: int) -> dict[str, Any]:
        return {"name": "made_up", "metrics": {"f1": 0.5, "seed": seed}, "cases": [{"data": data}]}

    monkeypatch.setattr("sceneforge._cli_inputs.measurements", lambda kind: {"made_up": measure})
    code, out, _ = run(["evaluate", "made_up", "--seed", "3"], capsys)
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["name", "made_up"],
        ["metrics.f1", "0.5"],
        ["metrics.seed", "3"],
        ["cases.0.data", "None"],
    ]
    assert run_json(["bench", "made_up"], capsys)["metrics"] == {"f1": 0.5, "seed": 0}


def test_terminal_gets_colour_and_a_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from sceneforge import _cli_output as show

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    show.print_problem("error", "broken")
    with show.progress_bar() as progress:
        progress("fuse", 3, 12)
        progress("fuse", 12, 12)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("\033[31merror: broken\033[0m\n")
    assert "fuse" in err and "12/12" in err


def test_effects_are_listed_and_misspelt_ones_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = run(["render", "--list-effects"], capsys)
    assert code == 0 and "reveal" in out and "passthrough" in out
    for text, told in (
        ("tnt", "there is no effect 'tnt'; did you mean 'tint'?"),
        ("tint:opacty=1", "no setting 'opacty' of tint; did you mean 'opacity'?"),
        ("tint:opacity=3", "opacity: "),
        ("reveal:start=[0", "start: '[0' is neither a number, a word nor a [list]"),
        ("reveal:start=[0,1,2],radius_m=-1", "radius_m: "),
    ):
        code, _, err = run(["render", "sample:living_room", tmp_path, "--effect", text], capsys)
        assert code == 2 and told in err


def test_the_plan_is_drawn_beside_the_view_from_above(understood: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    both, alone, svg = (understood.parent / name for name in ("both.png", "alone.png", "alone.svg"))
    assert run(["plan", str(understood), "-o", str(both), "--json"], capsys)[0] == 0
    assert run(["plan", str(understood), "-o", str(alone), "--alone"], capsys)[0] == 0
    assert run(["plan", str(understood), "-o", str(svg)], capsys)[0] == 0
    assert Image.open(both).width > 1.5 * Image.open(alone).width
    assert alone.read_bytes() == (understood / "plan.png").read_bytes()
    assert svg.read_bytes() == (understood / "plan.svg").read_bytes()
    code, _, err = run(["plan", str(understood), "-o", "plan.bmp"], capsys)
    assert code == 2 and ".png or .svg" in err
