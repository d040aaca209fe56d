"""TextGrid (Praat), long form, UTF-8: one file a recording. A tier for each speaker or class
(`tiers`), and beside it `NAME - words` where words have times, as the Montreal aligner has it.

The text of a segment is its label; one without a text has its tier's name there, as `<NAME>`.
Times are whole numbers of doubles, nothing is rounded; the file ends where its recording ends.
Attributes, scores, languages and ids have no place, and neither has an empty label: Praat takes it
for silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from libs.formats import Doc, Unfit
from libs.formats.audio.recordings import RecordingEncoder, duration, span, table
from libs.formats.audio.textgrid.decode import decode
from libs.formats.audio.tiers import WORDS, nothing_said, tiers_of

# Beginning, end, label.
Interval = tuple[float, float, str]


class TextGridEncoder(RecordingEncoder):
    format = "textgrid"
    suffix = ".TextGrid"
    held = frozenset({"speaker", "class", "text", "words"})

    def content(self, row: Doc, media: str, segments: Sequence[Doc]) -> str:
        last = max((span(one)[1] for one in segments), default=0.0)
        last = max(last, self._length(row)) or 1.0
        tiers: dict[str, list[Interval]] = {}
        for name, found in tiers_of(segments).items():
            tiers[name] = [(*span(one), one.get("text") or nothing_said(name)) for one in found]
            words = sorted((w for one in found for w in one.get("words", ())), key=span)
            if words:
                tiers[name + WORDS] = self._words(row, words)
        tiers = tiers or {"segments": []}
        return "".join(_long(tiers, max(last, _end(tiers))))

    def _length(self, row: Doc) -> float:
        """Return the seconds of the recording; 0 where its file does not say."""
        try:
            return duration(self.job, row)
        except Unfit:
            return 0.0

    def _words(self, row: Doc, words: Sequence[Doc]) -> list[Interval]:
        made: list[Interval] = []
        for word in words:
            start, end = span(word)
            if start >= end or (made and start < made[-1][1]):
                self.tell(row, "words that overlap or have no length cannot be in a tier")
                continue
            if "score" in word:
                self.tell(row, "textgrid has no place for a word's score")
            made.append((start, end, word["text"]))
        return made


def _end(tiers: dict[str, list[Interval]]) -> float:
    return max((found[-1][1] for found in tiers.values() if found), default=0.0)


def _long(tiers: dict[str, list[Interval]], last: float) -> Iterator[str]:
    yield 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    yield f"xmin = 0\nxmax = {last!r}\ntiers? <exists>\nsize = {len(tiers)}\nitem []:\n"
    for number, (name, found) in enumerate(tiers.items(), 1):
        filled = list(_filled(found, last))
        yield f'    item [{number}]:\n        class = "IntervalTier"\n'
        yield f"        name = {_quoted(name)}\n        xmin = 0\n        xmax = {last!r}\n"
        yield f"        intervals: size = {len(filled)}\n"
        for place, (start, end, label) in enumerate(filled, 1):
            yield f"        intervals [{place}]:\n            xmin = {start!r}\n"
            yield f"            xmax = {end!r}\n            text = {_quoted(label)}\n"


def _filled(intervals: Sequence[Interval], last: float) -> Iterator[Interval]:
    """With empty intervals for what lies between, as Praat wants no gaps."""
    end = 0.0
    for one in intervals:
        if one[0] > end:
            yield end, one[0], ""
        yield one
        end = one[1]
    if last > end:
        yield end, last, ""


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


FORMATS = table("textgrid", "textgrid-{:05}.zip", TextGridEncoder, decode)
