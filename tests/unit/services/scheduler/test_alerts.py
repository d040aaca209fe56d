"""Every alert comes when it should, goes again, and stays away otherwise; a schedule is revised
where something moved, however many projects there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from labelmill.prelabel_gateway.v1 import events_pb2 as prelabel
from labelmill.qc_scorer.v1 import events_pb2 as scorer
from labelmill.qc_scorer.v1 import qc_scorer_pb2
from labelmill.scheduler.v1.events_pb2 import ScheduleUpdated, TrainingRequested
from labelmill.task_dispatch.v1 import events_pb2 as dispatch
from labelmill.task_dispatch.v1 import task_dispatch_pb2
from labelmill.template.v1 import events_pb2 as template
from labelmill.trainer.v1 import events_pb2 as trainer

from libs.common.clock import FakeClock
from libs.common.store import Store, open_store
from services.scheduler import events
from services.scheduler.service import Scheduler
from services.scheduler.store import COLLECTIONS, DUE

NAME = "tenants/t/projects/p"


class World:
    """A scheduler that is told what other services say."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock = store, FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.scheduler = Scheduler(store, self.clock)

    async def say(self, *messages: Any) -> None:
        for message in messages:
            await events.HANDLERS[type(message)](self.scheduler, [message])

    async def begin(self, *, training: bool = False) -> None:
        message = template.ProjectUpdated()
        message.project.name = NAME
        if training:
            message.project.policy.training.embedding = "text-features"
        await self.say(message)

    async def alerts(self, seconds: float = 0.0) -> dict[str, str]:
        """Alerts by kind, `seconds` later."""
        if seconds:
            self.clock.advance(seconds)
        await self.scheduler.revise_due()
        schedule = await self.scheduler.schedule(NAME)
        return {alert["kind"]: alert["reason"] for alert in schedule.alerts}

    async def told(self, kind: type) -> list[Any]:
        return [
            message
            for event in await self.store.pending_events(10_000)
            if isinstance(message := event.message(), kind)
        ]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await open_store(f"sqlite:///{tmp_path}", "scheduler", COLLECTIONS)
    found = World(store)
    await found.begin()
    yield found
    await store.close()


def gate(
    world: World, model_version: str, state: str, version: int, reason: str = ""
) -> scorer.GateUpdated:
    message = scorer.GateUpdated()
    message.gate.name, message.gate.project = f"{NAME}/gates/m-{model_version}", NAME
    message.gate.state = qc_scorer_pb2.GateState.Value(f"GATE_STATE_{state}")
    message.gate.version, message.gate.reason = version, reason
    message.gate.update_time.FromDatetime(world.clock.now())
    return message


def failed(count: int, cause: int, reason: str = "why") -> prelabel.PredictionsFailed:
    tasks = [prelabel.FailedTask(reason=reason, cause=cause) for _ in range(count)]  # type: ignore[arg-type]
    return prelabel.PredictionsFailed(project=NAME, tasks=tasks)


def made(count: int) -> prelabel.PredictionsCompleted:
    tasks = [prelabel.PredictedTask() for _ in range(count)]
    return prelabel.PredictionsCompleted(project=NAME, tasks=tasks)


def waiting(count: int, **more: Any) -> dispatch.WorkWaiting:
    return dispatch.WorkWaiting(project=NAME, task_count=count, **more)


async def test_a_breached_gate_is_told_until_a_later_one_opens(world: World) -> None:
    await world.say(gate(world, "1", "OPEN", 1))
    assert await world.alerts() == {}
    world.clock.advance(5)
    await world.say(gate(world, "1", "BREACHED", 2, "too many errors"))
    assert "too many errors" in (await world.alerts())["GATE_BREACHED"]
    world.clock.advance(5)
    await world.say(gate(world, "2", "OPEN", 1))
    assert await world.alerts() == {}


async def test_a_gate_that_closes_is_told_and_one_that_never_opened_is_not(world: World) -> None:
    await world.say(gate(world, "1", "CLOSED", 1))
    assert await world.alerts() == {}
    await world.say(gate(world, "1", "OPEN", 2))
    world.clock.advance(5)
    await world.say(gate(world, "1", "CLOSED", 3, "look 4"))
    assert "look 4" in (await world.alerts())["GATE_CLOSED"]
    world.clock.advance(5)
    await world.say(gate(world, "1", "OPEN", 4))
    assert await world.alerts() == {}


async def test_a_half_done_batch_that_nobody_goes_on_with_is_stalled(world: World) -> None:
    await world.say(waiting(10))
    assert await world.alerts(1700) == {}
    await world.say(dispatch.TasksAccepted(project=NAME, tasks=[task_dispatch_pb2.Task()]))
    assert await world.alerts(1700) == {}, "something was settled since"
    assert "STALLED" in await world.alerts(5 * 3600)
    told = len(await world.told(ScheduleUpdated))
    assert "STALLED" in await world.alerts(60)
    assert len(await world.told(ScheduleUpdated)) == told, "emitted once, not every minute"
    await world.say(dispatch.TasksAccepted(project=NAME, tasks=[task_dispatch_pb2.Task()]))
    assert await world.alerts() == {}
    await world.say(waiting(0))
    assert await world.alerts(5 * 3600) == {}, "nothing waits: nothing stalls"


async def test_a_project_without_a_model_has_no_failing_drafts(world: World) -> None:
    await world.say(failed(5000, prelabel.FAILURE_CAUSE_NO_MODEL))
    assert await world.alerts() == {}


async def test_drafts_that_begin_to_fail_are_told_however_many_came_before(world: World) -> None:
    for _ in range(10):
        await world.say(made(1000))
    await world.say(failed(100, prelabel.FAILURE_CAUSE_NO_ANSWER))
    assert await world.alerts() == {}
    for _ in range(9):
        await world.say(failed(1000, prelabel.FAILURE_CAUSE_NO_ANSWER, "the image is broken"))
    assert "the image is broken" in (await world.alerts())["DRAFTS_FAILING"]
    await world.say(made(1000))
    assert await world.alerts() == {}


async def test_a_few_failures_of_a_few_are_no_alert(world: World) -> None:
    await world.say(failed(15, prelabel.FAILURE_CAUSE_NO_ANSWER), made(1))
    assert await world.alerts() == {}


async def test_a_model_that_is_not_built_is_told_at_once_until_drafts_come(world: World) -> None:
    await world.say(failed(1, prelabel.FAILURE_CAUSE_MODEL_AWAY, "model body-pose: not found"))
    assert "body-pose" in (await world.alerts())["MODEL_AWAY"]
    await world.say(made(1))
    assert await world.alerts() == {}
    await world.say(failed(1, prelabel.FAILURE_CAUSE_MODEL_AWAY))
    assert set(await world.alerts()) == {"MODEL_AWAY"}
    await world.begin()
    assert await world.alerts() == {}, "under another route it may be there"


async def test_evidence_that_waits_for_a_reviewer_is_told_after_a_while(world: World) -> None:
    since = Timestamp()
    since.FromDatetime(world.clock.now())
    await world.say(waiting(3, evidence_count=1, evidence_time=since))
    assert await world.alerts() == {}
    assert "review it" in (await world.alerts(61))["EVIDENCE_WAITS"]
    await world.say(waiting(2))
    assert await world.alerts() == {}


async def test_tasks_that_nobody_may_take_are_told(world: World) -> None:
    await world.say(waiting(3, stranded_count=2, stranded_reason="each of the 2 people has"))
    reason = (await world.alerts())["NOBODY_LEFT"]
    assert reason.startswith("2 tasks want one more opinion, and each of the 2 people has")
    await world.say(waiting(3))
    assert await world.alerts() == {}


async def test_a_target_out_of_reach_is_told_until_a_plan_says_otherwise(world: World) -> None:
    await world.begin(training=True)
    plan = scorer.LotPlanned(project=NAME, decision="STOP", unreachable=True, reason="too few")
    await world.say(plan)
    assert (await world.alerts())["TARGET_UNREACHABLE"] == "too few"
    await world.say(scorer.LotPlanned(project=NAME, decision="LEARN"))
    assert await world.alerts() == {}


def features(count: int) -> prelabel.FeaturesComputed:
    return prelabel.FeaturesComputed(
        project=NAME, tasks=[prelabel.TaskFeatures() for _ in range(count)]
    )


def created(count: int) -> dispatch.TasksCreated:
    tasks = [task_dispatch_pb2.Task() for _ in range(count)]
    return dispatch.TasksCreated(project=NAME, tasks=tasks)


async def test_people_get_the_work_where_nothing_could_be_embedded(world: World) -> None:
    await world.begin(training=True)
    away = failed(250, prelabel.FAILURE_CAUSE_MODEL_AWAY, "connection refused")
    await world.say(created(250), away)
    assert "NOTHING_LEARNT" not in await world.alerts(5)
    assert (await world.scheduler.schedule(NAME)).min_priority > 0
    assert "250" in (await world.alerts(61))["NOTHING_LEARNT"]
    assert (await world.scheduler.schedule(NAME)).min_priority == 0
    await world.say(features(250))
    assert await world.alerts(2) == {}
    assert (await world.scheduler.schedule(NAME)).min_priority > 0
    assert len(await world.told(TrainingRequested)) == 1


async def test_people_get_the_work_where_the_trainer_can_learn_nothing(world: World) -> None:
    await world.begin(training=True)
    await world.say(created(10), features(10))
    await world.alerts(2)
    nothing = trainer.NothingToLearn(project=NAME, number=1, reason="one class only")
    await world.say(nothing)
    assert (await world.alerts())["NOTHING_LEARNT"] == "one class only"
    assert (await world.scheduler.schedule(NAME)).min_priority == 0
    await world.say(features(10))
    assert await world.alerts(61) == {}, "more items: another round may learn"


async def test_a_batch_whose_half_is_cancelled_is_learnt_from(world: World) -> None:
    await world.begin(training=True)
    await world.say(created(250), features(250))
    await world.alerts(2)
    asked = trainer.TasksPrioritized(
        project=NAME, tasks=[trainer.TaskPriority() for _ in range(200)]
    )
    await world.say(asked)
    label = task_dispatch_pb2.Task()
    await world.say(dispatch.TasksAccepted(project=NAME, tasks=[label] * 80))
    await world.alerts(5)
    assert len(await world.told(TrainingRequested)) == 1
    gone = task_dispatch_pb2.Task(priority=2.0)
    await world.say(dispatch.TasksCancelled(project=NAME, tasks=[gone] * 120))
    await world.alerts(5)
    assert len(await world.told(TrainingRequested)) == 2


async def test_the_scorers_comparison_moves_the_phase(world: World) -> None:
    """Predictions a pixel away are equal where the template's loss says so."""
    await world.say(scorer.PredictionsCompared(project=NAME, compared_count=70, equal_count=70))
    await world.alerts()
    schedule = await world.scheduler.schedule(NAME)
    assert schedule.phase == "STEADY" and schedule.equal_count == 70
    await world.say(scorer.PredictionsCompared(project=NAME, compared_count=300))
    await world.alerts()
    assert (await world.scheduler.schedule(NAME)).phase == "COLD_START"


@pytest.mark.statistical
async def test_every_one_of_1100_projects_is_revised_and_none_that_did_not_move(
    world: World,
) -> None:
    names = [f"tenants/t/projects/p{i:04}" for i in range(1100)]
    await world.scheduler.remember_projects(dict.fromkeys(names, False))
    await world.scheduler.revise_due()
    assert not await world.store.find(DUE, {"time": ""}, order=("time", "name"))
    for name in names:
        message = failed(1, prelabel.FAILURE_CAUSE_MODEL_AWAY)
        message.project = name
        await world.say(message)
    await world.scheduler.revise_due()
    for name in (names[0], names[550], names[-1]):
        schedule = await world.scheduler.schedule(name)
        assert [alert["kind"] for alert in schedule.alerts] == ["MODEL_AWAY"]
    reads = 0
    find = world.store.find

    async def counted(*args: Any, **how: Any) -> Any:
        nonlocal reads
        reads += 1
        return await find(*args, **how)

    world.store.find = counted  # type: ignore[method-assign]
    await world.scheduler.revise_due()
    assert reads == 1, "where nothing moved nothing is read"


async def test_one_projects_fault_is_no_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(await world.scheduler.schedule(NAME), name="x").project + "-other"
    await world.scheduler.remember_projects({other: False})
    revise = world.scheduler._revise

    async def broken(project: str) -> None:
        if project == NAME:
            raise ValueError("broken")
        await revise(project)

    monkeypatch.setattr(world.scheduler, "_revise", broken)
    message = failed(1, prelabel.FAILURE_CAUSE_MODEL_AWAY)
    message.project = other
    await world.say(message)
    await world.scheduler.revise_due()
    assert [a["kind"] for a in (await world.scheduler.schedule(other)).alerts] == ["MODEL_AWAY"]
