"""Reads ELAN (.eaf) as its format says ("EAF Annotation Format", MPI for Psycholinguistics).

Slots without a time divide evenly the stretch between the slots with one that their chain of
annotations begins and ends at: so a time subdivision divides its parent's interval. Annotations
without slots take their parent's interval (symbolic association) or an even part of it (symbolic
subdivision). `TIME_ORIGIN` is where in the recording the annotations' time 0 lies. The recording is
the one that the file links to. An annotation that cannot be is a fault, and the rest goes on.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.audio.recordings import DECIMALS, SUFFIXES, recording_of, sample, segment
from libs.formats.audio.tiers import aligned, owner
from libs.formats.classes import names_of
from libs.formats.decoding import number, xml_of
from libs.formats.paths import Found
from libs.formats.records import files
from libs.formats.source import Source

_UNITS = {"milliseconds": 1.0, "NTSC-frames": 1001 / 30, "PAL-frames": 40.0}
# Annotations that may stand in a chain of parents.
_DEPTH = 50

Interval = tuple[float, float]


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for name in files(source, ".eaf"):
        try:
            yield from _read(source, name, schema)
        except Unfit as unfit:
            yield Fault(name, str(unfit))


def _read(source: Source, name: str, schema: Doc) -> Iterator[Sample | Fault]:
    root = xml_of(source, name)
    if root.tag != "ANNOTATION_DOCUMENT":
        raise Unfit(f"not ELAN: the root element is {root.tag[:100]}")
    file, origin = _recording(root, source, name)
    document = _Document(root)
    segments: list[Doc] = []
    partial = False
    names = {tier.get("TIER_ID", "") for tier in document.tiers}
    for tier in document.tiers:
        fields = document.fields(tier, names, schema)
        for key, interval, text in document.annotations(tier):
            try:
                if isinstance(interval, Unfit):
                    raise interval
                start, end = (round(time + origin, DECIMALS) for time in interval)
                segments.append(segment(start, end, **fields, text=text))
            except Unfit as unfit:
                partial = True
                yield Fault(f"{name} annotation {key[:100]}", str(unfit))
    key = posixpath.splitext(name)[0]
    yield sample(key, segments, source, schema, document.left_out, file, name, partial)


def _recording(root: Element, source: Source, name: str) -> tuple[Found, float]:
    """Return the recording that the file links to, or the one of its own name where it links to
    none, and its time origin in seconds. Raise `Unfit`."""
    links = [
        (link, _origin(one))
        for one in root.iter("MEDIA_DESCRIPTOR")
        for link in (one.get("RELATIVE_MEDIA_URL", ""), one.get("MEDIA_URL", ""))
        if link
    ]
    sounds = [one for one in links if one[0].lower().endswith(SUFFIXES)] or links
    found = [(recording_of(link, source, name), origin) for link, origin in sounds]
    if not found:
        return recording_of(posixpath.splitext(name)[0], source, name), 0.0
    return next((one for one in found if one[0].name), found[0])


def _origin(descriptor: Element) -> float:
    return number(descriptor.get("TIME_ORIGIN") or 0, "TIME_ORIGIN") / 1000


@dataclass
class _Slots:
    """Seconds of time slots; those without a time are in none."""

    seconds: dict[str, float] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    def spread(self, chain: Sequence[str]) -> None:
        """Give times to the slots of a chain that lie between two with one."""
        before = 0
        for place, slot in enumerate(chain):
            if slot not in self.seconds:
                continue
            first, last = self.seconds.get(chain[before], 0.0), self.seconds[slot]
            if chain[before] in self.seconds:
                step = (last - first) / max(1, place - before)
                for i in range(before + 1, place):
                    self.seconds[chain[i]] = first + step * (i - before)
            before = place

    def interval(self, annotation: Element) -> Interval | Unfit:
        times = []
        for end in ("TIME_SLOT_REF1", "TIME_SLOT_REF2"):
            slot = annotation.get(end, "")
            if slot not in self.known:
                return Unfit(f"there is no time slot {slot[:50]!r}")
            if slot not in self.seconds:
                return Unfit(f"time slot {slot[:50]!r} has no time, nor have those around it")
            times.append(self.seconds[slot])
        return times[0], times[1]


class _Document:
    """Tiers, parents first, and the times of their annotations."""

    def __init__(self, root: Element) -> None:
        self.left_out: list[str] = []
        self._by_id = {tier.get("TIER_ID", ""): tier for tier in root.findall("TIER")}
        self.tiers = sorted(root.findall("TIER"), key=self._depth)
        self._types = {
            one.get("LINGUISTIC_TYPE_ID", ""): one.get("CONSTRAINTS", "")
            for one in root.iter("LINGUISTIC_TYPE")
        }
        self._slots = _read_slots(root)
        # Where an annotation lies, by its id; parents stand here before their children.
        self._places: dict[str, Interval | Unfit] = {}
        self._lies: dict[Element, Interval | Unfit] = {}
        for tier in self.tiers:
            self._place_aligned(tier)
            self._place_referring(tier)

    def annotations(self, tier: Element) -> Iterator[tuple[str, Interval | Unfit, str]]:
        """Yield id, where it lies in seconds or why that is not known, and text."""
        for one in tier.iter():
            if one.tag in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION"):
                place = self._lies[one]
                yield one.get("ANNOTATION_ID", ""), place, one.findtext("ANNOTATION_VALUE", "")

    def fields(self, tier: Element, names: set[str], schema: Doc) -> Doc:
        """Return speaker and class. The tiers `words` and `phones` of aligners are no speakers:
        they have their parent's."""
        name, participant = tier.get("TIER_ID", ""), tier.get("PARTICIPANT", "")
        part = aligned(name) if name not in names_of(schema) else None
        found = owner(name if part is None else part[0], names, schema)
        if part is not None and not part[0] and not participant:
            parent = self._by_id.get(tier.get("PARENT_REF", ""))
            known = parent is not None and self._depth(parent) < self._depth(tier)
            return self.fields(parent, names, schema) if parent is not None and known else {}
        return {**found, "speaker": participant} if participant else found

    def _depth(self, tier: Element) -> int:
        """Return how many parents a tier has; raise `Unfit` where they go in a circle."""
        depth, at = 0, tier.get("PARENT_REF", "")
        while at in self._by_id:
            depth, at = depth + 1, self._by_id[at].get("PARENT_REF", "")
            if depth > _DEPTH:
                raise Unfit(f"tier {tier.get('TIER_ID', '')[:100]!r} has itself for a parent")
        return depth

    def _place_aligned(self, tier: Element) -> None:
        chain: list[str] = []
        found = list(tier.iter("ALIGNABLE_ANNOTATION"))
        for one in found:
            first, last = one.get("TIME_SLOT_REF1", ""), one.get("TIME_SLOT_REF2", "")
            if not chain or chain[-1] != first:
                self._slots.spread(chain)
                chain = [first]
            chain.append(last)
        self._slots.spread(chain)
        for one in found:
            place = self._slots.interval(one)
            self._places[one.get("ANNOTATION_ID", "")] = self._lies[one] = place

    def _place_referring(self, tier: Element) -> None:
        """Place what refers to annotations of the parent tier."""
        children: dict[str, list[Element]] = defaultdict(list)
        for one in tier.iter("REF_ANNOTATION"):
            children[one.get("ANNOTATION_REF", "")].append(one)
        constraint = self._types.get(tier.get("LINGUISTIC_TYPE_REF", ""), "")
        divided = constraint != "Symbolic_Association"
        for parent, found in children.items():
            place = self._places.get(parent, Unfit(f"there is no annotation {parent[:50]!r}"))
            for number_, one in enumerate(_ordered(found)):
                part = _part(place, number_, len(found)) if divided else place
                self._places[one.get("ANNOTATION_ID", "")] = self._lies[one] = part


def _read_slots(root: Element) -> _Slots:
    header = root.find("HEADER")
    unit = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if unit not in _UNITS:
        raise Unfit(f"TIME_UNITS {unit[:50]!r} is not one of {', '.join(_UNITS)}")
    slots = _Slots()
    for one in root.iter("TIME_SLOT"):
        key, value = one.get("TIME_SLOT_ID", ""), one.get("TIME_VALUE")
        try:
            if value is not None:
                slots.seconds[key] = number(value, key) * _UNITS[unit] / 1000
            slots.known.add(key)
        except Unfit:
            # Its annotations are told one by one.
            continue
    return slots


def _ordered(found: list[Element]) -> list[Element]:
    """Return annotations of one parent in the order that PREVIOUS_ANNOTATION tells."""
    following = {one.get("PREVIOUS_ANNOTATION", ""): one for one in found}
    made: list[Element] = []
    at = following.get("")
    while at is not None and len(made) < len(found):
        made.append(at)
        at = following.get(at.get("ANNOTATION_ID", ""))
    return made if len(made) == len(found) else found


def _part(place: Interval | Unfit, number_: int, count: int) -> Interval | Unfit:
    if isinstance(place, Unfit):
        return place
    start, step = place[0], (place[1] - place[0]) / count
    return start + step * number_, start + step * (number_ + 1)
