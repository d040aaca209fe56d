"""What review-router hears."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from labelmill.prelabel_gateway.v1.events_pb2 import PredictionsCompleted, PredictionsFailed
from labelmill.qc_scorer.v1.events_pb2 import GateUpdated, GroupsPassed, TasksScored
from labelmill.scheduler.v1.events_pb2 import ScheduleUpdated
from labelmill.task_dispatch.v1.events_pb2 import RoutingRequested
from labelmill.template.v1.events_pb2 import ProjectUpdated
from labelmill.template.v1.template_pb2 import REFERENCE_EXPERTS

from libs.common.codec import from_message, message_to_doc
from services.review_router import injected_errors
from services.review_router.domain import Facts, Lot
from services.review_router.service import Router


async def on_projects(service: Router, messages: list[Any]) -> None:
    await service.remember_projects(
        [
            {
                "name": m.project.name,
                "version": m.project.version,
                "policy": {
                    **message_to_doc(m.project.policy),
                    "experts": m.project.target.reference == REFERENCE_EXPERTS,
                    "classes": _single_choice(m.template.label_schema),
                },
            }
            for m in messages
        ]
    )


def _single_choice(schema: Any) -> list[str]:
    return list(schema.classes) if schema.shape == "choice" else []


async def on_gates(service: Router, messages: list[Any]) -> None:
    await service.remember_gates([message_to_doc(m.gate) for m in messages])


async def on_passing(service: Router, messages: list[Any]) -> None:
    for m in messages:
        await service.remember_passing(m.gate, list(m.groups))


async def on_schedules(service: Router, messages: list[Any]) -> None:
    await service.remember_phases(
        [
            {
                "name": m.schedule.project,
                **{
                    k: v for k, v in message_to_doc(m.schedule).items() if k in ("phase", "version")
                },
            }
            for m in messages
        ]
    )


async def _route(
    service: Router, messages: list[Any], facts_of: Callable[[Any], Iterable[Facts]]
) -> None:
    by_project: dict[str, list[Facts]] = defaultdict(list)
    for message in messages:
        by_project[message.project].extend(facts_of(message))
    for project, facts in by_project.items():
        await service.route_all(project, facts)


async def on_predictions(service: Router, messages: list[Any]) -> None:
    await _route(
        service,
        messages,
        lambda m: [
            Facts(
                p.task.name,
                p.task.version,
                p.task.gold,
                message_to_doc(p.prediction),
                lot=_lot(m),
                group=p.task.group,
            )
            for p in m.tasks
        ],
    )


async def on_failures(service: Router, messages: list[Any]) -> None:
    await _route(
        service,
        messages,
        lambda m: [
            Facts(f.task.name, f.task.version, f.task.gold, failure=f.reason, lot=_lot(m))
            for f in m.tasks
        ],
    )


def _lot(message: Any) -> Lot | None:
    return from_message(Lot, message.lot) if message.HasField("lot") else None


async def on_requests(service: Router, messages: list[Any]) -> None:
    await _route(
        service,
        messages,
        lambda m: [
            Facts(
                t.name,
                t.version,
                t.gold,
                message_to_doc(t.prediction),
                again=True,
                group=t.group,
            )
            for t in m.tasks
        ],
    )


async def on_scores(service: Router, messages: list[Any]) -> None:
    await _route(service, messages, lambda m: [_scored(s.task, s.score) for s in m.tasks])


def _scored(task: Any, score: Any) -> Facts:
    doc, said = message_to_doc(task), message_to_doc(score)
    counted = [a for a in doc.get("annotations", []) if not (a.get("late") or a.get("held"))]
    check = said.get("check", {})
    return Facts(
        task=task.name,
        task_version=task.version,
        gold=task.gold,
        prediction=doc.get("prediction"),
        sampled=task.sampled,
        stage=doc.get("stage", "ANNOTATION"),
        annotation_count=score.annotation_count,
        replica_count=task.replica_count,
        disputed=score.disputed,
        consensus=said.get("consensus"),
        confidence=score.confidence,
        matches_prediction=score.matches_prediction,
        draft_shown=injected_errors.shown(doc.get("prediction"), counted),
        injected_error_kept=injected_errors.kept(
            doc.get("prediction"), said.get("consensus"), counted
        ),
        worth_asking=score.worth_asking,
        truth_method=score.truth_method,
        blind=task.blind,
        verdicts=tuple(doc.get("reviews", [])),
        held=check.get("held", False),
        hint=check.get("hint_text", ""),
        objected=check.get("state") == "OBJECTED",
    )


HANDLERS = {
    ProjectUpdated: on_projects,
    GateUpdated: on_gates,
    GroupsPassed: on_passing,
    ScheduleUpdated: on_schedules,
    PredictionsCompleted: on_predictions,
    PredictionsFailed: on_failures,
    RoutingRequested: on_requests,
    TasksScored: on_scores,
}
