"""Can the export formats hold a template's labels, and is its example one that people may give?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libs import label_validation
from libs.formats.registry import MODULES, format_of
from services.template.label_shapes import KINDS
from services.template.validation import Unfit

Doc = dict[str, Any]


def check_exports(exports: Sequence[str], shape: str) -> None:
    """Raises `Unfit` unless every format is known and holds labels of the shape."""
    value = KINDS[shape].value
    for name in exports:
        if name not in MODULES:
            raise Unfit("exports", f"unknown format {name[:100]!r}; there are {', '.join(MODULES)}")
        holds = format_of(name).shapes
        if value not in holds:
            words = f"{name} holds {', '.join(sorted(holds))}; this template labels {shape}"
            raise Unfit("exports", words)


def check_example(parsed: Doc) -> None:
    """The example has the required fields, and a label that fits; its parts fit their own."""
    example = parsed["example"]
    data, label = example["data"], example["label"]
    for field in parsed["data_fields"]:
        if field.get("required") and field["name"] not in data:
            raise Unfit(f"example.data.{field['name']}", "missing; the template requires it")
    schema = label_validation.with_source(parsed["label_schema"], parsed.get("assists", []))
    _check_value(label, schema, parsed["data_fields"], data, "example.label")
    parts = {p["name"]: p["label_schema"] for p in parsed.get("parts", [])}
    for i, part in enumerate(label.get("composite", {}).get("parts", [])):
        path = f"example.label.composite.parts[{i}]"
        if part.get("part") not in parts:
            raise Unfit(f"{path}.part", f"unknown part; there are {', '.join(parts)}")
        _check_value(part["value"], parts[part["part"]], parsed["data_fields"], data, path)


def _check_value(value: Doc, schema: Doc, fields: Sequence[Doc], data: Doc, path: str) -> None:
    """The value fits the schema, its spans the text and its candidates those of the item."""
    text = next((data.get(f["name"]) for f in fields if f["type"] == "text"), None)
    offered = next((data.get(f["name"]) for f in fields if f["type"] == "candidates"), None)
    ids = None if offered is None else [one["id"] for one in offered]
    try:
        label_validation.check(value, schema, path, text, ids)
        types = {one["name"]: one["type"] for one in fields}
        label_validation.check_prompted(value, schema, path, data, types)
    except label_validation.Misfit as misfit:
        raise Unfit(misfit.field, misfit.message) from misfit
