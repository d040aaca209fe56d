"""Trains the two small classifiers and writes them as ONNX; runs in an environment of its own.

`python train.py DATA_DIR OUT_DIR`: reads `digits.npz` and `spam.json` made by the builder,
writes `<model>/model.onnx` and `<model>/metrics.json` (facts of the held-out half).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import features
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy.sparse import csr_matrix
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

PROJECTED = 12_000
DIGITS = [str(d) for d in range(10)]


def train_digits(folder: Path, out: Path) -> None:
    """A network with one hidden layer on gradients of upright digits."""
    data = np.load(folder / "digits.npz")
    given = _digit_features(data["train_x"])
    network = MLPClassifier(
        (256,), batch_size=256, max_iter=14, learning_rate_init=2e-3, alpha=1e-4, random_state=0
    )
    network.fit(given, data["train_y"])
    nodes = [
        helper.make_node("Gemm", ["FEATURES", "W0", "B0"], ["H0"]),
        helper.make_node("Relu", ["H0"], ["H1"]),
        helper.make_node("Gemm", ["H1", "W1", "B1"], ["Z"]),
        helper.make_node("Softmax", ["Z"], ["PROBS"], axis=1),
    ]
    weights = {
        "W0": network.coefs_[0],
        "B0": network.intercepts_[0],
        "W1": network.coefs_[1],
        "B1": network.intercepts_[1],
    }
    inputs = [helper.make_tensor_value_info("FEATURES", TensorProto.FLOAT, ["n", given.shape[1]])]
    _write(out, nodes, inputs, {k: v.astype(np.float32) for k, v in weights.items()}, len(DIGITS))
    probs = network.predict_proba(_digit_features(data["test_x"]))
    _metrics(out, probs, data["test_y"].astype(int))


def train_projection(folder: Path, out: Path) -> None:
    """Principal components of unlabelled digits: the directions an embedding keeps."""
    pixels = np.load(folder / "digits.npz")["train_x"]
    chosen = np.random.default_rng(0).choice(len(pixels), PROJECTED, replace=False)
    given = _digit_features(pixels[np.sort(chosen)])
    found = PCA(160, random_state=0).fit(given)
    out.mkdir(parents=True, exist_ok=True)
    np.savez(
        out / "projection.npz",
        mean=found.mean_.astype(np.float32),
        components=found.components_.T.astype(np.float32),
        scale=np.float32(found.transform(given).std()),
    )


def _digit_features(pixels: np.ndarray) -> np.ndarray:
    parts = np.array_split(pixels.astype(np.float32) / 255.0, max(1, len(pixels) // 2000))
    return np.concatenate([features.digit_features(part) for part in parts])


def train_spam(folder: Path, out: Path) -> None:
    """Logistic regression on hashed words: in ONNX a weighted sum of gathered weights."""
    rows = json.loads((folder / "spam.json").read_text())
    train = [r for r in rows if r["split"] == "train"]
    test = [r for r in rows if r["split"] == "test"]
    model = LogisticRegression(C=300.0, max_iter=300)
    model.fit(_matrix(train), [int(r["truth"] == "spam") for r in train])
    nodes = [
        helper.make_node("Gather", ["W", "IDS"], ["GATHERED"]),
        helper.make_node("Mul", ["GATHERED", "WEIGHTS"], ["TERMS"]),
        helper.make_node("ReduceSum", ["TERMS", "AXES"], ["SUM"], keepdims=1),
        helper.make_node("Add", ["SUM", "B"], ["Z"]),
        helper.make_node("Sigmoid", ["Z"], ["SPAM"]),
        helper.make_node("Sub", ["ONE", "SPAM"], ["HAM"]),
        helper.make_node("Concat", ["HAM", "SPAM"], ["PROBS"], axis=1),
    ]
    weights = {
        "W": model.coef_[0].astype(np.float32),
        "B": model.intercept_.astype(np.float32),
        "ONE": np.ones(1, np.float32),
        "AXES": np.array([1], np.int64),
    }
    inputs = [
        helper.make_tensor_value_info("IDS", TensorProto.INT64, ["n", "m"]),
        helper.make_tensor_value_info("WEIGHTS", TensorProto.FLOAT, ["n", "m"]),
    ]
    _write(out, nodes, inputs, weights, 2)
    _metrics(
        out, model.predict_proba(_matrix(test)), np.array([r["truth"] == "spam" for r in test])
    )


def _matrix(rows: list[dict[str, str]]) -> csr_matrix:
    found = [features.tokens(r["text"]) for r in rows]
    start = np.cumsum([0, *(len(ids) for ids, _ in found)])
    ids = np.concatenate([ids for ids, _ in found])
    weights = np.concatenate([weights for _, weights in found])
    return csr_matrix((weights, ids, start), shape=(len(rows), features.BUCKETS))


def _write(out: Path, nodes: list, inputs: list, weights: dict, classes: int) -> None:
    graph = helper.make_graph(
        nodes,
        "model",
        inputs,
        [helper.make_tensor_value_info("PROBS", TensorProto.FLOAT, ["n", classes])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(model, out / "model.onnx")


def _metrics(out: Path, probs: np.ndarray, truth: np.ndarray) -> None:
    best, score = probs.argmax(1), probs.max(1)
    wrong = best != truth
    curve = [
        {
            "threshold": t,
            "share": float((score >= t).mean()),
            "error": float(wrong[score >= t].mean()) if (score >= t).any() else 0.0,
        }
        for t in (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999)
    ]
    facts = {"held_out": len(truth), "accuracy": float(1 - wrong.mean()), "by_score": curve}
    (out / "metrics.json").write_text(json.dumps(facts, indent=1))


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    train_spam(source, target / "spam-text")
    train_digits(source, target / "digits-image")
    train_projection(source, target / "image-features")
