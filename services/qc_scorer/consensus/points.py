"""Classes and objects of the points of a cloud by weighted vote, run by run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from libs.sensor import run_lengths
from services.qc_scorer.losses.matching import best
from services.qc_scorer.losses.protocol import Doc
from services.qc_scorer.losses.space.points import Aligned, aligned, segments

IntArray = NDArray[np.int64]


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    """Each point has the class with most weight, and the object with most weight among those who
    gave it that class; of equals, the heaviest opinion's. Objects of two opinions are one where
    they are matched by the points they share, class by class."""
    order = sorted(range(len(values)), key=lambda i: -weights[i])
    found = aligned([values[i] for i in order])
    heavy = np.array([weights[i] for i in order], dtype=float)
    classes = _voted(found.classes, heavy, np.ones(found.classes.shape, dtype=bool))
    used = np.unique(classes[classes > 0])
    number = np.zeros(len(found.names), dtype=np.int64)
    number[used] = np.arange(1, len(used) + 1)
    made: Doc = {
        "count": int(found.lengths.sum()),
        "classes": [found.names[i] for i in used.tolist()],
        "class_runs": run_lengths.encoded(number[classes], found.lengths),
    }
    if found.told:
        objects = _voted(_same(found), heavy, found.classes == classes)
        objects = np.where(classes > 0, objects, 0)
        made["object_runs"] = run_lengths.encoded(_numbered(objects), found.lengths)
    return {"points": {k: v for k, v in made.items() if v}}


def _voted(said: IntArray, weights: NDArray[np.float64], counts: NDArray[np.bool_]) -> IntArray:
    """(k,) what has most weight in each column of (n, k), of the votes that count."""
    won, most = np.zeros(said.shape[1], dtype=np.int64), np.zeros(said.shape[1])
    for row, counted in zip(said, counts, strict=True):
        weight = weights @ ((said == row) & counts)
        better = counted & (weight > most)
        won[better], most[better] = row[better], weight[better]
    return won


def _same(found: Aligned) -> IntArray:
    """(n, k) objects, with one number for what several mean as one: those of each opinion are
    matched with all that the heavier ones have drawn, where the heaviest of them has it."""
    made = np.zeros_like(found.objects)
    made[0] = found.objects[0]
    classes, known = found.classes[0].copy(), found.objects[0].copy()
    for i in range(1, len(made)):
        pair = found._replace(
            classes=np.stack([classes, found.classes[i]]),
            objects=np.stack([known, found.objects[i]]),
        )
        made[i] = _renamed(pair)
        free = (known == 0) & (made[i] > 0)
        classes[free], known[free] = found.classes[i][free], made[i][free]
    return made


def _renamed(pair: Aligned) -> IntArray:
    """(k,) objects of the second, with the numbers of their partners in the first, or new ones."""
    cut, mine, theirs = segments(pair), pair.objects[0], pair.objects[1]
    sizes = len(cut.classes[0]), len(cut.classes[1])
    numbers = [np.zeros(size + 1, dtype=np.int64) for size in sizes]
    for number, side, objects in zip(numbers, cut.sides, (mine, theirs), strict=True):
        number[side] = objects
        number[-1] = 0
    told = (numbers[0][cut.pairs[:, 0]] > 0) & (numbers[1][cut.pairs[:, 1]] > 0)
    chosen = best(cut.pairs[told], cut.shared[told], sizes)
    fresh = int(mine.max(initial=0)) + np.arange(1, sizes[1] + 2)
    renamed = np.where(numbers[1] > 0, fresh, 0)
    renamed[chosen[:, 1]] = numbers[0][chosen[:, 0]]
    return np.asarray(renamed[cut.sides[1]])


def _numbered(objects: IntArray) -> IntArray:
    """From 1, in the order of the points."""
    keys, first, inverse = np.unique(objects, return_index=True, return_inverse=True)
    told = keys > 0
    rank = np.zeros(len(keys), dtype=np.int64)
    rank[told] = np.argsort(np.argsort(first[told])) + 1
    return np.asarray(rank[inverse])
