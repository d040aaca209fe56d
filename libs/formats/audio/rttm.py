"""RTTM (NIST, Rich Transcription): who spoke when. One line a segment: `SPEAKER recording channel
start length <NA> <NA> speaker <NA> <NA>`; words with times are `LEXEME` lines.

It has no place for text without times of words, classes or languages. Times have microseconds.
Other types of lines are left out and said. A `.uem` file beside it says what was annotated: of a
recording that it alone names, that nobody speaks there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.audio import uem
from libs.formats.audio.recordings import (
    BLANK_IN_NAME,
    DECIMALS,
    MANY,
    SegmentEncoder,
    home,
    labelled,
    lasting,
    seconds,
    span,
    table,
)
from libs.formats.decoding import number
from libs.formats.image.shapes import plain
from libs.formats.records import Line, fields, files, lines
from libs.formats.source import Source

_NONE = "<NA>"
# Seconds that rounding may have moved a word before its segment.
_CLOSE = 1e-6


class RttmEncoder(SegmentEncoder):
    format = "rttm"
    held = frozenset({"speaker", "words"})
    held_attributes = frozenset({"channel"})

    def lines(self, row: Doc, name: str, one: Doc) -> Iterator[str]:
        start, end = span(one)
        channel = one.get("attributes", {}).get("channel", "1")
        speaker = self.name(row, one.get("speaker", "")) or _NONE
        head, length = f"{name} {channel}", seconds(end - start)
        yield f"SPEAKER {head} {seconds(start)} {length} {_NONE} {_NONE} {speaker} {_NONE} {_NONE}"
        for word in one.get("words", ()):
            first, last = span(word)
            times = f"{seconds(first)} {seconds(last - first)}"
            score = f"{word['score']:g}" if "score" in word else _NONE
            text = self.name(row, word["text"])
            yield f"LEXEME {head} {times} {text} lex {speaker} {score} {_NONE}"


@dataclass
class _Recording:
    segments: list[Doc] = field(default_factory=list)
    # Channel and speaker of each word.
    words: list[tuple[tuple[str, str], Doc]] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Holds the lines of one file, as a recording's lines may stand anywhere in it."""
    annotated: dict[str, uem.Annotated] = {}
    yield from uem.read(source, annotated)
    for name in source.ending(".rttm") if annotated else files(source, ".rttm"):
        found: dict[str, _Recording] = defaultdict(_Recording)
        partial = False
        for line in lines(source, name):
            if isinstance(line, Fault):
                partial = True
                yield line
                continue
            try:
                _take(line, found)
            except Unfit as unfit:
                partial = True
                yield Fault(f"{name} line {line.place}", str(unfit))
        for key, one in found.items():
            left_out = list(_left_out(one))
            where = annotated.pop(key, None)
            if where is not None and (outside := where.outside(one.segments)):
                left_out.append(
                    f"{outside} segments lie outside of what the UEM says was annotated"
                )
            made = labelled(name, key, one.segments, source, schema, left_out, partial)
            yield _with(made, where)
    # Where nobody speaks there is no line but the map's.
    for key, where in annotated.items():
        yield _with(labelled(where.file, key, (), source, schema), where)


def _with(made: Sample | Fault, where: uem.Annotated | None) -> Sample | Fault:
    if where is None or isinstance(made, Fault):
        return made
    return replace(made, metadata={**made.metadata, "uem": str(where)})


def _take(line: Line, found: dict[str, _Recording]) -> None:
    cells = fields(line.text)
    if not cells or cells[0].startswith(";"):
        return
    if len(cells) not in (9, 10):
        raise Unfit(f"{len(cells)} fields; RTTM has 9 or 10, {BLANK_IN_NAME}")
    kind, key, channel, start, length, text, subtype, speaker, score = cells[:9]
    channel = "1" if channel == _NONE else channel
    if kind == "SPEAKER":
        if text != _NONE or not (score == _NONE or _is_number(score)):
            raise Unfit(f"a field of a SPEAKER line stands in another's place, {BLANK_IN_NAME}")
        who = "" if speaker == _NONE else speaker
        attributes = {} if channel == "1" else {"channel": channel}
        made = lasting(start, length, speaker=who, attributes=attributes)
        found[key].segments.append(made)
    elif kind == "LEXEME":
        first = number(start, "start")
        last = round(first + number(length, "duration"), DECIMALS)
        sure = 0.0 if score == _NONE else number(score, "score")
        found[key].words.append(
            ((channel, speaker), plain(start=first, end=last, text=text, score=sure))
        )
    elif kind != "SPKR-INFO" or subtype != "unknown":
        found[key].others[kind] += 1
    elif kind == "SPKR-INFO" and key not in found:
        found[key] = _Recording()


def _is_number(text: str) -> bool:
    try:
        number(text, "")
    except Unfit:
        return False
    return True


def _left_out(one: _Recording) -> Iterator[str]:
    """Gives every word to the segment of its channel and speaker that it begins in."""
    by_speaker: dict[tuple[str, str], list[Doc]] = defaultdict(list)
    for segment in sorted(one.segments, key=span):
        channel = segment.get("attributes", {}).get("channel", "1")
        by_speaker[channel, segment.get("speaker", _NONE)].append(segment)
    starts = {who: [span(s)[0] for s in segments] for who, segments in by_speaker.items()}
    lost = 0
    for speaker, word in sorted(one.words, key=lambda w: span(w[1])):
        segments = by_speaker[speaker]
        found = home(segments, starts.get(speaker, ()), span(word)[0] + _CLOSE)
        if found is None or len(found.get("words", ())) >= MANY:
            lost += 1
            continue
        found.setdefault("words", []).append(word)
    if lost:
        yield f"{lost} words outside of their speakers' segments"
    for kind, count in one.others.items():
        yield f"{count} lines of type {kind[:40]}"


FORMATS = table("rttm", "labels-{:05}.rttm", RttmEncoder, decode)
