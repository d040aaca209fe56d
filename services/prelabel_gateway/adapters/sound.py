"""Drafts about recordings: where somebody speaks, who, and what is said."""

from __future__ import annotations

from services.prelabel_gateway.adapters.answers import (
    Adapter,
    all_finite,
    drafted,
    give_media,
    least_score,
    named,
)
from services.prelabel_gateway.domain import Doc, Impossible

# Seconds of the server for one recording: the hour that a model reads at most takes about this.
_PATIENCE = 120.0


def segments(document: Doc, schema: Doc) -> Doc:
    """Stretches of time, of the template's classes where it has some."""
    found = named(document["value"]["segments"].get("segments", []), schema)
    for one in found:
        if not 0 <= one.get("start", 0.0) < one["end"]:
            raise Impossible(f"a segment from {one.get('start', 0.0)} s to {one['end']} s")
    return drafted("segments", "segments", found)


def transcription(document: Doc, schema: Doc) -> Doc:
    """Segments with their words, or the words alone where the template asks for text."""
    if schema.get("shape") != "text":
        return segments(document, schema)
    spoken = document["value"]["segments"].get("segments", [])
    all_finite(spoken)
    text = " ".join(words for one in spoken if (words := one.get("text", "").strip()))
    if not text:
        raise Impossible("no speech was found")
    return {"value": {"text": {"text": text}}, "score": least_score(spoken)}


ADAPTERS = {
    "voice-activity": Adapter(give_media, segments, _PATIENCE),
    "transcription": Adapter(give_media, transcription, _PATIENCE),
    "speakers": Adapter(give_media, segments, _PATIENCE),
}
