"""What lies on the ground: lines, areas, boxes, compared from above; metres.

Two are one where class and attributes agree and what is drawn is at most the tolerance apart: lines
by their mean distance both ways (Chamfer), areas and boxes by that of their outlines, holes with
them. Lines of a class that has a direction are compared by the Frechet distance, for which one that
runs the other way is another line, and boxes of such a class must head the same way. Heights are
not compared. An element missed, extra, misplaced, of another class or attributes is an error; one
misplaced is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np
import shapely
from numpy.typing import NDArray

from services.qc_scorer.losses.matching import MOST_CELLS, best, surest
from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss
from services.qc_scorer.losses.space import lines

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Metres that two may be apart unless the template says otherwise.
REACH = 1.0
# Of pairs that fit equally well, those that also say the same are one.
PREFERRED = 1e-6


@dataclass(frozen=True)
class Rule:
    """How elements are compared. `directed`: classes that have a direction."""

    reach: float = REACH
    directed: frozenset[str] = frozenset()


class Ground:
    """n elements as paths: lines as they run, outlines of areas and boxes."""

    def __init__(self, elements: Sequence[Doc]) -> None:
        self.elements = list(elements)
        drawn = [shape(one) for one in self.elements]
        self.shapes = np.array(drawn, dtype=object)
        closed = shapely.get_dimensions(self.shapes) == 2
        paths = self.shapes.copy()
        paths[closed] = shapely.boundary(self.shapes[closed])
        self.paths = lines.along(paths)
        # Only lines are compared with lines.
        self.names = [(one.get("class", ""), "line" in one and "line") for one in self.elements]

    def __len__(self) -> int:
        return len(self.elements)


def elements_of(value: Doc) -> list[Doc]:
    return list(value.get("map", {}).get("elements", []))


def flat(points: Sequence[float]) -> FloatArray:
    """(n, 2) of x1, y1, z1, x2, ..."""
    return np.array(points, dtype=float).reshape(-1, 3)[:, :2]


def shape(element: Doc) -> shapely.Geometry:
    """A line, or an area whose outline does not cross itself; the outline of what encloses
    nothing."""
    if "line" in element:
        return shapely.linestrings(flat(element["line"]["points"]))
    if "box" in element:
        return shapely.polygons(corners(element["box"]))
    area = element["area"]
    holes = [flat(hole["points"]) for hole in area.get("holes", []) if len(hole["points"]) > 8]
    made = shapely.Polygon(flat(area["points"]), holes)
    if shapely.is_valid(made):
        return made
    mended = shapely.make_valid(made, method="structure", keep_collapsed=False)
    # What encloses nothing is still drawn somewhere.
    return shapely.LinearRing(flat(area["points"])) if mended.is_empty else mended


def corners(box: Doc) -> FloatArray:
    """(4, 2), anticlockwise from the front left."""
    turn = box.get("yaw", 0.0)
    ahead = np.array([np.cos(turn), np.sin(turn)]) * box.get("length", 0.0) / 2.0
    left = np.array([-np.sin(turn), np.cos(turn)]) * box.get("width", 0.0) / 2.0
    centre = np.array([box.get("x", 0.0), box.get("y", 0.0)])
    return np.array(
        [centre + ahead + left, centre - ahead + left, centre - ahead - left, centre + ahead - left]
    )


class Compared(NamedTuple):
    """Pairs (m, 2) that are one; places of those without a partner; pairs that say else."""

    pairs: IntArray
    missing: list[int]
    extra: list[int]
    changed: int


def compare(truth: Sequence[Doc], label: Sequence[Doc], rule: Rule) -> Compared:
    """Two lists of `MapElement`."""
    pairs = matched(Ground(truth), Ground(label), rule)
    missing = sorted(set(range(len(truth))) - set(pairs[:, 0].tolist()))
    extra = sorted(set(range(len(label))) - set(pairs[:, 1].tolist()))
    changed = sum(_says(truth[i]) != _says(label[j]) for i, j in pairs.tolist())
    return Compared(pairs, missing, extra, changed)


def matched(a: Ground, b: Ground, rule: Rule) -> IntArray:
    """(m, 2) elements that are one."""
    found = [surest(block, _gains(a, b, block, rule)) for block in near(a, b, rule.reach)]
    if not found:
        return np.empty((0, 2), dtype=np.int64)
    pairs = np.concatenate([some for some, _ in found])
    alike = np.concatenate([some for _, some in found])
    same = [_says(a.elements[i]) == _says(b.elements[j]) for i, j in pairs.tolist()]
    return best(pairs, alike + PREFERRED * np.array(same), (len(a), len(b)))


def near(a: Ground, b: Ground, reach: float) -> Iterator[IntArray]:
    """Blocks of (k, 2) pairs of one class and kind of which any two places are within reach."""
    if not len(a) or not len(b):
        return
    numbers = {name: i for i, name in enumerate({*a.names, *b.names})}
    mine, theirs = (np.array([numbers[name] for name in side.names]) for side in (a, b))
    tree = shapely.STRtree(b.paths.lines)
    step = max(1, MOST_CELLS // len(b))
    for start in range(0, len(a), step):
        some = a.paths.lines[start : start + step]
        grown = shapely.bounds(some) + (reach + EPSILON) * np.array([-1.0, -1.0, 1.0, 1.0])
        left, right = tree.query(shapely.box(*grown.T))
        left = left + start
        same = mine[left] == theirs[right]
        left, right = left[same], right[same]
        close = shapely.dwithin(a.paths.lines[left], b.paths.lines[right], reach + EPSILON)
        pairs = np.stack([left[close], right[close]], axis=1).astype(np.int64)
        yield pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def apart(a: Ground, b: Ground, pairs: IntArray, rule: Rule) -> FloatArray:
    """(k,) metres between the two of each pair."""
    left, right = a.paths.of(pairs[:, 0]), b.paths.of(pairs[:, 1])
    found = lines.distance(left, right)
    told = [i for i, (k, _) in enumerate(pairs.tolist()) if a.names[k][0] in rule.directed]
    for i in told:
        one, other = a.elements[pairs[i, 0]], b.elements[pairs[i, 1]]
        if "line" in one:
            found[i] = frechet(left.places[i], right.places[i])
        elif "box" in one and "box" in other:
            turn = one["box"].get("yaw", 0.0) - other["box"].get("yaw", 0.0)
            found[i] = found[i] if np.cos(turn) > 0 else np.inf
    return found


def frechet(a: NDArray[np.object_], b: NDArray[np.object_]) -> float:
    """Discrete Frechet distance (Eiter and Mannila 1994) of two rows of points."""
    return float(
        shapely.frechet_distance(
            shapely.linestrings(shapely.get_coordinates(a)),
            shapely.linestrings(shapely.get_coordinates(b)),
        )
    )


def _gains(a: Ground, b: Ground, pairs: IntArray, rule: Rule) -> FloatArray:
    """(k,) how alike, above 0 to 1; 0 where they are not one."""
    metres = apart(a, b, pairs, rule)
    close = metres <= rule.reach + EPSILON
    return np.where(close, 1.0 / (1.0 + metres / max(rule.reach, EPSILON)), 0.0)


def _says(element: Doc) -> Doc:
    said: Doc = element.get("attributes", {})
    return said


def _loss(rule: Rule) -> Loss:
    def tolerant(tolerance: float | None) -> Rule:
        return rule if tolerance is None else replace(rule, reach=tolerance)

    def errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
        true = elements_of(truth)
        found = compare(true, elements_of(label), tolerant(tolerance))
        wrong = max(len(found.missing), len(found.extra)) + found.changed
        return Errors(float(wrong), float(len(true)))

    def distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
        """Share of all elements, told apart, that only one has or that are not equal."""
        found = compare(elements_of(a), elements_of(b), tolerant(tolerance))
        wrong = len(found.missing) + len(found.extra) + found.changed
        return wrong / max(1, len(found.pairs) + len(found.missing) + len(found.extra))

    def options(said: Mapping[str, str]) -> Loss:
        names = filter(None, said.get("directed", "").split(","))
        return _loss(replace(rule, directed=frozenset(map(unquote, names))))

    return Loss(distance, errors, options=options)


MAP = _loss(Rule())
