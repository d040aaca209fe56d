"""Sets of pixels as runs, never as pictures: a mask of any size costs what its outline costs.

What can be told from masks as they are encoded, pycocotools tells. To be merged, and compared with
areas, they are read as runs: (k, 2) first pixel and the one after the last, by rising number;
pixels are numbered down the columns, as COCO's run-length encoding counts them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from pycocotools import mask as codec

from libs.sensor import rle
from services.qc_scorer.losses.protocol import Doc

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Columns of a picture are filled as many at once as have about this many crossings.
MOST_CROSSINGS = 1_000_000


def encoded(mask: Doc) -> Doc:
    """A `Mask` as pycocotools reads it."""
    counts = mask.get("counts", "").encode()
    return {"size": [mask["height"], mask["width"]], "counts": counts}


def frames(given: Sequence[Doc]) -> FloatArray:
    """(n, 4) left, top, right, bottom of encoded masks in pixels; all rows where a run goes on in
    the next column. Not a number where there is no pixel."""
    made = np.array(codec.toBbox(list(given)), dtype=np.float64).reshape(-1, 4)
    made[:, 2:] += made[:, :2]
    made[made[:, 2] == 0] = np.nan
    return made


def all_drawn(given: Sequence[Doc]) -> bool:
    """Has every encoded mask a pixel?"""
    return bool(codec.area(given).all())


def alike(a: Sequence[Doc] | FloatArray, b: Sequence[Doc] | FloatArray) -> FloatArray:
    """(n, m) intersection over union of n encoded masks and m, or of rectangles (n, 4) and (m, 4)
    x, y, width, height; 0 of masks of unlike size."""
    found = codec.iou(a, b, [False] * len(b))
    return np.maximum(np.asarray(found, dtype=np.float64).reshape(len(a), len(b)), 0.0)


def shared(given: Sequence[Doc]) -> FloatArray:
    """(n, n) pixels that encoded masks of one size share with each other and, on the diagonal,
    have."""
    sizes = np.array(codec.area(list(given)), dtype=np.float64)
    ratio = alike(given, given)
    # Shares of whole pixels are far coarser than what a quotient is off by.
    found = np.rint(ratio * (sizes[:, None] + sizes) / (1.0 + ratio))
    np.fill_diagonal(found, sizes)
    return np.asarray(found)


def runs(given: Sequence[Doc]) -> list[IntArray]:
    """The pixels of each `Mask`."""
    counts, begins = rle.counts_from_texts([mask.get("counts", "") for mask in given])
    ends = np.cumsum(counts)
    # A run of no length makes two of one; only the first, of the background, is often empty.
    broken = counts == 0
    broken[begins[:-1][np.diff(begins) > 0]] = False
    found = []
    for first, after in zip(begins[:-1].tolist(), begins[1:].tolist(), strict=True):
        before = ends[first - 1] if first else 0
        pairs = (ends[first : after - (after - first) % 2] - before).reshape(-1, 2)
        found.append(joined(pairs) if broken[first:after].any() else pairs)
    return found


def mask_of(found: IntArray, height: int, width: int) -> Doc:
    """The `Mask` of runs."""
    edges = np.concatenate([[0], found.reshape(-1), [height * width]])
    counts = np.diff(edges)
    used = counts if counts[-1] or len(counts) == 1 else counts[:-1]
    return {"height": height, "width": width, "counts": rle.text_from_counts(used.tolist())}


def size(found: IntArray) -> int:
    """Pixels."""
    return int((found[:, 1] - found[:, 0]).sum())


def bounds(given: Sequence[IntArray], heights: Sequence[int]) -> FloatArray:
    """(n, 4) left, top, right, bottom in pixels; all rows where a run goes on in the next column.
    Not a number where there is no pixel."""
    made = np.full((len(given), 4), np.nan)
    full = [i for i, one in enumerate(given) if len(one)]
    if not full:
        return made
    sizes = [len(given[i]) for i in full]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    high = np.array([heights[i] for i in full])
    height = np.repeat(high, sizes)
    ends = np.concatenate([given[i] for i in full])
    left, top = np.divmod(ends[:, 0], height)
    right, low = np.divmod(ends[:, 1] - 1, height)
    across = np.logical_or.reduceat(left != right, starts)
    made[full, 0] = np.minimum.reduceat(left, starts)
    made[full, 1] = np.where(across, 0, np.minimum.reduceat(top, starts))
    made[full, 2] = np.maximum.reduceat(right, starts) + 1
    made[full, 3] = np.where(across, high, np.maximum.reduceat(low, starts) + 1)
    return made


def overlap(a: Sequence[IntArray], b: Sequence[IntArray]) -> FloatArray:
    """(n,) pixels that n pairs of runs share."""
    return _counted(a, b)[0]


def _counted(
    a: Sequence[IntArray], b: Sequence[IntArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(n,) pixels that n pairs of runs share, that the first of each has, and the second. Each pair
    lies in a stretch of its own of one long line, where the pixels of `a` up to a place are counted
    at the ends of all runs of `b`."""
    counts = [[len(one) for one in side] for side in (a, b)]
    ends = [
        max(x[-1, 1] if i else 0, y[-1, 1] if j else 0)
        for x, y, i, j in zip(a, b, *counts, strict=True)
    ]
    shifts = np.cumsum([0, *ends[:-1]], dtype=np.int64)
    ofs = [np.repeat(np.arange(len(a)), some) for some in counts]
    nothing = np.empty((0, 2), dtype=np.int64)
    left, right = (
        np.concatenate([nothing, *side]) + shifts[of][:, None] if len(of) else nothing
        for side, of in zip((a, b), ofs, strict=True)
    )
    lengths = [side[:, 1] - side[:, 0] for side in (left, right)]
    sizes = [
        np.bincount(of, weights=some, minlength=len(a)).astype(np.float64)
        for of, some in zip(ofs, lengths, strict=True)
    ]
    if not len(left) or not len(right):
        return np.zeros(len(a)), sizes[0], sizes[1]
    covered = np.cumsum(lengths[0])
    amounts = np.stack([covered - lengths[0], covered], axis=1).reshape(-1)
    at = np.interp(right.reshape(-1), left.reshape(-1), amounts).reshape(-1, 2)
    shared = np.bincount(ofs[1], weights=at[:, 1] - at[:, 0], minlength=len(a))
    return shared.astype(np.float64), sizes[0], sizes[1]


def iou(a: Sequence[IntArray], b: Sequence[IntArray]) -> FloatArray:
    """(n,) intersection over union of n pairs."""
    inside, mine, theirs = _counted(a, b)
    union = mine + theirs - inside
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)


def votes(given: Sequence[IntArray], weights: Sequence[float]) -> tuple[IntArray, FloatArray]:
    """((k, 2) pieces of the line, (k,) weight that marked each): within a piece all agree."""
    edges = np.unique(np.concatenate([one.reshape(-1) for one in given]))
    change = np.zeros(len(edges))
    for one, weight in zip(given, weights, strict=True):
        np.add.at(change, np.searchsorted(edges, one[:, 0]), weight)
        np.add.at(change, np.searchsorted(edges, one[:, 1]), -weight)
    return np.stack([edges[:-1], edges[1:]], axis=1), np.cumsum(change)[:-1]


def joined(pieces: IntArray) -> IntArray:
    """Runs of sorted pieces: those that touch made one, empty ones left out."""
    pieces = pieces[pieces[:, 0] < pieces[:, 1]]
    if not len(pieces):
        return pieces
    breaks = np.flatnonzero(pieces[1:, 0] > pieces[:-1, 1])
    starts = np.concatenate([[0], breaks + 1])
    ends = np.concatenate([breaks, [len(pieces) - 1]])
    return np.stack([pieces[starts, 0], pieces[ends, 1]], axis=1)


def filled(area: shapely.Geometry, height: int, width: int) -> IntArray:
    """Pixels of a picture whose centre an area covers."""
    rings = shapely.get_rings(shapely.get_parts(area))
    points = [shapely.get_coordinates(ring) for ring in rings]
    if not points:
        return np.empty((0, 2), dtype=np.int64)
    ends = np.concatenate([np.hstack([p[:-1], p[1:]]) for p in points])
    step = max(1, MOST_CROSSINGS // len(ends))
    first = max(0, int(ends[:, ::2].min()))
    last = min(width, int(ends[:, ::2].max()) + 1)
    blocks = [(at, min(at + step, last)) for at in range(first, last, step)]
    found = [np.empty((0, 2), dtype=np.int64), *[_columns(ends, *b, height) for b in blocks]]
    return joined(np.concatenate(found))


def _columns(ends: FloatArray, first: int, last: int, height: int) -> IntArray:
    """Runs in columns first to last of an area whose outline has the segments `ends` (n, 4): the
    middle of a column is inside between the first and second crossing, the third and fourth ..."""
    left = np.clip(np.ceil(np.minimum(ends[:, 0], ends[:, 2]) - 0.5), first, last).astype(np.int64)
    right = np.clip(np.ceil(np.maximum(ends[:, 0], ends[:, 2]) - 0.5), first, last).astype(np.int64)
    counts = right - left
    of = np.repeat(np.arange(len(ends)), counts)
    column = left[of] + np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    x0, y0, x1, y1 = ends[of].T
    down = y0 + (column + 0.5 - x0) * (y1 - y0) / (x1 - x0)
    order = np.lexsort((down, column))
    rows = np.clip(np.ceil(down[order] - 0.5), 0, height).astype(np.int64)
    return (column[order] * height + rows).reshape(-1, 2)


def without(found: IntArray, others: IntArray) -> IntArray:
    """Pixels of the first that are not of the second."""
    pieces, weight = votes([found, others], [1.0, 2.0])
    return joined(pieces[weight == 1.0])


def together(given: Sequence[IntArray]) -> IntArray:
    """Pixels that any has."""
    pieces, weight = votes(given, [1.0] * len(given))
    return joined(pieces[weight > 0])
