"""Texts, as a whole (`text`) or word by word without case and punctuation (`word`): wrong where
the word error rate against the truth is above a tolerance."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from services.qc_scorer.agreement.contract import EPSILON, Doc, Errors, Loss
from services.qc_scorer.merging import bare, word_errors, words


def text(value: Doc) -> str:
    return str(value.get("text", {}).get("text", ""))


def _text_errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    return Errors(float(text(truth).split() != text(label).split()), 1.0)


def _text_distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    return _text_errors(a, b).count


TEXT = Loss(_text_distance, _text_errors)


def _word_differs(truth: Doc, label: Doc, tolerance: float | None = None) -> bool:
    """Are more words wrong, missing or too many than the loss tolerates of the truth's words?"""
    true, said = heard(text(truth)), heard(text(label))
    return not _within(said, true, math.floor((tolerance or 0.0) * len(true) + EPSILON))


def _word_errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    count, units = word_errors(text(label), text(truth))
    return Errors(float(count), float(units))


def _word_distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    longest = max(len(heard(text(a))), len(heard(text(b))))
    return _word_errors(a, b).count / max(1, longest)


WORD = Loss(_word_distance, _word_errors, _word_differs)


def heard(text: str) -> list[str]:
    """The words of a text as they are compared."""
    return [bare(word) for word in words(text)]


def _within(said: list[str], true: list[str], most: int) -> bool:
    """Is the edit distance at most `most`? Only cells that may be are filled (Ukkonen 1985)."""
    if not most or abs(len(said) - len(true)) > most:
        return said == true
    numbers = {word: i for i, word in enumerate({*said, *true})}
    known = np.array([numbers[word] for word in true], dtype=np.int64)
    row = np.arange(len(true) + 1)
    for i, word in enumerate(said, 1):
        low, high = max(1, i - most), min(len(true), i + most)
        row[low : high + 1] = _next(row, known, numbers[word], low, high, most)
        row[low - 1] = i if low == 1 else most + 1
        if row[low - 1 : high + 1].min() > most:
            return False
    return bool(row[-1] <= most)


def _next(
    row: NDArray[np.int64], known: NDArray[np.int64], word: int, low: int, high: int, most: int
) -> NDArray[np.int64]:
    """Columns low to high of the next row of Wagner and Fischer's table."""
    best = np.minimum(
        row[low - 1 : high] + (known[low - 1 : high] != word), row[low : high + 1] + 1
    )
    steps = np.arange(len(best))
    return np.minimum(np.minimum.accumulate(best - steps) + steps, most + 1)
