"""Answers at once: the line's own cost is measured, not a model's."""

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        pass

    def execute(self, requests):
        given = [pb_utils.get_input_tensor_by_name(r, "TEXT").as_numpy() for r in requests]
        rows = [np.tile(np.array([[0.999, 0.001]], np.float32), (len(g), 1)) for g in given]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("PROBS", r)]) for r in rows]
