"""Classes chosen for a whole item: one is right or wrong (`class`), several are compared as sets
(`set`), classes that are paths, "animal/cat", by how far down they go together (`hierarchy`). The
distance of two sets is Jaccard's (1901): 1 - shared / all."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss


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


def _apart(a: str, b: str) -> float:
    """1 - the share of the longer path that both begin with."""
    left, right = a.split("/"), b.split("/")
    shared = 0
    for x, y in zip(left, right, strict=False):
        if x != y:
            break
        shared += 1
    return 1.0 - shared / max(len(left), len(right))


def _path_errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    """Paths of the truth and of the label in the pairs that are nearest in sum; one farther apart
    than the tolerance is wrong, and so is one without a partner."""
    true, said = classes(truth), classes(label)
    near = sum(apart <= (tolerance or 0.0) + EPSILON for apart in _nearest(true, said))
    return Errors(float(max(len(true), len(said)) - near), float(len(true)))


def _path_distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    left, right = classes(a), classes(b)
    most = max(len(left), len(right))
    apart = _nearest(left, right)
    return (sum(apart) + most - len(apart)) / most if most else 0.0


def _nearest(a: list[str], b: list[str]) -> list[float]:
    """Distances of the pairs."""
    table = np.array([[_apart(x, y) for y in b] for x in a]).reshape(len(a), len(b))
    return [float(x) for x in table[linear_sum_assignment(table)]]


HIERARCHY = Loss(_path_distance, _path_errors)
CLASS = Loss(_class_distance, _class_errors)
SET = Loss(_set_distance, _set_errors)
