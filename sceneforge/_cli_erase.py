"""The command `erase`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sceneforge import _cli_output as show


def add(app: typer.Typer) -> None:
    """Put the command on the command line."""

    @app.command(epilog='Example: sceneforge erase my_scan out/room --thing "the largest table" -o out/empty')
    def erase(
        scan: Annotated[
            str, typer.Argument(metavar="SCAN|IMAGE", help="A capture's folder or file, sample:NAME, or one picture.")
        ],
        understood: Annotated[
            Path | None, typer.Argument(metavar="UNDERSTOOD", help="A folder that `understand` wrote.")
        ] = None,
        thing: Annotated[list[str] | None, typer.Option(help="Id, label or phrase; may be given again.")] = None,
        mask: Annotated[
            Path | None, typer.Option(help="For one picture: a mask of its size, white = remove.", show_default=False)
        ] = None,
        out: Annotated[
            Path, typer.Option("--out", "-o", help="Folder for the capture without the things; a PNG for a picture.")
        ] = Path("out/erased"),
        painter: Annotated[
            str, typer.Option(help="Fills what no frame saw: exemplar, embedded or procedural.")
        ] = "exemplar",
        prompt: Annotated[
            str, typer.Option(help="For one picture: what comes there, for painters that read it.", show_default=False)
        ] = "",
        fps: Annotated[float, typer.Option(min=1, max=120, help="Frames per second of the video.")] = 15.0,
        every: Annotated[int, typer.Option(min=1, help="Use every n-th frame.")] = 1,
        seed: Annotated[int, typer.Option(min=0, help="Same input, same seed, same bytes.")] = 0,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
    ) -> None:
        """Take real things out of a capture, or what a mask covers out of one picture."""
        from sceneforge.core import UsageError
        from sceneforge.data import resolve_scan
        from sceneforge.erasing import erase as run
        from sceneforge.io.scene_folder import read_scene

        if mask is not None:
            path = _picture(Path(scan), mask, out, painter, prompt, seed)
            show.print_json({"picture": path}) if as_json else show.print_paths({"picture": path})
            return
        if understood is None or not thing:
            raise UsageError("erase needs UNDERSTOOD and --thing for a capture, or --mask for one picture")
        with show.progress_bar() as progress:
            found = run(
                resolve_scan(scan), read_scene(understood), thing, out, painter=painter, fps=fps, every=every,
                seed=seed, progress=progress,
            )  # fmt: skip
        paths = {"scan": found.folder, "video": found.folder / "before_after.mp4", "scene": found.folder / "scene.json"}
        if as_json:
            show.print_json({**paths, "things": list(found.things), **found.facts})
        else:
            share = found.facts["made_up_fraction"]
            print(f"taken out: {', '.join(found.things)}; {share:.0%} of what they hid is made up")
            unknown = found.facts["unknown_pixels"] / max(found.facts["changed_pixels"], 1)
            if unknown > 0.02:
                print(f"behind {unknown:.0%} of the changed pixels no surface is known; they are smeared over")
            show.print_paths(paths)


def _picture(source: Path, mask: Path, out: Path, painter: str, prompt: str, seed: int) -> Path:
    import cv2

    from sceneforge.core import UsageError, write_bytes
    from sceneforge.erasing import erase_from_picture
    from sceneforge.io._images import read_color

    if out.suffix.lower() in (".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"):
        raise UsageError(f"{out}: the picture is written as PNG; give a name that ends in .png, or a folder")
    picture, marked = read_color(source, source.name), read_color(mask, mask.name)
    if picture.shape != marked.shape:
        raise UsageError(
            f"the mask is {marked.shape[1]}x{marked.shape[0]}, the picture {picture.shape[1]}x{picture.shape[0]}; "
            "expected the same size"
        )
    done = erase_from_picture(picture, marked.max(axis=2) > 127, painter=painter, prompt=prompt, seed=seed)
    target = out if out.suffix.lower() == ".png" else out / "erased.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(target, cv2.imencode(".png", done[..., ::-1])[1].tobytes())
    return target
