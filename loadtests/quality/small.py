"""Small real sets with poor features, for runs by the hundred."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer

from loadtests.quality.replay import DataSet

# The text set and its label's column; the first that is there is taken.
TEXTS = (("banking77", "category"), ("clinc150", "intent"), ("spam", "label"))
ITEMS, DIGIT_WIDTH, TEXT_WIDTH, MOST_CLASSES = 2000, 10, 40, 20


def sets(data: Path) -> Iterator[DataSet | str]:
    """Digits, which come with scikit-learn, and a text set or why there is none."""
    yield digits()
    found = [(name, column) for name, column in TEXTS if (data / name / f"{name}.csv.gz").exists()]
    yield texts(data, *found[0]) if found else f"none of {[name for name, _ in TEXTS]} at {data}"


def digits() -> DataSet:
    """1,797 digits of 8 x 8, ten principal components."""
    known = load_digits()
    features = PCA(DIGIT_WIDTH, random_state=0).fit_transform(known.data / 16.0)
    return DataSet("digits", features.astype(np.float32), known.target.astype(np.int64), 10)


def texts(data: Path, name: str, column: str) -> DataSet:
    """Up to 2,000 texts of the commonest classes, hashed words in 40 components."""
    with gzip.open(data / name / f"{name}.csv.gz", "rt", newline="") as file:
        found = [(row["text"], row[column]) for row in csv.DictReader(file)]
    kinds, counts = np.unique([label for _, label in found], return_counts=True)
    kept = {kind: i for i, kind in enumerate(kinds[np.argsort(-counts)][:MOST_CLASSES])}
    pairs = [(text, kept[label]) for text, label in found if label in kept]
    chosen = np.random.default_rng(0).permutation(len(pairs))[:ITEMS]
    hashed = HashingVectorizer(n_features=2**14, ngram_range=(1, 2), alternate_sign=False)
    words = hashed.transform([pairs[i][0] for i in chosen])
    features = TruncatedSVD(TEXT_WIDTH, random_state=0).fit_transform(words)
    features /= np.linalg.norm(features, axis=1, keepdims=True) + 1e-9
    labels = np.array([pairs[i][1] for i in chosen], np.int64)
    return DataSet(name, features.astype(np.float32), labels, len(kept))
