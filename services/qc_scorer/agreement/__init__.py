"""When are two labels equal? Losses by name, one module per family (QUALITY, section 4)."""

from __future__ import annotations

from services.qc_scorer.agreement import boxes, classes, spans, words
from services.qc_scorer.agreement.contract import Doc, Errors, Loss

# Every loss that a template may name (`services/template`); what each measures: docs/agreement.md.
LOSSES: dict[str, Loss] = {
    "class": classes.CLASS,
    "set": classes.SET,
    "boxes": boxes.BOXES,
    "span": spans.SPANS,
    "text": words.TEXT,
    "word": words.WORD,
}


def differs(a: Doc, b: Doc, loss: str) -> bool:
    """Is `b` an error where `a` is right? `loss` as `with_tolerance` names it."""
    found, tolerance = named(loss)
    return a != b and found.wrong(a, b, tolerance)


def distance(a: Doc, b: Doc, loss: str) -> float:
    """0 where two values are equal, 1 where they have nothing in common."""
    found, tolerance = named(loss)
    return found.distance(a, b, tolerance)


def errors(truth: Doc, label: Doc, loss: str) -> Errors:
    """Errors of `label`, and how many units the truth has."""
    found, tolerance = named(loss)
    return found.errors(truth, label, tolerance)


def with_tolerance(loss: str, tolerance: float) -> str:
    """The name of a loss, its tolerance with it: `word:0.05`."""
    return f"{loss}:{tolerance:g}" if tolerance else loss


def named(loss: str) -> tuple[Loss, float | None]:
    """(loss, its tolerance or None for the default) of `word` or `word:0.05`."""
    name, _, tolerance = loss.partition(":")
    return LOSSES[name], float(tolerance) if tolerance else None
