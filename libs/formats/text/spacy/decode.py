"""Reads spaCy's DocBin without spaCy: entities, else spans of the group `sc` (or the only one there
is), else `cats` of a half and more. Strings stand as 64-bit MurmurHash2 of their UTF-8 bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

import msgpack
import numpy as np

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.decoding import chosen
from libs.formats.image.shapes import plain
from libs.formats.records import files, key_of
from libs.formats.source import Source, Unreadable
from libs.formats.text.spacy.symbols import NAMES, NUMBERS
from libs.formats.text.text_spans import span, spans_value, tag_spans

ORTH, ENT_IOB, ENT_TYPE = 65, 77, 78
GROUP = "sc"
# id, knowledge base id, label, first token, the one after the last, characters as well.
PACKED_SPAN = struct.Struct(">QQQllll")
_MOST_BYTES = 500_000_000
_MARKS = {0: "O", 1: "I", 2: "O", 3: "B"}
_MULTIPLIER, _MASK, _SEED = 0xC6A4A7935BD1E995, 2**64 - 1, 1


@lru_cache(1_000_000)
def string_hash(text: str) -> int:
    """MurmurHash64A with seed 1, as spaCy's string store, but for the strings it has numbers of."""
    if text in NUMBERS:
        return NUMBERS[text]
    data = text.encode()
    made = (_SEED ^ (len(data) * _MULTIPLIER)) & _MASK
    whole = len(data) // 8 * 8
    for (block,) in struct.iter_unpack("<Q", data[:whole]):
        mixed = block * _MULTIPLIER & _MASK
        mixed = (mixed ^ mixed >> 47) * _MULTIPLIER & _MASK
        made = (made ^ mixed) * _MULTIPLIER & _MASK
    if rest := data[whole:]:
        made = (made ^ int.from_bytes(rest, "little")) * _MULTIPLIER & _MASK
    made = (made ^ made >> 47) * _MULTIPLIER & _MASK
    return made ^ made >> 47


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for name in files(source, ".spacy"):
        try:
            yield from _documents(name, source.read(name), schema)
        except (Unfit, Unreadable) as error:
            yield Fault(name, str(error))


def _documents(name: str, content: bytes, schema: Doc) -> Iterator[Sample | Fault]:
    message = _message(content)
    strings = {string_hash(text): text for text in message["strings"]}
    columns = {attr: n for n, attr in enumerate(message["attrs"])}
    table = np.frombuffer(message["tokens"], np.uint64).reshape(-1, max(1, len(columns)))
    spaces = np.frombuffer(message["spaces"], bool)
    lengths = np.frombuffer(message["lengths"], np.int32).tolist()
    if min(lengths, default=0) < 0 or sum(lengths) != len(table) or len(spaces) != len(table):
        raise Unfit("the lengths of its texts do not sum up to its tokens")
    for number, (start, end) in enumerate(pairwise(accumulate(lengths, initial=0)), 1):
        try:
            document = _Document(table[start:end], spaces[start:end], columns, strings)
            cats, group = message["cats"][number - 1], message["span_groups"][number - 1]
            yield document.sample(key_of(name, number), cats, group, schema)
        except Unfit as unfit:
            yield Fault(f"{name} document {number}", str(unfit))


def _message(content: bytes) -> Doc:
    unpacker = zlib.decompressobj()
    try:
        packed = unpacker.decompress(content, _MOST_BYTES)
        if unpacker.unconsumed_tail:
            raise Unfit(f"it unpacks to over {_MOST_BYTES} bytes")
        message = msgpack.unpackb(packed)
    except (zlib.error, ValueError, msgpack.exceptions.UnpackException) as error:
        raise Unfit(f"not a DocBin: {str(error)[:100]}") from error
    wanted = {"attrs": list, "tokens": bytes, "spaces": bytes, "lengths": bytes, "strings": list}
    if not isinstance(message, dict) or not all(
        isinstance(message.get(key), type_) for key, type_ in wanted.items()
    ):
        raise Unfit(f"not a DocBin: {', '.join(wanted)} wanted")
    if ORTH not in message["attrs"] or len(message["tokens"]) % (8 * len(message["attrs"])):
        raise Unfit("not a DocBin: its tokens have no texts")
    if len(message["lengths"]) % 4 or not all(isinstance(s, str) for s in message["strings"]):
        raise Unfit("not a DocBin: its lengths or strings are broken")
    count = len(message["lengths"]) // 4
    for key, empty in (("cats", {}), ("span_groups", b"")):
        found = message.get(key) or [empty] * count
        if not isinstance(found, list) or len(found) != count:
            raise Unfit(f"not a DocBin: {key} are not as many as the texts")
        message[key] = found
    return message


class _Document:
    """One text's rows of the table."""

    def __init__(
        self,
        table: np.ndarray,
        spaces: np.ndarray,
        columns: dict[int, int],
        strings: dict[int, str],
    ) -> None:
        self._strings = strings
        words = [self._string(h) for h in table[:, columns[ORTH]].tolist()]
        pieces = [w + " " * bool(s) for w, s in zip(words, spaces.tolist(), strict=True)]
        starts = list(accumulate(map(len, pieces), initial=0))[:-1]
        self.text = "".join(pieces)
        self._places = [(at, at + len(w)) for at, w in zip(starts, words, strict=True)]
        self._tags: list[tuple[str, str]] = []
        if ENT_IOB in columns and ENT_TYPE in columns:
            marks = table[:, columns[ENT_IOB]].tolist()
            types = table[:, columns[ENT_TYPE]].tolist()
            pairs = zip(marks, types, strict=True)
            self._tags = [(_MARKS.get(m, "O") if t else "O", self._string(t)) for m, t in pairs]

    def sample(self, key: str, cats: Any, group: Any, schema: Doc) -> Sample:
        grouped = _groups(group)
        spans = self._entities() or self._spans(grouped)
        shape = schema.get("shape", "spans" if spans or not cats else "choices")
        left_out = [] if len(grouped) < 2 else ["further groups of spans"]
        if shape in ("choice", "choices"):
            value: Doc = {"choices": plain(classes=chosen(cats or {}, "cats"))}
        else:
            value = spans_value(spans)
            left_out += ["cats"] if cats else []
        return Sample(key, value, {"text": self.text}, left_out=tuple(left_out))

    def _entities(self) -> list[Doc]:
        return [
            span(self._places[first][0], self._places[last - 1][1], class_, len(self.text))
            for first, last, class_ in tag_spans(self._tags)
        ]

    def _spans(self, grouped: dict[str, Sequence[bytes]]) -> list[Doc]:
        chosen = GROUP if GROUP in grouped else next(iter(grouped), "")
        made = []
        for packed in grouped.get(chosen, ()):
            if not isinstance(packed, bytes) or len(packed) != PACKED_SPAN.size:
                raise Unfit("a span of a group is broken")
            _, _, label, _, _, start, end = PACKED_SPAN.unpack(packed)
            made.append(span(start, end, self._string(label), len(self.text)))
        return made

    def _string(self, hashed: int) -> str:
        if hashed < len(NAMES):
            return NAMES[hashed]
        if hashed not in self._strings:
            raise Unfit("a token or label is not among the strings of the file")
        return self._strings[hashed]


def _groups(packed: Any) -> dict[str, Sequence[bytes]]:
    """Packed spans by the name of their group."""
    if not packed or not isinstance(packed, bytes):
        return {}
    made = {}
    try:
        groups = msgpack.unpackb(packed, strict_map_key=False)
        for group, names in groups.items() if isinstance(groups, dict) else ():
            spans = msgpack.unpackb(group)["spans"]
            made.update({str(name): spans for name in names})
    except (ValueError, TypeError, KeyError, msgpack.exceptions.UnpackException) as error:
        raise Unfit("a group of spans is broken") from error
    return made
