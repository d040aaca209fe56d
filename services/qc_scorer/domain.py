"""Scores of tasks, skills of people, quality of a project: pure decisions."""

from __future__ import annotations

import enum
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.qc_scorer.consensus import merge
from services.qc_scorer.gates import lot_proof, planner, stream_bounds
from services.qc_scorer.losses import differs

Doc = dict[str, Any]
CONFIDENCE = 0.95
# Of the promised error the gate may use up this part; the rest is left for people's labels,
# which have an error and an uncertain measure of it, too.
GATE_PART = 0.75
# Where nothing is promised, the audit is looked at as often as for this error rate.
USUAL_TARGET = 0.02


# A person who errs may repeat the model's very error and hide it from the proof. Proofs reckon
# with this chance, well above what people who pass their gold tests err at all.
MISS_RATE = 0.05


class GateState(enum.StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    PROVING = "PROVING"
    BREACHED = "BREACHED"


class Reference(enum.StrEnum):
    """What people's own labels count as."""

    UNSPECIFIED = "UNSPECIFIED"
    AUDITED = "AUDITED"
    EXPERTS = "EXPERTS"


@dataclass(frozen=True)
class Project:
    """What the scorer needs of a project and its template version."""

    name: str
    version: int
    # As `agreement.differs` reads it.
    loss: str
    merge_rule: str
    max_error_rate: float = 0.0
    confidence: float = CONFIDENCE
    reference: Reference = Reference.AUDITED
    classes: tuple[str, ...] = ()
    class_error_limits: Mapping[str, float] = field(default_factory=dict)
    machine_label: bool = False
    training: bool = False
    gold_accuracy: float = 0.0
    adaptive_annotations: float = 0.0
    check_false_alarm: float = 0.0
    unchecked_share: float = 0.1
    # Projects that work the parts of its items; of such a project, the project of the wholes.
    parts: tuple[str, ...] = ()
    parent_project: str = ""

    @property
    def experts(self) -> bool:
        """Are people's blind labels the definition of right?"""
        return self.reference is Reference.EXPERTS

    @property
    def half_alpha(self) -> float:
        """Half of the risk goes to the gate, half to the audit of people's labels."""
        return (1.0 - (self.confidence or CONFIDENCE)) / 2.0

    @property
    def gate_alpha(self) -> float:
        """Risk of the gates: all of it where people's labels need no audit."""
        return 2.0 * self.half_alpha if self.experts else self.half_alpha

    @property
    def gate_target(self) -> float:
        """What the gate must prove."""
        return self.max_error_rate if self.experts else GATE_PART * self.max_error_rate

    @property
    def miss_rate(self) -> float:
        """Chance that a blind label repeats the model's error, taken for granted."""
        return 0.0 if self.experts else MISS_RATE


@dataclass(frozen=True)
class Score:
    """What the opinions of one task say; fields as in the proto."""

    agreement: float
    consensus: Doc | None
    confidence: float
    annotation_count: int
    matches_prediction: bool
    disputed: bool
    worth_asking: bool = False
    truth_method: str = ""
    check: Doc | None = None


def counted(task: Doc) -> list[Doc]:
    """Annotations that count."""
    return [a for a in task.get("annotations", []) if not (a.get("late") or a.get("held"))]


def score(task: Doc, project: Project) -> Score:
    """Score of a task (document of `task_dispatch.v1.Task`) after people worked on it."""
    values = [a["value"] for a in counted(task)]
    if not values:
        return Score(0.0, None, 0.0, 0, False, False)
    consensus, share = merge(values, project.merge_rule, project.loss)
    disputed = any(differs(consensus, v, project.loss) for v in values)
    draft = task.get("prediction", {}).get("value")
    matches = draft is not None and not differs(consensus, draft, project.loss)
    # Laplace: opinions that agree are evidence, not proof.
    agreeing = round(share * len(values)) + (1 if matches else 0)
    confidence = (agreeing + 1) / (len(values) + (1 if draft is not None else 0) + 2)
    return Score(share, consensus, confidence, len(values), matches, disputed)


def draft_was_wrong(task: Doc, project: Project) -> bool:
    """Does the settled label differ from the draft? Evidence for the gate. What was taken out
    of the line counts as wrong: so nobody can help a proof by taking out what is."""
    if "label" not in task:
        return True
    return differs(task["label"]["value"], task["prediction"]["value"], project.loss)


def audit_outcome(task: Doc, project: Project) -> bool | None:
    """Of an audited task: was the label wrong that would have gone out without the audit?
    None where the task was not audited."""
    if not any(d.get("action") == "AUDIT" for d in task.get("decisions", [])):
        return None
    before = [a["value"] for a in counted(task)]
    # Where nobody was left to audit it a reviewer judged those opinions, and there is no other.
    if len(before) >= task.get("replica_count", 0):
        before = before[:-1]
    if not before:
        return None
    consensus, _ = merge(before, project.merge_rule, project.loss)
    return differs(task["label"]["value"], consensus, project.loss)


def verified(task: Doc) -> bool:
    """Did blind opinions of two people, or an adjudication, settle it?"""
    audited = any(d.get("action") == "AUDIT" for d in task.get("decisions", []))
    return bool(task.get("sampled") or audited)


def person_deltas(task: Doc, project: Project, gold: Doc | None) -> dict[str, dict[str, float]]:
    """What a task with all its opinions adds to each person's counters."""
    opinions = counted(task)
    deltas: dict[str, dict[str, float]] = {}
    for mine in opinions:
        others = [o for o in opinions if o is not mine]
        agreeing = sum(not differs(mine["value"], o["value"], project.loss) for o in others)
        adds = {"annotations": 1.0, "compared": float(len(others)), "agreeing": float(agreeing)}
        if gold is not None:
            adds["gold"] = 1.0
            adds["gold_correct"] = float(not differs(gold, mine["value"], project.loss))
        deltas[mine["annotator"]] = adds
    return deltas


def skill(annotator: str, counters: Doc) -> Doc:
    """Mean and 95 % interval of accuracy on gold: Beta(1 + right, 1 + wrong)."""
    right = counters.get("gold_correct", 0.0)
    wrong = counters.get("gold", 0.0) - right
    a, b = 1.0 + right, 1.0 + wrong
    compared = counters.get("compared", 0.0)
    return {
        "annotator": annotator,
        "annotation_count": int(counters.get("annotations", 0)),
        "gold_count": int(counters.get("gold", 0)),
        "gold_correct_count": int(right),
        "accuracy": a / (a + b),
        "accuracy_lower": float(stream_bounds.beta.ppf(0.025, a, b)),
        "accuracy_upper": float(stream_bounds.beta.ppf(0.975, a, b)),
        "agreement": counters.get("agreeing", 0.0) / compared if compared else 0.0,
        "median_seconds": statistics.median(counters.get("seconds") or [0.0]),
    }


def quality(project: Project, counters: Doc, gate_bound: float, granted: int = 0) -> Doc:
    """The quality report: bounds of machine and people's labels, weighted by their counts.

    `gate_bound` bounds the error of a stream's gate; `granted` the undetected errors of all lots.
    """
    machine, human, verified, audits, errors = (
        int(counters.get(k, 0)) for k in ("machine", "human", "verified", "audits", "audit_errors")
    )
    # The audit is counted as it grows: looks at fixed sizes, each with its own share of risk.
    looks = stream_bounds.looks_due(audits, project.gate_target or USUAL_TARGET, project.half_alpha)
    alpha = stream_bounds.look_alpha(max(1, looks), project.half_alpha)
    human_bound = 0.0 if project.experts else stream_bounds.upper_bound(errors, audits, alpha)
    total, unseen = machine + human, human - verified
    lots = int(counters.get("lots", 0))
    errors_left = granted + (machine - lots) * gate_bound if machine else 0.0
    both = min(1.0, (errors_left + unseen * human_bound) / total) if total else 1.0
    return {
        "project": project.name,
        "machine_count": machine,
        "human_count": human,
        "machine_error_bound": min(1.0, errors_left / machine) if machine else 1.0,
        "audit_count": audits,
        "audit_errors": errors,
        "human_error_bound": human_bound,
        "error_bound": both,
        "confidence": project.confidence or CONFIDENCE,
        "max_error_rate": project.max_error_rate,
        "verified_count": verified,
    }


def gate_name(project: str, prediction: Doc) -> str:
    """The gate a prediction belongs to."""
    return f"{project}/gates/{prediction['model']}-{prediction.get('model_version', '')}"


def class_of(prediction: Doc) -> str:
    """The class of a single choice; empty for every other shape."""
    classes = prediction.get("value", {}).get("choices", {}).get("classes", [])
    return str(classes[0]) if len(classes) == 1 else ""


FLOOR_GRID = 20
STANDING_ALPHA = 0.01
# How many items passed is known from the draws alone, give or take; a little fewer is assumed.
PASSING_SURE = 0.8


def decide(
    project: Project, curve: lot_proof.Curve, now: planner.Circumstances
) -> planner.Decision:
    """What follows an evaluation; without a promise to keep, the model only drafts."""
    if project.machine_label and project.max_error_rate:
        return planner.decide(curve, now)
    plan = lot_proof.Plan(0.0, 0, 0, int(curve.counts[-1]))
    return planner.Decision(planner.STOP, "the project has people label", plan)


def draw_of(row: Doc) -> lot_proof.Draw:
    """A draw as kept."""
    wrong = None if row["pending"] else bool(row["wrong"])
    return lot_proof.Draw(-float(row["score"]), float(row.get("tie_breaker", 0.0)), wrong)


def passes_any(proof: lot_proof.Proof, draws: Sequence[lot_proof.Draw]) -> bool:
    """Does anything stand before the threshold?"""
    if math.isinf(proof.uncertainty):
        return proof.uncertainty > 0
    return any(
        (d.uncertainty, d.tie_breaker) < (proof.uncertainty, proof.tie_breaker) for d in draws
    )


def proven(
    doc: Doc,
    project: Project,
    proof: lot_proof.Proof,
    drawn: int,
    bound: int,
    class_thresholds: Mapping[str, float],
) -> Doc:
    """The gate after its proof."""
    opened = bound > 0 or (math.isinf(proof.uncertainty) and proof.uncertainty > 0)
    whole = math.isinf(proof.uncertainty)
    size, most = doc["lot_size"], doc["forbidden"] - 1
    words = (
        f"lot {doc['lot']}: {proof.errors} wrong drafts in the {proof.settled} surest of {drawn}"
        f" drawn from {size}; at most {bound} undetected errors in {doc['size']} labels at"
        f" confidence {doc['confidence']:.4f} (allowed: {most})"
    )
    closed = f"lot {doc['lot']}: nothing could be proven from {drawn} drawn of {size}"
    return {
        **doc,
        "state": (GateState.OPEN if opened else GateState.CLOSED).value,
        "threshold": 0.0 if whole else -proof.uncertainty,
        "tie_breaker": 1.0 if whole else proof.tie_breaker,
        "bound_count": bound if opened else 0,
        "error_bound": bound / max(1, doc["size"]) if opened else 1.0,
        "sample_size": proof.settled,
        "sample_errors": proof.errors,
        "evidence_count": drawn,
        "class_thresholds": dict(class_thresholds),
        "reason": words if opened else closed,
    }


def floor_threshold(
    scores: Sequence[float], rows: Sequence[Doc], floor: float, alpha: float
) -> float:
    """Lowest score of a class that its floor lets through; 2 where nothing is proven.

    `scores` are the class's in the lot, highest first; the grid of sizes depends on them alone.
    """
    ranked = sorted(rows, key=lambda r: -float(r["score"]))
    wrong = [None if r["pending"] else bool(r["wrong"]) for r in ranked]
    sizes = sorted({max(1, len(scores) * i // FLOOR_GRID) for i in range(1, FLOOR_GRID + 1)})
    draws = [sum(float(r["score"]) >= scores[n - 1] for r in ranked) for n in sizes if scores]
    best = lot_proof.subset_threshold(wrong, sizes[: len(draws)], draws, floor, alpha)
    return float(scores[best - 1]) if best else 2.0


def watched(doc: Doc, project: Project, wrong: Sequence[bool]) -> Doc:
    """The gate after more outcomes of its standing audit.

    Evidence against the promise is a bet (Ville's inequality): the wealth passes 1/alpha with
    probability at most alpha while the error of what the gate lets out is what was promised,
    however often one looks.
    """
    passing = doc["lot_size"] * doc.get("sample_size", 0) / max(1, doc.get("evidence_count", 1))
    allowed = min(0.5, doc["forbidden"] / max(1.0, PASSING_SURE * passing))
    bets = doc.get("bets", [1.0] * len(BETS))
    for outcome in wrong:
        bets = [
            wealth * (factor if outcome else (1 - min(0.95, factor * allowed)) / (1 - allowed))
            for wealth, factor in zip(bets, _factors(allowed), strict=True)
        ]
    wealth = sum(bets) / len(bets)
    after = {
        **doc,
        "bets": bets,
        "ongoing_audit_count": doc.get("ongoing_audit_count", 0) + len(wrong),
        "ongoing_audit_errors": doc.get("ongoing_audit_errors", 0) + sum(wrong),
    }
    if wealth < 1.0 / STANDING_ALPHA:
        return after
    words = (
        f"the standing audit found {after['ongoing_audit_errors']} errors in"
        f" {after['ongoing_audit_count']} labels of lot {doc['lot']}; more than {allowed:.4f} of"
        f" what it let out is wrong at confidence {1 - STANDING_ALPHA:.2f}"
    )
    return {**after, "state": GateState.BREACHED.value, "reason": words}


BETS = (1.5, 3.0, 6.0, 12.0)


def _factors(allowed: float) -> list[float]:
    return [min(factor, 0.95 / allowed) for factor in BETS]
