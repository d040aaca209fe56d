"""Use cases of the scheduler: measure, revise, tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from labelmill.scheduler.v1 import events_pb2, scheduler_pb2

from libs.common import names
from libs.common.clock import Clock
from libs.common.codec import Doc, from_doc, time_text, to_doc, to_message
from libs.common.errors import NotFound
from libs.common.patience import eventually
from libs.common.store import Store, Unit
from services.scheduler import domain, store
from services.scheduler.domain import Phase, Schedule, Training


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
                if await store.schedule_of(unit, project) is None:
                    self._begin(unit, project, domain.offer_floor(known))

        await self._store.transact(work)

    async def measure(self, project: str, counts: Mapping[str, float], what: str = "") -> None:
        """Adds to a project's measures; `what` (accepted, opened) also notes the time."""

        async def work(unit: Unit) -> None:
            if counts:
                unit.count(store.COUNTS, project, counts)
            if what:
                await store.note_time(unit, project, what, time_text(self._clock.now()))

        await self._store.transact(work)

    async def watch_training(self, project: str, **moved: float | str) -> None:
        """Adds to what is known of a project's training: `created`, `seen`, `labels` and `asked`
        count up, `state` and `unreachable` are set. Nothing happens where the project does not
        train."""

        async def work(unit: Unit) -> None:
            known = await store.training_of(unit, project)
            if known is None:
                return
            now = time_text(self._clock.now())
            stamps = {"seen": "seen_time", "labels": "label_time", "asked": "asked_time"}
            changes: dict[str, Any] = {}
            for what, value in moved.items():
                counts = what in ("created", "seen", "labels", "asked")
                changes[what] = getattr(known, what) + value if counts else value
                if what in stamps:
                    changes[stamps[what]] = now
            store.save_training(unit, replace(known, **changes))

        await self._store.transact(work)

    async def remember_gates(self, gates: list[Doc]) -> None:
        async def work(unit: Unit) -> None:
            for gate in gates:
                await store.note_gate(unit, gate)
                if gate.get("lot"):
                    await self._note_lot(unit, gate)

        await self._store.transact(work)

    async def _note_lot(self, unit: Unit, gate: Doc) -> None:
        """A lot's gate says whether its project is being proven or is done learning."""
        training = await store.training_of(unit, gate["project"])
        if training is not None:
            state = "PROVING" if gate["state"] == "PROVING" else "DONE"
            store.save_training(unit, replace(training, state=state))

    async def revise_all(self) -> None:
        """Moves phases and alerts where the measures speak for it."""
        after: tuple[str] | None = None
        while True:
            docs = await self._store.find(store.SCHEDULES, {}, after=after, limit=200)
            for doc in docs:
                await self._revise(from_doc(Schedule, doc))
            if len(docs) < 200:
                return
            after = (docs[-1]["name"],)

    async def schedule(self, project: str) -> Schedule:
        found = await eventually(lambda: store.schedule_of(self._store, project))
        if found is None:
            raise NotFound(f"{project[:200]} was not found", field="name")
        return found

    async def _revise(self, schedule: Schedule) -> None:
        async def work(unit: Unit) -> None:
            measures = await store.measures_of(unit, schedule.project)
            training = await store.training_of(unit, schedule.project)
            now = self._clock.now()
            if training is not None and (why := domain.training_due(training, now)):
                training = domain.requested(training)
                self._ask_training(unit, training, why)
            unreachable = training.unreachable if training is not None else ""
            floor = domain.offer_floor(training)
            revised = domain.revise(schedule, measures, now, floor, unreachable)
            if revised is not None:
                unit.put(store.SCHEDULES, to_doc(revised))
                self._tell(unit, revised)

        await self._store.transact(work)

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
            offer_floor=floor,
        )
        unit.put(store.SCHEDULES, to_doc(schedule))
        self._tell(unit, schedule)

    def _tell(self, unit: Unit, schedule: Schedule) -> None:
        message = to_message(schedule, scheduler_pb2.Schedule)
        event = events_pb2.ScheduleUpdated(schedule=message)
        unit.emit(names.event_key(schedule.project, 0), event)
