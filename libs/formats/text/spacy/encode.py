"""spaCy's DocBin (.spacy, version 0.1), written and read without spaCy: a zlib stream of msgpack.

Tokens are those of `textual` and, as spaCy has it, runs of further white space, so that texts are
kept exactly. Spans that do not overlap are entities; where some do, all go into the span group
`sc`, which spaCy's span categoriser reads. Classes are `cats`, 1 or 0 for every class of the
template. Relations, attributes, scores, ids and keys have no place.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgpack
import numpy as np

from libs.formats import Doc, Format, Job, Unfit
from libs.formats.encoding import RowEncoder, spool
from libs.formats.text.spacy.decode import (
    ENT_IOB,
    ENT_TYPE,
    GROUP,
    ORTH,
    PACKED_SPAN,
    decode,
    string_hash,
)
from libs.formats.text.text_spans import Place, spans_of, tell_unheld, text_of, tokens, trimmed

_COPY = 1_000_000
# A msgpack byte string says its length in four bytes.
_MOST_BYTES = 2**32 - 1
_OUTSIDE, _INSIDE, _BEGINS = 2, 1, 3
_PARTS = ("tokens", "spaces", "lengths", "cats", "flags", "span_groups")


class SpacyEncoder(RowEncoder):
    """Keeps the parts of a DocBin in files on disk, as they follow each other in it."""

    format = "spacy"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._parts = {name: spool() for name in _PARTS}
        self._strings: set[str] = set()
        self._packer = msgpack.Packer()

    def encode(self, row: Doc) -> bytes:
        text, value = text_of(self.job, row), row["value"]
        spans: list[Doc] = []
        cats: dict[str, float] = {}
        if "choices" in value:
            chosen = value["choices"].get("classes", [])
            cats = {c: float(c in chosen) for c in dict.fromkeys([*self.job.classes, *chosen])}
        elif "spans" in value:
            spans = trimmed(self, row, spans_of(row, text), text)
            tell_unheld(self, row, ())
            if value["spans"].get("relations"):
                self.tell(row, "spacy has no place for relations")
        else:
            raise Unfit("a DocBin holds classes and spans of a text")
        self._document(text, spans, cats)
        self.objects += len(spans)
        return b""

    def end(self) -> Iterator[bytes]:
        packed = zlib.compressobj()
        for block in self._message():
            if made := packed.compress(block):
                yield made
        yield packed.flush()
        for part in self._parts.values():
            part.close()

    def _document(self, text: str, spans: list[Doc], cats: dict[str, float]) -> None:
        places = _with_space(text, tokens(text, spans))
        words = [text[start:end] for start, end in places]
        spaces = _spaces(text, places)
        overlapping = any(a["end"] > b.get("start", 0) for a, b in pairwise(spans))
        table = np.zeros((len(words), 3), np.uint64)
        table[:, 0] = np.array([string_hash(word) for word in words], np.uint64)
        table[:, 1] = _OUTSIDE
        if not overlapping:
            self._entities(table, places, spans)
        self._strings.update(words, (one["class"] for one in spans))
        put = self._parts
        put["tokens"].write(table.tobytes())
        put["spaces"].write(np.array(spaces, bool).tobytes())
        put["lengths"].write(struct.pack("<i", len(words)))
        put["cats"].write(self._packer.pack(cats))
        put["flags"].write(self._packer.pack({"has_unknown_spaces": False}))
        group = _group(places, spans) if overlapping else {}
        put["span_groups"].write(self._packer.pack(self._packer.pack(group) if group else b"\x90"))

    def _entities(self, table: np.ndarray, places: Sequence[Place], spans: list[Doc]) -> None:
        starts = {start: n for n, (start, _) in enumerate(places)}
        ends = {end: n for n, (_, end) in enumerate(places)}
        for one in spans:
            first, last = starts[one.get("start", 0)], ends[one["end"]]
            table[first : last + 1, 1] = _INSIDE
            table[first, 1] = _BEGINS
            table[first : last + 1, 2] = string_hash(one["class"])

    def _message(self) -> Iterator[bytes]:
        pack = self._packer.pack
        yield self._packer.pack_map_header(9)
        yield pack("version") + pack("0.1") + pack("attrs") + pack([ORTH, ENT_IOB, ENT_TYPE])
        for name in ("tokens", "spaces", "lengths"):
            size = self._parts[name].tell()
            if size > _MOST_BYTES:
                raise OverflowError(f"{name} of {size} bytes; make the parts smaller")
            yield pack(name) + b"\xc6" + struct.pack(">I", size)
            yield from self._blocks(name)
        yield pack("strings") + pack(sorted(self._strings))
        for name in ("cats", "flags", "span_groups"):
            yield pack(name) + self._packer.pack_array_header(self.labels)
            yield from self._blocks(name)

    def _blocks(self, name: str) -> Iterator[bytes]:
        self._parts[name].seek(0)
        while block := self._parts[name].read(_COPY):
            yield block


def _with_space(text: str, places: Sequence[Place]) -> list[Place]:
    """With tokens for white space beyond the one space that may follow a token."""
    made: list[Place] = []
    at = 0
    for start, end in [*places, (len(text), len(text))]:
        if made and at < start and text[at] == " ":
            at += 1
        if at < start:
            made.append((at, start))
        if start < end:
            made.append((start, end))
        at = end
    return made


def _spaces(text: str, places: Sequence[Place]) -> list[bool]:
    nexts = [start for start, _ in places[1:]] + [len(text)]
    return [after > end for (_, end), after in zip(places, nexts, strict=True)]


def _group(places: Sequence[Place], spans: Sequence[Doc]) -> dict[bytes, list[str]]:
    starts = {start: n for n, (start, _) in enumerate(places)}
    ends = {end: n for n, (_, end) in enumerate(places)}
    packed = []
    for one in spans:
        start, end = one.get("start", 0), one["end"]
        inner = starts[start], ends[end] + 1, start, end
        packed.append(PACKED_SPAN.pack(0, 0, string_hash(one["class"]), *inner))
    doc = {"name": GROUP, "attrs": {}, "spans": packed}
    return {msgpack.packb(doc): [GROUP]}


FORMATS = {
    "spacy": Format(
        "spacy", "labels-{:05}.spacy", frozenset({"choices", "spans"}), SpacyEncoder, decode
    )
}
