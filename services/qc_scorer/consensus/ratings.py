"""Ratings that more than half of the weight gave, each at its weighted median: a point of the scale
that somebody gave, which is right for ordinal scales and robust for the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from services.qc_scorer.losses.language_model.ratings import ratings
from services.qc_scorer.losses.protocol import EPSILON, Doc


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    given: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for value, weight in zip(values, weights, strict=True):
        for key, points in ratings(value).items():
            given[key].append((points, weight))
    kept = {key: votes for key, votes in given.items() if 2.0 * _weight(votes) > sum(weights)}
    made = [_rating(subject, scale, _median(votes)) for (subject, scale), votes in kept.items()]
    return {"ratings": {"ratings": made}}


def _weight(votes: Sequence[tuple[float, float]]) -> float:
    return sum(weight for _, weight in votes)


def _median(votes: Sequence[tuple[float, float]]) -> float:
    """The first number with half of the weight at or below it."""
    half, below = _weight(votes) / 2.0 - EPSILON, 0.0
    for points, weight in sorted(votes):
        below += weight
        if below >= half:
            return points
    raise ValueError("no votes")


def _rating(subject: str, scale: str, points: float) -> Doc:
    made = {"scale": scale, "value": points, "subject": subject}
    return {key: part for key, part in made.items() if part}
