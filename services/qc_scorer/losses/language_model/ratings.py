"""Numbers on scales, for the whole item or for each candidate.

A rating is right within the tolerance, in points of its scale; one that only one label has is
wrong. How well many people agree on a scale of a given level: `alpha`.
"""

from __future__ import annotations

from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss

# (subject, scale) -> points
Ratings = dict[tuple[str, str], float]


def ratings(value: Doc) -> Ratings:
    given = value.get("ratings", {}).get("ratings", [])
    return {(r.get("subject", ""), r.get("scale", "")): float(r.get("value", 0.0)) for r in given}


def _right(a: Ratings, b: Ratings, tolerance: float | None) -> int:
    slack = (tolerance or 0.0) + EPSILON
    return sum(abs(a[key] - b[key]) <= slack for key in a.keys() & b.keys())


def _errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    true, said = ratings(truth), ratings(label)
    right = _right(true, said, tolerance)
    return Errors(float(max(len(true), len(said)) - right), float(len(true)))


def _distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    left, right = ratings(a), ratings(b)
    every = len({*left, *right})
    return (every - _right(left, right, tolerance)) / max(1, every)


RATINGS = Loss(_distance, _errors)
