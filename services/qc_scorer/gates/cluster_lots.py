"""Lots whose items come in scenes, clips or documents: what is kept of them, and their proof.

A coin fell on each group, so that drawn ones are drawn whole; an item without a group is a group
of one. What has no draft is people's and no part of its group. What is granted is counted in
items: so many defective groups hold at most what the largest of them hold.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from labelmill.qc_scorer.v1 import events_pb2

from libs.common import names
from libs.common.codec import Doc
from libs.common.store import Unit
from services.qc_scorer import domain, store
from services.qc_scorer.domain import GateState, Project
from services.qc_scorer.gates import clusters, lot_proof
from services.qc_scorer.gates.clusters import Cluster
from services.qc_scorer.gates.lot_proof import Curve, Plan, Proof
from services.qc_scorer.gates.risk_budget import Terms

_TOLD = 1000
# Above every score.
_NEVER = 2.0


async def grow(unit: Unit, project: str, added: Mapping[str, int]) -> None:
    """So many more items of each group came in: sizes by group, and how many groups have each."""
    of_group = {group: f"{project}/groups/{group}" for group in added}
    known = await unit.get_many(store.GROUPS, list(of_group.values()))
    doc = await unit.get(store.GROUPS, project) or {"name": project, "version": 0, "sizes": {}}
    sizes = Counter({int(size): count for size, count in doc["sizes"].items()})
    for group, count in added.items():
        before = int(known.get(of_group[group], {}).get("size", 0))
        unit.overwrite(store.GROUPS, {"name": of_group[group], "size": before + count})
        sizes[before] -= 1
        sizes[before + count] += 1
    told = {str(size): count for size, count in sizes.items() if size and count}
    unit.put(store.GROUPS, {**doc, "version": doc["version"] + 1, "sizes": told})


async def sizes_of(unit: Unit, project: str, size: int) -> list[int]:
    """Sizes of all groups of a project of `size` items, those without one among them; empty where
    none has one. In a lot they are no larger."""
    doc = await unit.get(store.GROUPS, project)
    if doc is None:
        return []
    sizes = [int(size) for size, count in doc["sizes"].items() for _ in range(count)]
    return sizes + [1] * max(0, size - sum(sizes))


def rate(
    curve: Curve, terms: Terms, size: int, spent: int, sizes: Sequence[int], planned: float
) -> float:
    """The audit rate `planned` for items, or one for groups of these sizes."""
    if not sizes:
        return planned
    allowed = lot_proof.forbidden_errors(terms.target, size, spent) - 1
    return clusters.plan(curve, allowed, sizes, terms.alpha, terms.miss).rate


def prices(
    curve: Curve,
    targets: Sequence[float],
    size: int,
    alpha: float,
    sizes: Sequence[int],
    *,
    spent: int,
    miss: float,
) -> list[Plan]:
    """The price of each promise, by item or by group."""
    if not sizes:
        return lot_proof.prices(curve, targets, size, alpha, spent=spent, miss=miss)
    allowed = [lot_proof.forbidden_errors(target, size, spent) - 1 for target in targets]
    return [clusters.plan(curve, most, sizes, alpha, miss) for most in allowed]


def keep(unit: Unit, gate: str, routings: Sequence[Doc]) -> int:
    """Notes what joined a lot in groups (documents of `Routing`); how many did."""
    members = [
        [r["group"], r["prediction"].get("score", 0.0), r.get("tie_breaker", 0.0)]
        for r in routings
        if r.get("group") and "prediction" in r
    ]
    if members:
        row = {"name": f"{gate}/members/{names.new_id()}", "gate": gate, "members": members}
        unit.insert(store.MEMBERS, [row])
    return len(members)


async def prove(
    unit: Unit, project: Project, doc: Doc, joined: Doc, rows: Sequence[Doc]
) -> Doc | None:
    """The gate after the proof of a whole lot, once its draws (`rows` of evidence) say enough; the
    groups that pass are told with it."""
    terms = Terms(**doc["terms"])
    alone = joined["count"] - joined["grouped"]
    count, forbidden = await _units(unit, doc, joined, alone)
    drawn = clusters.drawn_of(rows)
    chance = doc["audit_rate"] * (1.0 - terms.miss)
    proof = clusters.prove(drawn, chance, forbidden, terms.alpha)
    if not proof.done:
        return None
    grouped = clusters.gather(await store.members_of(unit, doc["name"]))
    passing = [c for c in grouped if clusters.passes(c, proof)]
    some = passing or domain.passes_any(proof, [clusters.draw_of(c) for c in drawn])
    bound = _most_wrong(passing, alone, proof) if some else 0
    # A class's own floor is proven over items that were drawn one by one; these were not.
    floors = dict.fromkeys(terms.floors, _NEVER)
    after = domain.proven(doc, project, proof, len(drawn), bound, floors)
    after |= {"cluster_count": count, "reason": _words(after, proof, count, len(drawn))}
    if after["state"] == GateState.OPEN.value:
        _tell(unit, after, [c.name for c in passing], {c.name for c in drawn})
    return after


async def _units(unit: Unit, doc: Doc, joined: Doc, alone: int) -> tuple[int, int]:
    """(units in the lot, first forbidden number of defective ones); counted once."""
    if "units" not in joined:
        grouped = clusters.gather(await store.members_of(unit, doc["name"]))
        sizes = [*(c.size for c in grouped), *[1] * alone]
        units = [len(sizes), clusters.forbidden_within(doc["forbidden"] - 1, sizes)]
        joined |= {"units": units}
        unit.overwrite(store.JOINED, joined)
    count, forbidden = joined["units"]
    return count, forbidden


def _most_wrong(passing: Sequence[Cluster], alone: int, proof: Proof) -> int:
    """Most wrong items in what passes, items without a group among it."""
    more = min(alone, max(0, proof.bound - len(passing)))
    return clusters.most_wrong_items(passing, proof.bound) + more


def _tell(unit: Unit, doc: Doc, passing: Sequence[str], drawn: set[str]) -> None:
    """Told before the gate opens and under the same key, so that nobody asks too early."""
    left = [name for name in passing if name not in drawn]
    for start in range(0, len(left), _TOLD):
        event = events_pb2.GroupsPassed(
            project=doc["project"], gate=doc["name"], groups=left[start : start + _TOLD]
        )
        unit.emit(names.event_key(doc["project"], 0), event)


def _words(doc: Doc, proof: Proof, count: int, drawn: int) -> str:
    if doc["state"] != GateState.OPEN.value:
        return f"lot {doc['lot']}: nothing could be proven from {drawn} drawn of {count} clusters"
    what = "all" if math.isinf(proof.uncertainty) else f"the {proof.settled} surest"
    return (
        f"lot {doc['lot']}: clusters with a wrong draft: {proof.errors} in {what} of {drawn} drawn"
        f" from {count} clusters of {doc['lot_size']} items; at most {proof.bound} undetected"
        f" ones, which hold at most {doc['bound_count']} errors in {doc['size']} labels at"
        f" confidence {doc['confidence']:.4f} (allowed: {doc['forbidden'] - 1})"
    )
