"""Drafts about images and frames: objects of any geometry, turned into what the template asks
for, and tracks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

from services.prelabel_gateway.adapters.answers import (
    Adapter,
    Fetch,
    all_finite,
    drafted,
    give_media,
    least_score,
    named,
)
from services.prelabel_gateway.domain import Doc, Impossible

# Frames that are sent to a model at once, and their bytes: one message to the server.
_MOST_FRAMES, _MOST_BYTES = 600, 48 * 2**20
_PATIENCE = 120.0


async def give_frames(value: Any, fetch: Fetch) -> bytes:
    """A zip archive of the frames' files, in order; one file is a series of one."""
    frames = [value] if isinstance(value, str) else value
    if not isinstance(frames, list) or not all(isinstance(one, str) for one in frames):
        raise Impossible("the item has no frames there")
    if len(frames) > _MOST_FRAMES:
        raise Impossible(f"{len(frames)} frames are more than the {_MOST_FRAMES} of one draft")
    packed, size = io.BytesIO(), 0
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for number, one in enumerate(frames):
            content = await fetch(one)
            size += len(content)
            if size > _MOST_BYTES:
                raise Impossible(f"the frames are more than the {_MOST_BYTES} bytes of one draft")
            archive.writestr(f"{number:06d}", content)
    return packed.getvalue()


def objects(document: Doc, schema: Doc) -> Doc:
    """Objects as the template draws them; boxes where it asks for boxes."""
    found = named(document["value"]["objects"].get("objects", []), schema)
    all_finite(found)
    if schema.get("shape") == "boxes":
        boxes = [{**_plain(one), **_rect(one)} for one in found]
        return drafted("boxes", "boxes", boxes)
    names = document.get("points", [])
    return drafted("objects", "objects", [_as_asked(one, names, schema) for one in found])


def boxes(draft: Doc, schema: Doc) -> Doc:
    """A draft of boxes as the objects that the template asks for, if it does."""
    if schema.get("shape") != "objects":
        return draft
    found = [
        {**_plain(one), "rect": {k: one[k] for k in ("x", "y", "width", "height")}}
        for one in draft["value"]["boxes"]["boxes"]
    ]
    return drafted("objects", "objects", [_as_asked(one, [], schema) for one in found])


def written(document: Doc, schema: Doc) -> Doc:
    """Regions with what is written there, or the text alone: a line for each paragraph, or each
    line where the model makes none of them."""
    if schema.get("shape") != "text":
        return objects(document, schema)
    found = document["value"]["objects"].get("objects", [])
    all_finite(found)
    blocks = [one for one in found if one.get("class") == "paragraph"] or [
        one for one in found if one.get("class") == "line"
    ]
    text = "\n".join(one["text"] for one in blocks if one.get("text"))
    if not text:
        raise Impossible("nothing is written there")
    return {"value": {"text": {"text": text}}, "score": least_score(blocks)}


def tracks(document: Doc, schema: Doc) -> Doc:
    """Tracks of rectangles over the frames."""
    return drafted("tracks", "tracks", named(document["value"]["tracks"].get("tracks", []), schema))


_GEOMETRIES = ("rect", "rotated", "polygon", "polyline", "mask", "keypoints", "quad")


def _plain(one: Doc) -> Doc:
    """The object without what a box has no place for."""
    return {k: v for k, v in one.items() if k in ("class", "score", "attributes", "id")}


def _as_asked(one: Doc, names: list[str], schema: Doc) -> Doc:
    """The object in one of the template's geometries; raises `Impossible` where it has none."""
    kind = next((g for g in _GEOMETRIES if g in one), "")
    asked = schema.get("geometries") or list(_GEOMETRIES)
    if kind in asked:
        if kind == "keypoints":
            return {**one, "keypoints": _skeleton(one["keypoints"], names, schema)}
        return one
    rest = {k: v for k, v in one.items() if k not in _GEOMETRIES}
    for wanted in asked:
        if wanted in _TURNED and kind in ("rect", "quad", "polygon", "keypoints"):
            return {**rest, wanted: _TURNED[wanted](one)}
    raise Impossible(f"the model draws {kind or 'nothing'}, the template asks for {asked}")


def _rect(one: Doc) -> Doc:
    """The rectangle round the object, {x, y, width, height}."""
    if "rect" in one:
        return dict(one["rect"])
    if "rect" in one.get("keypoints", {}):
        return dict(one["keypoints"]["rect"])
    if "quad" in one:
        points = one["quad"]["points"]
    elif "polygon" in one:
        points = [v for ring in one["polygon"]["rings"] for v in ring["points"]]
    else:
        raise Impossible("no box can be drawn round what the model draws")
    left, top = min(points[::2]), min(points[1::2])
    return {
        "x": left,
        "y": top,
        "width": max(points[::2]) - left,
        "height": max(points[1::2]) - top,
    }


def _corners(one: Doc) -> list[float]:
    """Four corners, clockwise from the upper left."""
    if "quad" in one:
        return list(one["quad"]["points"])
    rect = _rect(one)
    left, top = rect.get("x", 0.0), rect.get("y", 0.0)
    right, bottom = left + rect["width"], top + rect["height"]
    return [left, top, right, top, right, bottom, left, bottom]


def _turned_rect(one: Doc) -> Doc:
    rect = _rect(one)
    width, height = rect["width"], rect["height"]
    x, y = rect.get("x", 0.0) + width / 2, rect.get("y", 0.0) + height / 2
    return {"x": x, "y": y, "width": width, "height": height}


# Geometries that can be made of a rectangle, four corners, a polygon or a skeleton.
_TURNED: dict[str, Callable[[Doc], Doc]] = {
    "rect": _rect,
    "quad": lambda one: {"points": _corners(one)},
    "polygon": lambda one: {"rings": [{"points": _corners(one)}]},
    "rotated": _turned_rect,
}


def _skeleton(keypoints: Doc, names: list[str], schema: Doc) -> Doc:
    """The points in the order of the template's skeleton, by name; those the model does not know
    are not labelled."""
    asked = schema.get("skeleton", {}).get("points", [])
    if not asked:
        return keypoints
    known = dict(zip(names, keypoints["points"], strict=True))
    if not set(asked) & set(known):
        words = f"the model's points ({', '.join(names)[:200]}) are none of the template's skeleton"
        raise Impossible(words)
    return {**keypoints, "points": [known.get(name, {}) for name in asked]}


ADAPTERS = {
    "ocr": Adapter(give_media, written, _PATIENCE),
    "pose": Adapter(give_media, objects),
    "hands": Adapter(give_media, objects),
    "faces": Adapter(give_media, objects),
    "masks": Adapter(give_media, objects, _PATIENCE),
    "tracking": Adapter(give_frames, tracks, _PATIENCE),
}
