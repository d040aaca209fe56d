"""What a task is made of: shapes, errors and what may be seen of it; its moves are in `moves.py`.

Two axes: stage (what kind of work) and state (where in it). Values, predictions, annotations,
reviews, decisions and labels are documents in the form of `labelmill.annotation.v1`; nothing
here looks inside a value (`answers` does, once, when it comes in).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Doc = dict[str, Any]


class Stage(enum.StrEnum):
    ANNOTATION = "ANNOTATION"
    REVIEW = "REVIEW"
    ADJUDICATION = "ADJUDICATION"
    AUDIT = "AUDIT"


class State(enum.StrEnum):
    PRELABELING = "PRELABELING"
    ROUTING = "ROUTING"
    OPEN = "OPEN"
    ASSIGNED = "ASSIGNED"
    SCORING = "SCORING"
    ACCEPTED = "ACCEPTED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"
    DIVIDED = "DIVIDED"


class Action(enum.StrEnum):
    ACCEPT = "ACCEPT"
    ANNOTATE = "ANNOTATE"
    REVIEW = "REVIEW"
    ADJUDICATE = "ADJUDICATE"
    AUDIT = "AUDIT"
    RETURN = "RETURN"


REVIEW_STAGES = frozenset({Stage.REVIEW, Stage.ADJUDICATION})
ENDED = frozenset({State.ACCEPTED, State.DELIVERED, State.CANCELLED})
ROUTABLE = frozenset({State.PRELABELING, State.ROUTING, State.SCORING})


class IllegalMove(Exception):
    """The task's state forbids the move; the message is for people."""


@dataclass(frozen=True)
class Policy:
    """What task-dispatch needs of a project's policy."""

    replica_count: int = 1
    lease_seconds: int = 900
    annotator_cap: int = 0
    required_skills: tuple[str, ...] = ()
    # What an hour of people costs (0: nobody said), and whether a model learns from them.
    hourly_cost: float = 0.0
    training: Doc | None = None


@dataclass(frozen=True)
class Project:
    """A project as this service knows it."""

    name: str
    version: int
    template: str
    policy: Policy
    # What a label must look like; and the data fields whose characters spans count and whose
    # entries are compared.
    label_schema: Doc | None = None
    text_field: str = ""
    candidates_field: str = ""
    # How its items are divided and put together again; documents of the template.
    parts: tuple[Doc, ...] = ()
    join: str = ""
    data_fields: tuple[Doc, ...] = ()


@dataclass(frozen=True)
class Lease:
    """One person's hold on a task."""

    assignment: str
    annotator: str
    fencing_token: int
    expire_time: datetime
    create_time: datetime


@dataclass(frozen=True)
class Routing:
    """A decision of review-router about one task."""

    task: str
    task_version: int
    action: Action
    reason: str = ""
    prediction: Doc | None = None
    label: Doc | None = None
    replica_count: int = 0
    blind: bool = False
    sampled: bool = False
    priority: float = 0.0
    comment: str = ""


@dataclass(frozen=True)
class Task:
    """One item, or a part of one, to be labelled under one template version. Fields as in the
    proto; besides: `fencing` is the newest token given out, `review_goal` the reviews wanted in
    all; of a whole in parts `pieces` are its parts' tasks, `rounds` how often they clashed;
    `extent` is how far the item's media go (document of `values.Extent`), where known."""

    name: str
    project: str
    item: str
    data: str
    template: str
    stage: Stage
    state: State
    version: int
    create_time: datetime
    update_time: datetime
    replica_count: int = 1
    gold: bool = False
    sampled: bool = False
    blind: bool = False
    prediction: Doc | None = None
    annotations: tuple[Doc, ...] = ()
    reviews: tuple[Doc, ...] = ()
    decisions: tuple[Doc, ...] = ()
    leases: tuple[Lease, ...] = ()
    label: Doc | None = None
    priority: float = 0.0
    comment: str = ""
    excluded: tuple[str, ...] = ()
    source_key: str = ""
    earlier_labels: tuple[Doc, ...] = ()
    group: str = ""
    fencing: int = 0
    review_goal: int = 0
    part: str = ""
    entry: str = ""
    whole: str = ""
    inputs: Doc | None = None
    pieces: tuple[str, ...] = ()
    rounds: int = 0
    extent: Doc | None = None

    @property
    def reviewing(self) -> bool:
        return self.stage in REVIEW_STAGES

    @property
    def opinions(self) -> int:
        """Annotations that count."""
        return sum(counts(a) for a in self.annotations)

    @property
    def wanted(self) -> int:
        """Opinions (or reviews) still missing."""
        if self.reviewing:
            return self.review_goal - len(self.reviews)
        return self.replica_count - self.opinions

    @property
    def free_slots(self) -> int:
        return self.wanted - len(self.leases)


@dataclass(frozen=True)
class Assignment:
    """A lease as kept: with the autosaved draft and, in the end, its outcome."""

    name: str
    task: str
    project: str
    annotator: str
    stage: Stage
    fencing_token: int
    create_time: datetime
    expire_time: datetime
    version: int = 1
    # LIVE, SUBMITTED, SKIPPED, RELEASED or EXPIRED.
    outcome: str = "LIVE"
    draft: Doc | None = None
    # The annotation or review it ended in: what a repeated submit is answered with.
    result: Doc | None = None


def counts(annotation: Doc) -> bool:
    """Is it an opinion: neither late nor held?"""
    return not (annotation.get("late") or annotation.get("held"))


def shown_prediction(task: Task) -> Doc | None:
    """The draft a person may see: none when blind or when judging others' work."""
    draft = task.prediction
    if draft is None or task.blind or task.reviewing or task.stage is Stage.AUDIT:
        return None
    if "planted" not in draft:
        return draft
    # A planted draft looks like any other; that it is one is nobody's to see.
    return {**{k: v for k, v in draft.items() if k != "planted"}, "value": draft["planted"]}


def shown_opinions(task: Task) -> tuple[Doc, ...]:
    """Opinions a reviewer judges, without names, the draft among them when adjudicating."""
    if not task.reviewing:
        return ()
    if task.stage is Stage.REVIEW and task.label is not None:
        return (task.label["value"],)
    values = [a["value"] for a in task.annotations if counts(a)]
    if task.stage is Stage.ADJUDICATION and task.prediction is not None:
        values.append(task.prediction["value"])
    return tuple(values)


def counted(before: Task | None, after: Task) -> dict[str, float]:
    """What the change adds to the project's counters."""
    deltas: dict[str, float] = {}

    def add(key: str, delta: float) -> None:
        deltas[key] = deltas.get(key, 0) + delta

    if before is None:
        add("tasks", 1)
        add("gold", 1 if after.gold else 0)
    for task, sign in ((before, -1), (after, 1)):
        if task is None:
            continue
        add(f"counts.{task.stage}.{task.state}", sign)
        if task.label is not None:
            add(f"sources.{task.label.get('source', 'HUMAN')}", sign)
    new = after.annotations[len(before.annotations) :] if before else ()
    judged = after.reviews[len(before.reviews) :] if before else ()
    add("annotations", len(new))
    add("reviews", len(judged))
    add("work_seconds", sum(w.get("work_seconds", 0.0) for w in (*new, *judged)))
    return {key: delta for key, delta in deltas.items() if delta}
