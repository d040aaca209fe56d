"""What the scorer hears."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from labelmill.annotation.v1.annotation_pb2 import LABEL_SOURCE_MACHINE
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.task_dispatch.v1.events_pb2 import (
    AnnotationsSubmitted,
    ReviewsSubmitted,
    TasksAccepted,
)
from labelmill.task_dispatch.v1.task_dispatch_pb2 import STATE_SCORING
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.codec import message_to_doc
from services.qc_scorer.domain import CONFIDENCE, Project
from services.qc_scorer.service import QcScorer


async def on_projects(service: QcScorer, messages: list[Any]) -> None:
    await service.remember_projects(
        [
            Project(
                name=m.project.name,
                version=m.project.version,
                loss=m.template.loss,
                merge_rule=m.template.merge_rule,
                max_error_rate=m.project.target.max_error_rate,
                confidence=m.project.target.confidence or CONFIDENCE,
            )
            for m in messages
        ]
    )


async def on_items(service: QcScorer, messages: list[Any]) -> None:
    answers = {
        f"{m.project}/tasks/{item.name.rsplit('/', 1)[-1]}": message_to_doc(item.gold)
        for m in messages
        for item in m.items
        if item.HasField("gold")
    }
    if answers:
        await service.remember_gold(answers)


async def on_submissions(service: QcScorer, messages: list[Any]) -> None:
    by_project: dict[str, list[Any]] = defaultdict(list)
    for message in messages:
        waiting = [t for t in message.tasks if t.state == STATE_SCORING]
        by_project[message.project].extend((t, message_to_doc(t)) for t in waiting)
    for project, tasks in by_project.items():
        await service.score(project, tasks)


async def on_accepted(service: QcScorer, messages: list[Any]) -> None:
    machine: dict[str, int] = defaultdict(int)
    human: dict[str, list[Any]] = defaultdict(list)
    for message in messages:
        for task in message.tasks:
            if task.label.source == LABEL_SOURCE_MACHINE:
                machine[message.project] += 1
            else:
                task.ClearField("data")
                human[message.project].append(message_to_doc(task))
    for project in machine.keys() | human.keys():
        await service.count_accepted(project, machine[project], human[project])


HANDLERS = {
    ProjectUpdated: on_projects,
    ItemsAdmitted: on_items,
    AnnotationsSubmitted: on_submissions,
    ReviewsSubmitted: on_submissions,
    TasksAccepted: on_accepted,
}
