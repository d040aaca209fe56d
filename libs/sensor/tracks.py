"""What tracks are between their key frames: documents of `Track` and `CuboidTrack`.

Numbers go along a straight line, angles and rotations the short way round. A mask, a shape whose
corners differ in number, and what is not labelled at both ends stand until the next key frame.
From a key frame marked `outside` to the next one there is nothing; behind the last key frame the
object stays as it was. 3D boxes move straight in the `world` frame, whatever the sensor does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from libs.sensor import boxes, poses, rotations

Doc = dict[str, Any]
_IMAGE = ("rect", "rotated", "polygon", "polyline", "mask", "keypoints")
MAX_FRAMES = 1_000_000


def number(frame: Doc) -> int:
    """Of a key frame, from 0."""
    return int(frame.get("frame", 0))


def visible(frames: Sequence[Doc], end: int = 0) -> Iterator[tuple[int, Doc]]:
    """(number, geometry {kind: shape}) of every frame that a `Track` with these key frames is in;
    the last key frame stands until `end` (exclusive)."""
    for before, after in pairwise([*frames, None]):
        if before is None or before.get("outside"):
            continue
        start = number(before)
        stop = number(after) if after is not None else max(start + 1, end)
        for place in range(start, min(stop, start + MAX_FRAMES)):
            share = (place - start) / (stop - start) if after is not None else 0.0
            yield place, between(before, after or before, share)


def filled(frames: Sequence[Doc], end: int = 0) -> list[Doc]:
    """The same track with a key frame for each of its frames, those it is absent from left to the
    key frames marked `outside`."""
    made = {number(one): one for one in frames}
    numbers = [number(one) for one in frames]
    for place, geometry in visible(frames, end):
        if place not in made:
            before = frames[bisect_right(numbers, place) - 1]
            occluded = {"occluded": True} if before.get("occluded") else {}
            made[place] = {**({"frame": place} if place else {}), **occluded, **geometry}
    return [made[place] for place in sorted(made)]


def between(before: Doc, after: Doc, share: float) -> Doc:
    """Geometry {kind: shape} at `share` (0 to 1) of the way from one key frame to the next."""
    kind = next((k for k in _IMAGE if k in before), "")
    if not kind:
        return {}
    first, second = before[kind], after.get(kind)
    if not share or second is None or kind == "mask":
        return {kind: first}
    if kind in ("rect", "rotated"):
        return {kind: _rectangle(first, second, share)}
    if kind == "polyline":
        return {kind: _line(first, second, share)}
    if kind == "polygon":
        return {kind: _polygon(first, second, share)}
    return {kind: _keypoints(first, second, share)}


def _plain(numbers: dict[str, float]) -> Doc:
    return {name: value for name, value in numbers.items() if value}


def _mix(first: Doc, second: Doc, names: Sequence[str], share: float) -> dict[str, float]:
    return {
        n: (1 - share) * first.get(n, 0.0) + share * second.get(n, 0.0)
        for n in names
        if n in first or n in second
    }


def _rectangle(first: Doc, second: Doc, share: float) -> Doc:
    made = _mix(first, second, ("x", "y", "width", "height"), share)
    if "angle" in first or "angle" in second:
        start = first.get("angle", 0.0)
        turn = float(rotations.difference(second.get("angle", 0.0), start, 360.0))
        made["angle"] = float(rotations.wrap(start + share * turn, 360.0))
    return _plain(made)


def _line(first: Doc, second: Doc, share: float) -> Doc:
    a, b = first.get("points", []), second.get("points", [])
    if len(a) != len(b):
        return first
    mixed = (1 - share) * np.array(a, dtype=np.float64) + share * np.array(b, dtype=np.float64)
    return {**first, "points": mixed.tolist()}


def _polygon(first: Doc, second: Doc, share: float) -> Doc:
    a, b = first.get("rings", []), second.get("rings", [])
    if [len(r.get("points", [])) for r in a] != [len(r.get("points", [])) for r in b]:
        return first
    return {"rings": [_line(p, q, share) for p, q in zip(a, b, strict=True)]}


def _keypoints(first: Doc, second: Doc, share: float) -> Doc:
    a, b = first.get("points", []), second.get("points", [])
    if len(a) != len(b):
        return first
    points = [
        {**_plain(_mix(p, q, ("x", "y"), share)), "visibility": p["visibility"]}
        if p.get("visibility") and q.get("visibility")
        else p
        for p, q in zip(a, b, strict=True)
    ]
    made: Doc = {"points": points}
    if "rect" in first and "rect" in second:
        made["rect"] = _rectangle(first["rect"], second["rect"], share)
    return made


# -- 3D boxes ----------------------------------------------------------------------------------


def cuboids(
    frames: Sequence[Doc],
    numbers: Sequence[int],
    times: Sequence[float] | None = None,
    to_world: np.ndarray | None = None,
) -> list[Doc | None]:
    """Pose of a `CuboidTrack` at each of the sweeps `numbers`: {centre, size, rotation} in the
    label's own frame, None where it is not in the scene (before its first key frame, too).

    `times` (n,) seconds and `to_world` (n, 4, 4) poses of all n sweeps, by number; without them
    sweeps are evenly spaced, and the sensor stands still.
    """
    keys = [number(one) for one in frames]
    out: list[Doc | None] = []
    for place in numbers:
        index = bisect_right(keys, place) - 1
        if index < 0 or frames[index].get("outside"):
            out.append(None)
            continue
        before, after = frames[index], frames[index + 1] if index + 1 < len(frames) else None
        if after is None or keys[index] == place:
            out.append(_moved(before, keys[index], place, to_world))
            continue
        share = _share(keys[index], place, keys[index + 1], times)
        out.append(
            _cuboid_between((before, keys[index]), (after, keys[index + 1]), share, place, to_world)
        )
    return out


def _share(start: int, place: int, end: int, times: Sequence[float] | None) -> float:
    if times is not None and times[end] > times[start]:
        return (times[place] - times[start]) / (times[end] - times[start])
    return (place - start) / (end - start)


def _pose_of(frame: Doc) -> np.ndarray:
    return poses.pose(boxes.vector(frame.get("centre")), boxes.turn(frame.get("rotation")))


def _world(frame: Doc, place: int, to_world: np.ndarray | None) -> np.ndarray:
    own = _pose_of(frame)
    return own if to_world is None else to_world[place] @ own


def _moved(frame: Doc, key: int, place: int, to_world: np.ndarray | None) -> Doc:
    if to_world is None or key == place:
        return _cuboid(_pose_of(frame), boxes.vector(frame.get("size")))
    there = poses.inverse(to_world[place]) @ _world(frame, key, to_world)
    return _cuboid(there, boxes.vector(frame.get("size")))


def _cuboid_between(
    before: tuple[Doc, int],
    after: tuple[Doc, int],
    share: float,
    place: int,
    to_world: np.ndarray | None,
) -> Doc:
    first, second = _world(*before, to_world), _world(*after, to_world)
    found = poses.between(first, second, share)
    if to_world is not None:
        found = poses.inverse(to_world[place]) @ found
    sizes = [np.array(boxes.vector(frame.get("size"))) for frame, _ in (before, after)]
    return _cuboid(found, (1 - share) * sizes[0] + share * sizes[1])


def _cuboid(pose: np.ndarray, size: Sequence[float] | np.ndarray) -> Doc:
    return {
        "centre": boxes.vector_doc(pose[:3, 3]),
        "size": boxes.vector_doc(size),
        "rotation": boxes.turn_doc(rotations.quaternion(pose[:3, :3])),
    }


def filled_cuboids(
    frames: Sequence[Doc],
    end: int,
    times: Sequence[float] | None = None,
    to_world: np.ndarray | None = None,
) -> list[Doc]:
    """The same track with a key frame for every sweep it is in, up to `end` (exclusive)."""
    keys = {number(one): one for one in frames}
    first, last = min(keys, default=0), max(end, max(keys, default=0) + 1)
    numbers = range(first, min(last, first + MAX_FRAMES))
    made = []
    for place, found in zip(numbers, cuboids(frames, numbers, times, to_world), strict=True):
        if place in keys:
            made.append(keys[place])
        elif found is not None:
            time = {"time": float(times[place])} if times is not None and times[place] else {}
            made.append({"frame": place, **time, **found})
    return made
