"""Tasks that go over the objects of a label: what of the item each is about, for a model alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from libs import label_validation
from libs.common.codec import message_to_doc
from services.prelabel_gateway import adapters
from services.prelabel_gateway.domain import Doc
from services.prelabel_gateway.object_inputs.clip import clips
from services.prelabel_gateway.object_inputs.crop import crops

# What was cut, or why nothing could be, of each object.
Cut = Callable[[bytes, Sequence[Doc]], list[bytes | str]]


def object_of(inputs: Any, per: str) -> Doc | None:
    """The object that a piece is about: the one in the labels it stands on (a message
    `Composite`) of the part whose objects it goes over."""
    parts = message_to_doc(inputs).get("parts", [])
    found = (label_validation.only(one.get("value", {})) for one in parts if one.get("part") == per)
    return next(found, None)


def cutting(capability: str) -> Cut:
    """How an object's own is cut out of what a model of this capability reads."""
    if adapters.giving(capability) is adapters.give_text:
        return _words
    return clips if capability in adapters.HEARING else crops


def _words(content: bytes, spans: Sequence[Doc]) -> list[bytes | str]:
    """The text of each span; its places count code points."""
    text = content.decode()
    found = (text[int(one.get("start", 0)) : int(one.get("end", 0))] for one in spans)
    return [words.encode() or "a span without text" for words in found]
