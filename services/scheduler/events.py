"""What the scheduler hears."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from labelmill.annotation.v1.source_pb2 import LABEL_SOURCE_MACHINE
from labelmill.prelabel_gateway.v1.events_pb2 import (
    FeaturesComputed,
    PredictionsCompleted,
    PredictionsFailed,
)
from labelmill.qc_scorer.v1.events_pb2 import GateUpdated, LotPlanned
from labelmill.task_dispatch.v1.events_pb2 import TasksAccepted, TasksCreated, TasksOpened
from labelmill.template.v1.events_pb2 import ProjectUpdated
from labelmill.trainer.v1.events_pb2 import TasksPrioritized

from libs.common.codec import message_to_doc
from services.scheduler.service import Scheduler


async def on_projects(service: Scheduler, messages: list[Any]) -> None:
    await service.remember_projects(
        {m.project.name: m.project.policy.HasField("training") for m in messages}
    )


async def on_gates(service: Scheduler, messages: list[Any]) -> None:
    await service.remember_gates([message_to_doc(m.gate) for m in messages])


async def on_drafts(service: Scheduler, messages: list[Any]) -> None:
    await _count(service, messages, "drafts")


async def on_failures(service: Scheduler, messages: list[Any]) -> None:
    await _count(service, messages, "failures")


async def on_opened(service: Scheduler, messages: list[Any]) -> None:
    for project in {m.project for m in messages}:
        await service.measure(project, {}, "opened")


async def on_accepted(service: Scheduler, messages: list[Any]) -> None:
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for message in messages:
        totals[message.project].update({"compared": 0})
        for task in message.tasks:
            # Only the blind sample says what a draft is worth: whoever saw it leans on it.
            taught = not task.sampled and not task.gold
            if taught and task.label.source != LABEL_SOURCE_MACHINE:
                totals[message.project].update({"labels": 1})
            if task.sampled and task.HasField("prediction"):
                equal = task.label.value == task.prediction.value
                totals[message.project].update({"compared": 1, "equal": int(equal)})
    for project, counts in totals.items():
        if labels := counts.pop("labels", 0):
            await service.watch_training(project, labels=labels)
        await service.measure(project, {k: v for k, v in counts.items() if v}, "accepted")


async def on_created(service: Scheduler, messages: list[Any]) -> None:
    for project, count in _sizes(messages).items():
        await service.watch_training(project, created=count)


async def on_features(service: Scheduler, messages: list[Any]) -> None:
    for project, count in _sizes(messages).items():
        await service.watch_training(project, seen=count)


async def on_asked(service: Scheduler, messages: list[Any]) -> None:
    for project, count in _sizes(messages).items():
        await service.watch_training(project, asked=count)


async def on_plans(service: Scheduler, messages: list[Any]) -> None:
    for m in messages:
        unreachable = m.reason if m.unreachable else ""
        done = {"state": "DONE"} if m.decision == "STOP" else {}
        await service.watch_training(m.project, unreachable=unreachable, **done)


def _sizes(messages: list[Any]) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for message in messages:
        sizes[message.project] += len(message.tasks)
    return sizes


async def _count(service: Scheduler, messages: list[Any], what: str) -> None:
    for project, count in _sizes(messages).items():
        await service.measure(project, {what: count})


HANDLERS = {
    ProjectUpdated: on_projects,
    GateUpdated: on_gates,
    PredictionsCompleted: on_drafts,
    PredictionsFailed: on_failures,
    TasksOpened: on_opened,
    TasksAccepted: on_accepted,
    TasksCreated: on_created,
    FeaturesComputed: on_features,
    TasksPrioritized: on_asked,
    LotPlanned: on_plans,
}
