"""COCO's compressed run-length encoding of masks, as text and as lengths of runs.

Runs go down the columns; the first is background and may be 0 long. From the third run on, the
text holds the difference to the run two before, in groups of five bits, low ones first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
_MORE, _SIGN, _BASE = 0x20, 0x10, 48
# Groups of a number: pictures have up to 2**32 pixels.
_LONGEST = 8


def counts_from_text(text: str) -> list[int]:
    """Lengths of the runs; ValueError for a text that is no such encoding."""
    return counts_from_texts([text])[0].tolist()


def counts_from_texts(texts: Sequence[str]) -> tuple[IntArray, IntArray]:
    """(lengths of the runs of many texts, one after the other, (n + 1,) where each begins)."""
    groups = _groups("".join(texts))
    last = np.flatnonzero((groups & _MORE) == 0)
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    if (groups[ends[ends > 0] - 1] & _MORE).any():
        raise ValueError("the last run is cut off")
    begins = np.searchsorted(last, ends)
    counts = _summed(_numbers(groups, last), begins)
    if counts.min(initial=0) < 0:
        raise ValueError("a run of negative length")
    return counts, begins


def _summed(values: IntArray, begins: IntArray) -> IntArray:
    """Lengths from differences: in each text the odd places are summed up, and the even ones from
    the third on."""
    start = np.repeat(begins[:-1], np.diff(begins))
    place = np.arange(len(values)) - start
    odd = place % 2 == 1
    made = values.copy()
    for some in (odd, ~odd & (place > 0)):
        sums = np.cumsum(np.where(some, values, 0))
        made[some] = (sums - sums[start])[some]
    return made


def _groups(text: str) -> IntArray:
    """(n,) five bits and the mark that more follow, one a character."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.int64) - _BASE
    strange = np.flatnonzero((codes < 0) | (codes > 63))
    if len(strange):
        raise ValueError(f"{text[strange[0]]!r} is no character of run lengths")
    return codes


def _numbers(groups: IntArray, last: IntArray) -> IntArray:
    """(k,) numbers whose last groups are at `last` (k,)."""
    if not len(last):
        return np.empty(0, dtype=np.int64)
    starts = np.concatenate([[0], last[:-1] + 1])
    lengths = last - starts + 1
    if lengths.max() > _LONGEST:
        raise ValueError("a run is longer than any picture")
    shifts = 5 * (np.arange(len(groups)) - np.repeat(starts, lengths))
    values = np.add.reduceat((groups & 0x1F) << shifts, starts)
    return values - np.where(groups[last] & _SIGN, np.int64(1) << (5 * lengths), 0)


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
