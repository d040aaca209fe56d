"""A row of a table or a line of JSON as a sample: ours, with everything a label has, or a simple
one of other tools, with a text and its class or classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from libs.formats import ANY, Doc, Sample, Unfit
from libs.formats.shapes import plain

_KEYS = ("source_key", "key", "id", "guid", "task")
_TEXTS = ("text", "sentence", "content", "utterance", "question")
_LABELS = ("classes", "class", "label", "labels", "category", "intent")
_KNOWN = {"task", "item", "source", "accept_time"}


def sample(row: Mapping[str, Any], key: str, schema: Doc) -> Sample:
    """`key` is for a row that names none. Raises `Unfit`."""
    named = next((str(row[k]) for k in _KEYS if row.get(k) not in (None, "")), key)
    metadata = {k: str(row[k]) for k in sorted(_KNOWN) if row.get(k)}
    if "value" in row:
        return Sample(named, checked(row["value"]), data_of(row.get("data")), metadata=metadata)
    return _simple(row, named, schema)


def checked(value: Any) -> Doc:
    """A document of `annotation.v1.Value`, or the JSON text of one; raises `Unfit`."""
    if isinstance(value, str):
        value = _parsed(value, "value")
    if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= ANY:
        raise Unfit(f"value: an object with one of {', '.join(sorted(ANY))} wanted")
    (shape,) = value.values()
    if not isinstance(shape, dict):
        raise Unfit("value: its shape is not an object")
    return value


def data_of(data: Any) -> Doc:
    """Data fields by name, from an object or its JSON text; raises `Unfit`."""
    if isinstance(data, str):
        data = _parsed(data, "data") if data else {}
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise Unfit("data: an object wanted")
    return data


def _parsed(text: str, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unfit(f"{what}: not JSON: {error}") from error


def _simple(row: Mapping[str, Any], key: str, schema: Doc) -> Sample:
    text = next((row[k] for k in _TEXTS if isinstance(row.get(k), str)), None)
    label = next((row[k] for k in _LABELS if row.get(k) not in (None, "")), None)
    if not text:
        raise Unfit(f"no text; columns are {', '.join(map(str, row))[:200]}")
    if label is None:
        return Sample(key, None, {"text": text}, left_out=("a text without a label",))
    names = label if isinstance(label, list) else [label]
    if not all(isinstance(n, (str, int)) for n in names):
        raise Unfit("label: a class or a list of classes wanted")
    numbered = [_class(n, schema.get("classes", ())) for n in names]
    return Sample(key, {"choices": plain(classes=list(dict.fromkeys(numbered)))}, {"text": text})


def _class(name: str | int, classes: Any) -> str:
    """Some files have numbers of classes, from 0."""
    if isinstance(name, str):
        return name
    if not 0 <= name < len(classes):
        raise Unfit(f"class {name}; the template has {len(classes)} classes, numbered from 0")
    return str(classes[name])
