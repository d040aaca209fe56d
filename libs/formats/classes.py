"""Classes of what has none: formats such as RTTM and SRT have no place for them."""

from __future__ import annotations

from libs.formats import Doc

# Lists of a value whose parts have a class each.
_WITH_CLASS = frozenset(("boxes", "objects", "spans", "segments", "tracks", "cuboids", "elements"))


def names_of(schema: Doc) -> list[str]:
    """Return every class that a file may name: the template's, and those that the request calls
    otherwise (`file_classes`). Numbers of classes count in the template's alone."""
    return [*schema.get("classes", ()), *schema.get("file_classes", ())]


def only_class(schema: Doc) -> str:
    """Return the template's class where it has one only, else nothing."""
    known = list(schema.get("classes", ()))
    return str(known[0]) if len(known) == 1 else ""


def give_class(value: Doc, usual: str) -> None:
    """Give each of the value's parts that has no class the usual one, in place."""
    for held in value.values():
        if not isinstance(held, dict):
            continue
        for name, found in held.items():
            if name in _WITH_CLASS and isinstance(found, list):
                for one in found:
                    if not one.get("class"):
                        one["class"] = usual
