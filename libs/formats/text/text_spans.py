"""What formats of labelled text have in common: the item's text, spans that lie inside it, classes.

Places count characters (Unicode code points). Tokens are ours: a letter of a script without spaces
(Chinese, Japanese, Thai ...) is one, so is a run of other letters, digits and `_`, and any other
visible character. A token ends where a span begins or ends, so that every span is whole tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import orjson

from libs.formats import Doc, Job, Unfit
from libs.formats.decoding import whole
from libs.formats.encoding import RowEncoder
from libs.formats.image.shapes import plain

# Scripts written without spaces: Thai to Myanmar, Khmer, kana, ideographs and their extensions.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
UNSPACED += "\U00020000-\U0003ffff"
_ALONE = re.compile(f"[{UNSPACED}]")
_TOKEN = re.compile(rf"[{UNSPACED}]|(?:(?![{UNSPACED}])\w)+|[^\w\s]")

Place = tuple[int, int]


def text_of(job: Job, row: Doc) -> str:
    """The item's text; raises `Unfit`."""
    text = orjson.loads(row["data"]).get(job.field("text") or "text")
    if not isinstance(text, str) or not text:
        raise Unfit("the item has no text")
    return text


def spans_of(row: Doc, text: str) -> list[Doc]:
    """By their beginnings, the longer ones first; raises `Unfit`."""
    if "spans" not in row["value"]:
        raise Unfit("the label has no spans of a text")
    found: list[Doc] = row["value"]["spans"].get("spans", [])
    for one in found:
        inside(one.get("start", 0), one.get("end", 0), len(text))
    return sorted(found, key=lambda s: (s.get("start", 0), -s["end"]))


def inside(start: int, end: int, length: int) -> None:
    """Raises `Unfit`."""
    if not 0 <= start < end <= length:
        raise Unfit(f"characters {start} to {end} are not inside a text of {length}")


def span(start: object, end: object, class_: object, length: int, **fields: object) -> Doc:
    """Checked; raises `Unfit`."""
    first, last = whole(start, "start"), whole(end, "end")
    inside(first, last, length)
    return plain(start=first, end=last, **{"class": named(class_)}, **fields)


def named(class_: object) -> str:
    """The name of a class; raises `Unfit`."""
    if not isinstance(class_, str) or not class_:
        raise Unfit(f"the label {str(class_)[:50]!r} is not a name")
    return class_


def related(class_: object, head: str, tail: str, ids: Iterable[str], **fields: object) -> Doc:
    """A relation between spans of these ids; raises `Unfit`."""
    for one in (head, tail):
        if one not in ids:
            raise Unfit(f"a relation names {one[:50]!r}, and there is no such span")
    return plain(**{"class": named(class_)}, head=head, tail=tail, **fields)


def spans_value(spans: Sequence[Doc], relations: Sequence[Doc] = ()) -> Doc:
    return {"spans": plain(spans=list(spans), relations=list(relations))}


def apart(encoder: RowEncoder, row: Doc, spans: Sequence[Doc]) -> list[Doc]:
    """Those that do not overlap one before them; the others are told."""
    kept: list[Doc] = []
    for one in spans:
        if kept and one.get("start", 0) < kept[-1]["end"]:
            encoder.tell(row, f"{encoder.format} has no place for overlapping spans")
        else:
            kept.append(one)
    return kept


def trimmed(encoder: RowEncoder, row: Doc, spans: Sequence[Doc], text: str) -> list[Doc]:
    """Spans without the white space at their ends, which no token has; that is told."""
    made = []
    for one in spans:
        words = text[one.get("start", 0) : one["end"]]
        if words == words.strip():
            made.append(one)
            continue
        encoder.tell(row, "white space at the ends of a span is left out")
        start = one.get("start", 0) + len(words) - len(words.lstrip())
        if words.strip():
            made.append({**one, "start": start, "end": start + len(words.strip())})
    return made


def tell_unheld(encoder: RowEncoder, row: Doc, held: Iterable[str], what: str = "spans") -> None:
    """Tells fields of spans, or of relations, that the format has no place for."""
    for one in row["value"].get("spans", {}).get(what, ()):
        for field in sorted(one.keys() - {"start", "end", "class", "head", "tail", *held}):
            encoder.tell(row, f"{encoder.format} has no place for {field} of {what}")


def tokens(text: str, spans: Sequence[Doc] = ()) -> list[Place]:
    """First character and the one after the last, in order."""
    borders = {b for one in spans for b in (one.get("start", 0), one["end"])}
    return [
        place
        for match in _TOKEN.finditer(text)
        for place in _cut(match.start(), match.end(), borders)
    ]


def _cut(start: int, end: int, borders: set[int]) -> list[Place]:
    inner = [b for b in range(start + 1, end) if b in borders] if borders else []
    return list(pairwise([start, *inner, end]))


def joined(words: Sequence[str]) -> tuple[str, list[Place]]:
    """A text of these tokens and where each lies in it: a space between two, but not where both
    are of a script without spaces."""
    text, places = [], []
    at, before = 0, ""
    for word in words:
        if before and not (alone(before[-1:]) and alone(word[:1])):
            text.append(" ")
            at += 1
        text.append(word)
        places.append((at, at + len(word)))
        at, before = at + len(word), word
    return "".join(text), places


def alone(character: str) -> bool:
    """Is it a letter of a script without spaces, or one of its marks?"""
    return bool(_ALONE.match(character)) or "\u3000" <= character < "\u3040" or _wide(character)


def _wide(character: str) -> bool:
    """Full-width forms, which stand in those scripts."""
    return "\uff00" <= character < "\ufff0"


def tag_spans(tags: Sequence[tuple[str, str]]) -> list[tuple[int, int, str]]:
    """First token, the one after the last, and class, from tags as (mark, class) of BIO, IOB1,
    IOBES or BILOU: an inner mark without a beginning begins one."""
    found: list[tuple[int, int, str]] = []
    open_: tuple[int, str] | None = None
    for place, (mark, class_) in enumerate([*tags, ("O", "")]):
        goes_on = open_ is not None and mark in "IELM" and open_[1] == class_
        if open_ is not None and not goes_on:
            found.append((open_[0], place, open_[1]))
            open_ = None
        if mark == "O":
            continue
        start = open_[0] if open_ is not None else place
        open_ = (start, class_)
        if mark in "ELSU":
            found.append((start, place + 1, class_))
            open_ = None
    return found
