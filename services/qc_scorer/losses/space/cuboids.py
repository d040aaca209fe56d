"""3D boxes of one cloud or scene.

Two are one where class and place agree: 1 - IoU of their volumes (`cuboids`) or of their footprints
(`bev`) at most the tolerance, or their centres at most so many metres apart on the ground
(`centre`, as nuScenes matches). A box missed, extra, misplaced, of another class or with another
attribute is an error; one misplaced is one error, not two. By volumes, a box that points backwards
(by more than a quarter turn) is an error, too: overlap does not see it. Boxes in different frames
have nothing in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from libs.sensor import boxes, rotations
from services.qc_scorer.losses.matching import best, candidates, surest
from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# 1 - IoU, and metres between centres, that are no error unless the template says otherwise.
SLACK, REACH = 0.5, 2.0
# Of pairs that fit equally well, those that also say the same are one.
_PREFERRED = 1e-6


@dataclass(frozen=True)
class Rule:
    """How boxes are compared: by `overlap` of pairs of rows (k, 7), or, without one, by centres."""

    overlap: Callable[[FloatArray, FloatArray], FloatArray] | None = None
    slack: float = SLACK
    reach: float = REACH
    directed: bool = False


@dataclass(frozen=True)
class Compared:
    """Pairs (m, 2) that are one box, how many of each side have no partner, pairs that are not
    equal in all else."""

    pairs: IntArray
    missing: int
    extra: int
    changed: int

    @property
    def wrong(self) -> int:
        return max(self.missing, self.extra) + self.changed


def cuboids_of(value: Doc) -> list[Doc]:
    return list(value.get("cuboids", {}).get("cuboids", []))


def frame_of(value: Doc) -> str:
    return str(value.get("cuboids", {}).get("frame", ""))


def compare(truth: Sequence[Doc], label: Sequence[Doc], rule: Rule) -> Compared:
    """Two lists of `Cuboid`."""
    a, b = boxes.array(truth), boxes.array(label)
    pairs = matched(truth, label, a, b, rule)
    changed = sum(
        truth[i].get("attributes", {}) != label[j].get("attributes", {}) for i, j in pairs.tolist()
    )
    if rule.directed and len(pairs):
        turns = rotations.difference(a[pairs[:, 0], 6], b[pairs[:, 1], 6])
        changed = min(len(pairs), changed + int((np.abs(turns) > np.pi / 2).sum()))
    return Compared(pairs, len(truth) - len(pairs), len(label) - len(pairs), changed)


def matched(
    truth: Sequence[Doc], label: Sequence[Doc], a: FloatArray, b: FloatArray, rule: Rule
) -> IntArray:
    """(m, 2) boxes that are one, of documents and their rows (n, 7)."""
    if not len(a) or not len(b):
        return np.empty((0, 2), dtype=np.int64)
    names = [[one.get("class", "") for one in side] for side in (truth, label)]
    found = [
        surest(block, gains(a, b, block, rule))
        for block in candidates(_bounds(a, rule), _bounds(b, rule), names)
    ]
    pairs = np.concatenate([some for some, _ in found])
    alike = np.concatenate([some for _, some in found])
    said = [[one.get("attributes", {}) for one in side] for side in (truth, label)]
    same = [said[0][i] == said[1][j] for i, j in pairs.tolist()]
    return best(pairs, alike + _PREFERRED * np.array(same), (len(a), len(b)))


def gains(a: FloatArray, b: FloatArray, pairs: IntArray, rule: Rule) -> FloatArray:
    """(k,) how alike pairs (k, 2) are, above 0 to 1; 0 where they are not one box."""
    mine, theirs = a[pairs[:, 0]], b[pairs[:, 1]]
    if rule.overlap is None:
        apart = np.hypot(*(mine[:, :2] - theirs[:, :2]).T)
        near = apart <= rule.reach + EPSILON
        return np.where(near, 1.0 / (1.0 + apart / max(rule.reach, EPSILON)), 0.0)
    alike = rule.overlap(mine, theirs)
    return np.where(alike >= 1.0 - rule.slack - EPSILON, alike, 0.0)


def _bounds(rows: FloatArray, rule: Rule) -> FloatArray:
    """(n, 4) around each box on the ground, or around its centre as far as may still match."""
    if rule.overlap is None:
        half = np.full(len(rows), rule.reach / 2 + EPSILON)
    else:
        half = np.hypot(rows[:, 3], rows[:, 4]) / 2
    return np.concatenate([rows[:, :2] - half[:, None], rows[:, :2] + half[:, None]], axis=1)


def _loss(rule: Rule) -> Loss:
    def compared(truth: Doc, label: Doc, tolerance: float | None) -> tuple[Compared, int, int]:
        used = rule
        if tolerance is not None:
            used = replace(rule, slack=tolerance, reach=tolerance)
        mine, theirs = cuboids_of(truth), cuboids_of(label)
        if frame_of(truth) != frame_of(label):
            nothing = Compared(np.empty((0, 2), np.int64), len(mine), len(theirs), 0)
            return nothing, len(mine), len(theirs)
        return compare(mine, theirs, used), len(mine), len(theirs)

    def errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
        found, units, _ = compared(truth, label, tolerance)
        return Errors(float(found.wrong), float(units))

    def distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
        """Share of all boxes, told apart, that only one has or that are not equal."""
        found, first, second = compared(a, b, tolerance)
        wrong = found.missing + found.extra + found.changed
        return wrong / max(1, first + second - len(found.pairs))

    return Loss(distance, errors)


CUBOIDS = _loss(Rule(boxes.paired_iou_3d, directed=True))
BEV = _loss(Rule(boxes.paired_bev_iou))
CENTRE = _loss(Rule())
