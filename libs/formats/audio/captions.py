"""What SubRip and WebVTT have in common: blocks parted by blank lines, a line of times, text.

A line of times ends the cue before it, blank line or none (W3C WebVTT, 6.1). Lines end at CR and LF
only.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.audio.recordings import sample
from libs.formats.records import BLANK, split, text_of
from libs.formats.source import Source

_MOST_BYTES = 100_000_000
_CLOCK = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
ARROW = "-->"
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
    for place, line in enumerate([*split(text), ""], 1):
        if line.strip(BLANK):
            group.append(line)
        elif group:
            yield Block(place - len(group), group)
            group = []


def parted(
    block: Block, numbered: Callable[[Sequence[str], int], bool] = lambda before, at: False
) -> Iterator[Block]:
    """Yield the block, cut before each further line of times. `numbered(lines, at)` says whether
    the line before it, `lines[at]`, is the number of the new cue and not words of the old."""
    arrows = [i for i, line in enumerate(block.lines) if ARROW in line]
    if len(arrows) < 2:
        yield block
        return
    start = 0
    for at in arrows[1:]:
        cut = at - 1 if numbered(block.lines[start:at], at - 1 - start) else at
        yield Block(block.place + start, block.lines[start:cut])
        start = cut
    yield Block(block.place + start, block.lines[start:])


def cue(block: Block) -> Cue:
    """Return the cue of a block; raise `Unfit`."""
    at = next((i for i, line in enumerate(block.lines[:2]) if ARROW in line), None)
    if at is None:
        raise Unfit("no line with times, as 00:00:01.000 --> 00:00:02.000")
    match = _TIMES.fullmatch(block.lines[at])
    if match is None:
        raise Unfit(f"{block.lines[at][:60]!r} is not two times, as 00:00:01.000 --> 00:00:02.000")
    start, end = _seconds(*match.groups()[:4]), _seconds(*match.groups()[4:8])
    text = "\n".join(block.lines[at + 1 :])
    return Cue(start, end, text, "".join(block.lines[:at]), match[9] or "")


def recording(
    source: Source,
    name: str,
    schema: Doc,
    read: Callable[[str], Iterable[tuple[int, Cue | Unfit]]],
    segments_of: Callable[[Cue], list[Doc]],
) -> Iterator[Sample | Fault]:
    """The file's faults, then its sample."""
    segments: list[Doc] = []
    partial = False
    try:
        for place, found in read(text_of(source, name, _MOST_BYTES)):
            try:
                if isinstance(found, Unfit):
                    raise found
                segments += segments_of(found)
            except Unfit as unfit:
                partial = True
                yield Fault(f"{name} line {place}", str(unfit))
        key = posixpath.splitext(name)[0]
        yield sample(key, segments, source, schema, near=name, partial=partial)
    except Unfit as unfit:
        yield Fault(name, str(unfit))


def _seconds(hours: str, minutes: str, seconds: str, rest: str | None) -> float:
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + int((rest or "").ljust(3, "0")) / 1000
