"""People's work in the terms of the cost ledger, as counters: what a change of a task adds, and
what the sums say. The definitions are those of `libs.common.work_stages` and
`libs.common.ledger`, so that progress and certificate speak of the same things.

Work counts when it is done; an item is timed when its label is settled, and no longer once the
label is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from libs.common import work_stages
from libs.common.ledger import UNKNOWN, ledger
from services.task_dispatch.domain import Doc, Project, State, Task


def worked(before: Task | None, after: Task) -> dict[str, float]:
    """Counters of the change: `stages.STAGE.COUNT`, `timing.MEASURE.BUCKET`; mostly none."""
    deltas: dict[str, float] = {}
    if before is None:
        return deltas
    pieces = [(a, False) for a in after.annotations[len(before.annotations) :]]
    pieces += [(r, True) for r in after.reviews[len(before.reviews) :]]
    for piece, judged in pieces:
        stage = work_stages.stage_of(piece, judged, _lineage(after), after.gold, after.sampled)
        for key, value in work_stages.tally_of(piece).items():
            _add(deltas, f"stages.{stage}.{key}", value)
    if (before.label is None) != (after.label is None):
        _time(deltas, before, -1)
        _time(deltas, after, 1)
    return deltas


def _time(deltas: dict[str, float], task: Task, sign: int) -> None:
    if task.label is None or not task.annotations:
        return
    work = work_stages.effort_of(
        _lineage(task), task.label.get("source", ""), gold=task.gold, sampled=task.sampled
    )
    for measure, buckets in work["timing"].items():
        for bucket, count in buckets.items():
            _add(deltas, f"timing.{measure}.{bucket}", sign * count)


def _lineage(task: Task) -> Doc:
    return {
        "prediction": task.prediction,
        "annotations": task.annotations,
        "reviews": task.reviews,
        "decisions": task.decisions,
    }


def _add(deltas: dict[str, float], key: str, value: float) -> None:
    if value:
        deltas[key] = deltas.get(key, 0) + value


def costs(project: Project, totals: Mapping[str, float]) -> Doc:
    """The cost fields of `Progress` of the sums of all counters; what is not known is absent."""
    trains = project.policy.training is not None
    work = work_stages.add({}, [_unfolded(totals)], trains)
    labels = sum(
        v
        for k, v in totals.items()
        if k.startswith("counts.") and k.endswith((f".{State.ACCEPTED}", f".{State.DELIVERED}"))
    )
    told = ledger(
        {
            "label_count": int(labels),
            "sources": {},
            "work_seconds": totals.get("work_seconds", 0.0),
            "hourly_cost": project.policy.hourly_cost,
            "stages": work["stages"],
            "timing": work["timing"],
        }
    )
    doc: Doc = {
        "stages": [
            {
                "stage": row["stage"],
                "count": int(row["answers"] - row["untimed"]),
                "untimed_count": int(row["untimed"]),
                "seconds": 0.0 if row["seconds"] == UNKNOWN else row["seconds"],
            }
            for row in told["people"]["stages"]
        ],
        "saved_against_people": _saving(told["saved"]["all_people"]),
        "saved_against_confirming": _saving(told["saved"]["confirm_all"]),
    }
    known = {
        "seconds_per_label": told["per_label"]["people_seconds"],
        "cost_amount": told["people"]["amount"],
    }
    return doc | {k: v for k, v in known.items() if v != UNKNOWN}


def _unfolded(totals: Mapping[str, float]) -> Doc:
    doc: dict[str, dict[str, Any]] = {"stages": {}, "timing": {}}
    for key, value in totals.items():
        kind, _, rest = key.partition(".")
        if kind in doc and value:
            name, _, what = rest.partition(".")
            empty = work_stages.tally_of(None) if kind == "stages" else {}
            doc[kind].setdefault(name, empty)[what] = value
    return doc


def _saving(saved: Doc) -> Doc:
    doc: Doc = {"sample_count": int(saved["sample"]), "basis": saved["basis"]}
    known = {"share": saved["share"], "seconds_each": saved["seconds_each"]}
    if saved["interval"] != UNKNOWN:
        known["lower"], known["upper"] = saved["interval"]
    doc |= {k: v for k, v in known.items() if v != UNKNOWN}
    return doc | ({"reason": saved["why"]} if "why" in saved else {})
