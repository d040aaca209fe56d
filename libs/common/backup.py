"""Copies of a running platform that keeps everything in files: stores, bus, blobs, keys.

All stores and the bus are copied as they were at one instant: for a few milliseconds nobody may
write to any of them, meanwhile a reader is opened in each, and what the readers see is copied while
writing goes on. So the copy is what a power cut at that instant would have left, which services
start from without losing or repeating anything. Blobs are copied after it: they are written before
anything names them, and are not changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from libs.common.config import Settings
from libs.common.files import private_file, private_folder
from libs.common.names import new_id
from libs.common.sqlite import path_of

_FORMAT = 1
_MANIFEST = "backup.json"
_BLOCK = 1_000_000
# So long all are tried to be stopped at once, and so long one is waited for.
_PATIENCE_SECONDS, _WAIT_SECONDS = 60.0, 0.2


class NotDone(Exception):
    """A backup or restore that cannot be; the message says why and what to do."""


def back_up(settings: Settings, target: Path) -> dict[str, Any]:
    """Write a backup into a new folder, which appears when it is whole; return its manifest."""
    places = _places(settings)
    if target.exists():
        raise NotDone(f"{target} exists already; name a new folder")
    databases = _databases(places)
    if not databases:
        raise NotDone(f"there is no data in {settings.data_dir}; set DATA_DIR to where it is")
    private_folder(target.parent)
    part = target.with_name(f".{target.name}.{new_id()}.part")
    part.mkdir(mode=0o700)
    try:
        moment = datetime.now(UTC)
        with _one_instant(list(databases.values())) as readers:
            for name, reader in zip(databases, readers, strict=True):
                _copy_database(reader, part / name)
        files = [_described(part, part / name) for name in databases]
        files += list(_copied(places["keys"], part, "keys"))
        files += list(_copied(places["blobs"], part, "blobs"))
        manifest = {"format": _FORMAT, "time": moment.isoformat(), "files": files}
        _write_private(part / _MANIFEST, json.dumps(manifest, indent=1))
        part.rename(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return manifest


def restore(settings: Settings, source: Path) -> dict[str, Any]:
    """Put a backup where the settings say data is, which must be free; return its manifest.

    Every file is compared with the digest it had; nothing appears unless all are right.
    """
    places = _places(settings)
    manifest = _manifest(source)
    taken = [str(p) for p in places.values() if p.exists() and (p.is_file() or any(p.iterdir()))]
    if taken:
        raise NotDone(f"there is data in {', '.join(taken)}; stop the platform and move it away")
    data = settings.data_dir
    private_folder(data)
    part = data / f".restore.{new_id()}.part"
    try:
        for about in manifest["files"]:
            _restored(source, part, about)
        for name, place in places.items():
            if (part / name).exists():
                private_folder(place.parent)
                if place.is_dir():
                    place.rmdir()
                shutil.move(part / name, place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def _places(settings: Settings) -> dict[str, Path]:
    """Where each thing lies, by its name in a backup."""
    # With a key, so that none is made.
    given = settings.model_copy(update={"service_token_key": "-"}).resolved()
    for variable, url, scheme in (
        ("STORE_URL", given.store_url, "sqlite:"),
        ("BUS_URL", given.bus_url, "sqlite:"),
        ("BLOB_URL", given.blob_url, "file:"),
    ):
        if not url.startswith(scheme):
            raise NotDone(f"{variable} is no file here; docs/operations.md says how to back it up")
    return {
        "store": path_of(given.store_url),
        "bus.db": path_of(given.bus_url),
        "keys": given.data_dir / "keys",
        "blobs": Path(given.blob_url.removeprefix("file://")),
    }


def _databases(places: dict[str, Path]) -> dict[str, Path]:
    found = {f"store/{path.name}": path for path in sorted(places["store"].glob("*.db"))}
    if places["bus.db"].exists():
        found["bus.db"] = places["bus.db"]
    return found


@contextmanager
def _one_instant(paths: Sequence[Path]) -> Iterator[list[sqlite3.Connection]]:
    """A reader in each file, all at one instant. Raises `NotDone` where writing never stops."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with ExitStack() as readers:
        opened = [_opened(path, readers) for path in paths]
        while True:
            try:
                with ExitStack() as writers:
                    for path in paths:
                        _opened(path, writers).execute("BEGIN IMMEDIATE")
                    for reader in opened:
                        reader.execute("BEGIN")
                        reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
                break
            except sqlite3.OperationalError as error:
                if time.monotonic() > deadline:
                    raise NotDone(f"the stores were never free at once: {error}") from error
                time.sleep(_WAIT_SECONDS)
        yield opened


def _opened(path: Path, stack: ExitStack) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=_WAIT_SECONDS)
    stack.callback(connection.close)
    return connection


def _copy_database(reader: sqlite3.Connection, target: Path) -> None:
    private_file(target)
    copy = sqlite3.connect(target, isolation_level=None)
    try:
        reader.backup(copy)
        # One file, without a log beside it.
        copy.execute("PRAGMA journal_mode=DELETE")
        (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    finally:
        copy.close()
    if found != "ok":
        raise NotDone(f"{target.name} is damaged: {found}")


def _copied(folder: Path, target: Path, name: str) -> Iterator[dict[str, Any]]:
    """Copies what lies in a folder; what is deleted meanwhile was not needed."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name.endswith(".part"):
            continue
        place = target / name / path.relative_to(folder)
        try:
            _copy(path, place)
        except FileNotFoundError:
            place.unlink(missing_ok=True)
            continue
        yield _described(target, place)


def _copy(source: Path, target: Path) -> str:
    """Copy a file for its owner only; return its SHA-256."""
    digest = hashlib.sha256()
    with source.open("rb") as read:
        private_file(target)
        with target.open("wb") as write:
            while block := read.read(_BLOCK):
                digest.update(block)
                write.write(block)
    return digest.hexdigest()


def _described(root: Path, path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    name, size = path.relative_to(root).as_posix(), path.stat().st_size
    return {"path": name, "bytes": size, "sha256": digest.hexdigest()}


def _restored(source: Path, target: Path, about: dict[str, Any]) -> None:
    name = Path(about["path"])
    if name.is_absolute() or ".." in name.parts:
        raise NotDone(f"{about['path']} leads out of the backup")
    try:
        digest = _copy(source / name, target / name)
    except FileNotFoundError as gone:
        raise NotDone(f"{about['path']} is missing in the backup") from gone
    if digest != about["sha256"]:
        raise NotDone(f"{about['path']} is not what was backed up; use another backup")


def _manifest(source: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((source / _MANIFEST).read_text())
    except (OSError, ValueError) as error:
        raise NotDone(f"{source} is no whole backup: {error}") from error
    if manifest.get("format") != _FORMAT:
        raise NotDone("the backup is of another version of Labelmill; restore it with that one")
    return manifest


def _write_private(path: Path, text: str) -> None:
    private_file(path)
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
