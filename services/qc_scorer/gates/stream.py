"""The gate over a stream as its evidence grows: what each look decides, and what is a breach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.qc_scorer.domain import GATE_PART, Doc, GateState, Project
from services.qc_scorer.gates import lot_proof, stream_bounds


def settled_first(rows: Iterable[Doc]) -> list[tuple[float, bool]]:
    """(score, wrong) in the order of scoring, up to the first that is not settled yet."""
    found = []
    for row in sorted(rows, key=lambda r: (r["time"], r["name"])):
        if row["pending"]:
            break
        found.append((row["score"], row["wrong"]))
    return found


def looks_due(size: int, project: Project, number: int) -> int:
    """Looks a sample of the project's model version 1, 2, ... has reached; none without a
    target."""
    if not project.max_error_rate:
        return 0
    return stream_bounds.looks_due(size, project.gate_target, stream_alpha(project, number))


def stream_alpha(project: Project, number: int) -> float:
    """Risk that all looks at the gate of model version 1, 2, ... may spend: versions share the
    gate's half as lots do, so that trying another version is paid for."""
    return lot_proof.lot_alpha(project.half_alpha, number)


def look(gate_doc: Doc, evidence: Sequence[tuple[float, bool]], project: Project) -> Doc | None:
    """The gate after the looks its evidence has reached; None where none is due.

    Only the newest due look is taken (each has its own alpha, those passed over are unspent).
    """
    number = gate_doc.get("number", 1)
    due = looks_due(len(evidence), project, number)
    if due <= gate_doc.get("analysis_count", 0) or gate_doc.get("state") == GateState.BREACHED:
        return None
    alpha = stream_alpha(project, number)
    if broken := _broken(gate_doc, evidence, project, stream_bounds.look_alpha(due, alpha)):
        return {**gate_doc, **broken, "analysis_count": due}
    found = stream_bounds.evaluate(evidence, project.gate_target, due, alpha)
    was_open = gate_doc.get("state") == GateState.OPEN
    return {
        **gate_doc,
        # What it let out before stands on the bound of its time.
        "past_bound": max(gate_doc.get("past_bound", 0.0), was_open * gate_doc["error_bound"]),
        "state": (GateState.OPEN if found.open else GateState.CLOSED).value,
        "threshold": found.threshold,
        "error_bound": found.bound,
        "sample_size": found.size,
        "sample_errors": found.errors,
        "confidence": 1.0 - found.alpha,
        "max_error_rate": project.max_error_rate,
        "reason": _why(found, project, due),
        "analysis_count": due,
        "weighed_count": len(evidence),
    }


def _broken(
    gate_doc: Doc, evidence: Sequence[tuple[float, bool]], project: Project, alpha: float
) -> Doc | None:
    """What becomes of an open gate when the blind sample since its last look, of what it let out,
    refutes its promise: closed for good. Older evidence chose the threshold and would flatter."""
    if gate_doc.get("state") != GateState.OPEN:
        return None
    fresh = evidence[gate_doc.get("weighed_count", 0) :]
    passed = [wrong for score, wrong in fresh if score >= gate_doc["threshold"]]
    lower = stream_bounds.lower_bound(sum(passed), len(passed), alpha)
    if lower <= project.gate_target:
        return None
    reason = (
        f"{sum(passed)} errors in a blind sample of {len(passed)} of what it let out: more than"
        f" {lower:.4f} is wrong at confidence {1 - alpha:.4f}, and {project.gate_target:.4f} was"
        " to be kept"
    )
    return {"state": GateState.BREACHED.value, "reason": reason, "confidence": 1.0 - alpha}


def _why(found: stream_bounds.Look, project: Project, look_number: int) -> str:
    verdict = "at most" if found.open else "above"
    return (
        f"look {look_number}: {found.errors} errors in a blind sample of {found.size} with"
        f" scores from {found.threshold:.4f}; error at most {found.bound:.4f} at confidence"
        f" {1 - found.alpha:.4f}, which is {verdict} {project.gate_target:.4f},"
        f" {GATE_PART:.0%} of the promised {project.max_error_rate:.4f}"
    )
