"""An item in very many pieces: what each costs, and that nothing is lost at the last."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from labelmill.delivery.v1.events_pb2 import DeliveryRejected
from labelmill.review_router.v1 import review_router_pb2 as router_pb2
from labelmill.review_router.v1.events_pb2 import TasksRouted

from libs.common.codec import doc_to_message
from services.task_dispatch.composite import plan as divided
from services.task_dispatch.composite import service as composite_service
from services.task_dispatch.domain import State, Task
from tests.unit.services.task_dispatch.test_items_in_parts import (
    AUDIO,
    NAME,
    Doc,
    House,
    segments,
    text,
)
from tests.unit.services.task_dispatch.test_items_in_parts import house as house


async def accept(house: House, part: str, *entries: int) -> None:
    """A model's drafts are accepted, of several pieces in one event."""
    message = TasksRouted(project=f"{NAME}.{part}")
    for entry in entries:
        task = await house.task(part, str(entry))
        routing = message.routings.add(
            task=task.name, task_version=task.version, action=router_pb2.ACTION_ACCEPT
        )
        label = {"value": text("word"), "source": "MACHINE", "score": 1.0}
        routing.label.CopyFrom(doc_to_message(label, type(routing.label)))
    await house.hear(message)


async def test_a_long_recording_costs_no_more_a_segment(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many pieces the others are looked at when the last of a part is settled, not before."""
    count = 2 * composite_service._FEW
    times = [(2.0 * i, 2.0 * i + 1.5) for i in range(count)]
    looked: list[int] = []
    plan = divided.plan

    def counted(whole: Task, project: Any, data: Doc, tasks: Any, now: datetime) -> Any:
        looked.append(len(tasks))
        return plan(whole, project, data, tasks, now)

    monkeypatch.setattr(divided, "plan", counted)
    await house.begin("speech-long", AUDIO)
    await house.settle("segment", segments(*times))
    await house.settle("speakers", segments((0.0, 2.0 * count), speaker="S1"))
    looked.clear()
    order = sorted(range(count), key=lambda i: (i * 37) % count)
    for number in order[:-3]:
        await accept(house, "transcribe", number)
    assert sum(looked) == 0
    # The last three at once, one of which is sent back.
    await accept(house, "transcribe", *order[-3:])
    assert (await house.task()).state is State.ACCEPTED
    gone = f"{NAME}.transcribe/tasks/i1.{order[0]}"
    await house.hear(DeliveryRejected(tasks=[gone], reason="look again"))
    assert (await house.task()).state is State.DIVIDED
    await house.settle("transcribe", text("word"), str(order[0]), whom="lead")
    whole = await house.task()
    assert whole.state is State.ACCEPTED and whole.label is not None
    found = whole.label["value"]["segments"]["segments"]
    assert [(s["text"], s["speaker"]) for s in found] == [("word", "S1")] * count
