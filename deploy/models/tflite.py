"""TensorFlow Lite networks as ONNX: the few operators that the models here use, float weights.

The file is a flatbuffer (schema of TensorFlow 2.18); tables are read by their fields' numbers.
Activations of four dimensions become channels-first; the network's inputs do, too.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_DTYPES = {0: "<f4", 1: "<f2", 2: "<i4"}
_ADD, _CONV, _DEPTHWISE, _DEQUANTIZE, _LOGISTIC = 0, 3, 4, 6, 14
_MAX_POOL, _RESHAPE, _RESIZE, _PAD = 17, 22, 23, 34


class _Table:
    """A table of a flatbuffer."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at

    @staticmethod
    def root(data: bytes) -> _Table:
        return _Table(data, struct.unpack_from("<I", data)[0])

    def _field(self, number: int) -> int:
        table = self._at - struct.unpack_from("<i", self._data, self._at)[0]
        if 4 + 2 * number >= struct.unpack_from("<H", self._data, table)[0]:
            return 0
        offset = struct.unpack_from("<H", self._data, table + 4 + 2 * number)[0]
        return self._at + int(offset) if offset else 0

    def number(self, field: int, kind: str = "<i", default: int = 0) -> int:
        at = self._field(field)
        return int(struct.unpack_from(kind, self._data, at)[0]) if at else default

    def _follow(self, at: int) -> int:
        return at + int(struct.unpack_from("<I", self._data, at)[0])

    def table(self, field: int) -> _Table:
        return _Table(self._data, self._follow(self._field(field)))

    def _vector(self, field: int) -> tuple[int, int]:
        at = self._field(field)
        if not at:
            return 0, 0
        start = self._follow(at)
        return start + 4, int(struct.unpack_from("<I", self._data, start)[0])

    def tables(self, field: int) -> list[_Table]:
        start, count = self._vector(field)
        return [_Table(self._data, self._follow(start + 4 * i)) for i in range(count)]

    def numbers(self, field: int) -> list[int]:
        start, count = self._vector(field)
        return list(struct.unpack_from(f"<{count}i", self._data, start)) if count else []

    def bytes(self, field: int) -> bytes:
        start, count = self._vector(field)
        return self._data[start : start + count]


class _Network:
    """The first graph of a file, as it becomes ONNX nodes."""

    def __init__(self, data: bytes) -> None:
        model = _Table.root(data)
        codes = model.tables(1)
        self.codes = [max(code.number(3), code.number(0, "<b")) for code in codes]
        graph, buffers = model.tables(2)[0], model.tables(4)
        self.tensors, self.operators = graph.tables(0), graph.tables(3)
        self.inputs, self.outputs = graph.numbers(1), graph.numbers(2)
        self.shapes = [tensor.numbers(0) for tensor in self.tensors]
        self.constants: dict[int, np.ndarray] = {}
        for i, tensor in enumerate(self.tensors):
            held = buffers[tensor.number(2, "<I")].bytes(0)
            if held:
                dtype = _DTYPES[tensor.number(1, "<b")]
                self.constants[i] = np.frombuffer(held, dtype).reshape(self.shapes[i])
        self.nodes: list[Any] = []
        self.held: list[Any] = []

    def name(self, tensor: int) -> str:
        """An activation's name, or a constant's as it stands in the file."""
        if tensor in self.constants:
            array = self.constants[tensor]
            return self.hold(array.transpose(0, 3, 1, 2) if array.ndim == 4 else array)
        return f"t{tensor}"

    def hold(self, array: np.ndarray) -> str:
        name = f"c{len(self.held)}"
        kind = np.int64 if array.dtype.kind == "i" else np.float32
        held = np.ascontiguousarray(array, dtype=kind)
        self.held.append(numpy_helper.from_array(held, name))
        return name

    def add(
        self, kind: str, inputs: list[str], output: int | str, act: int = 0, **rest: Any
    ) -> str:
        """A node; what is fused behind it (ReLU, ReLU up to 6) becomes a node of its own."""
        name = output if isinstance(output, str) else f"t{output}"
        raw = f"{name}_raw" if act else name
        self.nodes.append(helper.make_node(kind, inputs, [raw], **rest))
        if act == 1:
            self.nodes.append(helper.make_node("Relu", [raw], [name]))
        elif act == 3:
            limits = [self.hold(np.array(limit)) for limit in (0.0, 6.0)]
            self.nodes.append(helper.make_node("Clip", [raw, *limits], [name]))
        elif act:
            raise ValueError(f"activation {act} is not known")
        return name

    def convert(self) -> None:
        for operator in self.operators:
            code = self.codes[operator.number(0, "<I")]
            if code not in _OPERATORS:
                raise ValueError(f"operator {code} is not known")
            options = operator.table(4) if code not in (_DEQUANTIZE, _LOGISTIC) else operator
            _OPERATORS[code](self, operator.numbers(1), operator.numbers(2)[0], options)


def _sliding(options: _Table) -> dict[str, Any]:
    """Padding and strides, which stand alike in all windowed operators."""
    padding = "VALID" if options.number(0, "<b") else "SAME_UPPER"
    return {"auto_pad": padding, "strides": [options.number(2), options.number(1)]}


def _conv(net: _Network, given: list[int], out: int, options: _Table) -> None:
    weights = net.constants[given[1]].transpose(0, 3, 1, 2)
    rest = _sliding(options) | {
        "dilations": [options.number(5, "<i", 1), options.number(4, "<i", 1)]
    }
    inputs = [net.name(given[0]), net.hold(weights), net.name(given[2])]
    net.add("Conv", inputs, out, options.number(3, "<b"), **rest)


def _depthwise(net: _Network, given: list[int], out: int, options: _Table) -> None:
    weights = net.constants[given[1]].transpose(3, 0, 1, 2)
    rest = _sliding(options) | {
        "dilations": [options.number(6, "<i", 1), options.number(5, "<i", 1)]
    }
    inputs = [net.name(given[0]), net.hold(weights), net.name(given[2])]
    groups = net.shapes[given[0]][3]
    net.add("Conv", inputs, out, options.number(4, "<b"), group=groups, **rest)


def _add(net: _Network, given: list[int], out: int, options: _Table) -> None:
    net.add("Add", [net.name(one) for one in given], out, options.number(0, "<b"))


def _dequantize(net: _Network, given: list[int], out: int, options: _Table) -> None:
    net.constants[out] = net.constants[given[0]].astype("<f4")


def _logistic(net: _Network, given: list[int], out: int, options: _Table) -> None:
    net.add("Sigmoid", [net.name(given[0])], out)


def _max_pool(net: _Network, given: list[int], out: int, options: _Table) -> None:
    kernel = [options.number(4), options.number(3)]
    net.add("MaxPool", [net.name(given[0])], out, kernel_shape=kernel, **_sliding(options))


def _reshape(net: _Network, given: list[int], out: int, options: _Table) -> None:
    name = net.name(given[0])
    if len(net.shapes[given[0]]) == 4:
        name = net.add("Transpose", [name], f"t{out}_last", perm=[0, 2, 3, 1])
    net.add("Reshape", [name, net.hold(np.array(net.shapes[out]))], out)


def _resize(net: _Network, given: list[int], out: int, options: _Table) -> None:
    places = "half_pixel" if options.number(3, "<b") else "asymmetric"
    if options.number(2, "<b"):
        places = "align_corners"
    height, width = net.shapes[out][1:3]
    sizes = net.hold(np.array([1, net.shapes[out][3], height, width]))
    rest: dict[str, Any] = {"mode": "linear", "coordinate_transformation_mode": places}
    net.add("Resize", [net.name(given[0]), "", "", sizes], out, **rest)


def _pad(net: _Network, given: list[int], out: int, options: _Table) -> None:
    pads = net.constants[given[1]][[0, 3, 1, 2]].T.reshape(-1)
    net.add("Pad", [net.name(given[0]), net.hold(pads)], out)


_OPERATORS: dict[int, Callable[[_Network, list[int], int, _Table], None]] = {
    _ADD: _add,
    _CONV: _conv,
    _DEPTHWISE: _depthwise,
    _DEQUANTIZE: _dequantize,
    _LOGISTIC: _logistic,
    _MAX_POOL: _max_pool,
    _RESHAPE: _reshape,
    _RESIZE: _resize,
    _PAD: _pad,
}


def to_onnx(content: bytes, outputs: int) -> bytes:
    """The network with its first `outputs` outputs; raises `ValueError` for others."""
    net = _Network(content)
    net.convert()
    kind = TensorProto.FLOAT
    inputs = []
    for i in net.inputs:
        batch, height, width, channels = net.shapes[i]
        shape = [batch, channels, height, width]
        inputs.append(helper.make_tensor_value_info(f"t{i}", kind, shape))
    wanted = net.outputs[:outputs]
    told = [helper.make_tensor_value_info(f"t{i}", kind, net.shapes[i]) for i in wanted]
    graph = helper.make_graph(net.nodes, "network", inputs, told, net.held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
