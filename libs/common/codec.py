"""Converts between domain dataclasses, protobuf messages and stored documents by field name.

Converters are compiled once a type, as `dataclasses` compiles `__init__`: a reflective
codec costs 0.1-0.2 ms a message, a compiled one a few microseconds, and the machine path
converts every item several times. Rules: an enum is its value's name without the prefix
(`State.OPEN` <-> `STATE_OPEN`), a `datetime` is a Timestamp (UTC) and sorts as text in a
document, a field typed `Doc` holds any message as plain data, tuples are repeated fields,
bytes are base64 in plain data, as in protobuf's JSON.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from libs.common.enum_names import Numbers, enum_tables

Doc = dict[str, Any]
T = TypeVar("T")
M = TypeVar("M", bound=Message)
F = TypeVar("F", bound=Callable[..., Any])
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP = "google.protobuf.Timestamp"


def cached(function: F) -> F:
    """`functools.cache` that keeps the signature."""
    return typing.cast(F, cache(function))


def to_doc(value: Any) -> Doc:
    """Document of a dataclass instance: str, numbers, bool, None, lists, dicts."""
    return _doc_writer(type(value))(value)


def from_doc(cls: type[T], doc: Doc) -> T:
    """The dataclass a document was made from; missing fields take their defaults."""
    return _doc_reader(cls)(doc)


def to_message(value: Any, cls: type[M]) -> M:
    """Message with every field of the dataclass that the message has."""
    return _message_writer(type(value), cls)(value)


def from_message(cls: type[T], message: Message) -> T:
    """Dataclass with every field of the message that the dataclass has."""
    return _message_reader(cls, type(message))(message)


def message_to_doc(message: Message) -> Doc:
    """Plain data of a message; unset fields and defaults are left out."""
    return _plain_writer(type(message).DESCRIPTOR)(message)


def doc_to_message(doc: Doc, cls: type[M]) -> M:
    """The message that `message_to_doc` gave the document of."""
    message = cls()
    _plain_reader(cls.DESCRIPTOR)(message, doc)
    return message


def time_text(moment: datetime) -> str:
    """UTC, microseconds, fixed width: sorts as time does."""
    return moment.isoformat(timespec="microseconds")


# -- how one Python type is written to and read from a document -----------------------------


@cached
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _strip_optional(hint: Any) -> tuple[Any, bool]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        rest = [a for a in typing.get_args(hint) if a is not type(None)]
        return rest[0], True
    return hint, False


def _identity(value: Any) -> Any:
    return value


def _optional(convert: Callable[[Any], Any], optional: bool) -> Callable[[Any], Any]:
    if convert is _identity or not optional:
        return convert
    return lambda value: None if value is None else convert(value)


@cached
def _to_plain(hint: Any) -> Callable[[Any], Any]:
    hint, optional = _strip_optional(hint)
    origin = typing.get_origin(hint)
    if dataclasses.is_dataclass(hint):
        convert: Callable[[Any], Any] = _doc_writer(typing.cast(type, hint))
    elif hint is datetime:
        convert = time_text
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        convert = _enum_value
    elif origin is tuple:
        one = _to_plain(typing.get_args(hint)[0])
        convert = list if one is _identity else lambda v: [one(x) for x in v]
    else:
        convert = _identity
    return _optional(convert, optional)


def _enum_value(member: enum.Enum) -> Any:
    return member.value


@cached
def _from_plain(hint: Any) -> Callable[[Any], Any]:
    hint, optional = _strip_optional(hint)
    origin = typing.get_origin(hint)
    if dataclasses.is_dataclass(hint):
        convert: Callable[[Any], Any] = _doc_reader(typing.cast(type, hint))
    elif hint is datetime:
        convert = datetime.fromisoformat
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        convert = hint
    elif origin is tuple:
        one = _from_plain(typing.get_args(hint)[0])
        convert = tuple if one is _identity else lambda v: tuple([one(x) for x in v])
    else:
        convert = _identity
    return _optional(convert, optional)


def _call(convert: Callable[[Any], Any], name: str, scope: dict[str, Any], expr: str) -> str:
    if convert is _identity:
        return expr
    scope[f"_c_{name}"] = convert
    return f"_c_{name}({expr})"


def _compile(lines: list[str], scope: dict[str, Any]) -> Callable[..., Any]:
    exec("\n".join(lines), scope)  # noqa: S102 - source is made from type definitions only
    return typing.cast(Callable[..., Any], scope["convert"])


@cached
def _doc_writer(cls: type) -> Callable[[Any], Doc]:
    scope: dict[str, Any] = {}
    hints = _hints(cls)
    pairs = [
        f"{f.name!r}: " + _call(_to_plain(hints[f.name]), f.name, scope, f"o.{f.name}")
        for f in dataclasses.fields(cls)
    ]
    return _compile(["def convert(o):", "    return {" + ", ".join(pairs) + "}"], scope)


@cached
def _doc_reader(cls: type) -> Callable[[Doc], Any]:
    scope: dict[str, Any] = {"cls": cls}
    hints = _hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]
    whole = [f"{n}=" + _call(_from_plain(hints[n]), n, scope, f"d[{n!r}]") for n in names]
    scope["known"] = frozenset(names)
    scope["readers"] = {n: _from_plain(hints[n]) for n in names}
    # A document written by an older version may lack a field: the default then stands.
    return _compile(
        [
            "def convert(d):",
            "    if known <= d.keys():",
            "        return cls(" + ", ".join(whole) + ")",
            "    return cls(**{n: readers[n](v) for n, v in d.items() if n in known})",
        ],
        scope,
    )


# -- dataclass <-> message -------------------------------------------------------------------


def _stamp(target: Any, moment: datetime) -> None:
    delta = moment - _EPOCH
    target.seconds = delta.days * 86400 + delta.seconds
    target.nanos = delta.microseconds * 1000


def _moment(stamp: Any) -> datetime:
    return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)


def _fields(cls: type, descriptor: Descriptor) -> list[tuple[str, Any, FieldDescriptor]]:
    hints = _hints(cls)
    by_name = descriptor.fields_by_name
    return [
        (f.name, hints[f.name], by_name[f.name])
        for f in dataclasses.fields(cls)
        if f.name in by_name
    ]


def _message_class(descriptor: Descriptor) -> type[Message]:
    return typing.cast(type[Message], descriptor._concrete_class)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


@cached
def _message_writer(cls: type, message: type[Message]) -> Callable[[Any], Any]:
    scope: dict[str, Any] = {"message": message, "_stamp": _stamp}
    scalars, lines = [], []
    for name, hint, field in _fields(cls, message.DESCRIPTOR):
        if field.message_type is None:
            scalars.append(f"{name}=" + _scalar_out(name, field, scope))
        else:
            lines += _submessage_out(name, hint, field, scope)
    body = ["def convert(o):", "    m = message(" + ", ".join(scalars) + ")"]
    return _compile([*body, *("    " + line for line in lines), "    return m"], scope)


def _scalar_out(name: str, field: FieldDescriptor, scope: dict[str, Any]) -> str:
    if field.enum_type is None:
        return f"o.{name}"
    scope[f"_e_{name}"] = enum_tables(field.enum_type)[0]
    return f"_e_{name}[o.{name}.value if o.{name} else '']"


def _submessage_out(
    name: str, hint: Any, field: FieldDescriptor, scope: dict[str, Any]
) -> list[str]:
    if _is_map(field):
        return [f"m.{name}.update(o.{name})"]
    if field.message_type.full_name == _TIMESTAMP:
        return [f"if o.{name}: _stamp(m.{name}, o.{name})"]
    hint, _ = _strip_optional(hint)
    if typing.get_origin(hint) is tuple:
        scope[f"_w_{name}"] = _part_out(typing.get_args(hint)[0], field)
        return [f"if o.{name}: m.{name}.extend([_w_{name}(x) for x in o.{name}])"]
    scope[f"_w_{name}"] = _part_out(hint, field)
    return [f"if o.{name}: m.{name}.CopyFrom(_w_{name}(o.{name}))"]


def _part_out(hint: Any, field: FieldDescriptor) -> Callable[[Any], Message]:
    part = _message_class(field.message_type)
    if dataclasses.is_dataclass(hint):
        return _message_writer(typing.cast(type, hint), part)
    return lambda doc: doc_to_message(doc, part)


@cached
def _message_reader(cls: type, message: type[Message]) -> Callable[[Any], Any]:
    scope: dict[str, Any] = {"cls": cls, "_moment": _moment}
    args = [
        f"{name}=" + _field_in(name, hint, field, scope)
        for name, hint, field in _fields(cls, message.DESCRIPTOR)
    ]
    return _compile(["def convert(m):", "    return cls(" + ", ".join(args) + ")"], scope)


def _field_in(name: str, hint: Any, field: FieldDescriptor, scope: dict[str, Any]) -> str:
    hint, _ = _strip_optional(hint)
    if field.message_type is None:
        return _scalar_in(name, hint, field, scope)
    if _is_map(field):
        return f"dict(m.{name})"
    if field.message_type.full_name == _TIMESTAMP:
        return f"_moment(m.{name}) if m.HasField({name!r}) else None"
    if typing.get_origin(hint) is tuple:
        scope[f"_r_{name}"] = _part_in(typing.get_args(hint)[0], field)
        return f"tuple([_r_{name}(x) for x in m.{name}])"
    scope[f"_r_{name}"] = _part_in(hint, field)
    return f"_r_{name}(m.{name}) if m.HasField({name!r}) else None"


def _scalar_in(name: str, hint: Any, field: FieldDescriptor, scope: dict[str, Any]) -> str:
    if field.enum_type is not None:
        names = enum_tables(field.enum_type)[1]
        convert = hint if isinstance(hint, type) and issubclass(hint, enum.Enum) else str
        scope[f"_e_{name}"] = {
            number: (convert(text) if text or convert is str else None)
            for number, text in names.items()
        }
        return f"_e_{name}.get(m.{name})"
    return f"tuple(m.{name})" if field.is_repeated else f"m.{name}"


def _part_in(hint: Any, field: FieldDescriptor) -> Callable[[Any], Any]:
    if dataclasses.is_dataclass(hint):
        return _message_reader(typing.cast(type, hint), _message_class(field.message_type))
    return _plain_writer(field.message_type)


# -- message <-> plain data ------------------------------------------------------------------


@cached
def _plain_writer(descriptor: Descriptor) -> Callable[[Any], Doc]:
    scope: dict[str, Any] = {"_moment": _moment, "time_text": time_text, "b64encode": b64encode}
    lines = ["def convert(m):", "    d = {}"]
    for field in descriptor.fields:
        lines += ["    " + line for line in _plain_out(field, scope)]
    return _compile([*lines, "    return d"], scope)


def _plain_part(field: FieldDescriptor) -> Callable[[Any], Doc]:
    """Writer of a field's message; made when first used where messages nest without end."""
    part = field.message_type
    return (lambda m: _plain_writer(part)(m)) if _nests(part) else _plain_writer(part)


@cached
def _nests(part: Descriptor) -> bool:
    """Can a message hold, at some depth, one of its own kind?"""
    seen, todo = dict[str, Descriptor](), [part]
    while todo:
        inner = [f.message_type for f in todo.pop().fields if f.message_type is not None]
        todo += [m for m in inner if m.full_name not in seen]
        seen |= {m.full_name: m for m in inner}
    return part.full_name in seen


def _plain_out(field: FieldDescriptor, scope: dict[str, Any]) -> list[str]:
    name = field.name
    expr, one = f"getattr(m, {name!r})", "x"
    if _is_map(field):
        return [f"v = {expr}", f"if v: d[{name!r}] = dict(v)"]
    if field.enum_type is not None:
        scope[f"_e_{name}"] = enum_tables(field.enum_type)[1]
        one = f"_e_{name}.get(x, x)"
    elif field.message_type is not None and field.message_type.full_name == _TIMESTAMP:
        one = "time_text(_moment(x))"
    elif field.message_type is not None:
        scope[f"_w_{name}"] = _plain_part(field)
        one = f"_w_{name}(x)"
    elif field.type == FieldDescriptor.TYPE_BYTES:
        one = "b64encode(x).decode()"
    if field.is_repeated:
        return [f"v = {expr}", f"if v: d[{name!r}] = [{one} for x in v]"]
    if field.has_presence:
        return [f"if m.HasField({name!r}):", f"    x = {expr}", f"    d[{name!r}] = {one}"]
    return [f"x = {expr}", f"if x: d[{name!r}] = {one}"]


@cached
def _plain_reader(descriptor: Descriptor) -> Callable[[Any, Doc], None]:
    setters = {field.name: _plain_setter(field) for field in descriptor.fields}

    def read(message: Any, doc: Doc) -> None:
        for name, value in doc.items():
            setter = setters.get(name)
            if setter is not None and value is not None:
                setter(message, value)

    return read


def _plain_setter(field: FieldDescriptor) -> Callable[[Any, Any], None]:
    name = field.name
    if _is_map(field):
        return lambda m, v: getattr(m, name).update(v)
    if field.message_type is not None:
        return _message_setter(field)
    if field.type == FieldDescriptor.TYPE_BYTES and not field.is_repeated:
        return lambda m, v: setattr(m, name, b64decode(v))
    numbers = Numbers(field) if field.enum_type is not None else None
    if field.is_repeated:
        return lambda m, v: getattr(m, name).extend([numbers[x] for x in v] if numbers else v)
    return lambda m, v: setattr(m, name, numbers[v] if numbers else v)


def _message_setter(field: FieldDescriptor) -> Callable[[Any, Any], None]:
    name = field.name
    if field.message_type.full_name == _TIMESTAMP:
        return lambda m, v: _stamp(getattr(m, name), datetime.fromisoformat(v))
    part = field.message_type

    def set_one(message: Any, value: Doc) -> None:
        target = getattr(message, name)
        target.SetInParent()
        _plain_reader(part)(target, value)

    def set_all(message: Any, values: list[Doc]) -> None:
        for value in values:
            _plain_reader(part)(getattr(message, name).add(), value)

    return set_all if field.is_repeated else set_one
