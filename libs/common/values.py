"""Does a value fit the template's label schema, and the text it is about?

Shared by intake (known answers) and task-dispatch (people's answers). That numbers are finite
and lists bounded was checked before, by the rules of the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Doc = dict[str, Any]
# Shape of a label schema -> field of the value.
SHAPES = {
    "choice": "choices",
    "choices": "choices",
    "boxes": "boxes",
    "spans": "spans",
    "text": "text",
}


class Misfit(Exception):
    """A value that is no label of the template; `field` is the path at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


def check(value: Doc, schema: Doc, field: str, text: str | None = None) -> None:
    """Raises `Misfit` unless the value has the schema's shape, classes and limits.

    `text` is the item's text where spans are marked in it."""
    shape = SHAPES[schema["shape"]]
    if shape not in value:
        raise Misfit(field, f"must be of shape {shape}, as the template's labels are")
    classes = _classes_of(value, shape)
    if schema["shape"] == "choice" and len(classes) != 1:
        raise Misfit(f"{field}.choices.classes", f"exactly one class, not {len(classes)}")
    most = schema.get("max_objects") or 0
    if most and len(classes) > most:
        raise Misfit(f"{field}.{shape}", f"{len(classes)} of at most {most}; leave some out")
    _check_classes(classes, schema.get("classes", []), field)
    if shape == "spans":
        _check_spans(value["spans"].get("spans", []), f"{field}.spans.spans", text)


def _classes_of(value: Doc, shape: str) -> list[str]:
    if shape == "choices":
        return list(value["choices"].get("classes", []))
    return [one.get("class", "") for one in value[shape].get(shape, [])] if shape != "text" else []


def _check_classes(classes: Sequence[str], known: Sequence[str], field: str) -> None:
    names = frozenset(known)
    for one in classes:
        if one not in names:
            raise Misfit(field, f"unknown class {one[:100]!r}; there are {', '.join(known)[:500]}")


def _check_spans(spans: Sequence[Doc], field: str, text: str | None) -> None:
    for i, span in enumerate(spans):
        start, end = span.get("start", 0), span.get("end", 0)
        if not 0 <= start < end:
            words = f"goes from {start} to {end}; start must be 0 or more, and end above start"
            raise Misfit(f"{field}[{i}]", words)
        if text is not None and end > len(text):
            words = (
                f"goes from {start} to {end}, and the text has {len(text)} characters; places"
                " count Unicode characters from 0, and end is the one after the last"
            )
            raise Misfit(f"{field}[{i}]", words)
