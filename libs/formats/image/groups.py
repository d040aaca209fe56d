"""Shapes of one group as one object, for formats that know only single shapes.

Polygons of one class make one polygon of several parts; key points and the box around them make
key points with their box. Other groups fall apart, which is told.
"""

from __future__ import annotations

from collections.abc import Iterable

from libs.formats import Doc


def joined(shapes: Iterable[tuple[object, Doc]], left_out: list[str]) -> list[Doc]:
    """Objects of (group or a false value, shape), in the order of their first shape."""
    groups: dict[object, list[Doc]] = {}
    for place, (group, one) in enumerate(shapes):
        groups.setdefault(group or ("alone", place), []).append(one)
    objects: list[Doc] = []
    for members in groups.values():
        objects += _join(members, left_out)
    return objects


def _join(members: list[Doc], left_out: list[str]) -> list[Doc]:
    if len(members) == 1:
        return members
    classes = {one["class"] for one in members}
    if len(classes) == 1 and all("polygon" in one for one in members):
        rings = [ring for one in members for ring in one["polygon"]["rings"]]
        return [{**members[0], "polygon": {"rings": rings}}]
    points = [one for one in members if "keypoints" in one]
    boxes = [one for one in members if "rect" in one]
    if len(members) == 2 and len(points) == len(boxes) == 1 and len(classes) == 1:
        return [{**points[0], "keypoints": {**points[0]["keypoints"], "rect": boxes[0]["rect"]}}]
    left_out.append("groups of shapes")
    return members
