"""What the ready window offers: not below the floor, and not what a gate is about to let out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from services.task_dispatch.claims.ready_window import Offer, ReadyWindow
from services.task_dispatch.domain import Stage, State, Task

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GATE = {"model": "own", "threshold": 0.9}


def task(number: int, score: float, model: str = "own") -> Task:
    return Task(
        name=f"p/tasks/{number}",
        project="p",
        item=f"p/items/{number}",
        data="{}",
        template="t",
        stage=Stage.ANNOTATION,
        state=State.OPEN,
        version=1,
        create_time=NOW,
        update_time=NOW,
        priority=1.0 - score,
        prediction={"model": model, "score": score},
    )


TASKS = [task(1, 0.2), task(2, 0.8), task(3, 0.9), task(4, 0.99), task(5, 0.99, "other")]


class Project:
    """One project's queue and offer, changed as the test goes on."""

    def __init__(self) -> None:
        self.offer = Offer()
        self.window = ReadyWindow(self.fetch, self.told)

    async def fetch(self, queue: str, after: object, limit: int) -> list[Task]:
        return [] if after else TASKS

    async def told(self, project: str) -> Offer:
        return self.offer

    async def offered(self) -> list[int]:
        await self.window.know_offer("p")
        names = await self.window.propose("p:annotate", "ann", 10)
        return [int(name.rsplit("/", 1)[1]) for name in names]


async def test_what_an_opened_gate_lets_out_is_not_given_to_people_meanwhile() -> None:
    project = Project()
    assert await project.offered() == [1, 2, 3, 4, 5]
    project.offer = Offer(rerouting=GATE)
    project.window.forget_offer("p")
    assert await project.offered() == [1, 2, 5]
    # What the router did not let out after all is offered once the gate's work is done.
    project.offer = Offer()
    project.window.forget_offer("p")
    assert await project.offered() == [1, 2, 3, 4, 5]


def test_what_was_drawn_or_begun_is_offered_all_the_same() -> None:
    """The router does not take these back, so nobody would wait for anything."""
    offer = Offer(rerouting=GATE)
    assert not offer.takes(task(4, 0.99))
    assert offer.takes(replace(task(4, 0.99), sampled=True))
    assert offer.takes(replace(task(4, 0.99), annotations=({"annotator": "ann"},)))


async def test_nothing_below_the_floor_is_offered() -> None:
    project = Project()
    project.offer = Offer(floor=0.15)
    assert await project.offered() == [1, 2]
