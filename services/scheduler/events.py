"""What the scheduler hears."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from labelmill.annotation.v1.source_pb2 import LABEL_SOURCE_MACHINE
from labelmill.prelabel_gateway.v1.events_pb2 import (
    FAILURE_CAUSE_MODEL_AWAY,
    FAILURE_CAUSE_NO_MODEL,
    FeaturesComputed,
    PredictionsCompleted,
    PredictionsFailed,
)
from labelmill.qc_scorer.v1.events_pb2 import GateUpdated, LotPlanned, PredictionsCompared
from labelmill.task_dispatch.v1.events_pb2 import (
    TasksAccepted,
    TasksCancelled,
    TasksCreated,
    WorkWaiting,
)
from labelmill.template.v1.events_pb2 import ProjectUpdated
from labelmill.trainer.v1.events_pb2 import NothingToLearn, TasksPrioritized

from libs.common.codec import from_doc, message_to_doc
from services.scheduler.alerts import Waiting
from services.scheduler.service import Scheduler
from services.scheduler.training import FLOOR


async def on_projects(service: Scheduler, messages: list[Any]) -> None:
    await service.remember_projects(
        {m.project.name: m.project.policy.HasField("training") for m in messages}
    )


async def on_gates(service: Scheduler, messages: list[Any]) -> None:
    await service.remember_gates([message_to_doc(m.gate) for m in messages])


async def on_drafts(service: Scheduler, messages: list[Any]) -> None:
    for project, count in _sizes(messages).items():
        await service.count_drafts(project, count)


async def on_failures(service: Scheduler, messages: list[Any]) -> None:
    """That a project has no model, or none yet, is no failure."""
    causes: dict[str, Counter[int]] = defaultdict(Counter)
    reasons: dict[str, str] = {}
    for message in messages:
        for task in message.tasks:
            if task.cause != FAILURE_CAUSE_NO_MODEL:
                causes[message.project][task.cause] += 1
                reasons[message.project] = task.reason
    for project, counts in causes.items():
        away = counts[FAILURE_CAUSE_MODEL_AWAY]
        await service.count_drafts(project, 0, counts.total(), away, reasons[project])


async def on_compared(service: Scheduler, messages: list[Any]) -> None:
    for m in messages:
        counts = {"compared": m.compared_count, "equal": m.equal_count}
        await service.measure(m.project, counts)


async def on_waiting(service: Scheduler, messages: list[Any]) -> None:
    for m in messages:
        doc = message_to_doc(m)
        await service.remember_waiting(m.project, from_doc(Waiting, doc))


async def on_cancelled(service: Scheduler, messages: list[Any]) -> None:
    """Of what the model asked for, what will never be answered: only what it asked for, or chance
    drew, stands at such a priority while it learns."""
    for message in messages:
        gone = sum(
            task.priority >= FLOOR and not (task.gold or task.sampled) for task in message.tasks
        )
        if gone:
            await service.watch_training(message.project, gone=gone)


async def on_nothing_learnt(service: Scheduler, messages: list[Any]) -> None:
    for m in messages:
        await service.watch_training(m.project, hopeless=m.reason)


async def on_accepted(service: Scheduler, messages: list[Any]) -> None:
    taught: Counter[str] = Counter()
    for project in {message.project for message in messages}:
        await service.note_accepted(project)
    for message in messages:
        for task in message.tasks:
            teaches = not task.sampled and not task.gold
            if teaches and task.label.source != LABEL_SOURCE_MACHINE:
                taught[message.project] += 1
    for project, labels in taught.items():
        await service.watch_training(project, labels=labels)


async def on_created(service: Scheduler, messages: list[Any]) -> None:
    for project, count in _sizes(messages).items():
        await service.watch_training(project, created=count)


async def on_features(service: Scheduler, messages: list[Any]) -> None:
    """An embedding says as well as a prediction that the model is there and answers."""
    for project, count in _sizes(messages).items():
        await service.watch_training(project, seen=count)
        await service.count_drafts(project, count)


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


HANDLERS = {
    ProjectUpdated: on_projects,
    GateUpdated: on_gates,
    PredictionsCompleted: on_drafts,
    PredictionsFailed: on_failures,
    PredictionsCompared: on_compared,
    WorkWaiting: on_waiting,
    TasksCancelled: on_cancelled,
    NothingToLearn: on_nothing_learnt,
    TasksAccepted: on_accepted,
    TasksCreated: on_created,
    FeaturesComputed: on_features,
    TasksPrioritized: on_asked,
    LotPlanned: on_plans,
}
