"""The objects of one label, ready to be compared: classes, bounds, and geometry by kind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from services.qc_scorer.losses.image import areas, keypoints, masks
from services.qc_scorer.losses.protocol import Doc
from services.qc_scorer.losses.space import lines

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# What a geometry is compared as; a rectangle is an area that needs no outline.
RECT, AREA, MASK, KEYPOINTS, LINE = range(5)
KINDS = {
    "rect": RECT,
    "rotated": AREA,
    "polygon": AREA,
    "quad": AREA,
    "mask": MASK,
    "keypoints": KEYPOINTS,
    "polyline": LINE,
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
    if "rect" in thing:
        return "rect"
    return next(name for name in thing if name in KINDS)


class Drawn:
    """n objects. What is dear to make is made once, for all of them, when it is first asked for;
    for those of two labels together, where they are drawn `beside` each other."""

    def __init__(
        self, objects: Sequence[Doc], both: Drawn | None = None, part: slice = slice(0)
    ) -> None:
        """both, part: what these are drawn with, and which of it they are."""
        self.objects = list(objects)
        self._both, self._part = both, part
        self.geometries: list[str]
        self._kinds: list[int]
        if both is not None:
            self.geometries, self._kinds = both.geometries[part], both._kinds[part]
        else:
            self.geometries = [geometry(one) for one in self.objects]
            self._kinds = [KINDS[name] for name in self.geometries]

    @staticmethod
    def beside(a: Sequence[Doc], b: Sequence[Doc]) -> tuple[Drawn, Drawn]:
        """Of the objects of two labels that are compared."""
        both = Drawn([*a, *b])
        first, second = slice(0, len(a)), slice(len(a), len(a) + len(b))
        return Drawn(a, both, first), Drawn(b, both, second)

    def __len__(self) -> int:
        return len(self.objects)

    @cached_property
    def kinds(self) -> IntArray:
        """(n,) numbers of `KINDS`."""
        if self._both is not None:
            return self._both.kinds[self._part]
        return np.array(self._kinds, dtype=np.int64)

    @property
    def kind(self) -> int | None:
        """The number of `KINDS` that all are of; None where they differ."""
        first, *others = self._kinds or (None,)
        return None if any(kind != first for kind in others) else first

    @cached_property
    def sides(self) -> FloatArray:
        """(n, 4) x, y, width, height; of rectangles alone."""
        found = [[one["rect"].get(side, 0.0) for side in _SIDES] for one in self.objects]
        return np.array(found, dtype=np.float64).reshape(-1, 4)

    @cached_property
    def classes(self) -> list[str]:
        return [one.get("class", "") for one in self.objects]

    @cached_property
    def bounds(self) -> FloatArray:
        """(n, 4) left, top, right, bottom. Not a number where nothing is in it."""
        if self._both is not None:
            return self._both.bounds[self._part]
        if not any(self._kinds):
            corners = [_corners(one["rect"]) for one in self.objects]
            return np.array(corners, dtype=float).reshape(-1, 4)
        made = np.empty((len(self), 4))
        for kind in set(self._kinds):
            at = self._at(kind)
            made[at] = self._bounds(kind, at)
        return made

    def _bounds(self, kind: int, at: list[int]) -> FloatArray | list[tuple[float, ...]]:
        if kind == RECT:
            return [_corners(self.objects[i]["rect"]) for i in at]
        if kind == MASK:
            return masks.frames(self.encoded)
        if kind == KEYPOINTS:
            return [keypoints.bounds(self.objects[i]["keypoints"]) for i in at]
        return np.asarray(shapely.bounds(self.areas[at] if kind == AREA else self.paths.lines))

    def _at(self, *kinds: int) -> list[int]:
        return [i for i, kind in enumerate(self._kinds) if kind in kinds]

    @cached_property
    def areas(self) -> NDArray[np.object_]:
        """(n,) areas, of what is one."""
        if self._both is not None:
            return self._both.areas[self._part]
        made, at = np.empty(len(self), dtype=object), self._at(RECT, AREA)
        made[at] = areas.shapes([self.objects[i] for i in at])
        return made

    @cached_property
    def paths(self) -> lines.Paths:
        """Of all lines, in their order."""
        return lines.paths([self.objects[i]["polyline"] for i in self._at(LINE)])

    @cached_property
    def places(self) -> IntArray:
        """(n,) place among the objects of the same kind."""
        made = np.empty(len(self), dtype=np.int64)
        for kind in set(self._kinds):
            at = self._at(kind)
            made[at] = np.arange(len(at))
        return made

    @cached_property
    def encoded(self) -> list[Doc]:
        """All masks, in their order, as pycocotools reads them."""
        if self._both is not None:
            before = self._both._kinds[: self._part.start].count(MASK)
            return self._both.encoded[before : before + self._kinds.count(MASK)]
        return [masks.encoded(self.objects[i]["mask"]) for i in self._at(MASK)]

    @cached_property
    def runs(self) -> dict[int, IntArray]:
        """Pixels of the masks, by place."""
        if self._both is not None:
            runs, first = self._both.runs, self._part.start
            return {i: runs[first + i] for i in self._at(MASK)}
        at = self._at(MASK)
        return dict(zip(at, masks.runs([self.objects[i]["mask"] for i in at]), strict=True))

    @cached_property
    def joints(self) -> keypoints.Table:
        """Key points of all; none of what has none."""
        return keypoints.table([one.get("keypoints", {}) for one in self.objects])

    def drawn_as(self, i: int) -> tuple[str, Doc]:
        """(name of the geometry, the geometry)."""
        return self.geometries[i], self.objects[i][self.geometries[i]]

    def painted(self, i: int, height: int, width: int) -> IntArray:
        """Pixels of a mask, or of an area on a picture of that size; none of a mask of another
        size, nor of lines and key points."""
        thing, nothing = self.objects[i], np.empty((0, 2), dtype=np.int64)
        if self._kinds[i] in (RECT, AREA):
            return masks.filled(self.areas[i], height, width)
        if self._kinds[i] != MASK:
            return nothing
        fits = (thing["mask"]["height"], thing["mask"]["width"]) == (height, width)
        return self.runs[i] if fits else nothing


def _corners(rect: Doc) -> tuple[float, float, float, float]:
    left, top = rect.get("x", 0.0), rect.get("y", 0.0)
    return left, top, left + rect.get("width", 0.0), top + rect.get("height", 0.0)
