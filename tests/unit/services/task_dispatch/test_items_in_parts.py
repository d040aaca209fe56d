"""Items in parts: from the template's graph to one label, whatever happens on the way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from labelmill.delivery.v1.events_pb2 import DeliveryRejected, LabelsFrozen
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.qc_scorer.v1.events_pb2 import LabelsRecalled
from labelmill.review_router.v1 import review_router_pb2 as router_pb2
from labelmill.review_router.v1.events_pb2 import TasksRouted

from libs.common.bus import make_event, open_bus
from libs.common.clock import FakeClock
from libs.common.codec import doc_to_message
from libs.common.errors import Invalid
from libs.common.messaging.consumer import Consumer
from libs.common.store import Store, open_store
from services.task_dispatch import store as tables
from services.task_dispatch.composite import plan
from services.task_dispatch.domain import Stage, State, Task
from services.task_dispatch.events import HANDLERS
from services.task_dispatch.main import wire
from services.task_dispatch.service import UseCases
from services.template import store as template_store
from services.template.domain import Project as Asked
from services.template.main import Definitions
from services.template.service import Templates

TENANT, NAME = "tenants/acme", "tenants/acme/projects/p"
Doc = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def segments(*some: tuple[float, float], speaker: str = "") -> Doc:
    made = [{"start": a, "end": b, **({"speaker": speaker} if speaker else {})} for a, b in some]
    return {"segments": {"segments": made}}


def text(words: str) -> Doc:
    return {"text": {"text": words}}


class House:
    """Template service and task-dispatch over real stores; events handed over twice, as a bus
    may."""

    def __init__(self, templates: Templates, told: Store, store: Store, consumer: Consumer) -> None:
        self.templates, self.told, self.store, self.consumer = templates, told, store, consumer
        self.service: UseCases = consumer._service

    async def hear(self, *messages: Any) -> None:
        for message in messages:
            event = make_event("k", message)
            await self.consumer.apply([event])
            await self.consumer.apply([event])

    async def begin(self, entry: str, data: Doc) -> None:
        template = await self.templates.publish(TENANT, entry, Definitions.catalogue()[entry])
        await self.templates.create(TENANT, "p", Asked("", "Work", template.name), "")
        for event in await self.told.pending_events(1000):
            await self.hear(event.message())
        admitted = ItemsAdmitted(project=NAME)
        admitted.items.add(name=f"{NAME}/items/i1", data=json.dumps(data))
        await self.hear(admitted)

    async def task(self, part: str = "", entry: str = "") -> Task:
        own = f".{entry}" if entry else ""
        project = f"{NAME}.{part}" if part else NAME
        return await self.service.tasks.get(f"{project}/tasks/i1{own}")

    async def names(self) -> set[str]:
        whole = await self.task()
        found = await tables.tasks_by_name(self.store, whole.subtasks)
        return {f"{t.part}/{t.element}" for t in found.values() if t.state is not State.CANCELLED}

    async def route(self, task: Task, action: int, value: Doc | None = None) -> None:
        message = TasksRouted(project=task.project)
        routing = message.routings.add(task=task.name, task_version=task.version, action=action)
        if value is not None:
            label = {"value": value, "source": "HUMAN", "score": 1.0}
            routing.label.CopyFrom(doc_to_message(label, type(routing.label)))
        await self.hear(message)

    async def settle(self, part: str, value: Doc, entry: str = "", whom: str = "ann") -> Task:
        """A person answers, or a reviewer fixes; the answer is accepted."""
        task = await self.task(part, entry)
        if task.state is State.PRELABELING:
            await self.route(task, router_pb2.ACTION_ANNOTATE)
            task = await self.task(part, entry)
        assert task.state is State.OPEN, task.state
        ((held, _),) = await self.service.claims.claim(task.project, whom, task.stage, 1, (), "")
        if task.reviewing:
            verdict = {"verdict": "FIXED", "value": value, "comment": ""}
            await self.service.work.review(held.name, whom, held.fencing_token, verdict)
        else:
            await self.service.work.submit(held.name, whom, held.fencing_token, value, 1.0)
        await self.route(await self.task(part, entry), router_pb2.ACTION_ACCEPT, value)
        return await self.task(part, entry)

    async def events(self, kind: str) -> list[Any]:
        told = [e.message() for e in await self.store.pending_events(10_000)]
        return [m for m in told if type(m).__name__ == kind]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = FakeClock()
    told = await open_store(f"sqlite:///{tmp_path}", "template", template_store.COLLECTIONS)
    store = await open_store(f"sqlite:///{tmp_path}", "task_dispatch", tables.COLLECTIONS)
    bus = await open_bus(f"sqlite:///{tmp_path}/bus.db", [])
    service = wire(store, clock)
    consumer = Consumer("task_dispatch", bus, store, service, HANDLERS, clock)
    yield House(Templates(told, clock, Definitions()), told, store, consumer)
    await told.close()
    await store.close()
    await bus.close()


AUDIO = {"audio": "blob:blobs/acme/a.wav"}
TWO = segments((0.5, 2.0), (2.5, 4.0))
SPEAKERS = {
    "segments": {
        "segments": [
            {"start": 0.4, "end": 2.1, "speaker": "S1"},
            {"start": 2.4, "end": 4.1, "speaker": "S2"},
        ]
    }
}


async def test_a_recording_is_cut_written_and_put_together(house: House) -> None:
    await house.begin("speech-long", AUDIO)
    assert (await house.task()).state is State.DIVIDED
    assert await house.names() == {"segment/"}
    await house.settle("segment", TWO)
    assert await house.names() == {"segment/", "transcribe/0", "transcribe/1", "speakers/"}
    piece = await house.task("transcribe", "1")
    assert piece.inputs == {"parts": [{"part": "segment", "value": segments((2.5, 4.0))}]}
    assert (piece.element, piece.item) == ("1", f"{NAME}/items/i1")
    assert piece.parent_task == f"{NAME}/tasks/i1"
    await house.settle("transcribe", text("good morning"), "0")
    await house.settle("transcribe", text("shall we begin"), "1")
    assert (await house.task()).state is State.DIVIDED
    await house.settle("speakers", SPEAKERS)
    whole = await house.task()
    assert whole.state is State.ACCEPTED and whole.label is not None
    assert whole.label["value"]["segments"]["segments"] == [
        {"start": 0.5, "end": 2.0, "text": "good morning", "speaker": "S1"},
        {"start": 2.5, "end": 4.0, "text": "shall we begin", "speaker": "S2"},
    ]
    accepted = [t.name for m in await house.events("TasksAccepted") for t in m.tasks]
    assert accepted.count(whole.name) == 1 and len(accepted) == len(set(accepted)) == 5
    created = [t for m in await house.events("TasksCreated") for t in m.tasks]
    assert len(created) == 4 and all(t.parent_task == whole.name for t in created)
    assert whole.name not in {t.name for t in created}


async def test_clashes_come_back_as_reviews_and_then_to_one_of_the_whole(house: House) -> None:
    await house.begin("speech-long", AUDIO)
    await house.settle("segment", segments((0.5, 2.0)))
    await house.settle("transcribe", text("good morning"), "0")
    for number in range(plan.ROUNDS + 1):
        # Nobody speaks where the segment is.
        task = await house.settle("speakers", segments((3.0, 4.0), speaker="S1"), whom=f"r{number}")
        if number == plan.ROUNDS:
            break
        assert (task.stage, task.state) == (Stage.ADJUDICATION, State.OPEN)
        assert "no speaker for most of their time" in task.comment
        assert (await house.task()).state is State.DIVIDED
    whole = await house.task()
    assert (whole.stage, whole.state) == (Stage.REVIEW, State.OPEN)
    assert "no speaker" in whole.comment and whole.label is not None
    fixed = {"segments": {"segments": [{"start": 0.5, "end": 2.0, "text": "a", "speaker": "S1"}]}}
    assert (await house.settle("", fixed, whom="lead")).state is State.ACCEPTED


async def test_a_clash_that_is_solved_ends_as_if_there_had_been_none(house: House) -> None:
    await house.begin("speech-long", AUDIO)
    await house.settle("segment", segments((0.5, 2.0)))
    await house.settle("transcribe", text("good morning"), "0")
    await house.settle("speakers", segments((3.0, 4.0), speaker="S1"))
    gone = [t.task for m in await house.events("LabelsWithdrawn") for t in m.tasks]
    assert gone == [f"{NAME}.speakers/tasks/i1"]
    await house.settle("speakers", segments((0.5, 2.0), speaker="S1"), whom="lead")
    whole = await house.task()
    assert whole.state is State.ACCEPTED and whole.rounds == 1


async def test_what_stands_on_a_changed_label_is_looked_at_again(house: House) -> None:
    await house.begin("speech-long", AUDIO)
    await house.settle("segment", TWO)
    for entry in ("0", "1"):
        await house.settle("transcribe", text("words"), entry)
    await house.settle("speakers", SPEAKERS)
    frozen = LabelsFrozen(tasks=[f"{NAME}/tasks/i1"], delivery=f"{NAME}/deliveries/d1")
    await house.hear(frozen)
    assert (await house.task()).state is State.DELIVERED
    # The client has the cut looked at again.
    await house.hear(DeliveryRejected(tasks=[f"{NAME}.segment/tasks/i1"], reason="too long"))
    whole = await house.task()
    assert whole.state is State.DIVIDED and whole.label is None and len(whole.earlier_labels) == 1
    shorter = segments((0.5, 1.5), (2.5, 4.0))
    await house.settle("segment", shorter, whom="lead")
    again = await house.task("transcribe", "0")
    assert (again.stage, again.state) == (Stage.ADJUDICATION, State.OPEN)
    assert again.inputs == {"parts": [{"part": "segment", "value": segments((0.5, 1.5))}]}
    assert again.prediction is None, "the draft was of another stretch"
    # The other segment is what it was.
    assert (await house.task("transcribe", "1")).state is State.ACCEPTED
    await house.settle("transcribe", text("words"), "0", whom="lead")
    await house.settle("speakers", segments((0.5, 4.0), speaker="S1"), whom="lead")
    whole = await house.task()
    assert whole.state is State.ACCEPTED and len(whole.earlier_labels) == 1


async def test_a_piece_whose_object_is_gone_is_cancelled(house: House) -> None:
    await house.begin("speech-long", AUDIO)
    await house.settle("segment", TWO)
    await house.hear(DeliveryRejected(tasks=[f"{NAME}.segment/tasks/i1"], reason="one voice"))
    await house.settle("segment", segments((0.5, 2.0)), whom="lead")
    assert await house.names() == {"segment/", "transcribe/0", "speakers/"}
    assert (await house.task("transcribe", "1")).state is State.CANCELLED


async def test_the_same_label_again_asks_nobody_twice(house: House) -> None:
    await house.begin("speech-long", AUDIO)
    await house.settle("segment", TWO)
    await house.settle("transcribe", text("words"), "0")
    await house.hear(DeliveryRejected(tasks=[f"{NAME}.segment/tasks/i1"], reason="sure?"))
    await house.settle("segment", TWO, whom="lead")
    assert (await house.task("transcribe", "0")).state is State.ACCEPTED


async def test_people_claim_pieces_by_the_whole_project(house: House) -> None:
    await house.begin("speech-long", AUDIO)
    await house.route(await house.task("segment"), router_pb2.ACTION_ANNOTATE)
    ((held, task),) = await house.service.claims.claim(NAME, "ann", None, 5, (), "k")
    assert (task.part, held.project) == ("segment", f"{NAME}.segment")
    assert [a.name for a, _ in await house.service.claims.assignments(NAME, "ann")] == [held.name]
    with pytest.raises(Invalid, match="segments"):
        await house.service.work.submit(held.name, "ann", held.fencing_token, text("x"), 1.0)


async def test_an_item_is_cancelled_with_its_pieces_and_with_one_of_them(house: House) -> None:
    await house.begin("speech-long", AUDIO)
    await house.settle("segment", TWO)
    await house.service.tasks.cancel((await house.task("transcribe", "0")).name, "noise")
    whole = await house.task()
    found = await tables.tasks_by_name(house.store, [whole.name, *whole.subtasks])
    assert {t.state for t in found.values()} == {State.CANCELLED}
    gone = [t.name for m in await house.events("TasksCancelled") for t in m.tasks]
    assert sorted(gone) == sorted(found)


async def test_nothing_to_go_over_is_done_at_once(house: House) -> None:
    await house.begin("speech-long", AUDIO)
    await house.settle("segment", {"segments": {}})
    assert await house.names() == {"segment/", "speakers/"}
    await house.settle("speakers", {"segments": {}})
    assert (await house.task()).state is State.ACCEPTED


SCENE = {
    "cloud": "blob:blobs/acme/a.pcd",
    "cameras": [
        {"name": "front", "image": "blob:blobs/acme/f.jpg", "time": 0},
        {"name": "rear", "image": "blob:blobs/acme/r.jpg", "time": 0},
    ],
}


def seen(own: str) -> Doc:
    rect = {"x": 1.0, "y": 1.0, "width": 5.0, "height": 5.0}
    return {"objects": {"objects": [{"id": own, "class": "car", "rect": rect}]}}


BOX = {"centre": {"x": 9.0}, "size": {"x": 4.0, "y": 2.0, "z": 1.5}, "rotation": {"w": 1.0}}


def choice(name: str) -> Doc:
    return {"choices": {"classes": [name]}}


def link(own: str) -> Doc:
    """A link between what was settled before, or to an object of the linker's own making."""
    boxes = {"frame": "lidar", "cuboids": [{"id": "c1", "class": "car", **BOX}]}
    cameras = [{"camera": "front", **seen(own)["objects"]}]
    links = [{"cuboid": "c1", "camera": "front", "object": own}]
    return {"fusion": {"cuboids": boxes, "cameras": cameras, "links": links}}


async def test_a_driving_scene_goes_through_its_whole_graph(house: House) -> None:
    await house.begin("bev-detection", SCENE)
    assert await house.names() == {"calibration_check/"}
    await house.settle("calibration_check", choice("aligned"))
    cameras = {"camera_objects/front", "camera_objects/rear"}
    first = {"calibration_check/", "cloud_boxes/", "lanes/"} | cameras
    assert await house.names() == first
    front = await house.task("camera_objects", "front")
    assert json.loads(front.data) == {"cameras": "blob:blobs/acme/f.jpg"}
    assert json.loads((await house.task("cloud_boxes")).data) == {"cloud": SCENE["cloud"]}
    await house.settle("camera_objects", seen("o1"), "front")
    await house.settle("camera_objects", seen("o2"), "rear")
    boxes = {"frame": "lidar", "cuboids": [{"id": "c1", "class": "car", **BOX}]}
    await house.settle("cloud_boxes", {"cuboids": boxes})
    await house.settle("lanes", {"map": {"frame": "lidar"}})
    assert await house.names() == first | {"links/", "motion/c1"}
    await house.settle("motion", choice("parked"), "c1")
    await house.settle("links", link("o9"))
    await house.settle("verify", choice("right"))
    # The link leads nowhere: its part, and nothing else, comes back.
    task = await house.task("links")
    assert task.state is State.OPEN and "what is not there: c1 - front o9" in task.comment
    await house.settle("links", link("o1"), whom="lead")
    verify = await house.task("verify")
    assert verify.state is State.OPEN and "has changed" in verify.comment
    await house.settle("verify", choice("wrong"), whom="lead")
    for part, entry in (("links", ""), ("lanes", ""), ("motion", "c1"), ("verify", "")):
        assert (await house.task(part, entry)).state is State.OPEN
    await house.settle("links", link("o1"), whom="r3")
    await house.settle("lanes", {"map": {"frame": "lidar"}}, whom="r3")
    await house.settle("motion", choice("parked"), "c1", whom="r3")
    await house.settle("verify", choice("right"), whom="r3")
    whole = await house.task()
    assert whole.state is State.ACCEPTED and whole.label is not None
    made = whole.label["value"]["composite"]
    assert "conflicts" not in made and len(made["parts"]) == 8
    assert {"part": "motion", "element": "c1", "value": choice("parked")} in made["parts"]


async def test_projects_of_parts_follow_the_whole_and_nothing_else(house: House) -> None:
    text_ = Definitions.catalogue()["bev-detection"]
    template = await house.templates.publish(TENANT, "scenes", text_)
    asked = Asked("", "Scenes", template.name, policy={"replica_count": 2, "training": {}})
    made = await house.templates.create(TENANT, "p", asked, "")
    part = await house.templates.project(f"{NAME}.cloud_boxes")
    assert (part.parent_project, part.part, part.policy) == (
        NAME,
        "cloud_boxes",
        {"replica_count": 2},
    )
    with pytest.raises(Invalid, match="follows tenants/acme/projects/p"):
        await house.templates.update(part)
    await house.templates.update(replace(made, policy={"replica_count": 3}))
    again = await house.templates.project(f"{NAME}.cloud_boxes")
    assert again.policy == {"replica_count": 3} and again.version == 2
    told = [e.message() for e in await house.told.pending_events(100)]
    mine = next(m for m in told if m.project.name == f"{NAME}.camera_objects")
    assert (mine.template.loss, mine.template.label_schema.shape) == ("objects", "objects")
    assert [(f.name, f.type) for f in mine.template.data_fields] == [("cameras", "image")]


async def test_parts_share_the_promise_that_their_machines_must_keep(house: House) -> None:
    text_ = Definitions.catalogue()["speech-long"]
    template = await house.templates.publish(TENANT, "speech", text_)
    target = {"max_error_rate": 0.06, "reference": "EXPERTS"}
    asked = Asked("", "Talks", template.name, policy={"machine_label": True}, target=target)
    await house.templates.create(TENANT, "p", asked, "")
    part = await house.templates.project(f"{NAME}.segment")
    assert part.policy == {"machine_label": True} and part.target is not None
    assert part.target["max_error_rate"] == pytest.approx(0.02)
    assert part.target["confidence"] == pytest.approx(1 - 0.05 / 3)
    assert part.target["reference"] == "EXPERTS"


async def test_a_machine_settles_a_piece_and_a_breach_takes_the_whole_back(house: House) -> None:
    await house.begin("speech-long", AUDIO)
    gate = f"{NAME}.segment/gates/voices-1"
    cut = TasksRouted(project=f"{NAME}.segment")
    label = {"value": TWO, "source": "MACHINE", "score": 0.9, "gate": gate}
    routing = cut.routings.add(task=(await house.task("segment")).name, task_version=1)
    routing.action = router_pb2.ACTION_ACCEPT
    routing.label.CopyFrom(doc_to_message(label, type(routing.label)))
    await house.hear(cut)
    await house.settle("transcribe", text("good morning"), "0")
    await house.settle("transcribe", text("shall we begin"), "1", whom="bob")
    await house.settle("speakers", SPEAKERS)
    whole = await house.task()
    assert whole.state is State.ACCEPTED and whole.label is not None
    assert whole.label["source"] == "MACHINE", "nobody has seen how it was cut"
    (told,) = [m for m in await house.events("TasksAccepted") if m.project == NAME]
    assert len(told.tasks[0].subtasks) == 4

    await house.hear(LabelsRecalled(project=f"{NAME}.segment", gate=gate, reason="too many wrong"))
    for _ in range(6):
        await house.service.bulk_updates.recall_some()
    assert (await house.task("segment")).state is State.OPEN
    assert (await house.task()).state is State.DIVIDED
    await house.settle("segment", TWO)
    again = await house.task()
    assert again.state is State.ACCEPTED and again.label is not None
    assert again.label["source"] == "HUMAN"
