"""Objects of the 80 COCO classes: YOLOX-nano (Ge et al. 2021), decoded here.

Output rows [x1, y1, x2, y2, score, class] in pixels of the original image, 100 an image, score
0 where there is none; SIZE is (0, 0) for an image that cannot be read.
"""

import io
from pathlib import Path

import numpy as np
import runtime
from PIL import Image

SIDE, MOST, LEAST, OVERLAP = 416, 100, 0.25, 0.45


class TritonPythonModel:
    def initialize(self, args):
        self._session = runtime.session_of(Path(__file__).parent)
        self._input = self._session.get_inputs()[0].name
        self._grid, self._stride = _grid()

    def execute(self, requests):
        return runtime.answer_all(requests, "IMAGE", self._run)

    def _run(self, rows):
        boxes = np.zeros((len(rows), MOST, 6), np.float32)
        sizes = np.zeros((len(rows), 2), np.int32)
        for i, row in enumerate(rows):
            try:
                pixels, scale, size = _prepare(row)
            except Exception:  # noqa: S112 - Pillow raises anything on hostile bytes
                continue
            (raw,) = self._session.run(None, {self._input: pixels[None]})
            found = _decode(raw[0], self._grid, self._stride, scale, size)
            boxes[i, : len(found)], sizes[i] = found, size
        return {"BOXES": boxes, "SIZE": sizes}


def _grid():
    """Centre offsets (a, 2) and strides (a, 1) of the anchors at strides 8, 16, 32."""
    grids, strides = [], []
    for stride in (8, 16, 32):
        n = SIDE // stride
        x, y = np.meshgrid(np.arange(n), np.arange(n))
        grids.append(np.stack([x, y], 2).reshape(-1, 2))
        strides.append(np.full((n * n, 1), stride))
    return np.concatenate(grids).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _prepare(row):
    """((3, 416, 416) BGR float32 padded with 114, scale, (width, height))."""
    with Image.open(io.BytesIO(row)) as image:
        image = image.convert("RGB")
        size = image.size
        scale = min(SIDE / size[0], SIDE / size[1])
        small = image.resize(
            (max(1, int(size[0] * scale)), max(1, int(size[1] * scale))), Image.BILINEAR
        )
    padded = np.full((SIDE, SIDE, 3), 114, np.float32)
    array = np.asarray(small, np.float32)
    padded[: array.shape[0], : array.shape[1]] = array[:, :, ::-1]
    return padded.transpose(2, 0, 1), scale, size


def _decode(raw, grid, stride, scale, size):
    """Rows of the best boxes: decoded, non-maximum suppression per class, clipped."""
    centre = (raw[:, :2] + grid) * stride
    extent = np.exp(raw[:, 2:4]) * stride
    scores = raw[:, 4:5] * raw[:, 5:]
    classes = scores.argmax(1)
    best = scores[np.arange(len(scores)), classes]
    keep = best >= LEAST
    corners = np.concatenate([centre - extent / 2, centre + extent / 2], 1)[keep] / scale
    corners[:, 0::2] = corners[:, 0::2].clip(0, size[0])
    corners[:, 1::2] = corners[:, 1::2].clip(0, size[1])
    rows = np.concatenate([corners, best[keep, None], classes[keep, None]], 1)
    return _suppress(rows[np.argsort(-rows[:, 4])])[:MOST]


def _suppress(rows):
    kept = []
    while len(rows):
        first, rest = rows[0], rows[1:]
        kept.append(first)
        low = np.maximum(first[:2], rest[:, :2])
        high = np.minimum(first[2:4], rest[:, 2:4])
        inside = np.clip(high - low, 0, None).prod(1)
        areas = (rest[:, 2:4] - rest[:, :2]).prod(1) + (first[2:4] - first[:2]).prod()
        overlap = inside / np.maximum(areas - inside, 1e-6)
        rows = rest[(overlap < OVERLAP) | (rest[:, 5] != first[5])]
    return np.array(kept, np.float32).reshape(-1, 6)
