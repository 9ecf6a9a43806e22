"""`sceneforge plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sceneforge import _cli_output as show


def add(app: typer.Typer) -> None:
    """Add the command to the command line."""

    @app.command(epilog="Example: sceneforge plan out/room -o room_plan.png")
    def plan(
        understood: Annotated[Path, typer.Argument(metavar="UNDERSTOOD", help="A folder that `understand` wrote.")],
        out: Annotated[Path, typer.Option("--out", "-o", help="A .png, or an .svg: the plan alone, to scale.")],
        alone: Annotated[bool, typer.Option("--alone", help="Leave out the view from above.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    ) -> None:
        """Draw the floor plan beside the scanned surface seen from above, at one scale."""
        from sceneforge.core import UsageError
        from sceneforge.io.scene_folder import read_scene
        from sceneforge.rendering.floor_plan import floor_plan
        from sceneforge.rendering.plan_beside import plan_beside
        from sceneforge.rendering.plan_svg import plan_svg

        if (suffix := out.suffix.lower()) not in (".png", ".svg"):
            raise UsageError(f"{out.name}: plans are written as .png or .svg")
        scene = read_scene(understood)
        if suffix == ".svg":
            plan_svg(scene, out)
        elif alone or scene.mesh is None:
            floor_plan(scene, out)
        else:
            plan_beside(scene, out)
        if as_json:
            show.print_json({"file": out})
        else:
            show.print_paths({"file": out})
