"""The ready window: the next tasks of each queue in memory, so that a claim asks no index.

Refilled from the store in blocks. It only proposes: the lease is decided on the stored task
under its version, so a stale proposal costs a second look, never a double lease. Where nothing in
the window fits a person it is read again, as tasks of any rank may have come, here or by another
process, since it was; then the person is served from a place of their own further down.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from libs.common.store import Store
from services.task_dispatch import store
from services.task_dispatch.domain import Doc, Task
from services.task_dispatch.lifecycle.transitions import fits, untouched

BLOCK = 256
_DEEP_BLOCKS = 8
_AGAIN_SECONDS = 0.25
_OFFER_SECONDS = 1.0
Fetch = Callable[[str, tuple[float, str] | None, int], Awaitable[list[Task]]]
FetchOffer = Callable[[str], Awaitable["Offer"]]


@dataclass(frozen=True)
class Offer:
    """What a project offers people: nothing below `floor`, and not what a gate that has just
    opened will let through: those tasks are on their way to the router (`rerouting`: the gate's
    model and threshold)."""

    floor: float = 0.0
    rerouting: Doc | None = None

    def takes(self, task: Task) -> bool:
        """Is the task offered?"""
        if self.rerouting is not None and untouched(task):
            return task.priority >= self.floor and not passes(task.prediction, self.rerouting)
        return task.priority >= self.floor


EVERYTHING = Offer()


def passes(prediction: Doc | None, plan: Doc) -> bool:
    """Is the draft on the right side of the opened gate's threshold?"""
    draft = prediction or {}
    return draft.get("model") == plan["model"] and draft.get("score", 0.0) >= plan["threshold"]


class Queue:
    """One queue's window."""

    def __init__(self) -> None:
        self.tasks: OrderedDict[str, Task] = OrderedDict()
        # When it may be read again (`time.monotonic`).
        self.again = 0.0
        self.places: dict[str, tuple[float, str]] = {}


class ReadyWindow:
    """Windows of every queue this process has served."""

    def __init__(self, fetch: Fetch, offer: FetchOffer) -> None:
        self._fetch, self._fetch_offer = fetch, offer
        self._offers: dict[str, tuple[Offer, float]] = {}
        self._queues: dict[str, Queue] = {}
        self._leasing: set[str] = set()
        # (project, annotator) of those who were sent something back since their last claim.
        self._sent_back: set[tuple[str, str]] = set()

    def sent_back(self, project: str, annotator: str) -> None:
        """A submission waits for its annotator's second look, which comes before anything new."""
        self._sent_back.add((project, annotator))

    def has_sent_back(self, project: str, annotator: str) -> bool:
        """Return whether submissions may wait for the annotator's second look."""
        return (project, annotator) in self._sent_back

    def looked_again(self, project: str, annotator: str) -> None:
        """The annotator was given all submissions that were sent back."""
        self._sent_back.discard((project, annotator))

    async def know_offer(self, project: str) -> None:
        """Looks up, every second, what a project offers."""
        if self._offers.get(project, (EVERYTHING, 0.0))[1] < time.monotonic():
            self._set(project, await self._fetch_offer(project))

    def forget_offer(self, project: str) -> None:
        """It has changed: looked up at the next claim."""
        self._offers[project] = (self._offers.get(project, (EVERYTHING, 0.0))[0], 0.0)

    def _set(self, project: str, offer: Offer) -> None:
        """What is in memory is looked at again where the offer has changed."""
        if self._offers.get(project, (EVERYTHING, 0.0))[0] != offer:
            for queue in [q for q in self._queues if q.startswith(f"{project}:")]:
                del self._queues[queue]
        self._offers[project] = (offer, time.monotonic() + _OFFER_SECONDS)

    def leasing(self, name: str) -> None:
        """A unit of work is about to lease the task: it is proposed to nobody else meanwhile."""
        self._leasing.add(name)

    def leased(self, names: list[str]) -> None:
        """Those units have ended, well or not; the store tells the tasks' state again."""
        self._leasing.difference_update(names)

    def opened(self, queue: str, tasks: list[Task]) -> None:
        """New open tasks: whoever finds nothing in the window reads it again at once, and better
        ranked tasks than its first come before it."""
        known = self._queues.get(queue)
        if known is None:
            return
        known.again = 0.0
        known.places.clear()
        head = next(iter(known.tasks.values()), None)
        if head is not None and any(task.priority > head.priority for task in tasks):
            known.tasks.clear()

    def taken(self, queue: str, name: str) -> None:
        """The task is no longer to be proposed."""
        if queue in self._queues:
            self._queues[queue].tasks.pop(name, None)

    def keep(self, queue: str, task: Task) -> None:
        """The task as it now is, where it still has room for somebody else."""
        if queue in self._queues and task.name in self._queues[queue].tasks:
            self._queues[queue].tasks[task.name] = task

    async def propose(self, queue: str, person: str, count: int) -> list[str]:
        """Names of up to `count` tasks that fit the person, best first."""
        known = self._queues.setdefault(queue, Queue())
        found = self._fitting(known, person, count)
        if not found and time.monotonic() >= known.again:
            await self._refill(queue, known)
            found = self._fitting(known, person, count)
        if not found and known.tasks:
            return await self._deeper(queue, known, person, count)
        return found

    def _fitting(self, known: Queue, person: str, count: int) -> list[str]:
        found: list[str] = []
        for name, task in known.tasks.items():
            if name not in self._leasing and fits(task, person):
                found.append(name)
                if len(found) == count:
                    break
        return found

    async def _refill(self, queue: str, known: Queue) -> None:
        known.again = time.monotonic() + _AGAIN_SECONDS
        tasks = self._offered(queue, await self._fetch(queue, None, BLOCK))
        known.tasks = OrderedDict((task.name, task) for task in tasks)

    def _offered(self, queue: str, tasks: list[Task]) -> list[Task]:
        offer = self._offers.get(queue.rsplit(":", 1)[0], (EVERYTHING, 0.0))[0]
        return [task for task in tasks if offer.takes(task)]

    async def _deeper(self, queue: str, known: Queue, person: str, count: int) -> list[str]:
        last = next(reversed(known.tasks.values()))
        place = known.places.get(person, (-last.priority, last.name))
        for _ in range(_DEEP_BLOCKS):
            tasks = self._offered(queue, await self._fetch(queue, place, BLOCK))
            fitting = [t.name for t in tasks if t.name not in self._leasing and fits(t, person)]
            if fitting:
                known.places[person] = place
                return fitting[:count]
            if len(tasks) < BLOCK:
                known.places.pop(person, None)
                return []
            place = (-tasks[-1].priority, tasks[-1].name)
            known.places[person] = place
        return []


def stored_window(store_: Store) -> ReadyWindow:
    """Return a window on the queues of the store."""

    async def offer(project: str) -> Offer:
        floor = await store_.get(store.FLOORS, project) or {"floor": 0.0}
        plan = await store_.get(store.REROUTES, project)
        gate = plan and {"model": plan["model"], "threshold": plan["threshold"]}
        return Offer(floor["floor"], gate)

    return ReadyWindow(
        lambda queue, after, limit: store.open_tasks(store_, queue, after, limit), offer
    )
