"""Overlap of what has corners: rectangles, turned ones, quads, polygons with holes.

Areas and intersections are GEOS' (shapely), for all pairs of a label in one call.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from services.qc_scorer.agreement.contract import Doc

FloatArray = NDArray[np.float64]
GEOMETRIES = ("rect", "rotated", "quad", "polygon")


def corners(rotated: Doc) -> FloatArray:
    """(4, 2) corners of a `RotatedRect`, clockwise as the image is seen."""
    turn = np.radians(rotated.get("angle", 0.0))
    along = np.array([np.cos(turn), np.sin(turn)]) * rotated.get("width", 0.0) / 2.0
    across = np.array([-np.sin(turn), np.cos(turn)]) * rotated.get("height", 0.0) / 2.0
    centre = np.array([rotated.get("x", 0.0), rotated.get("y", 0.0)])
    signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
    return np.array([centre + i * along + j * across for i, j in signs])


def shapes(things: Sequence[Doc]) -> NDArray[np.object_]:
    """(n,) areas of objects whose geometry is one of `GEOMETRIES`. Rings that cross themselves
    are mended."""
    rings = [ring for thing in things for ring in _rings(thing)]
    if not rings:
        return np.empty(0, dtype=object)
    lengths = [len(points) for points, _ in rings]
    of = np.repeat(np.arange(len(rings)), lengths)
    made = shapely.polygons(shapely.linearrings(np.concatenate([p for p, _ in rings]), indices=of))
    broken = ~shapely.is_valid(made)
    made[broken] = shapely.make_valid(made[broken], method="structure", keep_collapsed=False)
    counts = [len(_rings(thing)) for thing in things]
    if len(rings) == len(things):
        return np.asarray(made)
    holes = np.array([hole for _, hole in rings])
    parts = np.split(np.arange(len(rings)), np.cumsum(counts)[:-1])
    return np.array([_with_holes(made[part], holes[part]) for part in parts], dtype=object)


def _with_holes(rings: NDArray[np.object_], holes: NDArray[np.bool_]) -> shapely.Geometry:
    return shapely.difference(shapely.union_all(rings[~holes]), shapely.union_all(rings[holes]))


def _rings(thing: Doc) -> list[tuple[FloatArray, bool]]:
    """(corners (n, 2), is it a hole?) of each closed line of an object."""
    if "rotated" in thing:
        return [(corners(thing["rotated"]), False)]
    if "rect" in thing:
        r = thing["rect"]
        left, top = r.get("x", 0.0), r.get("y", 0.0)
        right, low = left + r.get("width", 0.0), top + r.get("height", 0.0)
        return [(np.array([[left, top], [right, top], [right, low], [left, low]]), False)]
    if "quad" in thing:
        return [(np.array(thing["quad"]["points"], dtype=float).reshape(-1, 2), False)]
    rings = thing["polygon"].get("rings", [])
    return [
        (np.array(r["points"], dtype=float).reshape(-1, 2), r.get("hole", False)) for r in rings
    ]


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
