"""The moves of a task from its creation to its delivery; `states` says what leads where.

Each move takes a task and returns the next one, with `version` one higher, or raises
`IllegalMove`. Moves of tasks no person has touched are in `untouched`, those of accepted labels
in `relabel`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from services.task_dispatch.domain import (
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
    blinds,
    next_token,
    shown_prediction,
)
from services.task_dispatch.lifecycle import relabel, second_look
from services.task_dispatch.lifecycle.imported import with_brought
from services.task_dispatch.lifecycle.states import Event, advance, begin, touch, working_state

SKIPS_BEFORE_REVIEWER = 3
_STAGE_OF = {
    Action.ANNOTATE: Stage.ANNOTATION,
    Action.REVIEW: Stage.REVIEW,
    Action.ADJUDICATE: Stage.ADJUDICATION,
    Action.AUDIT: Stage.AUDIT,
}


def create(item: Doc, project: Project, now: datetime) -> Task:
    """Task of an admitted item (document of `intake.v1.Item`); the ids are the same."""
    task = begin(
        name=f"{project.name}/tasks/{item['name'].rsplit('/', 1)[-1]}",
        project=project.name,
        item=item["name"],
        data=item["data"],
        template=project.template,
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
    task, held = second_look.hold(_decided(task, routing, now), assignment, now, seconds)
    comment = routing.comment if held else ""
    return advance(task, Event.SEND_BACK, working_state(task), now, comment=comment), held


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
    task = relabel.set_aside(task)
    return advance(task, Event.ACCEPT, State.ACCEPTED, now, label=stamped, leases=(), comment="")


def _open(task: Task, routing: Routing, now: datetime) -> Task:
    stage = _STAGE_OF[routing.action]
    task = relabel.set_aside(task)
    goal = len(task.reviews) + 1 if stage in REVIEW_STAGES else task.review_goal
    replicas = max(task.replica_count, routing.replica_count)
    if stage not in REVIEW_STAGES:
        replicas = max(replicas, task.annotation_count + 1)
    return advance(
        task,
        Event.ASK,
        State.OPEN,
        now,
        stage=stage,
        replica_count=replicas,
        review_goal=goal,
        blind=routing.blind,
        priority=routing.priority,
        comment=routing.comment,
    )


def untouched(task: Task) -> bool:
    """Waits with a draft, and nobody has worked on it or drew it: a gate may still settle it, or
    hide the draft of one whose answer is known, as it would stand out once the others are gone."""
    touched = task.leases or task.annotations or task.reviews or task.sampled
    return task.state is State.OPEN and not touched and task.prediction is not None


def request_routing(task: Task, now: datetime) -> Task | None:
    """An untouched waiting task goes back to the router; None where it is not one."""
    return advance(task, Event.REROUTE, State.ROUTING, now) if untouched(task) else None


def fits(task: Task, person: str) -> bool:
    """May this person be given the task? Never one they have worked on, hold or skipped, nor blind
    one whose draft they saw."""
    return task.state is State.OPEN and _has_place_for(task, person)


def _has_place_for(task: Task, person: str) -> bool:
    if task.free_slots <= 0 or person in task.excluded:
        return False
    if person in task.saw_draft and blinds(task):
        return False
    worked = any(a["annotator"] == person for a in task.annotations) or any(
        r["reviewer"] == person for r in task.reviews
    )
    return not worked and all(lease.annotator != person for lease in task.leases)


def lease(task: Task, person: str, assignment: str, now: datetime, seconds: int) -> Task:
    """Leases the task; the new lease is the last of `leases`."""
    if not fits(task, person):
        raise IllegalMove(f"{task.name} cannot be leased to {person} now")
    token = next_token(task, now)
    held = Lease(assignment, person, token, now + timedelta(seconds=seconds), now)
    leases = (*task.leases, held)
    state = State.OPEN if task.wanted > len(leases) else State.ASSIGNED
    saw = task.saw_draft
    if shown_prediction(task) is not None and person not in saw:
        saw = (*saw, person)
    return advance(task, Event.LEASE, state, now, leases=leases, fencing=token, saw_draft=saw)


def submit(task: Task, held: Assignment, annotation: Doc, now: datetime) -> tuple[Task, Doc]:
    """(task, annotation as kept). One that comes after its lease counts where nobody else was given
    the place and nothing was decided meanwhile; otherwise it is kept as a side opinion."""
    lease_ = _lease_of(task, held)
    live = lease_ is not None and lease_.expire_time > now
    if task.reviewing or not (live or _still_wanted(task, held)):
        kept = {**annotation, "late": True}
        task = _without(replace(task, annotations=(*task.annotations, kept)), held)
        # The assignment ends here, so nobody else would take its lease back.
        waits = task.state in (State.OPEN, State.ASSIGNED)
        if not waits:
            return touch(task, now), kept
        return advance(task, Event.SUBMIT, working_state(task), now), kept
    kept = second_look.second(task, annotation)
    task = _without(replace(task, annotations=(*task.annotations, kept)), held)
    return advance(task, Event.SUBMIT, working_state(task), now), kept


def _still_wanted(task: Task, held: Assignment) -> bool:
    """Does the task wait, as it was when it was leased, for an answer whose lease is over?"""
    if task.state not in (State.OPEN, State.ASSIGNED) or held.outcome not in ("LIVE", "EXPIRED"):
        return False
    began = held.create_time
    if any(datetime.fromisoformat(d["create_time"]) > began for d in task.decisions):
        return False
    return _has_place_for(_without(task, held), held.annotator)


def review(task: Task, held: Assignment, verdict: Doc, now: datetime) -> Task:
    """The task after a reviewer's verdict; `IllegalMove` once the lease is over."""
    lease_ = _lease_of(task, held)
    if lease_ is None or lease_.expire_time <= now:
        raise IllegalMove("the lease is over; claim the task again")
    if not task.reviewing:
        # Which stage it is in would tell who annotates that it is an audit.
        raise IllegalMove("the task takes annotations, not reviews")
    task = replace(_without(task, held), reviews=(*task.reviews, verdict))
    return advance(task, Event.JUDGE, working_state(task), now)


def extend(task: Task, held: Assignment, now: datetime, seconds: int) -> Task:
    """The lease counts from now again; `IllegalMove` once it is over."""
    lease_ = _lease_of(task, held)
    if lease_ is None or lease_.expire_time <= now:
        raise IllegalMove("the lease is over; claim the task again")
    longer = replace(lease_, expire_time=now + timedelta(seconds=seconds))
    leases = tuple(longer if x is lease_ else x for x in task.leases)
    return touch(task, now, leases=leases)


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
            words = f"skipped by {len(task.excluded)} people; last reason: {skip_reason}"
            return _to_reviewer(task, words, now)
    return advance(task, Event.GIVE_BACK, working_state(task), now)


def escalate(task: Task, reason: str, now: datetime) -> Task | None:
    """The task with a reviewer, where nobody is left who may annotate it; None where it does not
    wait for that (any more), somebody is at it, or its answer is known."""
    if not task.begun or task.leases or task.gold:
        return None
    return _to_reviewer(task, reason, now)


def _to_reviewer(task: Task, comment: str, now: datetime) -> Task:
    return advance(
        task,
        Event.ESCALATE,
        State.OPEN,
        now,
        stage=Stage.ADJUDICATION,
        review_goal=len(task.reviews) + 1,
        comment=comment,
    )


def expire(task: Task, now: datetime) -> Task | None:
    """Without the leases that ran out; None where none did."""
    live = tuple(x for x in task.leases if x.expire_time > now)
    if len(live) == len(task.leases):
        return None
    task = second_look.resume(replace(task, leases=live))
    if task.state not in (State.OPEN, State.ASSIGNED):
        return touch(task, now)
    return advance(task, Event.EXPIRE, working_state(task), now)


def deliver(task: Task, now: datetime) -> Task | None:
    """The task once a delivery holds it; None where it is not ACCEPTED (any more)."""
    if task.state is not State.ACCEPTED:
        return relabel.went_out(task, now)
    return advance(task, Event.DELIVER, State.DELIVERED, now)


def return_to_work(task: Task, reason: str, now: datetime) -> Task | None:
    """A rejected delivery's task goes to a reviewer with the client's reason."""
    if task.state not in (State.DELIVERED, State.ACCEPTED):
        return None
    return advance(
        relabel.set_aside(task),
        Event.RETURN,
        State.OPEN,
        now,
        stage=Stage.ADJUDICATION,
        review_goal=len(task.reviews) + 1,
        blind=True,
        priority=3.0,
        comment=reason,
    )


def cancel(task: Task, reason: str, now: datetime) -> Task:
    """Out of the line for good; `IllegalMove` once it is delivered."""
    if task.state in (State.DELIVERED, State.CANCELLED):
        raise IllegalMove(f"the task is {task.state} and cannot be cancelled")
    return advance(task, Event.CANCEL, State.CANCELLED, now, leases=(), comment=reason)


def _lease_of(task: Task, held: Assignment) -> Lease | None:
    return next((x for x in task.leases if x.assignment == held.name), None)


def _without(task: Task, held: Assignment) -> Task:
    others = tuple(x for x in task.leases if x.assignment != held.name)
    return second_look.resume(replace(task, leases=others))
