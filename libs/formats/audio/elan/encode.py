"""ELAN (.eaf, format 3.0): one file a recording, a tier for each speaker or class (`tiers`), an
annotation a segment, milliseconds.

A tier's PARTICIPANT is its speaker. Times of words, scores, attributes, languages and ids have no
place.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from libs.formats import Doc
from libs.formats.audio.elan.decode import decode
from libs.formats.audio.recordings import RecordingEncoder, table, whole_milliseconds
from libs.formats.audio.tiers import tiers_of

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


FORMATS = table("elan", "elan-{:05}.zip", ElanEncoder, decode)
