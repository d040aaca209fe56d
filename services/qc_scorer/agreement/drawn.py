"""The objects of one label, ready to be compared: classes, bounds, and geometry by kind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from services.qc_scorer.agreement import areas, keypoints, masks
from services.qc_scorer.agreement.contract import Doc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
KINDS = {
    **dict.fromkeys(areas.GEOMETRIES, "area"),
    "mask": "mask",
    "keypoints": "keypoints",
    "polyline": "line",
}
_SIDES = ("x", "y", "width", "height")


def things(value: Doc) -> list[Doc]:
    """The objects of a label of shape `objects`, or of shape `boxes` as objects with a `rect`."""
    if "boxes" in value:
        return [_thing(box) for box in value["boxes"].get("boxes", [])]
    return list(value.get("objects", {}).get("objects", []))


def _thing(box: Doc) -> Doc:
    rest = {k: v for k, v in box.items() if k not in _SIDES}
    return {**rest, "rect": {side: box[side] for side in _SIDES if side in box}}


def geometry(thing: Doc) -> str:
    """Name of the geometry that is set."""
    return next(name for name in KINDS if name in thing)


class Drawn:
    """n objects; what is dear to make is made once, and only for those it is asked of."""

    def __init__(self, objects: Sequence[Doc]) -> None:
        self.objects = list(objects)
        self.geometries = [geometry(one) for one in self.objects]
        self.kinds = np.array([KINDS[name] for name in self.geometries], dtype="U9")
        self._runs: dict[int, IntArray] = {}
        self._shapes: dict[int, object] = {}

    def __len__(self) -> int:
        return len(self.objects)

    @cached_property
    def bounds(self) -> FloatArray:
        """(n, 4) left, top, right, bottom."""
        return np.array([self._bounds(i) for i in range(len(self))]).reshape(-1, 4)

    @cached_property
    def rectangular(self) -> NDArray[np.bool_]:
        """(n,) Is it its bounds?"""
        return np.array([name == "rect" for name in self.geometries], dtype=bool)

    def _bounds(self, i: int) -> tuple[float, ...]:
        thing, name = self.objects[i], self.geometries[i]
        if name == "rect":
            left, top, width, height = (thing["rect"].get(side, 0.0) for side in _SIDES)
            return left, top, left + width, top + height
        if name == "mask":
            return masks.bounds(self.runs(i), thing["mask"]["height"])
        if name == "keypoints":
            return keypoints.bounds(thing["keypoints"])
        points = _points(thing, name)
        return (*points.min(axis=0), *points.max(axis=0))

    def drawn_as(self, i: int) -> tuple[str, Doc]:
        """(name of the geometry, the geometry)."""
        return self.geometries[i], self.objects[i][self.geometries[i]]

    def runs(self, i: int) -> IntArray:
        """Pixels of a mask."""
        if i not in self._runs:
            self._runs[i] = masks.runs(self.objects[i]["mask"])
        return self._runs[i]

    def shapes(self, wanted: IntArray) -> NDArray[np.object_]:
        """(k,) areas of some objects."""
        new = [i for i in np.unique(wanted).tolist() if i not in self._shapes]
        self._shapes.update(zip(new, areas.shapes([self.objects[i] for i in new]), strict=True))
        found = np.empty(len(wanted), dtype=object)
        found[:] = [self._shapes[i] for i in wanted.tolist()]
        return found

    def painted(self, i: int, height: int, width: int) -> IntArray:
        """Pixels of a mask, or of an area on a picture of that size; none of a mask of another
        size."""
        thing = self.objects[i]
        if "mask" not in thing:
            return masks.filled(self.shapes(np.array([i]))[0], height, width)
        fits = (thing["mask"]["height"], thing["mask"]["width"]) == (height, width)
        return self.runs(i) if fits else np.empty((0, 2), dtype=np.int64)


def _points(thing: Doc, name: str) -> FloatArray:
    """(n, 2) all places of a geometry that has corners."""
    if name == "rotated":
        return areas.corners(thing["rotated"])
    if name == "polygon":
        flat = [xy for ring in thing["polygon"].get("rings", []) for xy in ring["points"]]
        return np.array(flat, dtype=float).reshape(-1, 2)
    return np.array(thing[name]["points"], dtype=float).reshape(-1, 2)
