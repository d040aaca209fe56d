"""Which object of one label is which of another: one to one, best in sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Tables of more cells than this are neither compared nor solved at once.
MOST_CELLS = 250_000
# Objects of one label that may be the same one of the other; more than anybody means.
MOST_PARTNERS = 64


def candidates(
    a: FloatArray, b: FloatArray, names: Sequence[Sequence[object]]
) -> Iterator[IntArray]:
    """Blocks of (k, 2) pairs whose bounds (n, 4) and (m, 4) touch and whose names are equal; others
    cannot match. names: those of the n and of the m."""
    numbers = {name: i for i, name in enumerate({*names[0], *names[1]})}
    left, right = (np.array([numbers[n] for n in side], dtype=np.int64) for side in names)
    step = max(1, MOST_CELLS // max(1, len(b)))
    for start in range(0, len(a), step):
        some = a[start : start + step, None]
        # Not a number is on no side of anything.
        apart = (some[..., :2] > b[None, :, 2:]) | (some[..., 2:] < b[None, :, :2])
        same = left[start : start + step, None] == right[None]
        first, second = np.nonzero(same & ~(apart[..., 0] | apart[..., 1]))
        yield np.stack([first + start, second], axis=1)


def surest(pairs: IntArray, gains: FloatArray) -> tuple[IntArray, FloatArray]:
    """Those of rising pairs with a gain above 0, of each first at most `MOST_PARTNERS`; of equals
    those that stand in about the same place."""
    pairs, gains = pairs[gains > 0], gains[gains > 0]
    if len(pairs) <= MOST_PARTNERS:
        return pairs, gains
    starts = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1))
    counts = np.diff(starts, append=len(pairs))
    if counts.max(initial=0) <= MOST_PARTNERS:
        return pairs, gains
    order = np.lexsort((np.abs(pairs[:, 0] - pairs[:, 1]), -gains, pairs[:, 0]))
    rank = np.arange(len(pairs)) - np.repeat(starts, counts)
    kept = order[rank < MOST_PARTNERS]
    return pairs[kept], gains[kept]


def single(pairs: IntArray) -> bool:
    """Has nobody in pairs (k, 2) two to choose from?"""
    first, second = pairs.T.tolist()
    return len(set(first)) == len(first) and len(set(second)) == len(second)


def best(pairs: IntArray, gains: FloatArray, size: tuple[int, int]) -> IntArray:
    """(m, 2) of the pairs (k, 2) with a gain above 0 that are chosen, by rising first."""
    use = gains > 0
    pairs, gains = pairs[use], gains[use]
    if single(pairs):
        return pairs
    if size[0] * size[1] <= MOST_CELLS:
        table = np.zeros(size)
        table[pairs[:, 0], pairs[:, 1]] = gains
        rows, columns = linear_sum_assignment(table, maximize=True)
        chosen = table[rows, columns] > 0
        return np.stack([rows[chosen], columns[chosen]], axis=1)
    return _sparse(pairs, gains, size)


def _sparse(pairs: IntArray, gains: FloatArray, size: tuple[int, int]) -> IntArray:
    """As `best`, in memory for the given pairs only: each row may also stay alone, in a column
    of its own. Weights must not be 0; a constant in each row changes nothing."""
    rows, wide = np.arange(size[0]), size[0] + size[1]
    heavy = 1.0 + gains.max()
    weights = np.concatenate([heavy - gains, np.full(size[0], heavy)])
    at = np.concatenate([pairs[:, 0], rows]), np.concatenate([pairs[:, 1], size[1] + rows])
    graph = csr_array((weights, at), shape=(size[0], wide))
    left, right = min_weight_full_bipartite_matching(graph)
    chosen = right < size[1]
    return np.stack([left[chosen], right[chosen]], axis=1).astype(np.int64)
