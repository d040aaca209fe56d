"""Places in a picture as pictures of their own, for a model that looks at one object alone."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image

from libs.formats import Unfit
from libs.formats.image import shapes
from libs.imaging import graph_cut
from services.prelabel_gateway.domain import Doc

# Of the shorter side, left around the object: readers want the edges of letters.
_MARGIN = 0.1
# Pixels: what is larger is made smaller, what has a shorter side is nothing to look at.
_MOST_SIDE, _LEAST_SIDE = 4096, 2.0


def crops(content: bytes, objects: Sequence[Doc]) -> list[bytes | str]:
    """A PNG of each object, or why there is none. What is drawn turned (four corners, a rotated
    rectangle) is turned upright, of anything else the box around it is cut."""
    try:
        whole = graph_cut.read(content)
    except graph_cut.Uncuttable as reason:
        return [str(reason)] * len(objects)
    return [_crop(whole, one) for one in objects]


def _crop(whole: Image.Image, one: Doc) -> bytes | str:
    try:
        corners = _with_margin(_corners(one))
    except Unfit as unfit:
        return f"cannot be cut out of a picture: {unfit}"
    inside = [
        (min(max(x, 0.0), float(whole.width)), min(max(y, 0.0), float(whole.height)))
        for x, y in corners
    ]
    width, height = _sides(inside)
    if min(width, height) < _LEAST_SIDE:
        return "lies outside the picture, or is smaller than two pixels"
    scale = min(1.0, _MOST_SIDE / max(width, height))
    size = (math.ceil(width * scale), math.ceil(height * scale))
    # Pillow counts corners against the clock.
    first, second, third, fourth = inside
    found = whole.transform(
        size,
        Image.Transform.QUAD,
        (*first, *fourth, *third, *second),
        Image.Resampling.BILINEAR,
    )
    file = io.BytesIO()
    found.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _corners(one: Doc) -> list[tuple[float, float]]:
    """Clockwise from the object's own upper left; raises `Unfit`."""
    if "quad" in one:
        return shapes.pairs(one["quad"]["points"])
    if "rotated" in one:
        return shapes.pairs(shapes.corners(one["rotated"]))
    x, y, width, height = shapes.xywh(one) if "width" in one else shapes.bounds(one)
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _sides(corners: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Width and height of the rectangle that four corners become."""
    first, second, third, fourth = corners
    width = max(math.dist(first, second), math.dist(fourth, third))
    return width, max(math.dist(first, fourth), math.dist(second, third))


def _with_margin(corners: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Every corner moved out along the two sides that meet there."""
    by = _MARGIN * min(_sides(corners))
    moved = []
    for i, (x, y) in enumerate(corners):
        for j in (i - 1, (i + 1) % 4):
            far = math.dist(corners[i], corners[j]) or 1.0
            x += (corners[i][0] - corners[j][0]) / far * by
            y += (corners[i][1] - corners[j][1]) / far * by
        moved.append((x, y))
    return moved
