"""Triton's model repository: lays a head where the inference server loads it from."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from services.trainer.domain import ModelVersion

SERVING = Path(__file__).parent / "serving" / "model.py"
MOST_BATCH = 1024
CAPABILITY = "features-classification"


class Repository:
    """One folder, shared with the inference server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def publish(self, version: ModelVersion, classes: Sequence[str], weights: bytes) -> None:
        """Version folder, code and configuration; a version that is there stays as it is."""
        await asyncio.to_thread(self._publish, version, list(classes), weights)

    def _publish(self, version: ModelVersion, classes: list[str], weights: bytes) -> None:
        model = self._folder / version.model
        home = model / version.version
        model.mkdir(parents=True, exist_ok=True)
        if not home.exists():
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".new-") as folder:
                fresh = Path(folder) / version.version
                fresh.mkdir()
                (fresh / "model.onnx").write_bytes(weights)
                shutil.copy(SERVING, fresh / "model.py")
                fresh.replace(home)
        part = model / "config.pbtxt.part"
        part.write_text(config(version.model, classes))
        part.replace(model / "config.pbtxt")


def config(model: str, classes: Sequence[str]) -> str:
    """config.pbtxt: every version is served side by side."""
    labels = json.dumps(json.dumps(list(classes)))
    return (
        f'name: "{model}"\nbackend: "python"\nmax_batch_size: {MOST_BATCH}\n'
        'input [ { name: "FEATURES" data_type: TYPE_FP32 dims: [ -1 ] } ]\n'
        f'output [ {{ name: "PROBS" data_type: TYPE_FP64 dims: [ {len(classes)} ] }} ]\n'
        "version_policy { all { } }\n"
        "instance_group [ { count: 1 kind: KIND_CPU } ]\n"
        f'parameters {{ key: "labels" value {{ string_value: {labels} }} }}\n'
        f'parameters {{ key: "capability" value {{ string_value: "{CAPABILITY}" }} }}\n'
    )
