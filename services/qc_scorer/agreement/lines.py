"""Distance of two open lines, in pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from services.qc_scorer.agreement.contract import Doc

FloatArray = NDArray[np.float64]
# Places along a line from which the other is looked for.
PLACES = 16


def shapes(given: Sequence[Doc]) -> NDArray[np.object_]:
    """(n,) lines of `Polyline` documents."""
    points = [number for one in given for number in one["points"]]
    of = np.repeat(np.arange(len(given)), [len(one["points"]) // 2 for one in given])
    flat = np.array(points, dtype=float).reshape(-1, 2)
    return np.asarray(shapely.linestrings(flat, indices=of)).reshape(-1)


def distance(a: NDArray[np.object_], b: NDArray[np.object_]) -> FloatArray:
    """(n,) mean distance of n pairs of lines, whichever way they run: from evenly spread places
    of one to the nearest of the other, and back (the mean symmetric, or Chamfer, distance)."""
    return (_to(a, b) + _to(b, a)) / 2.0


def _to(a: NDArray[np.object_], b: NDArray[np.object_]) -> FloatArray:
    share = (np.arange(PLACES) + 0.5) / PLACES
    places = shapely.line_interpolate_point(a[:, None], share[None, :], normalized=True)
    return np.asarray(shapely.distance(places, b[:, None]).mean(axis=1))
