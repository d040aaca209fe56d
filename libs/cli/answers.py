"""What the simulated annotator of `template try` answers: the example's own label, cut up where
the item is worked in parts, and made up from the template where the example says nothing."""

from __future__ import annotations

import json
from typing import Any

from libs.cli import samples

Doc = dict[str, Any]
# What was answered last, by part and entry; of a whole item under two empty names.
Given = dict[tuple[str, str], Doc]
_EXAMPLE = "example:"


def example_of(template: Doc) -> Doc:
    """{data, label} of a template, its media made; raises `ValueError` where there is none."""
    if not template.get("example"):
        raise ValueError("the template has no example; add one to its definition")
    found = json.loads(template["example"])
    return {"data": with_media(found["data"]), "label": found["label"]}


def with_media(value: Any) -> Any:
    """The data with every `example:NAME` as a data: URI."""
    if isinstance(value, dict):
        return {k: with_media(v) for k, v in value.items()}
    if isinstance(value, list):
        return [with_media(v) for v in value]
    if isinstance(value, str) and value.startswith(_EXAMPLE):
        try:
            return samples.reference(value.removeprefix(_EXAMPLE))
        except KeyError as error:
            known = ", ".join(samples.names())
            raise ValueError(f"there is no {value!r}; there are {known}") from error
    return value


def answer(template: Doc, label: Doc, held: Doc) -> Doc:
    """The value for an assignment, of the whole or of a part."""
    name, entry = held.get("part", ""), held.get("element", "")
    if not name:
        return label
    part = next((p for p in template["parts"] if p["name"] == name), None)
    if part is None:
        raise ValueError(f"the template has no part {name!r}")
    for one in label.get("composite", {}).get("parts", []):
        if one["part"] == name and one.get("element", "") == entry:
            return dict(one["value"])
    inputs = [one["value"] for one in (held.get("inputs") or {}).get("parts", [])]
    return _cut(part, entry, label) or _made_up(part["label_schema"], inputs, held)


def expected(template: Doc, label: Doc, given: Given) -> Doc:
    """The item's label where everything goes well: what was answered, put together."""
    join = template.get("join", "")
    if join == "composite":
        pieces = [(part, entry, value) for (part, entry), value in given.items() if part]
        made = [
            {"part": part, **({"element": entry} if entry else {}), "value": value}
            for part, entry, value in pieces
        ]
        return {"composite": {"parts": made}}
    if join == "regions":
        found = label["objects"]["objects"]
        return {"objects": {"objects": [{**one, "order": n} for n, one in enumerate(found, 1)]}}
    return label


def _cut(part: Doc, entry: str, label: Doc) -> Doc:
    """The part's share of a label of segments or regions."""
    shape = "segments" if "segments" in label else "objects"
    found = label.get(shape, {}).get(shape, [])
    if not found:
        return {}
    if part["label_schema"]["shape"] == "text":
        named = {str(one.get("id") or n): one for n, one in enumerate(found)}
        return {"text": {"text": named[entry].get("text", "")}}
    if shape == "segments":
        keys = ("start", "end", "speaker") if part.get("needs") else ("start", "end")
        return {shape: {shape: [{k: o[k] for k in keys if k in o} for o in found]}}
    kept = [{k: v for k, v in one.items() if k not in ("text", "order")} for one in found]
    if part.get("needs"):
        kept = [{**one, "order": n} for n, one in enumerate(kept, 1)]
    return {shape: {shape: kept}}


def _made_up(schema: Doc, inputs: list[Doc], held: Doc) -> Doc:
    """Something that fits: the first class, links between the first things, an empty map."""
    shape = schema["shape"]
    if shape in ("choice", "choices"):
        return {"choices": {"classes": schema["classes"][:1]}}
    if shape == "text":
        return {"text": {"text": "as an example"}}
    if shape == "fusion":
        return {"fusion": _linked(inputs, held)}
    frame = {"frame": schema["frame"]} if schema.get("frame") else {}
    return {shape: frame}


def _linked(inputs: list[Doc], held: Doc) -> Doc:
    made: Doc = {"cameras": [], "links": []}
    parts = (held.get("inputs") or {}).get("parts", [])
    for one in parts:
        value = one["value"]
        if "cuboids" in value:
            made["cuboids"] = value["cuboids"]
        if "objects" in value:
            made["cameras"].append(
                {"camera": one["element"], "objects": value["objects"]["objects"]}
            )
    boxes = made.get("cuboids", {}).get("cuboids", [])
    for camera in made["cameras"]:
        for box, thing in zip(boxes, camera["objects"], strict=False):
            ends = {"cuboid": box["id"], "camera": camera["camera"], "object": thing["id"]}
            made["links"].append(ends)
    return {name: value for name, value in made.items() if value}
