"""Classes and objects of the points of a cloud, compared run by run.

Two labels are as alike as the mean IoU of their classes says, or, where one of them tells objects
apart, their panoptic quality (Kirillov et al. 2019, for points as in Behley et al. 2021): what one
class and object number mark is a segment, and two segments of a class are one above an IoU of 0.5,
whichever numbers they have. Both are the same either way round. A point that has no class is a
statement, too: of two who label a cloud, the one who left half of it out is not right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from libs.sensor import run_lengths
from services.qc_scorer.losses.image.panoptic import MATCH, Quality, Sums, mean
from services.qc_scorer.losses.matching import best
from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Aligned(NamedTuple):
    """n labels in k pieces in which none of them changes. classes (n, k): places in `names`, 0 is
    none; objects (n, k); lengths (k,) points. told: does any label tell objects apart?"""

    names: list[str]
    classes: IntArray
    objects: IntArray
    lengths: IntArray
    told: bool


def aligned(values: Sequence[Doc]) -> Aligned:
    """Of labels of one cloud; points that one does not have are unlabelled in it."""
    given = [value.get("points", {}) for value in values]
    names = list(dict.fromkeys(["", *(name for one in given for name in one.get("classes", []))]))
    place = {name: i for i, name in enumerate(names)}
    count = max(one.get("count", 0) for one in given)
    rows = [one.get(field, []) for field in ("class_runs", "object_runs") for one in given]
    numbers, lengths = run_lengths.aligned(rows, count)
    classes, objects = numbers[: len(given)], numbers[len(given) :]
    for row, one in zip(classes, given, strict=True):
        row[:] = np.array([0, *(place[name] for name in one.get("classes", []))])[row]
    return Aligned(names, classes, objects, lengths, any(one.get("object_runs") for one in given))


def confusion(found: Aligned) -> IntArray:
    """(c, c) points by class of the first and of the second of two labels; 0 is unlabelled."""
    size = len(found.names)
    code = found.classes[0] * size + found.classes[1]
    counts = np.bincount(code, weights=found.lengths, minlength=size * size)
    return counts.astype(np.int64).reshape(size, size)


def ious(table: IntArray) -> FloatArray:
    """(c,) IoU of the classes of a confusion; not a number where no point has one."""
    inside = np.diagonal(table).astype(float)
    union = table.sum(axis=0) + table.sum(axis=1) - inside
    return np.divide(inside, union, out=np.full(len(table), np.nan), where=union > 0)


def miou(table: IntArray) -> float:
    """Mean IoU of the classes that any point has, the unlabelled left out; 1 where there is none"""
    found = ious(table)[1:]
    there = found[~np.isnan(found)]
    return float(there.mean()) if len(there) else 1.0


class Segments(NamedTuple):
    """Segments of two labels: (k, 2) pairs that share points, (k,) how many they share, (n,) and
    (m,) points and classes of each side's; `sides` are the segments of the pieces."""

    pairs: IntArray
    shared: FloatArray
    points: tuple[FloatArray, FloatArray]
    classes: tuple[IntArray, IntArray]
    sides: tuple[IntArray, IntArray]


def segments(found: Aligned) -> Segments:
    """Of two labels; points without a class are no segment, and have the number of `classes`."""
    wide = int(found.objects.max(initial=0)) + 1
    sides, points, classes = [], [], []
    for names, objects in zip(found.classes, found.objects, strict=True):
        there = names > 0
        keys, numbers = np.unique(np.where(there, names * wide + objects, -1), return_inverse=True)
        none = int(len(keys) > 0 and keys[0] < 0)
        numbers = np.where(there, numbers - none, len(keys) - none)
        sides.append(numbers)
        classes.append(keys[none:] // wide)
        sizes = np.bincount(numbers, weights=found.lengths, minlength=len(keys) - none + 1)
        points.append(sizes.astype(np.float64))
    both = (sides[0] < len(classes[0])) & (sides[1] < len(classes[1]))
    code = sides[0][both] * max(1, len(classes[1])) + sides[1][both]
    codes, inverse = np.unique(code, return_inverse=True)
    shared = np.bincount(inverse, weights=found.lengths[both], minlength=len(codes))
    pairs = np.stack(np.divmod(codes, max(1, len(classes[1]))), axis=1)
    same = classes[0][pairs[:, 0]] == classes[1][pairs[:, 1]]
    mine, theirs = (side[: len(c)] for side, c in zip(points, classes, strict=True))
    return Segments(
        pairs[same], shared[same], (mine, theirs), (classes[0], classes[1]), (sides[0], sides[1])
    )


def sums(found: Aligned) -> dict[str, Sums]:
    """Of two labels, by class, as `panoptic.mean` takes them."""
    cut = segments(found)
    union = cut.points[0][cut.pairs[:, 0]] + cut.points[1][cut.pairs[:, 1]] - cut.shared
    iou = cut.shared / union
    total: dict[str, Sums] = defaultdict(Sums)
    for (i, _), alike in zip(
        cut.pairs[iou > MATCH].tolist(), iou[iou > MATCH].tolist(), strict=True
    ):
        one = total[found.names[cut.classes[0][i]]]
        one.iou, one.matched = one.iou + alike, one.matched + 1
    for side, classes in enumerate(cut.classes):
        numbers, counts = np.unique(classes, return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            one = total[found.names[number]]
            if side == 0:
                one.missed += count - one.matched
            else:
                one.extra += count - one.matched
    return total


def measure(pairs: Iterable[tuple[Doc, Doc]]) -> tuple[dict[str, float], float]:
    """(IoU by class, their mean) of (truth, label) of many clouds, all points counted together.
    Points that the truth leaves unlabelled do not count (Behley et al. 2019)."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for pair in pairs:
        found = aligned(pair)
        table = confusion(found)
        for i, j in np.argwhere(table).tolist():
            counts[found.names[i], found.names[j]] += int(table[i, j])
    names = list(dict.fromkeys(["", *(name for pair in counts for name in pair)]))
    total = np.zeros((len(names), len(names)), dtype=np.int64)
    for (true, said), count in counts.items():
        total[names.index(true), names.index(said)] = count * (true != "")
    found_ious = dict(zip(names[1:], ious(total)[1:].tolist(), strict=True))
    return {name: iou for name, iou in found_ious.items() if iou == iou}, miou(total)


def panoptic(pairs: Iterable[tuple[Doc, Doc]]) -> Quality:
    """Mean PQ, SQ and RQ of (truth, label) of many clouds."""
    total: dict[str, Sums] = defaultdict(Sums)
    for pair in pairs:
        for name, one in sums(aligned(pair)).items():
            into = total[name]
            into.iou, into.matched = into.iou + one.iou, into.matched + one.matched
            into.extra, into.missed = into.extra + one.extra, into.missed + one.missed
    return mean(total)


def _far(found: Aligned) -> float:
    return 1.0 - (mean(sums(found)).pq if found.told else miou(confusion(found)))


def _distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    """1 - mIoU; with objects, 1 - PQ."""
    return _far(aligned((a, b)))


def _errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    """Points of another class, or of another object: objects are matched one to one by the points
    they share."""
    found = aligned((truth, label))
    right = found.classes[0] == found.classes[1]
    if found.told:
        right &= _same_object(segments(found))
    units = truth.get("points", {}).get("count", 0)
    return Errors(float(found.lengths[~right].sum()), float(units))


def _same_object(cut: Segments) -> NDArray[np.bool_]:
    """(k,) Are both labels' segments of a piece one, or none?"""
    size = len(cut.classes[0]), len(cut.classes[1])
    partner = np.full(size[0] + 1, -1, dtype=np.int64)
    partner[-1] = size[1]
    chosen = best(cut.pairs, cut.shared, size)
    partner[chosen[:, 0]] = chosen[:, 1]
    return np.asarray(partner[cut.sides[0]] == cut.sides[1])


def _differs(truth: Doc, label: Doc, tolerance: float | None = None) -> bool:
    return _distance(truth, label) > (tolerance or 0.0) + EPSILON


POINTS = Loss(_distance, _errors, _differs)
