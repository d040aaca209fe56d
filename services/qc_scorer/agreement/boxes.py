"""Axis-aligned boxes: a missed, extra, misplaced (IoU too low) or wrongly named one is an error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from services.qc_scorer.agreement.contract import EPSILON, Doc, Errors, Loss

FloatArray = NDArray[np.float64]
# 1 - IoU of two boxes that are still one.
TOLERANCE = 0.5


def boxes(value: Doc) -> list[Doc]:
    return list(value.get("boxes", {}).get("boxes", []))


def _errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    true, said = boxes(truth), boxes(label)
    found = len(matches(true, said, TOLERANCE if tolerance is None else tolerance))
    return Errors(float(max(len(true), len(said)) - found), float(len(true)))


def _distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    """Share of boxes without a partner: 1 - found / all that are told apart."""
    left, right = boxes(a), boxes(b)
    found = len(matches(left, right, TOLERANCE if tolerance is None else tolerance))
    return 1.0 - found / max(1, len(left) + len(right) - found) if left or right else 0.0


BOXES = Loss(_distance, _errors)


def matches(a: list[Doc], b: list[Doc], tolerance: float = TOLERANCE) -> list[tuple[int, int]]:
    """Pairs of boxes of the same class that overlap enough, one to one, best in sum."""
    if not a or not b:
        return []
    overlap = iou(corners(a), corners(b))
    same = np.array([[x.get("class") == y.get("class") for y in b] for x in a])
    gain = np.where(same & (overlap >= 1.0 - tolerance - EPSILON), overlap, 0.0)
    rows, columns = linear_sum_assignment(-gain)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0]


def corners(given: list[Doc]) -> FloatArray:
    """(n, 4): left, top, right, bottom in pixels."""
    got = [[b.get(k, 0.0) for k in ("x", "y", "width", "height")] for b in given]
    array = np.array(got, dtype=float).reshape(-1, 4)
    array[:, 2:] += array[:, :2]
    return array


def iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """(n, m) intersection over union of boxes given by corners (n, 4) and (m, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=2)
    area_a = (a[:, 2:] - a[:, :2]).prod(axis=1)
    area_b = (b[:, 2:] - b[:, :2]).prod(axis=1)
    union = area_a[:, None] + area_b[None, :] - inside
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)
