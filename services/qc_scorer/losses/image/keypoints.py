"""Similarity of key points: OKS as COCO defines it, and PCK (Yang and Ramanan 2013)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.qc_scorer.losses.protocol import EPSILON, Doc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
# Standard deviation of a point, as a share of the root of the object's area, where none is told.
SIGMA = 0.05
LABELLED = {"HIDDEN", "VISIBLE"}


class Table(NamedTuple):
    """(n, p, 2) places, (n, p) labelled, (n, 4) left, top, right, bottom of n objects."""

    places: FloatArray
    labelled: BoolArray
    bounds: FloatArray

    def of(self, at: IntArray) -> Table:
        return Table(self.places[at], self.labelled[at], self.bounds[at])


def table(given: Sequence[Doc]) -> Table:
    """Of n `Keypoints`; points that some lack are not labelled."""
    points = [one.get("points", []) for one in given]
    most = max(map(len, points), default=0)
    even = [[*row, *[{}] * (most - len(row))] for row in points]
    places = [v for row in even for p in row for v in (p.get("x", 0.0), p.get("y", 0.0))]
    labelled = [p.get("visibility") in LABELLED for row in even for p in row]
    return Table(
        np.array(places, dtype=float).reshape(len(given), most, 2),
        np.array(labelled, dtype=bool).reshape(len(given), most),
        np.array([bounds(one) for one in given], dtype=float).reshape(-1, 4),
    )


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


def oks(truth: Table, label: Table, sigmas: Sequence[float] = ()) -> FloatArray:
    """(n,) object key point similarity of n pairs: the mean over the truth's labelled points of
    exp(-d^2 / (2 area (2 sigma)^2)), the area being that of the truth's rectangle. A point that
    only the truth has counts 0. Without any, all points of the label count, d from the rectangle
    made three times as wide and high; 1 where the label has none either."""
    true, said = _as_wide(truth, label), _as_wide(label, truth)
    width, box = true.places.shape[1], true.bounds
    area = (box[:, 2:] - box[:, :2]).prod(axis=1)
    spread = (2.0 * np.array([*sigmas[:width], *[SIGMA] * (width - len(sigmas))])) ** 2
    scale = 2.0 * np.maximum(area, EPSILON)[:, None] * spread[None, :]
    both = true.labelled & said.labelled
    shared = _mean(true.places - said.places, scale, both, true.labelled)
    any_ = true.labelled.any(axis=1)
    if any_.all():
        return shared
    around = _mean(_beyond(box, said.places), scale, said.labelled, said.labelled)
    return np.where(any_, shared, np.where(said.labelled.any(axis=1), around, 1.0))


def _as_wide(one: Table, other: Table) -> Table:
    """With at least as many points as the other."""
    lacking = other.places.shape[1] - one.places.shape[1]
    if lacking <= 0:
        return one
    places = np.pad(one.places, ((0, 0), (0, lacking), (0, 0)))
    return Table(places, np.pad(one.labelled, ((0, 0), (0, lacking))), one.bounds)


def _mean(apart: FloatArray, scale: FloatArray, use: BoolArray, units: BoolArray) -> FloatArray:
    """(n,) mean over `units` (n, p) of the similarity of what is `apart` (n, p, 2), of `use`."""
    alike = np.exp(-(apart**2).sum(axis=2) / scale)
    return np.asarray((alike * use).sum(axis=1) / np.maximum(units.sum(axis=1), 1))


def _beyond(box: FloatArray, places: FloatArray) -> FloatArray:
    """(n, p, 2) how far places are outside of the widened rectangle, in x and y."""
    side = box[:, 2:] - box[:, :2]
    low, high = (box[:, :2] - side)[:, None], (box[:, 2:] + side)[:, None]
    return np.clip(low - places, 0, None) + np.clip(places - high, 0, None)


def pck(truth: Table, label: Table, alpha: float = 0.2) -> float:
    """Share of the truth's labelled points that are within `alpha` of the longer side of the
    object's rectangle, over n pairs; 1 where there is none."""
    true, said = _as_wide(truth, label), _as_wide(label, truth)
    reach = alpha * (true.bounds[:, 2:] - true.bounds[:, :2]).max(axis=1, initial=0.0)
    far = np.linalg.norm(true.places - said.places, axis=2)
    right = true.labelled & said.labelled & (far <= reach[:, None] + EPSILON)
    return float(right.sum() / true.labelled.sum()) if true.labelled.any() else 1.0
