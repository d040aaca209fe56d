"""STM (NIST sclite): one line a segment: `recording channel speaker start end <label> transcript`.

A segment's language stands as the label, `<zh>`; other labels, as `<O,F0>`, are its attribute
`label`. Transcripts are one line; times have microseconds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.audio.recordings import (
    SegmentEncoder,
    labelled,
    one_line,
    seconds,
    segment,
    span,
    table,
)
from libs.formats.records import BLANK, files, lines
from libs.formats.source import Source

_UNKNOWN = "unknown"
_LINE = re.compile(r"(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s*(?:<([^<>\s]*)>)?(.*)", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class StmEncoder(SegmentEncoder):
    format = "stm"
    held = frozenset({"speaker", "text", "language"})
    held_attributes = frozenset({"channel", "label"})

    def lines(self, row: Doc, name: str, one: Doc) -> Iterator[str]:
        attributes = one.get("attributes", {})
        label = one.get("language") or self.name(row, attributes.get("label", ""))
        speaker = self.name(row, one.get("speaker", "")) or _UNKNOWN
        text = one_line(one.get("text", ""))
        if text != one.get("text", ""):
            self.tell(row, "line breaks and doubled spaces are written as one space")
        start, end = span(one)
        head = f"{name} {attributes.get('channel', '1')} {speaker} {seconds(start)} {seconds(end)}"
        # Without a label a transcript that begins with "<" would be taken for one.
        marked = f"<{label}> " if label or text.startswith("<") else ""
        yield f"{head} {marked}{text}".rstrip()


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Holds the lines of one file, as a recording's lines may stand anywhere in it."""
    for name in files(source, ".stm"):
        found: dict[str, list[Doc]] = defaultdict(list)
        partial = False
        for line in lines(source, name):
            if isinstance(line, Fault):
                partial = True
                yield line
            elif line.text.strip(BLANK) and not line.text.startswith(";;"):
                try:
                    key, made = _segment(line.text)
                    found[key].append(made)
                except Unfit as unfit:
                    partial = True
                    yield Fault(f"{name} line {line.place}", str(unfit))
        for key, segments in found.items():
            yield labelled(name, key, segments, source, schema, partial=partial)


def _segment(text: str) -> tuple[str, Doc]:
    match = _LINE.fullmatch(text.strip(BLANK))
    if match is None:
        raise Unfit("recording, channel, speaker, start and end wanted, parted by spaces")
    key, channel, speaker, start, end, label, transcript = match.groups(default="")
    attributes, language = {}, ""
    if channel != "1":
        attributes["channel"] = channel
    if _LANGUAGE.fullmatch(label):
        language = label
    elif label:
        attributes["label"] = label
    made = segment(
        start,
        end,
        speaker="" if speaker == _UNKNOWN else speaker,
        text=one_line(transcript),
        language=language,
        attributes=attributes,
    )
    return key, made


FORMATS = table("stm", "labels-{:05}.stm", StmEncoder, decode)
