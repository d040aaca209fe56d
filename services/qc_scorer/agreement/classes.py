"""Classes chosen for a whole item: one is right or wrong (`class`), several are compared as sets
(`set`). The distance of two sets is Jaccard's (1901): 1 - shared / all."""

from __future__ import annotations

from services.qc_scorer.agreement.contract import Doc, Errors, Loss


def classes(value: Doc) -> list[str]:
    return list(value.get("choices", {}).get("classes", []))


def _class_errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    return Errors(float(sorted(classes(truth)) != sorted(classes(label))), 1.0)


def _class_distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    return _class_errors(a, b).count


def _set_errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    """Classes missed and classes too many, of those of the truth."""
    true, said = set(classes(truth)), set(classes(label))
    return Errors(float(len(true ^ said)), float(len(true)))


def _set_distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    left, right = set(classes(a)), set(classes(b))
    return len(left ^ right) / max(1, len(left | right))


CLASS = Loss(_class_distance, _class_errors)
SET = Loss(_set_distance, _set_errors)
