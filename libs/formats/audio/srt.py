"""SubRip (.srt): one file a recording, one caption a segment, milliseconds.

It has no place for speakers, classes or anything else but the text; a blank line would end a
caption, so that blank lines in a text are left away and said. Reading, the number above a line of
times is told from the words before it where no blank line stands between, as players do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.audio.captions import ARROW, Cue, blocks, clock, cue, parted, recording
from libs.formats.audio.recordings import RecordingEncoder, segment, table, whole_milliseconds
from libs.formats.records import files, split
from libs.formats.source import Source


class SrtEncoder(RecordingEncoder):
    format = "srt"
    suffix = ".srt"
    held = frozenset({"text"})

    def content(self, row: Doc, media: str, segments: Sequence[Doc]) -> str:
        return "".join(self._caption(row, n, one) for n, one in enumerate(segments, 1))

    def _caption(self, row: Doc, number: int, one: Doc) -> str:
        text = one.get("text", "")
        kept = "\n".join(line for line in split(text) if line.strip())
        if kept != text:
            self.tell(row, "blank lines of a text are left away")
        start, end = (clock(t, ",") for t in whole_milliseconds(one))
        return f"{number}\n{start} --> {end}\n{kept}\n\n"


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for name in files(source, ".srt"):
        yield from recording(source, name, schema, _cues, _segments)


def _cues(text: str) -> Iterator[tuple[int, Cue | Unfit]]:
    """Yield each with the number of its first line."""
    for block in blocks(text):
        for one in parted(block, _numbered):
            try:
                yield one.place, cue(one)
            except Unfit as unfit:
                yield one.place, unfit


def _numbered(caption: Sequence[str], at: int) -> bool:
    """Is the last line of a caption the number of the next one? It is if it is a whole number and
    follows the caption's own, or leaves the caption a text."""
    if not caption[at].strip().isdecimal():
        return False
    number, before = int(caption[at]), caption[0].strip()
    follows = before.isdecimal() and number == int(before) + 1
    times = next(i for i, line in enumerate(caption) if ARROW in line)
    return follows or at - times > 1


def _segments(cue: Cue) -> list[Doc]:
    return [segment(cue.start, cue.end, text=cue.text)]


FORMATS = table("srt", "srt-{:05}.zip", SrtEncoder, decode)
