"""What intake hears."""

from __future__ import annotations

from typing import Any

from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.codec import Doc, from_message, message_to_doc
from services.intake.domain import DataField, Project
from services.intake.service import Intake


async def on_projects(service: Intake, messages: list[Any]) -> None:
    # Items come in for the whole; the project of a part gets its tasks from there.
    await service.remember_projects([_project(m) for m in messages if not m.project.whole])


def _project(message: Any) -> Project:
    return Project(
        name=message.project.name,
        version=message.project.version,
        data_fields=tuple(from_message(DataField, f) for f in message.template.data_fields),
        label_schema=message_to_doc(message.template.label_schema),
        cleaning=_cleaning(message.project.policy),
        divided=bool(message.template.parts),
    )


def _cleaning(policy: Any) -> Doc | None:
    return message_to_doc(policy.cleaning) if policy.HasField("cleaning") else None


HANDLERS = {ProjectUpdated: on_projects}
