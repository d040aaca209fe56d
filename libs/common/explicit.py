"""Documents of messages with what protobuf leaves out.

Whatever leaves the platform outside protobuf goes through here or through the gateway's
`schema.rest`: who reads it must not have to know that a box without `x` is at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from libs.common.codec import Doc


def explicit(doc: Doc, cls: type[Message]) -> Doc:
    """Return a document of the message with what `codec.message_to_doc` leaves out: numbers that
    are 0, false, empty texts, lists and maps. Unset parts, enums and `optional` fields stay out."""
    return _filler(cls.DESCRIPTOR)(doc)


@cache
def _filler(descriptor: Descriptor) -> Callable[[Doc], Doc]:
    usual, parts = _usuals(descriptor), {f.name: f for f in descriptor.fields if _is_part(f)}
    if not parts:
        return lambda doc: {**usual, **doc}
    # Looked up when first used, as messages may hold their own kind.
    fillers: dict[str, Callable[[Any], Any]] = {}

    def fill(doc: Doc) -> Doc:
        made = {**usual, **doc}
        # Of many parts that a message may have, a document has few.
        for name, value in doc.items():
            if name in parts and value is not None:
                if name not in fillers:
                    fillers[name] = _part_filler(parts[name])
                made[name] = fillers[name](value)
        return made

    return fill


def _usuals(descriptor: Descriptor) -> Doc:
    fields = (f for f in descriptor.fields if f.is_repeated or not f.has_presence)
    found = {f.name: _usual(f) for f in fields}
    return {name: value for name, value in found.items() if value is not None}


def _usual(field: FieldDescriptor) -> Any:
    """What stands for a field that was left out; None of an enum, which is then not known."""
    if field.is_repeated:
        return {} if _is_map(field) else []
    return None if field.enum_type is not None else field.default_value


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _is_part(field: FieldDescriptor) -> bool:
    part = field.message_type
    # Moments are texts in documents.
    return part is not None and not _is_map(field) and part.name != "Timestamp"


def _part_filler(field: FieldDescriptor) -> Callable[[Any], Any]:
    fill = _filler(field.message_type)
    if not field.is_repeated:
        return fill
    if any(map(_is_part, field.message_type.fields)):
        return lambda docs: [fill(doc) for doc in docs]
    # Key points, words: of these a label has most, and a call of each takes as long as its copy.
    usual = _usuals(field.message_type)
    return lambda docs: [{**usual, **doc} for doc in docs]
