"""`sceneforge depth`: dense depth for every picture of a capture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sceneforge import _cli_output as show

PICTURES = (".png", ".jpg", ".jpeg", ".ppm", ".pgm")


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: sceneforge depth my_scan -o out/depth --pictures")(depth)


def depth(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SCAN|IMAGE", help="A capture, sample:living_room, one picture, or a folder with a stereo pair."
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)] = None,
    understood: Annotated[
        Path | None, typer.Option("--scene", help="A folder that `understand` wrote, to save time.", show_default=False)
    ] = None,
    right: Annotated[
        Path | None,
        typer.Option(help="Right picture of a rectified pair; SCAN is the left one.", show_default=False),
    ] = None,
    focal_px: Annotated[
        float | None, typer.Option(help="Focal length of a picture, pixels.", show_default=False)
    ] = None,
    baseline_m: Annotated[
        float | None, typer.Option(help="Distance of the two cameras, metres.", show_default=False)
    ] = None,
    offset_px: Annotated[float, typer.Option(help="Principal point of the right picture less the left's.")] = 0.0,
    model: Annotated[
        str | None, typer.Option(help="Depth checkpoint, folder or hub name, for single views.", show_default=False)
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Allow --model to be fetched from the hub.")] = False,
    every: Annotated[int, typer.Option(min=1, help="Use every n-th frame.")] = 1,
    pictures: Annotated[bool, typer.Option("--pictures", help="Write coloured pictures to look at, too.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Same input, same seed, same bytes.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Dense depth per picture: the sensor's refined, or from several views, a stereo pair, or one picture.

    Writes one 16-bit PNG (mm) per frame, one with its uncertainty (0.1 mm), and depth.json.
    """
    from sceneforge.core import UsageError
    from sceneforge.data import resolve_scan
    from sceneforge.depth import depth_maps, load_estimator, picture_scan
    from sceneforge.io import is_stereo_pair, read_scene
    from sceneforge.stereo import stereo_depth_map, stereo_folder_depth

    path = resolve_scan(source)
    picture = path.suffix.lower() in PICTURES
    if right is None and baseline_m is not None:
        raise UsageError("--baseline-m needs --right, the other picture of the pair")
    if focal_px is not None and right is None and not picture:
        raise UsageError("--focal-px is for pictures; a capture says what its camera is")
    folder = out or Path("out") / f"{path.resolve().stem}_depth"
    scene = None if understood is None else read_scene(understood)
    with show.progress_bar() as progress:
        if right is not None:
            if focal_px is None or baseline_m is None:
                raise UsageError("--right needs --focal-px and --baseline-m")
            found = stereo_depth_map(
                path,
                right,
                folder,
                focal_px=focal_px,
                baseline_m=baseline_m,
                offset_px=offset_px,
                pictures=pictures,
                progress=progress,
            )
        elif is_stereo_pair(path):
            found = stereo_folder_depth(path, folder, pictures=pictures, progress=progress)
        else:
            estimator = None if model is None else load_estimator("huggingface", model=model, download=download)
            found = depth_maps(
                picture_scan(path, focal_px) if picture else path,
                folder,
                every=every,
                scene=scene,
                estimator=estimator,
                pictures=pictures,
                seed=seed,
                progress=progress,
            )
    facts = {"method": found["method"], "frames": len(found["frames"])}
    if as_json:
        show.print_json({"out": folder, **facts})
    else:
        print(f"{facts['frames']} frames by {facts['method']}")
        show.print_paths({"depth": folder / "depth", "sigma": folder / "sigma", "facts": folder / "depth.json"})
