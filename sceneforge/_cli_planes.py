"""`sceneforge planes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sceneforge import _cli_output as show


def add(app: typer.Typer) -> None:
    """Add the command to the command line."""

    @app.command(epilog="Example: sceneforge planes my_scan -o out/planes")
    def planes(
        scan: Annotated[str, typer.Argument(metavar="SCAN", help="A capture's folder or file; poses are not needed.")],
        out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the results.")] = None,
        every: Annotated[int, typer.Option(min=1, help="Use every n-th frame.")] = 1,
        overlays: Annotated[bool, typer.Option("--overlays", help="Draw the planes over the pictures too.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    ) -> None:
        """Find the planes of every depth image: a plane-id PNG per frame, and planes.json."""
        from sceneforge.data import resolve_scan
        from sceneforge.frame_planes import find_frame_planes

        source = resolve_scan(scan)
        folder = out or Path("out") / f"{source.resolve().stem}_planes"
        with show.progress_bar() as progress:
            report = find_frame_planes(source, folder, every=every, overlays=overlays, progress=progress)
        facts = {"frames": report.frames, "planes": report.planes, "ms_per_frame": report.milliseconds}
        if as_json:
            show.print_json({"out": report.out, **facts})
        else:
            print(f"{report.planes} planes in {report.frames} frames, {report.milliseconds:g} ms per frame")
            show.print_paths({"planes": report.out / "planes.json"})
