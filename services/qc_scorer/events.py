"""What the scorer hears."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from datetime import UTC
from typing import Any
from urllib.parse import quote

from labelmill.annotation.v1.source_pb2 import LABEL_SOURCE_MACHINE
from labelmill.delivery.v1.delivery_pb2 import DeliveryState
from labelmill.delivery.v1.events_pb2 import (
    DeliveryAccepted,
    DeliveryCompleted,
    DeliveryRejected,
)
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.review_router.v1.events_pb2 import TasksRouted
from labelmill.task_dispatch.v1.events_pb2 import (
    AnnotationsSubmitted,
    LabelsWithdrawn,
    LotFrozen,
    ReviewsRefused,
    ReviewsSubmitted,
    TasksAccepted,
    TasksCancelled,
)
from labelmill.task_dispatch.v1.task_dispatch_pb2 import STATE_SCORING
from labelmill.template.v1.events_pb2 import ProjectUpdated
from labelmill.template.v1.template_pb2 import Reference as ReferencePb
from labelmill.template.v1.template_pb2 import Template
from labelmill.trainer.v1.events_pb2 import ModelCandidateEvaluated

from libs.common.codec import message_to_doc, time_text
from libs.common.names import project_of
from services.qc_scorer.domain import CONFIDENCE, Project, Reference
from services.qc_scorer.losses import with_tolerance
from services.qc_scorer.review.accepted_labels import Row, machine_row
from services.qc_scorer.service import QcScorer
from services.qc_scorer.submission_check.conformal import UNCHECKED_SHARE


def _loss(template: Template) -> str:
    """The loss of a template, as `losses.named` reads it."""
    schema = template.label_schema
    sigmas = ",".join(f"{sigma:g}" for sigma in schema.skeleton.sigmas)
    # Names of classes may have any characters, those between options, too.
    directed = ",".join(quote(name, safe="") for name in schema.directed)
    options = {"sigmas": sigmas, "normaliser": schema.normaliser, "directed": directed}
    return with_tolerance(template.loss, template.loss_tolerance, options)


async def on_projects(service: QcScorer, messages: list[Any]) -> None:
    await service.remember_projects(
        [
            Project(
                name=m.project.name,
                version=m.project.version,
                loss=_loss(m.template),
                merge_rule=m.template.merge_rule,
                max_error_rate=m.project.target.max_error_rate,
                confidence=m.project.target.confidence or CONFIDENCE,
                reference=_reference(m.project.target),
                classes=tuple(m.template.label_schema.classes),
                class_error_limits=dict(m.project.target.class_error_limits),
                machine_label=m.project.policy.machine_label,
                training=m.project.policy.HasField("training"),
                gold_accuracy=m.project.policy.gold_accuracy,
                adaptive_annotations=m.project.policy.adaptive_annotations,
                check_false_alarm=m.project.policy.check_false_alarm,
                unchecked_share=m.project.policy.unchecked_share or UNCHECKED_SHARE,
                parts=tuple(f"{m.project.name}.{part.name}" for part in m.template.parts),
                parent_project=m.project.parent_project,
            )
            for m in messages
        ]
    )


async def on_items(service: QcScorer, messages: list[Any]) -> None:
    answers = {
        f"{m.project}/tasks/{item.name.rsplit('/', 1)[-1]}": {
            "value": message_to_doc(item.gold),
            "item": hashlib.sha256(item.data.encode()).hexdigest()[:24],
        }
        for m in messages
        for item in m.items
        if item.HasField("gold")
    }
    if answers:
        await service.remember_gold(answers)
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    for m in messages:
        # Known answers join no lot.
        held = Counter(i.group for i in m.items if i.group and not i.HasField("gold"))
        if held:
            groups[m.project].update(held)
    for project, sizes in groups.items():
        await service.remember_groups(project, sizes)


async def on_submissions(service: QcScorer, messages: list[Any]) -> None:
    by_project: dict[str, list[Any]] = defaultdict(list)
    for message in messages:
        waiting = [t for t in message.tasks if t.state == STATE_SCORING]
        by_project[message.project].extend((t, message_to_doc(t)) for t in waiting)
    for project, tasks in by_project.items():
        await service.score(project, tasks)


async def on_accepted(service: QcScorer, messages: list[Any]) -> None:
    machine: dict[str, int] = defaultdict(int)
    lots: dict[str, int] = defaultdict(int)
    human: dict[str, list[Any]] = defaultdict(list)
    rows: dict[str, list[Row]] = defaultdict(list)
    for message in messages:
        for task in message.tasks:
            # A whole is kept by name, whoever made its pieces: they may change.
            if task.label.source == LABEL_SOURCE_MACHINE and not task.subtasks:
                machine[message.project] += 1
                row = machine_row(task.name, task.version, task.label.score, task.label.gate)
                rows[message.project].append(row)
                lots[message.project] += bool(task.prediction.lot)
            else:
                task.ClearField("data")
                human[message.project].append(message_to_doc(task))
    for project in machine.keys() | human.keys():
        await service.count_accepted(project, machine[project], human[project], lots[project])
        await service.keep_risks(project, rows[project], human[project])


async def on_routings(service: QcScorer, messages: list[Any]) -> None:
    """Only what joins a lot, or is drawn from what a lot lets out."""
    for message in messages:
        joining = [r for r in message.routings if r.gate]
        if joining:
            await service.join(message.project, [message_to_doc(r) for r in joining])


async def on_frozen(service: QcScorer, messages: list[Any]) -> None:
    for m in messages:
        lot = message_to_doc(m.lot)
        await service.freeze(m.project, lot, m.task_count, m.project_task_count)


async def on_evaluations(service: QcScorer, messages: list[Any]) -> None:
    for m in messages:
        await service.plan_lot(m.project, message_to_doc(m.evaluation))


async def on_cancelled(service: QcScorer, messages: list[Any]) -> None:
    for m in messages:
        await service.cancel(m.project, [message_to_doc(t) for t in m.tasks])


async def on_withdrawn(service: QcScorer, messages: list[Any]) -> None:
    for m in messages:
        await service.withdraw({t.task: t.task_version for t in m.tasks})


async def on_refused(service: QcScorer, messages: list[Any]) -> None:
    for m in messages:
        await service.refuse_reviews(m.project, m.request, list(m.tasks))


async def on_deliveries(service: QcScorer, messages: list[Any]) -> None:
    for m in messages:
        delivery = m.delivery
        if delivery.edition_of:
            # The same labels once more: what became of them is told by the delivery itself.
            continue
        state = DeliveryState.Name(delivery.state).removeprefix("DELIVERY_STATE_")
        until = time_text(delivery.create_time.ToDatetime(UTC))
        await service.note_delivery(project_of(delivery.name), delivery.name, state, until)


def _reference(target: Any) -> Reference:
    return Reference(ReferencePb.Name(target.reference).removeprefix("REFERENCE_"))


HANDLERS = {
    ProjectUpdated: on_projects,
    ItemsAdmitted: on_items,
    AnnotationsSubmitted: on_submissions,
    ReviewsSubmitted: on_submissions,
    TasksAccepted: on_accepted,
    TasksRouted: on_routings,
    LotFrozen: on_frozen,
    TasksCancelled: on_cancelled,
    LabelsWithdrawn: on_withdrawn,
    ReviewsRefused: on_refused,
    DeliveryCompleted: on_deliveries,
    DeliveryAccepted: on_deliveries,
    DeliveryRejected: on_deliveries,
    ModelCandidateEvaluated: on_evaluations,
}
