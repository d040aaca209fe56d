"""Formats labels come in and go out in: one module each, listed in `table.py`.

An `Encoder` makes one part file: bytes come out chunk by chunk, so that memory stays flat however
many labels there are. A `decode` reads a `Source` (a file, a folder, an archive) sample by sample.
What a format cannot hold is told (`Problem`, `Sample.left_out`), what cannot be read is a `Fault`
that names file, line or record, and the rest goes on: nothing is dropped silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from libs.formats.source import Source

Doc = dict[str, Any]
# Fields of `annotation.v1.Value`.
ANY = frozenset(
    {
        "choices",
        "text",
        "boxes",
        "spans",
        "objects",
        "segments",
        "tracks",
        "cuboids",
        "points",
        "cuboid_tracks",
        "map",
        "fusion",
        "conversation",
        "ranking",
        "preference",
        "ratings",
        "rewrite",
        "prompt",
        "composite",
    }
)


@dataclass(frozen=True)
class Problem:
    """Something of a label that a format cannot hold; `whole` if the label is not in the file."""

    format: str
    task: str
    reason: str
    whole: bool = False


@dataclass(frozen=True)
class Job:
    """What an encoder may use. `schema` is the template's label schema and `fields` its data
    fields, as documents. Ids go on from part to part."""

    name: str
    template: str
    schema: Doc
    fields: tuple[Doc, ...]
    open_blob: Callable[[str], IO[bytes]]
    first_label: int = 0
    first_object: int = 0
    # Formats that are archives take the media files in beside the labels.
    media: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.schema.get("classes", ()))

    def field(self, type_: str) -> str:
        """Name of the first data field of a type; empty if there is none."""
        return next((f["name"] for f in self.fields if f["type"] == type_), "")


class Encoder(Protocol):
    """Writes one part. A row is a document: `name` (the task's), `item`, `project`, `source_key`,
    `data` (text of a JSON object), `value`, `source`, `score`, `accept_time`, `lineage` (JSON)."""

    labels: int
    objects: int
    problems: list[Problem]

    def begin(self) -> bytes: ...

    def add(self, rows: Sequence[Doc]) -> bytes:
        """Bytes of these labels; `problems` grows by what could not be held."""
        ...

    def end(self) -> Iterator[bytes]: ...


@dataclass(frozen=True)
class Sample:
    """One labelled thing as a file has it. `media` names, by type of data field, the files of the
    source it is about (`cameras/NAME` is the image of one camera); `data` holds what is text
    already. Coordinates are ours (pixels, metres, seconds, code points), whatever the file had.
    `absent` says why a file that the labels name is not among the media, if that is known.
    `partial` is a label of which something could not be read, each a `Fault`: it says less than the
    file does, so nobody may take it for the truth."""

    key: str
    value: Doc | None = None
    data: Doc = field(default_factory=dict)
    media: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    absent: str = ""
    partial: bool = False


@dataclass(frozen=True)
class Fault:
    """What could not be read: `where` names file and line or record, `reason` says what to do."""

    where: str
    reason: str


class Broken(Exception):
    """Nothing of the source can be read as this format; the message says what to do."""


class Unfit(Exception):
    """Why one label cannot be in a file, or one record of a file cannot be a label."""


# Takes a source and the template's label schema (empty: whatever the file has). Beside the
# schema's own fields the document may hold `sizes`, {file name: [width, height]}, for formats with
# relative coordinates where neither file nor source tells the size of an image.
Decode = Callable[[Source, Doc], Iterator[Sample | Fault]]


@dataclass(frozen=True)
class Format:
    """`name` as templates and deliveries say it; `pattern` of a part's file name with its number.
    `shapes` of values it can hold. `decode` takes a source and the template's label schema."""

    name: str
    pattern: str
    shapes: frozenset[str]
    encoder: Callable[[Job], Encoder] | None = None
    decode: Decode | None = None
