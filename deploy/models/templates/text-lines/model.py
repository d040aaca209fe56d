"""What is written in an image: PP-OCRv6 small (Apache-2.0), Chinese, English and Japanese.

Lines are found by differentiable binarisation (Liao et al. 2020) and read by CTC. The answer's
objects are lines (class "line") in reading order, and the paragraphs that they make together.
"""

from pathlib import Path

import numpy as np
import paragraphs
import picture
import runtime
from PIL import Image
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

# The shorter side is made at least, the longer at most so many pixels for the detector.
LEAST_SIDE, MOST_SIDE = 736, 1600
INK, SURE, GROW = 0.3, 0.5, 1.6
MOST_LINES, LEAST_SIZE = 1000, 3
HEIGHT, MOST_WIDTH, BATCH = 48, 2400, 6
READABLE = 0.5


class TritonPythonModel:
    def initialize(self, args):
        folder = Path(__file__).parent
        self._finder = runtime.session_of(folder, "finder.onnx")
        self._reader = runtime.session_of(folder, "reader.onnx")
        told = self._reader.get_modelmeta().custom_metadata_map["character"]
        self._characters = ["", *told.split("\n"), " "]

    def execute(self, requests):
        return runtime.documents(requests, self._objects)

    def _objects(self, row):
        image = picture.rgb(row)
        read = zip(*self._read(image, self._lines(image)))
        lines = [
            {
                "class": "line",
                "text": text,
                "score": runtime.rounded(score, 4),
                "quad": {"points": [runtime.rounded(v) for v in corners.reshape(-1)]},
            }
            for corners, text, score in read
            if score >= READABLE and text.strip()
        ]
        ordered = paragraphs.in_order(lines)
        return {"value": {"objects": {"objects": ordered + paragraphs.of(ordered)}}}

    def _lines(self, image):
        """[(4, 2)] corners of the lines, clockwise from the upper left, in the image's pixels."""
        width, height = image.size
        scale = max(1.0, LEAST_SIDE / min(image.size))
        scale = min(scale, MOST_SIDE / max(image.size))
        size = [max(32, round(side * scale / 32) * 32) for side in image.size]
        pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.float32)[:, :, ::-1]
        given = (pixels / 127.5 - 1).transpose(2, 0, 1)[None]
        name = self._finder.get_inputs()[0].name
        ink = self._finder.run(None, {name: np.ascontiguousarray(given)})[0][0, 0]
        stretch = np.array([width / size[0], height / size[1]])
        found = [line * stretch for line in quads(ink)]
        inside = [line.clip(0, [width, height]) for line in found]
        return [line for line in inside if min(np.ptp(line, axis=0)) >= 1]

    def _read(self, image, lines):
        """(lines, texts, mean probabilities) of the lines."""
        crops = [_crop(image, line) for line in lines]
        order = sorted(range(len(crops)), key=lambda i: crops[i].shape[1])
        texts, scores = [""] * len(crops), [0.0] * len(crops)
        name = self._reader.get_inputs()[0].name
        for start in range(0, len(order), BATCH):
            some = order[start : start + BATCH]
            width = max(320, *(crops[i].shape[1] for i in some))
            batch = np.zeros((len(some), 3, HEIGHT, width), np.float32)
            for row, i in enumerate(some):
                batch[row, :, :, : crops[i].shape[1]] = crops[i][:, :, ::-1].transpose(2, 0, 1)
            for i, chances in zip(some, self._reader.run(None, {name: batch})[0]):
                texts[i], scores[i] = self._decoded(chances)
        return lines, texts, scores

    def _decoded(self, chances):
        """(text, mean probability) of (steps, characters): repeats and blanks fall out (CTC)."""
        best = chances.argmax(1)
        kept = (best != 0) & np.concatenate([[True], best[1:] != best[:-1]])
        if not kept.any():
            return "", 0.0
        text = "".join(self._characters[i] for i in best[kept])
        return text, float(chances.max(1)[kept].mean())


def quads(ink):
    """[(4, 2)] corners of rectangles round the blobs of ink (h, w), grown to the whole letters:
    the network marks only the middle of a line."""
    marked = ndimage.binary_dilation(ink > INK, np.ones((2, 2), bool))
    labels, count = ndimage.label(marked, np.ones((3, 3), int))
    found = []
    for number, window in enumerate(ndimage.find_objects(labels)[:MOST_LINES], 1):
        own = labels[window] == number
        if ink[window][own & (ink[window] > INK)].mean() < SURE:
            continue
        rows, columns = np.nonzero(own)
        points = np.stack([columns + window[1].start, rows + window[0].start], 1).astype(float)
        corners = smallest(points)
        if corners is None:
            continue
        sides = np.hypot(*(corners[1] - corners[0])), np.hypot(*(corners[3] - corners[0]))
        if min(sides) < LEAST_SIZE:
            continue
        grow = sides[0] * sides[1] * GROW / (2 * (sides[0] + sides[1]))
        found.append(grown(corners, grow))
    return found


def smallest(points):
    """(4, 2) corners of the smallest rectangle round points (n, 2): one of its sides lies along a
    side of their convex hull. None where they lie on one line."""
    try:
        hull = points[ConvexHull(points).vertices]
    except (QhullError, ValueError):
        return None
    edges = np.roll(hull, -1, 0) - hull
    angles = np.unique(np.round(np.arctan2(edges[:, 1], edges[:, 0]) % (np.pi / 2), 6))
    best = None
    for angle in angles:
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        low, high = (hull @ turn.T).min(0), (hull @ turn.T).max(0)
        area = (high - low).prod()
        if best is None or area < best[0]:
            box = np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
            best = (area, box @ turn)
    return clockwise(best[1])


def clockwise(corners):
    """The corners from the upper left one on, by the direction in which the rectangle leans."""
    middle = corners.mean(0)
    angles = np.arctan2(*(corners - middle).T[::-1])
    ordered = corners[np.argsort(angles)]
    first = np.argmin(ordered.sum(1))
    return np.roll(ordered, -first, 0)


def grown(corners, by):
    """The rectangle with every side moved out."""
    across = corners[1] - corners[0]
    down = corners[3] - corners[0]
    across, down = across / np.hypot(*across) * by, down / np.hypot(*down) * by
    steps = np.array([-across - down, across - down, across + down, down - across])
    return corners + steps


def _crop(image, line):
    """(48, width, 3) in -1..1; lines that run down are laid on their side."""
    width, height = np.hypot(*(line[1] - line[0])), np.hypot(*(line[3] - line[0]))
    if height >= 1.5 * width:
        line, width, height = np.roll(line, -1, 0), height, width
    wide = int(np.clip(np.ceil(HEIGHT * width / max(height, 1.0)), 8, MOST_WIDTH))
    return picture.cut(image, line, (wide, HEIGHT)) / 127.5 - 1
