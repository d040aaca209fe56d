"""What is zero is there: in answers of REST, webhooks and events seen by users, in deliveries and
their lineage. Only protobuf leaves out what has the usual value."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pyarrow.parquet as pq
import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import given, settings
from hypothesis import strategies as st
from labelmill.annotation.v1.annotation_pb2 import Annotation, Review, Value
from labelmill.delivery.v1.delivery_pb2 import Delivery
from labelmill.qc_scorer.v1.qc_scorer_pb2 import Gate
from labelmill.task_dispatch.v1.events_pb2 import TasksAccepted
from labelmill.task_dispatch.v1.task_dispatch_pb2 import Progress, Task

from libs.common.bus import make_event
from libs.common.codec import doc_to_message, message_to_doc
from libs.common.explicit import explicit
from libs.common.operations import _letter
from services.delivery.events import _row
from services.gateway.http import schema
from tests.unit.libs.common.test_codec import messages
from tests.unit.libs.formats.format_fixtures import row, written

Doc = dict[str, Any]
ORIGIN: Doc = {"boxes": {"boxes": [{"class": "car", "width": 2.0, "height": 1.0}]}}
SHAPES = [field.name for field in Value.DESCRIPTOR.fields]


def lacking(descriptor: Descriptor, doc: Doc, path: str = "") -> list[str]:
    """Fields of usual value that the document leaves out, at any depth."""
    found = []
    for field in descriptor.fields:
        where = f"{path}.{field.name}"
        if field.name not in doc:
            known = field.has_presence and not field.is_repeated
            single_enum = field.enum_type is not None and not field.is_repeated
            found += [] if known or single_enum else [where]
        elif _part(field):
            parts = doc[field.name] if field.is_repeated else [doc[field.name]]
            found += [one for p in parts for one in lacking(field.message_type, p, where)]
    return found


def _part(field: Any) -> bool:
    part = field.message_type
    return part is not None and not part.GetOptions().map_entry and part.name != "Timestamp"


@pytest.mark.parametrize("cls", [Value, Annotation, Review, Delivery, Gate, Progress, Task])
@given(data=st.data())
@settings(max_examples=20)
def test_every_door_tells_zeros(cls: Any, data: st.DataObject) -> None:
    message = data.draw(messages(cls.DESCRIPTOR, 2))
    told = explicit(message_to_doc(message), cls)
    assert lacking(cls.DESCRIPTOR, told) == []
    assert doc_to_message(told, cls) == message
    if cls is not Task:  # Its `data` is the tenant's own JSON.
        assert lacking(cls.DESCRIPTOR, schema.rest(message)) == []


@pytest.mark.parametrize("shape", SHAPES)
@given(data=st.data())
@settings(max_examples=5)
def test_lines_of_a_delivery_tell_zeros(shape: str, data: st.DataObject) -> None:
    field = Value.DESCRIPTOR.fields_by_name[shape]
    part = data.draw(messages(field.message_type, 2))
    value = {shape: message_to_doc(part)}
    (line,) = written("jsonl", [value], {"shape": shape})[0].splitlines()
    told = json.loads(line)["value"]
    assert lacking(Value.DESCRIPTOR, told) == []
    assert message_to_doc(doc_to_message(told, Value)) == value


@pytest.mark.parametrize("name", ["jsonl", "webdataset", "parquet"])
def test_a_box_at_the_edge_has_its_place(name: str) -> None:
    value = {"composite": {"parts": [{"part": "a", "value": ORIGIN}]}}
    content, _ = written(name, [value], {"shape": "composite"})
    if name == "jsonl":
        found = json.loads(content)["value"]
    elif name == "webdataset":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            file = next(archive.extractfile(one) for one in archive if one.name.endswith(".json"))
            assert file is not None
            found = json.loads(file.read())["value"]
    else:
        found = json.loads(pq.read_table(io.BytesIO(content))["value"][0].as_py())
    (part,) = found["composite"]["parts"]
    assert part["value"]["boxes"]["boxes"][0]["x"] == 0.0 and part["element"] == ""


def test_lineage_and_dead_letters_tell_zeros() -> None:
    task = Task(name=row(1, ORIGIN)["name"], data="{}")
    task.label.value.CopyFrom(doc_to_message(ORIGIN, Value))
    task.annotations.add(value=task.label.value)
    lineage = json.loads(_row(task)["lineage"])
    assert lineage["annotations"][0]["value"]["boxes"]["boxes"][0]["x"] == 0.0
    assert lineage["annotations"][0]["work_seconds"] == 0.0
    event = make_event("k", TasksAccepted(tasks=[task]))
    doc = {"name": "1", "topic": event.topic, "type": event.type, "key": "k", "reason": ""}
    doc |= {"time": "2026-01-01T00:00:00Z", "event_time": 0, "payload": event.payload.hex()}
    (told,) = json.loads(_letter(doc).event)["tasks"]
    assert told["annotations"][0]["value"]["boxes"]["boxes"][0]["x"] == 0.0
