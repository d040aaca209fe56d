"""Delivery over a real store and real files: every phase, every crash, every forgery."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from labelmill.annotation.v1 import annotation_pb2 as an
from labelmill.annotation.v1 import source_pb2
from labelmill.delivery.v1 import events_pb2 as delivery_events
from labelmill.qc_scorer.v1 import events_pb2 as qc_events
from labelmill.task_dispatch.v1 import events_pb2 as task_events
from labelmill.task_dispatch.v1.task_dispatch_pb2 import Task
from labelmill.template.v1 import events_pb2 as template_events

from libs.bundle.__main__ import run
from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.errors import Invalid, NotFound, OutOfTurn
from libs.common.store.sqlite import SqliteStore
from services.delivery import store as delivery_store
from services.delivery.domain import Delivery, DeliveryState, lease
from services.delivery.events import HANDLERS
from services.delivery.service import Deliveries
from services.delivery.signing import open_signer

PROJECT = "tenants/acme/projects/reviews"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk"
    "+A8AAQUBAScY42YAAAAASUVORK5CYII="
)

_PEM = (
    Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
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
    made.label.source = (
        source_pb2.LABEL_SOURCE_MACHINE if machine else source_pb2.LABEL_SOURCE_HUMAN
    )
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


async def test_same_request_makes_one_delivery(house: House) -> None:
    await house.accepted(task(1))
    first = await house.service.create(PROJECT, ["csv"], "r1")
    assert (await house.service.create(PROJECT, ["csv"], "r1")).name == first.name
    with pytest.raises(Exception, match="used for other formats"):
        await house.service.create(PROJECT, ["jsonl"], "r1")
    with pytest.raises(OutOfTurn):
        await house.service.create(PROJECT, [], "r2")


async def test_unknown_format_and_project_are_named(house: House) -> None:
    await house.accepted(task(1))
    with pytest.raises(Invalid, match="'coco'"):
        await house.service.create(PROJECT, ["coco"], "")
    with pytest.raises(NotFound):
        await house.service.create("tenants/acme/projects/none", [], "")


async def test_events_twice_and_older_versions_change_nothing(house: House) -> None:
    for number in range(3):
        await house.accepted(task(number), task(number))
        await house.accepted(task(number, version=2))
    assert await delivery_store.deliverable(house.store, PROJECT) == 3
    await house.hear(task_events.TasksCancelled(project=PROJECT, tasks=[task(0)]))
    await house.hear(task_events.TasksCancelled(project=PROJECT, tasks=[task(0)]))
    assert await delivery_store.deliverable(house.store, PROJECT) == 2


async def test_a_newer_acceptance_replaces_what_no_delivery_holds(house: House) -> None:
    await house.accepted(task(1))
    newer = task(1, version=9, value=an.Value(choices=an.Choices(classes=["bad"])))
    await house.accepted(newer)
    assert (await house.service.lineage(newer.name))["label"]["value"] == {
        "choices": {"classes": ["bad"]}
    }
    assert await delivery_store.deliverable(house.store, PROJECT) == 1


async def test_accept_is_final(house: House) -> None:
    made = await house.deliver(4)
    assert (await house.service.accept(made.name)).state is DeliveryState.ACCEPTED
    assert (await house.service.accept(made.name)).state is DeliveryState.ACCEPTED
    with pytest.raises(OutOfTurn, match="ACCEPTED"):
        await house.service.reject(made.name, "late", [])
    assert len(await house.emitted(delivery_events.DeliveryAccepted)) == 1


async def test_rejected_tasks_wait_and_the_others_go_out_again(house: House) -> None:
    made = await house.deliver(10)
    bad = [task(3).name, task(4).name]
    with pytest.raises(Invalid, match=r"t000099 is not in this delivery") as caught:
        await house.service.reject(made.name, "wrong", [bad[0], task(99).name])
    assert caught.value.field == "tasks[1]"
    await house.service.reject(made.name, "wrong", bad)
    rejected = await house.emitted(delivery_events.DeliveryRejected)
    assert sorted(t for m in rejected for t in m.tasks) == bad
    assert {m.reason for m in rejected} == {"wrong"}
    assert await delivery_store.deliverable(house.store, PROJECT) == 8
    await house.accepted(task(3, version=3))
    assert await delivery_store.deliverable(house.store, PROJECT) == 8
    await house.accepted(task(3, version=7))
    again = await house.finish(await house.service.create(PROJECT, [], ""))
    assert again.label_count == 9
    manifest = json.loads((house.path(again) / "manifest.json").read_bytes())
    assert manifest["previous"]["delivery"] == made.name
    assert run(house.path(again), None) == 0


@pytest.mark.statistical
async def test_a_large_reject_is_released_in_blocks(house: House) -> None:
    made = await house.deliver(2300)
    await house.service.reject(made.name, "all wrong", [])
    await house.service.advance()
    rejected = await house.emitted(delivery_events.DeliveryRejected)
    assert len([t for m in rejected for t in m.tasks]) == 2300
    assert max(len(m.tasks) for m in rejected) <= 1000
    assert await delivery_store.deliverable(house.store, PROJECT) == 0
    assert not (await house.service.delivery(made.name)).open


async def test_a_label_held_by_a_delivery_is_frozen(house: House) -> None:
    made = await house.deliver(3)
    await house.accepted(task(1, version=8))
    assert await delivery_store.deliverable(house.store, PROJECT) == 0
    assert (await house.service.lineage(task(1).name))["delivery"] == made.name


async def test_certificate_claims_nothing_without_evidence(house: House) -> None:
    made = await house.deliver(4)
    proof = json.loads((house.path(made) / "certificate.json").read_bytes())
    assert made.error_bound == 1.0
    assert proof["certified"] is False
    assert "no evidence" in proof["statement"]
    assert proof["cost"] == {"amount": 0.04, "work_seconds": 4.0}


async def test_certificate_rests_on_the_newest_report(house: House) -> None:
    await house.accepted(*[task(i) for i in range(10)])
    for machine, bound in ((5, 0.02), (2, 0.9)):
        event = qc_events.QualityUpdated()
        event.report.project = PROJECT
        event.report.machine_count = event.report.human_count = machine
        event.report.error_bound, event.report.confidence = bound, 0.95
        await house.hear(event)
    gate = qc_events.GateUpdated()
    gate.gate.name, gate.gate.project = f"{PROJECT}/gates/<m>-1", PROJECT
    gate.gate.model, gate.gate.version, gate.gate.sample_size = "<m>", 2, 300
    await house.hear(gate)
    made = await house.finish(await house.service.create(PROJECT, [], ""))
    proof = json.loads((house.path(made) / "certificate.json").read_bytes())
    assert proof["certified"] is True
    assert proof["measured"]["error_bound"] == made.error_bound == 0.02
    assert proof["measured"]["gates"][0]["sample_size"] == 300
    assert [look["sample_size"] for look in proof["history"]] == [300]
    assert proof["ledger"]["people"]["stages"][0]["answers"] == 5
    page = (house.path(made) / "certificate.html").read_text()
    assert "&lt;m&gt;" in page and "<m>" not in page and "<script" not in page


async def test_coco_holds_boxes_and_tells_what_it_cannot(house: House) -> None:
    await house.hear(
        project_event(version=2, exports=["jsonl", "coco"], field="image", shape="boxes")
    )
    box = an.Box(x=1, y=2, width=3, height=4)
    setattr(box, "class", "bad")
    value = an.Value(boxes=an.Boxes(boxes=[box]))
    image = json.dumps({"image": PIXEL})
    await house.accepted(
        task(1, value=value, data=image),
        task(2, value=an.Value(boxes=an.Boxes()), data=image, source_key=""),
        task(3, value=value, data=json.dumps({"image": "blob:blobs/other/x.png"})),
    )
    made = await house.finish(await house.service.create(PROJECT, [], ""))
    folder = house.path(made)
    doc = json.loads((folder / "coco-00001.json").read_bytes())
    assert [c["name"] for c in doc["categories"]] == ["good", "bad"]
    assert [(i["width"], i["height"]) for i in doc["images"]] == [(1, 1), (1, 1)]
    assert [i["file_name"] for i in doc["images"]] == ["row 1.png", "t000002.png"]
    (one,) = doc["annotations"]
    assert (one["bbox"], one["area"], one["category_id"]) == ([1.0, 2.0, 3.0, 4.0], 12.0, 2)
    report = json.loads((folder / "report.json").read_bytes())
    assert report["left_out"] == {"coco": 1, "jsonl": 0}
    assert json.loads((folder / "report-00001.jsonl").read_bytes())["task"] == task(3).name
    assert run(folder, None) == 0


async def test_csv_is_safe_for_spreadsheets(house: House) -> None:
    await house.accepted(task(1, source_key="=HYPERLINK(1)"))
    made = await house.finish(await house.service.create(PROJECT, ["csv"], ""))
    text = (house.path(made) / "labels-00001.csv").read_text()
    assert ",'=HYPERLINK(1)," in text


@pytest.mark.statistical
async def test_memory_stays_flat(house: House) -> None:
    peaks = []
    for count in (1000, 6000):
        for start in range(0, count, 1000):
            await house.accepted(*[task(i, version=count) for i in range(start, start + 1000)])
        made = await house.service.create(PROJECT, [], "")
        service = house.worker("one", part_size=20_000)
        for _ in range(count // 1000 + 3):
            await service._step(await service.delivery(made.name))
        house.clock.advance(5)
        while (await service.delivery(made.name)).state is DeliveryState.FREEZING:
            await service._step(await service.delivery(made.name))
        tracemalloc.start()
        await service.advance()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        ended = await service.delivery(made.name)
        assert ended.state is DeliveryState.COMPLETED
        await service.reject(made.name, "again", [])
        await service.advance()
    assert peaks[1] < 1.5 * peaks[0], peaks


async def test_no_delivery_has_fewer_labels_than_were_asked_for(house: House) -> None:
    await house.accepted(*[task(i) for i in range(3)])
    with pytest.raises(OutOfTurn, match="3 accepted labels have come here, fewer than 4") as early:
        await house.service.create(PROJECT, [], "", 4)
    assert early.value.field == "least_count"
    await house.accepted(task(3))
    made = await house.finish(await house.service.create(PROJECT, [], "", 4))
    assert made.label_count == 4


async def test_a_clock_that_is_set_back_leaves_no_label_behind(house: House) -> None:
    await house.accepted(*[task(i) for i in range(50)])
    house.clock.set_by(-3600)
    made = await house.finish(await house.service.create(PROJECT, [], ""))
    assert made.state is DeliveryState.COMPLETED, made.reason
    assert made.label_count == 50


async def test_a_dead_holders_lease_from_before_the_clock_was_set_back_ends(house: House) -> None:
    await house.accepted(*[task(i) for i in range(5)])
    made = await house.service.create(PROJECT, [], "")

    async def hold(unit: Any) -> None:
        delivery_store.save(unit, lease(made, "dead", house.clock.now()))

    await house.store.transact(hold)
    house.clock.set_by(-3600)
    assert (await house.finish(made)).state is DeliveryState.COMPLETED
