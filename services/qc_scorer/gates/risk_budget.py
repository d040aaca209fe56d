"""The promise a lot is proven under, and what a project has spent of the risk it may run.

A change of target never reaches back: a lot keeps the terms it began with, made stricter at its
freeze if the promise became stricter meanwhile; errors granted and risk spent stay counted. The
terms are fixed before an answer is looked at, so that nobody can move the goal to the ball.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from services.qc_scorer.domain import Doc, GateState, Project
from services.qc_scorer.gates import lot_proof, planner

# Of a lot's risk the floors of single classes may spend this part, if there are any.
FLOOR_PART = 0.25
_TINY = 1e-9


@dataclass(frozen=True)
class Terms:
    """Of one lot: the risk of the proof and of each class's floor, the floors, the error rate
    to prove, the chance that a blind label repeats the model's error, and the whole `risk`."""

    alpha: float
    floor_alpha: float
    target: float
    miss: float
    risk: float
    floors: Mapping[str, float] = field(default_factory=dict)


def terms_of(project: Project, ledger: Doc, number: int) -> Terms:
    """Terms of the project's lot 1, 2, ...: its share of the risk, or what is left of it."""
    left = project.gate_alpha - ledger.get("risk", 0.0)
    risk = max(0.0, min(lot_proof.lot_alpha(project.gate_alpha, number), left))
    floors = dict(project.class_error_limits)
    part = FLOOR_PART if floors else 0.0
    return Terms(
        alpha=risk * (1.0 - part),
        floor_alpha=risk * part / max(1, len(floors)),
        target=project.gate_target,
        miss=project.miss_rate,
        risk=risk,
        floors=floors,
    )


def at_freeze(terms: Terms, project: Project) -> Terms:
    """The terms once the lot is whole: stricter where the project became stricter, never
    looser."""
    return replace(
        terms,
        target=min(terms.target, project.gate_target),
        miss=max(terms.miss, project.miss_rate),
    )


def errors_granted(gates: Iterable[Doc], project: Project) -> int:
    """Undetected errors all lots may hold. A lot that was proven by experts' labels, in a
    project whose people are now said to err, has no proof any more: all of it counts."""
    return sum(
        int(doc.get("lot_size", 0))
        if doc.get("terms", {}).get("miss", project.miss_rate) < project.miss_rate - _TINY
        else int(doc.get("bound_count", 0))
        for doc in gates
        if doc.get("lot")
    )


def risk_spent(gates: Iterable[Doc], ledger: Doc) -> float:
    """Risk that lots have spent, and looks at the gates over streams."""
    streams = [float(doc.get("risk", 0.0)) for doc in gates if not doc.get("lot")]
    return float(ledger.get("risk", 0.0)) + sum(streams)


def confidence(project: Project, spent: float) -> float:
    """What the bounds hold at: what was promised, or less where more risk was spent under an
    earlier target than this one allows."""
    promised = 2.0 * project.half_alpha
    over = max(0.0, spent - project.gate_alpha - _TINY)
    return 1.0 - min(1.0, promised + over)


def outdated(doc: Doc, project: Project) -> Doc | None:
    """The gate closed, where it stands open on a bound above what is promised now."""
    bound = doc.get("error_bound", 1.0)
    if doc.get("state") != GateState.OPEN.value or bound <= project.gate_target + _TINY:
        return None
    reason = (
        f"the promise became stricter: it was opened at an error of at most {bound:.4f}, and"
        f" {project.gate_target:.4f} is to be proven now"
    )
    # What it let out before stands on this bound, whatever it is opened at later.
    past = max(bound, doc.get("past_bound", 0.0))
    return {**doc, "state": GateState.CLOSED.value, "reason": reason, "past_bound": past}


def stream_bound(gates: Iterable[Doc]) -> float:
    """Worst bound that anything a gate over a stream let out stands on; 1 where none ever
    opened. What a breached gate let out was recalled."""
    streams = [doc for doc in gates if not doc.get("lot")]
    kept = [doc for doc in streams if doc.get("state") != GateState.BREACHED.value]
    bounds = [doc.get("past_bound", 0.0) for doc in kept]
    bounds += [doc["error_bound"] for doc in kept if doc.get("state") == GateState.OPEN.value]
    return max(bounds, default=0.0) or 1.0


def before_any_model(project: Project, ledger: Doc) -> Doc:
    """The forecast (document of `Forecast`) while no model was evaluated: the least a proof of
    each promise takes, labels without one error, whatever the model."""
    alpha = terms_of(project, ledger, ledger["lots"] + 1).alpha
    share = project.gate_target / project.max_error_rate if project.max_error_rate else 1.0
    targets = sorted({*planner.TARGETS, project.max_error_rate} - {0.0})
    least = [math.ceil(math.log(alpha) / math.log1p(-t * share)) if alpha else 0 for t in targets]
    return {
        "project": project.name,
        "prices": [
            {"max_error_rate": t, "human_count": n} for t, n in zip(targets, least, strict=True)
        ],
        "reason": (
            "no model of the project was evaluated yet: these are the least labels, without one"
            " error, that a proof takes with any model; how many more depends on how good it gets"
        ),
    }
