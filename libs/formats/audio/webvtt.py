"""WebVTT (.vtt): one file a recording, one cue a segment, milliseconds, speakers as `<v NAME>`.

A segment's id is the cue's. Classes, scores and attributes have no place; a blank line would end
a cue, so that blank lines in a text are left away and said. Reading, a cue with several voices
becomes a segment for each, all at the cue's times; other tags are taken away.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.audio.captions import ARROW, Block, Cue, blocks, clock, cue, parted, recording
from libs.formats.audio.recordings import (
    RecordingEncoder,
    segment,
    table,
    token,
    whole_milliseconds,
)
from libs.formats.records import files, split
from libs.formats.source import Source

_VOICE = re.compile(r"<v(?:\.[^\s>]{0,200})?(?:\s([^<>]{0,500}))?>")
_TAG = re.compile(r"</?[^<>\n]*>")
_HEAD = re.compile(r"WEBVTT(?=[ \t\r\n]|$)")
_PASSED = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")


class WebvttEncoder(RecordingEncoder):
    format = "webvtt"
    suffix = ".vtt"
    held = frozenset({"text", "speaker", "id"})

    def content(self, row: Doc, media: str, segments: Sequence[Doc]) -> str:
        return "WEBVTT\n\n" + "".join(self._cue(row, one) for one in segments)

    def _cue(self, row: Doc, one: Doc) -> str:
        text = one.get("text", "")
        kept = "\n".join(line for line in split(text) if line.strip())
        if kept != text:
            self.tell(row, "blank lines of a text are left away")
        speaker = one.get("speaker", "")
        name = token(speaker).replace("_", " ") if "\n" in speaker else speaker
        voice = f"<v {_escaped(name)}>" if speaker else ""
        start, end = (clock(t, ".") for t in whole_milliseconds(one))
        identifier = one.get("id", "").replace("-->", "").replace("\n", " ")
        head = f"{identifier}\n" if identifier else ""
        return f"{head}{start} --> {end}\n{voice}{_escaped(kept)}\n\n"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for name in files(source, ".vtt"):
        yield from recording(source, name, schema, _cues, _segments)


def _cues(text: str) -> Iterator[tuple[int, Cue | Unfit]]:
    if not _HEAD.match(text):
        raise Unfit("not WebVTT: its first line is not WEBVTT")
    for number, block in enumerate(blocks(text)):
        if _PASSED.match(block.lines[0]):
            continue
        found = list(parted(block))
        if number == 0:
            # The header; times may stand right behind it.
            found = [_below(one) for one in found if any(ARROW in line for line in one.lines)]
        for one in found:
            try:
                yield one.place, cue(one)
            except Unfit as unfit:
                yield one.place, unfit


def _below(block: Block) -> Block:
    """Return the block from its line of times on."""
    at = next(i for i, line in enumerate(block.lines) if ARROW in line)
    return Block(block.place + at, block.lines[at:])


def _segments(found: Cue) -> list[Doc]:
    pieces = _VOICE.split(found.text)
    spoken = list(zip(["", *pieces[1::2]], pieces[::2], strict=True))
    made = [
        segment(
            found.start,
            found.end,
            speaker=html.unescape(speaker or "").strip(),
            text=html.unescape(_TAG.sub("", text)).strip("\n"),
            id=found.identifier[:100],
        )
        for speaker, text in spoken
        if speaker or text.strip()
    ]
    return made or [segment(found.start, found.end, id=found.identifier[:100])]


FORMATS = table("webvtt", "webvtt-{:05}.zip", WebvttEncoder, decode)
