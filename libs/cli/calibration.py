"""`labelmill calibration`: calibration files of others as the plain JSON, and what is wrong with
them. Works on files alone: no platform is needed.

Known are KITTI's raw recordings (`calib_cam_to_cam.txt` ...; with --drive the way it went),
KITTI's object and tracking files (one .txt), SUSTechPOINTS (`calib/camera/*.json`, images in
`camera/NAME/`), nuScenes' tables (`calibrated_sensor.json` ..., with --sample), and the plain JSON
itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(program: typer.Typer) -> None:
    """Adds the command."""
    program.command("calibration")(calibration_)


def calibration_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="a folder, or one file")],
    sample: Annotated[str, typer.Option(help="token of the sample, of nuScenes' tables")] = "",
    size: Annotated[
        str, typer.Option(help="WIDTHxHEIGHT of KITTI's images, where it is not 1242x375")
    ] = "",
    drive: Annotated[
        Path | None, typer.Option(help="folder of one of KITTI's raw drives: its way (oxts)")
    ] = None,
    cloud: Annotated[Path | None, typer.Option(help="a cloud that the cameras must see")] = None,
) -> None:
    """Print a calibration as plain JSON; what is wrong with it goes to stderr, with exit code 1."""
    from libs.cli.calibration_reading import read

    document, wrong = read(path, sample, size, drive, cloud)
    context.obj.out.json(document)
    for where, reason in wrong:
        typer.echo(f"{where}: {reason}", err=True)
    raise typer.Exit(int(bool(wrong)))
