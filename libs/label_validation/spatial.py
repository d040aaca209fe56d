"""Boxes, points, tracks and maps in space; metres."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from libs.label_validation.checks import Doc, Misfit, check_classes, check_objects, check_unique
from libs.label_validation.image import area, check_geometry, check_pairs, check_rising

_RANGE = 1000.0
# Of a map's own coordinates: beyond the Earth's own size there is nothing.
_WORLD = 1e8
# How far the length of a quaternion may be from 1.
_UNIT = 1e-3
_ELEMENTS = {"line": "line", "area": "area", "box": "box"}


def check_cuboids(value: Doc, schema: Doc, field: str) -> None:
    """3D boxes in the template's frame."""
    _check_frame(value, schema, field)
    check_objects(value.get("cuboids", []), schema, f"{field}.cuboids")
    for i, cuboid in enumerate(value.get("cuboids", [])):
        _check_pose(cuboid, schema, f"{field}.cuboids[{i}]")


def check_cuboid_tracks(value: Doc, schema: Doc, field: str) -> None:
    """3D boxes over time, by rising frames."""
    _check_frame(value, schema, field)
    tracks = value.get("tracks", [])
    check_objects(tracks, schema, f"{field}.tracks")
    for i, track in enumerate(tracks):
        path, frames = f"{field}.tracks[{i}].frames", track.get("frames", [])
        check_rising([f.get("frame", 0) for f in frames], path)
        for j, frame in enumerate(frames):
            _check_pose(frame, schema, f"{path}[{j}]")


def _check_frame(value: Doc, schema: Doc, field: str) -> None:
    wanted, given = schema.get("frame", ""), value.get("frame", "")
    if wanted and given != wanted:
        words = f"is {given[:100]!r}; the template labels in the frame {wanted!r}"
        raise Misfit(f"{field}.frame", words)


def _check_pose(box: Doc, schema: Doc, field: str) -> None:
    size = [box.get("size", {}).get(k, 0.0) for k in "xyz"]
    if min(size) <= 0:
        raise Misfit(f"{field}.size", "length, width and height must be above zero")
    _check_range([box.get("centre", {}).get(k, 0.0) for k in "xyz"], schema, f"{field}.centre")
    if "rotation" in box:
        length = math.hypot(*(box["rotation"].get(k, 0.0) for k in "wxyz"))
        if abs(length - 1) > _UNIT:
            raise Misfit(f"{field}.rotation", f"has length {length:g}; a rotation has length 1")


def _check_range(numbers: Sequence[float], schema: Doc, field: str) -> None:
    usual = _WORLD if schema.get("frame") == "world" else _RANGE
    most = schema.get("range") or usual
    if any(abs(n) > most for n in numbers):
        raise Misfit(field, f"is more than {most:g} m away; are these metres, in the right frame?")


def check_points(value: Doc, schema: Doc, field: str) -> None:
    """Runs that number the template's classes and sum up to the points."""
    classes = value.get("classes", [])
    check_classes(classes, schema.get("classes", []), f"{field}.classes")
    count = value.get("count", 0)
    _check_runs(value.get("class_runs", []), count, len(classes), f"{field}.class_runs")
    if value.get("object_runs"):
        _check_runs(value["object_runs"], count, None, f"{field}.object_runs")


def _check_runs(runs: Sequence[int], count: int, most: int | None, field: str) -> None:
    if len(runs) % 2:
        raise Misfit(field, "must be pairs of a number and a length")
    numbers, lengths = runs[0::2], runs[1::2]
    if any(length <= 0 for length in lengths) or sum(lengths) != count:
        raise Misfit(field, f"the lengths sum up to {sum(lengths)}, and there are {count} points")
    if any(n < 0 or (most is not None and n > most) for n in numbers):
        raise Misfit(field, f"numbers go from 0 to {most if most is not None else 'any'}")


def check_map(value: Doc, schema: Doc, field: str) -> None:
    """Lines, areas and rectangles on the ground."""
    _check_frame(value, schema, field)
    elements = value.get("elements", [])
    check_objects(elements, schema, f"{field}.elements")
    allowed = schema.get("geometries") or list(_ELEMENTS)
    for i, element in enumerate(elements):
        found = [g for g in _ELEMENTS if g in element]
        path = f"{field}.elements[{i}]"
        if len(found) != 1 or found[0] not in allowed:
            raise Misfit(path, f"must be drawn as one of {', '.join(allowed)}")
        _check_element(element[found[0]], found[0], schema, f"{path}.{found[0]}")


def _check_element(geometry: Doc, kind: str, schema: Doc, field: str) -> None:
    if kind == "box":
        if geometry.get("length", 0.0) <= 0 or geometry.get("width", 0.0) <= 0:
            raise Misfit(field, "length and width must be above zero")
        _check_range([geometry.get("x", 0.0), geometry.get("y", 0.0)], schema, field)
        return
    for path, points in _lines(geometry, field):
        check_pairs(points, 3 if kind == "area" else 2, 3, path)
        _check_range(points, schema, path)
        if kind == "area" and not area([c for i, c in enumerate(points) if i % 3 < 2]):
            raise Misfit(path, "encloses nothing: its corners lie on one line")


def _lines(geometry: Doc, field: str) -> Iterator[tuple[str, Sequence[float]]]:
    yield field, geometry.get("points", [])
    for i, hole in enumerate(geometry.get("holes", [])):
        yield f"{field}.holes[{i}]", hole.get("points", [])


def check_fusion(value: Doc, schema: Doc, field: str) -> None:
    """3D boxes, objects per camera, and links between those that are there."""
    cuboids = value.get("cuboids", {})
    if cuboids:
        check_cuboids(cuboids, schema, f"{field}.cuboids")
    cameras = value.get("cameras", [])
    check_unique([c.get("camera", "") for c in cameras], f"{field}.cameras", "camera")
    seen = set()
    for i, camera in enumerate(cameras):
        path = f"{field}.cameras[{i}].objects"
        objects = camera.get("objects", [])
        check_objects(objects, {**schema, "min_objects": 0}, path)
        for j, one in enumerate(objects):
            check_geometry(one, schema, f"{path}[{j}]")
        seen |= {(camera.get("camera", ""), one["id"]) for one in objects if one.get("id")}
    boxes = {one["id"] for one in cuboids.get("cuboids", []) if one.get("id")}
    for i, link in enumerate(value.get("links", [])):
        _check_link(link, boxes, seen, f"{field}.links[{i}]")


def _check_link(link: Doc, boxes: set[str], seen: set[tuple[str, str]], field: str) -> None:
    if link.get("cuboid", "") not in boxes:
        raise Misfit(f"{field}.cuboid", f"no 3D box has the id {link.get('cuboid', '')[:100]!r}")
    camera, one = link.get("camera", ""), link.get("object", "")
    if (camera, one) not in seen:
        raise Misfit(f"{field}.object", f"camera {camera[:100]!r} has no object {one[:100]!r}")
