"""What the gateway hears, to tell it on to tenants' webhooks."""

from __future__ import annotations

from typing import Any

from labelmill.delivery.v1.events_pb2 import (
    DeliveryAccepted,
    DeliveryCompleted,
    DeliveryRejected,
)
from labelmill.intake.v1.events_pb2 import ItemsRefused
from labelmill.qc_scorer.v1.events_pb2 import AnnotatorPaused, AnnotatorResumed, GateUpdated
from labelmill.scheduler.v1.events_pb2 import ScheduleUpdated

from libs.common.names import tenant_of
from services.gateway.http.schema import rest
from services.gateway.webhooks import Webhooks


async def _tell(webhooks: Webhooks, kind: str, name: str, resource: Any) -> None:
    await webhooks.tell(tenant_of(name), kind, rest(resource))


async def on_completed(webhooks: Webhooks, messages: list[Any]) -> None:
    for m in messages:
        await _tell(webhooks, "delivery.completed", m.delivery.name, m.delivery)


async def on_accepted(webhooks: Webhooks, messages: list[Any]) -> None:
    for m in messages:
        await _tell(webhooks, "delivery.accepted", m.delivery.name, m.delivery)


async def on_rejected(webhooks: Webhooks, messages: list[Any]) -> None:
    for m in messages:
        await _tell(webhooks, "delivery.rejected", m.project, m)


async def on_gates(webhooks: Webhooks, messages: list[Any]) -> None:
    for m in messages:
        await _tell(webhooks, "gate.updated", m.gate.name, m.gate)


async def on_paused(webhooks: Webhooks, messages: list[Any]) -> None:
    for m in messages:
        await _tell(webhooks, "annotator.paused", m.project, m)


async def on_resumed(webhooks: Webhooks, messages: list[Any]) -> None:
    for m in messages:
        await _tell(webhooks, "annotator.resumed", m.project, m)


async def on_schedules(webhooks: Webhooks, messages: list[Any]) -> None:
    for m in messages:
        await _tell(webhooks, "schedule.updated", m.schedule.name, m.schedule)


async def on_refused(webhooks: Webhooks, messages: list[Any]) -> None:
    for m in messages:
        await _tell(webhooks, "items.refused", m.project, m)


HANDLERS = {
    DeliveryCompleted: on_completed,
    DeliveryAccepted: on_accepted,
    DeliveryRejected: on_rejected,
    GateUpdated: on_gates,
    AnnotatorPaused: on_paused,
    AnnotatorResumed: on_resumed,
    ScheduleUpdated: on_schedules,
    ItemsRefused: on_refused,
}
