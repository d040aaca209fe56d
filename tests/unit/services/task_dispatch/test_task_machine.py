"""One task driven through every legal and illegal move by a Hypothesis state machine."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.task_dispatch import domain
from services.task_dispatch.domain import (
    ROUTABLE,
    Action,
    Assignment,
    IllegalMove,
    Policy,
    Project,
    Routing,
    Stage,
    State,
    Task,
)
from services.task_dispatch.lifecycle import relabel, second_look, transitions

PEOPLE = [f"person{i}" for i in range(6)]
HAM: dict[str, Any] = {"choices": {"classes": ["ham"]}}
LABEL = {"value": HAM, "source": "HUMAN", "score": 1.0}


class TaskMachine(RuleBasedStateMachine):
    """Keeps a model of who worked, beside the task itself."""

    @initialize(replicas=st.integers(1, 3), gold=st.booleans())
    def make(self, replicas: int, gold: bool) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        project = Project("tenants/t/projects/p", 1, "tpl", Policy(replica_count=replicas))
        item: dict[str, Any] = {"name": "tenants/t/projects/p/items/x", "data": "{}"}
        self.task = transitions.create(item | ({"gold": True} if gold else {}), project, self.now)
        self.counts: Counter[str] = Counter()
        self._count(None, self.task)
        self.held: list[Assignment] = []
        self.worked: set[str] = set()
        self.number = 0

    def _count(self, before: Task | None, after: Task) -> None:
        self.counts.update(domain.counted(before, after))

    def _move(self, after: Task) -> None:
        assert after.version == self.task.version + 1
        self._count(self.task, after)
        self.task = after

    def _refuses(self, call: Any) -> None:
        before = self.task
        try:
            call()
        except IllegalMove:
            assert self.task is before
            return
        raise AssertionError("an illegal move was made")

    @rule(seconds=st.integers(1, 700))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(
        action=st.sampled_from([a for a in Action if a is not Action.RETURN]),
        stale=st.booleans(),
        more=st.integers(0, 2),
    )
    def route(self, action: Action, stale: bool, more: int) -> None:
        version = self.task.version - stale
        wanted = self.task.annotation_count + more
        label = LABEL if action is Action.ACCEPT else None
        made = Routing(self.task.name, version, action, "why", label=label, replica_count=wanted)
        after = transitions.route(self.task, made, self.now)
        if stale or self.task.state not in ROUTABLE:
            assert after is None
        else:
            assert after is not None
            if after.state is State.ACCEPTED:
                self.held.clear()
            self._move(after)

    @rule(stale=st.booleans())
    def ask_again(self, stale: bool) -> None:
        self.number += 1
        name = f"{self.task.name}/assignments/{self.number}"
        made = Routing(self.task.name, self.task.version - stale, Action.RETURN, "why")
        asked = transitions.ask_again(self.task, made, name, self.now, 600)
        if stale or self.task.state is not State.SCORING:
            assert asked is None
            return
        assert asked is not None
        after, held = asked
        assert after.annotation_count == self.task.annotation_count - (held is not None)
        assert held is not None or after.state is State.SCORING
        if held is not None:
            assert held.annotator in {a["annotator"] for a in self.task.annotations}
            self.held.append(held)
        self._move(after)

    @rule(person=st.sampled_from(PEOPLE))
    def lease(self, person: str) -> None:
        self.number += 1
        name = f"{self.task.name}/assignments/{self.number}"
        if not transitions.fits(self.task, person):
            self._refuses(lambda: transitions.lease(self.task, person, name, self.now, 600))
            return
        assert person not in self.worked
        after = transitions.lease(self.task, person, name, self.now, 600)
        made = after.leases[-1]
        stage = self.task.stage
        self._move(after)
        self.held.append(
            Assignment(
                name,
                after.name,
                after.project,
                person,
                stage,
                made.fencing_token,
                self.now,
                made.expire_time,
            )
        )

    @precondition(lambda self: getattr(self, "held", None))
    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(self.held))
        before = self.task
        annotation = {
            "name": held.name,
            "annotator": held.annotator,
            "value": HAM,
            "create_time": self.now.isoformat(),
        }
        after, kept = transitions.submit(before, held, annotation, self.now)
        live = any(x.assignment == held.name and x.expire_time > self.now for x in before.leases)
        counts = not before.reviewing and (live or self._still_wanted(before, held))
        waits = second_look.waits_for(before, held.annotator)
        # Too late after a hint, the first answer counts again.
        assert after.annotation_count == before.annotation_count + (counts or waits)
        assert bool(kept.get("late")) == (not counts)
        self._move(after)
        self.held.remove(held)
        self.worked.add(held.annotator)

    def _still_wanted(self, task: Task, held: Assignment) -> bool:
        """Waits the task as it was when it was leased, with the place left to nobody else?"""
        others = [x for x in task.leases if x.assignment != held.name]
        decided = [
            d
            for d in task.decisions
            if d["create_time"] > held.create_time.isoformat(timespec="microseconds")
        ]
        mine = [a for a in task.annotations if a["annotator"] == held.annotator]
        mine += [r for r in task.reviews if r["reviewer"] == held.annotator]
        again = [x for x in others if x.annotator == held.annotator]
        barred = mine or again or held.annotator in task.excluded or decided
        waits = task.state in (State.OPEN, State.ASSIGNED)
        return waits and not barred and task.wanted > len(others)

    @precondition(lambda self: getattr(self, "held", None))
    @rule(data=st.data(), verdict=st.sampled_from(["APPROVED", "REJECTED", "FIXED"]))
    def review(self, data: st.DataObject, verdict: str) -> None:
        held = data.draw(st.sampled_from(self.held))
        said = {"reviewer": held.annotator, "verdict": verdict}
        live = any(x.assignment == held.name and x.expire_time > self.now for x in self.task.leases)
        if not live or not self.task.reviewing:
            self._refuses(lambda: transitions.review(self.task, held, said, self.now))
            return
        self._move(transitions.review(self.task, held, said, self.now))
        self.held.remove(held)
        self.worked.add(held.annotator)

    @precondition(lambda self: getattr(self, "held", None))
    @rule(data=st.data(), skip=st.booleans())
    def give_back(self, data: st.DataObject, skip: bool) -> None:
        held = data.draw(st.sampled_from(self.held))
        reason = "cannot tell" if skip else ""
        if all(x.assignment != held.name for x in self.task.leases):
            self._refuses(
                lambda: transitions.give_back(self.task, held, self.now, skip_reason=reason)
            )
            return
        self._move(transitions.give_back(self.task, held, self.now, skip_reason=reason))
        self.held.remove(held)
        if skip:
            self.worked.add(held.annotator)

    @rule()
    def expire(self) -> None:
        after = transitions.expire(self.task, self.now)
        if after is not None:
            assert all(x.expire_time > self.now for x in after.leases)
            self._move(after)

    @rule()
    def offer_to_router(self) -> None:
        after = transitions.request_routing(self.task, self.now)
        if after is not None:
            assert self.task.state is State.OPEN and not self.task.leases
            self._move(after)

    @rule()
    def deliver(self) -> None:
        after = transitions.deliver(self.task, self.now)
        goes = self.task.state is State.ACCEPTED or relabel.under_review(self.task)
        assert (after is None) == (not goes)
        if after is not None:
            assert after.label == self.task.label and not after.leases
            self._move(after)

    @rule(behind=st.integers(0, 1))
    def look_again(self, behind: int) -> None:
        before = self.task
        after = relabel.request_review(before, before.version - behind, 2.0, "risk", self.now)
        assert (after is None) == (before.state is not State.ACCEPTED or behind > 0)
        if after is not None:
            assert after.label == before.label and after.stage is Stage.REVIEW
            assert domain.shown_opinions(after) == (after.label["value"],)
            self._move(after)

    @invariant()
    def no_label_is_forgotten(self) -> None:
        if hasattr(self, "task"):
            kept = len(self.task.earlier_labels) + (self.task.label is not None)
            settled = sum(d["action"] == "ACCEPT" for d in self.task.decisions)
            assert kept == settled

    @rule()
    def reject(self) -> None:
        after = transitions.return_to_work(self.task, "look again", self.now)
        assert (after is None) == (self.task.state not in (State.ACCEPTED, State.DELIVERED))
        if after is not None:
            assert after.stage is Stage.ADJUDICATION and after.label is None
            self._move(after)

    @rule(really=st.integers(0, 9))
    def cancel(self, really: int) -> None:
        if self.task.state in (State.DELIVERED, State.CANCELLED):
            self._refuses(lambda: transitions.cancel(self.task, "why", self.now))
        elif really == 0:
            self._move(transitions.cancel(self.task, "why", self.now))

    @invariant()
    def leases_never_exceed_what_is_wanted(self) -> None:
        if hasattr(self, "task") and self.task.state in (State.OPEN, State.ASSIGNED):
            assert self.task.wanted > 0
            assert len({x.annotator for x in self.task.leases}) == len(self.task.leases)
            open_ = self.task.free_slots > 0
            assert (self.task.state is State.OPEN) == open_

    @invariant()
    def nobody_counts_twice(self) -> None:
        if hasattr(self, "task"):
            people = [a["annotator"] for a in self.task.annotations if domain.counts(a)]
            assert len(people) == len(set(people))

    @invariant()
    def whoever_is_held_has_the_task_or_answered(self) -> None:
        if hasattr(self, "task") and self.task.state in (State.OPEN, State.ASSIGNED, State.SCORING):
            holders = {x.annotator for x in self.task.leases}
            again = {a["annotator"] for a in self.task.annotations if a.get("after_hint")}
            for one in self.task.annotations:
                assert not one.get("held") or one["annotator"] in holders | again

    @invariant()
    def settled_tasks_have_a_label_and_counters_agree(self) -> None:
        if hasattr(self, "task"):
            settled = self.task.state in (State.ACCEPTED, State.DELIVERED)
            assert not settled or self.task.label is not None
            states = {k: v for k, v in self.counts.items() if k.startswith("counts.") and v}
            assert states == {f"counts.{self.task.stage}.{self.task.state}": 1}
            assert self.counts["annotations"] == len(self.task.annotations)


TestTaskMachine = TaskMachine.TestCase
TestTaskMachine.settings = settings(max_examples=150, stateful_step_count=40)
