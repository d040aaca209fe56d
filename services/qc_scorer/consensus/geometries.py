"""One geometry of several that mean the same object. Each takes the geometries, the weight of who
drew them, and the weight of all who were asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from services.qc_scorer.consensus import staple
from services.qc_scorer.consensus.merging import weighted_median
from services.qc_scorer.losses.image import areas, keypoints, masks
from services.qc_scorer.losses.protocol import Doc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Merged = Callable[[Sequence[Doc], Sequence[float], float], Doc | None]


def heaviest(values: Sequence[Hashable], weights: Sequence[float]) -> Hashable:
    """The value with most weight; the first of equals."""
    votes: dict[Hashable, float] = defaultdict(float)
    for value, weight in zip(values, weights, strict=True):
        votes[value] += weight
    return max(votes, key=lambda value: votes[value])


def _medians(given: Sequence[Doc], weights: Sequence[float], names: Sequence[str]) -> Doc:
    return {n: weighted_median([one.get(n, 0.0) for one in given], weights) for n in names}


def rect(given: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc:
    """Median of each side."""
    return _medians(given, weights, ("x", "y", "width", "height"))


def rotated(given: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc:
    """Medians, and the circular mean of the angles. A rectangle turned by a quarter with its
    sides changed is the same: each is read the way that is nearest to the first."""
    first = given[0].get("angle", 0.0)
    read = [_nearest_way(one, first) for one in given]
    turns = np.exp(1j * np.radians([one["angle"] for one in read]))
    angle = float(np.degrees(np.angle(np.average(turns, weights=weights))))
    return {**_medians(read, weights, ("x", "y", "width", "height")), "angle": angle}


def _nearest_way(one: Doc, first: float) -> Doc:
    quarters = round((first - one.get("angle", 0.0)) / 90.0)
    sides = (one.get("width", 0.0), one.get("height", 0.0))
    width, height = sides if quarters % 2 == 0 else sides[::-1]
    angle = one.get("angle", 0.0) + 90.0 * quarters
    return {**one, "width": width, "height": height, "angle": angle}


def quad(given: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc:
    """Median of each corner, each quad read from the corner that fits the first best."""
    first = np.array(given[0]["points"], dtype=float).reshape(4, 2)
    read = []
    for one in given:
        points = np.array(one["points"], dtype=float).reshape(4, 2)
        turned = [np.roll(points, -k, axis=0) for k in range(4)]
        read.append(min(turned, key=lambda t: float(((t - first) ** 2).sum())).reshape(-1))
    return {"points": [weighted_median(list(c), weights) for c in zip(*read, strict=True)]}


def polyline(given: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc:
    """Weighted mean, place by place along the lines: where the line with most points has them.
    Lines that run the other way than the first are turned round."""
    drawn = [np.array(one["points"], dtype=float).reshape(-1, 2) for one in given]
    same = [_along(points, drawn[0]) for points in drawn]
    finest = max(same, key=len)
    steps = np.linalg.norm(np.diff(finest, axis=0), axis=1)
    share = np.concatenate([[0.0], np.cumsum(steps)]) / max(steps.sum(), 1e-300)
    paths = shapely.linestrings(np.concatenate(same), indices=_numbers(same))
    places = shapely.line_interpolate_point(paths[:, None], share[None, :], normalized=True)
    points = shapely.get_coordinates(places).reshape(len(same), len(share), 2)
    return {"points": np.average(points, axis=0, weights=weights).reshape(-1).tolist()}


def _numbers(parts: Sequence[FloatArray]) -> IntArray:
    return np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def _along(points: FloatArray, first: FloatArray) -> FloatArray:
    ends, wanted = points[[0, -1]], first[[0, -1]]
    forth, back = np.abs(ends - wanted).sum(), np.abs(ends[::-1] - wanted).sum()
    return points if forth <= back else points[::-1]


def joints(given: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc:
    """Key points: visibility by vote, places by median of those that labelled the point."""
    places, labelled, _ = keypoints.table(given)
    points: list[Doc] = []
    for j in range(places.shape[1]):
        seen = [_visibility(one, j) for one in given]
        choice = heaviest(seen, weights)
        if choice not in keypoints.LABELLED:
            points.append({})
            continue
        use = np.flatnonzero(labelled[:, j]).tolist()
        heavy = [weights[i] for i in use]
        x, y = (weighted_median(places[use, j, k].tolist(), heavy) for k in (0, 1))
        points.append({"x": x, "y": y, "visibility": choice})
    rects = [(one["rect"], w) for one, w in zip(given, weights, strict=True) if "rect" in one]
    made = {"rect": rect([r for r, _ in rects], [w for _, w in rects], whole)} if rects else {}
    return {"points": points, **made}


def _visibility(given: Doc, j: int) -> str:
    points = given.get("points", [])
    return str(points[j].get("visibility", "UNSPECIFIED")) if j < len(points) else "UNSPECIFIED"


def polygon(given: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc | None:
    """The area that more than half of the weight of all has inside: the outlines cut the plane
    into faces, and each face is in or out. None where there is no such area."""
    shapes = areas.shapes([{"polygon": one} for one in given])
    cut = shapely.union_all(shapely.boundary(shapes))
    faces = shapely.get_parts(shapely.polygonize([cut]))
    inside = shapely.intersects(shapes[:, None], shapely.point_on_surface(faces)[None, :])
    kept = faces[np.asarray(weights) @ inside * 2.0 > whole]
    rings = _rings(shapely.union_all(kept)) if len(kept) else []
    return {"rings": rings} if rings else None


def _rings(area: shapely.Geometry) -> list[Doc]:
    rings = []
    for part in shapely.get_parts(area):
        for number, ring in enumerate(shapely.get_rings(part)):
            points = shapely.get_coordinates(ring)[:-1].reshape(-1).tolist()
            rings.append({"points": points, **({"hole": True} if number else {})})
    return rings


def mask(given: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc | None:
    """Pixels that more than half of the weight of all marked."""
    height, width = given[0]["height"], given[0]["width"]
    pieces, votes = masks.votes(*_same_size(given, weights))
    kept = masks.joined(pieces[votes * 2.0 > whole])
    return masks.mask_of(kept, height, width) if len(kept) else None


def estimated(given: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc | None:
    """Pixels that are in the region more likely than not (STAPLE). Of two people's masks neither
    can be the better one: those are voted on."""
    runs, heavy = _same_size(given, weights)
    if len(runs) < 3 or not any(map(len, runs)):
        return mask(given, weights, whole)
    height, width = given[0]["height"], given[0]["width"]
    pieces, marked = _patterns(runs)
    sizes = (pieces[:, 1] - pieces[:, 0]).astype(float)
    left, top, right, low = masks.bounds([masks.together(runs)], [height])[0]
    nobody = float((right - left) * (low - top)) - sizes[marked.any(axis=1)].sum()
    marked = np.vstack([marked, np.zeros((1, len(runs)), dtype=bool)])
    sizes = np.append(np.where(marked[:-1].any(axis=1), sizes, 0.0), max(nobody, 0.0))
    chance, _, _ = staple.chances(marked, sizes, np.asarray(heavy) / np.mean(heavy))
    kept = masks.joined(pieces[(chance[:-1] > 0.5) & marked[:-1].any(axis=1)])
    return masks.mask_of(kept, height, width) if len(kept) else None


def _patterns(runs: Sequence[IntArray]) -> tuple[IntArray, NDArray[np.bool_]]:
    """((k, 2) pieces, (k, n) who marked them)."""
    edges = np.unique(np.concatenate([one.reshape(-1) for one in runs]))
    starts = edges[:-1]
    marked = [np.searchsorted(one.reshape(-1), starts, side="right") % 2 == 1 for one in runs]
    return np.stack([starts, edges[1:]], axis=1), np.stack(marked, axis=1)


def _same_size(
    given: Sequence[Doc], weights: Sequence[float]
) -> tuple[list[IntArray], list[float]]:
    """Runs and weights of the masks on pictures of the first one's size."""
    size = (given[0]["height"], given[0]["width"])
    both = zip(given, weights, strict=True)
    fit = [(one, w) for one, w in both if (one["height"], one["width"]) == size]
    return masks.runs([one for one, _ in fit]), [w for _, w in fit]


# By vote; the rule `masks` estimates masks instead.
GEOMETRIES: dict[str, Merged] = {
    "rect": rect,
    "rotated": rotated,
    "quad": quad,
    "polyline": polyline,
    "keypoints": joints,
    "polygon": polygon,
    "mask": mask,
}
