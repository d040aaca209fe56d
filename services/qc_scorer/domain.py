"""Scores of tasks, skills of people, quality of a project: pure decisions."""

from __future__ import annotations

import enum
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.qc_scorer import gate
from services.qc_scorer.agreement import differs
from services.qc_scorer.consensus import merge

Doc = dict[str, Any]
CONFIDENCE = 0.95
KEPT_SECONDS = 50
# Of the promised error the gate may use up this part; the rest is left for people's labels,
# which have an error and an uncertain measure of it, too (QUALITY 5.5).
GATE_PART = 0.75


class GateState(enum.StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"


@dataclass(frozen=True)
class Project:
    """What the scorer needs of a project and its template version."""

    name: str
    version: int
    loss: str
    merge_rule: str
    max_error_rate: float = 0.0
    confidence: float = CONFIDENCE

    @property
    def half_alpha(self) -> float:
        """Half of the risk goes to the gate, half to the audit of people's labels."""
        return (1.0 - (self.confidence or CONFIDENCE)) / 2.0

    @property
    def gate_target(self) -> float:
        """What the gate must prove."""
        return GATE_PART * self.max_error_rate


@dataclass(frozen=True)
class Score:
    """What the opinions of one task say; fields as in the proto."""

    agreement: float
    consensus: Doc | None
    confidence: float
    opinion_count: int
    matches_prediction: bool
    disputed: bool


def counted(task: Doc) -> list[Doc]:
    """Annotations that count."""
    return [a for a in task.get("annotations", []) if not a.get("late")]


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
    """Does the settled label differ from the draft? Evidence for the gate."""
    return differs(task["label"]["value"], task["prediction"]["value"], project.loss)


def audit_outcome(task: Doc, project: Project) -> bool | None:
    """Of an audited task: was the label wrong that would have gone out without the audit?
    None where the task was not audited."""
    if not any(d.get("action") == "AUDIT" for d in task.get("decisions", [])):
        return None
    before = [a["value"] for a in counted(task)][:-1]
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
        "accuracy_lower": float(gate.beta.ppf(0.025, a, b)),
        "accuracy_upper": float(gate.beta.ppf(0.975, a, b)),
        "agreement": counters.get("agreeing", 0.0) / compared if compared else 0.0,
        "median_seconds": statistics.median(counters.get("seconds") or [0.0]),
    }


def settled_first(rows: Iterable[Doc]) -> list[tuple[float, bool]]:
    """(score, wrong) in the order of scoring, up to the first that is not settled yet."""
    found = []
    for row in sorted(rows, key=lambda r: (r["time"], r["name"])):
        if row["pending"]:
            break
        found.append((row["score"], row["wrong"]))
    return found


def looks_due(size: int, project: Project) -> int:
    """Looks a sample has reached; none without a target."""
    if not project.max_error_rate:
        return 0
    return gate.looks_due(size, project.gate_target, project.half_alpha)


def look(gate_doc: Doc, evidence: Sequence[tuple[float, bool]], project: Project) -> Doc | None:
    """The gate after the looks its evidence has reached; None where none is due.

    Only the newest due look is taken (each has its own alpha, those passed over are unspent).
    """
    due = looks_due(len(evidence), project)
    if due <= gate_doc.get("look_count", 0):
        return None
    found = gate.evaluate(evidence, project.gate_target, due, project.half_alpha)
    return {
        **gate_doc,
        "state": (GateState.OPEN if found.open else GateState.CLOSED).value,
        "threshold": found.threshold,
        "error_bound": found.bound,
        "sample_size": found.size,
        "sample_errors": found.errors,
        "confidence": 1.0 - found.alpha,
        "max_error_rate": project.max_error_rate,
        "reason": _why(found, project, due),
        "look_count": due,
        "version": gate_doc.get("version", 0) + 1,
    }


def _why(found: gate.Look, project: Project, look_number: int) -> str:
    verdict = "at most" if found.open else "above"
    return (
        f"look {look_number}: {found.errors} errors in a blind sample of {found.size} with"
        f" scores from {found.threshold:.4f}; error at most {found.bound:.4f} at confidence"
        f" {1 - found.alpha:.4f}, which is {verdict} {project.gate_target:.4f},"
        f" {GATE_PART:.0%} of the promised {project.max_error_rate:.4f}"
    )


def quality(project: Project, counters: Doc, gate_bound: float) -> Doc:
    """The quality report: bounds of machine and people's labels, weighted by their counts."""
    machine, human, verified, audits, errors = (
        int(counters.get(k, 0)) for k in ("machine", "human", "verified", "audits", "audit_errors")
    )
    # The audit is counted as it grows: looks at fixed sizes, each with its own share of risk.
    alpha = gate.look_alpha(max(1, looks_due(audits, project)), project.half_alpha)
    human_bound = gate.upper_bound(errors, audits, alpha)
    total, unseen = machine + human, human - verified
    both = (machine * gate_bound + unseen * human_bound) / total if total else 1.0
    return {
        "project": project.name,
        "machine_count": machine,
        "human_count": human,
        "machine_error_bound": gate_bound if machine else 1.0,
        "audit_count": audits,
        "audit_errors": errors,
        "human_error_bound": human_bound,
        "error_bound": both,
        "confidence": project.confidence or CONFIDENCE,
        "max_error_rate": project.max_error_rate,
        "verified_count": verified,
    }
