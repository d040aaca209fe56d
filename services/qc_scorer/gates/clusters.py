"""Items that stand together (frames of a scene, clips of a call, pages of a document) as one unit.

Neighbours share their errors, and who labels one of them has seen the others. So coins fall on
clusters: a drawn cluster is labelled whole and blind, a cluster passes whole, and it is defective
when more than `tolerated` of its items are wrong. With clusters in the place of items the exact
rule of `gate` holds as it stands, whatever the errors inside a cluster have to do with each other,
and the promise is one about clusters ("of all scenes at most 2 % with a wrong frame").

For a promise about items the clusters forbidden are counted by their size: if `r` of them would be
one too many, the `r - 1` largest of the lot hold no more items than may be wrong. That
bound is sound for any sizes and dear where one cluster holds most items; split such a one first.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from services.qc_scorer.gates import lot_proof
from services.qc_scorer.gates.lot_proof import Curve, Draw, Plan, Proof

_TINY = 1e-9


# An item as kept: its group, its score and the tie breaker all of the group have.
Member = tuple[str, float, float]


@dataclass(frozen=True)
class Cluster:
    """One unit of the lot: its items, its rank (`uncertainty`, `tie_breaker`), and what people
    found: wrong drafts, None until all of them are settled."""

    name: str
    size: int
    uncertainty: float
    tie_breaker: float
    wrong: int | None = None


def whole_score(scores: Iterable[float]) -> float:
    """Chance that all of these are right, were they independent. It only orders clusters, and
    proves nothing. The same in whatever order they come, and never above one of them, rounding
    and all: what is in a cluster that passes stands above the threshold itself."""
    return math.prod(sorted(min(1.0, max(0.0, score)) for score in scores))


def gather(members: Iterable[Member]) -> list[Cluster]:
    """Clusters of items by the name of their group. Raises `ValueError` for an item without a
    group, for it would pass unproven."""
    scores: dict[str, list[float]] = defaultdict(list)
    ties: dict[str, float] = {}
    for group, score, tie in members:
        if not group:
            raise ValueError("an item has no group; name one for every item")
        scores[group].append(score)
        ties[group] = tie
    return [
        Cluster(group, len(mine), -whole_score(mine), ties[group]) for group, mine in scores.items()
    ]


def drawn_of(rows: Iterable[Mapping[str, Any]]) -> list[Cluster]:
    """What was drawn (rows of evidence) as clusters, settled once all of their items are. An item
    without a group is a cluster of its own."""
    mine: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    alone: list[Cluster] = []
    for row in rows:
        if group := row.get("group"):
            mine[group].append(row)
        else:
            score, tie = _place(row)
            alone.append(Cluster(row["name"], 1, -score, tie, _wrong([row])))
    found = gather((group, *_place(row)) for group, members in mine.items() for row in members)
    return [*(replace(c, wrong=_wrong(mine[c.name])) for c in found), *alone]


def _wrong(rows: Sequence[Mapping[str, Any]]) -> int | None:
    """Wrong drafts among the rows; None until all of them are settled."""
    return None if any(row["pending"] for row in rows) else sum(bool(row["wrong"]) for row in rows)


def _place(row: Mapping[str, Any]) -> tuple[float, float]:
    return float(row["score"]), float(row.get("tie_breaker", 0.0))


def draw_of(cluster: Cluster, tolerated: float = 0.0) -> Draw:
    """A drawn cluster as evidence; defective when more than `tolerated` of its items are wrong."""
    wrong = None
    if cluster.wrong is not None:
        wrong = cluster.wrong > math.floor(tolerated * cluster.size + _TINY)
    return Draw(cluster.uncertainty, cluster.tie_breaker, wrong)


def forbidden_within(allowed: int, sizes: Sequence[int]) -> int:
    """First number of defective clusters of these sizes that could hold more than `allowed` wrong
    items; 0 where that is below none: nothing to grant. Wrong items tolerated in clusters that
    pass are taken off `allowed` beforehand."""
    held = np.cumsum(np.sort(np.asarray(sizes, np.int64))[::-1])
    return int(np.searchsorted(held, allowed, side="right")) + 1 if allowed >= 0 else 0


def most_wrong_items(passing: Sequence[Cluster], defects: int, tolerated: float = 0.0) -> int:
    """Most wrong items in clusters that passed, where at most `defects` of them are defective:
    those that are largest, whole, and what is tolerated in each of the others."""
    sizes = sorted((c.size for c in passing), reverse=True)
    rest = sum(math.floor(tolerated * size + _TINY) for size in sizes[defects:])
    return sum(sizes[:defects]) + rest


def prove(
    drawn: Iterable[Cluster],
    rate: float,
    forbidden: int,
    alpha: float,
    *,
    tolerated: float = 0.0,
) -> Proof:
    """`gate.prove` over clusters: `bound` counts undetected defective clusters. What passes is
    every cluster that was not drawn and stands before the threshold."""
    return lot_proof.prove((draw_of(c, tolerated) for c in drawn), rate, forbidden, alpha)


def passes(cluster: Cluster, proof: Proof) -> bool:
    """Does the whole cluster go out?"""
    return (cluster.uncertainty, cluster.tie_breaker) < (proof.uncertainty, proof.tie_breaker)


def plan(curve: Curve, allowed: int, sizes: Sequence[int], alpha: float, miss: float) -> Plan:
    """The cheapest way to prove clusters of these sizes, where `curve` counts items and so many of
    them may be wrong; in items, but for the rate, which is each cluster's. Errors are taken to come
    half together: of n in clusters of m, n / sqrt(m) are defective. Planning only, and the rate is
    never below the least that could prove anything."""
    lot, mean = int(curve.counts[-1]), sum(sizes) / len(sizes)
    forbidden = forbidden_within(allowed, sizes)
    if not forbidden or alpha <= 0:
        return Plan(0.0, 0, 0, lot)
    units = Curve(np.ceil(curve.counts / mean).astype(np.int64), curve.errors / math.sqrt(mean))
    found = lot_proof.plan(units, (forbidden - 1) / len(sizes), len(sizes), alpha, miss=miss)
    least = (1.0 - alpha ** (1.0 / forbidden)) / (1.0 - miss)
    rate = min(1.0, max(found.rate, least * (1.0 + _TINY)))
    passing = min(lot, round(found.passing * mean))
    audited = min(passing, round(found.audited * mean))
    return Plan(rate, passing, audited, lot - passing + audited)
