"""Segments of sound from several people: speakers are matched by the time they have in common,
each moment is voted on for each voice (as DOVER does, Stolcke and Yoshioka 2019), and the texts of
a segment are merged word by word."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import itemgetter

import numpy as np

from services.qc_scorer.consensus.merging import weighted_median
from services.qc_scorer.consensus.words import merge_texts
from services.qc_scorer.losses.audio.segments import TOLERANCE
from services.qc_scorer.losses.audio.speaker_turns import (
    Turns,
    Voice,
    partners,
    segments,
    turns,
    voice,
)
from services.qc_scorer.losses.audio.transcripts import said
from services.qc_scorer.losses.protocol import EPSILON, Doc

# (start, end) in seconds
Interval = tuple[float, float]
# A segment and the weight of who made it.
Opinion = tuple[Doc, float]


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    """Voices where more than half of the weight hears them, cut where more than half of it cuts.
    Speakers have the names that the heaviest opinion gives them."""
    opinions = _renamed(values, weights)
    half = sum(weights) / 2.0 + EPSILON
    made = []
    for name, heard in sorted(_by_voice(opinions, weights).items()):
        begun = sorted((s.get("start", 0.0), w) for some in heard for s, w in some)
        ordered = [sorted(some, key=_middle) for some in heard]
        for interval in _voted(heard, half):
            made += [_segment(name, piece, ordered) for piece in _cut(interval, begun, half)]
    return {"segments": {"segments": _numbered(sorted(made, key=_place))}}


def _numbered(made: list[Doc]) -> list[Doc]:
    """An id that several gave to different segments stays with the first of them."""
    seen: set[str] = set()
    for segment in made:
        if segment.get("id") in seen:
            del segment["id"]
        seen |= {segment["id"]} if "id" in segment else set()
    return made


def _renamed(values: Sequence[Doc], weights: Sequence[float]) -> list[list[Doc]]:
    """The segments of each, with the speakers named alike."""
    known: Turns = {}
    found: list[list[Doc]] = [[] for _ in values]
    for index in sorted(range(len(values)), key=lambda i: -weights[i]):
        own = turns(values[index])
        names, taken = partners(own, known), {speaker for _, speaker in known}
        for _, speaker in own:
            names.setdefault(speaker, _free(speaker, {*taken, *names.values()}))
        found[index] = [_called(s, names) for s in segments(values[index])]
        known = turns({"segments": {"segments": [s for one in found for s in one]}})
    return found


def _free(name: str, taken: set[str]) -> str:
    """`name`, with a number where it is taken by somebody else."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name} {number}"
    return free


def _called(segment: Doc, names: dict[str, str]) -> Doc:
    return {**segment, "speaker": names[segment.get("speaker", "")]}


def _by_voice(
    opinions: Sequence[Sequence[Doc]], weights: Sequence[float]
) -> dict[Voice, list[list[Opinion]]]:
    """For each voice the segments of each person who hears it."""
    found: dict[Voice, list[list[Opinion]]] = defaultdict(list)
    for opinion, weight in zip(opinions, weights, strict=True):
        own: dict[Voice, list[Opinion]] = defaultdict(list)
        for segment in opinion:
            own[voice(segment)].append((segment, weight))
        for name, some in own.items():
            found[name].append(some)
    return found


def _voted(heard: Sequence[Sequence[Opinion]], half: float) -> list[Interval]:
    """Where more than half of the weight hears the voice."""
    steps: dict[float, float] = defaultdict(float)
    for some in heard:
        weight = some[0][1]
        value = {"segments": {"segments": [{**s, "class": "", "speaker": ""} for s, _ in some]}}
        for start, end in turns(value)["", ""].tolist():
            steps[start] += weight
            steps[end] -= weight
    edges = sorted(steps)
    loud = np.cumsum([steps[edge] for edge in edges]) > half
    turned = np.flatnonzero(np.diff(loud, prepend=False))
    times = [edges[place] for place in turned]
    return list(zip(times[::2], times[1::2], strict=True))


def _cut(interval: Interval, begun: Sequence[tuple[float, float]], half: float) -> list[Interval]:
    """Pieces between the places where segments begin within it, near each other, by more than half
    of the weight. begun: (place, weight) of all beginnings, in order."""
    start, end = interval
    first = bisect_right(begun, start + TOLERANCE, key=itemgetter(0))
    inside = begun[first : bisect_left(begun, end - TOLERANCE, key=itemgetter(0))]
    groups: list[list[tuple[float, float]]] = []
    for at, weight in inside:
        if not groups or at - groups[-1][0][0] > TOLERANCE:
            groups.append([])
        groups[-1].append((at, weight))
    agreed = [group for group in groups if sum(w for _, w in group) > half]
    cuts = [weighted_median([at for at, _ in g], [w for _, w in g]) for g in agreed]
    return list(pairwise([start, *cuts, end]))


def _segment(name: Voice, interval: Interval, ordered: Sequence[Sequence[Opinion]]) -> Doc:
    """What the people say of an interval: each with the segments whose middle is in it."""
    cuts = [[bisect_left(some, edge, key=_middle) for edge in interval] for some in ordered]
    own = [some[i:j] for some, (i, j) in zip(ordered, cuts, strict=True) if i < j]
    flat = [one for some in own for one in some]
    made: Doc = {"start": interval[0], "end": interval[1], "class": name[0], "speaker": name[1]}
    made["text"] = _text(own)
    made["language"] = _voted_for((s.get("language", ""), w) for s, w in flat)
    made["attributes"] = _attributes(flat)
    made |= _of_heaviest([some[0] for some in own if len(some) == 1], made["text"])
    return {key: part for key, part in made.items() if part}


def _of_heaviest(alone: Sequence[Opinion], text: str) -> Doc:
    """Its id, and the times of its words where they are the words of the text that was made."""
    if not alone:
        return {}
    ordered = [s for s, _ in sorted(alone, key=lambda one: -one[1])]
    words = (s["words"] for s in ordered if s.get("words") and said(s) == text)
    return {"id": ordered[0].get("id", ""), "words": next(words, [])}


def _attributes(opinions: Sequence[Opinion]) -> dict[str, str]:
    given = [(s.get("attributes", {}), weight) for s, weight in opinions]
    names = sorted({name for attributes, _ in given for name in attributes})
    found = {k: _voted_for((a.get(k, ""), w) for a, w in given) for k in names}
    return {name: value for name, value in found.items() if value}


def _middle(opinion: Opinion) -> float:
    return sum(_place(opinion[0])) / 2.0


def _text(own: Sequence[Sequence[Opinion]]) -> str:
    """Of texts too long to be merged the heaviest."""
    if not own:
        return ""
    ordered = [sorted(some, key=lambda one: _place(one[0])) for some in own]
    texts = [" ".join(text for s, _ in some if (text := said(s))) for some in ordered]
    weights = [some[0][1] for some in own]
    merged = merge_texts(texts, weights, unspaced=True)
    return texts[int(np.argmax(weights))] if merged is None else merged


def _voted_for(votes: Iterable[tuple[str, float]]) -> str:
    """The heaviest; nothing without votes."""
    total: dict[str, float] = defaultdict(float)
    for name, weight in votes:
        total[name] += weight
    return max(total, key=lambda name: total[name], default="")


def _place(segment: Doc) -> tuple[float, float]:
    return segment.get("start", 0.0), segment.get("end", 0.0)
