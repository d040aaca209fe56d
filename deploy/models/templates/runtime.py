"""What every `model.py` shares: one ONNX Runtime session, tensors in and out of requests."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils


def session_of(folder):
    """A session on two threads of the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(Path(folder) / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )


def labels_of(args):
    """Class names of the model's configuration."""
    return json.loads(json.loads(args["model_config"])["parameters"]["labels"]["string_value"])


def byte_rows(request, name):
    """The request's byte strings, one an item."""
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return [row if isinstance(row, bytes) else bytes(row) for row in tensor.as_numpy().reshape(-1)]


def answer_all(requests, name, run):
    """One response a request, computed over all their items at once."""
    given = [byte_rows(request, name) for request in requests]
    outputs = run([row for rows in given for row in rows])
    responses, start = [], 0
    for rows in given:
        tensors = [
            pb_utils.Tensor(out, np.ascontiguousarray(array[start : start + len(rows)]))
            for out, array in outputs.items()
        ]
        responses.append(pb_utils.InferenceResponse(output_tensors=tensors))
        start += len(rows)
    return responses
