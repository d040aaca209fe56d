"""Accepted labels as the checkup keeps them: one short row each, and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from services.qc_scorer import domain
from services.qc_scorer.domain import Doc, Project, Score
from services.qc_scorer.losses import differs
from services.qc_scorer.review import acceptance_sampling, risk
from services.qc_scorer.review.acceptance_sampling import Terms

_DIGITS = 6
# Error rates below it are planned for as if errors were a Poisson process.
RARE = 1e-3


@dataclass(frozen=True)
class Row:
    """What risk needs of one accepted label; NaN where nothing is known. `task` is the last part
    of its name, `gate` the one that let it out."""

    task: str
    version: int
    source: str
    margin: float = math.nan
    agreement: float = math.nan
    opinions: int = 0
    skill: float = math.nan
    gate: str = ""


def row_of(task: Doc, project: Project, skills: Mapping[str, float]) -> Row:
    """The row of a label of people (document of `task_dispatch.v1.Task`)."""
    label = task["label"]
    said = domain.counted(task)
    agreeing = [a for a in said if not differs(label["value"], a["value"], project.loss)]
    known = [skills[a["annotator"]] for a in agreeing or said if a["annotator"] in skills]
    return Row(
        task=task["name"].rsplit("/", 1)[-1],
        version=int(task["version"]),
        source=label.get("source", "HUMAN"),
        margin=_margin(task, project),
        agreement=len(agreeing) / len(said) if said else math.nan,
        opinions=len(said),
        skill=max(known) if known else math.nan,
    )


def _margin(task: Doc, project: Project) -> float:
    draft = task.get("prediction")
    if not draft or "value" not in draft:
        return math.nan
    equal = not differs(task["label"]["value"], draft["value"], project.loss)
    return risk.draft_margin(equal, draft.get("score", 0.0))


def machine_row(task: str, version: int, score: float, gate: str) -> Row:
    """The row of a machine label: its draft, by definition."""
    margin = risk.draft_margin(True, score)
    return Row(task.rsplit("/", 1)[-1], version, "MACHINE", margin, gate=gate)


def scores(rows: Sequence[Row]) -> risk.FloatArray:
    """(n,) risks."""
    columns = [
        np.array([getattr(row, name) for row in rows], dtype=np.float64)
        for name in ("margin", "agreement", "opinions", "skill")
    ]
    return risk.risks(risk.Signals(*columns))


def packed(row: Row, score: float) -> list[Any]:
    """The row as kept, its score in the third place."""
    numbers = (score, row.margin, row.agreement, row.opinions, row.skill)
    kept = [None if math.isnan(x) else round(x, _DIGITS) for x in numbers]
    return [row.task, row.version, *kept, row.source]


def score_of(kept: Sequence[Any]) -> float:
    return float(kept[2])


def shown(project: str, kept: Sequence[Any]) -> Doc:
    """Document of `Risk`."""
    task, version, score, margin, agreement, opinions, skill, source = kept
    words = risk.reasons(_known(margin), _known(agreement), int(opinions), _known(skill), math.nan)
    return {
        "task": f"{project}/tasks/{task}",
        "task_version": version,
        "score": score,
        "reasons": words,
        "source": source,
    }


def _known(number: float | None) -> float:
    return math.nan if number is None else float(number)


def under_review(score: Score, task: Doc, project: Project) -> Score:
    """The score, where a reviewer judges a label that was accepted before: that label stands for
    the opinions, whatever made it."""
    label = task.get("label")
    if label is None or task.get("stage") != "REVIEW":
        return score
    draft = (task.get("prediction") or {}).get("value")
    return Score(
        agreement=1.0,
        consensus=label["value"],
        confidence=label.get("score", 0.0),
        annotation_count=score.annotation_count,
        matches_prediction=draft is not None and not differs(label["value"], draft, project.loss),
        disputed=False,
        check=score.check,
    )


def was_wrong(task: Doc, project: Project) -> bool:
    """Of a task that was accepted again: does its label differ from the one before?"""
    before = task["earlier_labels"][-1]["value"]
    return differs(task["label"]["value"], before, project.loss)


def estimate(
    request: Doc, told: Sequence[Doc], waiting: Sequence[Doc], confidence: float, wrong: str
) -> Doc:
    """Document of `ErrorEstimate` from a sample's judged rows."""
    found = risk.estimate(
        [row["outcome"] == wrong for row in told],
        np.array([row["risk"] for row in told]),
        np.array([row["chance"] for row in told]),
        request["label_count"],
        request["total"],
        request["least"],
        confidence,
        [row["chance"] for row in waiting],
    )
    return {
        "request": request["name"],
        "rate": found.rate,
        "lower": found.low,
        "upper": found.high,
        "plain_rate": found.plain,
        "plain_lower": found.plain_low,
        "plain_upper": found.plain_high,
        "bound": found.bound,
        "confidence": confidence,
        "label_count": request["label_count"],
        "judged_count": found.drawn,
        "error_count": found.errors,
        "waiting_count": len(waiting),
    }


def plan_doc(terms: Terms, attempt: int, errors: int) -> Doc:
    """Document of `AcceptancePlan`; the sequential plan takes at most as many labels as hold
    `errors` wrong ones at the promised rate."""
    plan = acceptance_sampling.fixed_plan(terms)
    most = min(math.ceil(errors / terms.rate), terms.lot or 10**9)
    good, bad = _courses(terms, most)
    return {
        "sample_size": plan.size,
        "accept_errors": plan.errors,
        "consumer_risk": plan.consumer_risk,
        "producer_risk": plan.producer_risk,
        "curve": [
            {"error_rate": r, "accept": a} for r, a in acceptance_sampling.curve(plan, terms)
        ],
        "expected_count": good.mean,
        "expected_count_at_target": bad.mean,
        "expected_accept": good.accept,
        "most_count": most,
        "attempt": attempt,
        "max_error_rate": terms.rate,
        "better_error_rate": terms.better,
        "confidence": 1.0 - terms.alpha,
        "reason": _words(plan, terms, attempt, good),
    }


def _courses(
    terms: Terms, most: int
) -> tuple[acceptance_sampling.Course, acceptance_sampling.Course]:
    """The sequential plan at the better rate and at the promised one. Rare errors come as a Poisson
    process: below `RARE` it goes as at `RARE`, in as many more labels (within a part in 500)."""
    scale = max(1.0, RARE / terms.rate)
    at = replace(terms, rate=terms.rate * scale, better=terms.better * scale)
    steps = max(1, round(most / scale))
    good, bad = (acceptance_sampling.course(at, rate, steps) for rate in (at.better, at.rate))
    return _scaled(good, scale), _scaled(bad, scale)


def _scaled(course: acceptance_sampling.Course, scale: float) -> acceptance_sampling.Course:
    return replace(course, mean=course.mean * scale, mean_accepted=course.mean_accepted * scale)


def _words(
    plan: acceptance_sampling.Plan, terms: Terms, attempt: int, good: acceptance_sampling.Course
) -> str:
    lot = f"of {terms.lot}" if terms.lot else "of a stream"
    tries = f" (attempt {attempt}: the risk is shared with those before)" if attempt > 1 else ""
    return (
        f"draw {plan.size} {lot} by chance and accept with at most {plan.errors} wrong: a lot"
        f" above {terms.rate:.4g} passes with a chance of at most {plan.consumer_risk:.4f}, one of"
        f" {terms.better:.4g} is rejected with {plan.producer_risk:.4f}; looking after every"
        f" label takes about {good.mean:.0f}{tries}"
    )


def was_machine(task: Doc) -> bool:
    """Of a label of people: was it a machine's before?"""
    before = task.get("earlier_labels") or [{}]
    return bool(before[-1].get("source") == "MACHINE")


def was_in_lot(task: Doc) -> bool:
    """As `was_machine`, out of a lot."""
    return was_machine(task) and bool((task.get("prediction") or {}).get("lot"))
