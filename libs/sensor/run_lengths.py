"""Long rows of small numbers as runs: number, length, number, length, ...

What is done with such rows is done run by run, so that a cloud of 50 million points costs what its
borders cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


def aligned(rows: Sequence[Sequence[int] | IntArray], count: int) -> tuple[IntArray, IntArray]:
    """((n, k) number of each of n rows in each of k pieces, (k,) lengths of the pieces): within a
    piece no row changes. A row that ends before `count` goes on with 0, a longer one is cut."""
    told = [_ends(row, count) for row in rows]
    ends = np.unique(np.concatenate([np.array([count] * (count > 0)), *(e for _, e in told)]))
    ends = ends.astype(np.int64)
    lengths = np.diff(ends, prepend=0)
    numbers = [values[np.searchsorted(stops, ends)] for values, stops in told]
    return np.array(numbers, dtype=np.int64).reshape(len(rows), len(ends)), lengths


def _ends(row: Sequence[int] | IntArray, count: int) -> tuple[IntArray, IntArray]:
    """(numbers of a row, where each ends), up to `count`."""
    flat = np.asarray(row, dtype=np.int64).reshape(-1, 2)
    values = np.append(flat[:, 0], 0)
    ends = np.minimum(np.append(np.cumsum(flat[:, 1]), count), count)
    return values, ends


def encoded(numbers: IntArray, lengths: IntArray) -> list[int]:
    """The runs of k pieces: neighbours with one number made one."""
    if not len(numbers):
        return []
    first = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1))
    made = np.stack([numbers[first], np.add.reduceat(lengths, first)], axis=1)
    return [int(number) for number in made.reshape(-1)]
