"""A label is about its own item's prompt, at every door: people's answers and reviews, and what
comes with items as known answer, draft or label."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.review_router.v1 import review_router_pb2 as router_pb2
from labelmill.review_router.v1.events_pb2 import TasksRouted
from labelmill.template.v1 import template_pb2
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs import label_validation
from libs.common.blobs import Blobs
from libs.common.bus import make_event, open_bus
from libs.common.clock import FakeClock
from libs.common.codec import to_message
from libs.common.errors import Invalid
from libs.common.messaging.consumer import Consumer
from libs.common.store import open_store
from services.intake import events as intake_events
from services.intake.admission import Admission
from services.intake.domain import NewItem
from services.intake.imports.turns import Turns
from services.task_dispatch import store as tables
from services.task_dispatch.events import HANDLERS
from services.task_dispatch.main import wire
from services.task_dispatch.service import UseCases
from services.template.catalogue import Definitions
from services.template.domain import template_of
from services.template.validation import Unfit

PROJECT = "tenants/t/projects/p"
SCALES = [{"name": n, "min": 1, "max": 5, "step": 1} for n in ("helpfulness", "safety")]
Doc = dict[str, Any]
USER, SAID = {"role": "user", "content": "q?"}, {"role": "assistant", "content": "a."}


def entry(name: str) -> tuple[Doc, Doc, ProjectUpdated]:
    """(data, label, project as told) of an entry of the catalogue."""
    definition = Definitions.catalogue()[name]
    parsed = Definitions().parse(definition)
    template = template_of(
        "tenants/t/templates/x/versions/1", parsed, definition, datetime.now(UTC)
    )
    told = ProjectUpdated(template=to_message(template, template_pb2.Template))
    told.project.name, told.project.version = PROJECT, 1
    return parsed["example"]["data"], parsed["example"]["label"], told


def bent(name: str, label: Doc) -> list[tuple[str, Doc]]:
    """(where it is at fault, the label made wrong) for each way."""
    if name == "answer-rewriting":
        return [
            ("rewrite.before", {"rewrite": {**label["rewrite"], "before": text}})
            for text in ("Another text.", "When does the shop open?", "")
        ]
    turns = label["conversation"]["turns"]
    other, role, reply = (copy.deepcopy(turns) for _ in range(3))
    other[0]["content"] = "Another prompt?"
    role[0]["role"] = "system"
    reply[1]["role"] = "user"
    compared, asked = copy.deepcopy(turns), copy.deepcopy(turns)
    compared[0]["replies"] = [{"id": "a", "content": turns[0]["content"]}]
    asked.append({"role": "user", "content": "And then?"})
    wrong = [
        ("turns[0].replies", compared),
        (f"turns[{len(turns)}].role", asked),
        ("turns[0]", other),
        ("turns[0]", role),
        ("turns[1].role", reply),
        ("turns", turns[:1]),
        ("turns", []),
        ("turns[0]", turns[1:] + turns[:1]),
    ]
    return [(f"conversation.{where}", {"conversation": {"turns": t}}) for where, t in wrong]


def test_a_conversation_goes_on_with_one_of_the_replies_that_were_compared() -> None:
    _, label, _ = entry("rlhf-multiturn")
    schema = {"shape": "conversation", "scales": SCALES}
    label_validation.check(label, schema, "label")
    label["conversation"]["turns"][1]["content"] = "What nobody said."
    with pytest.raises(label_validation.Misfit, match="one of the turn's replies") as wrong:
        label_validation.check(label, schema, "label")
    assert wrong.value.field == "label.conversation.turns[1].content"
    label["conversation"]["turns"][1].pop("content")
    label_validation.check(label, schema, "label")


class Desk:
    """Task-dispatch, with one open task of an entry's example."""

    def __init__(self, service: UseCases, consumer: Consumer) -> None:
        self.service, self._consumer = service, consumer

    async def open(self, data: Doc, told: ProjectUpdated) -> Any:
        admitted = ItemsAdmitted(project=PROJECT)
        admitted.items.add(name=f"{PROJECT}/items/i", data=json.dumps(data))
        routed = TasksRouted(project=PROJECT)
        action = router_pb2.ACTION_ANNOTATE
        task = f"{PROJECT}/tasks/i"
        routed.routings.add(task=task, task_version=1, action=action, replica_count=1)
        for message in (told, admitted, routed):
            await self._consumer.apply([make_event("k", message)])
        ((held, _),) = await self.service.claims.claim(PROJECT, "ann", None, 1, (), "")
        return held


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = FakeClock()
    store = await open_store(f"sqlite:///{tmp_path}", "task_dispatch", tables.COLLECTIONS)
    bus = await open_bus(f"sqlite:///{tmp_path}/bus.db", [])
    service = wire(store, clock)
    yield Desk(service, Consumer("task_dispatch", bus, store, service, HANDLERS, clock))
    await store.close()
    await bus.close()


@pytest.mark.parametrize("name", ["sft-response", "rlhf-multiturn", "answer-rewriting"])
async def test_what_people_answer_is_about_their_item(desk: Desk, name: str) -> None:
    data, label, told = entry(name)
    held = await desk.open(data, told)
    for where, wrong in bent(name, label):
        with pytest.raises(Invalid) as refused:
            await desk.service.work.submit(held.name, "ann", held.fencing_token, wrong, 1.0)
        assert refused.value.field == f"value.{where}"
    await desk.service.work.submit(held.name, "ann", held.fencing_token, label, 1.0)


@pytest.mark.parametrize("door", ["gold", "prediction", "label"])
@pytest.mark.parametrize("name", ["sft-response", "rlhf-multiturn", "answer-rewriting"])
async def test_what_comes_with_items_is_about_them(tmp_path: Path, name: str, door: str) -> None:
    data, label, told = entry(name)
    known: list[Any] = []

    class Intake:
        async def remember_projects(self, projects: list[Any]) -> None:
            known.extend(projects)

    await intake_events.on_projects(Intake(), [told])  # type: ignore[arg-type]
    admission = Admission(FakeClock(), Blobs(f"file://{tmp_path}"), orjson.loads, Turns(1))
    wrong = bent(name, label)
    items = [NewItem(json.dumps(data), **{door: one}) for _, one in wrong]
    items.append(NewItem(json.dumps(data), **{door: label}))
    *refused, right = admission.check(known[0], items)
    words = [str(one.refused.detail if one.refused else "") for one in refused]
    for said, (where, _) in zip(words, wrong, strict=True):
        assert said.startswith(f"{door}.{where}: ")
    assert right.refused is None


def test_an_example_that_is_about_something_else_is_not_published() -> None:
    definition = Definitions.catalogue()["answer-rewriting"]
    with pytest.raises(Unfit, match=r"own text, 'We is open from 9\.'$") as unfit:
        Definitions().parse(definition.replace("before: We is open", "before: We was open"))
    assert unfit.value.field == "example.label.rewrite.before"


@pytest.mark.parametrize(
    ("turns", "data", "types", "said"),
    [
        ([USER, SAID], {"ask": "q?"}, {"ask": "text"}, ""),
        ([SAID], {"ask": "q?"}, {"ask": "text"}, "must be the item's own turn"),
        ([USER, SAID], {}, {"ask": "text"}, ""),
        ([USER, SAID], {"talk": [USER, SAID]}, {"talk": "conversation"}, ""),
        ([USER], {"talk": [USER, SAID]}, {"talk": "conversation"}, "must begin with the item's 2"),
        ([{**USER, "content": "a\r\nb"}, SAID], {"ask": "a\nb"}, {"ask": "text"}, ""),
    ],
)
def test_what_ties_a_conversation(turns: list[Doc], data: Doc, types: Doc, said: str) -> None:
    value = {"conversation": {"turns": turns}}
    whole = {"composite": {"parts": [{"part": "a", "value": value}]}}
    for one in (value, whole):
        if not said:
            label_validation.check_prompted(one, {}, "value", data, types)
            continue
        with pytest.raises(label_validation.Misfit, match=said):
            label_validation.check_prompted(one, {}, "value", data, types)
