"""What SubRip and WebVTT have in common: blocks parted by blank lines, a line of times, text."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.lines import text_of
from libs.formats.sound import sample
from libs.formats.source import Source

_MOST_BYTES = 100_000_000
_CLOCK = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_TIMES = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s+(.*))?")


@dataclass(frozen=True)
class Block:
    """Lines that stand together; `place` is the first one's number."""

    place: int
    lines: list[str]


@dataclass(frozen=True)
class Cue:
    start: float
    end: float
    text: str
    # What stands above and behind the times.
    identifier: str = ""
    settings: str = ""


def clock(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}"


def blocks(text: str) -> Iterator[Block]:
    group: list[str] = []
    place = 0
    for place, line in enumerate([*text.splitlines(), ""], 1):
        if line.strip():
            group.append(line)
        elif group:
            yield Block(place - len(group), group)
            group = []


def cue(block: Block) -> Cue:
    """Raises `Unfit`."""
    at = next((i for i, line in enumerate(block.lines[:2]) if "-->" in line), None)
    if at is None:
        raise Unfit("no line with times, as 00:00:01.000 --> 00:00:02.000")
    match = _TIMES.fullmatch(block.lines[at])
    if match is None:
        raise Unfit(f"{block.lines[at][:60]!r} is not two times, as 00:00:01.000 --> 00:00:02.000")
    start, end = _seconds(*match.groups()[:4]), _seconds(*match.groups()[4:8])
    text = "\n".join(block.lines[at + 1 :])
    return Cue(start, end, text, "".join(block.lines[:at]), match[9] or "")


def cues(text: str) -> Iterator[tuple[int, Cue | Unfit]]:
    """Each with the number of its first line."""
    for block in blocks(text):
        try:
            yield block.place, cue(block)
        except Unfit as unfit:
            yield block.place, unfit


def recording(
    source: Source,
    name: str,
    schema: Doc,
    read: Callable[[str], Iterable[tuple[int, Cue | Unfit]]],
    segments_of: Callable[[Cue], list[Doc]],
) -> Iterator[Sample | Fault]:
    """The file's faults, then its sample."""
    segments: list[Doc] = []
    try:
        for place, found in read(text_of(source, name, _MOST_BYTES, schema)):
            try:
                if isinstance(found, Unfit):
                    raise found
                segments += segments_of(found)
            except Unfit as unfit:
                yield Fault(f"{name} line {place}", str(unfit))
        yield sample(posixpath.splitext(name)[0], segments, source, schema)
    except Unfit as unfit:
        yield Fault(name, str(unfit))


def _seconds(hours: str, minutes: str, seconds: str, rest: str | None) -> float:
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + int((rest or "").ljust(3, "0")) / 1000
