"""Labels of other tools as the template wants them: its classes, its attributes, its geometries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from libs.formats import Doc, Sample
from libs.formats.classes import give_class, only_class
from libs.formats.image import shapes

# Geometries that are drawn of another one's corners, what loses nothing first.
_REDRAWN = ("rect", "rotated", "quad", "polygon")


def fitted(sample: Sample, schema: Doc, classes: Mapping[str, str]) -> Sample:
    """Return the sample as the template wants it, in the file's own names of classes: with a class
    where it has none, drawn as the template draws, without attributes that it does not have."""
    value, usual = sample.value, classes.get("") or only_class(schema)
    if value is not None and usual:
        # A decoder's document is its sample's own: nothing is copied.
        give_class(value, usual)
    if value is not None and schema.get("geometries"):
        value = _redrawn(value, schema["geometries"])
    return _without_attributes(replace(sample, value=value), schema, classes)


def _redrawn(value: Doc, allowed: list[str]) -> Doc:
    """Return the value with objects of four corners drawn as one of these geometries."""
    found = value.get("objects", {}).get("objects")
    if not isinstance(found, list):
        return value
    return {"objects": {**value["objects"], "objects": [_drawn(one, allowed) for one in found]}}


def _drawn(one: Doc, allowed: list[str]) -> Doc:
    kind = next((name for name in _REDRAWN if name in one), "")
    if not kind or kind in allowed:
        return one
    corners = _corners(kind, one[kind])
    rest = {name: held for name, held in one.items() if name != kind}
    turned = shapes.rotated_of(corners, 0.01) if len(corners) == 8 else None
    made: dict[str, Doc | None] = {
        "rotated": turned,
        "quad": {"points": corners} if len(corners) == 8 else None,
        "polygon": shapes.polygon(corners) if corners else None,
    }
    return next(
        ({**rest, name: shape} for name, shape in made.items() if name in allowed and shape), one
    )


def _corners(kind: str, shape: Doc) -> list[float]:
    """Return x, y of each corner in order; nothing where an outline is of several rings."""
    if kind == "rect":
        x, y, width, height = shapes.xywh(shape)
        return [x, y, x + width, y, x + width, y + height, x, y + height]
    if kind == "rotated":
        return shapes.corners(shape)
    if kind == "quad":
        return list(shape["points"])
    rings = shape["rings"]
    return list(rings[0]["points"]) if len(rings) == 1 else []


def renamed(value: Any, classes: Mapping[str, str]) -> Any:
    """A value with its classes called as the template calls them, at any depth."""
    if not classes:
        return value
    if isinstance(value, list):
        return [renamed(one, classes) for one in value]
    if not isinstance(value, dict):
        return value
    made = {k: renamed(v, classes) for k, v in value.items()}
    if isinstance(made.get("class"), str):
        made["class"] = classes.get(made["class"], made["class"])
    if isinstance(made.get("classes"), list):
        mapped = (classes.get(c, c) if isinstance(c, str) else c for c in made["classes"])
        made["classes"] = list(dict.fromkeys(mapped))
    return made


def _without_attributes(sample: Sample, schema: Doc, classes: Mapping[str, str]) -> Sample:
    """Without attributes that the template does not have for a class, as it will be called:
    formats bring whatever somebody asked for."""
    if schema.get("shape") == "composite":
        return sample
    left_out: dict[str, None] = {}

    def known(value: Any, class_: str) -> Any:
        if isinstance(value, list):
            return [known(one, class_) for one in value]
        if not isinstance(value, dict):
            return value
        named = value.get("class")
        class_ = classes.get(named, named) if isinstance(named, str) else class_
        made = {name: known(held, class_) for name, held in value.items() if name != "attributes"}
        held = value.get("attributes") or {}
        rules = (
            r for r in schema.get("attributes", []) if class_ in (r.get("classes") or [class_])
        )
        names = {rule["name"] for rule in rules} & held.keys()
        left_out.update(dict.fromkeys(f"attribute {one[:100]}" for one in held if one not in names))
        return made | ({"attributes": {k: held[k] for k in held if k in names}} if names else {})

    value = known(sample.value, "")
    return replace(sample, value=value, left_out=(*sample.left_out, *left_out))
