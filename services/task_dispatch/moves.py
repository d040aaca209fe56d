"""Every move a task can make: the only place where a task's state changes (besides `waiting`,
for tasks no person has touched).

Each move takes a task and returns the next one, with `version` one higher, or raises
`IllegalMove`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.task_dispatch import returned, withdrawn
from services.task_dispatch.brought import with_brought
from services.task_dispatch.domain import (
    ENDED,
    REVIEW_STAGES,
    ROUTABLE,
    Action,
    Assignment,
    Doc,
    IllegalMove,
    Lease,
    Project,
    Routing,
    Stage,
    State,
    Task,
)

SKIPS_BEFORE_REVIEWER = 3
_STAGE_OF = {
    Action.ANNOTATE: Stage.ANNOTATION,
    Action.REVIEW: Stage.REVIEW,
    Action.ADJUDICATE: Stage.ADJUDICATION,
    Action.AUDIT: Stage.AUDIT,
}


def create(item: Doc, project: Project, now: datetime) -> Task:
    """Task of an admitted item (document of `intake.v1.Item`); the ids are the same."""
    task = Task(
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
        group=item.get("group", ""),
        extent=item.get("extent"),
    )
    return with_brought(task, item)


def route(task: Task, routing: Routing, now: datetime) -> Task | None:
    """The task after a routing; None where it does not wait for one (any more)."""
    if routing.task_version != task.version or task.state not in ROUTABLE:
        return None
    task = _decided(task, routing, now)
    if routing.action is Action.ACCEPT:
        return _settle(task, routing.label or {}, now)
    return _open(task, routing, now)


def ask_again(
    task: Task, routing: Routing, assignment: str, now: datetime, seconds: int
) -> tuple[Task, Assignment | None] | None:
    """(task, the assignment under which its annotator has it again) after a routing that returns
    it, in SCORING without one where it is too late; None where the task has moved on."""
    if routing.task_version != task.version or task.state is not State.SCORING:
        return None
    task, held = returned.hold(_decided(task, routing, now), assignment, now, seconds)
    comment = routing.comment if held else ""
    return _next(task, now, state=_working_state(task), comment=comment), held


def _decided(task: Task, routing: Routing, now: datetime) -> Task:
    """With the decision in its lineage, and what comes with it."""
    decision = {
        "action": routing.action.value,
        "reason": routing.reason,
        "create_time": now.isoformat(timespec="microseconds"),
        "task_version": task.version,
    }
    return replace(
        task,
        decisions=(*task.decisions, decision),
        prediction=routing.prediction or task.prediction,
        sampled=task.sampled or routing.sampled,
    )


def _settle(task: Task, label: Doc, now: datetime) -> Task:
    stamped = {**label, "accept_time": now.isoformat(timespec="microseconds")}
    task = withdrawn.set_aside(task)
    return _next(task, now, state=State.ACCEPTED, label=stamped, leases=(), comment="")


def _open(task: Task, routing: Routing, now: datetime) -> Task:
    stage = _STAGE_OF[routing.action]
    task = withdrawn.set_aside(task)
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


def untouched(task: Task) -> bool:
    """Waits with a draft, and nobody has worked on it or drew it: a gate may still settle it."""
    touched = task.leases or task.annotations or task.reviews or task.sampled or task.gold
    return task.state is State.OPEN and not touched and task.prediction is not None


def request_routing(task: Task, now: datetime) -> Task | None:
    """An untouched waiting task goes back to the router; None where it is not one."""
    return _next(task, now, state=State.ROUTING) if untouched(task) else None


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
        task = _without(replace(task, annotations=(*task.annotations, kept)), held)
        # The assignment ends here, so nobody else would take its lease back.
        waits = task.state in (State.OPEN, State.ASSIGNED)
        return _next(task, now, state=_working_state(task) if waits else task.state), kept
    kept = returned.second(task, annotation)
    task = _without(replace(task, annotations=(*task.annotations, kept)), held)
    return _next(task, now, state=_working_state(task)), kept


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
        if len(task.excluded) >= SKIPS_BEFORE_REVIEWER and alone and task.wanted > 0:
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
    task = returned.resume(replace(task, leases=live))
    return _next(task, now, state=task.state if task.state in ENDED else _working_state(task))


def deliver(task: Task, now: datetime) -> Task | None:
    """The task once a delivery holds it; None where it is not ACCEPTED (any more)."""
    if task.state is not State.ACCEPTED:
        return withdrawn.went_out(task, now)
    return _next(task, now, state=State.DELIVERED)


def return_to_work(task: Task, reason: str, now: datetime) -> Task | None:
    """A rejected delivery's task goes to a reviewer with the client's reason."""
    if task.state not in (State.DELIVERED, State.ACCEPTED):
        return None
    return _next(
        withdrawn.set_aside(task),
        now,
        stage=Stage.ADJUDICATION,
        state=State.OPEN,
        review_goal=len(task.reviews) + 1,
        blind=True,
        priority=3.0,
        comment=reason,
    )


def cancel(task: Task, reason: str, now: datetime) -> Task:
    """Out of the line for good; `IllegalMove` once it is delivered."""
    if task.state in (State.DELIVERED, State.CANCELLED):
        raise IllegalMove(f"the task is {task.state} and cannot be cancelled")
    return _next(task, now, state=State.CANCELLED, leases=(), comment=reason)


def _lease_of(task: Task, held: Assignment) -> Lease | None:
    return next((x for x in task.leases if x.assignment == held.name), None)


def _without(task: Task, held: Assignment) -> Task:
    others = tuple(x for x in task.leases if x.assignment != held.name)
    return returned.resume(replace(task, leases=others))


def _working_state(task: Task) -> State:
    if task.wanted <= 0:
        return State.SCORING
    return State.OPEN if task.free_slots > 0 else State.ASSIGNED


def _next(task: Task, now: datetime, **changes: Any) -> Task:
    return replace(task, version=task.version + 1, update_time=now, **changes)
