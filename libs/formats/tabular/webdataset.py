"""WebDataset shards: a tar file with `KEY.json` a label, as `jsonl` has its lines, and beside it
the item's media as `KEY.SUFFIX` where media are wanted. The same labels make the same bytes.

KEY is the task's id; WebDataset ends a key at the first dot. Reading takes shards, and the same
files in a folder; media inside a shard are not files of the source, which is told.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterator

import orjson

from libs.formats import ANY, Doc, Fault, Format, Sample, Unfit
from libs.formats.decoding import each, mapping
from libs.formats.encoding import RowEncoder
from libs.formats.media import content_of, file_name, references
from libs.formats.records import files
from libs.formats.source import Source, Unreadable
from libs.formats.tabular import rows
from libs.formats.tabular.jsonl import line

_MEDIA = ("image", "audio", "video", "cloud")
_MOST_BYTES = 100_000_000
_END = bytes(2 * tarfile.BLOCKSIZE)


class WebdatasetEncoder(RowEncoder):
    format = "webdataset"

    def encode(self, row: Doc) -> bytes:
        key = row["name"].rpartition("/")[2].replace(".", "_")
        # Media first, so that a label without its media leaves nothing behind.
        made = [_member(name, content) for name, content in self._media(row, key)]
        return b"".join([_member(f"{key}.json", line(row)), *made])

    def end(self) -> Iterator[bytes]:
        yield _END

    def _media(self, row: Doc, key: str) -> Iterator[tuple[str, bytes]]:
        for type_ in _MEDIA if self.job.media else ():
            if self.job.field(type_):
                reference = references(self.job, row, type_)[0]
                suffix = posixpath.splitext(file_name(row, reference))[1].lower() or ".bin"
                yield f"{key}{suffix}", content_of(self.job, row, reference)


def _member(name: str, content: bytes) -> bytes:
    """An entry of a tar file, padded to its blocks."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    padding = bytes(-len(content) % tarfile.BLOCKSIZE)
    return entry.tobuf(tarfile.PAX_FORMAT) + content + padding


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    shards = source.ending(".tar")
    for name in shards:
        yield from _shard(source, name, schema)
    if not shards:
        names = files(source, ".json")
        yield from each(names, lambda name: _loose(source, name, schema))


def _loose(source: Source, name: str, schema: Doc) -> Sample:
    stem = posixpath.splitext(name)[0]
    beside = [n for n in source.names if n.startswith(f"{stem}.") and n != name]
    found = _sample(name, source.read(name, _MOST_BYTES), schema)
    return Sample(
        found.key, found.value, found.data, {_kind(n): n for n in beside}, metadata=found.metadata
    )


def _shard(source: Source, name: str, schema: Doc) -> Iterator[Sample | Fault]:
    try:
        with source.open(name) as file, tarfile.open(fileobj=file, mode="r|") as shard:
            waiting: tuple[str, bytes] | None = None
            media: list[str] = []
            for member in shard:
                key, _, suffix = posixpath.basename(member.name).partition(".")
                if waiting is not None and key != _key(waiting[0]):
                    yield _of_shard(name, waiting, media, schema)
                    waiting, media = None, []
                if suffix != "json" or not member.isfile():
                    media += [suffix] if member.isfile() else []
                    continue
                if member.size > _MOST_BYTES:
                    yield Fault(f"{name} {member.name[:200]}", f"over {_MOST_BYTES} bytes")
                    continue
                content = shard.extractfile(member)
                waiting = member.name, content.read() if content else b""
            if waiting is not None:
                yield _of_shard(name, waiting, media, schema)
    except (tarfile.TarError, Unreadable, EOFError, ValueError, OverflowError) as error:
        yield Fault(name, f"not a readable tar file: {str(error)[:200]}")


def _key(member: str) -> str:
    return posixpath.basename(member).partition(".")[0]


def _of_shard(
    name: str, waiting: tuple[str, bytes], media: list[str], schema: Doc
) -> Sample | Fault:
    member, content = waiting
    try:
        found = _sample(member, content, schema)
    except Unfit as unfit:
        return Fault(f"{name} {member[:200]}", str(unfit))
    told = (f"media inside the shard: {', '.join(sorted(media))}",) if media else ()
    return Sample(found.key, found.value, found.data, metadata=found.metadata, left_out=told)


def _sample(name: str, content: bytes, schema: Doc) -> Sample:
    try:
        doc = mapping(orjson.loads(content), "entry")
    except orjson.JSONDecodeError as error:
        raise Unfit(f"not JSON: {error}") from error
    return rows.sample(doc, _key(name), schema)


def _kind(name: str) -> str:
    suffix = posixpath.splitext(name)[1].lower()
    kinds = {
        "audio": (".wav", ".flac", ".mp3", ".ogg"),
        "video": (".mp4", ".webm", ".mkv"),
        "cloud": (".pcd", ".las", ".laz", ".ply", ".npy"),
        "text": (".txt", ".cls"),
    }
    return next((kind for kind, suffixes in kinds.items() if suffix in suffixes), "image")


FORMATS = {"webdataset": Format("webdataset", "labels-{:05}.tar", ANY, WebdatasetEncoder, decode)}
