"""Reads TextGrid files, long and short form alike, in UTF-8 or UTF-16.

Both forms are the same values in the same order: texts in double quotes (doubled inside), numbers,
and `<exists>`; what the long form says around them is for people. Points in time have no length,
which a segment needs: they are left out and said. An interval that cannot be is a fault, and the
rest goes on.

The tiers `words` and `phones` of forced aligners, `NAME - words` and `NAME - phones` where they
know the speaker, are no speakers: words go to the segments of NAME, of all tiers where no speaker
is named, and make segments by their pauses where there are none; phones are left out and said.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.audio.recordings import by_pauses, check, home, sample, span
from libs.formats.audio.tiers import PHONES, WORDS, aligned, nothing_said, owner
from libs.formats.classes import names_of
from libs.formats.decoding import number, whole
from libs.formats.image.shapes import plain
from libs.formats.records import files, text_of
from libs.formats.source import Source

_MOST_BYTES = 100_000_000
# A text; or a number, or a flag, that stands alone or after "=" or "size =": names, units and
# numbers of items in brackets are passed over.
_VALUE = re.compile(
    r'"([^"]*(?:""[^"]*)*)"|\[[^\]\n]{0,40}\]|<(exists|absent)>|(?<![\w.,+-])([+-]?(?:\d[^\s"]*|\.\d[^\s"]*|nan|inf))',
    re.IGNORECASE,
)


@dataclass
class _Tier:
    name: str
    # Start, end, label.
    intervals: list[tuple[float, float, str]] = field(default_factory=list)
    points: int = 0


class _BadValue(Unfit):
    """One value that cannot be, among others that can."""


class _Values:
    """The values of a file, one after the other."""

    def __init__(self, text: str) -> None:
        self._found = _VALUE.finditer(text)
        self._text = text
        self._last: re.Match[str]

    def text(self, what: str) -> str:
        match = self._next(what)
        if match[1] is None:
            raise Unfit(f"{self.line(match)}: {what}: a text in double quotes wanted")
        return match[1].replace('""', '"')

    def number(self, what: str) -> float:
        match = self._next(what)
        if match[3] is None:
            raise Unfit(f"{self.line(match)}: {what}: a number wanted")
        try:
            return number(match[3], what)
        except Unfit as unfit:
            raise _BadValue(f"{self.line(match)}: {unfit}") from unfit

    def taken(self) -> re.Match[str]:
        """Return the value that was taken last."""
        return self._last

    def count(self, what: str) -> int:
        found = whole(self.number(what), what)
        if not 0 <= found <= 10_000_000:
            raise Unfit(f"{what}: {found} is out of any range")
        return found

    def flag(self) -> bool:
        match = self._next("tiers")
        return (match[2] or "").lower() == "exists"

    def _next(self, what: str) -> re.Match[str]:
        for match in self._found:
            if not match[0].startswith("["):
                self._last = match
                return match
        raise Unfit(f"the file ends where {what} should stand: its counts are wrong or it is cut")

    def line(self, match: re.Match[str]) -> str:
        return f"line {self._text.count(chr(10), 0, match.start()) + 1}"


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for name in files(source, ".textgrid", ".textgrid_long", ".textgrid_short"):
        try:
            yield from _read(source, name, schema)
        except Unfit as unfit:
            yield Fault(name, str(unfit))


def _read(source: Source, name: str, schema: Doc) -> Iterator[Sample | Fault]:
    text = text_of(source, name, _MOST_BYTES)
    if not re.match(r'\s*File type\s*=\s*"ooTextFile', text, re.IGNORECASE):
        raise Unfit('not a TextGrid: it does not begin with File type = "ooTextFile"')
    faults: list[str] = []
    tiers = _tiers(_Values(text), faults)
    yield from (Fault(name, words) for words in faults)
    left_out = [f"{t.points} points of tier {t.name[:100]}" for t in tiers if t.points]
    segments = _segments(tiers, schema, left_out)
    key, partial = posixpath.splitext(name)[0], bool(faults)
    yield sample(key, segments, source, schema, left_out, near=name, partial=partial)


def _segments(tiers: list[_Tier], schema: Doc, left_out: list[str]) -> list[Doc]:
    names = {tier.name for tier in tiers}
    classes = names_of(schema)
    parts = {tier.name: aligned(tier.name) for tier in tiers if tier.name not in classes}
    segments: list[Doc] = []
    for tier in tiers:
        if not parts.get(tier.name):
            fields = owner(tier.name, names, schema)
            segments += [_segment(tier.name, one, fields) for one in tier.intervals]
    for tier in tiers:
        base, part = parts.get(tier.name) or ("", "")
        if part == PHONES:
            left_out.append(f"{len(tier.intervals)} phones of tier {tier.name[:100]}")
        elif part == WORDS:
            fields = owner(base, names, schema)
            homes = [one for one in segments if fields.items() <= one.items()]
            words = [plain(start=a, end=b, text=label) for a, b, label in tier.intervals]
            if homes:
                left_out += _give(homes, tier.name, words)
            else:
                segments += by_pauses(words, **fields)
    return segments


def _tiers(values: _Values, faults: list[str]) -> list[_Tier]:
    values.text("file type"), values.text("object class")
    values.number("xmin"), values.number("xmax")
    if not values.flag():
        return []
    tiers = []
    for _ in range(values.count("number of tiers")):
        kind, tier = values.text("class of a tier"), _Tier(values.text("name of a tier"))
        values.number("xmin"), values.number("xmax")
        for _ in range(values.count("number of intervals")):
            try:
                _take(values, kind, tier)
            except _BadValue as bad:
                faults.append(f"tier {tier.name[:100]!r}: {bad}")
        tiers.append(tier)
    return tiers


def _take(values: _Values, kind: str, tier: _Tier) -> None:
    """Take one interval or point; raise `_BadValue` where its values, all taken, cannot be."""
    bad: _BadValue | None = None
    times: list[float] = []
    for what in ("time",) if kind == "TextTier" else ("xmin", "xmax"):
        try:
            times.append(values.number(what))
        except _BadValue as error:
            bad = error
    last, label = values.taken(), values.text("mark" if kind == "TextTier" else "text")
    if bad is not None:
        raise bad
    if kind == "TextTier":
        tier.points += 1
    elif label.strip():
        try:
            check(*times)
        except Unfit as unfit:
            raise _BadValue(f"{values.line(last)}: {unfit}") from unfit
        tier.intervals.append((times[0], times[1], label))


def _segment(tier: str, interval: tuple[float, float, str], fields: Doc) -> Doc:
    start, end, label = interval
    text = "" if label == nothing_said(tier) else label
    return plain(**fields, start=start, end=end, text=text)


def _give(segments: list[Doc], tier: str, words: list[Doc]) -> list[str]:
    """Give words to the segments that they begin in; what has none is told."""
    homes = sorted(segments, key=span)
    starts = [span(one)[0] for one in homes]
    lost = 0
    for word in words:
        found = home(homes, starts, span(word)[0])
        if found is None:
            lost += 1
        else:
            found.setdefault("words", []).append(word)
    return [f"{lost} words of tier {tier[:100]} outside of its segments"] if lost else []
