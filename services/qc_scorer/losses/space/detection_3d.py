"""The field's numbers of 3D boxes with scores: average precision by centre distance, errors of what
was found, and the nuScenes detection score (Caesar et al. 2020, "nuScenes"; nuscenes.org/object-
detection). Velocity, direction and attributes are those of the label's own frame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from libs.sensor import boxes, rotations
from services.qc_scorer.losses.protocol import Doc
from services.qc_scorer.losses.space.cuboids import cuboids_of

FloatArray = np.ndarray
# Metres between centres from which two are one; errors are measured at the third.
DISTANCES = (0.5, 1.0, 2.0, 4.0)
_MEASURED = 2.0
_RECALLS = np.linspace(0, 1, 101)
# What is below counts for nothing.
_LEAST_RECALL = _LEAST_PRECISION = 0.1
# Weight of the average precision beside each of the five errors.
_WEIGHT = 5.0
ERRORS = ("translation", "scale", "orientation", "velocity", "attribute")


@dataclass(frozen=True)
class Measured:
    """`ap` by class (mean over `DISTANCES`); `errors` by name (metres, 1 - IoU, radians, metres a
    second, share of wrong ones), means over the classes that have them; `nds` 0 to 1."""

    ap: dict[str, float]
    errors: dict[str, float]
    mean_ap: float
    nds: float


def measure(
    scenes: Iterable[tuple[Doc, Doc]],
    undirected: Sequence[str] = (),
    still: Sequence[str] = (),
) -> Measured:
    """Of (truth, label) of many scenes, labels with scores. Classes that are `undirected` have
    no front (half a turn is none), those that are `still` neither velocity nor attributes."""
    by_class: dict[str, list[tuple[list[Doc], list[Doc]]]] = defaultdict(list)
    for truth, label in scenes:
        sides = [cuboids_of(truth), cuboids_of(label)]
        for name in sorted({one.get("class", "") for side in sides for one in side}):
            found = [[one for one in side if one.get("class", "") == name] for side in sides]
            by_class[name].append((found[0], found[1]))
    aps, errors = {}, defaultdict(list)
    for name, pairs in sorted(by_class.items()):
        if not any(truth for truth, _ in pairs):
            continue
        curves = [_curve(pairs, distance) for distance in DISTANCES]
        aps[name] = float(np.mean([_precision(curve) for curve in curves]))
        period = np.pi if name in undirected else 2 * np.pi
        told = _errors(pairs, curves[DISTANCES.index(_MEASURED)], period)
        skipped = {"velocity", "attribute"} if name in still else set()
        for error, value in told.items():
            errors[error].append(np.nan if error in skipped else value)
    means = {name: _mean(errors[name]) for name in ERRORS}
    mean_ap = float(np.mean([*aps.values()])) if aps else 0.0
    shares = sum(1 - min(1.0, value) for value in means.values())
    return Measured(aps, means, mean_ap, (_WEIGHT * mean_ap + shares) / (_WEIGHT + len(ERRORS)))


def _mean(values: Sequence[float]) -> float:
    told = [value for value in values if not np.isnan(value)]
    return float(np.mean(told)) if told else 1.0


@dataclass(frozen=True)
class _Curve:
    """Of predictions, the surest first: which were right, (k, 3) scene and places of the pairs in
    it, scores; `units` boxes of the truth."""

    right: FloatArray
    pairs: FloatArray
    scores: FloatArray
    units: int


def _curve(scenes: Sequence[tuple[list[Doc], list[Doc]]], reach: float) -> _Curve:
    """Each takes the nearest that is free, if it is near enough."""
    drawn = [
        (float(one.get("score", 0.0)), i, j)
        for i, (_, said) in enumerate(scenes)
        for j, one in enumerate(said)
    ]
    order = sorted(drawn, key=lambda row: -row[0])
    apart = [boxes.centre_distances(boxes.array(t), boxes.array(s)) for t, s in scenes]
    taken = [np.zeros(len(truth), dtype=bool) for truth, _ in scenes]
    right, pairs = [], []
    for _, i, j in order:
        free = np.where(taken[i], np.inf, apart[i][:, j]) if len(taken[i]) else np.array([np.inf])
        nearest = int(free.argmin())
        hit = bool(free[nearest] < reach)
        right.append(hit)
        if hit:
            taken[i][nearest] = True
            pairs.append((i, nearest, j))
    scores = np.array([score for score, _, _ in order])
    units = sum(len(truth) for truth, _ in scenes)
    places = np.array(pairs, dtype=int).reshape(-1, 3)
    return _Curve(np.array(right, dtype=bool), places, scores, units)


def _precision(curve: _Curve) -> float:
    if not curve.right.any():
        return 0.0
    hits = np.cumsum(curve.right)
    recall, precision = hits / curve.units, hits / np.arange(1, len(hits) + 1)
    read = np.interp(_RECALLS, recall, precision, right=0)
    kept = read[round(100 * _LEAST_RECALL) + 1 :] - _LEAST_PRECISION
    return float(np.maximum(kept, 0).mean()) / (1 - _LEAST_PRECISION)


def _errors(
    scenes: Sequence[tuple[list[Doc], list[Doc]]], curve: _Curve, period: float
) -> dict[str, float]:
    """Mean errors over recalls, each the mean over what was found up to there."""
    if not len(curve.pairs):
        return dict.fromkeys(ERRORS, 1.0)
    hits = np.cumsum(curve.right)
    confidence = np.interp(_RECALLS, hits / curve.units, curve.scores, right=0)
    first, last = round(100 * _LEAST_RECALL) + 1, int(np.flatnonzero(confidence).max(initial=0))
    if last < first:
        return dict.fromkeys(ERRORS, 1.0)
    matched = curve.scores[curve.right]
    made = {}
    for name, values in _of_pairs(scenes, curve.pairs, period).items():
        means = _running(values)
        read = np.interp(confidence[::-1], matched[::-1], means[::-1])[::-1]
        made[name] = float(read[first : last + 1].mean()) if not np.isnan(values).all() else np.nan
    return made


def _running(values: FloatArray) -> FloatArray:
    """(n,) mean of those told so far; 0 before the first."""
    told = ~np.isnan(values)
    counts = np.cumsum(told)
    sums = np.cumsum(np.where(told, values, 0.0))
    return np.divide(sums, counts, out=np.zeros(len(values)), where=counts > 0)


def _of_pairs(
    scenes: Sequence[tuple[list[Doc], list[Doc]]], pairs: FloatArray, period: float
) -> dict[str, FloatArray]:
    """(k,) of each error, of pairs in the order of their scores; NaN where the truth says none."""
    true = [scenes[i][0][t] for i, t, _ in pairs]
    said = [scenes[i][1][s] for i, _, s in pairs]
    a, b = boxes.array(true), boxes.array(said)
    shared = np.minimum(a[:, 3:6], b[:, 3:6]).prod(axis=1)
    union = a[:, 3:6].prod(axis=1) + b[:, 3:6].prod(axis=1) - shared
    speeds = [[_speed(one) for one in side] for side in (true, said)]
    wrong = [
        float(t["attributes"] != s.get("attributes", {})) if t.get("attributes") else np.nan
        for t, s in zip(true, said, strict=True)
    ]
    return {
        "translation": np.hypot(*(a[:, :2] - b[:, :2]).T),
        "scale": 1 - shared / union,
        "orientation": np.abs(rotations.difference(a[:, 6], b[:, 6], period)),
        "velocity": np.hypot(*(np.array(speeds[0]) - np.array(speeds[1])).T),
        "attribute": np.array(wrong),
    }


def _speed(one: Doc) -> list[float]:
    return boxes.vector(one["velocity"])[:2] if "velocity" in one else [np.nan, np.nan]
