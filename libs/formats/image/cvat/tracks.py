"""Tracks of CVAT 1.1 XML: all of one task of a file are one sample, a film's label.

Key frames are kept, and of the frames between two of them, which CVAT writes as well, those of
outlines that lie elsewhere than our own interpolation puts them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element

from libs.formats import Doc, Unfit
from libs.formats.decoding import whole
from libs.formats.image import shapes
from libs.formats.image.cvat.shapes import (
    SHAPES,
    attributes_of,
    flag,
    geometry,
    label_of,
    point,
    tell,
)
from libs.sensor import tracks

# Pixels that two tools' interpolations may lie apart.
_APART = 0.51
_OUTLINES = ("polygon", "polyline", "points")


def read_track(track: Element, size: dict[str, str], points: list[str], left_out: list[str]) -> Doc:
    """A track; `points` names those of a skeleton in order. Raise `Unfit`."""
    label = label_of(track)
    frames = _frames(track, size, points, left_out)
    fixed = _fixed(frames)
    return shapes.plain(
        **{"class": label},
        attributes=fixed,
        source="MACHINE" if track.get("source") == "auto" else "",
        frames=frames,
    )


def _frames(
    track: Element, size: dict[str, str], points: list[str], left_out: list[str]
) -> list[Doc]:
    """Key frames of a track; raises `Unfit`."""
    parts = track.findall("track")
    if parts:
        return _frames_of_parts(track, parts, points)
    keys: list[Doc] = []
    rest: dict[int, Doc] = {}
    for shape in track:
        if shape.tag not in SHAPES:
            raise Unfit(f"a track of <{shape.tag[:50]}>, which is no shape of ours")
        if flag(shape, "keyframe", "1") or not keys:
            tell(shape, left_out)
            keys.append(_frame(shape, geometry(shape, size, points)))
        elif shape.tag in _OUTLINES and not flag(shape, "outside"):
            between = _frame(shape, geometry(shape, size, points))
            rest[tracks.number(between)] = between
    if not keys:
        raise Unfit("a track without frames")
    keys.sort(key=tracks.number)
    return _with_between(keys, rest) if rest else keys


def _with_between(keys: list[Doc], rest: dict[int, Doc]) -> list[Doc]:
    """The key frames, and the frames between two of them where any differs from our own."""
    made: list[Doc] = []
    for before, after in pairwise(keys):
        made.append(before)
        first, last = tracks.number(before), tracks.number(after)
        inside = [rest[n] for n in range(first + 1, last) if n in rest]
        if any(_differs(one, before, after) for one in inside):
            made += inside
    return [*made, keys[-1]]


def _differs(one: Doc, before: Doc, after: Doc) -> bool:
    first, last = tracks.number(before), tracks.number(after)
    ours = tracks.between(before, after, (tracks.number(one) - first) / (last - first))
    kind, shape = shapes.geometry(one)
    theirs, mine = _numbers(shape), _numbers(ours.get(kind, {}))
    return len(theirs) != len(mine) or any(
        abs(a - b) > _APART for a, b in zip(theirs, mine, strict=True)
    )


def _numbers(shape: Any) -> list[float]:
    """All coordinates of an outline in order."""
    if isinstance(shape, dict):
        names = ("x", "y") if "visibility" in shape else ("rings", "points")
        return [number for name in names for number in _numbers(shape.get(name, 0.0))]
    if isinstance(shape, list):
        return [number for one in shape for number in _numbers(one)]
    return [float(shape)]


def _frames_of_parts(track: Element, parts: list[Element], order: list[str]) -> list[Doc]:
    """A skeleton whose points are tracks of their own: a key frame of any is one of all."""
    order = order or [part.get("label", "") for part in parts]
    by_label: dict[str, dict[int, Element]] = {}
    keys: set[int] = set()
    for part in parts:
        drawn = {whole(p.get("frame"), "frame"): p for p in part.findall("points")}
        by_label[part.get("label", "")] = drawn
        keys |= {f for f, p in drawn.items() if flag(p, "keyframe", "1")}
    own = {whole(s.get("frame"), "frame"): s for s in track.findall("skeleton")}
    keys |= {f for f, s in own.items() if flag(s, "keyframe", "1")}
    frames = []
    for frame in sorted(keys):
        places = [point(_at(by_label.get(name, {}), frame)) for name in order]
        made = {"keypoints": {"points": places}}
        frames.append(_frame(_at(own, frame) or Element("skeleton"), made, frame))
    if not frames:
        raise Unfit("a track without key frames")
    return frames


def _at(places: dict[int, Element], frame: int) -> Element | None:
    """The last entry up to a frame."""
    before = [one for one in places if one <= frame]
    return places[max(before)] if before else None


def _frame(shape: Element, geometry: Doc, frame: int | None = None) -> Doc:
    number_ = whole(shape.get("frame"), "frame") if frame is None else frame
    if number_ < 0:
        raise Unfit(f"frame {number_} is below 0")
    return shapes.plain(
        frame=number_,
        outside=flag(shape, "outside"),
        occluded=flag(shape, "occluded"),
        attributes=attributes_of(shape),
        **geometry,
    )


def _fixed(frames: list[Doc]) -> dict[str, str]:
    """Takes attributes that never change out of the frames, and repetitions of those that do."""
    first = dict(frames[0].get("attributes", {}))
    fixed = {
        name: text
        for name, text in first.items()
        if all(one.get("attributes", {}).get(name, text) == text for one in frames)
    }
    current: dict[str, str] = {}
    for one in frames:
        told = one.pop("attributes", {})
        changed = {k: v for k, v in told.items() if k not in fixed and current.get(k) != v}
        current |= changed
        if changed:
            one["attributes"] = changed
    return fixed
