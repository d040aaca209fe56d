"""REST shapes made from the protobuf descriptors at start-up: no mirror classes by hand.

A message becomes a strict Pydantic model (unknown fields forbidden, no coercion, enums by
their short names, int64 as numbers) for requests and OpenAPI, and a compiled writer for
answers. Fields that hold JSON text on the wire (`data`, `lineage`, `event`) are JSON in REST.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, ForwardRef, Literal, Optional

import orjson
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict, Field, create_model

from libs.common.errors import Invalid

JSON_FIELDS = frozenset(
    {
        "labelmill.intake.v1.Item.data",
        "labelmill.intake.v1.NewItem.data",
        "labelmill.task_dispatch.v1.Task.data",
        "labelmill.task_dispatch.v1.Assignment.data",
        "labelmill.prelabel_gateway.v1.PredictRequest.data",
        "labelmill.prelabel_gateway.v1.AssistRequest.data",
        "labelmill.delivery.v1.Lineage.lineage",
        "labelmill.operations.v1.DeadLetter.event",
    }
)
_TIMESTAMP = "google.protobuf.Timestamp"
_INTS = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
_FLOATS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
_TIME_PATTERN = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"


def short_enum(field: FieldDescriptor) -> dict[int, str]:
    """Number -> short name, without the unspecified value."""
    prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
    return {v.number: v.name.removeprefix(prefix) for v in field.enum_type.values if v.number}


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


# -- requests --------------------------------------------------------------------------------


# Messages whose models are being made: one that holds itself at some depth is named meanwhile.
_open: list[str] = []
_unfinished: dict[str, type[BaseModel]] = {}


@cache
def model_of(descriptor: Descriptor, without: frozenset[str] = frozenset()) -> type[BaseModel]:
    """Strict model of a message's JSON, leaving out the fields the route binds itself."""
    name = descriptor.name + ("Body" if without else "")
    _open.append(descriptor.name)
    fields = {f.name: _field(f) for f in descriptor.fields if f.name not in without}
    _open.pop()
    config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())
    made: type[BaseModel] = create_model(name, __config__=config, **fields)
    _unfinished[name] = made
    if not _open:
        for model in _unfinished.values():
            model.model_rebuild(_types_namespace=_unfinished)
        _unfinished.clear()
    return made


def _rules(field: FieldDescriptor) -> Any:
    return field.GetOptions().Extensions[validate_pb2.field]


def _field(field: FieldDescriptor) -> Any:
    rules = _rules(field)
    needed = (
        rules.required
        or (
            field.cpp_type == FieldDescriptor.CPPTYPE_STRING
            and not field.is_repeated
            and (rules.string.min_len > 0 or bool(getattr(rules.string, "in")))
        )
        or (field.is_repeated and rules.repeated.min_items > 0)
        or bool(rules.enum.not_in)
    )
    if field.full_name in JSON_FIELDS:
        return dict[str, Any], Field(...)
    if _is_map(field):
        value = _scalar(field.message_type.fields_by_name["value"])
        return dict[str, value], Field(default_factory=dict)  # type: ignore[valid-type]
    kind = _one(field)
    if field.is_repeated:
        return _list(field, kind, needed)
    if field.message_type is not None:
        # `|` does not take a name that is not made yet.
        return (kind, ...) if needed else (Optional[kind], None)  # noqa: UP045
    if needed:
        return kind, ...
    return kind | None, None


def _list(field: FieldDescriptor, kind: Any, needed: bool) -> Any:
    repeated = _rules(field).repeated
    limits: dict[str, Any] = {}
    if repeated.HasField("max_items"):
        limits["max_length"] = repeated.max_items
    if repeated.HasField("min_items"):
        limits["min_length"] = repeated.min_items
    typed = Annotated[list[kind], Field(**limits)]
    return (typed, ...) if needed else (typed, Field(default_factory=list))


def _one(field: FieldDescriptor) -> Any:
    if field.message_type is not None:
        if field.message_type.full_name == _TIMESTAMP:
            return Annotated[str, Field(pattern=_TIME_PATTERN)]
        if field.message_type.name in _open:
            return ForwardRef(field.message_type.name)
        return model_of(field.message_type)
    if field.enum_type is not None:
        return Literal[tuple(short_enum(field).values())]
    rules = _rules(field).repeated.items if field.is_repeated else _rules(field)
    return _scalar(field, rules)


def _scalar(field: FieldDescriptor, rules: Any = None) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return _text(rules.string if rules is not None else None)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return bool
    if field.cpp_type in _INTS:
        big = field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
        bits = 53 if big else 31
        number = getattr(rules, "int64" if big else "int32", None) if rules is not None else None
        return Annotated[int, Field(**{"ge": -(2**bits), "le": 2**bits - 1, **_range(number)})]
    if field.cpp_type in _FLOATS:
        number = rules.double if rules is not None else None
        return Annotated[float, Field(allow_inf_nan=False, **_range(number))]
    raise TypeError(f"no REST shape for {field.full_name}")


def _text(rules: Any) -> Any:
    if rules is None:
        return str
    choices = list(getattr(rules, "in"))
    if choices:
        return Literal[tuple(choices)]
    limits: dict[str, Any] = {}
    if rules.HasField("min_len"):
        limits["min_length"] = rules.min_len
    if rules.HasField("max_len"):
        limits["max_length"] = rules.max_len
    if rules.HasField("pattern"):
        limits["pattern"] = rules.pattern
    return Annotated[str, Field(**limits)] if limits else str


def _range(rules: Any) -> dict[str, Any]:
    if rules is None:
        return {}
    pairs = {"gte": "ge", "lte": "le", "gt": "gt", "lt": "lt"}
    return {
        ours: getattr(rules, theirs) for theirs, ours in pairs.items() if rules.HasField(theirs)
    }


@cache
def query_model(descriptor: Descriptor, without: frozenset[str]) -> type[BaseModel]:
    """Model of a GET's query: the same fields, read from text."""
    strict = model_of(descriptor, without)
    config = ConfigDict(extra="forbid", strict=False, protected_namespaces=())
    fields: dict[str, Any] = {n: (f.annotation, f) for n, f in strict.model_fields.items()}
    return create_model(f"{descriptor.name}Query", __config__=config, **fields)


def plain(parsed: BaseModel) -> dict[str, Any]:
    """The values that were sent, parts as dictionaries."""
    return parsed.model_dump(exclude_unset=True)


def fill(message: Any, values: dict[str, Any]) -> None:
    """Sets a message's fields from validated JSON."""
    setters = _setters(type(message).DESCRIPTOR)
    for name, value in values.items():
        if value is not None:
            setters[name](message, value)


@cache
def _setters(descriptor: Descriptor) -> dict[str, Callable[[Any, Any], None]]:
    return {field.name: _setter(field) for field in descriptor.fields}


def _setter(field: FieldDescriptor) -> Callable[[Any, Any], None]:
    name = field.name
    if field.full_name in JSON_FIELDS:
        return lambda m, v: setattr(m, name, _json_text(name, v))
    if _is_map(field):
        return lambda m, v: getattr(m, name).update(v)
    if field.message_type is not None and field.message_type.full_name == _TIMESTAMP:
        return lambda m, v: _stamp(getattr(m, name), name, v)
    if field.message_type is not None:
        return _part_setter(field)
    numbers = {s: n for n, s in short_enum(field).items()} if field.enum_type else None
    if field.is_repeated:
        return lambda m, v: getattr(m, name).extend([numbers[x] for x in v] if numbers else v)
    return lambda m, v: setattr(m, name, numbers[v] if numbers else v)


def _stamp(target: Any, name: str, value: str) -> None:
    try:
        target.FromJsonString(value)
    except ValueError as error:
        raise Invalid(f"is no moment in time: {error}"[:300], field=name) from error


def _json_text(name: str, value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except (TypeError, RecursionError, UnicodeEncodeError) as error:
        raise Invalid(f"cannot be kept as JSON: {error}", field=name) from error


def _part_setter(field: FieldDescriptor) -> Callable[[Any, Any], None]:
    name = field.name

    def one(message: Any, value: dict[str, Any]) -> None:
        part = getattr(message, name)
        part.SetInParent()
        fill(part, value)

    def many(message: Any, values: list[dict[str, Any]]) -> None:
        for value in values:
            fill(getattr(message, name).add(), value)

    return many if field.is_repeated else one


# -- answers ---------------------------------------------------------------------------------


def rest(message: Message) -> dict[str, Any]:
    """JSON-ready answer of a message: defaults included; unset messages, enums and `optional`
    fields, which are not known, left out."""
    out: dict[str, Any] = {}
    for write in _writers(type(message).DESCRIPTOR):
        write(message, out)
    return out


@cache
def _writers(descriptor: Descriptor) -> tuple[Callable[[Any, dict[str, Any]], None], ...]:
    return tuple(_writer(field) for field in descriptor.fields)


def _writer(field: FieldDescriptor) -> Callable[[Any, dict[str, Any]], None]:
    name = field.name
    if field.full_name in JSON_FIELDS:
        return lambda m, out: _raw(name, getattr(m, name), out)
    if _is_map(field):
        return lambda m, out: out.__setitem__(name, dict(getattr(m, name)))
    if field.message_type is not None:
        return _part_writer(field)
    if field.enum_type is not None:
        return _enum_writer(field)
    if field.is_repeated:
        return lambda m, out: out.__setitem__(name, list(getattr(m, name)))
    if field.has_presence:
        return lambda m, out: out.update({name: getattr(m, name)} if m.HasField(name) else {})
    return lambda m, out: out.__setitem__(name, getattr(m, name))


def _raw(name: str, text: str, out: dict[str, Any]) -> None:
    if text:
        out[name] = orjson.Fragment(text)


def _enum_writer(field: FieldDescriptor) -> Callable[[Any, dict[str, Any]], None]:
    name, names = field.name, short_enum(field)

    def one(message: Any, out: dict[str, Any]) -> None:
        number = getattr(message, name)
        if number:
            out[name] = names.get(number, number)

    return one


def _part_writer(field: FieldDescriptor) -> Callable[[Any, dict[str, Any]], None]:
    name = field.name
    stamp = field.message_type.full_name == _TIMESTAMP

    def one(message: Any, out: dict[str, Any]) -> None:
        if message.HasField(name):
            part = getattr(message, name)
            out[name] = part.ToJsonString() if stamp else rest(part)

    def many(message: Any, out: dict[str, Any]) -> None:
        out[name] = [rest(part) for part in getattr(message, name)]

    return many if field.is_repeated else one


@cache
def answer_schema(descriptor: Descriptor) -> dict[str, Any]:
    """JSON Schema of what `rest` gives, one level deep with references to the parts."""
    properties: dict[str, Any] = {}
    required = []
    for field in descriptor.fields:
        properties[field.name] = _answer_property(field)
        part = field.has_presence and not field.is_repeated
        if not part and field.enum_type is None and field.full_name not in JSON_FIELDS:
            required.append(field.name)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _answer_property(field: FieldDescriptor) -> dict[str, Any]:
    if field.full_name in JSON_FIELDS:
        return {"type": "object"}
    if _is_map(field):
        value = _answer_scalar(field.message_type.fields_by_name["value"])
        return {"type": "object", "additionalProperties": value}
    if field.message_type is not None:
        one: dict[str, Any] = {"$ref": f"#/components/schemas/{field.message_type.name}"}
        if field.message_type.full_name == _TIMESTAMP:
            one = {"type": "string", "format": "date-time"}
    else:
        one = _answer_scalar(field)
    return {"type": "array", "items": one} if field.is_repeated else one


def _answer_scalar(field: FieldDescriptor) -> dict[str, Any]:
    if field.enum_type is not None:
        return {"type": "string", "enum": list(short_enum(field).values())}
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return {"type": "string"}
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return {"type": "boolean"}
    return {"type": "integer" if field.cpp_type in _INTS else "number"}


def parts_of(descriptor: Descriptor) -> dict[str, Descriptor]:
    """Every message type that an answer of this type may hold, by short name."""
    found = {descriptor.name: descriptor}
    todo = [descriptor]
    while todo:
        for field in todo.pop().fields:
            part = field.message_type
            if part is None or _is_map(field) or part.full_name == _TIMESTAMP:
                continue
            if part.name not in found:
                found[part.name] = part
                todo.append(part)
    return found
