"""Segments of sound: boundaries, classes and speakers.

A segment is right where its class, its speaker and its attributes are, and both its ends are
within the tolerance in seconds. The distance is the share of time in which two labels disagree. The
field's own measures: diarization error rate (NIST RT), Jaccard error rate (Ryant et al. 2019).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.qc_scorer.losses.audio.speaker_turns import (
    FloatArray,
    Turns,
    agreed,
    joined,
    partners,
    segments,
    shared,
    turns,
)
from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss

# Seconds by which an end may be off.
TOLERANCE = 0.25


@dataclass(frozen=True)
class Diarization:
    """Seconds of speech, those of two speakers at once counted twice."""

    total: float
    missed: float
    extra: float
    confused: float

    @property
    def wrong(self) -> float:
        return self.missed + self.extra + self.confused

    @property
    def rate(self) -> float:
        """Errors as a share of the truth's speech; may be above 1."""
        return self.wrong / self.total if self.total else float(self.wrong > 0)


def diarization(truth: Doc, label: Doc, collar: float = 0.0, overlaps: bool = True) -> Diarization:
    """What the label gets wrong. `collar` seconds round each end of the truth (half before, half
    after) are not looked at; nor is, without `overlaps`, where the truth has several speakers."""
    true, said = turns(truth), turns(label)
    # Ends of segments, not of turns: two of one speaker may touch, and the end between them is
    # as uncertain as any.
    ends = {one.get(side, 0.0) for one in segments(truth) for side in ("start", "end")}
    ignored = _ignored(true, np.array(sorted(ends)), collar, overlaps)
    return _compare(_without(true, ignored), _without(said, ignored))


def jaccard_error(truth: Doc, label: Doc) -> float:
    """Mean over the truth's speakers of 1 - time in common / time of either."""
    true, said = (_by_speaker(turns(value)) for value in (truth, label))
    names = partners(true, said)
    nobody = np.empty((0, 2))
    scores = []
    for (_, speaker), times in true.items():
        other = said["", names[speaker]] if speaker in names else nobody
        both = shared(times, other)
        scores.append(both / (_length(times) + _length(other) - both))
    return 1.0 - float(np.mean(scores)) if scores else float(bool(said))


def _by_speaker(given: Turns) -> Turns:
    """All classes of a speaker as one."""
    times: dict[str, list[FloatArray]] = defaultdict(list)
    for (_, speaker), some in given.items():
        times[speaker].append(some)
    return {("", speaker): joined(np.concatenate(some)) for speaker, some in times.items()}


def _length(times: FloatArray) -> float:
    return float((times[:, 1] - times[:, 0]).sum())


def _compare(true: Turns, said: Turns) -> Diarization:
    edges = _edges(true, said)
    left, right, seconds = _active(true, edges), _active(said, edges), np.diff(edges)
    both = float((np.minimum(left, right) * seconds).sum())
    return Diarization(
        float((left * seconds).sum()),
        float((np.maximum(left - right, 0) * seconds).sum()),
        float((np.maximum(right - left, 0) * seconds).sum()),
        max(0.0, both - agreed(true, said, partners(true, said))),
    )


def _edges(*given: Turns) -> FloatArray:
    """All moments at which something begins or ends."""
    times = [times.ravel() for side in given for times in side.values()]
    return np.unique(np.concatenate([np.empty(0), *times]))


def _active(given: Turns, edges: FloatArray) -> FloatArray:
    """(len(edges) - 1,) how many voices are heard between two edges."""
    change = np.zeros(len(edges))
    for times in given.values():
        np.add.at(change, np.searchsorted(edges, times[:, 0]), 1.0)
        np.add.at(change, np.searchsorted(edges, times[:, 1]), -1.0)
    return np.asarray(np.cumsum(change)[:-1])


def _ignored(true: Turns, ends: FloatArray, collar: float, overlaps: bool) -> FloatArray:
    """Intervals (n, 2) that are not looked at: round the ends of the truth's segments (m,), and
    where it has several speakers."""
    edges = _edges(true)
    found = [np.stack([ends - collar / 2, ends + collar / 2], axis=1)]
    if not overlaps and len(edges):
        several = _active(true, edges) > 1
        found.append(np.stack([edges[:-1][several], edges[1:][several]], axis=1))
    return joined(np.concatenate(found))


def _without(given: Turns, ignored: FloatArray) -> Turns:
    """Times as if the ignored intervals took none."""
    if not len(ignored):
        return given
    gone = np.cumsum(ignored[:, 1] - ignored[:, 0])
    heights = np.stack([np.append(0.0, gone[:-1]), gone], axis=1).ravel()
    made = {}
    for voice, times in given.items():
        made[voice] = joined(times - np.interp(times, ignored.ravel(), heights))
    return made


def _distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    found = _compare(turns(a), turns(b))
    return min(1.0, found.wrong / max(EPSILON, found.total + found.extra))


Key = tuple[str, str, tuple[tuple[str, str], ...]]
Times = list[tuple[float, float]]


def _errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    """Segments missed, too many or otherwise wrong, of those of the truth."""
    slack = (TOLERANCE if tolerance is None else tolerance) + EPSILON
    names = partners(turns(label), turns(truth))
    true, said = _keyed(truth, None), _keyed(label, names)
    right = sum(_near(times, said.get(key, []), slack) for key, times in true.items())
    sizes = len(segments(truth)), len(segments(label))
    return Errors(float(max(sizes) - right), float(sizes[0]))


def _keyed(value: Doc, names: Mapping[str, str] | None) -> dict[Key, Times]:
    """Ends of the segments in order, by what else is compared; speakers as `names` calls them,
    where given."""
    found: dict[Key, Times] = defaultdict(list)
    for one in segments(value):
        speaker = one.get("speaker", "")
        if names is not None:
            # Nobody in the truth has this name.
            speaker = names.get(speaker, f"\0{speaker}")
        key = one.get("class", ""), speaker, tuple(sorted(one.get("attributes", {}).items()))
        found[key].append((one.get("start", 0.0), one.get("end", 0.0)))
    return {key: sorted(times) for key, times in found.items()}


def _near(left: Times, right: Times, slack: float) -> int:
    """How many pairs have both ends near, from the first on."""
    i = j = count = 0
    while i < len(left) and j < len(right):
        (a, b), (c, d) = left[i], right[j]
        if abs(a - c) <= slack and abs(b - d) <= slack:
            i, j, count = i + 1, j + 1, count + 1
        elif (a, b) < (c, d):
            i += 1
        else:
            j += 1
    return count


SEGMENTS = Loss(_distance, _errors)
