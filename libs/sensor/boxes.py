"""3D boxes as rows [x, y, z, length, width, height, yaw]: metres and radians; x, y, z is the middle
of the box, `length` lies along `yaw`. Roll and pitch are left out: boxes stand upright.

Overlaps are those of convex polygons (Sutherland and Hodgman 1974), all pairs at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from libs.sensor import rotations

Array = np.ndarray
Doc = dict[str, Any]
_SIGNS = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) / 2
# A rectangle cut by four lines has eight corners at most.
_CORNERS = 8
# Relative to the distances that the side of a line is told from: a few roundings.
_ON_LINE = 1e-13


def vector(doc: Doc | None) -> list[float]:
    """[x, y, z] of a `Vector` document."""
    return [float((doc or {}).get(axis, 0.0)) for axis in "xyz"]


def turn(doc: Doc | None) -> list[float]:
    """[w, x, y, z] of a `Quaternion` document; none is no turn."""
    return [float(doc.get(part, 0.0)) for part in "wxyz"] if doc else [1.0, 0.0, 0.0, 0.0]


def array(docs: Sequence[Doc]) -> Array:
    """(n, 7) of `Cuboid` documents, or of key frames of `CuboidTrack`."""
    if not docs:
        return np.empty((0, 7))
    places = [[*vector(d.get("centre")), *vector(d.get("size"))] for d in docs]
    yaws = rotations.yaw([turn(d.get("rotation")) for d in docs])
    return np.concatenate([np.array(places), yaws[:, None]], axis=1)


def document(row: Array, **rest: Any) -> Doc:
    """The `Cuboid` document of a row (7,), with further fields."""
    x, y, z, length, width, height, yaw = (float(v) for v in row)
    doc: Doc = {
        **rest,
        "centre": vector_doc([x, y, z]),
        "size": vector_doc([length, width, height]),
    }
    return {**doc, "rotation": turn_doc(rotations.of_yaw(yaw))}


def vector_doc(numbers: Sequence[float] | Array) -> Doc:
    """`Vector` document of (3,), zeros left out."""
    return {axis: float(v) for axis, v in zip("xyz", numbers, strict=True) if v}


def turn_doc(numbers: Sequence[float] | Array) -> Doc:
    """`Quaternion` document of (4,), zeros left out."""
    return {part: float(v) for part, v in zip("wxyz", numbers, strict=True) if v}


def footprints(boxes: Array) -> Array:
    """(n, 4, 2) corners on the ground, anticlockwise from front left."""
    cos, sin = np.cos(boxes[:, 6, None]), np.sin(boxes[:, 6, None])
    along, across = _SIGNS[:, 0] * boxes[:, 3, None], _SIGNS[:, 1] * boxes[:, 4, None]
    x = boxes[:, 0, None] + cos * along - sin * across
    y = boxes[:, 1, None] + sin * along + cos * across
    return np.stack([x, y], axis=-1)


def corners(boxes: Array) -> Array:
    """(n, 8, 3): the four of the bottom, anticlockwise from front left, then those above them."""
    flat = np.tile(footprints(boxes), (1, 2, 1))
    half = boxes[:, 5, None] / 2
    bottom, top = boxes[:, 2, None] - half, boxes[:, 2, None] + half
    heights = np.concatenate([np.repeat(bottom, 4, axis=1), np.repeat(top, 4, axis=1)], axis=1)
    return np.concatenate([flat, heights[..., None]], axis=-1)


def centre_distances(a: Array, b: Array) -> Array:
    """(n, m) metres between the centres on the ground."""
    return np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])


def bev_iou(a: Array, b: Array) -> Array:
    """(n, m) intersection over union of the footprints, 0 to 1."""
    return _all_pairs(paired_bev_iou, a, b)


def iou_3d(a: Array, b: Array) -> Array:
    """(n, m) intersection over union of the volumes, 0 to 1."""
    return _all_pairs(paired_iou_3d, a, b)


def paired_bev_iou(a: Array, b: Array) -> Array:
    """(k,) intersection over union of the footprints of rows of (k, 7) with rows of (k, 7)."""
    shared = _shared(footprints(a), footprints(b))
    return _over(shared, a[:, 3] * a[:, 4] + b[:, 3] * b[:, 4] - shared)


def paired_iou_3d(a: Array, b: Array) -> Array:
    """(k,) as `paired_bev_iou`, of the volumes."""
    top = np.minimum(a[:, 2] + a[:, 5] / 2, b[:, 2] + b[:, 5] / 2)
    bottom = np.maximum(a[:, 2] - a[:, 5] / 2, b[:, 2] - b[:, 5] / 2)
    shared = _shared(footprints(a), footprints(b)) * np.maximum(top - bottom, 0)
    return _over(shared, a[:, 3:6].prod(axis=1) + b[:, 3:6].prod(axis=1) - shared)


def _all_pairs(paired: Callable[[Array, Array], Array], a: Array, b: Array) -> Array:
    """(n, m) of what may touch; 0 of the others."""
    out = np.zeros((len(a), len(b)))
    reach = (np.hypot(a[:, 3], a[:, 4])[:, None] + np.hypot(b[:, 3], b[:, 4])[None, :]) / 2
    i, j = np.nonzero(centre_distances(a, b) < reach)
    out[i, j] = paired(a[i], b[j])
    return out


def inside(points: Array, boxes: Array) -> Array:
    """(n, p) bool: which of the points (p, 3) lie in each box, its border included."""
    out = np.zeros((len(boxes), len(points)), dtype=bool)
    for number, (x, y, z, length, width, height, yaw) in enumerate(boxes):
        near = np.abs(points - (x, y, z)) <= np.array([np.hypot(length, width)] * 2 + [height]) / 2
        chosen = np.flatnonzero(near.all(axis=1))
        off = points[chosen, :2] - (x, y)
        along = off @ (np.cos(yaw), np.sin(yaw))
        across = off @ (-np.sin(yaw), np.cos(yaw))
        out[number, chosen] = (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)
    return out


def _over(shared: Array, union: Array) -> Array:
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def _shared(first: Array, second: Array) -> Array:
    """(k,) areas that convex polygons (k, 4, 2), anticlockwise, share pair by pair: the first is
    cut by every side of the second."""
    count = len(first)
    polygon = np.zeros((count, _CORNERS, 2))
    polygon[:, :4] = first
    sizes = np.full(count, 4)
    for side in range(4):
        start, end = second[:, side], second[:, (side + 1) % 4]
        polygon, sizes = _cut(polygon, sizes, start, end - start)
    return _areas(polygon, sizes)


def _cut(polygon: Array, sizes: Array, start: Array, along: Array) -> tuple[Array, Array]:
    """What of each polygon (k, 8, 2), of which `sizes` corners count, is left of a line."""
    count = np.arange(_CORNERS)
    used = count < sizes[:, None]
    off = polygon - start[:, None]
    side = along[:, None, 0] * off[..., 1] - along[:, None, 1] * off[..., 0]
    # Rounding must not put the corners of a side on the line to both sides of it in turn: each
    # change would add a corner, and a convex polygon has two of them.
    reach = np.abs(along).sum(axis=1)[:, None] * np.abs(off).sum(axis=2)
    side[np.abs(side) <= _ON_LINE * reach] = 0
    after = np.where(count + 1 < sizes[:, None], count + 1, 0)
    rows = np.arange(len(polygon))[:, None]
    next_corner, next_side = polygon[rows, after], side[rows, after]
    crosses = used & ((side >= 0) != (next_side >= 0))
    step = side - next_side
    part = np.divide(side, step, out=np.zeros_like(side), where=crosses)
    crossing = polygon + part[..., None] * (next_corner - polygon)
    kept = used & (side >= 0)
    # Each corner gives itself where it is kept, then the crossing behind it.
    points = np.stack([polygon, crossing], axis=2).reshape(len(polygon), 2 * _CORNERS, 2)
    given = np.stack([kept, crosses], axis=2).reshape(len(polygon), 2 * _CORNERS)
    order = np.argsort(~given, axis=1, kind="stable")[:, :_CORNERS]
    return points[rows, order], given.sum(axis=1)


def _areas(polygon: Array, sizes: Array) -> Array:
    """(k,) areas of polygons (k, 8, 2) of which `sizes` corners count."""
    count = np.arange(_CORNERS)
    used = count < sizes[:, None]
    after = np.where(count + 1 < sizes[:, None], count + 1, 0)
    origin = polygon[:, :1]
    here = polygon - origin
    there = here[np.arange(len(polygon))[:, None], after]
    cross = here[..., 0] * there[..., 1] - here[..., 1] * there[..., 0]
    return np.asarray(np.maximum(np.where(used, cross, 0).sum(axis=1) / 2, 0))
