"""Labels that are lists: the objects in them, each of which may be a task of its own."""

from __future__ import annotations

from libs.label_validation.checks import Doc

# Field of a value -> where its objects are.
_OBJECTS = {
    "segments": "segments",
    "objects": "objects",
    "boxes": "boxes",
    "spans": "spans",
    "cuboids": "cuboids",
    "tracks": "tracks",
    "cuboid_tracks": "tracks",
    "map": "elements",
}


def listed(value: Doc) -> list[tuple[str, Doc]]:
    """(id, or number where it has none; the value with this object alone) of each object."""
    return [
        (str(one.get("id") or number), {**value, shape: {**inner, _OBJECTS[shape]: [one]}})
        for shape, inner in value.items()
        if shape in _OBJECTS
        for number, one in enumerate(inner.get(_OBJECTS[shape], []))
    ]


def only(value: Doc) -> Doc | None:
    """The object of a value that `listed` gave."""
    found = (inner.get(_OBJECTS.get(shape, ""), []) for shape, inner in value.items())
    return next((one for objects in found for one in objects), None)
