"""Delivery over a real store and real files: every phase, every crash, every forgery."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from labelmill.annotation.v1 import annotation_pb2 as an
from labelmill.delivery.v1 import events_pb2 as delivery_events
from labelmill.qc_scorer.v1 import events_pb2 as qc_events
from labelmill.task_dispatch.v1 import events_pb2 as task_events
from labelmill.task_dispatch.v1.task_dispatch_pb2 import Task
from labelmill.template.v1 import events_pb2 as template_events

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.errors import Invalid, NotFound, OutOfTurn
from libs.common.store.sqlite import SqliteStore
from services.delivery import store as delivery_store
from services.delivery.domain import Delivery, DeliveryState
from services.delivery.events import HANDLERS
from services.delivery.service import Deliveries
from services.delivery.signing import Signer, open_signer

PROJECT = "tenants/acme/projects/reviews"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk"
    "+A8AAQUBAScY42YAAAAASUVORK5CYII="
)


def project_event(**changes: Any) -> Any:
    message = template_events.ProjectUpdated()
    message.project.name = PROJECT
    message.project.version = changes.get("version", 1)
    message.project.template = "tenants/catalogue/templates/text/versions/1"
    message.project.target.max_error_rate = changes.get("max_error_rate", 0.05)
    message.project.policy.hourly_cost = 36.0
    message.template.exports.extend(changes.get("exports", ["jsonl", "csv"]))
    message.template.unit_of_error = "item with a wrong class"
    message.template.label_schema.shape = changes.get("shape", "choice")
    message.template.label_schema.classes.extend(["good", "bad"])
    field = changes.get("field", "text")
    message.template.data_fields.add(name=field, type=field)
    return message


def task(number: int, version: int = 3, **changes: Any) -> Task:
    name = f"{PROJECT}/tasks/t{number:06}"
    made = Task(
        name=name,
        project=PROJECT,
        item=f"{PROJECT}/items/t{number:06}",
        data=changes.get("data", json.dumps({"text": f'text, "{number}"'})),
        source_key=changes.get("source_key", f"row {number}"),
        version=version,
        template="tenants/catalogue/templates/text/versions/1",
    )
    value = changes.get("value") or an.Value(choices=an.Choices(classes=["good"]))
    machine = number % 2 == 0
    made.prediction.CopyFrom(
        an.Prediction(name=f"{PROJECT}/predictions/{number}", value=value, score=0.9)
    )
    if not machine:
        made.annotations.add(annotator="ann", value=value, work_seconds=2.0)
    made.decisions.add(action="ACCEPT", reason="sure", task_version=2)
    made.label.value.CopyFrom(value)
    made.label.source = an.LABEL_SOURCE_MACHINE if machine else an.LABEL_SOURCE_HUMAN
    made.label.score = 0.9
    made.label.accept_time.FromJsonString("2026-01-01T00:00:00Z")
    return made


class House:
    """The service over a folder, as one process has it."""

    def __init__(self, folder: Path, holder: str = "one", part_size: int = 20) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.store = SqliteStore(f"sqlite:///{folder}/store", "delivery")
        self.blobs = Blobs(f"file://{folder}/blobs")
        self.signer = open_signer("", folder)
        self.service = self.worker(holder, part_size)

    def worker(self, holder: str, part_size: int = 20) -> Deliveries:
        return Deliveries(self.store, self.clock, self.blobs, self.signer, holder, part_size)

    async def hear(self, *messages: Any) -> None:
        for message in messages:
            await HANDLERS[type(message)](self.service, [message])

    async def accepted(self, *tasks: Task) -> None:
        await self.hear(task_events.TasksAccepted(project=PROJECT, tasks=tasks))

    async def deliver(self, count: int = 50) -> Delivery:
        await self.accepted(*[task(i) for i in range(count)])
        made = await self.service.create(PROJECT, [], "")
        return await self.finish(made)

    async def finish(self, made: Delivery) -> Delivery:
        await self.service.advance()
        self.clock.advance(5)
        await self.service.advance()
        return await self.service.delivery(made.name)

    def path(self, made: Delivery) -> Path:
        return self.folder / "blobs" / made.blob

    async def emitted(self, cls: type[Any]) -> list[Any]:
        events = await self.store.pending_events(100_000)
        wanted = cls.DESCRIPTOR.full_name
        return [cls.FromString(e.payload) for e in events if e.type == wanted]


@pytest.fixture
async def house(tmp_path: Path) -> Any:
    made = House(tmp_path)
    from libs.common.store import DEAD_LETTERS, INBOX

    await made.store.open([*delivery_store.COLLECTIONS, INBOX, DEAD_LETTERS])
    await made.hear(project_event())
    yield made
    await made.store.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


async def test_delivers_everything_once(house: House) -> None:
    made = await house.deliver(50)
    assert made.state is DeliveryState.COMPLETED, made.reason
    assert made.label_count == made.written_count == 50
    assert made.sources == {"HUMAN": 25, "MACHINE": 25}
    lines = [
        json.loads(line)
        for path in sorted(house.path(made).glob("labels-*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    assert [x["task"] for x in lines] == [task(i).name for i in range(50)]
    assert lines[1]["lineage"]["annotations"][0]["annotator"] == "ann"
    frozen = await house.emitted(delivery_events.LabelsFrozen)
    assert Counter(t for m in frozen for t in m.tasks) == Counter(x["task"] for x in lines)
    assert len(await house.emitted(delivery_events.DeliveryCompleted)) == 1
    with pytest.raises(OutOfTurn, match="no accepted label"):
        await house.service.create(PROJECT, [], "")
