"""Ham or spam: hashed words and pairs into a logistic regression in ONNX."""

from pathlib import Path

import features
import runtime


class TritonPythonModel:
    def initialize(self, args):
        self._session = runtime.session_of(Path(__file__).parent)

    def execute(self, requests):
        return runtime.answer_all(requests, "TEXT", self._run)

    def _run(self, rows):
        ids, weights = features.token_batch([row.decode("utf-8", "replace") for row in rows])
        (probs,) = self._session.run(["PROBS"], {"IDS": ids, "WEIGHTS": weights})
        return {"PROBS": probs}
