"""What intake hears."""

from __future__ import annotations

from typing import Any

from labelmill.prelabel_gateway.v1.events_pb2 import FAILURE_CAUSE_MODEL_AWAY, PredictionsFailed
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs import label_validation
from libs.common.codec import Doc, from_message, message_to_doc
from services.intake.domain import DataField, Project
from services.intake.service import Intake

_LOOKED_AT = 20


async def on_projects(service: Intake, messages: list[Any]) -> None:
    # Items come in for the whole; the project of a part gets its tasks from there.
    await service.remember_projects([_project(m) for m in messages if not m.project.parent_project])


async def on_failures(service: Intake, messages: list[Any]) -> None:
    """Drafts that never come because the model is not there."""
    for m in messages:
        away = [task for task in m.tasks if task.cause == FAILURE_CAUSE_MODEL_AWAY]
        if away:
            # One item says which import it was; the next event speaks of the rest.
            items = [failed.task.item for failed in away[:_LOOKED_AT]]
            await service.note_failures(m.project.split(".")[0], items, away[0].reason)


def _project(message: Any) -> Project:
    assists = [message_to_doc(one) for one in message.template.assists]
    return Project(
        name=message.project.name,
        version=message.project.version,
        data_fields=tuple(from_message(DataField, f) for f in message.template.data_fields),
        label_schema=label_validation.with_source(
            message_to_doc(message.template.label_schema), assists
        ),
        cleaning=_cleaning(message.project.policy),
        divided=bool(message.template.parts),
    )


def _cleaning(policy: Any) -> Doc | None:
    return message_to_doc(policy.cleaning) if policy.HasField("cleaning") else None


HANDLERS = {ProjectUpdated: on_projects, PredictionsFailed: on_failures}
