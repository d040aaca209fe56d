"""The field's numbers of maps: average precision of scored elements at Chamfer distances (HDMapNet,
Li et al. 2022; MapTR, Liao et al. 2023), and the IoU of what areas cover.

As there, each element is `PLACES` places evenly along it, ends included; the distance of two is the
mean from the places of one to the nearest of the other, both ways.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from services.qc_scorer.losses.protocol import Doc
from services.qc_scorer.losses.space.maps import Ground, elements_of, near

FloatArray = NDArray[np.float64]
# Metres below which two are one.
THRESHOLDS = (0.5, 1.0, 1.5)
PLACES = 100


@dataclass(frozen=True)
class Measured:
    """AP by class at each of `THRESHOLDS`, and the mean over both, 0 to 1."""

    by_class: dict[str, tuple[float, ...]]
    mean: float


def measure(pairs: Iterable[tuple[Doc, Doc]]) -> Measured:
    """From (truth, label) of many scenes, labels with scores; classes that the truth has."""
    hits: dict[str, list[tuple[float, tuple[bool, ...]]]] = defaultdict(list)
    units: dict[str, int] = defaultdict(int)
    for truth, label in pairs:
        true, said = elements_of(truth), elements_of(label)
        for one in true:
            units[one.get("class", "")] += 1
        for one, found in zip(said, _hits(true, said), strict=True):
            hits[one.get("class", "")].append((one.get("score", 0.0), found))
    by_class = {name: _precision(hits[name], units[name]) for name in units}
    every = [ap for aps in by_class.values() for ap in aps]
    return Measured(by_class, float(np.mean(every)) if every else 1.0)


def _hits(truth: Sequence[Doc], label: Sequence[Doc]) -> list[tuple[bool, ...]]:
    """At each threshold: is an element of the label the first, the surest before the others, whose
    nearest of the truth is that near?"""
    nearest = np.full(len(label), -1)
    metres = np.full(len(label), np.inf)
    sides = Ground(truth), Ground(label)
    places = [_places(side) for side in sides]
    trees = [[KDTree(points) for points in side] for side in places]
    for pairs in near(*sides, THRESHOLDS[-1]):
        for i, j in pairs.tolist():
            there = trees[1][j].query(places[0][i])[0].mean()
            far = (there + trees[0][i].query(places[1][j])[0].mean()) / 2.0
            if far < metres[j]:
                nearest[j], metres[j] = i, far
    found = np.zeros((len(label), len(THRESHOLDS)), dtype=bool)
    for k, most in enumerate(THRESHOLDS):
        taken: set[int] = set()
        for j in sorted(range(len(label)), key=lambda j: -label[j].get("score", 0.0)):
            found[j, k] = metres[j] <= most and int(nearest[j]) not in taken
            if found[j, k]:
                taken.add(int(nearest[j]))
    return [tuple(row) for row in found.tolist()]


def _places(ground: Ground) -> FloatArray:
    """(n, `PLACES`, 2)"""
    share = np.linspace(0.0, 1.0, PLACES)
    paths = ground.paths.lines[:, None]
    places = shapely.line_interpolate_point(paths, share[None, :], normalized=True)
    return shapely.get_coordinates(places).reshape(len(ground), PLACES, 2)


def _precision(hits: list[tuple[float, tuple[bool, ...]]], units: int) -> tuple[float, ...]:
    """Area below the curve of the best precision at each recall or a higher one."""
    ranked = sorted(hits, key=lambda one: -one[0])
    right = np.array([found for _, found in ranked], dtype=float).reshape(-1, len(THRESHOLDS))
    sums = np.cumsum(right, axis=0)
    recall = sums / units
    precision = sums / np.arange(1, len(right) + 1)[:, None]
    envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    steps = np.diff(recall, axis=0, prepend=0.0)
    return tuple((steps * envelope).sum(axis=0).tolist())


def area_iou(truth: Doc, label: Doc) -> dict[str, float]:
    """By class, of the ground that its areas and boxes cover."""
    covered = []
    for side in (truth, label):
        shapes: dict[str, list[shapely.Geometry]] = defaultdict(list)
        ground = Ground([one for one in elements_of(side) if "line" not in one])
        for (name, _), area in zip(ground.names, ground.shapes, strict=True):
            shapes[name].append(area)
        covered.append({name: shapely.union_all(some) for name, some in shapes.items()})
    found = {}
    for name in covered[0].keys() | covered[1].keys():
        a, b = (side.get(name, shapely.Polygon()) for side in covered)
        whole = shapely.area(shapely.union(a, b))
        found[name] = float(shapely.area(shapely.intersection(a, b)) / whole) if whole else 1.0
    return found
