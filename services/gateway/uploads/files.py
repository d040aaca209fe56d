"""Bytes of uploads: chunks while they come, then one blob under its digest."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

from libs.common.blobs import Blobs
from libs.common.store import Doc, Store, Unit
from services.gateway import store
from services.gateway.domain import Upload

# What a file of such a name must begin with, from some byte on.
_STARTS = {
    ".zip": (0, b"PK"),
    ".gz": (0, b"\x1f\x8b"),
    ".tgz": (0, b"\x1f\x8b"),
    ".tar": (257, b"ustar"),
    ".parquet": (0, b"PAR1"),
    ".png": (0, b"\x89PNG"),
    ".jpg": (0, b"\xff\xd8\xff"),
    ".jpeg": (0, b"\xff\xd8\xff"),
    ".webp": (0, b"RIFF"),
    ".wav": (0, b"RIFF"),
    ".flac": (0, b"fLaC"),
    ".ogg": (0, b"OggS"),
    ".mp4": (4, b"ftyp"),
    ".las": (0, b"LASF"),
    ".laz": (0, b"LASF"),
    ".ply": (0, b"ply"),
    ".npy": (0, b"\x93NUMPY"),
}
_HEAD_BYTES = 4096
# Names of one kind; intake calls media by the second of each.
_SAME = {"jpg": "jpeg", "tgz": "tar.gz"}


class NotAsSaid(Exception):
    """The bytes are not what the upload said they would be; `field` names what it said."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def chunk_folder(upload_name: str) -> str:
    """Where the chunks of an upload lie."""
    _, tenant, _, upload_id = upload_name.split("/")
    return f"chunks/{tenant}/{upload_id}"


def placed(upload: Upload, known: Sequence[Doc]) -> list[str]:
    """Return where the chunks before the last one lie, in their order.

    A chunk without a record is where earlier releases put it, or was dropped by whoever
    finished the upload: `join` finds out.
    """
    records = {chunk["name"]: chunk["blob"] for chunk in known}
    folder = chunk_folder(upload.name)
    return [
        records.get(f"{upload.name}/chunks/{number:06d}", f"{folder}/{number:06d}")
        for number in range(upload.chunks - 1)
    ]


def join(blobs: Blobs, upload: Upload, chunks: Sequence[str]) -> str:
    """Return the blob that holds all chunks: the one its tenant has for this content.

    Raise `NotAsSaid` where digest or kind differ from what was announced, `NotFound` where a
    chunk is gone.
    """
    folder = f"blobs/{upload.name.split('/')[1]}"
    digest, head = hashlib.sha256(), b""
    writing = blobs.write(f"{folder}/{upload.name.rsplit('/', 1)[-1]}")
    with writing as file:
        for chunk in chunks:
            content = blobs.get_now(chunk)
            if len(head) < _HEAD_BYTES:
                head += content[:_HEAD_BYTES]
            digest.update(content)
            file.write(content)
        _check(upload, digest.hexdigest(), head)
        name = f"{digest.hexdigest()}.{ending(upload.filename)}"
        writing.rename(name)
    return f"{folder}/{name}"


def _check(upload: Upload, digest: str, head: bytes) -> None:
    if upload.sha256 and digest != upload.sha256:
        raise NotAsSaid("sha256", "the bytes that came have another hash; upload again")
    at, start = by_name(_STARTS, upload.filename, (0, b""))
    if not head.startswith(start, at):
        suffix = upload.filename.rpartition(".")[2]
        raise NotAsSaid("filename", f"says .{suffix}, but the bytes are no such file")


def ending(filename: str) -> str:
    """End of the name of a blob that holds such a file."""
    lower = filename.lower()
    for whole in ("tar.gz", "pcd.bin"):
        if lower.endswith(f".{whole}"):
            return whole
    last = lower.rpartition(".")[2][:20]
    return _SAME.get(last, last)


async def drop_chunks(store_: Store, blobs: Blobs, upload_name: str, chunks: Sequence[str]) -> None:
    """Remove these chunks of an upload and the records of all. Blobs go first: what is left is
    found by its record.

    Nobody else's chunk is touched: whoever is refused at this moment removes its own.
    """
    known = await store.chunks(store_, upload_name)
    await asyncio.gather(*(blobs.delete(chunk) for chunk in chunks))
    await _forget(store_, known)


async def sweep_chunks(store_: Store, blobs: Blobs, upload_name: str) -> None:
    """Remove whatever an upload that takes nothing more was sent in, noted or not."""
    known = await store.chunks(store_, upload_name)
    await blobs.delete(chunk_folder(upload_name))
    await _forget(store_, known)


async def _forget(store_: Store, known: Sequence[Doc]) -> None:
    async def work(unit: Unit) -> None:
        unit.delete(store.CHUNKS, [chunk["name"] for chunk in known])

    await store_.transact(work)


def by_name(table: dict[str, Any], name: str, other: Any) -> Any:
    """The entry for the end of a file's name."""
    return next((v for suffix, v in table.items() if name.lower().endswith(suffix)), other)
