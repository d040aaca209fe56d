"""Objects of the 80 COCO classes: YOLOX-nano.

Output rows [x1, y1, x2, y2, score, class] in pixels of the original image, 100 an image, score
0 where there is none; SIZE is (0, 0) for an image that cannot be read.
"""

from pathlib import Path

import detector
import numpy as np
import runtime


class TritonPythonModel:
    def initialize(self, args):
        self._detector = detector.Detector(Path(__file__).parent)

    def execute(self, requests):
        return runtime.answer_all(requests, "IMAGE", self._run)

    def _run(self, rows):
        boxes = np.zeros((len(rows), detector.MOST, 6), np.float32)
        sizes = np.zeros((len(rows), 2), np.int32)
        for i, row in enumerate(rows):
            try:
                image = detector.read(row)
            except Exception:  # noqa: S112 - Pillow raises anything on hostile bytes
                continue
            found = self._detector(image)
            boxes[i, : len(found)], sizes[i] = found, image.size
        return {"BOXES": boxes, "SIZE": sizes}
