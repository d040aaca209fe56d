"""Images as pixels, shared by the models that see."""

import io

import numpy as np
import runtime
from PIL import Image

MOST_PIXELS = 100_000_000


def rgb(content):
    """The picture of an encoded image, RGB; places are those of its pixels, which come upright."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise runtime.Unreadable(f"the image has more than {MOST_PIXELS} pixels")
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise runtime.Unreadable(f"the image cannot be read: {error}") from error


def cut(picture, corners, size):
    """(height, width, 3) float32 in 0..255 of `size` (width, height): what lies between four
    corners (4, 2) of a parallelogram, clockwise from the upper left; outside the picture is black."""
    width, height = size
    upper_left, upper_right, _, lower_left = np.asarray(corners, float)
    across, down = (upper_right - upper_left) / width, (lower_left - upper_left) / height
    rows = ((across[0], down[0], upper_left[0]), (across[1], down[1], upper_left[1]))
    affine = tuple(value for row in rows for value in row)
    shrunk, affine = _shrunk(picture, affine, max(np.hypot(*across), np.hypot(*down)))
    found = shrunk.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    return np.asarray(found, np.float32)


def _shrunk(picture, affine, step):
    """The picture made smaller by a whole number where a target's pixel would skip over some of
    its own, and the places for it."""
    factor = int(step)
    if factor < 2:
        return picture, affine
    return picture.reduce(factor), tuple(value / factor for value in affine)


def suppressed(boxes, scores, overlap):
    """Numbers of the boxes (n, 4; x1, y1, x2, y2) that stay, best first: non-maximum suppression."""
    kept, order = [], np.argsort(-scores, kind="stable")
    areas = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(1)
    while len(order):
        first, rest = order[0], order[1:]
        kept.append(int(first))
        low = np.maximum(boxes[first, :2], boxes[rest, :2])
        high = np.minimum(boxes[first, 2:], boxes[rest, 2:])
        both = (high - low).clip(0).prod(1)
        order = rest[both / np.maximum(areas[first] + areas[rest] - both, 1e-9) < overlap]
    return kept


def rect(box):
    """{x, y, width, height} of x1, y1, x2, y2."""
    left, top, right, bottom = (runtime.rounded(v) for v in box)
    size = {"width": round(right - left, 2), "height": round(bottom - top, 2)}
    return {"x": left, "y": top, **size}


def points(places, size, seen=None):
    """Key points of places (n, 2): visible where `seen` (n,) bool says so, else hidden; those
    outside the image are not labelled."""
    width, height = size
    found = []
    for i, (x, y) in enumerate(places):
        if not (0 <= x <= width and 0 <= y <= height):
            found.append({})
            continue
        state = "VISIBLE" if seen is None or seen[i] else "HIDDEN"
        place = {"x": runtime.rounded(x), "y": runtime.rounded(y)}
        found.append({**place, "visibility": f"VISIBILITY_{state}"})
    return found
