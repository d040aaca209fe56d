"""Features of texts and images, shared by training and serving: what the models see.

Needs numpy and Pillow only; runs under numpy 1.26 and 2.
"""

import io
import re
import zlib

import numpy as np
from PIL import Image

BUCKETS = 2**18
MOST_TOKENS = 1024
_WORD = re.compile(r"[a-z0-9$!%'@.-]{2,30}")
CELL, BINS = 4, 9


def tokens(text):
    """(ids, weights) of a text: hashed words and word pairs, sublinear counts, unit length.

    ids: int64 (n,), below BUCKETS; weights: float32 (n,). Hashing trick of Weinberger et al. 2009.
    """
    words = _WORD.findall(text.lower())[: MOST_TOKENS * 2]
    pairs = [f"{a} {b}" for a, b in zip(words, words[1:])]
    counts = {}
    for token in words + pairs:
        key = zlib.crc32(token.encode()) % BUCKETS
        counts[key] = counts.get(key, 0) + 1
    if not counts:
        return np.zeros(1, np.int64), np.zeros(1, np.float32)
    ids = np.fromiter(counts.keys(), np.int64)[:MOST_TOKENS]
    weights = 1.0 + np.log(np.fromiter(counts.values(), np.float32)[:MOST_TOKENS])
    return ids, (weights / np.linalg.norm(weights)).astype(np.float32)


def token_batch(texts):
    """(ids (n, m) int64, weights (n, m) float32), padded with weight 0."""
    rows = [tokens(text) for text in texts]
    width = max(len(ids) for ids, _ in rows)
    ids = np.zeros((len(rows), width), np.int64)
    weights = np.zeros((len(rows), width), np.float32)
    for i, (row_ids, row_weights) in enumerate(rows):
        ids[i, : len(row_ids)], weights[i, : len(row_ids)] = row_ids, row_weights
    return ids, weights


def gray(png, size):
    """(size, size) float32 in 0..1 of an encoded image; raises on what is none."""
    with Image.open(io.BytesIO(png)) as image:
        image = image.convert("L")
        if image.size != (size, size):
            image = image.resize((size, size), Image.BILINEAR)
        return np.asarray(image, np.float32) / 255.0


def deskew(images):
    """(n, 28, 28) sheared upright by their second moments."""
    n, height, width = images.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    mass = images.sum((1, 2)) + 1e-6
    mx, my = (images * x).sum((1, 2)) / mass, (images * y).sum((1, 2)) / mass
    dx, dy = x - mx[:, None, None], y - my[:, None, None]
    vyy, vxy = (images * dy * dy).sum((1, 2)), (images * dx * dy).sum((1, 2))
    slope = np.where(vyy > 1e-3, vxy / (vyy + 1e-6), 0.0)
    source = x + slope[:, None, None] * dy + (mx - (width - 1) / 2)[:, None, None]
    rows = np.clip(y + (my - (height - 1) / 2)[:, None, None], 0, height - 1.001)
    source = np.clip(source, 0, width - 1.001)
    left, top = source.astype(np.int64), rows.astype(np.int64)
    fx, fy = source - left, rows - top
    at = np.arange(n)[:, None, None]
    upper = images[at, top, left] * (1 - fx) + images[at, top, left + 1] * fx
    lower = images[at, top + 1, left] * (1 - fx) + images[at, top + 1, left + 1] * fx
    return (upper * (1 - fy) + lower * fy).astype(np.float32)


def hog(images):
    """(n, features) float32: histograms of oriented gradients (Dalal and Triggs 2005) over
    overlapping cells, plus the image at a quarter of its size."""
    gx = np.zeros_like(images)
    gy = np.zeros_like(images)
    gx[:, :, 1:-1] = images[:, :, 2:] - images[:, :, :-2]
    gy[:, 1:-1, :] = images[:, 2:, :] - images[:, :-2, :]
    strength = np.hypot(gx, gy)
    angle = (np.arctan2(gy, gx) % np.pi) * (BINS / np.pi)
    low = np.floor(angle).astype(np.int64) % BINS
    part = angle - np.floor(angle)
    n, size = images.shape[0], images.shape[1]
    cells = size // CELL
    maps = np.zeros((BINS, *images.shape), np.float32)
    for b in range(BINS):
        maps[b] = strength * ((low == b) * (1 - part) + (((low + 1) % BINS) == b) * part)
    grid = maps.reshape(BINS, n, cells, CELL, cells, CELL).sum((3, 5))
    shifted = maps[:, :, 2:-2, 2:-2].reshape(BINS, n, cells - 1, CELL, cells - 1, CELL).sum((3, 5))
    coarse = images.reshape(n, size // 2, 2, size // 2, 2).mean((2, 4)).reshape(n, -1)
    both = [g.transpose(1, 2, 3, 0).reshape(n, -1) for g in (grid, shifted)]
    parts = [p / (np.linalg.norm(p, axis=1, keepdims=True) + 1e-6) for p in both]
    return np.concatenate([*parts, 0.1 * coarse], axis=1).astype(np.float32)


def digit_features(images):
    """(n, features) of (n, 28, 28) images in 0..1."""
    return hog(deskew(images))
