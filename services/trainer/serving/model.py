"""A trained head on the inference server: embeddings in, class probabilities out."""

from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        path = Path(__file__).parent / "model.onnx"
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        given = pb_utils.get_input_tensor_by_name(request, "FEATURES").as_numpy()
        (probs,) = self._session.run(["PROBS"], {"FEATURES": given.astype(np.float32)})
        return pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("PROBS", probs)])
