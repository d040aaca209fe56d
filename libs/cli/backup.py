"""`labelmill backup` and `restore`: of the platform on this machine, for whoever runs it. They need
no key and no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from libs.cli.client import Refused

Folder = Annotated[Path, typer.Argument(help="the backup's folder")]
Data = Annotated[Path, typer.Option("--data", envvar="DATA_DIR", help="the platform's data")]


def register(program: typer.Typer) -> None:
    """Adds the commands."""
    program.command("backup")(backup)
    program.command("restore")(restore)


def backup(context: typer.Context, folder: Folder, data: Data = Path("data")) -> None:
    """Copy stores, bus, blobs and keys of this machine's platform; it may be running."""
    from libs.common.backup import back_up

    _run(context, "backed up", back_up, data, folder)


def restore(context: typer.Context, folder: Folder, data: Data = Path("data")) -> None:
    """Put a backup back into an empty data folder; start the platform afterwards."""
    from libs.common.backup import restore as put_back

    _run(context, "restored", put_back, data, folder)


def _run(
    context: typer.Context, done: str, work: Callable[..., dict[str, Any]], data: Path, folder: Path
) -> None:
    from libs.common.backup import NotDone
    from libs.common.config import Settings

    try:
        manifest = work(Settings(data_dir=data), folder)
    except NotDone as reason:
        raise Refused(409, str(reason)) from reason
    files = manifest["files"]
    size = sum(one["bytes"] for one in files)
    words = f"{done} {folder}: {len(files)} files, {size:,} bytes, as of {manifest['time']}"
    context.obj.out.tell(manifest, words)
