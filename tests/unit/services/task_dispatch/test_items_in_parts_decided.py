"""Items in parts, decided purely: over random graphs, and put together again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelmill.task_dispatch.v1 import events_pb2

from libs.common.codec import message_to_doc
from services.task_dispatch.composite import plan as divided
from services.task_dispatch.composite.merge import join
from services.task_dispatch.composite.split import pieces
from services.task_dispatch.domain import Policy, Project, State, Task
from services.task_dispatch.lifecycle.transitions import create

NAME = "tenants/acme/projects/p"
Doc = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def segments(*some: tuple[float, float]) -> Doc:
    return {"segments": {"segments": [{"start": a, "end": b} for a, b in some]}}


def text(words: str) -> Doc:
    return {"text": {"text": words}}


def choice(name: str) -> Doc:
    return {"choices": {"classes": [name]}}


@st.composite
def graphs(draw: Any) -> list[Doc]:
    made: list[Doc] = []
    for number in range(draw(st.integers(1, 6))):
        needs = draw(st.lists(st.integers(0, number - 1), unique=True)) if number else []
        listed = [n for n in needs if made[n]["label_schema"]["shape"] == "segments"]
        per = draw(st.sampled_from(["", "frames", *(f"p{n}" for n in listed)]))
        shape = draw(st.sampled_from(["segments", "choice"]))
        part: Doc = {"name": f"p{number}", "label_schema": {"shape": shape}}
        part |= {"needs": [f"p{n}" for n in needs]} if needs else {}
        made.append(part | ({"per": per} if per else {}))
    return draw(st.permutations(made))


def label_of(task: Task, parts: list[Doc], count: int) -> Doc:
    shape = next(p for p in parts if p["name"] == task.part)["label_schema"]["shape"]
    if shape == "choice":
        return choice("a")
    return segments(*((float(n), n + 0.5) for n in range(count)))


@pytest.mark.fuzz
@settings(max_examples=150)
@given(graphs(), st.lists(st.integers(0, 3), min_size=60, max_size=60), st.randoms())
def test_every_item_ends_settled_once_in_whatever_order(
    parts: list[Doc], counts: list[int], random: Any
) -> None:
    project = Project(NAME, 1, "t", Policy(), parts=tuple(parts), join="composite")
    project = replace(project, data_fields=({"name": "frames", "type": "frames"},))
    data = {"frames": ["a", "b"]}
    item = {"name": f"{NAME}/items/i1", "data": json.dumps(data)}
    whole = divided.divide(create(item, project, NOW))
    tasks: dict[str, Task] = {}
    settled = 0
    for step in range(2000):
        plan = divided.plan(whole, project, data, list(tasks.values()), NOW)
        tasks |= {t.name: t for t in plan.fresh} | {t.name: t for _, t in plan.changed}
        whole = plan.parent_task or whole
        settled += whole.state is State.ACCEPTED
        again = divided.plan(whole, project, data, list(tasks.values()), NOW)
        assert not again.fresh and not again.changed
        open_ = sorted(
            n for n, t in tasks.items() if t.state not in (State.ACCEPTED, State.CANCELLED)
        )
        if not open_:
            break
        name = random.choice(open_)
        value = label_of(tasks[name], parts, counts[step % 60])
        label = {"value": value, "source": "HUMAN"}
        tasks[name] = replace(tasks[name], state=State.ACCEPTED, label=label)
    assert whole.state is State.ACCEPTED and settled == 1
    assert whole.label is not None
    found = {(p["part"], p.get("element", "")) for p in whole.label["value"]["composite"]["parts"]}
    there = pieces(parts, project.data_fields, data, {k: tasks_value(tasks, k) for k in found})
    assert there.complete and {p.key for p in there.wanted} == found


def tasks_value(tasks: dict[str, Task], key: tuple[str, str]) -> Doc:
    task = next(t for t in tasks.values() if (t.part, t.element) == key)
    return dict((task.label or {})["value"])


def ordered(*some: Doc) -> Doc:
    return {"objects": {"objects": list(some)}}


def test_regions_get_their_words_and_their_order() -> None:
    parts = [
        {"name": "regions", "label_schema": {"shape": "objects"}},
        {
            "name": "words",
            "label_schema": {"shape": "text"},
            "per": "regions",
            "needs": ["regions"],
        },
        {"name": "order", "label_schema": {"shape": "objects"}, "needs": ["regions"]},
    ]
    quads = [{"id": i, "class": "title", "quad": {"points": [0] * 8}} for i in ("a", "b")]
    values = {
        ("regions", ""): {"objects": {"objects": quads}},
        ("words", "a"): text("first"),
        ("words", "b"): text("second"),
        ("order", ""): {
            "objects": {"objects": [{**quads[0], "order": 2}, {**quads[1], "order": 1}]}
        },
    }
    value, clashes = join("regions", parts, values)
    assert not clashes
    assert [(o["text"], o["order"]) for o in value["objects"]["objects"]] == [
        ("first", 2),
        ("second", 1),
    ]
    values["order", ""] = {
        "objects": {"objects": [{**quads[0], "order": 1}, {"id": "c", "order": 1}]}
    }
    _, clashes = join("regions", parts, values)
    assert [c.reason for c in clashes] == [
        "regions b have no place in the reading order",
        "order orders regions that regions does not have: c",
    ]
    assert clashes[1].subtasks == (("regions", ""), ("order", ""))


def test_events_of_pieces_carry_what_they_stand_on() -> None:
    message = events_pb2.TasksCreated()
    task = message.tasks.add(name="n", part="links", element="e", parent_task="w")
    task.inputs.parts.add(part="a").value.text.text = "x"
    assert message_to_doc(message)["tasks"][0]["inputs"]["parts"][0]["part"] == "a"
