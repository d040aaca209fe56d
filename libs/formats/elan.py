"""ELAN (.eaf, format 3.0): one file a recording, a tier for each speaker or class (`tiers`), an
annotation a segment, milliseconds.

A tier's PARTICIPANT is its speaker. Times of words, scores, attributes, languages and ids have no
place. Reading, annotations without a time of their own (reference tiers) are left out and said; a
slot without a time gets one between its neighbours in TIME_ORDER, as ELAN itself shows it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.lines import files
from libs.formats.reading import each, number, xml_of
from libs.formats.sound import (
    RecordingEncoder,
    sample,
    segment,
    table,
    whole_milliseconds,
)
from libs.formats.source import Source
from libs.formats.tiers import owner, tiers_of

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="1980-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0" \
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
"""
_TAIL = """  <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" \
TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""
_CONTROL = dict.fromkeys(c for c in range(32) if c not in (9, 10, 13))


class ElanEncoder(RecordingEncoder):
    format = "elan"
    suffix = ".eaf"
    held = frozenset({"speaker", "class", "text"})

    def content(self, row: Doc, media: str, segments: Sequence[Doc]) -> str:
        slots: list[int] = []
        tiers = "".join(self._tier(row, *one, slots) for one in tiers_of(segments).items())
        times = "".join(
            f'    <TIME_SLOT TIME_SLOT_ID="ts{i}" TIME_VALUE="{value}"/>\n'
            for i, value in enumerate(slots, 1)
        )
        link = f"    <MEDIA_DESCRIPTOR MEDIA_URL={quoteattr(media)} MIME_TYPE={_mime(media)}/>\n"
        head = f'  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">\n{link}  </HEADER>\n'
        return f"{_HEAD}{head}  <TIME_ORDER>\n{times}  </TIME_ORDER>\n{tiers}{_TAIL}"

    def _tier(self, row: Doc, name: str, segments: Sequence[Doc], slots: list[int]) -> str:
        who = segments[0].get("speaker", "")
        participant = f" PARTICIPANT={quoteattr(self._text(row, who))}" if who else ""
        tier = quoteattr(self._text(row, name))
        made = [f'  <TIER LINGUISTIC_TYPE_REF="default-lt"{participant} TIER_ID={tier}>\n']
        for one in segments:
            slots += whole_milliseconds(one)
            made.append(self._annotation(row, one, len(slots)))
        return "".join([*made, "  </TIER>\n"])

    def _annotation(self, row: Doc, one: Doc, last: int) -> str:
        places = f'TIME_SLOT_REF1="ts{last - 1}" TIME_SLOT_REF2="ts{last}"'
        text = escape(self._text(row, one.get("text", "")), {"\r": "&#13;"})
        return (
            f"    <ANNOTATION>\n"
            f'      <ALIGNABLE_ANNOTATION ANNOTATION_ID="a{last // 2}" {places}>\n'
            f"        <ANNOTATION_VALUE>{text}</ANNOTATION_VALUE>\n"
            f"      </ALIGNABLE_ANNOTATION>\n    </ANNOTATION>\n"
        )

    def _text(self, row: Doc, text: str) -> str:
        kept = text.translate(_CONTROL)
        if kept != text:
            self.tell(row, "XML has no place for control characters")
        return kept


def _mime(media: str) -> str:
    suffix = posixpath.splitext(media)[1].lower()
    return '"audio/x-wav"' if suffix == ".wav" else '"unknown"'


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    return each(files(source, ".eaf"), lambda name: _sample(source, name, schema))


def _sample(source: Source, name: str, schema: Doc) -> Sample:
    root = xml_of(source, name)
    if root.tag != "ANNOTATION_DOCUMENT":
        raise Unfit(f"not ELAN: the root element is {root.tag[:100]}")
    unit = _unit(root)
    slots = _slots(root, unit)
    tiers = root.findall("TIER")
    names = {tier.get("TIER_ID", "") for tier in tiers}
    segments: list[Doc] = []
    left_out = []
    for tier in tiers:
        fields = _fields(tier, names, schema)
        segments += [_segment(one, slots, fields) for one in tier.iter("ALIGNABLE_ANNOTATION")]
        if others := len(list(tier.iter("REF_ANNOTATION"))):
            left_out.append(f"{others} annotations without times of tier {tier.get('TIER_ID')}")
    return sample(posixpath.splitext(name)[0], segments, source, schema, left_out)


def _unit(root: Element) -> float:
    """Milliseconds of one unit of time."""
    header = root.find("HEADER")
    unit = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    known = {"milliseconds": 1.0, "NTSC-frames": 1001 / 30, "PAL-frames": 40.0}
    if unit not in known:
        raise Unfit(f"TIME_UNITS {unit[:50]!r} is not one of {', '.join(known)}")
    return known[unit]


def _slots(root: Element, unit: float) -> dict[str, float]:
    """Seconds of every time slot."""
    given = [(s.get("TIME_SLOT_ID", ""), s.get("TIME_VALUE")) for s in root.iter("TIME_SLOT")]
    times: list[float | None] = [
        None if value is None else number(value, f"time slot {key}") * unit / 1000
        for key, value in given
    ]
    return {key: time for (key, _), time in zip(given, _between(times), strict=True)}


def _between(times: Sequence[float | None]) -> Iterator[float]:
    """Slots without a time lie evenly between their neighbours."""
    before, place = 0.0, 0
    while place < len(times):
        time = times[place]
        if time is not None:
            yield time
            before, place = time, place + 1
            continue
        last = place
        while last < len(times) and times[last] is None:
            last += 1
        after = times[last] if last < len(times) else None
        step = 0.0 if after is None else (after - before) / (last - place + 1)
        yield from (before + step * (i + 1) for i in range(last - place))
        place = last


def _fields(tier: Element, names: set[str], schema: Doc) -> Doc:
    found = owner(tier.get("TIER_ID", ""), names, schema)
    participant = tier.get("PARTICIPANT", "")
    return {**found, "speaker": participant} if participant else found


def _segment(one: Element, slots: dict[str, float], fields: Doc) -> Doc:
    times = []
    for end in ("TIME_SLOT_REF1", "TIME_SLOT_REF2"):
        slot = one.get(end, "")
        if slot not in slots:
            raise Unfit(f"annotation {one.get('ANNOTATION_ID')}: there is no time slot {slot!r}")
        times.append(slots[slot])
    text = one.findtext("ANNOTATION_VALUE", "")
    return segment(*times, **fields, text=text)


FORMATS = table("elan", "elan-{:05}.zip", ElanEncoder, decode)
