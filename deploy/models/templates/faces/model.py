"""Faces with eyes, nose and corners of the mouth: YuNet (Wu et al. 2023, MIT).

{"value": {"objects": ...}, "points": names}, class "face". Right and left are the person's own.
"""

from pathlib import Path

import numpy as np
import picture
import runtime
from PIL import Image

SIDE, STRIDES, LEAST, OVERLAP, MOST = 640, (8, 16, 32), 0.6, 0.3, 1000
POINTS = ["right_eye", "left_eye", "nose", "right_mouth", "left_mouth"]


class TritonPythonModel:
    def initialize(self, args):
        self._session = runtime.session_of(Path(__file__).parent)
        self._names = [one.name for one in self._session.get_outputs()]

    def execute(self, requests):
        return runtime.documents(requests, self._objects)

    def _objects(self, row):
        image = picture.rgb(row)
        scale = SIDE / max(image.size)
        size = [max(1, round(side * scale)) for side in image.size]
        padded = np.zeros((SIDE, SIDE, 3), np.float32)
        small = image.resize(size, Image.Resampling.BILINEAR)
        padded[: size[1], : size[0]] = np.asarray(small, np.float32)[:, :, ::-1]
        found = self._session.run(None, {"input": padded.transpose(2, 0, 1)[None].copy()})
        boxes, points, scores = decoded(dict(zip(self._names, found)))
        boxes, points = boxes / scale, points / scale
        boxes = boxes.clip(0, [*image.size, *image.size])
        kept = [
            i for i in picture.suppressed(boxes, scores, OVERLAP) if np.ptp(boxes[i].reshape(2, 2), 0).min() >= 1
        ]
        objects = [face(boxes[i], points[i], float(scores[i]), image.size) for i in kept[:MOST]]
        return {"value": {"objects": {"objects": objects}}, "points": POINTS}


def decoded(found):
    """((n, 4) x1, y1, x2, y2, (n, 5, 2), (n,)) in pixels of the network's input."""
    boxes, points, scores = [], [], []
    for stride in STRIDES:
        side = SIDE // stride
        cells = np.stack(np.meshgrid(np.arange(side), np.arange(side)), 2).reshape(-1, 2)
        sure = found[f"cls_{stride}"][0, :, 0].clip(0, 1) * found[f"obj_{stride}"][0, :, 0].clip(0, 1)
        sure = np.sqrt(sure)
        keep = sure >= LEAST
        cells, raw = cells[keep], found[f"bbox_{stride}"][0][keep]
        centre, half = (cells + raw[:, :2]) * stride, np.exp(raw[:, 2:]) * stride / 2
        boxes.append(np.concatenate([centre - half, centre + half], 1))
        offsets = found[f"kps_{stride}"][0][keep].reshape(-1, 5, 2)
        points.append((offsets + cells[:, None]) * stride)
        scores.append(sure[keep])
    return np.concatenate(boxes), np.concatenate(points), np.concatenate(scores)


def face(box, points, score, size):
    """The object: its box and points; those outside the image are not labelled."""
    return {
        "class": "face",
        "score": runtime.rounded(score, 4),
        "keypoints": {"rect": picture.rect(box), "points": picture.points(points, size)},
    }
