"""The field's numbers of tracks: HOTA (Luiten et al. 2021), IDF1 (Ristani et al. 2016) and MOTA
(Bernardin and Stiefelhagen 2008), of tracks that are compared frame by frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from services.qc_scorer.losses.image.objects import Rule
from services.qc_scorer.losses.matching import best
from services.qc_scorer.losses.protocol import EPSILON, Doc
from services.qc_scorer.losses.tracks.track_frames import Shared, shared, tracks_of

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Overlaps from which two are one: HOTA's, and that of IDF1 and MOTA.
ALPHAS = np.arange(1, 20) * 0.05
OVERLAP = 0.5
# Who was one in the frame before stays so where it may.
_KEPT = 1000.0


@dataclass(frozen=True)
class Measured:
    """Shares, 0 to 1 (MOTA may be below 0); 1 where there is nothing to find and nothing found.
    `switches`: how often the partner of an object of the truth changes."""

    hota: float
    det_a: float
    ass_a: float
    loc_a: float
    idf1: float
    mota: float
    switches: int


@dataclass
class _Sums:
    """Over videos; arrays by `ALPHAS`."""

    true: int = 0
    said: int = 0
    matched: int = 0
    switches: int = 0
    identified: float = 0.0
    found: FloatArray = field(default_factory=lambda: np.zeros(len(ALPHAS)))
    together: FloatArray = field(default_factory=lambda: np.zeros(len(ALPHAS)))
    overlap: FloatArray = field(default_factory=lambda: np.zeros(len(ALPHAS)))


def measure(pairs: Iterable[tuple[Doc, Doc]]) -> Measured:
    """Of (truth, label) of many videos; attributes are not compared."""
    sums = _Sums()
    for truth, label in pairs:
        table = shared(tracks_of(truth), tracks_of(label), Rule(slack=1.0), named=False)
        sums.true += len(table.sides[0].tracks) * table.step
        sums.said += len(table.sides[1].tracks) * table.step
        _associate(table, sums)
        near = above(table, OVERLAP)
        matches = continued(near)
        sums.matched += len(matches) * table.step
        sums.switches += len(switches(near, matches))
        sums.identified += identified(near) * table.step
    return _measured(sums)


def above(table: Shared, least: float) -> Shared:
    """The pairs that are at least so much alike."""
    use = table.gains >= least - EPSILON
    return table._replace(pairs=table.pairs[use], gains=table.gains[use])


def identified(table: Shared) -> float:
    """Frames in which pairs agree, where each track has one partner in the whole video: the most
    that any choice of partners gives (IDTP)."""
    pairs, counts = table.over(np.ones(len(table.pairs)))
    size = table.sides[0].count, table.sides[1].count
    chosen = best(pairs, counts, size)
    codes = pairs @ np.array([size[1], 1])
    return float(counts[np.searchsorted(codes, chosen @ np.array([size[1], 1]))].sum())


def matched(table: Shared, scores: FloatArray) -> IntArray:
    """Places of the pairs (k,) that are chosen: one to one in each frame, best in sum of scores."""
    single = _single(table)
    found = [np.flatnonzero(single)]
    found += [some[_best(table, some, scores[some])] for some in _by_frame(table, ~single)]
    return np.sort(np.concatenate(found))


def continued(table: Shared) -> IntArray:
    """As `matched`, by likeness; but a pair of the frame before stays one (CLEAR MOT)."""
    a, b = table.sides
    partner = np.full(len(a.tracks), -1, dtype=np.int64)
    single = _single(table)
    partner[table.pairs[single, 0]] = b.tracks[table.pairs[single, 1]]
    found = [np.flatnonzero(single)]
    same = (np.diff(a.tracks, prepend=-1) == 0) & (np.diff(a.frames, prepend=0) == table.step)
    for some in _by_frame(table, ~single):
        mine, theirs = table.pairs[some].T
        before = np.where(same[mine], partner[mine - 1], -1)
        score = table.gains[some] + _KEPT * (before == b.tracks[theirs])
        chosen = some[_best(table, some, score)]
        partner[table.pairs[chosen, 0]] = b.tracks[table.pairs[chosen, 1]]
        found.append(chosen)
    return np.sort(np.concatenate(found))


def switches(table: Shared, matches: IntArray) -> IntArray:
    """Places of those matches whose object had another partner when it last had one."""
    order = matches[np.argsort(table.pairs[matches, 0], kind="stable")]
    tracks = table.tracks[order]
    changed = (tracks[1:, 0] == tracks[:-1, 0]) & (tracks[1:, 1] != tracks[:-1, 1])
    return order[1:][changed]


def _single(table: Shared) -> NDArray[np.bool_]:
    """(k,) Is a pair in a frame in which nobody has two to choose from?"""
    frames = table.sides[0].frames[table.pairs[:, 0]]
    several = np.zeros(len(frames), dtype=bool)
    for side in (0, 1):
        counts = np.bincount(table.pairs[:, side], minlength=len(table.sides[side].tracks))
        several |= counts[table.pairs[:, side]] > 1
    return ~np.isin(frames, frames[several])


def _by_frame(table: Shared, use: NDArray[np.bool_]) -> Iterator[IntArray]:
    """Places of the pairs of each frame, by rising frames."""
    places = np.flatnonzero(use)
    frames = table.sides[0].frames[table.pairs[places, 0]]
    order = np.argsort(frames, kind="stable")
    cuts = np.flatnonzero(np.diff(frames[order])) + 1
    yield from np.split(places[order], cuts) if len(places) else []


def _best(table: Shared, some: IntArray, scores: FloatArray) -> IntArray:
    """Places among `some` of the pairs that are best in sum."""
    rows, mine = np.unique(table.pairs[some, 0], return_inverse=True)
    columns, theirs = np.unique(table.pairs[some, 1], return_inverse=True)
    scored = np.zeros((len(rows), len(columns)))
    place = np.full(scored.shape, -1, dtype=np.int64)
    scored[mine, theirs], place[mine, theirs] = scores, np.arange(len(some))
    chosen = place[linear_sum_assignment(scored, maximize=True)]
    return np.asarray(chosen[chosen >= 0])


def _associate(table: Shared, sums: _Sums) -> None:
    """HOTA: in each frame those are one that are alike there and in the whole video."""
    sizes = [side.sizes for side in table.sides]
    pairs, potential = table.over(_overlap_of_all(table))
    both = sizes[0][pairs[:, 0]] + sizes[1][pairs[:, 1]]
    wide = np.array([max(1, table.sides[1].count), 1])
    at = np.searchsorted(pairs @ wide, table.tracks @ wide)
    chosen = matched(table, (potential / (both - potential))[at] * table.gains)
    alike, at = table.gains[chosen], at[chosen]
    for k, alpha in enumerate(ALPHAS):
        right = alike >= alpha - EPSILON
        counts = np.bincount(at[right], minlength=len(pairs))
        sums.found[k] += right.sum() * table.step
        sums.overlap[k] += alike[right].sum() * table.step
        sums.together[k] += (counts * counts / np.maximum(both - counts, 1)).sum() * table.step


def _overlap_of_all(table: Shared) -> FloatArray:
    """(k,) likeness over what either is alike to anything in that frame."""
    totals = [
        np.bincount(table.pairs[:, k], weights=table.gains, minlength=len(table.sides[k].tracks))
        for k in (0, 1)
    ]
    whole = totals[0][table.pairs[:, 0]] + totals[1][table.pairs[:, 1]] - table.gains
    return np.asarray(table.gains / whole)


def _measured(sums: _Sums) -> Measured:
    either = sums.true + sums.said - sums.found
    det = np.divide(sums.found, either, out=np.ones(len(ALPHAS)), where=either > 0)
    empty = 0.0 if either.any() else 1.0
    ass = np.where(sums.found > 0, sums.together / np.maximum(sums.found, 1), empty)
    loc = np.where(sums.found > 0, sums.overlap / np.maximum(sums.found, 1), 1.0)
    wrong = sums.true + sums.said - 2 * sums.matched + sums.switches
    units = sums.true + sums.said
    return Measured(
        float(np.sqrt(det * ass).mean()),
        float(det.mean()),
        float(ass.mean()),
        float(loc.mean()),
        2.0 * sums.identified / units if units else 1.0,
        1.0 - wrong / sums.true if sums.true else (-math.inf if wrong else 1.0),
        sums.switches,
    )
