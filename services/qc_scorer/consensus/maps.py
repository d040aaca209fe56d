"""Elements of a ground map that more than half of the weight drew, each made of those that are one:
lines place by place, areas by weighted majority of the ground they cover, boxes by medians."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.qc_scorer.consensus import geometries
from services.qc_scorer.consensus.objects import Group, agreed, attributes
from services.qc_scorer.losses.protocol import Doc
from services.qc_scorer.losses.space.maps import Ground, Rule, elements_of, matched

FloatArray = NDArray[np.float64]
# Two that are this many metres apart may still be meant to be one; lanes are wider.
SAME = Rule(reach=2.0)
_KINDS = ("line", "area", "box")


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    """In the frame of the heaviest; maps in another frame are not on its ground, and left out."""
    order = sorted(range(len(values)), key=lambda i: -weights[i])
    frame = values[order[0]].get("map", {}).get("frame", "")
    groups: list[Group] = []
    for index in order:
        if values[index].get("map", {}).get("frame", "") != frame:
            continue
        drawn = elements_of(values[index])
        heads = Ground([group.members[0] for group in groups])
        pairs = {j: i for i, j in matched(heads, Ground(drawn), SAME).tolist()}
        for j, element in enumerate(drawn):
            if j not in pairs:
                groups.append(Group([], []))
            group = groups[pairs.get(j, -1)]
            group.members.append(element)
            group.weights.append(weights[index])
    kept = [group for group in groups if 2.0 * sum(group.weights) > sum(weights)]
    made = [_merged(group, sum(weights)) for group in kept]
    told = {"frame": frame} if frame else {}
    return {"map": {**told, "elements": [one for one in made if one is not None]}}


def _merged(group: Group, whole: float) -> Doc | None:
    kinds = [next(kind for kind in _KINDS if kind in one) for one in group.members]
    kind = str(geometries.heaviest(kinds, group.weights))
    same = [i for i, other in enumerate(kinds) if other == kind]
    drawn = [group.members[i][kind] for i in same]
    way = {"line": line, "area": area, "box": box}[kind]
    made = agreed(drawn, [group.weights[i] for i in same], whole, way)
    if made is None:
        return None
    head = group.members[0]
    kept = {"id": head["id"]} if "id" in head else {}
    return {"class": head.get("class", ""), **kept, **attributes(group), kind: made}


def line(given: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc:
    """Weighted mean, place by place along the lines: where the line with most points has them.
    Lines that run the other way than most of the weight are turned round."""
    drawn = [np.array(one["points"], dtype=float).reshape(-1, 3) for one in given]
    ways = [_same_way(points, drawn[0]) for points in drawn]
    turned = geometries.heaviest(ways, weights)
    read = [
        points if way == turned else points[::-1] for points, way in zip(drawn, ways, strict=True)
    ]
    finest = _shares(max(read, key=len))
    along = np.array([_at(points, finest) for points in read])
    return {"points": np.average(along, axis=0, weights=weights).reshape(-1).tolist()}


def _same_way(points: FloatArray, first: FloatArray) -> bool:
    ends, wanted = points[[0, -1], :2], first[[0, -1], :2]
    return bool(np.abs(ends - wanted).sum() <= np.abs(ends[::-1] - wanted).sum())


def _shares(points: FloatArray) -> FloatArray:
    """(n,) way on the ground to each point, as a share of the line."""
    steps = np.hypot(*np.diff(points[:, :2], axis=0).T)
    ways = np.concatenate([[0.0], np.cumsum(steps)])
    return ways / ways[-1] if ways[-1] else np.linspace(0.0, 1.0, len(ways))


def _at(points: FloatArray, share: FloatArray) -> FloatArray:
    """(m, 3) places of a line at shares (m,) of its way."""
    own = _shares(points)
    return np.stack([np.interp(share, own, points[:, axis]) for axis in range(3)], axis=1)


def area(given: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc | None:
    """The ground that more than half of the weight of all has inside; of several parts the largest.
    Heights are those of the nearest corner that anybody drew."""
    made = geometries.polygon([_rings(one) for one in given], weights, whole)
    if made is None:
        return None
    parts: list[list[Doc]] = []
    for ring in made["rings"]:
        if not ring.get("hole"):
            parts.append([])
        parts[-1].append(ring)
    outer, *holes = max(parts, key=lambda part: _size(part[0]["points"]))
    known = np.concatenate([np.reshape(one["points"], (-1, 3)) for one in given])
    inner = [{"points": _lifted(hole["points"], known)} for hole in holes]
    return {"points": _lifted(outer["points"], known), **({"holes": inner} if inner else {})}


def _rings(given: Doc) -> Doc:
    """As a `Polygon`."""
    rings = [(given["points"], False), *((hole["points"], True) for hole in given.get("holes", []))]
    return {
        "rings": [
            {"points": np.reshape(points, (-1, 3))[:, :2].reshape(-1).tolist(), "hole": hole}
            for points, hole in rings
        ]
    }


def _size(points: Sequence[float]) -> float:
    x, y = np.reshape(points, (-1, 2)).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2.0


def _lifted(points: Sequence[float], known: FloatArray) -> list[float]:
    """x, y, z, ... of x, y, ..."""
    corners = np.reshape(points, (-1, 2))
    nearest = [int(np.hypot(*(known[:, :2] - corner).T).argmin()) for corner in corners]
    return [float(v) for row in np.column_stack([corners, known[nearest, 2]]) for v in row]


def box(given: Sequence[Doc], weights: Sequence[float], whole: float) -> Doc:
    """As a turned rectangle is merged: medians, and the circular mean of the headings."""
    turned = [
        {
            **{axis: one.get(axis, 0.0) for axis in "xy"},
            **{"width": one["length"], "height": one["width"]},
            "angle": math.degrees(one.get("yaw", 0.0)),
        }
        for one in given
    ]
    made = geometries.rotated(turned, weights, whole)
    sides = {"length": made["width"], "width": made["height"]}
    return {"x": made["x"], "y": made["y"], **sides, "yaw": math.radians(made["angle"])}
