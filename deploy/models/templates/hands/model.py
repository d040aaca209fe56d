"""Hands with 21 points each: MediaPipe's palm detector and hand landmark network (Zhang et al.
2020, Apache-2.0).

{"value": {"objects": ...}, "points": names}, class "hand". The palm is turned upright before its
points are looked for.
"""

from pathlib import Path

import numpy as np
import picture
import runtime
from PIL import Image

PALM, HAND, LEAST, OVERLAP, PRESENT, MOST = 192, 224, 0.5, 0.3, 0.5, 50
# Of the palm's box: how much larger the hand is, and how far its middle lies toward the fingers.
LARGER, TOWARD = 2.6, 0.5
FINGERS = ("thumb", "index", "middle", "ring", "little")
JOINTS = (("cmc", "mcp", "ip", "tip"), *[("mcp", "pip", "dip", "tip")] * 4)
POINTS = ["wrist", *(f"{f}_{j}" for f, joints in zip(FINGERS, JOINTS) for j in joints)]


class TritonPythonModel:
    def initialize(self, args):
        folder = Path(__file__).parent
        self._palms = runtime.session_of(folder, "palm.onnx")
        self._hand = runtime.session_of(folder, "hand.onnx")
        self._anchors = anchors()

    def execute(self, requests):
        return runtime.documents(requests, self._objects)

    def _objects(self, row):
        image = picture.rgb(row)
        hands = [self._points(image, *palm) for palm in self._found(image)]
        kept = [hand for hand in hands if hand[1] >= PRESENT]
        boxes = np.array([[*p.min(0), *p.max(0)] for p, _ in kept]).reshape(-1, 4)
        scores = np.array([score for _, score in kept])
        objects = [
            {
                "class": "hand",
                "score": runtime.rounded(scores[i], 4),
                "keypoints": {
                    "rect": picture.rect(boxes[i].clip(0, [*image.size] * 2)),
                    "points": picture.points(kept[i][0], image.size),
                },
            }
            for i in picture.suppressed(boxes, scores, 0.5)
        ]
        return {"value": {"objects": {"objects": objects}}, "points": POINTS}

    def _found(self, image):
        """[(centre (2,), side, angle)] of the squares in which hands are, in the image's pixels."""
        scale = PALM / max(image.size)
        size = [max(1, round(side * scale)) for side in image.size]
        offset = tuple((PALM - side) // 2 for side in size)
        padded = Image.new("RGB", (PALM, PALM))
        padded.paste(image.resize(size, Image.Resampling.BILINEAR), offset)
        given = np.asarray(padded, np.float32)[None] / 255
        raw, logits = self._palms.run(None, {"input_1": given})
        scores = 1 / (1 + np.exp(-logits[0, :, 0].clip(-50, 50)))
        keep = scores >= LEAST
        raw, anchor, scores = raw[0][keep], self._anchors[keep], scores[keep]
        places = raw.reshape(-1, 9, 2) / PALM
        # Centre, size, then seven points: the wrist first, the middle finger's root third.
        places[:, 0] += anchor
        places[:, 2:] += anchor[:, None]
        places = (places * PALM - np.where(np.arange(9)[:, None] == 1, 0, offset)) / scale
        boxes = np.concatenate([places[:, 0] - places[:, 1] / 2, places[:, 0] + places[:, 1] / 2], 1)
        kept = picture.suppressed(boxes, scores, OVERLAP)[:MOST]
        return [square(places[i]) for i in kept]

    def _points(self, image, centre, side, angle):
        """((21, 2) places in the image's pixels, probability that a hand is there)."""
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * side / 2 @ turn.T + centre
        pixels = picture.cut(image, corners, (HAND, HAND)) / 255
        given = {"input_1": pixels.transpose(2, 0, 1)[None].copy()}
        found, present, _ = self._hand.run(None, given)
        places = (found[0].reshape(21, 3)[:, :2] / HAND - 0.5) * side
        return places @ turn.T + centre, float(present[0, 0])


def anchors():
    """(2016, 2) centres, 0 to 1: two a cell of 24 x 24, six a cell of 12 x 12."""
    made = []
    for cells, each in ((24, 2), (12, 6)):
        grid = (np.stack(np.meshgrid(np.arange(cells), np.arange(cells)), 2) + 0.5) / cells
        made.append(np.repeat(grid.reshape(-1, 2), each, 0))
    return np.concatenate(made)


def square(places):
    """(centre, side, angle) of the hand's square from a palm's places: upright is the direction
    from the wrist to the root of the middle finger."""
    centre, size, wrist, middle = places[0], places[1], places[2], places[4]
    away = middle - wrist
    angle = np.arctan2(away[1], away[0]) + np.pi / 2
    up = np.array([np.sin(angle), -np.cos(angle)])
    return centre + up * TOWARD * size[1], float(size.max()) * LARGER, float(angle)
