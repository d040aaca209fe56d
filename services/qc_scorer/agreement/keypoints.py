"""Similarity of key points: OKS as COCO defines it, and PCK (Yang and Ramanan 2013)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.qc_scorer.agreement.contract import EPSILON, Doc

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
# Standard deviation of a point, as a share of the root of the object's area, where none is told.
SIGMA = 0.05
LABELLED = {"HIDDEN", "VISIBLE"}


def table(given: Sequence[Doc]) -> tuple[FloatArray, BoolArray]:
    """((n, p, 2) places, (n, p) labelled) of n `Keypoints`; missing points are not labelled."""
    most = max((len(one.get("points", [])) for one in given), default=0)
    places, labelled = np.zeros((len(given), most, 2)), np.zeros((len(given), most), dtype=bool)
    for i, one in enumerate(given):
        for j, point in enumerate(one.get("points", [])):
            places[i, j] = point.get("x", 0.0), point.get("y", 0.0)
            labelled[i, j] = point.get("visibility") in LABELLED
    return places, labelled


def bounds(given: Doc) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the whole object; of its labelled points where it has no
    rectangle."""
    if rect := given.get("rect"):
        left, top = rect.get("x", 0.0), rect.get("y", 0.0)
        return left, top, left + rect.get("width", 0.0), top + rect.get("height", 0.0)
    points = [p for p in given.get("points", []) if p.get("visibility") in LABELLED]
    across, down = [p.get("x", 0.0) for p in points] or [0.0], [p.get("y", 0.0) for p in points]
    down = down or [0.0]
    return min(across), min(down), max(across), max(down)


def oks(truth: Sequence[Doc], label: Sequence[Doc], sigmas: Sequence[float] = ()) -> FloatArray:
    """(n,) object key point similarity of n pairs: the mean over the truth's labelled points of
    exp(-d^2 / (2 area (2 sigma)^2)), the area being that of the truth's rectangle. A point that
    only the truth has counts 0. Without any, all points of the label count, d from the rectangle
    made three times as wide and high; 1 where the label has none either."""
    places, labelled = table([*truth, *label])
    size, width = len(truth), places.shape[1]
    box = np.array([bounds(one) for one in truth]).reshape(-1, 4)
    area = (box[:, 2:] - box[:, :2]).prod(axis=1)
    spread = (2.0 * np.array([*sigmas[:width], *[SIGMA] * (width - len(sigmas))])) ** 2
    scale = 2.0 * np.maximum(area, EPSILON)[:, None] * spread[None, :]
    true, said = labelled[:size], labelled[size:]
    shared = _mean(places[:size] - places[size:], scale, true & said, true)
    around = _mean(_beyond(box, places[size:]), scale, said, said)
    alone = np.where(said.any(axis=1), around, 1.0)
    return np.where(true.any(axis=1), shared, alone)


def _mean(apart: FloatArray, scale: FloatArray, use: BoolArray, units: BoolArray) -> FloatArray:
    """(n,) mean over `units` (n, p) of the similarity of what is `apart` (n, p, 2), of `use`."""
    alike = np.exp(-(apart**2).sum(axis=2) / scale)
    return np.asarray((alike * use).sum(axis=1) / np.maximum(units.sum(axis=1), 1))


def _beyond(box: FloatArray, places: FloatArray) -> FloatArray:
    """(n, p, 2) how far places are outside of the widened rectangle, in x and y."""
    side = box[:, 2:] - box[:, :2]
    low, high = (box[:, :2] - side)[:, None], (box[:, 2:] + side)[:, None]
    return np.clip(low - places, 0, None) + np.clip(places - high, 0, None)


def pck(truth: Sequence[Doc], label: Sequence[Doc], alpha: float = 0.2) -> float:
    """Share of the truth's labelled points that are within `alpha` of the longer side of the
    object's rectangle, over n pairs; 1 where there is none."""
    places, labelled = table([*truth, *label])
    size = len(truth)
    box = np.array([bounds(one) for one in truth]).reshape(-1, 4)
    reach = alpha * (box[:, 2:] - box[:, :2]).max(axis=1, initial=0.0)
    far = np.linalg.norm(places[:size] - places[size:], axis=2)
    true, said = labelled[:size], labelled[size:]
    right = true & said & (far <= reach[:, None] + EPSILON)
    return float(right.sum() / true.sum()) if true.any() else 1.0
