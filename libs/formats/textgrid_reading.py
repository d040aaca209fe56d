"""Reads TextGrid files, long and short form alike, in UTF-8 or UTF-16.

Both forms are the same values in the same order: texts in double quotes (doubled inside), numbers,
and `<exists>`; what the long form says around them is for people. Points in time have no length,
which a segment needs: they are left out and said.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.lines import files, text_of
from libs.formats.reading import each, number, whole
from libs.formats.shapes import plain
from libs.formats.sound import check, home, sample, span
from libs.formats.source import Source
from libs.formats.tiers import WORDS, owner

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


class _Values:
    """The values of a file, one after the other."""

    def __init__(self, text: str) -> None:
        self._found = _VALUE.finditer(text)
        self._text = text

    def text(self, what: str) -> str:
        match = self._next(what)
        if match[1] is None:
            raise Unfit(f"{self._line(match)}: {what}: a text in double quotes wanted")
        return match[1].replace('""', '"')

    def number(self, what: str) -> float:
        match = self._next(what)
        if match[3] is None:
            raise Unfit(f"{self._line(match)}: {what}: a number wanted")
        try:
            return number(match[3], what)
        except Unfit as unfit:
            raise Unfit(f"{self._line(match)}: {unfit}") from unfit

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
                return match
        raise Unfit(f"the file ends where {what} should stand: its counts are wrong or it is cut")

    def _line(self, match: re.Match[str]) -> str:
        return f"line {self._text.count(chr(10), 0, match.start()) + 1}"


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    names = files(source, ".textgrid", ".textgrid_long", ".textgrid_short")
    return each(names, lambda name: _sample(source, name, schema))


def _sample(source: Source, name: str, schema: Doc) -> Sample:
    text = text_of(source, name, _MOST_BYTES, schema)
    if not re.match(r'\s*File type\s*=\s*"ooTextFile', text, re.IGNORECASE):
        raise Unfit('not a TextGrid: it does not begin with File type = "ooTextFile"')
    tiers = _tiers(_Values(text))
    names = {tier.name for tier in tiers}
    left_out = [f"{t.points} points of tier {t.name[:100]}" for t in tiers if t.points]
    segments: list[Doc] = []
    for tier in tiers:
        base = tier.name.removesuffix(WORDS)
        if base == tier.name or base not in names:
            fields = owner(base, names, schema)
            segments += [_segment(base, one, fields) for one in tier.intervals]
    for tier in tiers:
        base = tier.name.removesuffix(WORDS)
        if base != tier.name and base in names:
            left_out += _give(segments, tier, owner(base, names, schema))
    key = posixpath.splitext(name)[0]
    return sample(key, segments, source, schema, left_out)


def _tiers(values: _Values) -> list[_Tier]:
    values.text("file type"), values.text("object class")
    values.number("xmin"), values.number("xmax")
    if not values.flag():
        return []
    tiers = []
    for _ in range(values.count("number of tiers")):
        kind, tier = values.text("class of a tier"), _Tier(values.text("name of a tier"))
        values.number("xmin"), values.number("xmax")
        for _ in range(values.count("number of intervals")):
            _take(values, kind, tier)
        tiers.append(tier)
    return tiers


def _take(values: _Values, kind: str, tier: _Tier) -> None:
    if kind == "TextTier":
        values.number("time"), values.text("mark")
        tier.points += 1
        return
    if kind != "IntervalTier":
        raise Unfit(f"class of a tier: {kind[:50]!r} is neither IntervalTier nor TextTier")
    start, end = values.number("xmin"), values.number("xmax")
    label = values.text("text")
    if label.strip():
        check(start, end)
        tier.intervals.append((start, end, label))


def _segment(tier: str, interval: tuple[float, float, str], fields: Doc) -> Doc:
    start, end, label = interval
    text = "" if label == tier else label
    return plain(**fields, start=start, end=end, text=text)


def _give(segments: list[Doc], tier: _Tier, fields: Doc) -> list[str]:
    """Words to the segments of their tier that they begin in; what has none is told."""
    homes = sorted((s for s in segments if fields.items() <= s.items()), key=span)
    starts = [span(one)[0] for one in homes]
    lost = 0
    for start, end, label in tier.intervals:
        found = home(homes, starts, start)
        if found is None:
            lost += 1
        else:
            found.setdefault("words", []).append(plain(start=start, end=end, text=label))
    return [f"{lost} words of tier {tier.name[:100]} outside of its segments"] if lost else []
