"""A row of a table or a line of JSON as a sample: ours, with everything a label has, or a simple
one of other tools, with a text and its class or classes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import orjson

from libs.formats import ANY, Doc, Sample, Unfit
from libs.formats.classes import names_of
from libs.formats.decoding import id_of, mark, whole
from libs.formats.image.shapes import plain
from libs.formats.source import Source
from libs.formats.tabular.embedded_media import Carried, carried

_KEYS = ("source_key", "key", "id", "guid", "task")
_TEXTS = ("text", "sentence", "content", "utterance", "question")
LABELS = ("classes", "class", "label", "labels", "category", "intent")
# The name of what `label` gives the number of (SetFit and others).
_NAMED = "label_text"
NO_LABEL = "a text without a label"
# Types of data fields whose cells are lists.
_LISTS = frozenset(("conversation", "candidates"))
_KNOWN = {"task", "item", "source", "accept_time"}


def sample(
    row: Mapping[str, Any], key: str, schema: Doc, files: Source | None = None, near: str = ""
) -> Sample:
    """Return the sample of a row; `key` is for one that names none, `files` may hold the media that
    it names `near` its own file. Raise `Unfit`."""
    named = next((id_of(row[k]) for k in _KEYS if row.get(k) not in (None, "")), "")
    metadata = {k: str(row[k]) for k in sorted(_KNOWN) if row.get(k)}
    if "value" in row:
        value, data = checked(row["value"]), data_of(row.get("data"))
        return Sample(named or key, value, data, metadata=metadata)
    held = carried(row, files, near)
    return _simple(row, named or held.name or key, schema, held)


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


def _simple(row: Mapping[str, Any], key: str, schema: Doc, held: Carried) -> Sample:
    texts: tuple[str, ...] = _TEXTS
    data: Doc = {}
    if about := schema.get("fields"):
        texts = (*(f["name"] for f in about if f["type"] == "text"), *_TEXTS)
        lists = [f["name"] for f in about if f["type"] in _LISTS]
        data = {name: _listed(row[name], name) for name in lists if row.get(name)}
    text = next((row[k] for k in texts if isinstance(row.get(k), str)), "")
    if not (text or data or held.name):
        raise Unfit(f"no text; columns are {', '.join(map(str, row))[:200]}")
    found = _label(row, schema)
    value: Doc | None = None
    if found is not None:
        value = {"choices": plain(classes=list(dict.fromkeys(found)))}
    elif text and held.name and schema.get("shape") == "text":
        # What is said in a recording, or what a picture shows.
        value, text = {"text": {"text": text}}, ""
    if text:
        data["text"] = text
    told = (NO_LABEL,) if value is None else ()
    data.update(held.data)
    return Sample(key, value, data, held.media, left_out=told, absent=held.absent)


def _listed(cell: Any, what: str) -> Any:
    return _parsed(cell, what) if isinstance(cell, str) else cell


def _label(row: Mapping[str, Any], schema: Doc) -> list[str] | None:
    """Return the classes of a row; None if it has no label. Raise `Unfit`."""
    label = next((row[k] for k in LABELS if row.get(k) not in (None, "")), None)
    if (said := row.get(_NAMED)) and _is_number(label):
        # Of a number and its name the name counts: whose order the number follows nobody says.
        return [str(said)]
    classes = schema.get("classes", ())
    if type(label) is str and label != "-1":
        return [_written(label, names_of(schema))]
    classes = list(classes)
    if label is None:
        # A column of marks for each class.
        named = names_of(schema)
        marked = {c: row[c] for c in named if row.get(c) not in (None, "")}
        return [c for c, on in marked.items() if mark(on, str(c))] if marked else None
    names = label if isinstance(label, list) else [label]
    if not all(isinstance(n, (str, int, float)) for n in names):
        raise Unfit("label: a class or a list of classes wanted")
    if not isinstance(label, list):
        # What `datasets` writes where there is no label.
        return None if label in (-1, "-1") else [_class(label, classes)]
    if any(isinstance(n, (int, float)) for n in label) and _are_marks(label, classes):
        return [c for c, on in zip(classes, label, strict=True) if mark(on, str(c))]
    return [_class(n, classes) for n in label]


def _is_number(label: Any) -> bool:
    return isinstance(label, (int, float)) or (isinstance(label, str) and label.isdigit())


def _written(label: str, classes: Collection[str]) -> str:
    """Return a class as the template writes it: beside an empty cell tables turn 1 into 1.0."""
    bare = label.removesuffix(".0")
    return bare if label not in classes and bare in classes else label


def _are_marks(label: list[Any], classes: list[str]) -> bool:
    """Is a list of numbers a mark for each class, and not the numbers of classes? Raise `Unfit`
    where it may be either."""
    may = len(label) == len(classes) and all(n in (0, 1) for n in label)
    twice = len({*label}) < len(label)
    if may and not twice and not isinstance(label[0], bool):
        raise Unfit(f"label: {label} may be numbers of classes or marks of each; write the names")
    if twice and not may:
        raise Unfit(f"label: {str(label)[:50]} names a class twice")
    return may


def _class(name: Any, classes: list[str]) -> str:
    """Return a class's name; some files have numbers of classes, from 0. Raise `Unfit`."""
    if isinstance(name, str):
        return name
    if isinstance(name, bool):
        # A name as others: the request says which class it is, or it is none of the template's.
        return str(name).lower()
    place = whole(name, "label")
    if not 0 <= place < len(classes):
        raise Unfit(f"class {place}; the template has {len(classes)} classes, numbered from 0")
    return str(classes[place])
