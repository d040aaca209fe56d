"""UEM (NIST, un-partitioned evaluation map): which stretches of recordings were annotated. One line
a stretch: `recording channel start end`, seconds; `;;` begins a comment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from libs.formats import Doc, Fault, Unfit
from libs.formats.audio.recordings import BLANK_IN_NAME, check, seconds, span
from libs.formats.decoding import number
from libs.formats.records import fields, lines
from libs.formats.source import Source


@dataclass
class Annotated:
    """Stretches of one recording, and the file that tells them."""

    file: str
    stretches: list[tuple[float, float]] = field(default_factory=list)

    def __str__(self) -> str:
        return " ".join(f"{seconds(a)}-{seconds(b)}" for a, b in sorted(self.stretches))

    def outside(self, segments: list[Doc]) -> int:
        """Return how many segments lie in none of the stretches."""
        return sum(
            not any(self._in(one, *stretch) for stretch in self.stretches) for one in segments
        )

    def _in(self, one: Doc, start: float, end: float) -> bool:
        first, last = span(one)
        return first < end and last > start


def read(source: Source, found: dict[str, Annotated]) -> Iterator[Fault]:
    """Fill `found` by recording from every .uem file; yield what cannot be read."""
    for name in source.ending(".uem"):
        for line in lines(source, name):
            if isinstance(line, Fault):
                yield line
                continue
            cells = fields(line.text)
            if not cells or cells[0].startswith(";"):
                continue
            try:
                if len(cells) != 4:
                    raise Unfit(f"{len(cells)} fields; UEM has 4, {BLANK_IN_NAME}")
                start, end = number(cells[2], "start"), number(cells[3], "end")
                check(start, end)
            except Unfit as unfit:
                yield Fault(f"{name} line {line.place}", str(unfit))
            else:
                found.setdefault(cells[0], Annotated(name)).stretches.append((start, end))
