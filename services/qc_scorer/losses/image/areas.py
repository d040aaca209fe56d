"""Overlap of what has corners: rectangles, turned ones, quads, polygons with holes.

Areas and intersections are GEOS' (shapely), for all pairs of a label in one call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from services.qc_scorer.losses.protocol import Doc

FloatArray = NDArray[np.float64]


def shapes(things: Sequence[Doc]) -> NDArray[np.object_]:
    """(n,) areas of objects that have a `rect`, `rotated`, `quad` or `polygon`. Rings that cross
    themselves are mended."""
    outlines = [_rings(thing) for thing in things]
    rings = [ring for one in outlines for ring in one]
    if not rings:
        return np.empty(0, dtype=object)
    made = _polygons([points for points, _ in rings])
    if len(rings) == len(things):
        return made
    holes = np.array([hole for _, hole in rings])
    parts = np.split(np.arange(len(rings)), np.cumsum([len(one) for one in outlines])[:-1])
    return np.array([_with_holes(made[part], holes[part]) for part in parts], dtype=object)


def _polygons(rings: Sequence[Sequence[float]]) -> NDArray[np.object_]:
    """(n,) areas within closed lines x1, y1, x2, y2, ..."""
    points = np.array([number for ring in rings for number in ring], dtype=float).reshape(-1, 2)
    of = np.repeat(np.arange(len(rings)), [len(ring) // 2 for ring in rings])
    made = shapely.polygons(shapely.linearrings(points, indices=of))
    broken = ~shapely.is_valid(made)
    if broken.any():
        mended = shapely.make_valid(made[broken], method="structure", keep_collapsed=False)
        made[broken] = mended
    return np.asarray(made)


def _with_holes(rings: NDArray[np.object_], holes: NDArray[np.bool_]) -> shapely.Geometry:
    return shapely.difference(shapely.union_all(rings[~holes]), shapely.union_all(rings[holes]))


def _rings(thing: Doc) -> list[tuple[Sequence[float], bool]]:
    """(corners, is it a hole?) of each closed line of an object."""
    if "polygon" in thing:
        return [(r["points"], r.get("hole", False)) for r in thing["polygon"].get("rings", [])]
    if "quad" in thing:
        return [(thing["quad"]["points"], False)]
    return [(_turned(thing["rotated"]) if "rotated" in thing else _upright(thing["rect"]), False)]


def _upright(rect: Doc) -> list[float]:
    x, y = rect.get("x", 0.0), rect.get("y", 0.0)
    right, low = x + rect.get("width", 0.0), y + rect.get("height", 0.0)
    return [x, y, right, y, right, low, x, low]


def _turned(rotated: Doc) -> list[float]:
    """Corners of a `RotatedRect`, clockwise as the image is seen."""
    x, y, turn = rotated.get("x", 0.0), rotated.get("y", 0.0), math.radians(rotated.get("angle", 0))
    cos, sin = math.cos(turn), math.sin(turn)
    half, down = rotated.get("width", 0.0) / 2.0, rotated.get("height", 0.0) / 2.0
    signs = ((-half, -down), (half, -down), (half, down), (-half, down))
    return [v for u, w in signs for v in (x + cos * u - sin * w, y + sin * u + cos * w)]


def overlap(a: NDArray[np.object_], b: NDArray[np.object_]) -> FloatArray:
    """(n,) areas that n pairs share."""
    return np.asarray(shapely.area(shapely.intersection(a, b)))


def size(a: NDArray[np.object_]) -> FloatArray:
    """(n,) square pixels."""
    return np.asarray(shapely.area(a))


def iou(a: NDArray[np.object_], b: NDArray[np.object_]) -> FloatArray:
    """(n,) intersection over union of n pairs."""
    inside = overlap(a, b)
    union = size(a) + size(b) - inside
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)


def rect_iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """(n,) intersection over union of n pairs of upright rectangles: left, top, right, bottom."""
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    np.maximum(sides, 0.0, out=sides)
    inside = sides[:, 0] * sides[:, 1]
    mine, theirs = a[:, 2:] - a[:, :2], b[:, 2:] - b[:, :2]
    union = mine[:, 0] * mine[:, 1] + theirs[:, 0] * theirs[:, 1] - inside
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)
