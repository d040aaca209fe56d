"""Files that only their owner may read, and files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from libs.common.names import new_id

_FOLDER, _FILE, _OTHERS = 0o700, 0o600, 0o077


def private_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, all closed to other users.

    A folder that is there already stays as it is: it may be somebody else's.
    """
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    for one in reversed(missing):
        one.mkdir(mode=_FOLDER, exist_ok=True)


def private_file(path: Path) -> None:
    """Make an empty file, or close one that is there, so that only its owner reads it."""
    private_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, _FILE))
    close_to_others(path)


def close_to_others(path: Path) -> None:
    """Take other users' rights to a file away, where it is there and ours."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        if path.stat().st_mode & _OTHERS:
            path.chmod(_FILE)


def create_once(path: Path, content: str) -> str:
    """Return the content of a private file, made from `content` where there is none.

    Of several that make it at once one wins and all return what that one wrote. The name never
    leads to half a file: it is given to one that is complete and on the disk.
    """
    if not path.exists():
        private_folder(path.parent)
        part = path.with_name(f".{path.name}.{new_id()}.part")
        try:
            _write(part, content)
            _name(part, path)
        finally:
            part.unlink(missing_ok=True)
    return path.read_text()


def _write(path: Path, content: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE), "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _name(part: Path, path: Path) -> None:
    try:
        os.link(part, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without links. Two that are started at once may still meet here.
        if not path.exists():
            part.rename(path)
