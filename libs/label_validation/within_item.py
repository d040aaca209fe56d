"""Does a value stay within its item: its pictures, its recording, its cloud?

What is drawn may reach over an edge, as what it shows does; it may not lie beyond it. Masks and
point labels say how large their picture and cloud are, which must be true.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from libs.imaging import orientation
from libs.label_validation.checks import Doc, Misfit

# Seconds that decoders and other tools' clocks differ in at the end of a recording.
CLOCKS_DIFFER = 0.1
# Types of data fields that say how many there are, and values that speak of those.
LISTS = frozenset({"frames", "sweeps", "cameras"})
LISTED = frozenset({"tracks", "cuboid_tracks", "fusion", "composite"})


@dataclass(frozen=True)
class Extent:
    """How far an item's media go: pixels, pictures of a film or series, seconds, points, names of
    cameras. 0 and none are not known."""

    width: int = 0
    height: int = 0
    frames: int = 0
    seconds: float = 0.0
    points: int = 0
    cameras: tuple[str, ...] = ()


NOWHERE = Extent()


def extent_of(metadata: Mapping[str, str]) -> Extent:
    """Of what intake found in an item's media, `probe.<path>.<fact>`; pictures and films as they
    are shown, however they are stored. Of several media that differ nothing is known."""
    by_path: dict[str, dict[str, float]] = defaultdict(dict)
    for name, said in metadata.items():
        if name.startswith("probe."):
            path, _, fact = name.rpartition(".")
            by_path[path][fact] = _number(said)
    facts: dict[str, set[float]] = defaultdict(set)
    for one in by_path.values():
        if _lies_on_its_side(one):
            one["width"], one["height"] = one.get("height", 0.0), one.get("width", 0.0)
        for fact, number in one.items():
            facts[fact].add(number)
    known = {name: next(iter(said)) for name, said in facts.items() if len(said) == 1}
    width, height, frames, points = (
        int(known.get(name, 0)) for name in ("width", "height", "frames", "points")
    )
    return Extent(width, height, frames, known.get("duration", 0.0), points)


def with_lists(extent: Extent, data: Mapping[str, Any], fields: Mapping[str, str]) -> Extent:
    """Of an item whose data fields (name -> type) are lists of frames, sweeps or cameras: how many,
    and their names, too. Of several series that differ nothing is known."""
    given = [(type_, data.get(name)) for name, type_ in fields.items() if type_ in LISTS]
    lists = [(type_, one) for type_, one in given if isinstance(one, list)]
    counts = {len(one) for type_, one in lists if type_ != "cameras"}
    frames = extent.frames or (counts.pop() if len(counts) == 1 else 0)
    rigs = [one for type_, one in lists if type_ == "cameras"]
    named = [str(c.get("name", "")) for c in rigs[0] if isinstance(c, dict)] if rigs else []
    cameras = tuple(named) if len(rigs) == 1 and all(named) else ()
    return replace(extent, frames=frames, cameras=cameras)


def _lies_on_its_side(facts: Mapping[str, float]) -> bool:
    """A picture by its EXIF orientation, a film by the rotation (degrees) in its header."""
    turned = int(facts.get("orientation", orientation.UPRIGHT))
    return orientation.swaps_sides(turned) or facts.get("rotation") in (90, 270)


def _number(said: str) -> float:
    """0 where it is none: callers may write such metadata, too."""
    try:
        number = float(said)
    except ValueError:
        return 0.0
    return number if 0 < number < math.inf else 0.0


def check_extent(value: Doc, field: str, extent: Extent) -> None:
    """Raises `Misfit` where a value that fits its label schema leaves the item it is about."""
    if extent == NOWHERE:
        return
    for shape, check in _CHECKS.items():
        if shape in value:
            check(value[shape], f"{field}.{shape}", extent)


def _boxes(value: Doc, field: str, extent: Extent) -> None:
    for i, box in enumerate(value.get("boxes", [])):
        _within(_rect(box), f"{field}.boxes[{i}]", extent)


def _objects(value: Doc, field: str, extent: Extent) -> None:
    for i, one in enumerate(value.get("objects", [])):
        _drawn(one, f"{field}.objects[{i}]", extent)


def _tracks(value: Doc, field: str, extent: Extent) -> None:
    for i, track in enumerate(value.get("tracks", [])):
        for j, frame in enumerate(track.get("frames", [])):
            path = f"{field}.tracks[{i}].frames[{j}]"
            _of_series(frame, path, extent)
            _drawn(frame, path, extent)


def _cuboid_tracks(value: Doc, field: str, extent: Extent) -> None:
    for i, track in enumerate(value.get("tracks", [])):
        for j, frame in enumerate(track.get("frames", [])):
            _of_series(frame, f"{field}.tracks[{i}].frames[{j}]", extent)


def _of_series(frame: Doc, field: str, extent: Extent) -> None:
    number = frame.get("frame", 0)
    # That an object is gone may be said behind the last.
    if extent.frames and number >= extent.frames + bool(frame.get("outside")):
        words = f"is frame {number}, and there are {extent.frames}, counted from 0"
        raise Misfit(f"{field}.frame", words)


def _fusion(value: Doc, field: str, extent: Extent) -> None:
    for i, camera in enumerate(value.get("cameras", [])):
        name = camera.get("camera", "")
        if extent.cameras and name not in extent.cameras:
            words = f"{name[:100]!r} is none of the item's; there are {', '.join(extent.cameras)}"
            raise Misfit(f"{field}.cameras[{i}].camera", words[:1000])
        _objects(camera, f"{field}.cameras[{i}]", extent)


def _segments(value: Doc, field: str, extent: Extent) -> None:
    for i, segment in enumerate(value.get("segments", [])):
        end = segment.get("end", 0.0)
        if extent.seconds and end > extent.seconds + CLOCKS_DIFFER:
            words = f"ends at {end:g} seconds, and the recording lasts {extent.seconds:g}"
            raise Misfit(f"{field}.segments[{i}]", words)


def _points(value: Doc, field: str, extent: Extent) -> None:
    count = value.get("count", 0)
    if extent.points and count != extent.points:
        raise Misfit(f"{field}.count", f"is {count}, and the cloud has {extent.points} points")


def _composite(value: Doc, field: str, extent: Extent) -> None:
    for i, part in enumerate(value.get("parts", [])):
        check_extent(part.get("value", {}), f"{field}.parts[{i}].value", extent)


_CHECKS: dict[str, Callable[[Doc, str, Extent], None]] = {
    "boxes": _boxes,
    "objects": _objects,
    "tracks": _tracks,
    "cuboid_tracks": _cuboid_tracks,
    "fusion": _fusion,
    "segments": _segments,
    "points": _points,
    "composite": _composite,
}


def _drawn(one: Doc, field: str, extent: Extent) -> None:
    if not extent.width or not extent.height:
        return
    if "mask" in one:
        _as_large(one["mask"], f"{field}.mask", extent)
    for kind, bounds in _BOUNDS.items():
        if kind in one:
            _within(bounds(one[kind]), f"{field}.{kind}", extent)


def _as_large(mask: Doc, field: str, extent: Extent) -> None:
    width, height = mask.get("width", 0), mask.get("height", 0)
    if (width, height) != (extent.width, extent.height):
        words = f"is of {width} x {height} pixels, and the picture of {_size(extent)}"
        raise Misfit(field, words)


def _within(bounds: tuple[float, float, float, float] | None, field: str, extent: Extent) -> None:
    """bounds: left, top, right, bottom; None where nothing is drawn."""
    if bounds is None or not extent.width or not extent.height:
        return
    left, top, right, low = bounds
    if right < 0 or low < 0 or left > extent.width or top > extent.height:
        words = f"lies beyond the picture of {_size(extent)} pixels"
        raise Misfit(field, words)


def _size(extent: Extent) -> str:
    return f"{extent.width} x {extent.height}"


Bounds = tuple[float, float, float, float]


def _rect(rect: Doc) -> Bounds:
    left, top = rect.get("x", 0.0), rect.get("y", 0.0)
    return left, top, left + rect.get("width", 0.0), top + rect.get("height", 0.0)


def _rotated(rect: Doc) -> Bounds:
    """Of the circle round it, however it is turned."""
    x, y = rect.get("x", 0.0), rect.get("y", 0.0)
    far = math.hypot(rect.get("width", 0.0), rect.get("height", 0.0)) / 2
    return x - far, y - far, x + far, y + far


def _corners(shape: Doc) -> Bounds | None:
    return _around(shape.get("points", []))


def _around(points: Sequence[float]) -> Bounds | None:
    """Of x1, y1, x2, y2, ..."""
    if not points:
        return None
    return min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])


def _polygon(polygon: Doc) -> Bounds | None:
    return _around([v for ring in polygon.get("rings", []) for v in ring.get("points", [])])


def _keypoints(keypoints: Doc) -> Bounds | None:
    return _around(list(_seen(keypoints.get("points", []))))


def _seen(points: Sequence[Doc]) -> Iterator[float]:
    for point in points:
        if point.get("visibility") in _PLACED:
            yield point.get("x", 0.0)
            yield point.get("y", 0.0)


_PLACED = frozenset({"HIDDEN", "VISIBLE"})
_BOUNDS: dict[str, Callable[[Any], Bounds | None]] = {
    "rect": _rect,
    "rotated": _rotated,
    "polygon": _polygon,
    "polyline": _corners,
    "quad": _corners,
    "keypoints": _keypoints,
}
