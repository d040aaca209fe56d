"""The codec loses nothing between dataclasses, documents, messages and plain data."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import pkgutil
import types
import typing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import labelmill
import orjson
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelmill.delivery.v1 import delivery_pb2
from labelmill.intake.v1 import intake_pb2
from labelmill.qc_scorer.v1 import qc_scorer_pb2
from labelmill.review_router.v1 import review_router_pb2
from labelmill.scheduler.v1 import scheduler_pb2
from labelmill.task_dispatch.v1 import task_dispatch_pb2
from labelmill.template.v1 import template_pb2

from libs.common.codec import (
    doc_to_message,
    from_doc,
    from_message,
    message_to_doc,
    time_text,
    to_doc,
    to_message,
)
from services.delivery import domain as delivery
from services.intake import domain as intake
from services.qc_scorer import domain as qc_scorer
from services.review_router import domain as review_router
from services.scheduler import domain as scheduler
from services.task_dispatch import domain as task_dispatch
from services.template import domain as template

WRITTEN: list[tuple[type, type[Message]]] = [
    (task_dispatch.Assignment, task_dispatch_pb2.Assignment),
    (delivery.Delivery, delivery_pb2.Delivery),
]
BOTH_WAYS: list[tuple[type, type[Message]]] = [
    (template.Template, template_pb2.Template),
    (template.Project, template_pb2.Project),
    (intake.Import, intake_pb2.Import),
    (task_dispatch.Task, task_dispatch_pb2.Task),
    (task_dispatch.Routing, review_router_pb2.Routing),
    (review_router.Routing, review_router_pb2.Routing),
    (qc_scorer.Score, qc_scorer_pb2.Score),
    (scheduler.Schedule, scheduler_pb2.Schedule),
]
TEXT = st.text(max_size=12)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
# A single-precision number fits both kinds of field; a negative zero is a zero.
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32).map(lambda x: x + 0.0)
OF_TYPE = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**53), 2**53),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**53),
    FieldDescriptor.CPPTYPE_DOUBLE: NUMBERS,
    FieldDescriptor.CPPTYPE_FLOAT: NUMBERS,
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
}
quick = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def message_classes() -> Iterator[type[Message]]:
    """Every message of every package, nested ones too, but for map entries."""
    for found in pkgutil.walk_packages(labelmill.__path__, "labelmill."):
        if found.name.endswith("_pb2"):
            module = importlib.import_module(found.name)
            yield from _nested(module.DESCRIPTOR.message_types_by_name.values())


def _nested(descriptors: Any) -> Iterator[type[Message]]:
    for descriptor in descriptors:
        if not descriptor.GetOptions().map_entry:
            yield descriptor._concrete_class
            yield from _nested(descriptor.nested_types)


def messages(descriptor: Descriptor, depth: int = 3) -> st.SearchStrategy[Any]:
    """Any message of the type, nested `depth` deep."""
    if descriptor.full_name == "google.protobuf.Timestamp":
        return st.builds(_stamp, MOMENTS)

    @st.composite
    def build(draw: Any) -> Message:
        message = descriptor._concrete_class()
        for field in descriptor.fields:
            wanted = depth > 0 or field.message_type is None
            if wanted and draw(st.booleans()):
                _fill(draw, message, field, depth)
        return typing.cast(Message, message)

    return build()


def _stamp(moment: datetime) -> Message:
    from google.protobuf.timestamp_pb2 import Timestamp

    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def _fill(draw: Any, message: Any, field: FieldDescriptor, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        entries = draw(st.dictionaries(values(key, 0), values(value, 0), max_size=3))
        getattr(message, field.name).update(entries)
    elif field.is_repeated:
        several = draw(st.lists(values(field, depth - 1), max_size=3))
        getattr(message, field.name).extend(several)
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(draw(values(field, depth - 1)))
    else:
        setattr(message, field.name, draw(values(field, depth)))


def values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    """One value of the field, whatever its label."""
    if field.message_type is not None:
        return messages(field.message_type, depth)
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values])
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return st.binary(max_size=8) if field.type == FieldDescriptor.TYPE_BYTES else TEXT
    return OF_TYPE[field.cpp_type]


def instances(cls: type, message: type[Message]) -> st.SearchStrategy[Any]:
    """Any instance; a `Doc` field holds plain data of the message's field of that name."""
    hints = typing.get_type_hints(cls)
    by_name = message.DESCRIPTOR.fields_by_name
    return st.builds(
        cls,
        **{
            field.name: _of_hint(hints[field.name], by_name.get(field.name))
            for field in dataclasses.fields(cls)
        },
    )


def _of_hint(hint: Any, field: FieldDescriptor | None) -> st.SearchStrategy[Any]:
    if isinstance(hint, types.UnionType):
        inner = [a for a in typing.get_args(hint) if a is not type(None)]
        return st.none() | _of_hint(inner[0], field)
    part = field.message_type if field is not None else None
    if typing.get_origin(hint) is tuple:
        return st.lists(_of_hint(typing.get_args(hint)[0], field), max_size=3).map(tuple)
    if dataclasses.is_dataclass(hint):
        assert part is not None, f"{hint} has no message"
        return instances(typing.cast(type, hint), part._concrete_class)
    if typing.get_origin(hint) is dict:
        return _docs(part)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(list(hint))
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: TEXT,
        int: st.integers(0, 2**31 - 1),
        float: st.floats(0, 1, width=32),
        bool: st.booleans(),
        datetime: MOMENTS,
    }
    return plain[hint]


def _docs(part: Descriptor | None) -> st.SearchStrategy[Any]:
    if part is None:
        return st.dictionaries(TEXT, TEXT, max_size=3)
    if part.GetOptions().map_entry:
        key, value = part.fields
        return st.dictionaries(values(key, 0), values(value, 0), max_size=3)
    return messages(part, 2).map(message_to_doc)


def identity(pair: Any) -> str:
    return getattr(pair, "__module__", "") + "." + getattr(pair, "__name__", "")


@pytest.mark.fuzz
@pytest.mark.parametrize(("cls", "message"), [*WRITTEN, *BOTH_WAYS], ids=identity)
def test_a_dataclass_survives_its_document(cls: type, message: type[Message]) -> None:
    @quick
    @given(instances(cls, message))
    def check(value: Any) -> None:
        assert from_doc(cls, orjson.loads(orjson.dumps(to_doc(value)))) == value

    check()


@pytest.mark.parametrize(("cls", "message"), BOTH_WAYS, ids=identity)
def test_a_dataclass_says_the_same_after_its_message(cls: type, message: type[Message]) -> None:
    @quick
    @given(instances(cls, message))
    def check(value: Any) -> None:
        sent = to_message(value, message)
        back: Any = from_message(cls, message.FromString(sent.SerializeToString()))
        assert to_message(back, message) == sent
        shared = message.DESCRIPTOR.fields_by_name.keys()
        for field in dataclasses.fields(cls):
            if field.name in shared:
                assert (getattr(back, field.name) or None) == (getattr(value, field.name) or None)

    check()


@pytest.mark.fuzz
@pytest.mark.parametrize("cls", list(message_classes()), ids=lambda c: c.DESCRIPTOR.full_name)
def test_a_message_survives_as_plain_data(cls: type[Message]) -> None:
    @settings(quick, max_examples=12)
    @given(messages(cls.DESCRIPTOR))
    def check(message: Message) -> None:
        plain = orjson.loads(orjson.dumps(message_to_doc(message)))
        assert doc_to_message(plain, cls) == message

    check()


@given(MOMENTS, st.timedeltas(timedelta(microseconds=1), timedelta(days=9)))
def test_times_sort_as_text(moment: datetime, later: timedelta) -> None:
    assert time_text(moment) < time_text(moment + later)
    assert datetime.fromisoformat(time_text(moment)) == moment


def test_a_document_of_an_older_version_takes_the_defaults() -> None:
    whole = to_doc(intake.DataField(name="text", type="TEXT", required=True))
    older = {name: value for name, value in whole.items() if name != "max_size"}
    newer = {**whole, "of_tomorrow": 1}
    assert from_doc(intake.DataField, older) == from_doc(intake.DataField, newer)


def test_a_word_that_is_no_value_of_the_enum_is_refused() -> None:
    with pytest.raises((KeyError, ValueError)):
        doc_to_message({"state": "NO_SUCH_STATE"}, task_dispatch_pb2.Task)
