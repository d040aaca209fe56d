"""What a task is made of: shapes, errors and what may be seen of it; its moves are in `lifecycle`.

Two axes: stage (what kind of work) and state (where in it). Values, predictions, annotations,
reviews, decisions and labels are documents in the form of `labelmill.annotation.v1`; nothing
here looks inside a value (`value_check` does, once, when it comes in).
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass, replace
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
    # Share of answers that a reviewer looks at: are there reviewers?
    review_share: float = 0.0
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
    # Only `people` may work in it, where `listed`.
    listed: bool = False
    people: tuple[str, ...] = ()

    @property
    def tenant(self) -> str:
        """`tenants/t`"""
        return self.name.split("/projects/", 1)[0]

    @property
    def members(self) -> tuple[bool, tuple[str, ...]]:
        """(only those listed?, who is listed)."""
        return self.listed, self.people


@dataclass(frozen=True)
class User:
    """A user of a tenant as the gateway tells them; `name` is tenants/{t}/users/{u}."""

    name: str
    role: str
    version: int
    skills: tuple[str, ...] = ()
    active: bool = True

    @property
    def id(self) -> str:
        """Their id within the tenant: how annotations name them."""
        return self.name.rsplit("/", 1)[-1]

    def has(self, skills: Collection[str]) -> bool:
        """Are they let in, with all of these skills?"""
        return self.active and set(skills) <= set(self.skills)


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
    all; `saw_draft` who was shown a draft; of a task in parts `subtasks` are its parts' tasks,
    `rounds` how often they clashed;
    `extent` is how far the item's media go (document of `label_validation.Extent`), where known."""

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
    saw_draft: tuple[str, ...] = ()
    source_key: str = ""
    earlier_labels: tuple[Doc, ...] = ()
    group: str = ""
    fencing: int = 0
    review_goal: int = 0
    part: str = ""
    element: str = ""
    parent_task: str = ""
    inputs: Doc | None = None
    subtasks: tuple[str, ...] = ()
    rounds: int = 0
    extent: Doc | None = None

    @property
    def reviewing(self) -> bool:
        return self.stage in REVIEW_STAGES

    @property
    def begun(self) -> bool:
        """Does it wait for one more annotation, which somebody may not give any more: they answered
        or skipped it, or saw the draft of what is blind now?"""
        waits = self.state is State.OPEN and not self.reviewing
        barred = self.annotations or self.excluded or (self.saw_draft and blinds(self))
        return waits and bool(barred)

    @property
    def annotation_count(self) -> int:
        """Annotations that count."""
        return sum(counts(a) for a in self.annotations)

    @property
    def wanted(self) -> int:
        """Annotations (or reviews) still missing."""
        if self.reviewing:
            return self.review_goal - len(self.reviews)
        return self.replica_count - self.annotation_count

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


def changed(held: Assignment, **changes: Any) -> Assignment:
    """Return the assignment with these changes, its version one higher."""
    return replace(held, version=held.version + 1, **changes)


def next_token(task: Task, now: datetime) -> int:
    """The fencing token of the task's next lease: higher than all before. Made of the time, since a
    count would tell who gets it that others had it before: that it is an audit, for instance."""
    return max(task.fencing + 1, int(now.timestamp() * 1e6))


def counts(annotation: Doc) -> bool:
    """Is it an opinion: neither late nor held?"""
    return not (annotation.get("late") or annotation.get("held"))


def shown_prediction(task: Task) -> Doc | None:
    """The draft a person may see: none when blind or when judging others' work."""
    draft = task.prediction
    if draft is None or task.blind or task.reviewing or task.stage is Stage.AUDIT:
        return None
    if "injected_error" not in draft:
        return draft
    # A planted draft looks like any other; that it is one is nobody's to see.
    return {
        **{k: v for k, v in draft.items() if k != "injected_error"},
        "value": draft["injected_error"],
    }


def blinds(task: Task) -> bool:
    """Is its draft kept from who annotates it?"""
    return not task.reviewing and task.prediction is not None and shown_prediction(task) is None


def assisted(task: Task) -> bool:
    """May models be asked about the task? Where there is a draft, only by who sees it."""
    if task.reviewing:
        return False
    return task.prediction is None or shown_prediction(task) is not None


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
