"""Free writing is not mixed: of several texts the medoid is taken, the one nearest to all. Of
conversations each turn is merged on its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from services.qc_scorer.consensus import ratings
from services.qc_scorer.consensus.rankings import merge_ranks
from services.qc_scorer.losses.language_model.generation import (
    apart,
    edit_distance,
    ranks,
    rewritten,
    said,
    turns,
)
from services.qc_scorer.losses.protocol import EPSILON, Doc

Value = TypeVar("Value")
# A turn or a reply, and the weight of who gave it.
Opinion = tuple[Doc, float]


def medoid(
    values: Sequence[Value], weights: Sequence[float], distance: Callable[[Value, Value], float]
) -> int:
    """Place of the value with the smallest weighted sum of distances to all; ties to the first."""
    sums = [0.0] * len(values)
    for i, one in enumerate(values):
        for j in range(i):
            between = distance(one, values[j])
            sums[i] += weights[j] * between
            sums[j] += weights[i] * between
    return min(range(len(values)), key=lambda i: sums[i])


def merge_rewrites(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    return values[medoid([rewritten(value) for value in values], weights, apart)]


def merge_conversations(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    """As many turns as more than half of the weight has."""
    conversations = [turns(value) for value in values]
    made: list[Doc] = []
    while True:
        place = len(made)
        pairs = zip(conversations, weights, strict=True)
        given = [(one[place], weight) for one, weight in pairs if place < len(one)]
        if 2.0 * _weight(given) <= sum(weights) + EPSILON:
            return {"conversation": {"turns": made}}
        made.append(_turn(given))


def _weight(given: Sequence[Opinion]) -> float:
    return sum(weight for _, weight in given)


def _turn(given: Sequence[Opinion]) -> Doc:
    """Of those who have the turn of the role that most have."""
    votes: dict[str, float] = defaultdict(float)
    for turn, weight in given:
        votes[turn.get("role", "")] += weight
    role = max(votes, key=lambda name: votes[name])
    given = [(turn, weight) for turn, weight in given if turn.get("role", "") == role]
    texts, weights = [said(turn) for turn, _ in given], [weight for _, weight in given]
    replies = _replies([turn for turn, _ in given], weights)
    made = {
        "role": role,
        "content": texts[medoid(texts, weights, edit_distance)],
        "replies": replies,
    }
    return {key: part for key, part in made.items() if part}


def _replies(given: Sequence[Doc], weights: Sequence[float]) -> list[Doc]:
    """The replies that anybody names, with ranks and ratings merged; without ranks where too many
    are ranked."""
    named: dict[str, list[Opinion]] = defaultdict(list)
    for turn, weight in zip(given, weights, strict=True):
        for reply in turn.get("replies", []):
            named[reply.get("id", "")].append((reply, weight))
    groups = merge_ranks([ranks(turn) for turn in given], weights) or []
    place = {name: rank for rank, group in enumerate(groups, 1) for name in group}
    return [_reply(opinions, place.get(name, 0)) for name, opinions in named.items()]


def _reply(opinions: Sequence[Opinion], rank: int) -> Doc:
    rated = [{"ratings": {"ratings": reply.get("ratings", [])}} for reply, _ in opinions]
    merged = ratings.merge(rated, [weight for _, weight in opinions])["ratings"]["ratings"]
    made = {**opinions[0][0], "rank": rank, "ratings": merged}
    return {key: part for key, part in made.items() if part}
