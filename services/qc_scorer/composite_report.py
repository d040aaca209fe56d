"""Items in parts: what the parts' projects prove of the labels that are put together (ADR 15).

A whole is wrong with any of its pieces, so that of N wholes at most the wrong pieces are wrong: the
bounds of the parts' projects, each times its labels, add up; so do the risks that they are too low.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from services.qc_scorer.domain import Doc, Project, verified
from services.qc_scorer.losses import differs

# Of a kept row, and of a project's counters.
COUNTS = ("pieces", "apart")


def counts(task: Doc, project: Project) -> dict[str, int]:
    """Of an accepted whole: pieces it was put together of, and 1 where it is not what they make;
    nothing of any other task."""
    if not project.parts:
        return {}
    pieces = len(task.get("subtasks", []))
    apart = _apart(task, project) if pieces else not verified(task)
    return {"pieces": pieces, "apart": int(apart)}


def _apart(task: Doc, project: Project) -> bool:
    """Did a reviewer of the whole make it another one than its pieces did?"""
    if (task.get("decisions") or [{}])[-1].get("action") == "JOIN":
        return False
    before = task.get("earlier_labels") or []
    return not before or differs(before[-1]["value"], task["label"]["value"], project.loss)


def moved(made: Mapping[str, Mapping[str, int]], seen: Mapping[str, Doc]) -> dict[str, int]:
    """What `counts` by task, of tasks some of which were accepted before (their rows in `seen`),
    add to the project's counters."""
    total: Counter[str] = Counter()
    for task, now in made.items():
        before = seen.get(task, {})
        for name, count in now.items():
            total[name] += count - before.get(name, 0)
    return dict(total)


def report(own: Doc, parts: Sequence[Doc], counters: Mapping[str, Any]) -> Doc:
    """The quality report of the wholes (`own`: that of their project alone) with those of the
    parts' projects."""
    pieces, apart = (int(counters.get(name, 0)) for name in COUNTS)
    total = own["machine_count"] + own["human_count"]
    covered = [part["machine_count"] + part["human_count"] for part in parts]
    wrong = sum(n * part["error_bound"] for n, part in zip(covered, parts, strict=True))
    wrong += max(0, pieces - sum(covered)) + apart
    risk = sum(1.0 - part["confidence"] for part in parts)
    return {
        **own,
        "error_bound": min(1.0, wrong / total) if total else 1.0,
        "confidence": max(0.0, 1.0 - risk),
        "parts": list(parts),
        "subtask_count": pieces,
        "apart_count": apart,
    }
