"""Films of Label Studio: `videorectangle` as tracks of boxes.

`sequence` holds key frames from 1, in per cent; between them places are interpolated. After one
that is not `enabled` the object is out of the picture until the next.
"""

from __future__ import annotations

from typing import Any

from libs.formats import Doc, Unfit
from libs.formats.decoding import formed, mapping, whole
from libs.formats.image import shapes
from libs.formats.image.labelstudio.pages import Task
from libs.formats.image.labelstudio.regions import beside, box_of, class_of, own_id

KIND = "videorectangle"


@formed
def track(part: Doc, read: Task, left_out: list[str]) -> Doc:
    """Raise `Unfit`."""
    drawn = next(r for r in part["results"] if r.get("type") == KIND)
    value = mapping(drawn.get("value"), "value")
    width, height = _size(drawn)
    name = class_of(part["results"], left_out) or _label(value)
    if not name:
        raise Unfit("a region without a label; give it a class")
    frames = _frames(value.get("sequence"), width, height)
    more = beside(part["results"], read, left_out)
    kept = {k: more[k] for k in ("attributes", "score") if k in more}
    left_out += ["texts of tracks"] if "text" in more else []
    return shapes.plain(**{"class": name}, id=own_id(part["key"]), frames=frames, **kept)


def _frames(sequence: Any, width: int, height: int) -> list[Doc]:
    if not isinstance(sequence, list) or not sequence:
        raise Unfit("sequence: a list of key frames wanted")
    keys: dict[int, tuple[Doc, bool]] = {}
    for one in sequence:
        place = whole(mapping(one, "a key frame").get("frame"), "frame") - 1
        if place < 0:
            raise Unfit(f"frame {place + 1}; they count from 1")
        if place in keys:
            raise Unfit(f"frame {place + 1} is there twice")
        keys[place] = (box_of(one, width, height), one.get("enabled") is not False)
    frames: list[Doc] = []
    for place in sorted(keys):
        box, goes_on = keys[place]
        frames.append(shapes.plain(frame=place, **box))
        if not goes_on and place + 1 not in keys:
            frames.append({"frame": place + 1, "outside": True, **box})
    return frames


def _label(value: Doc) -> str:
    labels = value.get("labels")
    return str(labels[0]) if isinstance(labels, list) and labels else ""


def _size(drawn: Doc) -> tuple[int, int]:
    width, height = drawn.get("original_width"), drawn.get("original_height")
    if not width or not height:
        raise Unfit("places are per cent, and original_width and original_height are not there")
    return whole(width, "original_width"), whole(height, "original_height")
