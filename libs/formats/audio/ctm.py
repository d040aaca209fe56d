"""CTM (NIST sclite, Kaldi): one line a word: `recording channel start length word score`.

It holds the words of segments that have times of words, nothing else. CTM knows no segments:
reading it, a pause of over a second begins a new one. Times have microseconds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.audio.recordings import (
    BLANK_IN_NAME,
    DECIMALS,
    SegmentEncoder,
    by_pauses,
    labelled,
    seconds,
    span,
    table,
)
from libs.formats.decoding import number
from libs.formats.image.shapes import plain
from libs.formats.records import fields, files, lines
from libs.formats.source import Source

_UNSCORED = ("NA", "<NA>")
_TYPES = frozenset(("lex", "frag", "fp", "un-lex", "for-lex", "non-lex", "misc", "noscore"))


class CtmEncoder(SegmentEncoder):
    format = "ctm"
    held = frozenset({"words", "text"})
    held_attributes = frozenset({"channel"})

    def lines(self, row: Doc, name: str, one: Doc) -> Iterator[str]:
        if not one.get("words"):
            self.tell(row, "a segment without times of words cannot be in a CTM file")
        channel = one.get("attributes", {}).get("channel", "1")
        for word in one.get("words", ()):
            start, end = span(word)
            line = f"{name} {channel} {seconds(start)} {seconds(end - start)}"
            line += f" {self.name(row, word['text'])}"
            yield f"{line} {word['score']:g}" if "score" in word else line


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Holds the lines of one file, as a recording's lines may stand anywhere in it."""
    for name in files(source, ".ctm"):
        words: dict[str, dict[str, list[Doc]]] = defaultdict(lambda: defaultdict(list))
        marks: Counter[str] = Counter()
        partial = False
        for line in lines(source, name):
            if isinstance(line, Fault):
                partial = True
                yield line
                continue
            cells = fields(line.text)
            if not cells or cells[0].startswith(";;"):
                continue
            try:
                _take(cells, words, marks)
            except Unfit as unfit:
                partial = True
                yield Fault(f"{name} line {line.place}", str(unfit))
        for key, channels in words.items():
            found = [s for channel, spoken in channels.items() for s in _segments(channel, spoken)]
            told = [f"{marks[key]} marks of alternatives"] if marks[key] else []
            yield labelled(name, key, found, source, schema, told, partial)


def _take(cells: list[str], words: dict[str, dict[str, list[Doc]]], marks: Counter[str]) -> None:
    if len(cells) < 5:
        raise Unfit(f"{len(cells)} fields; recording, channel, start, length and word wanted")
    # Beyond the score there may be a type and a speaker (NIST's RT evaluations).
    if len(cells) > 8 or (len(cells) > 6 and cells[6].lower() not in _TYPES):
        raise Unfit(f"{len(cells)} fields; CTM has 5 or 6, and 7 or 8 with a type, {BLANK_IN_NAME}")
    key, channel, start, length, text = cells[:5]
    if start == "*" or text.startswith("<ALT"):
        marks[key] += 1
        return
    first, long = number(start, "start"), number(length, "duration")
    if first < 0 or long < 0:
        raise Unfit(f"a word at {first:g} of {long:g} seconds; neither may be below zero")
    score = number(cells[5], "score") if len(cells) > 5 and cells[5] not in _UNSCORED else 0.0
    end = round(first + long, DECIMALS)
    words[key][channel].append(plain(start=first, end=end, text=text, score=score))


def _segments(channel: str, words: Iterable[Doc]) -> Iterator[Doc]:
    return by_pauses(words, attributes={} if channel == "1" else {"channel": channel})


FORMATS = table("ctm", "labels-{:05}.ctm", CtmEncoder, decode)
