"""Who speaks when, and which speaker of one label is which of another: speakers have names of
their own in each label, classes do not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from services.qc_scorer.losses.protocol import Doc

FloatArray = NDArray[np.float64]
# (class, speaker)
Voice = tuple[str, str]
# Intervals (n, 2) of each voice in seconds, in order, none touching the next.
Turns = dict[Voice, FloatArray]
# With more pairs of speakers than this, those with equal names are one.
MOST_PAIRS = 10_000


def segments(value: Doc) -> list[Doc]:
    return list(value.get("segments", {}).get("segments", []))


def voice(segment: Doc) -> Voice:
    return segment.get("class", ""), segment.get("speaker", "")


def turns(value: Doc) -> Turns:
    """What overlaps within a voice is one turn."""
    found: dict[Voice, list[tuple[float, float]]] = defaultdict(list)
    for segment in segments(value):
        found[voice(segment)].append((segment.get("start", 0.0), segment.get("end", 0.0)))
    return {name: joined(np.array(times, dtype=float)) for name, times in found.items()}


def joined(times: FloatArray) -> FloatArray:
    """The union of intervals (n, 2)."""
    times = times[times[:, 1] > times[:, 0]]
    times = times[np.argsort(times[:, 0], kind="stable")]
    reach = np.maximum.accumulate(times[:, 1])
    new = np.ones(len(times), dtype=bool)
    new[1:] = times[1:, 0] > reach[:-1]
    last = np.append(new[1:], True)[: len(times)]
    return np.stack([times[new, 0], reach[last]], axis=1)


def shared(a: FloatArray, b: FloatArray) -> float:
    """Seconds that are in both unions of intervals."""
    if not len(a) or not len(b):
        return 0.0
    length = np.cumsum(b[:, 1] - b[:, 0])
    heights = np.stack([np.append(0.0, length[:-1]), length], axis=1)
    before = np.interp(a.ravel(), b.ravel(), heights.ravel()).reshape(a.shape)
    return float((before[:, 1] - before[:, 0]).sum())


def partners(a: Turns, b: Turns) -> dict[str, str]:
    """Speaker of `a` -> speaker of `b`, one to one, most time in common in sum."""
    left, right = (sorted({speaker for _, speaker in side}) for side in (a, b))
    if len(left) * len(right) > MOST_PAIRS:
        return {name: name for name in left if name in set(right)}
    table = np.zeros((len(left), len(right)))
    classes = {name for name, _ in a}
    for i, mine in enumerate(left):
        for j, other in enumerate(right):
            table[i, j] = sum(
                shared(a[c, mine], b[c, other])
                for c in classes
                if (c, mine) in a and (c, other) in b
            )
    rows, columns = linear_sum_assignment(table, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {left[i]: right[j] for i, j in pairs if table[i, j] > 0}


def agreed(a: Turns, b: Turns, names: Mapping[str, str]) -> float:
    """Seconds in which the same class is said by the same speaker; `names` as of `partners`."""
    pairs = ((times, b.get((c, names[s]))) for (c, s), times in a.items() if s in names)
    return sum(shared(mine, other) for mine, other in pairs if other is not None)
