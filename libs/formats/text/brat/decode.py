"""Reads brat standoff, and the BioNLP shared tasks' `.a1` and `.a2` files beside their texts.

An event becomes relations from its trigger to its arguments (an argument that is an event stands
for that event's trigger), with the argument's role as class; modifiers of an event are attributes
of its trigger. Equivalences are relations `Equiv`. Pieces of a span with only white space between
them are one span; other discontinuous spans and references to knowledge bases are left out and
said.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from libs.formats import Broken, Doc, Fault, Sample, Unfit
from libs.formats.image.shapes import plain
from libs.formats.records import BLANK, Line, fields, lines, text_of
from libs.formats.source import Source
from libs.formats.text.text_spans import span, spans_value

NOTE = "note"
_SUFFIXES = (".ann", ".a1", ".a2")
_MOST_BYTES = 50_000_000
_GAP = re.compile(r"\s+")


@dataclass
class _Document:
    text: str
    spans: dict[str, Doc] = field(default_factory=dict)
    # Trigger's id by event's.
    triggers: dict[str, str] = field(default_factory=dict)
    # Class, head, tail, and the line that says so.
    relations: list[tuple[str, str, str, Line]] = field(default_factory=list)
    # Name, whose, value, line.
    attributes: list[tuple[str, str, str, Line]] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)
    left_out: list[str] = field(default_factory=list)


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    stems = dict.fromkeys(posixpath.splitext(n)[0] for n in source.ending(*_SUFFIXES))
    if not stems:
        raise Broken("there is no .ann file")
    for stem in stems:
        if f"{stem}.txt" not in source:
            yield Fault(f"{stem}.ann", f"its text, {stem}.txt, is not there")
            continue
        try:
            text = text_of(source, f"{stem}.txt", _MOST_BYTES)
        except Unfit as unfit:
            yield Fault(f"{stem}.txt", str(unfit))
            continue
        yield from _read(source, stem, _Document(text), schema)


def _read(source: Source, stem: str, document: _Document, schema: Doc) -> Iterator[Sample | Fault]:
    partial = False
    for name in (f"{stem}{suffix}" for suffix in _SUFFIXES if f"{stem}{suffix}" in source):
        for line in lines(source, name):
            if isinstance(line, Fault):
                partial = True
                yield line
                continue
            try:
                _take(line, document)
            except Unfit as unfit:
                partial = True
                yield Fault(f"{name} line {line.place}", str(unfit))
        for place, words in _finish(document):
            partial = True
            yield Fault(f"{name} line {place}", words)
    relations = [
        plain(**{"class": class_}, head=head, tail=tail)
        for class_, head, tail, _ in document.relations
    ]
    value = spans_value(list(document.spans.values()), relations)
    told = tuple(dict.fromkeys(document.left_out))
    yield Sample(f"{stem}.txt", value, {"text": document.text}, left_out=told, partial=partial)


def _take(line: Line, document: _Document) -> None:
    if not line.text.strip(BLANK):
        return
    key, *rest = line.text.split("\t", 2)
    body = fields(rest[0]) if rest else []
    kind = key[:1]
    if not body:
        raise Unfit("an id, a tab and what it is wanted")
    if kind == "T":
        _span(key, rest, document)
    elif kind in _READERS:
        _READERS[kind](key, body, line, document)
    elif kind == "#":
        note = rest[1] if len(rest) > 1 else ""
        if note and len(body) > 1:
            document.attributes.append((NOTE, body[1], note, line))
    elif kind == "N":
        document.left_out.append("references to knowledge bases")
    else:
        raise Unfit(f"{key[:20]!r} is none of T, R, E, A, M, N, * and #")


def _span(key: str, rest: list[str], document: _Document) -> None:
    match = re.fullmatch(r"(\S+) (\d+ \d+(?:;\d+ \d+)*)", rest[0].strip())
    if match is None:
        raise Unfit(f"{rest[0][:60]!r} is not a class and places, as Person 0 5")
    if key in document.spans:
        raise Unfit(f"{key[:20]} is there twice")
    pieces = [tuple(map(int, piece.split(" "))) for piece in match[2].split(";")]
    text = document.text
    one = span(pieces[0][0], pieces[-1][1], match[1], len(text), id=key)
    if any(text[a[1] : b[0]].strip() or b[0] < a[1] for a, b in pairwise(pieces)):
        document.dropped.add(key)
        document.left_out.append("spans in pieces")
        return
    said = rest[1] if len(rest) > 1 else ""
    there = text[pieces[0][0] : pieces[-1][1]]
    if said and _GAP.sub("", said) != _GAP.sub("", there):
        raise Unfit(f"{key} says {said[:40]!r}, and the text there is {there[:40]!r}")
    document.spans[key] = one


def _relation(key: str, body: list[str], line: Line, document: _Document) -> None:
    ends = [one.partition(":")[2] for one in body[1:]]
    if len(ends) != 2:
        raise Unfit(f"a relation wants two arguments, Arg1:T1 Arg2:T2, not {len(ends)}")
    document.relations.append((body[0], ends[0], ends[1], line))


def _equivalent(key: str, body: list[str], line: Line, document: _Document) -> None:
    document.relations += [(body[0], a, b, line) for a, b in pairwise(body[1:])]


def _attribute(key: str, body: list[str], line: Line, document: _Document) -> None:
    if len(body) not in (2, 3):
        raise Unfit("an attribute wants a name, whose it is, and a value without blanks or none")
    value = body[2] if len(body) > 2 else "true"
    document.attributes.append((body[0], body[1], value, line))


def _event(key: str, body: list[str], line: Line, document: _Document) -> None:
    trigger = body[0].partition(":")[2]
    if not trigger:
        raise Unfit("an event wants a trigger, Class:T1")
    document.triggers[key] = trigger
    document.left_out.append("events are kept as relations of their triggers")
    for argument in body[1:]:
        role, _, target = argument.partition(":")
        document.relations.append((role, key, target, line))


_READERS = {
    "R": _relation,
    "E": _event,
    "A": _attribute,
    "M": _attribute,
    "*": _equivalent,
}


def _finish(document: _Document) -> Iterator[tuple[int, str]]:
    """Relations between spans instead of events; yields line and reason of what has no ends."""
    relations, document.relations = document.relations, []
    for class_, head, tail, line in relations:
        ends = [document.triggers.get(one, one) for one in (head, tail)]
        if document.dropped & {*ends}:
            document.left_out.append("relations of spans that are left out")
        elif missing := next((one for one in ends if one not in document.spans), None):
            yield line.place, f"there is no {missing[:20]!r}"
        else:
            document.relations.append((class_, ends[0], ends[1], line))
    attributes, document.attributes = document.attributes, []
    for name, whose, value, line in attributes:
        owner = document.triggers.get(whose, whose)
        if owner in document.spans:
            given = document.spans[owner].setdefault("attributes", {})
            if given.setdefault(name, value) != value:
                yield line.place, f"{owner[:20]} has {name[:40]!r} twice, with two values"
        elif owner.startswith("T") and owner not in document.dropped:
            yield line.place, f"there is no {owner[:20]!r}"
        else:
            document.left_out.append("attributes and notes of what is not a span")
