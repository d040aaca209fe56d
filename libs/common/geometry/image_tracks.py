"""Tracks on images at many frames at once; what `tracks.visible` gives one frame at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from libs.common.geometry.tracks import between, number

Doc = dict[str, Any]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
_SIDES = ("x", "y", "width", "height")


def stretches(frames: Sequence[Doc], end: int = 0) -> IntArray:
    """(k, 2) first frame and the one after the last that follow each of k key frames; none follow
    one marked `outside`. The last key frame stands until `end` (exclusive)."""
    starts = np.array([number(one) for one in frames], dtype=np.int64)
    stops = np.append(starts[1:], max(end, int(starts[-1]) + 1))
    outside = np.array([one.get("outside", False) for one in frames], dtype=bool)
    return np.stack([starts, np.where(outside, starts, stops)], axis=1)


def shown(frames: Sequence[Doc], end: int = 0, step: int = 1) -> tuple[IntArray, IntArray]:
    """((n,) rising frames, multiples of `step`, that the object is in, (n,) key frame that each
    follows)."""
    firsts = -(-stretches(frames, end) // step)
    counts = firsts[:, 1] - firsts[:, 0]
    keys = np.repeat(np.arange(len(frames)), counts)
    within = np.arange(len(keys)) - np.repeat(np.cumsum(counts) - counts, counts)
    return (firsts[keys, 0] + within) * step, keys


def followed(frames: Sequence[Doc], at: IntArray, end: int = 0) -> tuple[IntArray, BoolArray]:
    """((n,) key frame that each of the frames `at` follows, 0 for those before the first; (n,) is
    the object in it?)"""
    ends = stretches(frames, end)
    keys = np.searchsorted(ends[:, 0], at, side="right") - 1
    return np.maximum(keys, 0), (keys >= 0) & (at < ends[np.maximum(keys, 0), 1])


def geometries(frames: Sequence[Doc], at: IntArray, keys: IntArray) -> list[Doc]:
    """(n,) geometries {kind: shape} at frames `at` that follow key frames `keys`; before the first
    it is as in the first."""
    after = np.minimum(keys + 1, len(frames) - 1)
    share = _shares(frames, at, keys, after)
    pairs = zip(keys.tolist(), after.tolist(), share.tolist(), strict=True)
    return [between(frames[i], frames[j], part) for i, j, part in pairs]


def rectangles(frames: Sequence[Doc], at: IntArray, keys: IntArray) -> FloatArray:
    """(n, 4) x, y, width, height: `geometries` of a track that is drawn as `rect` throughout."""
    sides = np.array([[one["rect"].get(s, 0.0) for s in _SIDES] for one in frames], dtype=float)
    after = np.minimum(keys + 1, len(frames) - 1)
    share = _shares(frames, at, keys, after)[:, None]
    return np.asarray((1 - share) * sides[keys] + share * sides[after])


def _shares(frames: Sequence[Doc], at: IntArray, keys: IntArray, after: IntArray) -> FloatArray:
    """(n,) how far frames are on the way from one key frame to the next."""
    places = np.array([number(one) for one in frames], dtype=np.int64)
    ways = places[after] - places[keys]
    return np.asarray(np.maximum(at - places[keys], 0) * (ways > 0) / np.maximum(ways, 1))
