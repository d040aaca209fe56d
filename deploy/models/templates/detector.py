"""Objects of the 80 COCO classes: YOLOX-nano (Ge et al. 2021, Apache-2.0), decoded here."""

import io

import numpy as np
import runtime
from PIL import Image

SIDE, MOST, LEAST, OVERLAP = 416, 100, 0.25, 0.45


class Detector:
    """Rows [x1, y1, x2, y2, score, class] of a picture, in its pixels, best first, MOST at most."""

    def __init__(self, folder, name="model.onnx"):
        self._session = runtime.session_of(folder, name)
        self._input = self._session.get_inputs()[0].name
        self._grid, self._stride = _grid()

    def __call__(self, image, least=LEAST):
        pixels, scale = _prepare(image)
        (raw,) = self._session.run(None, {self._input: pixels[None]})
        return _decode(raw[0], self._grid, self._stride, scale, image.size, least)


def read(content):
    """The picture of an encoded image, RGB; Pillow raises anything on hostile bytes."""
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB")


def _grid():
    """Centre offsets (a, 2) and strides (a, 1) of the anchors at strides 8, 16, 32."""
    grids, strides = [], []
    for stride in (8, 16, 32):
        n = SIDE // stride
        x, y = np.meshgrid(np.arange(n), np.arange(n))
        grids.append(np.stack([x, y], 2).reshape(-1, 2))
        strides.append(np.full((n * n, 1), stride))
    return np.concatenate(grids).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _prepare(image):
    """((3, 416, 416) BGR float32 padded with 114, scale)."""
    size = image.size
    scale = min(SIDE / size[0], SIDE / size[1])
    small = image.resize(
        (max(1, int(size[0] * scale)), max(1, int(size[1] * scale))), Image.BILINEAR
    )
    padded = np.full((SIDE, SIDE, 3), 114, np.float32)
    array = np.asarray(small, np.float32)
    padded[: array.shape[0], : array.shape[1]] = array[:, :, ::-1]
    return padded.transpose(2, 0, 1), scale


def _decode(raw, grid, stride, scale, size, least):
    """Rows of the best boxes: decoded, non-maximum suppression per class, clipped."""
    centre = (raw[:, :2] + grid) * stride
    extent = np.exp(raw[:, 2:4]) * stride
    scores = raw[:, 4:5] * raw[:, 5:]
    classes = scores.argmax(1)
    best = scores[np.arange(len(scores)), classes]
    keep = best >= least
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
