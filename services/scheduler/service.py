"""Use cases of the scheduler: measure, revise, tell."""

from __future__ import annotations

from collections.abc import Mapping

from labelmill.scheduler.v1 import events_pb2, scheduler_pb2

from libs.common import names
from libs.common.clock import Clock
from libs.common.codec import Doc, from_doc, time_text, to_doc, to_message
from libs.common.errors import NotFound
from libs.common.patience import eventually
from libs.common.store import Store, Unit
from services.scheduler import domain, store
from services.scheduler.domain import Phase, Schedule


class Scheduler:
    """Owns phases and alerts."""

    def __init__(self, store_: Store, clock: Clock) -> None:
        self._store, self._clock = store_, clock

    async def remember_projects(self, projects: list[str]) -> None:
        """Every project has a schedule from its first event on."""

        async def work(unit: Unit) -> None:
            for project in projects:
                if await store.schedule_of(unit, project) is None:
                    self._begin(unit, project)

        await self._store.transact(work)

    async def measure(self, project: str, counts: Mapping[str, float], what: str = "") -> None:
        """Adds to a project's measures; `what` (accepted, opened) also notes the time."""

        async def work(unit: Unit) -> None:
            if counts:
                unit.count(store.COUNTS, project, counts)
            if what:
                await store.note_time(unit, project, what, time_text(self._clock.now()))

        await self._store.transact(work)

    async def remember_gates(self, gates: list[Doc]) -> None:
        async def work(unit: Unit) -> None:
            for gate in gates:
                await store.note_gate(unit, gate)

        await self._store.transact(work)

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
            revised = domain.revise(schedule, measures, self._clock.now())
            if revised is not None:
                unit.put(store.SCHEDULES, to_doc(revised))
                self._tell(unit, revised)

        await self._store.transact(work)

    def _begin(self, unit: Unit, project: str) -> None:
        schedule = Schedule(
            name=store.schedule_name(project),
            project=project,
            phase=Phase.WARM_UP,
            reason="new project",
            version=1,
            update_time=self._clock.now(),
        )
        unit.put(store.SCHEDULES, to_doc(schedule))
        self._tell(unit, schedule)

    def _tell(self, unit: Unit, schedule: Schedule) -> None:
        message = to_message(schedule, scheduler_pb2.Schedule)
        event = events_pb2.ScheduleUpdated(schedule=message)
        unit.emit(names.event_key(schedule.project, 0), event)
