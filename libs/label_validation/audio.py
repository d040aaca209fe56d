"""Segments of a recording."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence

from libs.label_validation.checks import Doc, Misfit, check_objects


def check_segments(value: Doc, schema: Doc, field: str) -> None:
    """Segments that last, with texts and without overlaps where the template says so."""
    segments, path = value.get("segments", []), f"{field}.segments"
    check_objects(segments, schema, path)
    for i, segment in enumerate(segments):
        _check_segment(segment, schema, f"{path}[{i}]")
    if schema.get("exclusive"):
        _check_exclusive(segments, path)


def _check_segment(segment: Doc, schema: Doc, field: str) -> None:
    start, end = segment.get("start", 0.0), segment.get("end", 0.0)
    if not 0 <= start < end:
        words = f"goes from {start:g} to {end:g} seconds; end must be above start"
        raise Misfit(field, words)
    if schema.get("texts") and not segment.get("text", "").strip():
        raise Misfit(f"{field}.text", "must not be empty")
    for i, word in enumerate(segment.get("words", [])):
        if word.get("end", 0.0) < word.get("start", 0.0):
            raise Misfit(f"{field}.words[{i}]", "ends before it starts")


def _check_exclusive(segments: Sequence[Doc], field: str) -> None:
    by_speaker = defaultdict(list)
    for i, one in enumerate(segments):
        by_speaker[one.get("speaker", "")].append((one.get("start", 0.0), one["end"], i))
    for speaker, spoken in by_speaker.items():
        spoken.sort()
        for before, after in itertools.pairwise(spoken):
            if after[0] < before[1]:
                who = f"speaker {speaker[:100]!r}" if speaker else "nobody"
                words = f"overlaps [{before[2]}], and {who} speaks twice at a time"
                raise Misfit(f"{field}[{after[2]}]", words)
