"""Objects on images, and tracks of them over frames."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from libs.label_validation.checks import Doc, Misfit, check_objects
from libs.sensor import rle

GEOMETRIES = ("rect", "rotated", "polygon", "polyline", "mask", "keypoints", "quad")
_LEAST_AREA = 1e-9


def check_image_objects(value: Doc, schema: Doc, field: str) -> None:
    """Objects, each with one geometry that the template allows."""
    objects = value.get("objects", [])
    check_objects(objects, schema, f"{field}.objects")
    for i, one in enumerate(objects):
        path = f"{field}.objects[{i}]"
        check_geometry(one, schema, path)
        if schema.get("texts") and not one.get("text", "").strip() and not one.get("crowd"):
            raise Misfit(f"{path}.text", "must not be empty")
    if schema.get("exclusive"):
        _check_exclusive([o["mask"] for o in objects if "mask" in o], f"{field}.objects")


def check_tracks(value: Doc, schema: Doc, field: str) -> None:
    """Tracks whose key frames rise and keep one kind of geometry."""
    tracks = value.get("tracks", [])
    check_objects(tracks, schema, f"{field}.tracks")
    for i, track in enumerate(tracks):
        path, frames = f"{field}.tracks[{i}].frames", track.get("frames", [])
        check_rising([f.get("frame", 0) for f in frames], path)
        for j, frame in enumerate(frames):
            check_geometry(frame, schema, f"{path}[{j}]")
        kinds = {next(g for g in GEOMETRIES if g in f) for f in frames}
        if len(kinds) > 1:
            words = f"changes from {' to '.join(sorted(kinds))}; make it two tracks"
            raise Misfit(path, words)


def check_rising(numbers: Sequence[float], field: str) -> None:
    """At least one, and each above the one before."""
    if not numbers:
        raise Misfit(field, "needs at least one key frame")
    for i, (before, after) in enumerate(itertools.pairwise(numbers), 1):
        if after <= before:
            raise Misfit(f"{field}[{i}]", f"frame {after} does not come after {before}")


def check_geometry(one: Doc, schema: Doc, field: str) -> None:
    """One geometry, allowed by the template, that encloses something."""
    found = [g for g in GEOMETRIES if g in one]
    allowed = schema.get("geometries") or GEOMETRIES
    if len(found) != 1 or found[0] not in allowed:
        raise Misfit(field, f"must be drawn as one of {', '.join(allowed)}")
    kind = found[0]
    check_by_kind = _CHECKS.get(kind)
    if check_by_kind is not None:
        check_by_kind(one[kind], schema, f"{field}.{kind}")


def _check_sides(rect: Doc, schema: Doc, field: str) -> None:
    if rect.get("width", 0.0) <= 0 or rect.get("height", 0.0) <= 0:
        raise Misfit(field, "width and height must be above zero")


def _check_rotated(rect: Doc, schema: Doc, field: str) -> None:
    _check_sides(rect, schema, field)
    if not -180 <= rect.get("angle", 0.0) <= 180:
        raise Misfit(f"{field}.angle", "must be degrees from -180 to 180")


def _check_polygon(polygon: Doc, schema: Doc, field: str) -> None:
    rings = polygon.get("rings", [])
    if not any(not ring.get("hole") for ring in rings):
        raise Misfit(field, "has no outer ring")
    for i, ring in enumerate(rings):
        _check_ring(ring.get("points", []), f"{field}.rings[{i}]")


def _check_ring(points: Sequence[float], field: str) -> None:
    check_pairs(points, 3, 2, field)
    if abs(area(points)) < _LEAST_AREA:
        raise Misfit(field, "encloses nothing: its corners lie on one line")


def check_pairs(points: Sequence[float], least: int, size: int, field: str) -> None:
    """At least so many points of so many numbers each."""
    if len(points) % size or len(points) < least * size:
        words = f"{len(points)} numbers; needs {least} points or more of {size} numbers each"
        raise Misfit(field, words)


def area(points: Sequence[float]) -> float:
    """Signed area of a ring (x1, y1, x2, y2, ...)."""
    corners = np.asarray(points, dtype=float).reshape(-1, 2)
    x, y = (corners - corners[0]).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _check_line(line: Doc, schema: Doc, field: str) -> None:
    check_pairs(line.get("points", []), 2, 2, field)


def _check_quad(quad: Doc, schema: Doc, field: str) -> None:
    points = quad.get("points", [])
    if len(points) != 8:
        raise Misfit(field, f"{len(points)} numbers; four corners are eight")
    _check_ring(points, field)


def _check_mask(mask: Doc, schema: Doc, field: str) -> None:
    size = mask.get("height", 0) * mask.get("width", 0)
    try:
        total = sum(rle.counts_from_text(mask.get("counts", "")))
    except ValueError as error:
        raise Misfit(f"{field}.counts", f"is no run-length encoding: {error}") from error
    if total != size:
        words = f"holds {total} pixels, and height x width is {size}"
        raise Misfit(f"{field}.counts", words)


def _check_keypoints(keypoints: Doc, schema: Doc, field: str) -> None:
    names = schema.get("skeleton", {}).get("points", [])
    count = len(keypoints.get("points", []))
    if names and count != len(names):
        raise Misfit(f"{field}.points", f"{count} points; the skeleton has {len(names)}")
    if "rect" in keypoints:
        _check_sides(keypoints["rect"], schema, f"{field}.rect")


_CHECKS = {
    "rect": _check_sides,
    "rotated": _check_rotated,
    "polygon": _check_polygon,
    "polyline": _check_line,
    "mask": _check_mask,
    "keypoints": _check_keypoints,
    "quad": _check_quad,
}


def _check_exclusive(masks: Sequence[Doc], field: str) -> None:
    """No pixel belongs to two masks: where runs of foreground overlap, ends come before starts."""
    spans = []
    for mask in masks:
        ends = np.cumsum(rle.counts_from_text(mask["counts"]))
        odd = ends[1::2]
        spans.append(np.stack([ends[0::2][: len(odd)], odd], axis=1))
    if not spans:
        return
    runs = np.concatenate(spans)
    runs = runs[np.argsort(runs[:, 0], kind="stable")]
    if (runs[1:, 0] < runs[:-1, 1]).any():
        raise Misfit(field, "two masks share pixels, and each pixel may have one object only")
