"""Does a value fit the template's label schema, and the item it is about?

Shared by intake (known answers, labels of files) and task-dispatch (people's answers). That
numbers are finite and lists bounded was checked before, by the rules of the message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from libs.label_validation import audio, image, language_model, spatial
from libs.label_validation import text as language
from libs.label_validation.checks import Doc, Misfit, check_classes, check_count, check_objects
from libs.label_validation.element_lists import listed, only
from libs.label_validation.prompted import PROMPTED, check_prompted, with_source
from libs.label_validation.within_item import (
    LISTED,
    LISTS,
    NOWHERE,
    Extent,
    check_extent,
    extent_of,
    with_lists,
)

__all__ = [
    "LISTED",
    "LISTS",
    "NOWHERE",
    "PROMPTED",
    "SHAPES",
    "Extent",
    "Misfit",
    "check",
    "check_extent",
    "check_prompted",
    "extent_of",
    "listed",
    "only",
    "with_lists",
    "with_source",
]


def check(
    value: Doc,
    schema: Doc,
    field: str,
    text: str | None = None,
    candidates: Sequence[str] | None = None,
) -> None:
    """Raises `Misfit` unless the value has the schema's shape, classes and limits.

    `text` is the item's text where spans are marked in it, `candidates` are the ids of what is
    compared; None means that it is not known."""
    shape = SHAPES.get(schema["shape"])
    if shape is None:
        raise Misfit(field, f"nothing is known of labels of shape {schema['shape']!r}")
    if shape not in value:
        raise Misfit(field, f"must be of shape {shape}, as the template's labels are")
    path = f"{field}.{shape}"
    if shape == "spans":
        language.check_spans(value[shape], schema, path, text)
    elif shape in _COMPARED:
        _COMPARED[shape](value[shape], schema, path, candidates)
    else:
        _ALONE[shape](value[shape], schema, path)


def _choices(value: Doc, schema: Doc, field: str) -> None:
    classes = value.get("classes", [])
    if schema["shape"] == "choice" and len(classes) != 1:
        raise Misfit(f"{field}.classes", f"exactly one class, not {len(classes)}")
    check_count(len(classes), schema, f"{field}.classes")
    check_classes(classes, schema.get("classes", []), f"{field}.classes")


def _boxes(value: Doc, schema: Doc, field: str) -> None:
    check_objects(value.get("boxes", []), schema, f"{field}.boxes")


def _text(value: Doc, schema: Doc, field: str) -> None:
    """Any text is one, unless the template asks for some."""
    if schema.get("texts") and not value.get("text", "").strip():
        raise Misfit(f"{field}.text", "must not be empty")


def _composite(value: Doc, schema: Doc, field: str) -> None:
    for i, part in enumerate(value.get("parts", [])):
        path, own = f"{field}.parts[{i}]", schema.get("parts", {})
        if "composite" in part.get("value", {}):
            raise Misfit(path, "a part is no composite of parts itself")
        if own and part.get("part", "") not in own:
            words = f"the template has no part {part.get('part', '')[:100]!r}"
            raise Misfit(f"{path}.part", f"{words}; it has {', '.join(own)}")
        if own:
            check(part.get("value", {}), own[part["part"]], f"{path}.value")


# Shapes that need nothing of the item, and those that compare what it offers.
_ALONE: dict[str, Callable[[Doc, Doc, str], None]] = {
    "choices": _choices,
    "boxes": _boxes,
    "text": _text,
    "composite": _composite,
    "objects": image.check_image_objects,
    "tracks": image.check_tracks,
    "segments": audio.check_segments,
    "cuboids": spatial.check_cuboids,
    "points": spatial.check_points,
    "cuboid_tracks": spatial.check_cuboid_tracks,
    "map": spatial.check_map,
    "fusion": spatial.check_fusion,
    "conversation": language_model.check_conversation,
    "rewrite": language_model.check_rewrite,
    "prompt": language_model.check_prompt,
}
_COMPARED: dict[str, Callable[[Doc, Doc, str, Sequence[str] | None], None]] = {
    "ranking": language_model.check_ranking,
    "preference": language_model.check_preference,
    "ratings": language_model.check_ratings,
}
# Shape of a label schema -> field of the value.
SHAPES = {
    "choice": "choices",
    **{shape: shape for shape in (*_ALONE, *_COMPARED, "spans")},
}
