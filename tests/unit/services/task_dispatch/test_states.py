"""The table of transitions is what tasks do: every row is reached and no other, and only
`lifecycle.states` sets a state."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from libs.common.clock import FakeClock
from services import task_dispatch
from services.task_dispatch.composite import plan
from services.task_dispatch.domain import (
    Action,
    Assignment,
    IllegalMove,
    Lease,
    Policy,
    Project,
    Routing,
    State,
    Task,
)
from services.task_dispatch.lifecycle import relabel, states, transitions, untouched
from services.task_dispatch.lifecycle.states import TRANSITIONS, Event

HOME = Path(str(task_dispatch.__file__)).parent
PROJECT = "tenants/t/projects/p"
HAM: dict[str, Any] = {"choices": {"classes": ["ham"]}}
LABEL = {"value": HAM, "source": "MACHINE", "score": 1.0, "gate": "g"}
PART = {"name": "a", "label_schema": {"shape": "choice"}, "per": "frames"}
FIELDS = ({"name": "frames", "type": "image_sequence"},)
NOW = FakeClock().now()
Row = tuple[Event, State, State]


class Recorder:
    """In place of the table: allows every transition, and records it."""

    def __init__(self) -> None:
        self.rows: set[Row] = set()

    def __getitem__(self, event: Event) -> Any:
        recorder = self

        class Targets:
            def __init__(self, state: State) -> None:
                self.state = state

            def __contains__(self, to: State) -> bool:
                recorder.rows.add((event, self.state, to))
                return True

        class Sources:
            def get(self, state: State, default: Any) -> Targets:
                return Targets(state)

        return Sources()


def project(replicas: int = 1) -> Project:
    made = Project(PROJECT, 1, "tpl", Policy(replica_count=replicas), parts=(PART,))
    return replace(made, join="composite", data_fields=FIELDS)


def created() -> Iterator[Task]:
    item = {"name": f"{PROJECT}/items/x", "data": "{}"}
    for replicas in (1, 2):
        for extra in ({}, {"prediction": HAM}, {"label": HAM}):
            yield transitions.create({**item, **extra}, project(replicas), NOW)
    skipped = transitions.create(item, project(), NOW)
    yield replace(skipped, excluded=("eve", "joe"))


def held(task: Task, lease: Lease) -> Assignment:
    return Assignment(
        name=lease.assignment,
        task=task.name,
        project=task.project,
        annotator=lease.annotator,
        stage=task.stage,
        fencing_token=lease.fencing_token,
        create_time=lease.create_time,
        expire_time=lease.expire_time,
    )


def _by_others(task: Task, now: datetime) -> Iterator[Task | None]:
    """What the router, gates, deliveries and managers do with the task."""
    for action in (Action.ACCEPT, Action.ANNOTATE, Action.REVIEW, Action.RETURN):
        routing = Routing(task.name, task.version, action, label=LABEL)
        if action is not Action.RETURN:
            yield transitions.route(task, routing, now)
            continue
        for moment in (now, now + timedelta(seconds=100)):
            asked = transitions.ask_again(task, routing, f"back{task.version}", moment, 600)
            yield asked and asked[0]
    yield transitions.request_routing(task, now)
    yield untouched.request_draft(task, now)
    yield untouched.recall(task, "g", "why", now)
    yield transitions.expire(task, now + timedelta(seconds=700))
    yield transitions.escalate(task, "why", now)
    yield transitions.deliver(task, now)
    yield transitions.return_to_work(task, "why", now)
    yield relabel.request_review(task, task.version, 1.0, "why", now)
    if task.state not in (State.DELIVERED, State.CANCELLED):
        yield transitions.cancel(task, "why", now)


def _by_people(task: Task, now: datetime) -> Iterator[Task | None]:
    for person in ("ann", "bob"):
        if transitions.fits(task, person):
            yield transitions.lease(task, person, f"{person}{task.version}", now, 600)
    for lease in task.leases:
        mine = held(task, lease)
        yield _too_late(task, mine, now)
        for moment in (now, now + timedelta(seconds=700)):
            stamp = moment.isoformat(timespec="microseconds")
            said = {"annotator": lease.annotator, "value": HAM, "create_time": stamp}
            yield transitions.submit(task, mine, said, moment)[0]
        if task.reviewing and lease.expire_time > now:
            verdict = {"reviewer": lease.annotator, "verdict": "APPROVED"}
            yield transitions.review(task, mine, verdict, now)
        for reason in ("", "cannot tell"):
            yield transitions.give_back(task, mine, now, skip_reason=reason)


def _too_late(task: Task, mine: Assignment, now: datetime) -> Task | None:
    """The lease is taken back first, and its annotation comes in then."""
    gone = replace(task, leases=tuple(x for x in task.leases if x.assignment != mine.name))
    gone = replace(gone, state=states.working_state(gone))
    said = {"annotator": mine.annotator, "value": HAM, "create_time": now.isoformat()}
    return transitions.submit(gone, replace(mine, outcome="EXPIRED"), said, now)[0]


def _as_subtask(task: Task, now: datetime) -> Iterator[Task | None]:
    """What becomes of the task as that of one frame, with and without that frame."""
    whole = plan.divide(transitions.create({"name": task.item, "data": "{}"}, project(), NOW))
    for element in ("0", "1"):
        mine = replace(task, part="a", element=element, inputs=None)
        for moved in (whole, replace(whole, subtasks=(mine.name,))):
            made = plan.plan(moved, project(), {"frames": ["x"]}, [mine], now)
            yield from (after for _, after in made.changed)


def _key(task: Task) -> Any:
    """Tasks that are alike here: what follows for one follows for the other."""
    return (
        *(task.state, task.stage, task.wanted, task.label is not None, task.excluded),
        *(tuple(x.annotator for x in task.leases), bool(task.prediction)),
        tuple((a["annotator"], "held" in a, "after_hint" in a) for a in task.annotations),
        len(task.reviews),
    )


def _reached() -> list[Task]:
    """Every task that a few people and short histories lead to, one of each kind."""
    found = {_key(task): task for task in created()}
    waiting = list(found.values())
    while waiting:
        task = waiting.pop(0)
        now = task.update_time + timedelta(seconds=1)
        for after in (*_by_others(task, now), *_by_people(task, now), *_as_subtask(task, now)):
            short = after and len(after.annotations) + len(after.reviews) < 4 and after.version < 9
            if after and short and _key(after) not in found:
                found[_key(after)] = after
                waiting.append(after)
    return list(found.values())


def _wholes() -> None:
    """An item in parts: put together, divided again, cancelled."""
    item = {"name": f"{PROJECT}/items/x", "data": "{}"}
    whole = plan.divide(transitions.create(item, project(), NOW))
    transitions.cancel(whole, "why", NOW)
    first = plan.plan(whole, project(), {"frames": ["x"]}, [], NOW)
    (new,) = first.fresh
    label = Routing(new.name, 1, Action.ACCEPT, label=LABEL)
    settled = transitions.route(new, label, NOW)
    assert first.parent_task and settled
    joined = plan.plan(first.parent_task, project(), {"frames": ["x"]}, [settled], NOW).parent_task
    assert joined and joined.state is State.ACCEPTED
    for state in (joined, transitions.deliver(joined, NOW)):
        assert state
        again = plan.plan(state, project(), {"frames": ["x"]}, [new], NOW).parent_task
        assert again and again.state is State.DIVIDED


def test_every_row_of_the_table_is_reached_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr(states, "TRANSITIONS", recorder)
    reached = _reached()
    _wholes()
    assert len(reached) > 500
    table = {(e, a, b) for e, rows in TRANSITIONS.items() for a, to in rows.items() for b in to}
    never = sorted(f"{e.name} {a} {b}" for e, a, b in table - recorder.rows)
    new = sorted(f"{e.name} {a} {b}" for e, a, b in recorder.rows - table)
    assert (never, new) == ([], [])


def test_a_row_that_is_not_in_the_table_is_refused() -> None:
    task = next(created())
    with pytest.raises(IllegalMove, match="PRELABELING does not become DELIVERED"):
        states.set_state(task, Event.DELIVER, State.DELIVERED)


def _sets_state(node: ast.AST) -> bool:
    """Is it a call with `state=` of what makes or copies a task, or `x.state = ...`?"""
    if isinstance(node, ast.Call):
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        called = node.func.attr if isinstance(node.func, ast.Attribute) else called
        splat = [k.value for k in node.keywords if k.arg is None]
        named = {k.arg for k in node.keywords}
        for one in splat:
            if isinstance(one, ast.Dict):
                named |= {k.value for k in one.keys if isinstance(k, ast.Constant)}
        return "state" in named or (called == "Task" and bool(node.args or node.keywords))
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(t, ast.Attribute) and t.attr == "state" for t in targets)
    return False


def test_only_one_module_sets_the_state_of_a_task() -> None:
    setting = {
        path.relative_to(HOME).as_posix()
        for path in HOME.rglob("*.py")
        if any(_sets_state(node) for node in ast.walk(ast.parse(path.read_text())))
    }
    assert setting == {"lifecycle/states.py"}
