"""`sceneforge simplify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sceneforge import _cli_output as show

if TYPE_CHECKING:
    from sceneforge.core import Mesh, Scene

SURFACES = ("glb", "ply", "surface_npz")
"""Writers of formats that hold triangles."""


def add(app: typer.Typer) -> None:
    """Add the command to the command line."""

    @app.command(epilog="Example: sceneforge simplify out/room -o room_light.glb --max-error-mm 5")
    def simplify(
        understood: Annotated[Path, typer.Argument(metavar="UNDERSTOOD", help="A folder that `understand` wrote.")],
        out: Annotated[Path, typer.Option("--out", "-o", help="File to write; its suffix picks the format.")],
        max_error_mm: Annotated[
            float, typer.Option(min=0.01, help="All vertices stay this near to the surface.")
        ] = 5.0,
        watertight: Annotated[
            bool, typer.Option("--watertight", help="Write a closed solid for physics, thickened behind the surface.")
        ] = False,
        voxel_mm: Annotated[float, typer.Option(min=1, help="With --watertight: detail of the solid.")] = 20.0,
        thickness_mm: Annotated[
            float, typer.Option(min=1, help="With --watertight: how far it reaches behind the surface.")
        ] = 60.0,
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
        if watertight:
            _write_solid(scene, scene.mesh, out, max_error_mm / 1000, voxel_mm / 1000, thickness_mm / 1000, as_json)
            return
        light = decimate(scene.mesh, max_error_mm / 1000)
        file = export(replace(scene, mesh=light.mesh), out)
        before, after = len(scene.mesh.faces), len(light.mesh.faces)
        error, largest = round(1000 * light.error_m, 3), round(1000 * light.largest_error_m, 3)
        if as_json:
            facts = {"triangles_before": before, "triangles": after, "error_mm": error, "largest_error_mm": largest}
            facts["backward_mm"] = round(1000 * light.backward_m, 3)
            show.print_json({"file": file, **facts})
        else:
            print(f"{before} triangles became {after}")
            print(f"999 of 1000 vertices lie within {error:g} mm of the new surface, all within {largest:g} mm")
            print(f"999 of 1000 points of the new surface lie within {1000 * light.backward_m:.1f} mm of the old one")
            show.print_paths({"file": file})


def _write_solid(
    scene: Scene, mesh: Mesh, out: Path, max_error_m: float, voxel_m: float, thickness_m: float, as_json: bool
) -> None:
    from dataclasses import replace

    from sceneforge.core import UsageError
    from sceneforge.export import export
    from sceneforge.perception.solid import is_closed, lighter, solid

    if not len(mesh.faces):
        raise UsageError("the surface of this room has no triangles to thicken")
    body = lighter(solid(mesh, voxel_m=voxel_m, thickness_m=thickness_m), mesh, max_error_m)
    if not is_closed(body.mesh):
        raise AssertionError("the solid came out open; nothing was written")
    file = export(replace(scene, mesh=body.mesh), out)
    if as_json:
        lengths = {"voxel": body.voxel_m, "thickness": body.thickness_m}
        lengths |= {"error": body.error_m, "largest_error": body.largest_error_m}
        facts = {f"{name}_mm": round(1000 * value, 3) for name, value in lengths.items()}
        before, after = len(mesh.faces), len(body.mesh.faces)
        counts = {"triangles_before": before, "triangles": after, "watertight": True, "volume_m3": body.volume_m3}
        show.print_json({"file": file, **counts, **facts})
    else:
        print(f"{len(mesh.faces)} triangles became a closed solid of {len(body.mesh.faces)}: {body.volume_m3:.3f} m3")
        print(f"it reaches {1000 * body.thickness_m:g} mm behind the surface; voxels of {1000 * body.voxel_m:g} mm")
        near, far = 1000 * body.error_m, 1000 * body.largest_error_m
        print(f"999 of 1000 scanned vertices lie within {near:.1f} mm of its surface, all within {far:.1f} mm")
        show.print_paths({"file": file})
