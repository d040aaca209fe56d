"""Parts of an item: which pieces of work there are now, and what has become of those there were.

Pure decisions over the template's parts, the item's data and the labels settled so far. A part
whose needed parts are all settled has one piece, or one an entry of a list in the data, or one an
object of a needed part's label; a part is settled once all of its pieces are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from libs import label_validation
from services.task_dispatch.domain import Doc

# (part, entry): names a piece among those of its item.
Key = tuple[str, str]
# What of an entry of a list is the part's own data.
_MEDIA = {"sweeps": "cloud", "cameras": "image", "conversation": "content"}


@dataclass(frozen=True)
class Piece:
    """A piece of work: what it shows of the item, and the labels it stands on (`Composite`)."""

    part: str
    element: str
    data: Doc
    inputs: Doc

    @property
    def key(self) -> Key:
        return self.part, self.element


@dataclass(frozen=True)
class Pieces:
    """Those there are to be by now, the parts that could be told, and whether all are settled."""

    wanted: list[Piece]
    told: set[str]
    complete: bool


def pieces(
    parts: Sequence[Doc], fields: Sequence[Doc], data: Doc, settled: Mapping[Key, Doc]
) -> Pieces:
    """Of an item; `settled` are values by piece."""
    made: list[Piece] = []
    done: dict[str, list[Doc]] = {}
    told: set[str] = set()
    for part in _in_order(parts):
        needs = part.get("needs", [])
        if not all(name in done for name in needs):
            continue
        inputs = [one for name in needs for one in done[name]]
        own = list(_pieces_of(part, fields, data, inputs))
        made += own
        told.add(part["name"])
        if all(piece.key in settled for piece in own):
            done[part["name"]] = [_value(piece.key, settled[piece.key]) for piece in own]
    return Pieces(made, told, len(done) == len(parts))


def _value(key: Key, value: Doc) -> Doc:
    entry = {"element": key[1]} if key[1] else {}
    return {"part": key[0], **entry, "value": value}


def _in_order(parts: Sequence[Doc]) -> list[Doc]:
    """Each behind those it needs (the template has no cycles)."""
    made: list[Doc] = []
    names: set[str] = set()
    while len(made) < len(parts):
        ready = [
            p for p in parts if p["name"] not in names and names.issuperset(p.get("needs", []))
        ]
        made += ready
        names |= {p["name"] for p in ready}
    return made


def _pieces_of(
    part: Doc, fields: Sequence[Doc], data: Doc, inputs: Sequence[Doc]
) -> Iterator[Piece]:
    shown = {k: v for k, v in data.items() if k in part.get("shows", ()) or not part.get("shows")}
    per, known = part.get("per", ""), {"parts": list(inputs)} if inputs else {}
    if not per:
        yield Piece(part["name"], "", shown, known)
        return
    types = {f["name"]: f["type"] for f in fields}
    if per in types:
        for entry, one in _entries(data.get(per), types[per]):
            yield Piece(part["name"], entry, {**shown, per: one}, known)
        return
    for entry, one in _objects(inputs, per):
        # Of that part this object alone: what becomes of others is nothing to this piece.
        others = [other for other in inputs if other["part"] != per]
        yield Piece(part["name"], entry, shown, {"parts": [one, *others]})


def _objects(inputs: Sequence[Doc], per: str) -> Iterator[tuple[str, Doc]]:
    """(entry, the part's label with this object alone) of each object; of a part that itself goes
    over entries, each within its own."""
    for one in inputs:
        if one["part"] != per:
            continue
        within = f"{one['element']}." if "element" in one else ""
        for name, value in label_validation.listed(one["value"]):
            yield within + name, {**one, "value": value}


def _entries(given: Any, type_: str) -> Iterator[tuple[str, Any]]:
    """(name or number, its medium or text) of a list's entries."""
    for number, one in enumerate(given if isinstance(given, list) else []):
        if not isinstance(one, dict):
            yield str(number), one
            continue
        entry = str(one.get("name") or one.get("id") or number)
        key = _MEDIA.get(type_) or ("image" if "image" in one else "text")
        yield entry, one.get(key, "")
