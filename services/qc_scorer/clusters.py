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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.qc_scorer import gate
from services.qc_scorer.gate import Draw, Proof

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_TINY = 1e-9


@dataclass(frozen=True)
class Cluster:
    """One unit of the lot: its items, the chance that it is defective as its model says, its
    tie breaker, and what people found: wrong drafts, None until all of them are settled."""

    name: str
    size: int
    uncertainty: float
    tie: float
    wrong: int | None = None


def defect_chance(uncertainty: Sequence[float]) -> float:
    """Chance that at least one of these items is wrong, were they independent. It only orders
    clusters, and proves nothing."""
    chances = np.clip(np.asarray(uncertainty, np.float64), 0.0, 1.0 - 1e-12)
    return float(-np.expm1(np.log1p(-chances).sum()))


def gather(groups: Sequence[str], uncertainty: Floats, ties: Iterable[float]) -> list[Cluster]:
    """Clusters of items by the name of their group, in the order of the names; one tie breaker
    each. Raises `ValueError` for an item without a group, for it would pass unproven."""
    if len(groups) != len(uncertainty):
        raise ValueError(f"{len(groups)} groups but {len(uncertainty)} uncertainties")
    if not all(groups):
        raise ValueError(f"item {list(groups).index('')} has no group; name one for every item")
    names, place = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    members: list[list[float]] = [[] for _ in names]
    for at, chance in zip(place.tolist(), uncertainty.tolist(), strict=True):
        members[at].append(chance)
    return [
        Cluster(str(name), len(mine), defect_chance(mine), tie)
        for name, mine, tie in zip(names, members, ties, strict=True)
    ]


def draw_of(cluster: Cluster, tolerated: float = 0.0) -> Draw:
    """A drawn cluster as evidence; defective when more than `tolerated` of its items are wrong."""
    wrong = None
    if cluster.wrong is not None:
        wrong = cluster.wrong > math.floor(tolerated * cluster.size + _TINY)
    return Draw(cluster.uncertainty, cluster.tie, wrong)


def forbidden_clusters(target: float, sizes: Sequence[int], spent: int = 0) -> int:
    """First number of defective clusters that could hold more wrong items than `target` of all
    items of these clusters, less `spent`; at least 1, as no defect at all is always allowed.
    Wrong items tolerated in clusters that pass are taken off the promise as `spent`."""
    allowed = math.floor(target * sum(sizes) + _TINY) - spent
    held = np.cumsum(np.sort(np.asarray(sizes, np.int64))[::-1])
    return int(np.searchsorted(held, allowed, side="right")) + 1


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
    return gate.prove((draw_of(c, tolerated) for c in drawn), rate, forbidden, alpha)


def passes(cluster: Cluster, proof: Proof) -> bool:
    """Does the whole cluster go out?"""
    return (cluster.uncertainty, cluster.tie) < (proof.uncertainty, proof.tie)
