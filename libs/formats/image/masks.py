"""Masks as documents, and the encodings other tools use: COCO's runs, CVAT's, pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from libs.formats import Doc, Unfit
from libs.formats.decoding import numbers, whole
from libs.sensor import rle

_MAX_SIDE = 65_536
_MAX_PIXELS = 400_000_000

Pixels = NDArray[np.bool_]


def of_pixels(pixels: Pixels) -> Doc:
    """A mask of `pixels[row, column]`."""
    height, width = pixels.shape
    return _mask(height, width, _runs(pixels.ravel(order="F")))


def pixels(mask: Doc) -> Pixels:
    """`[row, column]`; raises `Unfit` where the runs do not fill the mask."""
    height, width = mask["height"], mask["width"]
    flat = _fill(counts(mask), height * width)
    return flat.reshape((height, width), order="F")


def counts(mask: Doc) -> list[int]:
    """Lengths of the runs, background first; raises `Unfit`."""
    try:
        return rle.counts_from_text(mask.get("counts", ""))
    except ValueError as error:
        raise Unfit(f"a mask's counts: {error}") from error


def area(mask: Doc) -> int:
    """Pixels."""
    return sum(counts(mask)[1::2])


def bounds(mask: Doc) -> list[float]:
    """x, y, width, height; zeros for an empty mask."""
    found = pixels(mask)
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    if not rows.size:
        return [0.0, 0.0, 0.0, 0.0]
    x, y = float(columns[0]), float(rows[0])
    return [x, y, float(columns[-1]) + 1 - x, float(rows[-1]) + 1 - y]


def of_coco(segmentation: Doc) -> Doc:
    """COCO's `{"size": [height, width], "counts": text or list}`; raises `Unfit`."""
    height, width = _size(*numbers(segmentation.get("size"), "size of a mask", 2))
    found = segmentation.get("counts")
    if isinstance(found, list):
        runs = [whole(one, "counts") for one in found]
        if any(one < 0 for one in runs):
            raise Unfit("a run of negative length in counts")
    elif isinstance(found, str):
        runs = counts({"counts": found})
    else:
        raise Unfit("counts of a mask are neither a text nor a list")
    if sum(runs) != height * width:
        raise Unfit(f"runs of {sum(runs)} pixels in a mask of {width} x {height}")
    return _mask(height, width, runs)


def of_polygon(polygon: Doc, width: int, height: int) -> Doc:
    """Pixels whose centre is inside: filled rings, holes taken out again."""
    image = Image.new("1", (width, height))
    draw = ImageDraw.Draw(image)
    for ring in sorted(polygon["rings"], key=lambda one: one.get("hole", False)):
        draw.polygon([p - 0.5 for p in ring["points"]], fill=0 if ring.get("hole") else 1)
    return of_pixels(np.asarray(image))


def to_cvat(mask: Doc) -> dict[str, str]:
    """Attributes of CVAT's <mask>: runs along the rows of the box around it; raises `Unfit`."""
    left, top, width, height = (int(one) for one in bounds(mask))
    if not width:
        raise Unfit("an empty mask")
    inside = pixels(mask)[top : top + height, left : left + width]
    runs = ", ".join(str(one) for one in _runs(inside.ravel()))
    places = {"left": left, "top": top, "width": width, "height": height}
    return {"rle": runs, **{k: str(v) for k, v in places.items()}}


def of_cvat(attributes: Mapping[str, str], size: Mapping[str, str]) -> Doc:
    """The mask of CVAT's attributes on an image of this size; raises `Unfit`."""
    whole_width, whole_height = (
        whole(size.get("width"), "width"),
        whole(size.get("height"), "height"),
    )
    rows, columns = _size(whole_height, whole_width)
    left, top, width, height = (
        whole(attributes.get(k), k) for k in ("left", "top", "width", "height")
    )
    if (
        min(left, top) < 0
        or min(width, height) < 1
        or left + width > columns
        or top + height > rows
    ):
        raise Unfit("a mask reaches out of its image")
    runs = [whole(one.strip(), "rle") for one in attributes.get("rle", "").split(",")]
    found = np.zeros((rows, columns), dtype=bool)
    found[top : top + height, left : left + width] = _fill(runs, width * height).reshape(
        (height, width)
    )
    return of_pixels(found)


def _mask(height: int, width: int, runs: Sequence[int]) -> Doc:
    return {"height": height, "width": width, "counts": rle.text_from_counts(list(runs))}


def _runs(flat: Pixels) -> list[int]:
    """Lengths of equal stretches, background first."""
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    ends = np.concatenate(([0], changes, [flat.size]))
    runs: list[int] = np.diff(ends).tolist()
    return [0, *runs] if flat.size and flat[0] else runs


def _fill(runs: Sequence[int], size: int) -> Pixels:
    if any(one < 0 for one in runs) or sum(runs) != size:
        raise Unfit(f"runs of {sum(runs)} pixels in a mask of {size}")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs)


def _size(height: float, width: float) -> tuple[int, int]:
    rows, columns = whole(height, "height of a mask"), whole(width, "width of a mask")
    if not (0 < rows <= _MAX_SIDE and 0 < columns <= _MAX_SIDE) or rows * columns > _MAX_PIXELS:
        raise Unfit(f"a mask of {columns} x {rows} pixels")
    return rows, columns
