"""CTM (NIST sclite, Kaldi): one line a word: `recording channel start length word score`.

It holds the words of segments that have times of words, nothing else. CTM knows no segments:
reading it, a pause of over a second begins a new one. Times have microseconds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.lines import files, lines
from libs.formats.reading import number
from libs.formats.shapes import plain
from libs.formats.sound import DECIMALS, SegmentEncoder, sample, seconds, span, table, token
from libs.formats.source import Source

PAUSE = 1.0
_MANY = 10_000


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
            line = f"{name} {channel} {seconds(start)} {seconds(end - start)} {token(word['text'])}"
            yield f"{line} {word['score']:g}" if "score" in word else line


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Holds the lines of one file, as a recording's lines may stand anywhere in it."""
    for name in files(source, ".ctm"):
        words: dict[str, dict[str, list[Doc]]] = defaultdict(lambda: defaultdict(list))
        marks: Counter[str] = Counter()
        for line in lines(source, name, schema):
            if isinstance(line, Fault):
                yield line
                continue
            fields = line.text.split()
            if not fields or fields[0].startswith(";;"):
                continue
            try:
                _take(fields, words, marks)
            except Unfit as unfit:
                yield Fault(f"{name} line {line.place}", str(unfit))
        for key, channels in words.items():
            found = [s for channel, spoken in channels.items() for s in _segments(channel, spoken)]
            told = [f"{marks[key]} marks of alternatives"] if marks[key] else []
            yield sample(key, found, source, schema, told)


def _take(fields: list[str], words: dict[str, dict[str, list[Doc]]], marks: Counter[str]) -> None:
    if len(fields) < 5:
        raise Unfit(f"{len(fields)} fields; recording, channel, start, length and word wanted")
    key, channel, start, length, text = fields[:5]
    if start == "*" or text.startswith("<ALT"):
        marks[key] += 1
        return
    first, long = number(start, "start"), number(length, "duration")
    if first < 0 or long < 0:
        raise Unfit(f"a word at {first:g} of {long:g} seconds; neither may be below zero")
    score = number(fields[5], "score") if len(fields) > 5 and fields[5] != "NA" else 0.0
    end = round(first + long, DECIMALS)
    words[key][channel].append(plain(start=first, end=end, text=text, score=score))


def _segments(channel: str, words: Iterable[Doc]) -> Iterator[Doc]:
    attributes = {} if channel == "1" else {"channel": channel}
    group: list[Doc] = []
    end = 0.0
    for word in sorted(words, key=span):
        if group and (span(word)[0] - end > PAUSE or len(group) >= _MANY):
            yield _segment(group, end, attributes)
            group = []
        group.append(word)
        end = max(span(word)[1], end) if len(group) > 1 else span(word)[1]
    if group:
        yield _segment(group, end, attributes)


def _segment(words: list[Doc], end: float, attributes: dict[str, str]) -> Doc:
    start = span(words[0])[0]
    text = " ".join(w["text"] for w in words)
    last = max(end, round(start + 10**-DECIMALS, DECIMALS))
    return plain(start=start, end=last, text=text, words=words, attributes=dict(attributes))


FORMATS = table("ctm", "labels-{:05}.ctm", CtmEncoder, decode)
