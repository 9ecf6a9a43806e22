"""The numbered samples are run as a reader would run them, on fewer frames."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest

import sceneforge as sf

SAMPLES = Path(__file__).resolve().parents[1] / "samples"


def run(name: str) -> None:
    spec = importlib.util.spec_from_file_location("sample", SAMPLES / name)
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


@pytest.mark.slow
def test_the_paint_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    load = sf.load

    def fewer(path: object) -> object:
        scan = load(path)  # type: ignore[arg-type]
        return replace(scan, sources=scan.sources[::6]) if isinstance(scan, sf.Scan) else scan

    monkeypatch.setattr(sf, "load", fewer)
    monkeypatch.chdir(tmp_path)
    run("04_paint.py")
    told = capsys.readouterr().out
    assert "lush grass on plane_0" in told and "mode inpaint" in told and "mode portal" in told
    out = tmp_path / "out" / "04_paint"
    paints = json.loads((out / "paint.json").read_text())["paints"]
    assert [p["mode"] for p in paints] == ["replace", "inpaint", "portal"]
    assert all((out / p["texture"]).is_file() for p in paints)
    assert (out / "preview.mp4").stat().st_size > 10_000 and (out / "composition.glb").is_file()
