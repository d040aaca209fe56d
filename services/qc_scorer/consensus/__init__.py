"""What several opinions make together: rules by name, one module per family.

A rule is `merge(values, weights)`: what they make, which may be the opinion of nobody, or None
where they are to be voted on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.qc_scorer.consensus import (
    classes,
    cuboid_tracks,
    cuboids,
    fusion,
    maps,
    objects,
    points,
    rankings,
    ratings,
    segments,
    spans,
    tracks,
    words,
    writing,
)
from services.qc_scorer.losses import differs
from services.qc_scorer.losses.protocol import Doc

Rule = Callable[[Sequence[Doc], Sequence[float]], Doc | None]


def vote(values: Sequence[Doc], weights: Sequence[float]) -> None:
    """The opinion that most agree with, by the loss."""
    return None


# Every rule that a template may name (`services/template`).
RULES: dict[str, Rule] = {
    "majority": vote,
    "classes": classes.merge,
    "boxes": objects.merge,
    "objects": objects.merge,
    "masks": objects.merge_masks,
    "tracks": tracks.merge,
    "points": points.merge,
    "map": maps.merge,
    "cuboids": cuboids.merge,
    "cuboid_tracks": cuboid_tracks.merge,
    "fusion": fusion.merge,
    "spans": spans.merge,
    "words": words.merge,
    "characters": words.merge_characters,
    "segments": segments.merge,
    "ranking": rankings.merge,
    "ratings": ratings.merge,
    "rewrite": writing.merge_rewrites,
    "conversation": writing.merge_conversations,
}


def merge(values: list[Doc], rule: str, loss: str) -> tuple[Doc, float]:
    """(consensus, share of opinions that agree with it). What all say stands as they say it, to the
    last digit. Ties go to the first given."""
    if all(value == values[0] for value in values):
        return values[0], 1.0
    value = RULES[rule](values, [1.0] * len(values))
    if value is not None:
        return value, sum(not differs(value, v, loss) for v in values) / len(values)
    votes = [sum(not differs(a, b, loss) for b in values) for a in values]
    best = max(range(len(values)), key=lambda i: votes[i])
    return values[best], votes[best] / len(values)
