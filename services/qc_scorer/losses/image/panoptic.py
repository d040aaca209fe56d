"""Panoptic quality (Kirillov et al. 2019): every pixel belongs to at most one segment.

PQ of a class is the sum of the IoU of its matched segments over their number and half of those
missed and extra; SQ is their mean IoU, RQ the rest. Segments match above an IoU of 0.5. Pixels that
the truth leaves empty and those of its crowds say nothing of a label's segments.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.qc_scorer.losses.image import masks
from services.qc_scorer.losses.image.geometry import Drawn, things
from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Above it a segment has at most one partner; so no tolerance is looser than this.
MATCH = 0.5
# Pixels of a side, as of a mask's.
LARGEST = 65_536
# Stretches of pixels that are painted at once.
MOST_PIECES = 1_000_000
# Masks that are each compared with each.
MOST_MASKS = 500


@dataclass
class Sums:
    """Of one class: sum of the IoU of matched segments, how many matched, were extra, missed."""

    iou: float = 0.0
    matched: int = 0
    extra: int = 0
    missed: int = 0


@dataclass(frozen=True)
class Quality:
    """PQ, SQ and RQ, 0 to 1."""

    pq: float
    sq: float
    rq: float


def quality(sums: Sums) -> Quality:
    half = sums.matched + (sums.extra + sums.missed) / 2.0
    found = sums.iou / sums.matched if sums.matched else 0.0
    return Quality(sums.iou / half, found, sums.matched / half)


def mean(by_class: Mapping[str, Sums]) -> Quality:
    """Mean over the classes that any segment has; all 1 where there is none."""
    all_ = [quality(s) for s in by_class.values() if s.matched + s.extra + s.missed]
    if not all_:
        return Quality(1.0, 1.0, 1.0)
    return Quality(*(sum(getattr(q, k) for q in all_) / len(all_) for k in ("pq", "sq", "rq")))


def measure(pairs: Iterable[tuple[Doc, Doc]], threshold: float = MATCH) -> dict[str, Sums]:
    """Sums by class over (truth, label) of many images."""
    total: dict[str, Sums] = defaultdict(Sums)
    for truth, label in pairs:
        for name, sums in _image(things(truth), things(label), threshold).items():
            total[name].iou += sums.iou
            total[name].matched += sums.matched
            total[name].extra += sums.extra
            total[name].missed += sums.missed
    return dict(total)


def _image(truth: Sequence[Doc], label: Sequence[Doc], threshold: float) -> dict[str, Sums]:
    shared = _shared(truth, label)
    sums: dict[str, Sums] = defaultdict(Sums)
    found = _matches(truth, label, shared, threshold)
    for i, _, iou in found:
        name = truth[i].get("class", "")
        sums[name].iou += iou
        sums[name].matched += 1
    for name, _ in _missed(truth, found):
        sums[name].missed += 1
    for j in _extra(truth, label, shared, found):
        sums[label[j].get("class", "")].extra += 1
    return sums


def _missed(truth: Sequence[Doc], found: Sequence[tuple[int, int, float]]) -> list[tuple[str, int]]:
    got = {i for i, _, _ in found}
    alone = [i for i, o in enumerate(truth) if i not in got and not o.get("crowd")]
    return [(truth[i].get("class", ""), i) for i in alone]


def _extra(
    truth: Sequence[Doc],
    label: Sequence[Doc],
    shared: FloatArray,
    found: Sequence[tuple[int, int, float]],
) -> list[int]:
    """Unmatched segments of the label, more than half of which the truth says something about."""
    got, crowds = {j for _, j, _ in found}, [i for i, o in enumerate(truth) if o.get("crowd")]
    extra = []
    for j, thing in enumerate(label):
        if j in got or thing.get("crowd"):
            continue
        same = [i for i in crowds if truth[i].get("class") == thing.get("class")]
        unsaid = shared[-1, j] + shared[same, j].sum()
        if unsaid <= MATCH * shared[:, j].sum():
            extra.append(j)
    return extra


def _matches(
    truth: Sequence[Doc], label: Sequence[Doc], shared: FloatArray, threshold: float
) -> list[tuple[int, int, float]]:
    """(segment of the truth, of the label, IoU)."""
    found = []
    mine, theirs = shared.sum(axis=1), shared.sum(axis=0)
    for i, j in np.argwhere(shared[:-1, :-1] > 0).tolist():
        same = truth[i].get("class") == label[j].get("class")
        if not same or truth[i].get("crowd") or label[j].get("crowd"):
            continue
        union = mine[i] + theirs[j] - shared[i, j] - shared[-1, j]
        if shared[i, j] / union > threshold:
            found.append((i, j, float(shared[i, j] / union)))
    return found


def _shared(truth: Sequence[Doc], label: Sequence[Doc]) -> FloatArray:
    """(n + 1, m + 1) pixels that segments share; the last row and column are the empty rest.
    Where two of one label overlap, the later lies on top."""
    drawn = Drawn.beside(truth, label)
    height, width = _picture(drawn)
    found = _apart(drawn, height, width)
    if found is not None:
        return found
    sides = [[one.painted(i, height, width) for i in range(len(one))] for one in drawn]
    edges = [np.array([0, height * width]), *(run.reshape(-1) for side in sides for run in side)]
    places = np.unique(np.concatenate(edges))
    owners = [_owners(side, places) for side in sides]
    wide = len(label) + 1
    code = owners[0][:-1] * wide + owners[1][:-1]
    counts = np.bincount(code, weights=np.diff(places), minlength=(len(truth) + 1) * wide)
    return np.asarray(counts.reshape(len(truth) + 1, wide), dtype=np.float64)


def _apart(drawn: Sequence[Drawn], height: int, width: int) -> FloatArray | None:
    """As `_shared`, of masks of one size that lie beside each other in each label; else None."""
    given = [one for side in drawn for one in side.encoded]
    count, most = len(drawn[0]), MOST_MASKS
    like = all(one["size"] == [height, width] for one in given)
    if not like or not len(given) == count + len(drawn[1]) <= most:
        return None
    table = masks.shared(given)
    sizes, inside = table.diagonal(), table[:count, count:]
    if table[:count, :count].sum() + table[count:, count:].sum() > sizes.sum():
        return None
    made = np.empty((count + 1, len(given) - count + 1))
    made[:-1, :-1] = inside
    made[:-1, -1] = sizes[:count] - inside.sum(axis=1)
    made[-1, :-1] = sizes[count:] - inside.sum(axis=0)
    made[-1, -1] = height * width - sizes[:count].sum() - made[-1, :-1].sum()
    return made


def _picture(drawn: Sequence[Drawn]) -> tuple[int, int]:
    """Height and width, as a mask has them; without any, as far as areas go."""
    for one in drawn:
        for thing in one.objects:
            if "mask" in thing:
                return thing["mask"]["height"], thing["mask"]["width"]
    ends = [one.bounds[:, 2:].max(axis=0) for one in drawn if len(one)]
    width, height = np.ceil(np.nan_to_num(np.max(ends, axis=0, initial=0.0))) if ends else (0, 0)
    return int(np.clip(height, 0, LARGEST)), int(np.clip(width, 0, LARGEST))


def _owners(side: Sequence[IntArray], places: IntArray) -> IntArray:
    """(k,) which segment the pixels from each place to the next belong to; their number: none."""
    owner = np.full(len(places), len(side), dtype=np.int64)
    if not side:
        return owner
    first, last = np.searchsorted(places, np.concatenate(side)).T
    numbers = np.repeat(np.arange(len(side)), [len(runs) for runs in side])
    counts = last - first
    before = np.cumsum(counts) - counts
    # Blocks of runs; within one, and from one to the next, the later lies on top.
    cuts = np.flatnonzero(np.diff(before // MOST_PIECES)) + 1
    for some in np.split(np.arange(len(counts)), cuts):
        within = np.arange(counts[some].sum()) - np.repeat(
            before[some] - before[some[:1]], counts[some]
        )
        owner[np.repeat(first[some], counts[some]) + within] = np.repeat(
            numbers[some], counts[some]
        )
    return owner


def _threshold(tolerance: float | None) -> float:
    return MATCH if tolerance is None else max(MATCH, 1.0 - tolerance - EPSILON)


def _errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    """Segments missed or extra, a misplaced one once, or with another attribute."""
    true, said = things(truth), things(label)
    shared = _shared(true, said)
    found = _matches(true, said, shared, _threshold(tolerance))
    missed, extra = _missed(true, found), _extra(true, said, shared, found)
    both = [(true[i], said[j]) for i, j, _ in found]
    changed = sum(x.get("attributes", {}) != y.get("attributes", {}) for x, y in both)
    wrong = max(len(missed), len(extra)) + changed
    return Errors(float(wrong), float(sum(not o.get("crowd") for o in true)))


def _distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    """1 - PQ, the mean of both ways round."""
    ways = [mean(measure([pair], _threshold(tolerance))).pq for pair in ((a, b), (b, a))]
    return 1.0 - sum(ways) / 2.0


PANOPTIC = Loss(_distance, _errors)
