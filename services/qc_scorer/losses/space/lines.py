"""Distance of two lines, in their own unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from services.qc_scorer.losses.protocol import Doc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Places along a line from which the other is looked for: off by 1 % where lines wriggle.
PLACES = 64


class Paths(NamedTuple):
    """(n,) lines, (n, `PLACES`) points evenly along each."""

    lines: NDArray[np.object_]
    places: NDArray[np.object_]

    def of(self, at: IntArray) -> Paths:
        return Paths(self.lines[at], self.places[at])


def paths(given: Sequence[Doc]) -> Paths:
    """Of n `Polyline` documents."""
    points = [number for one in given for number in one["points"]]
    of = np.repeat(np.arange(len(given)), [len(one["points"]) // 2 for one in given])
    flat = np.array(points, dtype=float).reshape(-1, 2)
    lines = np.asarray(shapely.linestrings(flat, indices=of)).reshape(-1)
    return along(lines)


def along(lines: NDArray[np.object_]) -> Paths:
    """Of (n,) lines, or several lines each."""
    share = (np.arange(PLACES) + 0.5) / PLACES
    places = shapely.line_interpolate_point(lines[:, None], share[None, :], normalized=True)
    return Paths(lines, np.asarray(places))


def distance(a: Paths, b: Paths) -> FloatArray:
    """(n,) mean distance of n pairs of lines, whichever way they run: from the places of one to the
    nearest of the other, and back (the mean symmetric, or Chamfer, distance)."""
    there = shapely.distance(a.places, b.lines[:, None]).mean(axis=1)
    back = shapely.distance(b.places, a.lines[:, None]).mean(axis=1)
    return np.asarray((there + back) / 2.0)
