"""Cuts an object out of a picture, given a box around it: iterated graph cuts.

After Rother, Kolmogorov and Blake (2004), "GrabCut": colours of object and background are
mixtures of Gaussians, neighbours of like colour want to be on one side, and the cheapest cut is
exact. Worked on a small copy of the box's surroundings, so that the time does not grow with the
picture. No weights, no training: where colours are alike, a person corrects.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from libs.imaging import orientation
from libs.sensor import rle
from libs.untrusted import unfinished_media

Box = tuple[float, float, float, float]
MAX_PIXELS = 100_000_000
# Longer side of the copy that is cut, pixels.
_SIDE = 96
# Of the box's sides, left around it on every side: there the background is learned.
_MARGIN = 0.25
_ROUNDS = 4
_COLOURS = 5
# Weight of a border between like neighbours; the paper's 50 is for five times as many pixels.
_SMOOTH = 10.0
# Chance that a pixel is the object's: in the middle of the box, and how it falls to the border.
_MIDDLE, _FALL = 0.9, 0.3
# A smaller share of the box is no object any more, but the colours' collapse.
_LEAST = 0.3
# Flows are whole numbers.
_SCALE = 100
_SURE = 10_000_000
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))


class Uncuttable(Exception):
    """No object can be cut out; the message says why."""


def cut(content: bytes, box: Box) -> np.ndarray:
    """(height, width) bool of the whole picture: the object in `box` (x, y, width, height in
    pixels). Raises `Uncuttable`."""
    picture = read(content)
    left, top, right, bottom = _around(box, picture.size)
    near = picture.crop((left, top, right, bottom))
    scale = min(1.0, _SIDE / max(near.size))
    width, height = (max(4, round(side * scale)) for side in near.size)
    pixels = np.asarray(near.resize((width, height), Image.Resampling.BOX), dtype=np.float64)
    rows = (top + (np.arange(height) + 0.5) * near.height / height - box[1]) / box[3] * 2 - 1
    columns = (left + (np.arange(width) + 0.5) * near.width / width - box[0]) / box[2] * 2 - 1
    found = _iterate(pixels, np.abs(rows)[:, None], np.abs(columns)[None, :])
    whole = np.zeros((picture.height, picture.width), dtype=bool)
    back = Image.fromarray(found.astype(np.uint8) * 255).resize(near.size, Image.Resampling.BICUBIC)
    whole[top:bottom, left:right] = np.asarray(back) > 127
    return whole


def document(found: np.ndarray) -> dict[str, Any]:
    """The mask's document: runs down the columns, background first."""
    flat = found.ravel(order="F")
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], edges, [len(flat)]])).tolist()
    counts = [0, *runs] if flat[0] else runs
    height, width = found.shape
    return {"height": height, "width": width, "counts": rle.text_from_counts(counts)}


def read(content: bytes) -> Image.Image:
    """The picture in RGB as it is shown, whatever way its file stores it; raises `Uncuttable`."""
    try:
        picture = Image.open(io.BytesIO(unfinished_media.whole_jpeg(content)))
        if picture.width * picture.height > MAX_PIXELS:
            raise Uncuttable(f"the picture has more than {MAX_PIXELS} pixels")
        return orientation.upright(picture).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Uncuttable(f"the picture cannot be read: {error}") from error


def _around(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box and its margin, within the picture: left, top, right, bottom."""
    x, y, width, height = box
    left, top = int(max(0, x - _MARGIN * width)), int(max(0, y - _MARGIN * height))
    right = int(min(size[0], x + width * (1 + _MARGIN) + 1))
    bottom = int(min(size[1], y + height * (1 + _MARGIN) + 1))
    if right - left < 4 or bottom - top < 4:
        raise Uncuttable("the box is outside the picture, or smaller than four pixels")
    return left, top, right, bottom


def _iterate(pixels: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """(h, w) bool: the object, after rounds of learning colours and cutting. `down` (h, 1) and
    `across` (1, w) are distances from the box's middle, 1 at its border."""
    inside = (down < 1) & (across < 1)
    if inside.all():
        raise Uncuttable("the box holds the whole picture: there is no background to learn from")
    # What is boxed is rather in the middle of its box than in the corners.
    chance = np.where(inside, np.clip(_MIDDLE - _FALL * (down**2 + across**2), 0.05, 0.95), 0.0)
    prior = np.log(np.stack([1 - chance, np.maximum(chance, 0.05)])).reshape(2, -1)
    found, edges, flat = chance > 0.5, _edges(pixels), pixels.reshape(-1, 3)
    for _ in range(_ROUNDS):
        mine = found.ravel()
        costs = np.stack([_surprise(flat, flat[~mine]), _surprise(flat, flat[mine])]) - prior
        before, found = found, _cheapest(costs, inside.ravel(), edges).reshape(inside.shape)
        if found.sum() < _LEAST * inside.sum():
            return before
        if (found == before).all():
            break
    return found


def _surprise(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(n,) -log density of `pixels` (n, 3) under a mixture of Gaussians made of `known`."""
    # Loads half of scipy; clicks are asked for beside the loop.
    from scipy.cluster.vq import kmeans2

    count = min(_COLOURS, len(np.unique(known, axis=0)))
    _, member = kmeans2(known, count, minit="++", seed=0, missing="warn")
    density = np.zeros(len(pixels))
    for component in range(count):
        own = known[member == component]
        if len(own) < 2:
            continue
        spread = np.cov(own.T) + 4.0 * np.eye(3)
        off = pixels - own.mean(axis=0)
        distance = np.einsum("ij,jk,ik->i", off, np.linalg.inv(spread), off)
        weight = len(own) / len(known) / np.sqrt(np.linalg.det(spread))
        density += weight * np.exp(-0.5 * distance)
    return np.asarray(-np.log(np.maximum(density, 1e-30)))


def _edges(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(from, to, cost of cutting between them) of the pixels' eight neighbours, each pair once."""
    height, width = pixels.shape[:2]
    places = np.arange(height * width).reshape(height, width)
    pairs = []
    for down, right in _STEPS:
        one = places[: height - down, max(0, -right) : width - max(0, right)]
        other = places[down:, max(0, right) : width + min(0, right)]
        pairs.append((one.ravel(), other.ravel(), np.hypot(down, right)))
    flat = pixels.reshape(-1, 3)
    contrasts = [((flat[a] - flat[b]) ** 2).sum(axis=1) for a, b, _ in pairs]
    mean = float(np.mean(np.concatenate(contrasts)))
    beta = 1 / (2 * mean) if mean > 0 else 0.0
    costs = [
        _SMOOTH / far * np.exp(-beta * contrast)
        for (_, _, far), contrast in zip(pairs, contrasts, strict=True)
    ]
    starts, ends = (np.concatenate([pair[i] for pair in pairs]) for i in (0, 1))
    return starts, ends, np.concatenate(costs)


def _cheapest(
    costs: np.ndarray, open_: np.ndarray, edges: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """(n,) bool: on the object's side of the least cut. `costs` (2, n) of calling a pixel
    background and of calling it object; pixels that are not `open_` are background."""
    count = costs.shape[1]
    source, sink, places = count, count + 1, np.arange(count)
    less = costs - costs.min(axis=0)
    # Cutting a pixel off the source calls it background.
    to_object = np.where(open_, less[0] * _SCALE, 0)
    to_background = np.where(open_, less[1] * _SCALE, _SURE)
    starts, ends, borders = edges
    rows = np.concatenate([starts, ends, np.full(count, source), places])
    columns = np.concatenate([ends, starts, places, np.full(count, sink)])
    values = np.concatenate([borders * _SCALE, borders * _SCALE, to_object, to_background])
    shape = (count + 2, count + 2)
    graph = coo_array((np.rint(values).astype(np.int32), (rows, columns)), shape=shape).tocsr()
    residual = graph - maximum_flow(graph, source, sink).flow
    residual.eliminate_zeros()
    reached = breadth_first_order(residual, source, return_predecessors=False)
    found = np.zeros(count + 2, dtype=bool)
    found[reached] = True
    return found[:count]
