"""Small heads on frozen embeddings: kernel ridge regression with exact leave-one-out answers.

A Gaussian kernel on the embedding, one-hot targets, one Cholesky factorisation. Every training
item's leave-one-out answer comes for free (Rifkin and Lippert 2007, "Notes on regularized least
squares"), so that calibration and choice of width need no held-out labels: people's labels are
what costs. Written as ONNX it is two matrix products and an exponential.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from scipy import linalg
from scipy.special import log_softmax, softmax

from services.trainer.learning import calibration
from services.trainer.learning.calibration import UNCALIBRATED, Calibration

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
# Widths tried, as multiples of the one over the median squared distance; ridges.
WIDTHS = (0.5, 1.0, 2.0, 4.0)
RIDGE = 0.1
MOST_ANCHORS = 12_000
LEAST_DRAWN = 50
_CHOOSE_FROM = 1200
_BLOCK = 4096
_LEAST_TEMPERATURE, _MOST_TEMPERATURE = 0.01, 2.0


@dataclass(frozen=True)
class Head:
    """anchors (n, d), weights (n, classes), `width` of the kernel exp(-width |x - a|^2), and the
    temperature and calibration that make softmax(decision / temperature) a probability."""

    anchors: Floats
    weights: Floats
    width: float
    temperature: float
    calibration: Calibration = UNCALIBRATED

    def decision(self, features: Floats) -> NDArray[np.float64]:
        """(m, classes) of features (m, d)."""
        found = np.empty((len(features), self.weights.shape[1]))
        for start in range(0, len(features), _BLOCK):
            near = distances(features[start : start + _BLOCK], self.anchors)
            found[start : start + _BLOCK] = np.exp(-self.width * near) @ self.weights
        return found

    def probabilities(self, features: Floats) -> NDArray[np.float64]:
        """(m, classes), each row summing to 1."""
        return self.told(self.decision(features))

    def stated(self, decision: NDArray[np.float64]) -> NDArray[np.float64]:
        """(m, classes) of decisions (m, classes), before they are calibrated."""
        return np.asarray(softmax(decision / self.temperature, axis=1))

    def told(self, decision: NDArray[np.float64]) -> NDArray[np.float64]:
        """(m, classes), each row summing to 1, of decisions (m, classes)."""
        return self.calibration.probabilities(self.stated(decision))


@dataclass(frozen=True)
class Fit:
    """A head and its leave-one-out decisions (n, classes) on what it learnt from."""

    head: Head
    held_out: NDArray[np.float64]

    def probabilities(self) -> NDArray[np.float64]:
        """Leave-one-out probabilities (n, classes): the model never saw the label it judges."""
        return self.head.told(self.held_out)


def distances(a: Floats, b: Floats) -> Floats:
    """Squared distances (m, n), never below zero."""
    found = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2.0 * (a @ b.T)
    return np.maximum(found, 0.0, out=found)


def fit(features: Floats, labels: Ints, drawn: Bools, classes: int, seed: int = 0) -> Fit:
    """Fits features (n, d) to labels (n,) in 0..classes-1; `drawn` (n,) marks the items that
    chance chose.

    The width is chosen by leave-one-out likelihood on a part; temperature and calibration only
    on what chance chose, for items picked because they are hard are no sample of the rest.
    Raises `ValueError` where there is nothing to learn from.
    """
    if len(features) < 2:
        raise ValueError(f"{len(features)} labelled items; at least 2 are needed")
    features, labels, drawn = _bounded(features, labels, drawn, seed)
    width = _choose_width(features, labels, classes, seed)
    weights, held_out = _solve(features, labels, classes, width)
    fair = drawn if drawn.sum() >= LEAST_DRAWN else np.ones(len(labels), bool)
    warmth = temperature(held_out[fair], labels[fair])
    stated = softmax(held_out[fair] / warmth, axis=1)
    learnt = calibration.fit(uncertainty(stated), stated.argmax(1) != labels[fair])
    return Fit(Head(features, weights.astype(np.float32), width, warmth, learnt), held_out)


def _bounded(features: Floats, labels: Ints, drawn: Bools, seed: int) -> tuple[Floats, Ints, Bools]:
    if len(features) <= MOST_ANCHORS:
        return features, labels, drawn
    kept = np.random.default_rng(seed).choice(len(features), MOST_ANCHORS, replace=False)
    return features[kept], labels[kept], drawn[kept]


def _choose_width(features: Floats, labels: Ints, classes: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    part = rng.permutation(len(features))[:_CHOOSE_FROM]
    x, y = features[part], labels[part]
    base = 1.0 / float(np.median(distances(x[:300], x[:300])) + 1e-9)
    return max((_likelihood(x, y, classes, base * w), base * w) for w in WIDTHS)[1]


def _likelihood(x: Floats, y: Ints, classes: int, width: float) -> float:
    held_out = _solve(x, y, classes, width)[1]
    return -_loss(held_out, y, temperature(held_out, y))


def _solve(
    x: Floats, y: Ints, classes: int, width: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    kernel = np.exp(-width * distances(x, x)).astype(np.float64)
    kernel[np.diag_indices(len(x))] += RIDGE
    root = linalg.cholesky(kernel.T, lower=True, overwrite_a=True, check_finite=False)
    targets = np.eye(classes)[y] - 1.0 / classes
    weights = linalg.cho_solve((root, True), targets, check_finite=False)
    inverse, _ = linalg.lapack.dtrtri(root, lower=1, overwrite_c=1)
    diagonal = np.einsum("ij,ij->j", inverse, inverse)
    return weights, targets - weights / diagonal[:, None]


def temperature(decision: NDArray[np.float64], labels: Ints) -> float:
    """The temperature with the best likelihood (Guo et al. 2017), by golden section on its
    logarithm, within bounds that keep a perfect fit from claiming certainty."""
    low, high = np.log(_LEAST_TEMPERATURE), np.log(_MOST_TEMPERATURE)
    ratio = (np.sqrt(5.0) - 1.0) / 2.0
    for _ in range(24):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if _loss(decision, labels, np.exp(a)) < _loss(decision, labels, np.exp(b)):
            high = b
        else:
            low = a
    return float(np.exp((low + high) / 2.0))


def _loss(decision: NDArray[np.float64], labels: Ints, temperature_: float) -> float:
    logs = log_softmax(decision / temperature_, axis=1)
    return -float(logs[np.arange(len(labels)), labels].mean())


def uncertainty(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m,) one minus the largest probability, summed from the others so that it does not
    round to zero."""
    top = probabilities.argmax(1)
    others = probabilities.copy()
    others[np.arange(len(top)), top] = 0.0
    return np.asarray(others.sum(1))


def margins(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m,) largest minus second largest probability; small means unsure."""
    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities))
    best = np.partition(probabilities, -2, axis=1)
    return np.asarray(best[:, -1] - best[:, -2])


def save(head: Head, path: Path, **facts: str) -> None:
    """Writes the head as ONNX: FEATURES (n, d) float32 -> PROBS (n, classes) float64; `facts`
    go into its metadata."""
    nodes = [
        helper.make_node("Mul", ["FEATURES", "FEATURES"], ["SQUARES"]),
        helper.make_node("ReduceSum", ["SQUARES", "AXES"], ["NORMS"], keepdims=1),
        helper.make_node("MatMul", ["FEATURES", "ANCHORS_T"], ["PRODUCTS"]),
        helper.make_node("Add", ["PRODUCTS", "ANCHOR_TERMS"], ["SHIFTED"]),
        helper.make_node("Mul", ["NORMS", "MINUS_WIDTH"], ["OWN_TERMS"]),
        helper.make_node("Add", ["SHIFTED", "OWN_TERMS"], ["RAISED"]),
        helper.make_node("Min", ["RAISED", "ZERO"], ["CAPPED"]),
        helper.make_node("Exp", ["CAPPED"], ["KERNEL"]),
        helper.make_node("MatMul", ["KERNEL", "WEIGHTS"], ["DECISION"]),
        helper.make_node("Cast", ["DECISION"], ["WIDE"], to=TensorProto.DOUBLE),
        helper.make_node("Div", ["WIDE", "TEMPERATURE"], ["LOGITS"]),
        helper.make_node("Softmax", ["LOGITS"], ["SOFTMAX"], axis=1),
        *_calibrating(),
    ]
    norms = (head.anchors * head.anchors).sum(1)[None, :]
    width_in, width_out = head.anchors.shape[1], head.weights.shape[1]
    arrays = {
        "AXES": np.array([1], np.int64),
        "ANCHORS_T": (2.0 * head.width * head.anchors.T).astype(np.float32),
        "ANCHOR_TERMS": (-head.width * norms).astype(np.float32),
        "MINUS_WIDTH": np.array(-head.width, np.float32),
        "ZERO": np.array(0.0, np.float32),
        "WEIGHTS": head.weights,
        "TEMPERATURE": np.array(head.temperature, np.float64),
        **_calibration_arrays(head.calibration, width_out),
    }
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info("FEATURES", TensorProto.FLOAT, ["n", width_in])],
        [helper.make_tensor_value_info("PROBS", TensorProto.DOUBLE, ["n", width_out])],
        [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, facts)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _calibrating() -> list[Any]:
    """`Calibration.probabilities` as nodes: SOFTMAX -> PROBS."""
    steps: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
        ("Max", "SOFTMAX TINY", "STATED", {}),
        ("ArgMax", "STATED", "BEST", {"axis": 1, "keepdims": 1}),
        ("Equal", "CLASSES BEST", "IS_TOP", {}),
        ("Where", "IS_TOP NOTHING STATED", "OTHERS", {}),
        ("ReduceSum", "OTHERS AXES", "UNSURE", {"keepdims": 1}),
        ("ReduceMax", "OTHERS", "SECOND", {"axes": [1], "keepdims": 1}),
        ("Sub", "ONE UNSURE", "SURE", {}),
        ("Log", "UNSURE", "LOG_UNSURE", {}),
        ("Log", "SURE", "LOG_SURE", {}),
        ("Sub", "LOG_UNSURE LOG_SURE", "ODDS", {}),
        ("Mul", "ODDS SLOPE", "SLOPED", {}),
        ("Add", "SLOPED SHIFT", "SHIFTED_ODDS", {}),
        ("Sigmoid", "SHIFTED_ODDS", "ABOVE", {}),
        ("Mul", "ABOVE REST", "ABOVE_FLOOR", {}),
        ("Add", "ABOVE_FLOOR FLOOR", "LINE", {}),
        ("Add", "UNSURE SECOND", "BOTH", {}),
        ("Div", "UNSURE BOTH", "TIE", {}),
        ("Mul", "TIE ROOM", "MOST", {}),
        ("Min", "LINE MOST", "WRONG", {}),
        ("Div", "WRONG UNSURE", "SCALE", {}),
        ("Mul", "OTHERS SCALE", "SCALED", {}),
        ("Sub", "ONE WRONG", "RIGHT", {}),
        ("Where", "IS_TOP RIGHT SCALED", "PROBS", {}),
    )
    return [helper.make_node(op, given.split(), [made], **more) for op, given, made, more in steps]


def _calibration_arrays(found: Calibration, classes: int) -> dict[str, NDArray[Any]]:
    numbers = {
        "TINY": calibration.LEAST_PROBABILITY,
        "NOTHING": 0.0,
        "ONE": 1.0,
        "SLOPE": found.slope,
        "SHIFT": found.shift,
        "REST": 1.0 - found.floor,
        "FLOOR": found.floor,
        "ROOM": calibration.ROOM,
    }
    wide = {name: np.array(number, np.float64) for name, number in numbers.items()}
    return {"CLASSES": np.arange(classes, dtype=np.int64)[None, :], **wide}
