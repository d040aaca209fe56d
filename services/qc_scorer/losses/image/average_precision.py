"""Average precision and recall of scored objects, as the COCO evaluation defines them
(cocodataset.org, "Detection evaluation"; Lin et al. 2014).

Objects of one class are matched image by image, the surest first, each with the object of the truth
that it overlaps most, at ten thresholds; precision is read at 101 recalls, and averaged over
thresholds and classes. Overlap is IoU of rectangles, areas or masks, or OKS of key points.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.qc_scorer.losses.image import areas, keypoints, masks
from services.qc_scorer.losses.image.geometry import AREA, MASK, Drawn, things
from services.qc_scorer.losses.image.objects import Rule, gains, share_inside
from services.qc_scorer.losses.protocol import Doc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
# Square pixels of the truth: all, small, medium, large.
SIZES = np.array([[0.0, 1e10], [0.0, 32.0**2], [32.0**2, 96.0**2], [96.0**2, 1e10]])
# Objects of one class and image that count, the surest.
MOST = (1, 10, 100)
NOTHING = -1.0


@dataclass(frozen=True)
class Measured:
    """The twelve numbers of the COCO evaluation, 0 to 1; -1 where the truth has nothing."""

    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar1: float
    ar10: float
    ar100: float
    ar_small: float
    ar_medium: float
    ar_large: float


@dataclass
class _Found:
    """Of one class over all images; S sizes, T thresholds, rank is the place within the image."""

    scores: list[FloatArray] = field(default_factory=list)
    ranks: list[IntArray] = field(default_factory=list)
    # (S, T, n) matched, and not to be counted.
    matched: list[BoolArray] = field(default_factory=list)
    ignored: list[BoolArray] = field(default_factory=list)
    units: IntArray = field(default_factory=lambda: np.zeros(len(SIZES), dtype=np.int64))


def measure(images: Iterable[tuple[Doc, Doc]], sigmas: Sequence[float] = ()) -> Measured:
    """From (truth, label) of each image, labels with scores. `sigmas` of key points."""
    classes: dict[str, _Found] = defaultdict(_Found)
    for truth, label in images:
        sides = [_by_class(things(side)) for side in (truth, label)]
        for name in {**sides[0], **sides[1]}:
            _add(classes[name], sides[0].get(name, []), sides[1].get(name, []), sigmas)
    curves = [_curves(found) for found in classes.values()]
    precision = np.array([c[0] for c in curves]).reshape(-1, len(SIZES), len(THRESHOLDS), 101)
    recall = np.array([c[1] for c in curves]).reshape(-1, len(SIZES), len(THRESHOLDS), len(MOST))
    aps = [precision[:, 0], precision[:, 0, 0], precision[:, 0, 5]]
    aps += [precision[:, size] for size in (1, 2, 3)]
    ars = [recall[:, 0, :, most] for most in range(len(MOST))]
    ars += [recall[:, size, :, -1] for size in (1, 2, 3)]
    return Measured(*[_mean(table) for table in (*aps, *ars)])


def _mean(table: FloatArray) -> float:
    told = table[table > NOTHING]
    return float(told.mean()) if told.size else NOTHING


def _by_class(objects: Sequence[Doc]) -> dict[str, list[Doc]]:
    found: dict[str, list[Doc]] = defaultdict(list)
    for thing in objects:
        found[thing.get("class", "")].append(thing)
    return found


def _add(found: _Found, truth: list[Doc], label: list[Doc], sigmas: Sequence[float]) -> None:
    """Matches one class of one image."""
    surest = sorted(label, key=lambda thing: -thing.get("score", 0.0))[: MOST[-1]]
    true, said = Drawn(truth), Drawn(surest)
    crowd = np.array([thing.get("crowd", False) for thing in truth], dtype=bool)
    skipped = crowd | _unlabelled(truth)
    size = _sizes(true)
    outside = (size < SIZES[:, :1]) | (size > SIZES[:, 1:])
    ignored = skipped[None, :] | outside
    matched, ignoring = _match(_overlaps(true, said, crowd, sigmas), ignored, crowd)
    said_size = _sizes(said)
    beyond = (said_size < SIZES[:, :1]) | (said_size > SIZES[:, 1:])
    found.scores.append(np.array([thing.get("score", 0.0) for thing in surest]))
    found.ranks.append(np.arange(len(surest)))
    found.matched.append(matched)
    found.ignored.append(ignoring | (~matched & beyond[:, None, :]))
    found.units += (~ignored).sum(axis=1)


def _unlabelled(truth: Sequence[Doc]) -> BoolArray:
    """Are there key points of which none is labelled?"""
    drawn = [thing.get("keypoints") for thing in truth]
    labelled = keypoints.table([one or {} for one in drawn]).labelled.any(axis=1)
    return np.array([one is not None for one in drawn], dtype=bool) & ~labelled


def _sizes(drawn: Drawn) -> FloatArray:
    """(n,) square pixels; of key points those of the rectangle."""
    span = drawn.bounds[:, 2:] - drawn.bounds[:, :2]
    found = span.prod(axis=1)
    other = np.flatnonzero(drawn.kinds == AREA)
    found[other] = areas.size(drawn.areas[other])
    for i, runs in drawn.runs.items():
        found[i] = masks.size(runs)
    return found


def _overlaps(true: Drawn, said: Drawn, crowd: BoolArray, sigmas: Sequence[float]) -> FloatArray:
    """(n of the label, m of the truth). With a crowd: the share that lies in it."""
    pairs = np.argwhere(np.ones((len(true), len(said)), dtype=bool))
    alike = gains(true, said, pairs, Rule(slack=1.0, sigmas=tuple(sigmas)))
    within = crowd[pairs[:, 0]] & (true.kinds[pairs[:, 0]] <= MASK)
    alike[within] = share_inside(said, true, pairs[within][:, ::-1])
    return alike.reshape(len(true), len(said)).T


def _match(
    overlap: FloatArray, ignored: BoolArray, crowd: BoolArray
) -> tuple[BoolArray, BoolArray]:
    """(S, T, n) matched, and matched with what does not count. Each takes the object that it
    overlaps most among those that count, else among the others; a crowd takes any number."""
    shape = (len(SIZES), len(THRESHOLDS), len(overlap))
    matched, ignoring = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    if not overlap.size:
        return matched, ignoring
    taken = np.zeros((*shape[:2], overlap.shape[1]), dtype=bool)
    least = np.minimum(THRESHOLDS, 1.0 - 1e-10)[None, :, None]
    rows, columns = np.indices(shape[:2])
    for d, row in enumerate(overlap):
        free = (~taken | crowd) & (row >= least)
        counted = free & ~ignored[:, None, :]
        use = np.where(counted.any(axis=2)[..., None], counted, free)
        best = np.where(use, row, -1.0)[..., ::-1].argmax(axis=2)
        chosen = overlap.shape[1] - 1 - best
        hit = use.any(axis=2)
        matched[..., d] = hit
        ignoring[..., d] = hit & ignored[rows, chosen]
        taken[rows[hit], columns[hit], chosen[hit]] = True
    return matched, ignoring


def _curves(found: _Found) -> tuple[FloatArray, FloatArray]:
    """((S, T, 101) precision at `RECALLS`, (S, T, 3) recall of the surest `MOST`)."""
    precision = np.full((len(SIZES), len(THRESHOLDS), 101), NOTHING)
    recall = np.full((len(SIZES), len(THRESHOLDS), len(MOST)), NOTHING)
    scores, ranks = np.concatenate(found.scores), np.concatenate(found.ranks)
    order = np.argsort(-scores, kind="stable")
    matched = np.concatenate(found.matched, axis=2)[..., order]
    counts = ~np.concatenate(found.ignored, axis=2)[..., order]
    for number, most in enumerate(MOST):
        within = counts & (ranks[order] < most)
        right = np.cumsum(matched & within, axis=2)
        for s in np.flatnonzero(found.units):
            reached = right[s] / found.units[s]
            recall[s, :, number] = reached[:, -1] if len(scores) else 0.0
            if most == MOST[-1]:
                wrong = np.cumsum(~matched[s] & within[s], axis=1)
                share = right[s] / np.maximum(right[s] + wrong, np.spacing(1.0))
                precision[s] = [_read(*row) for row in zip(reached, share, strict=True)]
    return precision, recall


def _read(recall: FloatArray, precision: FloatArray) -> FloatArray:
    """(101,) the best precision at each recall or a higher one; 0 where it is not reached."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    return np.where(at < len(best), np.append(best, 0.0)[np.minimum(at, len(best))], 0.0)
