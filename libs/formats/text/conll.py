"""CoNLL-2003's columns: a line a token, `TOKEN<tab>TAG`, an empty line after each text; BIO tags.

Tokens are those of `textual`. What lies between tokens is not kept: read again, a text is its
tokens with spaces between them, none between two letters of a script without spaces. Overlapping
spans, relations, attributes and keys have no place.

Reading takes BIO, IOB1, IOBES and BILOU, columns parted by tabs or spaces, the first one the token
and the last one the tag, or as the schema's `columns` says, {"token": 0, "tag": 3}. A line with
another number of columns than most is a fault of its text; lines with `# ` above a text are its
comments. Where every token of a text ends in its place within a word, as in Weibo's corpus, that
digit is taken away.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from libs.formats import Doc, Fault, Format, Sample, Unfit
from libs.formats.encoding import RowEncoder
from libs.formats.records import BLANK, Line, fields, files, key_of, lines
from libs.formats.source import Source
from libs.formats.text.text_spans import (
    apart,
    joined,
    spans_of,
    spans_value,
    tag_spans,
    tell_unheld,
    text_of,
    tokens,
    trimmed,
)

_TAG = re.compile(r"([BIELMSU])-(\S+)")
_MOST_TOKENS = 100_000
# Number of columns of lines that tabs part, and of others; 0 where there are none.
Widths = dict[bool, int]
# Lines from which the number of columns is told.
_LOOKED_AT = 1000


class ConllEncoder(RowEncoder):
    format = "conll"

    def encode(self, row: Doc) -> bytes:
        text = text_of(self.job, row)
        spans = spans_of(row, text)
        tell_unheld(self, row, ())
        if row["value"]["spans"].get("relations"):
            self.tell(row, "conll has no place for relations")
        spans = apart(self, row, trimmed(self, row, spans, text))
        for one in spans:
            if re.search(r"\s", one["class"]):
                raise Unfit(f"class {one['class'][:100]!r} holds white space")
        places = tokens(text, spans)
        words = [text[start:end] for start, end in places]
        if joined(words)[0] != text:
            self.tell(row, "the white space between tokens is not kept")
        self.objects += len(spans)
        marks = _tags(places, spans)
        rows = (f"{word}\t{mark}\n" for word, mark in zip(words, marks, strict=True))
        return ("".join(rows) + "\n").encode()


def _tags(places: Sequence[tuple[int, int]], spans: Sequence[Doc]) -> list[str]:
    """Spans are in order and whole tokens."""
    tags, rest = [], list(reversed(spans))
    for start, _ in places:
        while rest and rest[-1]["end"] <= start:
            rest.pop()
        first = rest[-1].get("start", 0) if rest else start + 1
        mark = "B" if first == start else "I"
        tags.append(f"{mark}-{rest[-1]['class']}" if rest and first <= start else "O")
    return tags


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """A sample a text; a text with a line that cannot be read is a fault."""
    columns = {"token": 0, "tag": -1, **schema.get("columns", {})}
    for name in files(source, ".conll", ".bio", ".iob", ".iob2", ".bmes", ".bieos", ".txt"):
        found = lines(source, name)
        head = list(islice(found, _LOOKED_AT))
        widths = _widths(head)
        for number, group in enumerate(_texts(chain(head, found), widths), 1):
            try:
                yield _sample(key_of(name, number), group, columns, widths)
            except _Broken as broken:
                yield Fault(f"{name} line {broken.place}", str(broken))


class _Broken(Unfit):
    def __init__(self, place: int, words: str) -> None:
        super().__init__(words)
        self.place = place


# A line that could not be read stands as the fault it is.
_Group = list[Line | Fault]


def _widths(found: Sequence[Line | Fault]) -> Widths:
    """Return how many columns most lines have, of those parted by tabs and of the others."""
    counts: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
    for line in found:
        if isinstance(line, Line) and line.text.strip(BLANK) and not _passed(line.text):
            counts["\t" in line.text][len(_columns(line.text))] += 1
    return {tabs: count.most_common(1)[0][0] if count else 0 for tabs, count in counts.items()}


def _columns(text: str) -> list[str]:
    return text.split("\t") if "\t" in text else fields(text)


def _passed(text: str) -> bool:
    return text.startswith(("-DOCSTART-", "# ")) and "\t" not in text


def _texts(found: Iterator[Line | Fault], widths: Widths) -> Iterator[_Group]:
    group: _Group = []
    for line in found:
        if isinstance(line, Line) and not line.text.strip(BLANK):
            if group:
                yield group
            group = []
        elif isinstance(line, Fault) or not _beside(line.text, group, widths):
            group.append(line)
    if group:
        yield group


def _beside(text: str, group: _Group, widths: Widths) -> bool:
    """Is a line no token? `# ` above a text is a comment, but where it is the token `#`."""
    if text[0] not in "-#":
        return False
    if text.startswith("-DOCSTART-"):
        return True
    return _passed(text) and not group and not len(fields(text)) == widths[False] == 2


def _sample(key: str, group: _Group, columns: dict[str, int], widths: Widths) -> Sample:
    words, tags = [], []
    if len(group) > _MOST_TOKENS:
        raise _Broken(_place(group[0]), f"a text of {len(group)} tokens; an empty line ends one")
    for line in group:
        if isinstance(line, Fault):
            raise _Broken(_place(line), line.reason)
        word, tag = _fields(line, columns, widths)
        words.append(word)
        tags.append(tag)
    words = _without_places(words)
    text, places = joined(words)
    spans = [
        {"start": places[first][0], "end": places[last - 1][1], "class": class_}
        for first, last, class_ in tag_spans(tags)
    ]
    for one in spans:
        if not one["start"]:
            del one["start"]
    return Sample(key, spans_value(spans), {"text": text})


def _place(line: Line | Fault) -> int:
    return line.place if isinstance(line, Line) else int(line.where.rpartition(" ")[2])


def _fields(line: Line, columns: dict[str, int], widths: Widths) -> tuple[str, tuple[str, str]]:
    cells, width = _columns(line.text), widths["\t" in line.text]
    if width and len(cells) != width and len(cells) > 1:
        words = f"{len(cells)} columns; most lines have {width}; a token has no blank in it"
        raise _Broken(line.place, words)
    try:
        word, tag = cells[columns["token"]].strip(BLANK), cells[columns["tag"]].strip(BLANK)
    except IndexError:
        raise _Broken(line.place, f"{len(cells)} columns; token and tag wanted") from None
    if len(cells) < 2 or not word:
        raise _Broken(line.place, "a token and a tag wanted, parted by a tab or spaces")
    if tag in ("O", "_", "-"):
        return word, ("O", "")
    match = _TAG.fullmatch(tag)
    if match is None:
        raise _Broken(line.place, f"{tag[:50]!r} is not a tag as O, B-PER or I-PER")
    return word, (match[1], match[2])


def _without_places(words: list[str]) -> list[str]:
    """Characters whose digit, their place within a word, counts up from 0."""
    if len(words) < 2 or not all(len(w) > 1 and w[1:].isdigit() for w in words):
        return words
    digits = [int(w[1:]) for w in words]
    counts = zip([-1, *digits[:-1]], digits, strict=True)
    if not all(now in (0, before + 1) for before, now in counts):
        return words
    return [w[0] for w in words]


FORMATS = {
    "conll": Format("conll", "labels-{:05}.conll", frozenset({"spans"}), ConllEncoder, decode)
}
