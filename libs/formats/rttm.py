"""RTTM (NIST, Rich Transcription): who spoke when. One line a segment: `SPEAKER recording channel
start length <NA> <NA> speaker <NA> <NA>`; words with times are `LEXEME` lines.

It has no place for text without times of words, classes or languages. Times have microseconds.
Other types of lines are left out and said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.lines import Line, files, lines
from libs.formats.reading import number
from libs.formats.shapes import plain
from libs.formats.sound import (
    DECIMALS,
    SegmentEncoder,
    home,
    lasting,
    sample,
    seconds,
    span,
    table,
    token,
)
from libs.formats.source import Source

_NONE = "<NA>"
_MANY = 10_000
# Seconds that rounding may have moved a word before its segment.
_CLOSE = 1e-6


class RttmEncoder(SegmentEncoder):
    format = "rttm"
    held = frozenset({"speaker", "words"})
    held_attributes = frozenset({"channel"})

    def lines(self, row: Doc, name: str, one: Doc) -> Iterator[str]:
        start, end = span(one)
        channel = one.get("attributes", {}).get("channel", "1")
        speaker = token(one.get("speaker", "")) or _NONE
        head, length = f"{name} {channel}", seconds(end - start)
        yield f"SPEAKER {head} {seconds(start)} {length} {_NONE} {_NONE} {speaker} {_NONE} {_NONE}"
        for word in one.get("words", ()):
            first, last = span(word)
            times = f"{seconds(first)} {seconds(last - first)}"
            score = f"{word['score']:g}" if "score" in word else _NONE
            yield f"LEXEME {head} {times} {token(word['text'])} lex {speaker} {score} {_NONE}"


@dataclass
class _Recording:
    segments: list[Doc] = field(default_factory=list)
    words: list[tuple[str, Doc]] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Holds the lines of one file, as a recording's lines may stand anywhere in it."""
    for name in files(source, ".rttm"):
        found: dict[str, _Recording] = defaultdict(_Recording)
        for line in lines(source, name, schema):
            if isinstance(line, Fault):
                yield line
                continue
            try:
                _take(line, found)
            except Unfit as unfit:
                yield Fault(f"{name} line {line.place}", str(unfit))
        for key, one in found.items():
            yield sample(key, one.segments, source, schema, _left_out(one))


def _take(line: Line, found: dict[str, _Recording]) -> None:
    fields = line.text.split()
    if not fields or line.text.startswith(";"):
        return
    if len(fields) < 9:
        raise Unfit(f"{len(fields)} fields; RTTM has 9 or 10, parted by white space")
    kind, key, channel, start, length, text, subtype, speaker, score = fields[:9]
    if kind == "SPEAKER":
        who = "" if speaker == _NONE else speaker
        attributes = {} if channel in ("1", _NONE) else {"channel": channel}
        made = lasting(start, length, speaker=who, attributes=attributes)
        found[key].segments.append(made)
    elif kind == "LEXEME":
        first = number(start, "start")
        last = round(first + number(length, "duration"), DECIMALS)
        sure = 0.0 if score == _NONE else number(score, "score")
        found[key].words.append((speaker, plain(start=first, end=last, text=text, score=sure)))
    elif kind != "SPKR-INFO" or subtype != "unknown":
        found[key].others[kind] += 1
    elif kind == "SPKR-INFO" and key not in found:
        found[key] = _Recording()


def _left_out(one: _Recording) -> Iterator[str]:
    """Gives every word to the segment of its speaker that it begins in."""
    by_speaker: dict[str, list[Doc]] = defaultdict(list)
    for segment in sorted(one.segments, key=span):
        by_speaker[segment.get("speaker", _NONE)].append(segment)
    starts = {who: [span(s)[0] for s in segments] for who, segments in by_speaker.items()}
    lost = 0
    for speaker, word in sorted(one.words, key=lambda w: span(w[1])):
        segments = by_speaker[speaker]
        found = home(segments, starts.get(speaker, ()), span(word)[0] + _CLOSE)
        if found is None or len(found.get("words", ())) >= _MANY:
            lost += 1
            continue
        found.setdefault("words", []).append(word)
    if lost:
        yield f"{lost} words outside of their speakers' segments"
    for kind, count in one.others.items():
        yield f"{count} lines of type {kind[:40]}"


FORMATS = table("rttm", "labels-{:05}.rttm", RttmEncoder, decode)
