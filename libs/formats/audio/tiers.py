"""Segments as tiers of TextGrid and ELAN: a tier for each speaker and class, in which nothing may
overlap, so that a second tier `NAME (2)` takes what does.

A tier's name is the speaker, the class, or `SPEAKER / CLASS`. Read, a name that is one of the
template's classes is a class, any other a speaker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from libs.formats import Doc
from libs.formats.audio.recordings import span
from libs.formats.classes import names_of

NAMELESS = "segments"
WORDS, PHONES = " - words", " - phones"
_ALIGNED = re.compile(r"(.*?)(?:(?:^| - )(words?|phones?|phonemes?))", re.IGNORECASE | re.DOTALL)
_BETWEEN = " / "
_MORE = re.compile(r"(.+) \((\d+)\)")


def aligned(name: str) -> tuple[str, str] | None:
    """Return the speaker's tier, empty where none is named, and `WORDS` or `PHONES` of a tier that
    a forced aligner made; None for another."""
    match = _ALIGNED.fullmatch(name.strip())
    if match is None:
        return None
    return match[1], WORDS if match[2].lower().startswith("word") else PHONES


def nothing_said(name: str) -> str:
    """Return the label of a segment without a text in a tier of this name: an empty one would be
    silence to Praat, and the bare name may be a word."""
    return f"<{name}>"


def tier_name(one: Doc) -> str:
    named = [n for n in (one.get("speaker", ""), one.get("class", "")) if n]
    return _BETWEEN.join(named) or NAMELESS


def tiers_of(segments: Sequence[Doc]) -> dict[str, list[Doc]]:
    """Segments, sorted by their beginnings, by tier."""
    tiers: dict[str, list[Doc]] = {}
    for one in segments:
        name = base = tier_name(one)
        number = 1
        while name in tiers and span(tiers[name][-1])[1] > span(one)[0]:
            number += 1
            name = f"{base} ({number})"
        tiers.setdefault(name, []).append(one)
    return tiers


def owner(name: str, names: Iterable[str], schema: Doc) -> Doc:
    """Speaker and class that a tier's name tells, the fields of its segments."""
    more = _MORE.fullmatch(name)
    if more and more[1] in names:
        name = more[1]
    classes = names_of(schema)
    if name == NAMELESS or not name:
        return {}
    if name in classes:
        return {"class": name}
    speaker, between, class_ = name.rpartition(_BETWEEN)
    if between and class_ in classes:
        return {"speaker": speaker, "class": class_}
    return {"speaker": name}
