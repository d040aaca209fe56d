"""What every `model.py` shares: one ONNX Runtime session, tensors in and out of requests."""

import json
import math
from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils


class Unreadable(Exception):
    """Nothing can be made of this item; the message says why."""


def session_of(folder, name="model.onnx"):
    """A session on two threads of the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(Path(folder) / name), options, providers=["CPUExecutionProvider"]
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


def documents(requests, one):
    """Answers BYTES `INPUT` with BYTES `VALUE`: of each item the JSON of what `one` makes of its
    bytes. What raises is told as {"error": why} in its own row and harms no other."""

    def run(rows):
        told = [json.dumps(_document(one, row)).encode() for row in rows]
        return {"VALUE": np.array(told, dtype=object).reshape(-1, 1)}

    return answer_all(requests, "INPUT", run)


def _document(one, row):
    try:
        return one(row)
    except Unreadable as reason:
        return {"error": str(reason)}
    except Exception as error:
        return {"error": f"the model failed: {type(error).__name__}: {str(error)[:200]}"}


def softmax(logits):
    """Along the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def rounded(number, digits=2):
    """A plain float that JSON can hold."""
    value = round(float(number), digits)
    if not math.isfinite(value):
        raise Unreadable("the model answered NaN or infinity")
    return value
