"""One adapter a capability: an item's field into the model, the model's document into a draft.

Models of these capabilities take BYTES `INPUT` and answer BYTES `VALUE`, one JSON an item:
{"value": a Value of `labelmill.annotation.v1` as a document} or {"error": why there is none}.
Enums are names, with or without their prefix. `points` beside `value` names the points of its
skeletons. What the template does not ask for is left out; what it cannot hold is `Impossible`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from labelmill.annotation.v1 import annotation_pb2

from libs import label_validation
from libs.common.codec import doc_to_message
from libs.common.errors import Invalid
from libs.common.rpc import validate
from services.prelabel_gateway.adapters import images, language, sound, space
from services.prelabel_gateway.adapters.answers import Adapter, Fetch, give_media, give_text
from services.prelabel_gateway.domain import MALFORMED, Doc, Impossible

INPUT, OUTPUT = "INPUT", "VALUE"
boxes_as_asked = images.boxes
ADAPTERS: dict[str, Adapter] = {
    **language.ADAPTERS,
    **sound.ADAPTERS,
    **images.ADAPTERS,
    **space.ADAPTERS,
}

# Capabilities that listen.
HEARING = frozenset(sound.ADAPTERS)


def giving(capability: str) -> Callable[[Any, Fetch], Awaitable[bytes]]:
    """How a data field's value becomes the model's input."""
    if capability in ADAPTERS:
        return ADAPTERS[capability].give
    return give_text if capability.startswith("text-") else give_media


def draft_of(
    capability: str, answer: Any, model_classes: list[str], schema: Doc, given: bytes = b""
) -> Doc:
    """{value, score} of a model's answer (JSON as bytes or text) to `given`, under a template's
    label schema; raises `Impossible`."""
    document = _document(answer)
    wanted = schema.get("classes", [])
    if wanted and model_classes and not set(wanted) & set(model_classes):
        words = f"the model's classes ({', '.join(model_classes)[:200]}) are none of the template's"
        raise Impossible(words)
    if schema.get("shape") == "choice" and (unknown := set(wanted) - set(model_classes)):
        raise Impossible(
            f"the model does not know the template's {', '.join(sorted(unknown))[:200]}"
        )
    try:
        draft = ADAPTERS[capability].draft(document, schema)
        text = given.decode() if capability == "entities" else None
        label_validation.check(draft["value"], schema, "value", text)
        # The same rules as for a value that people send: what breaks one could never be a label.
        validate(doc_to_message(draft["value"], annotation_pb2.Value))
    except label_validation.Misfit as misfit:
        raise Impossible(f"the answer does not fit the template: {misfit}") from misfit
    except Invalid as broken:
        raise Impossible(f"the answer's {broken.field}: {broken.message}") from broken
    except MALFORMED as error:
        raise Impossible(f"the answer is no {capability} document: {error!r:.200}") from error
    return draft


def _document(answer: Any) -> Doc:
    try:
        document = json.loads(answer)
    except (TypeError, ValueError, RecursionError) as error:
        raise Impossible(f"the answer is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise Impossible("the answer is no JSON object")
    if "error" in document:
        raise Impossible(str(document["error"])[:500])
    return document
