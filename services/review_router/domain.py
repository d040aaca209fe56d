"""What happens next with a task: one pure function over facts, policy and chance."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Any

from services.review_router import injected_errors, known_answers
from services.review_router.gates import Gate, passes

Doc = dict[str, Any]
EXTRA_OPINIONS = 2
MOST_REJECTIONS = 3
# Share of what a lot's gate lets out that goes blind to people for ever.
STANDING_SHARE = 0.002
# Draws come before everything else.
DRAWN = 3.0
# What people have begun comes before what nobody has seen.
UNDER_WAY = 1.2


class Action(enum.StrEnum):
    ACCEPT = "ACCEPT"
    ANNOTATE = "ANNOTATE"
    REVIEW = "REVIEW"
    ADJUDICATE = "ADJUDICATE"
    AUDIT = "AUDIT"
    RETURN = "RETURN"


class Phase(enum.StrEnum):
    COLD_START = "COLD_START"
    WARM_UP = "WARM_UP"
    STEADY = "STEADY"
    MATURE = "MATURE"


@dataclass(frozen=True)
class Policy:
    """What the router needs of a project's policy; zero reads as the documented default."""

    replica_count: int = 1
    review_share: float = 0.0
    audit_share: float = 0.05
    people_audit_share: float = 0.05
    machine_label: bool = False
    pre_label: bool = False
    training: Doc | None = None
    experts: bool = False
    adaptive_annotations: float = 0.0
    injected_error_share: float = 0.0
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coins:
    """Chance, decided before the facts: uniform in [0, 1) per purpose. `lot` and `tie_breaker` are
    one for all of a group."""

    sample: float
    review: float
    audit: float
    order: float
    lot: float = 1.0
    standing: float = 1.0
    tie_breaker: float = 0.0
    plant: float = 1.0


@dataclass(frozen=True)
class Lot:
    """The frozen lot a draft was made for."""

    gate: str
    number: int
    audit_rate: float


@dataclass(frozen=True)
class Facts:
    """What is known of one task. `again` is set when it waited and a gate moved; the fields
    from `stage` on speak of people's work and are empty on the first routing."""

    task: str
    task_version: int
    gold: bool = False
    prediction: Doc | None = None
    failure: str = ""
    again: bool = False
    lot: Lot | None = None
    group: str = ""
    sampled: bool = False
    stage: str = "ANNOTATION"
    annotation_count: int = 0
    replica_count: int = 1
    disputed: bool = False
    consensus: Doc | None = None
    confidence: float = 0.0
    matches_prediction: bool = False
    draft_shown: bool = False
    injected_error_kept: bool = False
    blind: bool = False
    worth_asking: bool = False
    truth_method: str = ""
    verdicts: tuple[Doc, ...] = ()
    held: bool = False
    hint: str = ""
    objected: bool = False


@dataclass(frozen=True)
class Routing:
    """The decision; fields as in the proto."""

    task: str
    task_version: int
    action: Action
    reason: str
    prediction: Doc | None = None
    label: Doc | None = None
    replica_count: int = 0
    blind: bool = False
    sampled: bool = False
    priority: float = 0.0
    comment: str = ""
    gate: str = ""
    tie_breaker: float = 0.0
    group: str = ""


def route(facts: Facts, policy: Policy, gate: Gate, phase: Phase, coins: Coins) -> Routing:
    """The next step of a task. Total: every combination of facts has one."""
    if facts.held:
        return _to(facts, Action.RETURN, "far from the draft; asked to look again", facts.hint)
    if facts.annotation_count or facts.verdicts:
        return _after_people(facts, policy, coins)
    return _first(facts, policy, gate, phase, coins)


def _first(facts: Facts, policy: Policy, gate: Gate, phase: Phase, coins: Coins) -> Routing:
    replicas = max(1, policy.replica_count)
    # The gate's evidence comes early.
    early = 1.0 + coins.order
    if facts.gold:
        blind, priority = known_answers.disguise(
            facts, policy, gate, phase is Phase.COLD_START, coins
        )
        return _annotate(facts, "known answer", replicas, blind=blind, priority=priority)
    if facts.lot is not None:
        return _join_lot(facts, facts.lot, policy, phase, coins)
    if facts.prediction is None:
        reason = facts.failure or "no draft"
        return _annotate(facts, reason, replicas, blind=True, priority=0.5)
    # A project that trains proves its gates lot by lot; a stream's evidence is for the others.
    if not facts.again and policy.training is None and coins.sample < policy.audit_share:
        return _annotate(
            facts,
            "drawn by chance as evidence",
            max(2, replicas),
            blind=True,
            sampled=True,
            priority=early,
        )
    score = float(facts.prediction.get("score", 0.0))
    passing = gate.open and passes(facts.prediction, facts.group, gate, coins.tie_breaker)
    if policy.machine_label and passing:
        if gate.lot and coins.standing < STANDING_SHARE:
            return _draw(facts, gate.name, "drawn for the standing audit", coins, replicas)
        return _accept(
            facts,
            _why_passing(facts, gate, score),
            facts.prediction["value"],
            "MACHINE",
            score,
            gate.name,
        )
    blind = not (policy.pre_label and phase is not Phase.COLD_START)
    if not blind:
        share, classes = policy.injected_error_share, policy.classes
        drafted = injected_errors.plant(facts.prediction, classes, share, coins.plant)
        facts = replace(facts, prediction=drafted)
    # The least certain first: they teach most and gain least from waiting for the gate.
    return _annotate(facts, _why_person(policy, gate), replicas, blind=blind, priority=1.0 - score)


def _why_passing(facts: Facts, gate: Gate, score: float) -> str:
    bound = f"error bound {gate.error_bound:.4f}"
    if gate.lot and facts.group:
        return f"all of {facts.group!r} passes; {bound}"
    return f"score {score:.4f} >= {gate.threshold:.4f}; {bound}"


def _join_lot(facts: Facts, lot: Lot, policy: Policy, phase: Phase, coins: Coins) -> Routing:
    """In a lot everything waits for the proof; what the coin draws is labelled blind, surest
    first, so that the proof can end early. What has no draft is people's: no part of its group."""
    replicas = max(1, policy.replica_count)
    if facts.prediction is None:
        waits = _annotate(facts, facts.failure or "no draft", replicas, blind=True, priority=0.5)
        return replace(waits, gate=lot.gate)
    if coins.lot < lot.audit_rate:
        drawn = _draw(facts, lot.gate, f"drawn as proof of lot {lot.number}", coins, replicas)
        return replace(drawn, group=facts.group)
    blind = not (policy.pre_label and phase is not Phase.COLD_START)
    score = float(facts.prediction.get("score", 0.0))
    waits = _annotate(
        facts, "waits for the proof of its lot", replicas, blind=blind, priority=1.0 - score
    )
    return replace(waits, gate=lot.gate, tie_breaker=coins.tie_breaker, group=facts.group)


def _draw(facts: Facts, gate: str, reason: str, coins: Coins, replicas: int) -> Routing:
    score = float((facts.prediction or {}).get("score", 0.0))
    drawn = _annotate(facts, reason, replicas, blind=True, sampled=True, priority=DRAWN + score)
    return replace(drawn, gate=gate, tie_breaker=coins.tie_breaker)


def _why_person(policy: Policy, gate: Gate) -> str:
    if not policy.machine_label:
        return "the project has people label"
    return "score below the gate's threshold" if gate.open else "no gate is open yet"


def _after_people(facts: Facts, policy: Policy, coins: Coins) -> Routing:
    if facts.verdicts and facts.stage in ("REVIEW", "ADJUDICATION"):
        return _after_review(facts)
    if facts.annotation_count < facts.replica_count:
        return _annotate(facts, "opinions are missing", facts.replica_count, blind=facts.blind)
    if facts.injected_error_kept:
        return _annotate(
            facts,
            "one more blind opinion",
            facts.annotation_count + 1,
            blind=True,
            priority=UNDER_WAY,
        )
    if _adaptive(facts, policy):
        if facts.worth_asking and (more := _while_worth(facts, policy)):
            return more
    elif facts.disputed:
        return _after_dispute(facts, policy)
    if _accuses_draft(facts, policy):
        return _annotate(
            facts, "the draft is said to be wrong; one more opinion", 2, blind=True, priority=DRAWN
        )
    if facts.objected and facts.stage == "ANNOTATION":
        return _review(facts, "far from the draft, and its annotator stands by it")
    if drawn := _drawn(facts, policy, coins):
        return drawn
    confirmed = facts.matches_prediction and facts.draft_shown
    return _accept(
        facts,
        _why_settled(facts),
        facts.consensus or {},
        "CONFIRMED" if confirmed else "HUMAN",
        facts.confidence,
    )


def _why_settled(facts: Facts) -> str:
    if not facts.disputed:
        return f"{facts.annotation_count} opinion(s) agree"
    return (
        f"{facts.annotation_count} opinions differ; right with probability {facts.confidence:.3f},"
        " one more is not worth its price"
    )


def _drawn(facts: Facts, policy: Policy, coins: Coins) -> Routing | None:
    """Chance has some of people's labels looked at, whatever is thought of them."""
    if facts.stage != "ANNOTATION" or facts.gold or facts.sampled:
        return None
    if coins.review < policy.review_share:
        return _review(facts, "drawn by chance for review")
    if coins.audit >= policy.people_audit_share:
        return None
    return Routing(
        facts.task,
        facts.task_version,
        Action.AUDIT,
        "drawn by chance for audit",
        replica_count=facts.annotation_count + 1,
        blind=True,
        priority=1.0 + coins.order,
    )


def _review(facts: Facts, reason: str) -> Routing:
    """Where opinions differ there is nothing to approve: the reviewer must say which."""
    return _to(facts, Action.ADJUDICATE if facts.disputed else Action.REVIEW, reason)


def _adaptive(facts: Facts, policy: Policy) -> bool:
    """Does the worth of one more opinion decide, and not the rule for opinions that differ?
    Never for evidence, which must not depend on it, nor after a reviewer's word."""
    weighed = policy.adaptive_annotations > 0 and bool(facts.truth_method)
    fixed = facts.gold or facts.sampled or facts.verdicts or facts.stage != "ANNOTATION"
    return weighed and not fixed


def _while_worth(facts: Facts, policy: Policy) -> Routing | None:
    if facts.annotation_count >= max(1, policy.replica_count) + EXTRA_OPINIONS:
        return _to(facts, Action.ADJUDICATE, "opinions differ") if facts.disputed else None
    return _annotate(
        facts,
        f"right with probability {facts.confidence:.3f}; one more opinion is worth its price",
        facts.annotation_count + 1,
        blind=True,
        priority=UNDER_WAY,
    )


def _accuses_draft(facts: Facts, policy: Policy) -> bool:
    """One person who errs against a right draft would cost the proof; a second decides."""
    drawn = facts.sampled and bool((facts.prediction or {}).get("lot"))
    lone = facts.annotation_count == 1 and not facts.verdicts
    return drawn and lone and not facts.matches_prediction and not policy.experts


def _after_dispute(facts: Facts, policy: Policy) -> Routing:
    most = max(1, policy.replica_count) + EXTRA_OPINIONS
    settles = facts.stage == "AUDIT" or facts.sampled or facts.annotation_count >= most
    if settles:
        return _to(facts, Action.ADJUDICATE, "opinions differ")
    return _annotate(
        facts,
        "opinions differ; one more",
        facts.annotation_count + 1,
        blind=facts.blind,
        priority=UNDER_WAY,
    )


def _after_review(facts: Facts) -> Routing:
    last = facts.verdicts[-1]
    verdict, comment = last.get("verdict"), last.get("comment", "")
    if verdict == "FIXED":
        return _accept(facts, "fixed by a reviewer", last["value"], "REVIEWED", 1.0)
    # Where opinions differ there is nothing to approve: the reviewer must say which.
    if verdict == "APPROVED" and facts.consensus and not facts.disputed:
        return _accept(facts, "approved by a reviewer", facts.consensus, "REVIEWED", 1.0)
    rejections = sum(v.get("verdict") == "REJECTED" for v in facts.verdicts)
    if facts.stage == "REVIEW" and rejections < MOST_REJECTIONS:
        return _annotate(
            facts,
            "rejected by a reviewer",
            facts.annotation_count + 1,
            blind=True,
            priority=UNDER_WAY,
            comment=comment,
        )
    return _to(facts, Action.ADJUDICATE, "rejected; a reviewer must fix it", comment)


def _annotate(
    facts: Facts,
    reason: str,
    replicas: int,
    *,
    blind: bool,
    sampled: bool = False,
    priority: float = 0.0,
    comment: str = "",
) -> Routing:
    return Routing(
        facts.task,
        facts.task_version,
        Action.ANNOTATE,
        reason,
        prediction=facts.prediction,
        replica_count=replicas,
        blind=blind,
        sampled=sampled,
        priority=priority,
        comment=comment,
    )


def _to(facts: Facts, action: Action, reason: str, comment: str = "") -> Routing:
    return Routing(
        facts.task, facts.task_version, action, reason, blind=True, priority=1.0, comment=comment
    )


def _accept(
    facts: Facts, reason: str, value: Doc, source: str, score: float, gate: str = ""
) -> Routing:
    label = {"value": value, "source": source, "score": score}
    if gate:
        label["gate"] = gate
    return Routing(
        facts.task,
        facts.task_version,
        Action.ACCEPT,
        reason,
        prediction=facts.prediction,
        label=label,
    )
