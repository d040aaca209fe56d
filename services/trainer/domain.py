"""What to label next, and which version of a model drafts: pure decisions."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

LEAST_SEED, MOST_SEED = 200, 600
SEEDS_PER_CLASS = 2.5
# Of every batch this share is drawn by chance: the only items whose outcome may stand for others.
CHANCE_SHARE = 0.1
CURVE_POINTS = 400
BINS = 12
# A candidate that lost more than this on a class with enough new answers is refused.
CLASS_MARGIN = 0.1
LEAST_OF_CLASS = 20
MOST_CALIBRATION_ERROR = 0.15
RANKED = 20_000
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Doc = dict[str, Any]


class ModelState(enum.StrEnum):
    CANDIDATE = "CANDIDATE"
    SHADOW = "SHADOW"
    CANARY = "CANARY"
    SERVING = "SERVING"
    RETIRED = "RETIRED"
    REFUSED = "REFUSED"
    ROLLED_BACK = "ROLLED_BACK"


@dataclass(frozen=True)
class Project:
    """What the trainer needs of a project; `embedding` is empty where it does not train."""

    name: str
    version: int
    embedding: str = ""
    input: str = ""
    classes: tuple[str, ...] = ()
    capability: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two versions judged on the same items; fields as in the proto."""

    against: str = ""
    item_count: int = 0
    only_new: int = 0
    only_old: int = 0
    lower_bound: float = 0.0


@dataclass(frozen=True)
class ModelVersion:
    """A version with its lineage; fields as in the proto."""

    name: str
    project: str
    model: str
    version: str
    state: ModelState
    reason: str
    embedding: str
    label_count: int
    labels_digest: str
    weights_digest: str
    accuracy: float
    drawn_count: int
    calibration_error: float
    cpu_seconds: float
    create_time: datetime
    comparison: Comparison | None = None
    row_version: int = 1
    class_calibration: tuple[Doc, ...] = ()


def seed_size(classes: int, waiting: int) -> int:
    """Items drawn by chance before the first model."""
    wanted = min(MOST_SEED, max(LEAST_SEED, round(SEEDS_PER_CLASS * classes)))
    return min(waiting, wanted)


def batch_of(
    ranking: Sequence[str], chance: Sequence[str], size: int
) -> tuple[list[str], list[str]]:
    """(picked, drawn): the head of the ranking and, for a share, items chance chose."""
    drawn = list(chance[: round(CHANCE_SHARE * size)])
    taken = set(drawn)
    picked = [name for name in ranking if name not in taken][: size - len(drawn)]
    return picked, drawn


def rank(margins: Floats, features: NDArray[np.float32], most: int = RANKED) -> Ints:
    """Positions of the items most worth a person's time: least margin first, near twins of one
    already taken put behind (greedy, within blocks of equal urgency), so that a batch does not
    ask the same question many times."""
    order = np.argsort(margins, kind="stable")[:most]
    blocks = [order[i : i + 256] for i in range(0, len(order), 256)]
    return np.concatenate([_spread(block, features) for block in blocks]) if blocks else order


def _spread(block: Ints, features: NDArray[np.float32]) -> Ints:
    x = features[block].astype(np.float32)
    norms = (x * x).sum(1)
    near = norms[:, None] + norms[None, :] - 2.0 * (x @ x.T)
    earlier = np.where(np.tri(len(block), k=-1, dtype=bool), near, np.inf).min(1)
    twins = earlier < 0.05 * np.median(near)
    return np.concatenate([block[~twins], block[twins]])


def curve(uncertainty: Floats) -> tuple[Ints, Floats]:
    """(counts, expected errors): after the counts[i] surest items errors[i] are expected."""
    ranked = np.cumsum(np.sort(uncertainty))
    if not len(ranked):
        return np.zeros(0, np.int64), np.zeros(0)
    counts = np.unique(np.linspace(1, len(ranked), min(CURVE_POINTS, len(ranked))).astype(np.int64))
    return counts, ranked[counts - 1]


def reliability(confidence: Floats, right: Bools) -> tuple[list[dict[str, float]], float]:
    """(bins of equal size, expected calibration error): stated against measured."""
    if not len(confidence):
        return [], 0.0
    order = np.argsort(confidence)
    bins = [
        {
            "confidence": float(confidence[part].mean()),
            "accuracy": float(right[part].mean()),
            "count": len(part),
        }
        for part in np.array_split(order, min(BINS, len(order)))
    ]
    gaps = [b["count"] * abs(b["confidence"] - b["accuracy"]) for b in bins]
    return bins, sum(gaps) / len(confidence)


def by_class(
    drafts: Ints, confidence: Floats, right: Bools, least: int = LEAST_OF_CLASS
) -> dict[int, tuple[int, float, float]]:
    """(count, mean confidence, share right) of every class drafted at least so often."""
    numbers, counts = np.unique(drafts, return_counts=True)
    found = {}
    for number, count in zip(numbers, counts, strict=True):
        here = drafts == number
        if count >= least:
            told = (int(count), float(confidence[here].mean()), float(right[here].mean()))
            found[int(number)] = told
    return found


def compare(against: str, new_right: Bools, old_right: Bools) -> Comparison:
    """Paired comparison on items neither version learnt from.

    The lower limit is exact: of the items the two differ on, the share the new one has right
    (Clopper-Pearson, one-sided 95 %), turned into a difference of accuracies (McNemar 1947).
    """
    only_new = int((new_right & ~old_right).sum())
    only_old = int((old_right & ~new_right).sum())
    differ = only_new + only_old
    share = float(beta.ppf(0.05, only_new, only_old + 1)) if only_new else 0.0
    lower = (2.0 * share - 1.0) * differ / len(new_right) if len(new_right) else 0.0
    return Comparison(against, len(new_right), only_new, only_old, lower)


def verdict(
    comparison: Comparison | None, calibration_error: float, worse: Mapping[str, float]
) -> tuple[ModelState, str]:
    """May the version take over? Only with a paired lower bound above zero, no class worse than
    a margin, and a calibration error under its limit; where nothing serves, the last alone."""
    if calibration_error > MOST_CALIBRATION_ERROR:
        return ModelState.REFUSED, f"calibration error {calibration_error:.3f} is too large"
    if worse:
        name, loss = max(worse.items(), key=lambda pair: pair[1])
        return ModelState.REFUSED, f"class {name!r} would lose {loss:.0%}"
    if comparison is None:
        return ModelState.SHADOW, "nothing serves yet"
    better = f"{comparison.only_new} right that only it has, {comparison.only_old} that it lost"
    if comparison.lower_bound > 0:
        return ModelState.SHADOW, f"better than version {comparison.against}: {better}"
    return ModelState.REFUSED, f"not shown to be better than {comparison.against}: {better}"


def worse_classes(
    labels: Ints, new_right: Bools, old_right: Bools, classes: Sequence[str]
) -> dict[str, float]:
    """Classes with enough items where the new version loses more than the margin."""
    found = {}
    for number in np.unique(labels):
        here = labels == number
        loss = float(old_right[here].mean() - new_right[here].mean())
        if here.sum() >= LEAST_OF_CLASS and loss > CLASS_MARGIN:
            found[classes[int(number)]] = loss
    return found


def labels_digest(names: Sequence[str], labels: Sequence[int]) -> str:
    """SHA-256 over what a version learnt from: sorted (task, class) pairs."""
    pairs = sorted(zip(names, labels, strict=True))
    return hashlib.sha256("\n".join(f"{n}\t{c}" for n, c in pairs).encode()).hexdigest()
