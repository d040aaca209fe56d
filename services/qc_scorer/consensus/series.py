"""Key frames that are enough: those between which the others lie on straight lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.qc_scorer.losses.protocol import Doc

FloatArray = NDArray[np.float64]
# Pixels, and degrees, that a frame may be off by for want of a key frame of its own.
NEAR = 0.5


def thinned(series: Sequence[tuple[int, Doc, object]]) -> list[int]:
    """Places to keep of (frame, geometry {kind: shape}, what else is said) by rising frames, so
    that all are within `NEAR` (Douglas and Peucker 1973, along time). What cannot be interpolated,
    and what says something else, is kept."""
    layouts = [(_layout(geometry), told) for _, geometry, told in series]
    kept: list[int] = []
    start = 0
    for place in range(1, len(series) + 1):
        if place == len(series) or layouts[place] != layouts[place - 1]:
            kept += [start + i for i in _kept(series[start:place])]
            start = place
    return kept


def _layout(geometry: Doc) -> object:
    """Equal where one geometry can become the other."""
    kind, shape = next(iter(geometry.items()))
    if kind == "mask":
        return kind, shape
    if kind == "polygon":
        return kind, [(len(r.get("points", [])), r.get("hole")) for r in shape.get("rings", [])]
    if kind == "keypoints":
        return kind, [p.get("visibility") for p in shape.get("points", [])], "rect" in shape
    return kind, len(shape.get("points", []))


def _kept(series: Sequence[tuple[int, Doc, object]]) -> list[int]:
    if len(series) < 3:
        return list(range(len(series)))
    frames = np.array([frame for frame, _, _ in series], dtype=float)
    rows = np.array([_numbers(geometry) for _, geometry, _ in series], dtype=float)
    if "rotated" in series[0][1]:
        rows[:, 4] = np.unwrap(rows[:, 4], period=360.0)
    keep, open_ = {0, len(series) - 1}, [(0, len(series) - 1)]
    while open_:
        first, last = open_.pop()
        if last - first < 2:
            continue
        share = (frames[first + 1 : last] - frames[first]) / (frames[last] - frames[first])
        line = rows[first] + share[:, None] * (rows[last] - rows[first])
        off = np.abs(rows[first + 1 : last] - line).max(axis=1, initial=0.0)
        worst = int(off.argmax())
        if off[worst] > NEAR:
            middle = first + 1 + worst
            keep.add(middle)
            open_ += [(first, middle), (middle, last)]
    return sorted(keep)


def _numbers(geometry: Doc) -> list[float]:
    kind, shape = next(iter(geometry.items()))
    if kind in ("rect", "rotated"):
        return [shape.get(name, 0.0) for name in ("x", "y", "width", "height", "angle")]
    if kind == "polyline":
        return list(shape["points"])
    if kind == "polygon":
        return [number for ring in shape["rings"] for number in ring["points"]]
    if kind == "keypoints":
        rect = _numbers({"rect": shape["rect"]}) if "rect" in shape else []
        return [p.get(axis, 0.0) for p in shape["points"] for axis in ("x", "y")] + rect
    return []
