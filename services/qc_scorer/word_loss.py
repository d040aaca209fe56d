"""Texts compared word by word, without case and punctuation: a text is wrong where its word
error rate against the truth is above a tolerance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.qc_scorer.merging import bare, rover, words

NAME = "word"
# Transcripts whose alignment would need more cells than this are merged by majority.
MOST_CELLS = 250_000


def with_tolerance(loss: str, tolerance: float) -> str:
    """The name of a loss, its tolerance with it: `word:0.05`."""
    return f"{loss}:{tolerance:g}" if tolerance else loss


def counts(loss: str) -> bool:
    """Is it the loss of this module, with or without a tolerance?"""
    return loss.partition(":")[0] == NAME


def differs(truth: str, text: str, loss: str) -> bool:
    """Are more words wrong, missing or too many than the loss tolerates of the truth's words?"""
    true, said = heard(truth), heard(text)
    tolerance = float(loss.partition(":")[2] or 0.0)
    return not _within(said, true, math.floor(tolerance * len(true) + 1e-9))


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


def merge(texts: Sequence[str]) -> str | None:
    """One text of several, word by word; as somebody wrote it, where somebody did. None where
    that takes too long."""
    sizes = sorted(len(words(text)) for text in texts)
    if sizes[-1] * sum(sizes[:-1]) > MOST_CELLS:
        return None
    merged = rover(texts)
    wanted = heard(merged)
    return next((text for text in texts if heard(text) == wanted), merged)
