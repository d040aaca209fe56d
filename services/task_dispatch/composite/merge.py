"""Parts put together: one label of the pieces' values, and what cannot be right in it.

`composite` keeps the pieces side by side; `segments` gives the segments of one part the texts and
speakers of others; `regions` the regions their texts and places in the reading order; `fusion`
takes the boxes of the cloud and the objects of the cameras and keeps the links that hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.task_dispatch.composite.split import Key
from services.task_dispatch.domain import Doc

# Speech of a speaker that covers this share of a segment is the segment's.
_MOSTLY = 0.5


@dataclass(frozen=True)
class Clash:
    """Pieces that cannot all be right, why, and the objects at odds."""

    subtasks: tuple[Key, ...]
    reason: str
    objects: tuple[str, ...] = ()

    @property
    def document(self) -> Doc:
        """As `Conflict`."""
        names = [f"{part}/{element}" if element else part for part, element in self.subtasks]
        told = {"objects": list(self.objects)} if self.objects else {}
        return {"parts": names, "reason": self.reason, **told}


Values = Mapping[Key, Doc]


def join(kind: str, parts: Sequence[Doc], values: Values) -> tuple[Doc, list[Clash]]:
    """(value of the item, what is at odds)."""
    value, clashes = _JOINS[kind](parts, values)
    return value, [*_rejected(parts, values), *clashes]


def _rejected(parts: Sequence[Doc], values: Values) -> list[Clash]:
    """What a part's own verdict sends back."""
    made = []
    for part in parts:
        for key, value in _of(values, part["name"]).items():
            said = value.get("choices", {}).get("classes", [])
            if not set(said) & set(part.get("rejects", [])):
                continue
            against = tuple(k for k in values if k[0] in part.get("needs", []))
            made.append(Clash((*against, key), f"{part['name']} says {', '.join(said)}"))
    return made


def _of(values: Values, part: str) -> dict[Key, Doc]:
    return {key: value for key, value in values.items() if key[0] == part}


def _with_shape(parts: Sequence[Doc], shape: str, per: bool = False) -> list[str]:
    """Names of the parts whose labels have a shape, once an item (or once an object)."""
    return [
        p["name"]
        for p in parts
        if p["label_schema"]["shape"] == shape and bool(p.get("per")) == per
    ]


def _composite(parts: Sequence[Doc], values: Values) -> tuple[Doc, list[Clash]]:
    made = [
        {"part": part, **({"element": entry} if entry else {}), "value": value}
        for (part, entry), value in values.items()
    ]
    clashes = [
        clash for part in _with_shape(parts, "fusion") for clash in _dangling(part, values, parts)
    ]
    return {"composite": {"parts": made}}, clashes


# -- sound -------------------------------------------------------------------------------------


def _segments(parts: Sequence[Doc], values: Values) -> tuple[Doc, list[Clash]]:
    """The first part of segments says where they are; the others whose they are."""
    first, *others = _with_shape(parts, "segments")
    segments = [dict(one) for one in values[first, ""].get("segments", {}).get("segments", [])]
    texts = _with_shape(parts, "text", per=True)
    clashes = []
    for number, one in enumerate(segments):
        entry = str(one.get("id") or number)
        for part in texts:
            text = values.get((part, entry), {}).get("text", {}).get("text", "")
            one.update({"text": text} if text else {})
    for part in others:
        clashes += _speakers(segments, part, values[part, ""])
    return {"segments": {"segments": segments}}, clashes


def _speakers(segments: list[Doc], part: str, value: Doc) -> list[Clash]:
    """Each segment is of who speaks in most of it."""
    said = [o for o in value.get("segments", {}).get("segments", []) if o.get("speaker")]
    starts = np.array([one.get("start", 0.0) for one in said])
    ends = np.array([one["end"] for one in said])
    lacking = []
    for number, one in enumerate(segments):
        start, end = one.get("start", 0.0), one["end"]
        both = np.minimum(ends, end) - np.maximum(starts, start)
        shares: dict[str, float] = {}
        for place in np.flatnonzero(both > 0).tolist():
            name = said[place]["speaker"]
            shares[name] = shares.get(name, 0.0) + float(both[place])
        length = end - start
        speaker = max(shares, key=lambda name: shares[name], default="")
        if not speaker or shares[speaker] < _MOSTLY * length:
            lacking.append(str(one.get("id") or number))
        if speaker:
            one["speaker"] = speaker
    if not lacking:
        return []
    reason = f"segments {', '.join(lacking[:20])} have no speaker for most of their time"
    return [Clash(((part, ""),), reason, tuple(lacking))]


# -- images ------------------------------------------------------------------------------------


def _regions(parts: Sequence[Doc], values: Values) -> tuple[Doc, list[Clash]]:
    """The first part of objects says where regions are, the next in which order they are read."""
    first, *others = _with_shape(parts, "objects")
    regions = [dict(one) for one in values[first, ""].get("objects", {}).get("objects", [])]
    entries = [str(one.get("id") or number) for number, one in enumerate(regions)]
    for part in _with_shape(parts, "text", per=True):
        for entry, one in zip(entries, regions, strict=True):
            text = values.get((part, entry), {}).get("text", {}).get("text", "")
            one.update({"text": text} if text else {})
    clashes = []
    for part in others:
        clashes += _order(regions, entries, first, part, values[part, ""])
    return {"objects": {"objects": regions}}, clashes


def _order(
    regions: list[Doc], entries: Sequence[str], first: str, part: str, value: Doc
) -> list[Clash]:
    """Places in the reading order, by id; each region has one, and no two the same."""
    given = value.get("objects", {}).get("objects", [])
    places = {str(o.get("id") or n): o.get("order", 0) for n, o in enumerate(given)}
    for entry, one in zip(entries, regions, strict=True):
        one.update({"order": places[entry]} if places.get(entry) else {})
    numbers = [one.get("order", 0) for one in regions]
    lacking = [e for e, n in zip(entries, numbers, strict=True) if not n]
    twice = [e for e, n in zip(entries, numbers, strict=True) if n and numbers.count(n) > 1]
    made = []
    if lacking:
        reason = f"regions {', '.join(lacking[:20])} have no place in the reading order"
        made.append(Clash(((part, ""),), reason, tuple(lacking)))
    if twice:
        reason = f"regions {', '.join(twice[:20])} share a place in the reading order"
        made.append(Clash(((part, ""),), reason, tuple(twice)))
    if strangers := sorted(places.keys() - set(entries)):
        reason = f"{part} orders regions that {first} does not have: {', '.join(strangers[:20])}"
        made.append(Clash(((first, ""), (part, "")), reason, tuple(strangers)))
    return made


# -- space -------------------------------------------------------------------------------------


def _fusion(parts: Sequence[Doc], values: Values) -> tuple[Doc, list[Clash]]:
    boxes, cameras = _space(parts, values)
    made: Doc = {"cuboids": boxes, "cameras": cameras, "links": []}
    clashes = []
    for part in _with_shape(parts, "fusion"):
        made["links"] += values[part, ""].get("fusion", {}).get("links", [])
        clashes += _dangling(part, values, parts)
    return {"fusion": {name: value for name, value in made.items() if value}}, clashes


def _space(parts: Sequence[Doc], values: Values) -> tuple[Doc, list[Doc]]:
    """(cuboids, objects by camera) of the other parts."""
    boxes: Doc = {}
    for part in _with_shape(parts, "cuboids"):
        boxes = values.get((part, ""), {}).get("cuboids", {})
    cameras = [
        {"camera": entry, "objects": value.get("objects", {}).get("objects", [])}
        for name in _with_shape(parts, "objects", per=True)
        for (_, entry), value in _of(values, name).items()
    ]
    return boxes, cameras


def _dangling(part: str, values: Values, parts: Sequence[Doc]) -> list[Clash]:
    """Links to boxes or objects that the parts they come from do not have."""
    boxes, cameras = _space(parts, values)
    known = {one.get("id", "") for one in boxes.get("cuboids", [])}
    seen = {(c["camera"], one.get("id", "")) for c in cameras for one in c["objects"]}
    links = values.get((part, ""), {}).get("fusion", {}).get("links", [])
    lost = [
        f"{link.get('cuboid', '')} - {link.get('camera', '')} {link.get('object', '')}"
        for link in links
        if link.get("cuboid", "") not in known
        or (link.get("camera", ""), link.get("object", "")) not in seen
    ]
    if not lost:
        return []
    reason = f"links lead to what is not there: {'; '.join(lost[:20])}"
    return [Clash(((part, ""),), reason, tuple(lost))]


_JOINS: dict[str, Callable[[Sequence[Doc], Values], tuple[Doc, list[Clash]]]] = {
    "composite": _composite,
    "segments": _segments,
    "regions": _regions,
    "fusion": _fusion,
}
