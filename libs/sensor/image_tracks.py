"""Tracks at many frames at once; what `tracks.visible` gives one frame at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from libs.sensor.tracks import between

Doc = dict[str, Any]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
_SIDES = ("x", "y", "width", "height")


class Keys(NamedTuple):
    """k key frames, track after track: `of` (k,) track, `starts` (k,) number, `stops` (k,) the
    first frame that does not follow it any more (none does follow one marked `outside`), `after`
    (k,) place of the next of the track, of the last its own."""

    frames: list[Doc]
    of: IntArray
    starts: IntArray
    stops: IntArray
    after: IntArray


def keys_of(tracks: Sequence[Doc], end: int = 0) -> Keys:
    """Of documents of tracks. The last key frames stand until `end` (exclusive)."""
    frames = [frame for track in tracks for frame in track["frames"]]
    counts = [len(track["frames"]) for track in tracks]
    starts = np.array([frame.get("frame", 0) for frame in frames], dtype=np.int64)
    last = np.cumsum(counts, dtype=np.int64) - 1
    after = np.arange(1, len(frames) + 1)
    after[last] = last
    stops = starts[after]
    stops[last] = np.maximum(end, starts[last] + 1)
    outside = [i for i, frame in enumerate(frames) if frame.get("outside")]
    stops[outside] = starts[outside]
    return Keys(frames, np.repeat(np.arange(len(tracks)), counts), starts, stops, after)


def shown(keys: Keys, step: int = 1) -> tuple[IntArray, IntArray]:
    """((n,) frames, multiples of `step`, that the objects are in, track after track, rising; (n,)
    key frame that each follows)."""
    firsts = -(-keys.starts // step)
    counts = -(-keys.stops // step) - firsts
    key = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(len(key)) - np.repeat(np.cumsum(counts) - counts, counts)
    return (firsts[key] + within) * step, key


def followed(keys: Keys, at: IntArray) -> tuple[IntArray, BoolArray]:
    """((n,) key frame of a single track that each of the frames `at` follows, the first for those
    before it; (n,) is the object in it?)"""
    key = np.searchsorted(keys.starts, at, side="right") - 1
    return np.maximum(key, 0), (key >= 0) & (at < keys.stops[np.maximum(key, 0)])


def along(keys: Keys, rows: FloatArray, at: IntArray, key: IntArray) -> FloatArray:
    """(n, w) what rows (k, w) of numbers of the key frames are at frames `at` (n,) that follow key
    frames `key` (n,): on a straight line to the next."""
    share = _shares(keys, at, key)[:, None]
    return np.asarray((1 - share) * rows[key] + share * rows[keys.after[key]])


def rectangles(keys: Keys, at: IntArray, key: IntArray) -> FloatArray:
    """(n, 4) x, y, width, height: `geometries` of tracks that are drawn as `rect` throughout."""
    rects = [frame["rect"] for frame in keys.frames]
    sides = np.array([[rect.get(s, 0.0) for s in _SIDES] for rect in rects], dtype=float)
    return along(keys, sides.reshape(-1, 4), at, key)


def geometries(keys: Keys, at: IntArray, key: IntArray) -> list[Doc]:
    """(n,) geometries {kind: shape} at frames `at` that follow key frames `key`; before the first
    it is as in the first."""
    pairs = zip(key.tolist(), keys.after[key].tolist(), _shares(keys, at, key), strict=True)
    return [between(keys.frames[i], keys.frames[j], float(part)) for i, j, part in pairs]


def _shares(keys: Keys, at: IntArray, key: IntArray) -> FloatArray:
    """(n,) how far frames are on the way from one key frame to the next."""
    start = keys.starts[key]
    ways = keys.starts[keys.after[key]] - start
    return np.asarray(np.maximum(at - start, 0) * (ways > 0) / np.maximum(ways, 1))
