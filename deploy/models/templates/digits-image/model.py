"""Handwritten digits: upright, histograms of gradients, a small network in ONNX.

An image that cannot be read gets NaN in its own row and harms no other.
"""

from pathlib import Path

import features
import numpy as np
import runtime


class TritonPythonModel:
    def initialize(self, args):
        self._session = runtime.session_of(Path(__file__).parent)
        self._classes = len(runtime.labels_of(args))

    def execute(self, requests):
        return runtime.answer_all(requests, "IMAGE", self._run)

    def _run(self, rows):
        probs = np.full((len(rows), self._classes), np.nan, np.float32)
        images, good = [], []
        for i, row in enumerate(rows):
            try:
                images.append(features.gray(row, 28))
                good.append(i)
            except Exception:  # noqa: S112 - Pillow raises anything on hostile bytes
                continue
        if good:
            given = features.digit_features(np.stack(images))
            (probs[good],) = self._session.run(["PROBS"], {"FEATURES": given})
        return {"PROBS": probs}
