"""Masks of people, animals and vehicles: boxes of YOLOX-nano, each cut out by graph cuts.

{"value": {"objects": ...}}. No two masks share a pixel: it belongs to the smaller object, which
is in front more often than not.
"""

from pathlib import Path

import detector
import numpy as np
import picture
import runtime
from libs.imaging import graph_cut

LEAST, MOST, LEAST_PIXELS = 0.4, 20, 50
# Numbers of COCO's classes.
KINDS = {0: "person", **dict.fromkeys(range(1, 9), "vehicle"), **dict.fromkeys(range(14, 24), "animal")}


class TritonPythonModel:
    def initialize(self, args):
        self._detector = detector.Detector(Path(__file__).parent)

    def execute(self, requests):
        return runtime.documents(requests, self._objects)

    def _objects(self, row):
        image = picture.rgb(row)
        taken = np.zeros((image.height, image.width), bool)
        objects = []
        rows = self._detector(image, LEAST)[:MOST]
        areas = (rows[:, 2:4] - rows[:, :2]).prod(1)
        for found in rows[np.argsort(areas)]:
            name = KINDS.get(int(found[5]))
            mask = self._cut(row, found[:4]) if name else None
            if mask is None or (mask & ~taken).sum() < LEAST_PIXELS:
                continue
            mask &= ~taken
            taken |= mask
            score = runtime.rounded(found[4], 4)
            objects.append({"class": name, "score": score, "mask": graph_cut.document(mask)})
        return {"value": {"objects": {"objects": objects}}}

    def _cut(self, row, box):
        """(height, width) bool of what is in a box; None where nothing can be cut out."""
        left, top, right, bottom = (float(v) for v in box)
        try:
            return graph_cut.cut(row, (left, top, right - left, bottom - top))
        except graph_cut.Uncuttable:
            return None
