"""Where models are built: beside their repository, one build at a time."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def is_marked(mark: Path, stamp: str) -> bool:
    """Does the mark say that what it stands for was built from sources of this stamp?"""
    return mark.exists() and mark.read_text() == stamp


@contextmanager
def workshop(out: Path) -> Iterator[Path]:
    """An empty folder on the disk of the repository `out`. Another build of the same repository
    waits; what one left that was killed is cleared by the next."""
    whole = out.resolve()
    place = whole.parent / f".{whole.name.lstrip('.')}.building"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as file:
        _lock(file.fileno())
        folder = place / "work"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _lock(file: int) -> None:
    """The kernel gives the lock back however its holder ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("models: waiting for another build of them ...", file=sys.stderr, flush=True)
        fcntl.flock(file, fcntl.LOCK_EX)
