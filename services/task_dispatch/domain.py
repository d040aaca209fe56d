"""A task and every move it can make: the only place where a task's state changes.

Two axes: stage (what kind of work) and state (where in it). Each move takes a task and returns
the next one, with `version` one higher, or raises `IllegalMove`. Values, predictions,
annotations, reviews, decisions and labels are documents in the form of
`labelmill.annotation.v1`; nothing here looks inside a value.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

Doc = dict[str, Any]
SKIPS_BEFORE_REVIEWER = 3


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


class Action(enum.StrEnum):
    ACCEPT = "ACCEPT"
    ANNOTATE = "ANNOTATE"
    REVIEW = "REVIEW"
    ADJUDICATE = "ADJUDICATE"
    AUDIT = "AUDIT"


REVIEW_STAGES = frozenset({Stage.REVIEW, Stage.ADJUDICATION})
ENDED = frozenset({State.ACCEPTED, State.DELIVERED, State.CANCELLED})
ROUTABLE = frozenset({State.PRELABELING, State.ROUTING, State.SCORING})
_STAGE_OF = {
    Action.ANNOTATE: Stage.ANNOTATION,
    Action.REVIEW: Stage.REVIEW,
    Action.ADJUDICATE: Stage.ADJUDICATION,
    Action.AUDIT: Stage.AUDIT,
}


class IllegalMove(Exception):
    """The task's state forbids the move; the message is for people."""


@dataclass(frozen=True)
class Policy:
    """What task-dispatch needs of a project's policy."""

    replica_count: int = 1
    lease_seconds: int = 900
    annotator_cap: int = 0
    required_skills: tuple[str, ...] = ()


@dataclass(frozen=True)
class Project:
    """A project as this service knows it."""

    name: str
    version: int
    template: str
    policy: Policy


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
    """One item to be labelled under one template version. Fields as in the proto; besides:
    `fencing` is the newest token given out, `review_goal` the reviews wanted in all."""

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
    fencing: int = 0
    review_goal: int = 0

    @property
    def reviewing(self) -> bool:
        return self.stage in REVIEW_STAGES

    @property
    def opinions(self) -> int:
        """Annotations that count."""
        return sum(not a.get("late") for a in self.annotations)

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


def create(item: Doc, project: Project, now: datetime) -> Task:
    """Task of an admitted item (document of `intake.v1.Item`); the ids are the same."""
    return Task(
        name=f"{project.name}/tasks/{item['name'].rsplit('/', 1)[-1]}",
        project=project.name,
        item=item["name"],
        data=item["data"],
        template=project.template,
        stage=Stage.ANNOTATION,
        state=State.PRELABELING,
        version=1,
        create_time=now,
        update_time=now,
        replica_count=max(1, project.policy.replica_count),
        gold="gold" in item,
        source_key=item.get("source_key", ""),
    )


def route(task: Task, routing: Routing, now: datetime) -> Task | None:
    """The task after a routing; None where it does not wait for one (any more)."""
    if routing.task_version != task.version or task.state not in ROUTABLE:
        return None
    decision = {
        "action": routing.action.value,
        "reason": routing.reason,
        "create_time": now.isoformat(timespec="microseconds"),
        "task_version": task.version,
    }
    task = replace(
        task,
        decisions=(*task.decisions, decision),
        prediction=routing.prediction or task.prediction,
        sampled=task.sampled or routing.sampled,
    )
    if routing.action is Action.ACCEPT:
        return _settle(task, routing.label or {}, now)
    return _open(task, routing, now)


def _settle(task: Task, label: Doc, now: datetime) -> Task:
    stamped = {**label, "accept_time": now.isoformat(timespec="microseconds")}
    return _next(task, now, state=State.ACCEPTED, label=stamped, leases=(), comment="")


def _open(task: Task, routing: Routing, now: datetime) -> Task:
    stage = _STAGE_OF[routing.action]
    goal = len(task.reviews) + 1 if stage in REVIEW_STAGES else task.review_goal
    replicas = max(task.replica_count, routing.replica_count)
    if stage not in REVIEW_STAGES:
        replicas = max(replicas, task.opinions + 1)
    return _next(
        task,
        now,
        stage=stage,
        state=State.OPEN,
        replica_count=replicas,
        review_goal=goal,
        blind=routing.blind,
        priority=routing.priority,
        comment=routing.comment,
    )


def request_routing(task: Task, now: datetime) -> Task | None:
    """An untouched waiting task goes back to the router; None where it is not one."""
    touched = task.leases or task.annotations or task.reviews or task.sampled or task.gold
    if task.state is not State.OPEN or touched or task.prediction is None:
        return None
    return _next(task, now, state=State.ROUTING)


def fits(task: Task, person: str) -> bool:
    """May this person be given the task? Never one they have worked on, hold or skipped."""
    if task.state is not State.OPEN or task.free_slots <= 0 or person in task.excluded:
        return False
    worked = any(a["annotator"] == person for a in task.annotations) or any(
        r["reviewer"] == person for r in task.reviews
    )
    return not worked and all(lease.annotator != person for lease in task.leases)


def lease(task: Task, person: str, assignment: str, now: datetime, seconds: int) -> Task:
    """Leases the task; the new lease is the last of `leases`."""
    if not fits(task, person):
        raise IllegalMove(f"{task.name} cannot be leased to {person} now")
    held = Lease(assignment, person, task.fencing + 1, now + timedelta(seconds=seconds), now)
    leases = (*task.leases, held)
    state = State.OPEN if task.wanted > len(leases) else State.ASSIGNED
    return _next(task, now, leases=leases, fencing=held.fencing_token, state=state)


def submit(task: Task, held: Assignment, annotation: Doc, now: datetime) -> tuple[Task, Doc]:
    """(task, annotation as kept). One that comes after its lease is kept as a side opinion."""
    lease_ = _lease_of(task, held)
    if lease_ is None or lease_.expire_time <= now or task.reviewing:
        kept = {**annotation, "late": True}
        task = replace(_without(task, held), annotations=(*task.annotations, kept))
        # The assignment ends here, so nobody else would take its lease back.
        waits = task.state in (State.OPEN, State.ASSIGNED)
        return _next(task, now, state=_working_state(task) if waits else task.state), kept
    task = _without(task, held)
    task = replace(task, annotations=(*task.annotations, annotation))
    return _next(task, now, state=_working_state(task)), annotation


def review(task: Task, held: Assignment, verdict: Doc, now: datetime) -> Task:
    """The task after a reviewer's verdict; `IllegalMove` once the lease is over."""
    lease_ = _lease_of(task, held)
    if lease_ is None or lease_.expire_time <= now:
        raise IllegalMove("the lease is over; claim the task again")
    if not task.reviewing:
        raise IllegalMove(f"the task is in {task.stage}, which takes annotations, not reviews")
    task = replace(_without(task, held), reviews=(*task.reviews, verdict))
    return _next(task, now, state=_working_state(task))


def extend(task: Task, held: Assignment, now: datetime, seconds: int) -> Task:
    """The lease counts from now again; `IllegalMove` once it is over."""
    lease_ = _lease_of(task, held)
    if lease_ is None or lease_.expire_time <= now:
        raise IllegalMove("the lease is over; claim the task again")
    longer = replace(lease_, expire_time=now + timedelta(seconds=seconds))
    leases = tuple(longer if x is lease_ else x for x in task.leases)
    return _next(task, now, leases=leases)


def give_back(task: Task, held: Assignment, now: datetime, *, skip_reason: str = "") -> Task:
    """The lease ends without an answer. Who skips is not asked again; a task that several
    people skipped goes to a reviewer with their reasons."""
    if _lease_of(task, held) is None:
        raise IllegalMove("the lease is over already")
    task = _without(task, held)
    if skip_reason:
        task = replace(task, excluded=(*task.excluded, held.annotator))
        alone = not task.leases and not task.reviewing
        if len(task.excluded) >= SKIPS_BEFORE_REVIEWER and alone:
            return _next(
                task,
                now,
                stage=Stage.ADJUDICATION,
                state=State.OPEN,
                review_goal=len(task.reviews) + 1,
                comment=f"skipped by {len(task.excluded)} people; last reason: {skip_reason}",
            )
    return _next(task, now, state=_working_state(task))


def expire(task: Task, now: datetime) -> Task | None:
    """Without the leases that ran out; None where none did."""
    live = tuple(x for x in task.leases if x.expire_time > now)
    if len(live) == len(task.leases):
        return None
    task = replace(task, leases=live)
    return _next(task, now, state=task.state if task.state in ENDED else _working_state(task))


def deliver(task: Task, now: datetime) -> Task | None:
    """The task once a delivery holds it; None where it is not ACCEPTED (any more)."""
    return _next(task, now, state=State.DELIVERED) if task.state is State.ACCEPTED else None


def return_to_work(task: Task, reason: str, now: datetime) -> Task | None:
    """A rejected delivery's task goes to a reviewer with the client's reason."""
    if task.state not in (State.DELIVERED, State.ACCEPTED):
        return None
    return _next(
        task,
        now,
        stage=Stage.ADJUDICATION,
        state=State.OPEN,
        review_goal=len(task.reviews) + 1,
        label=None,
        blind=True,
        priority=3.0,
        comment=reason,
    )


def cancel(task: Task, reason: str, now: datetime) -> Task:
    """Out of the line for good; `IllegalMove` once it is delivered."""
    if task.state in (State.DELIVERED, State.CANCELLED):
        raise IllegalMove(f"the task is {task.state} and cannot be cancelled")
    return _next(task, now, state=State.CANCELLED, leases=(), comment=reason)


def shown_prediction(task: Task) -> Doc | None:
    """The draft a person may see: none when blind or when judging others' work."""
    return None if task.blind or task.reviewing or task.stage is Stage.AUDIT else task.prediction


def shown_opinions(task: Task) -> tuple[Doc, ...]:
    """Opinions a reviewer judges, without names, the draft among them when adjudicating."""
    if not task.reviewing:
        return ()
    values = [a["value"] for a in task.annotations if not a.get("late")]
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


def _lease_of(task: Task, held: Assignment) -> Lease | None:
    return next((x for x in task.leases if x.assignment == held.name), None)


def _without(task: Task, held: Assignment) -> Task:
    return replace(task, leases=tuple(x for x in task.leases if x.assignment != held.name))


def _working_state(task: Task) -> State:
    if task.wanted <= 0:
        return State.SCORING
    return State.OPEN if task.free_slots > 0 else State.ASSIGNED


def _next(task: Task, now: datetime, **changes: Any) -> Task:
    return replace(task, version=task.version + 1, update_time=now, **changes)
