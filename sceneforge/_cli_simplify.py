"""`sceneforge simplify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sceneforge import _cli_output as show

SURFACES = ("glb", "ply", "surface_npz")
"""Writers of formats that hold triangles."""


def add(app: typer.Typer) -> None:
    """Add the command to the command line."""

    @app.command(epilog="Example: sceneforge simplify out/room -o room_light.glb --max-error-mm 5")
    def simplify(
        understood: Annotated[Path, typer.Argument(metavar="UNDERSTOOD", help="A folder that `understand` wrote.")],
        out: Annotated[Path, typer.Option("--out", "-o", help="File to write; its suffix picks the format.")],
        max_error_mm: Annotated[float, typer.Option(min=0.01, help="999 of 1000 vertices stay this near.")] = 5.0,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    ) -> None:
        """Write the room with as few triangles as an error bound allows; the error is measured."""
        from dataclasses import replace

        from sceneforge.core import UsageError
        from sceneforge.export import export, writer_for
        from sceneforge.io.scene_folder import read_scene
        from sceneforge.perception.decimation import decimate

        if (format := writer_for(out).NAME) not in SURFACES:
            raise UsageError(f"{out.name} would be {format}, which holds no triangles; use .glb, .ply or .npz")
        scene = read_scene(understood)
        if scene.mesh is None:
            raise UsageError(f"{understood} holds no surface to simplify")
        light = decimate(scene.mesh, max_error_mm / 1000)
        file = export(replace(scene, mesh=light.mesh), out)
        before, after = len(scene.mesh.faces), len(light.mesh.faces)
        error, largest = round(1000 * light.error_m, 3), round(1000 * light.largest_error_m, 3)
        if as_json:
            facts = {"triangles_before": before, "triangles": after, "error_mm": error, "largest_error_mm": largest}
            show.print_json({"file": file, **facts})
        else:
            print(f"{before} triangles became {after}")
            print(f"999 of 1000 vertices lie within {error:g} mm of the new surface, all within {largest:g} mm")
            show.print_paths({"file": file})
