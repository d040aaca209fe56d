"""Embedding of small grey images (28 x 28): upright, histograms of gradients, 160 directions.

The directions are principal components of unlabelled images. An image that cannot be read gets
NaN in its own row and harms no other.
"""

from pathlib import Path

import features
import numpy as np
import runtime


class TritonPythonModel:
    def initialize(self, args):
        self._projection = np.load(Path(__file__).parent / "projection.npz")
        self._size = self._projection["components"].shape[1]

    def execute(self, requests):
        return runtime.answer_all(requests, "IMAGE", self._run)

    def _run(self, rows):
        found = np.full((len(rows), self._size), np.nan, np.float32)
        images, good = [], []
        for i, row in enumerate(rows):
            try:
                images.append(features.gray(row, 28))
                good.append(i)
            except Exception:  # noqa: S112 - Pillow raises anything on hostile bytes
                continue
        if good:
            given = features.digit_features(np.stack(images))
            centred = given - self._projection["mean"]
            found[good] = centred @ self._projection["components"] / self._projection["scale"]
        return {"EMBEDDING": found}
