"""Weights that come in other forms than a model here reads, turned at build. Nothing of the
carriers is imported, and a pickle may make nothing but tensors."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from deploy.models import tflite


class _Tensors(pickle.Unpickler):
    """Reads a checkpoint in the old format of torch: pickles, then the storages' bytes."""

    def find_class(self, module: str, name: str) -> Any:
        if name in ("FloatStorage", "LongStorage"):
            return {"FloatStorage": "<f4", "LongStorage": "<i8"}[name]
        if name == "_rebuild_tensor_v2":
            return _Tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a checkpoint")

    def persistent_load(self, pid: Any) -> Any:
        return pid


class _Tensor:
    """A tensor that waits for its storage's bytes."""

    def __init__(self, storage: Any, offset: int, size: Any, *_: Any) -> None:
        self.dtype, self.key = storage[1], storage[2]
        self.offset, self.size = offset, tuple(size)

    def array(self, storages: dict[str, bytes]) -> np.ndarray:
        count = int(np.prod(self.size))
        flat = np.frombuffer(storages[self.key], self.dtype)
        return flat[self.offset : self.offset + count].reshape(self.size)


def torch_to_npz(content: bytes) -> bytes:
    """numpy's npz of a checkpoint's `model_state`."""
    file = io.BytesIO(content)
    for _ in range(3):  # A magic number, a version, what the machine was like.
        _Tensors(file).load()
    state = _Tensors(file).load()["model_state"]
    widths = {tensor.key: np.dtype(tensor.dtype).itemsize for tensor in state.values()}
    storages = {}
    for key in _Tensors(file).load():
        (count,) = struct.unpack("<q", file.read(8))
        storages[key] = file.read(count * widths.get(key, 4))
    out = io.BytesIO()
    np.savez(out, **{name: tensor.array(storages) for name, tensor in state.items()})
    return out.getvalue()


def pose_to_onnx(content: bytes) -> bytes:
    """MediaPipe's pose landmark network as ONNX: places, and whether somebody is there."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return tflite.to_onnx(archive.read("pose_landmarks_detector.tflite"), 2)


CONVERSIONS: dict[str, Callable[[bytes], bytes]] = {"torch": torch_to_npz, "pose": pose_to_onnx}
