"""The objects of one video, ready to be compared frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from libs.sensor import image_tracks
from libs.sensor.image_tracks import Keys
from services.qc_scorer.losses.image import areas
from services.qc_scorer.losses.image.geometry import Drawn
from services.qc_scorer.losses.image.objects import Rule, gains
from services.qc_scorer.losses.protocol import EPSILON, Doc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Objects times frames of a label. Where there are more, every second, third ... frame is compared;
# fewer where they are not all rectangles.
MOST_SHOWN, MOST_DRAWN = 1_000_000, 100_000
# Pairs that are compared at once.
_BLOCK, _DRAWN_BLOCK = 500_000, 10_000


@dataclass(frozen=True)
class Moving:
    """n object-frames of a label, track after track, each by rising frames.

    tracks (n,), frames (n,), kinds (n,) number of what must be equal, `count` tracks. `rects`
    (n, 4) left, top, right, bottom, where all are drawn so; else `drawn`, of which each is the one
    at `places` (n,): what stands is drawn once."""

    tracks: IntArray
    frames: IntArray
    kinds: IntArray
    count: int
    rects: FloatArray | None = None
    drawn: Drawn | None = None
    places: IntArray | None = None

    @property
    def sizes(self) -> IntArray:
        """(count,) frames that each track is in."""
        return np.bincount(self.tracks, minlength=self.count)


class Shared(NamedTuple):
    """What two labels share: (k, 2) object-frames of one frame and kind, (k,) how alike they are,
    above 0; `step` frames from one to the next."""

    sides: tuple[Moving, Moving]
    pairs: IntArray
    gains: FloatArray
    step: int

    @property
    def tracks(self) -> IntArray:
        """(k, 2) tracks of the pairs."""
        a, b = self.sides
        return np.stack([a.tracks[self.pairs[:, 0]], b.tracks[self.pairs[:, 1]]], axis=1)

    def over(self, weights: FloatArray) -> tuple[IntArray, FloatArray]:
        """((m, 2) pairs of tracks, (m,) sums of the weights (k,) of their object-frames)."""
        wide = max(1, self.sides[1].count)
        codes, inverse = np.unique(self.tracks @ np.array([wide, 1]), return_inverse=True)
        sums = np.bincount(inverse, weights=weights, minlength=len(codes))
        return np.stack(np.divmod(codes, wide), axis=1), sums.astype(np.float64)


def tracks_of(value: Doc) -> list[Doc]:
    return list(value.get("tracks", {}).get("tracks", []))


def end_of(labels: Sequence[Sequence[Doc]]) -> int:
    """The frame after the last key frame of any label: until there all last key frames stand."""
    last = [one["frames"][-1].get("frame", 0) for tracks in labels for one in tracks]
    return max(last, default=-1) + 1


def shared(truth: Sequence[Doc], label: Sequence[Doc], rule: Rule, named: bool = True) -> Shared:
    """Of two lists of `Track`. What is one has one class and, unless `named` is False, the same
    attributes in that frame."""
    plain = all("rect" in key for side in (truth, label) for one in side for key in one["frames"])
    sides, step = laid((truth, label), MOST_SHOWN if plain else MOST_DRAWN, named)
    draw = _rectangles if plain else _drawn
    a, b = (draw(*side) for side in sides)
    found = [(pairs, _gains(a, b, pairs, rule)) for pairs in same_frame(a, b)]
    pairs = np.concatenate([np.empty((0, 2), np.int64), *(p[g > 0] for p, g in found)])
    alike = np.concatenate([np.empty(0), *(g[g > 0] for _, g in found)])
    return Shared((a, b), pairs, alike, step)


def laid(
    labels: Sequence[Sequence[Doc]], most: int, named: bool = True
) -> tuple[list[tuple[Moving, Keys, IntArray]], int]:
    """([object-frames, key frames, the one that each follows] of each label, frames from one
    that is compared to the next: so many that no label has more than about `most`)."""
    end = end_of(labels)
    every = [image_tracks.keys_of(tracks, end) for tracks in labels]
    step = max(1, *(-(-int((keys.stops - keys.starts).sum()) // most) for keys in every))
    kinds: dict[object, int] = {}
    made = []
    for tracks, keys in zip(labels, every, strict=True):
        at, key = image_tracks.shown(keys, step)
        said = _kinds(tracks, kinds, named)[key]
        made.append((Moving(keys.of[key], at, said, len(tracks)), keys, key))
    return made, step


def _rectangles(made: Moving, keys: Keys, key: IntArray) -> Moving:
    rects = image_tracks.rectangles(keys, made.frames, key)
    rects[:, 2:] += rects[:, :2]
    return replace(made, rects=rects)


def _drawn(made: Moving, keys: Keys, key: IntArray) -> Moving:
    numbers: dict[int, int] = {}
    drawn: list[Doc] = []
    places: list[int] = []
    for geometry in image_tracks.geometries(keys, made.frames, key):
        # The shape of a key frame stands as the very same object.
        shape = id(next(iter(geometry.values())))
        if shape not in numbers:
            numbers[shape] = len(drawn)
            drawn.append(geometry)
        places.append(numbers[shape])
    return replace(made, drawn=Drawn(drawn), places=np.array(places, dtype=np.int64))


def _kinds(tracks: Sequence[Doc], kinds: dict[object, int], named: bool) -> IntArray:
    """(k,) number of the class and attributes from each key frame on."""
    made: list[int] = []
    for track in tracks:
        name, frames = track.get("class", ""), track["frames"]
        told: Doc = track.get("attributes", {}) if named else {}
        now = kinds.setdefault((name, frozenset(told.items())), len(kinds))
        if not named or not any("attributes" in frame for frame in frames):
            made += [now] * len(frames)
            continue
        for frame in frames:
            if frame.get("attributes"):
                told = {**told, **frame["attributes"]}
                now = kinds.setdefault((name, frozenset(told.items())), len(kinds))
            made.append(now)
    return np.array(made, dtype=np.int64)


def same_frame(a: Moving, b: Moving) -> Iterator[IntArray]:
    """Blocks of (k, 2) object-frames of one frame and kind, by rising first."""
    wide = 1 + int(max(a.kinds.max(initial=0), b.kinds.max(initial=0)))
    mine, theirs = (side.frames * wide + side.kinds for side in (a, b))
    order = np.argsort(theirs, kind="stable")
    first = np.searchsorted(theirs, mine, side="left", sorter=order)
    counts = np.searchsorted(theirs, mine, side="right", sorter=order) - first
    sums = np.cumsum(counts)
    start, most = 0, _BLOCK if a.rects is not None else _DRAWN_BLOCK
    while start < len(mine):
        before = sums[start] - counts[start]
        stop = max(start + 1, int(np.searchsorted(sums, before + most, side="right")))
        some = counts[start:stop]
        left = np.repeat(np.arange(start, stop), some)
        within = np.arange(len(left)) - np.repeat(np.cumsum(some) - some, some)
        yield np.stack([left, order[first[left] + within]], axis=1)
        start = stop


def _gains(a: Moving, b: Moving, pairs: IntArray, rule: Rule) -> FloatArray:
    if a.rects is None or b.rects is None:
        return _drawn_gains(a, b, pairs, rule)
    found = np.zeros(len(pairs))
    i, j = pairs.T
    # Most are apart from left to right: that is seen without looking at the rest of them.
    near = (a.rects[i, 0] <= b.rects[j, 2]) & (b.rects[j, 0] <= a.rects[i, 2])
    left, right = a.rects[i[near]], b.rects[j[near]]
    alike = areas.rect_iou(left, right)
    alike[alike < 1.0 - rule.slack - EPSILON] = 0.0
    # What has no area overlaps nothing, not even itself.
    empty = (left[:, 2:] <= left[:, :2]).any(axis=1) & (left == right).all(axis=1)
    alike[empty] = 1.0
    found[near] = alike
    return found


def _drawn_gains(a: Moving, b: Moving, pairs: IntArray, rule: Rule) -> FloatArray:
    """Each pair of shapes once, in however many frames they stand."""
    assert a.drawn is not None and b.drawn is not None
    assert a.places is not None and b.places is not None
    code = a.places[pairs[:, 0]] * max(1, len(b.drawn)) + b.places[pairs[:, 1]]
    codes, inverse = np.unique(code, return_inverse=True)
    both = np.stack(np.divmod(codes, max(1, len(b.drawn))), axis=1)
    return gains(a.drawn, b.drawn, both, rule)[inverse]
