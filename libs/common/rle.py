"""COCO's compressed run-length encoding of masks, as text and as lengths of runs.

Runs go down the columns; the first is background and may be 0 long. From the third run on, the
text holds the difference to the run two before, in groups of five bits, low ones first.
"""

from __future__ import annotations

from collections.abc import Sequence

_MORE, _SIGN, _BASE = 0x20, 0x10, 48


def counts_from_text(text: str) -> list[int]:
    """Lengths of the runs; ValueError for a text that is no such encoding."""
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        group = ord(letter) - _BASE
        if not 0 <= group < 64:
            raise ValueError(f"{letter!r} is no character of run lengths")
        value |= (group & 0x1F) << shift
        shift += 5
        if group & _MORE:
            continue
        if group & _SIGN:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        if counts[-1] < 0:
            raise ValueError("a run of negative length")
        value = shift = 0
    if shift:
        raise ValueError("the last run is cut off")
    return counts


def text_from_counts(counts: Sequence[int]) -> str:
    """The encoding of runs of these lengths."""
    text = []
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        while True:
            group, value = value & 0x1F, value >> 5
            more = value != (-1 if group & _SIGN else 0)
            text.append(chr(_BASE + group + (_MORE if more else 0)))
            if not more:
                break
    return "".join(text)
