"""SubRip (.srt): one file a recording, one caption a segment, milliseconds.

It has no place for speakers, classes or anything else but the text; a blank line would end a
caption, so that blank lines in a text are left away and said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from libs.formats import Doc, Fault, Sample
from libs.formats.captions import Cue, clock, cues, recording
from libs.formats.lines import files
from libs.formats.sound import RecordingEncoder, segment, table, whole_milliseconds
from libs.formats.source import Source


class SrtEncoder(RecordingEncoder):
    format = "srt"
    suffix = ".srt"
    held = frozenset({"text"})

    def content(self, row: Doc, media: str, segments: Sequence[Doc]) -> str:
        return "".join(self._caption(row, n, one) for n, one in enumerate(segments, 1))

    def _caption(self, row: Doc, number: int, one: Doc) -> str:
        text = one.get("text", "")
        kept = "\n".join(line for line in text.splitlines() if line.strip())
        if kept != text:
            self.tell(row, "blank lines of a text are left away")
        start, end = (clock(t, ",") for t in whole_milliseconds(one))
        return f"{number}\n{start} --> {end}\n{kept}\n\n"


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for name in files(source, ".srt"):
        yield from recording(source, name, schema, cues, _segments)


def _segments(cue: Cue) -> list[Doc]:
    return [segment(cue.start, cue.end, text=cue.text)]


FORMATS = table("srt", "srt-{:05}.zip", SrtEncoder, decode)
