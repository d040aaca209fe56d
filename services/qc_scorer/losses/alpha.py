"""Krippendorff's alpha: agreement beyond chance of any number of people, with answers missing, by
level of measurement (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def alpha(answers: Sequence[Sequence[float]] | FloatArray, level: str = "nominal") -> float:
    """1 where all agree, 0 as by chance, below 0 where they agree less; NaN where it is not
    defined: no item has two answers, or all answers are one value.

    answers: (people, items) numbers, NaN where a person did not answer; nominal classes are numbers
    too. level: nominal, ordinal, interval or ratio."""
    table = np.asarray(answers, dtype=np.float64)
    values, codes = np.unique(table, return_inverse=True)
    known = int(np.isfinite(values).sum())
    counts = _counts(codes.reshape(table.shape), known)
    each = counts.sum(axis=1, keepdims=True)
    counts, each = counts[each[:, 0] > 1], each[each[:, 0] > 1]
    # How often two people give an item these two values, and how often these meet by chance.
    shares = counts / (each - 1.0)
    met = shares.T @ counts - np.diag(shares.sum(axis=0))
    total = counts.sum(axis=0)
    apart = LEVELS[level](values[:known], total)
    chance = float((np.outer(total, total) * apart).sum())
    if not chance:
        return float("nan")
    return 1.0 - float((total.sum() - 1.0) * (met * apart).sum()) / chance


def _counts(codes: NDArray[np.int64], known: int) -> FloatArray:
    """(items, values) how many gave an item each value."""
    found = np.zeros((codes.shape[1], known))
    people, items = np.nonzero(codes < known)
    np.add.at(found, (items, codes[people, items]), 1.0)
    return found


def _nominal(values: FloatArray, total: FloatArray) -> FloatArray:
    return 1.0 - np.eye(len(values))


def _ordinal(values: FloatArray, total: FloatArray) -> FloatArray:
    """Squares of how many answers lie between two values, half of their own with them."""
    middle = np.cumsum(total) - total / 2.0
    return np.asarray(np.subtract.outer(middle, middle) ** 2)


def _interval(values: FloatArray, total: FloatArray) -> FloatArray:
    return np.asarray(np.subtract.outer(values, values) ** 2)


def _ratio(values: FloatArray, total: FloatArray) -> FloatArray:
    sums = np.add.outer(values, values)
    shares = np.subtract.outer(values, values) / np.where(sums == 0, 1.0, sums)
    return np.asarray(shares**2)


# Squared difference of two values, by level: (values (v,), how often each (v,)) -> (v, v).
LEVELS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "nominal": _nominal,
    "ordinal": _ordinal,
    "interval": _interval,
    "ratio": _ratio,
}
