"""Use cases of the scheduler: measure, revise, tell."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from labelmill.scheduler.v1 import events_pb2, scheduler_pb2

from libs.common import names
from libs.common.clock import Clock
from libs.common.codec import Doc, time_text, to_doc, to_message
from libs.common.errors import NotFound
from libs.common.retry import eventually
from libs.common.store import Store, Unit
from libs.common.upgrades import mark_each
from services.scheduler import domain, store
from services.scheduler.alerts import Waiting, drafted
from services.scheduler.domain import Measures, Phase, Schedule
from services.scheduler.training import Training, min_priority, moves, requested, training_due

# Counters of a training, and the field that holds when each moved last.
_COUNTED = {
    "created": "created_time",
    "seen": "seen_time",
    "labels": "label_time",
    "asked": "asked_time",
    "gone": "",
}
_PAGE = 200
_AGAIN_SECONDS = 10.0
log = logging.getLogger(__name__)


class Scheduler:
    """Owns phases and alerts."""

    def __init__(self, store_: Store, clock: Clock) -> None:
        self._store, self._clock = store_, clock

    async def remember_projects(self, projects: Mapping[str, bool]) -> None:
        """Every project has a schedule from its first event on; whether it trains, by name."""

        async def work(unit: Unit) -> None:
            for project, trains in projects.items():
                known = await store.training_of(unit, project)
                if trains and known is None:
                    known = Training(project)
                    store.save_training(unit, known)
                now = self._clock.now()
                if await store.schedule_of(unit, project) is None:
                    self._begin(unit, project, min_priority(known, now))
                # Under another route its model may be there.
                drafting = await store.drafting_of(unit, project)
                store.save_drafting(unit, project, replace(drafting, away=0, away_reason=""))
                store.mark(unit, project, time_text(now))

        await self._store.transact(work)

    async def measure(self, project: str, counts: Mapping[str, float]) -> None:
        """Adds to a project's blind comparisons."""

        async def work(unit: Unit) -> None:
            unit.count(store.COUNTS, project, counts)
            store.mark(unit, project, time_text(self._clock.now()))

        await self._store.transact(work)

    async def note_accepted(self, project: str) -> None:
        """Something of the project was settled just now."""

        async def work(unit: Unit) -> None:
            now = time_text(self._clock.now())
            await store.note_time(unit, project, "accepted", now)
            store.mark(unit, project, now)

        await self._store.transact(work)

    async def count_drafts(
        self, project: str, drafts: int, failures: int = 0, away: int = 0, reason: str = ""
    ) -> None:
        """So many predictions came and failed, `away` of them for want of the model."""

        async def work(unit: Unit) -> None:
            before = await store.drafting_of(unit, project)
            after = drafted(before, drafts, failures, reason)
            if away:
                after = replace(after, away=after.away + away, away_reason=reason)
            store.save_drafting(unit, project, after)
            store.mark(unit, project, time_text(self._clock.now()))

        await self._store.transact(work)

    async def remember_waiting(self, project: str, waiting: Waiting) -> None:
        """What waits for people now."""

        async def work(unit: Unit) -> None:
            now = time_text(self._clock.now())
            await store.save_waiting(unit, project, waiting, now)
            store.mark(unit, project, now)

        await self._store.transact(work)

    async def watch_training(self, project: str, **moved: float | str) -> None:
        """Adds to what is known of a project's training: `created`, `seen`, `labels`, `asked`
        and `gone` count up, `state`, `unreachable` and `hopeless` are set. Nothing happens where
        the project does not train."""

        async def work(unit: Unit) -> None:
            known = await store.training_of(unit, project)
            if known is None:
                return
            now = time_text(self._clock.now())
            changes: dict[str, Any] = {}
            for what, value in moved.items():
                counts = what in _COUNTED
                changes[what] = getattr(known, what) + value if counts else value
                if stamp := _COUNTED.get(what):
                    changes[stamp] = now
            store.save_training(unit, replace(known, **changes))
            store.mark(unit, project, now)

        await self._store.transact(work)

    async def remember_gates(self, gates: list[Doc]) -> None:
        async def work(unit: Unit) -> None:
            for gate in gates:
                await store.note_gate(unit, gate)
                if gate.get("lot"):
                    await self._note_lot(unit, gate)
                store.mark(unit, gate["project"], time_text(self._clock.now()))

        await self._store.transact(work)

    async def _note_lot(self, unit: Unit, gate: Doc) -> None:
        """A lot's gate says whether its project is being proven or is done learning."""
        training = await store.training_of(unit, gate["project"])
        if training is not None:
            state = "PROVING" if gate["state"] == "PROVING" else "DONE"
            store.save_training(unit, replace(training, state=state))

    async def mark_known(self) -> None:
        """Revises every schedule that an earlier release left, once."""
        now = time_text(self._clock.now())

        def mark(unit: Unit, schedule: Doc) -> None:
            store.mark(unit, schedule["project"], now)

        await mark_each(self._store, "due", store.SCHEDULES, mark)

    async def revise_due(self) -> None:
        """Moves phases and alerts of projects of which something moved or whose time has come."""
        now = time_text(self._clock.now())
        while True:
            docs = await store.due(self._store, now, _PAGE)
            for doc in docs:
                await self._revise_safely(doc)
            if len(docs) < _PAGE:
                return

    async def _revise_safely(self, mark: Doc) -> None:
        """One project's fault is no other's: it is tried again later."""
        project = mark["project"]

        async def take(unit: Unit) -> None:
            # Before the reading: what moves from here on marks it anew.
            if mark["name"] == project:
                unit.delete(store.DUE, [project])
            again = self._clock.now() + timedelta(seconds=_AGAIN_SECONDS)
            store.mark_later(unit, project, time_text(again))

        await self._store.transact(take)
        try:
            await self._revise(project)
        except Exception:
            log.exception("%s: its schedule could not be revised", project)

    async def schedule(self, project: str) -> Schedule:
        found = await eventually(lambda: store.schedule_of(self._store, project))
        if found is None:
            raise NotFound(f"{project[:200]} was not found", field="name")
        return found

    async def _revise(self, project: str) -> None:
        async def work(unit: Unit) -> None:
            schedule = await store.schedule_of(unit, project)
            if schedule is None:
                unit.delete(store.DUE, [f"{project}/later"])
                return
            measures = await store.measures_of(unit, project)
            training = await store.training_of(unit, project)
            now = self._clock.now()
            if training is not None and (why := training_due(training, now)):
                training = requested(training)
                self._ask_training(unit, training, why)
            revised = domain.revise(schedule, measures, training, now)
            if revised is not None:
                unit.put(store.SCHEDULES, to_doc(revised))
                self._tell(unit, revised)
            self._look_again(unit, project, measures, training)

        await self._store.transact(work)

    def _look_again(
        self, unit: Unit, project: str, measures: Measures, training: Training | None
    ) -> None:
        """Sets when time alone may change something; never where nothing waits."""
        now = self._clock.now()
        learns = training is not None and training.state != "DONE"
        if training is not None and learns and moves(training, now):
            store.mark_later(unit, project, time_text(now + timedelta(seconds=1)))
        elif learns or measures.waiting.task_count:
            again = now + timedelta(seconds=_AGAIN_SECONDS)
            store.mark_later(unit, project, time_text(again))
        else:
            unit.delete(store.DUE, [f"{project}/later"])

    def _ask_training(self, unit: Unit, training: Training, why: str) -> None:
        store.save_training(unit, training)
        event = events_pb2.TrainingRequested(
            project=training.name, number=training.rounds, reason=why
        )
        unit.emit(names.event_key(training.name, 0), event)

    def _begin(self, unit: Unit, project: str, floor: float) -> None:
        schedule = Schedule(
            name=store.schedule_name(project),
            project=project,
            phase=Phase.WARM_UP,
            reason="new project",
            version=1,
            update_time=self._clock.now(),
            min_priority=floor,
        )
        unit.put(store.SCHEDULES, to_doc(schedule))
        self._tell(unit, schedule)

    def _tell(self, unit: Unit, schedule: Schedule) -> None:
        message = to_message(schedule, scheduler_pb2.Schedule)
        event = events_pb2.ScheduleUpdated(schedule=message)
        unit.emit(names.event_key(schedule.project, 0), event)
