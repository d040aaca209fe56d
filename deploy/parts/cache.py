"""Where parts are installed: `<cache>/<part>-<version>/`, each one whole or not there at all.

The cache is $LABELMILL_PARTS, or `.parts/` in the project's root.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SEAL = ".pins-sha256"
VERSION = re.compile(r"^[\w.-]+==(\S+)|<kafka\.version>([^<]+)<", re.MULTILINE)


class PartUnavailable(Exception):
    """This machine cannot have the part; `what_to_do` is a sentence for a person."""

    def __init__(self, part: str, reason: str, what_to_do: str) -> None:
        super().__init__(f"{part}: {reason}. {what_to_do}")
        self.part, self.reason, self.what_to_do = part, reason, what_to_do


@dataclass(frozen=True)
class Part:
    """One installable thing. `pins` (files of this folder) fix its every byte; the first names the
    version. `build` fills an empty folder; `program` is what a caller runs, relative to it."""

    name: str
    pins: tuple[str, ...]
    build: Callable[[Path], None]
    program: str = "."

    @property
    def version(self) -> str:
        found = VERSION.search((HERE / self.pins[0]).read_text())
        if found is None:
            raise ValueError(f"{self.pins[0]}: names no version")
        return found[1] or found[2]

    @property
    def home(self) -> Path:
        return cache_root() / f"{self.name}-{self.version}"


def cache_root() -> Path:
    """The folder that holds every installed part."""
    own = os.environ.get("LABELMILL_PARTS")
    return Path(own).absolute() if own else HERE.parents[1] / ".parts"


def install(part: Part) -> Path:
    """Install `part` unless it is there with these very pins; the path of its program.

    Raises PartUnavailable. Two callers at once are safe: one installs, the other waits.
    """
    seal = _seal(part)
    if not _is_sealed(part.home, seal):
        try:
            with _lock(part.name):
                if not _is_sealed(part.home, seal):
                    _build(part, seal)
        except OSError as error:
            advice = "Free some disk, or point LABELMILL_PARTS to a folder you may write to."
            raise PartUnavailable(part.name, str(error), advice) from error
    return (part.home / part.program).resolve()


def size_mb(folder: Path) -> float:
    """Megabytes of the files under `folder`."""
    return sum(f.lstat().st_size for f in folder.rglob("*") if not f.is_dir()) / 1e6


def _seal(part: Part) -> str:
    digest = hashlib.sha256()
    for name in part.pins:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def _is_sealed(home: Path, seal: str) -> bool:
    mark = home / SEAL
    return mark.exists() and mark.read_text() == seal


@contextmanager
def _lock(name: str) -> Iterator[None]:
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(part: Part, seal: str) -> None:
    print(f"{part.name} {part.version}: installing ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    _sweep(part)
    fresh = Path(tempfile.mkdtemp(prefix=f".{part.name}.", dir=cache_root()))
    try:
        fresh.chmod(0o755)
        part.build(fresh)
        (fresh / SEAL).write_text(seal)
        if part.home.exists():  # the same version with other pins
            part.home.rename(fresh.with_suffix(".old"))
        fresh.rename(part.home)
    finally:
        _sweep(part)
    took, size = time.monotonic() - began, size_mb(part.home)
    print(f"{part.name} {part.version}: {size:.0f} MB in {took:.0f} s", file=sys.stderr, flush=True)


def _sweep(part: Part) -> None:
    """Remove what a build left half done; under the lock nobody else's can be there."""
    for left in cache_root().glob(f".{part.name}.*"):
        if left.is_dir():
            shutil.rmtree(left)
