"""What several people say together beyond the crowd sets: opinions asked only while they pay,
transcripts and numbers, measured on open data.

The value of a label that is shown for adaptive opinions was set while looking at this set, with
other seeds than here; the whole curve is in the row.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadtests.quality.crowd import left_out
from loadtests.quality.table import Row
from services.qc_scorer.consensus import merging
from services.qc_scorer.losses.text.words import word_errors
from services.qc_scorer.truth import dawid_skene as truth
from services.qc_scorer.truth import value_of_annotation
from services.qc_scorer.truth.dawid_skene import Answers, FloatArray, IntArray

GROUP = "crowd"
# Adaptive opinions on CIFAR-10H.
PRICE, VALUES, SHOWN_VALUE, CAP = 1.0, (40.0, 80.0, 120.0), 80.0, 7
EXPERT_ITEMS, FIXED = 500, 5
ADAPTIVE_SEEDS, FIXED_SEEDS = tuple(range(100, 108)), tuple(range(100, 120))
# CrowdSpeech.
CLIPS = 300
WER_REFERENCE = {"clean": 5.6, "other": 12.4}

# Adaptive opinions


@dataclass(frozen=True)
class Votes:
    """CIFAR-10H: vote shares (n, K), model probabilities (n, K), published labels (n,)."""

    share: FloatArray
    model: FloatArray
    label: IntArray

    def draw(self, rng: np.random.Generator, items: IntArray) -> IntArray:
        """One simulated answer each, drawn from the votes that people gave the item."""
        sums = self.share[items].cumsum(axis=1)
        answer = (rng.random(len(items))[:, None] > sums).sum(axis=1)
        return np.asarray(np.minimum(answer, self.share.shape[1] - 1), dtype=np.int64)


def load_votes(data: Path) -> Votes | None:
    """CIFAR-10H joined with cleanlab's out-of-fold model, None where a part is missing."""
    paths = data / "cifar10h" / "counts.npz", data / "label_errors" / "cifar10.npz"
    if not all(path.exists() for path in paths):
        return None
    with np.load(paths[0]) as people, np.load(paths[1]) as model:
        counts = people["counts"].astype(np.float64)
        chance = np.maximum(model["pyx"].astype(np.float64), 1e-6)
        label = model["given"].astype(np.int64)
    share = counts / counts.sum(axis=1, keepdims=True)
    return Votes(share, chance / chance.sum(axis=1, keepdims=True), label)


def fixed(votes: Votes, count: int, seed: int) -> float:
    """Accuracy in % of the majority of so many opinions on every item."""
    rng, (size, classes) = np.random.default_rng(seed), votes.share.shape
    tally = np.zeros((size, classes))
    for _ in range(count):
        tally[np.arange(size), votes.draw(rng, np.arange(size))] += 1.0
    return 100.0 * float(truth.right(tally, votes.label).mean())


def adaptive(votes: Votes, value: float, seed: int) -> tuple[float, float]:
    """(accuracy in % of the items that are not gold, opinions per item of all).

    Everything learnt is paid for: a random expert sample fits the model's temperature and,
    with one opinion on each, starts the confusion matrix; later opinions refine it."""
    rng, (size, classes) = np.random.default_rng(seed), votes.share.shape
    order = rng.permutation(size)
    experts, rest = order[:EXPERT_ITEMS], np.sort(order[EXPERT_ITEMS:])
    gold = {int(i): int(votes.label[i]) for i in experts}
    model = np.log(value_of_annotation.temper(votes.model, gold)[0])
    task, answer = experts, votes.draw(rng, experts)
    count = np.zeros(size, dtype=np.int64)
    while True:
        answers = Answers(task, np.zeros_like(task), answer, classes, size)
        found = truth.dawid_skene(answers, gold, model)
        ask = value_of_annotation.worth_asking(
            found.posterior[rest], PRICE, value, count[rest], CAP, found.confusion[0]
        )
        if not ask.any():
            break
        asked = rest[ask]
        count[asked] += 1
        task = np.concatenate([task, asked])
        answer = np.concatenate([answer, votes.draw(rng, asked)])
    right = truth.right(found.posterior[rest], votes.label[rest])
    return 100.0 * float(right.mean()), len(task) / size


def adaptive_row(data: Path) -> Row:
    """Opinions asked only while they pay, with the model, against five on every item."""
    what = (
        f"adaptive opinions with the model, CIFAR-10H (answers SIMULATED by drawing from the"
        f" ~51 real votes an item; an error costs {SHOWN_VALUE:.0f} opinions)"
    )
    votes = load_votes(data)
    if votes is None:
        return Row(GROUP, what, "", left_out="no cifar10h or label_errors/cifar10")
    goal = float(np.mean([fixed(votes, FIXED, seed) for seed in FIXED_SEEDS]))
    curve = {
        value: np.mean([adaptive(votes, value, seed) for seed in ADAPTIVE_SEEDS], axis=0)
        for value in VALUES
    }
    accuracy, spent = curve[SHOWN_VALUE]
    others = ", ".join(f"{v:.0f}: {a:.2f} % at {n:.2f}" for v, (a, n) in curve.items())
    text = (
        f"{accuracy:.2f} % with {spent:.3f} opinions an item, {EXPERT_ITEMS} of 10,000 items"
        f" labelled by experts besides; {FIXED} on every item {goal:.2f} %"
        f" (cost of an error in opinions: {others})"
    )
    ok = bool(accuracy >= goal and spent < 0.5)
    reference = "before, without the cost of learning: 98.3 % at 0.37, 98.6 % at 0.53"
    return Row(GROUP, what, text, "as 5 fixed, < 0.5 an item", reference, ok)


# Transcripts


def _texts(path: Path, column: str) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row[column]]


def speech_row(folder: Path, split: str) -> Row:
    """Word error rates of one split: single annotators, ROVER, ROVER with weights."""
    true = {row["task"]: row["truth"] for row in _texts(folder / f"{split}_truth.csv.gz", "truth")}
    kept = sorted(true, key=int)[:CLIPS]
    items: dict[str, dict[str, str]] = {clip: {} for clip in kept}
    for row in _texts(folder / f"{split}_labels.csv.gz", "text"):
        if row["task"] in items:
            items[row["task"]][row["worker"]] = row["text"]
    single = _error_rate([(t, true[clip]) for clip in kept for t in items[clip].values()])
    plain = _error_rate([(merging.rover(list(items[c].values())), true[c]) for c in kept])
    weighted = _error_rate([(t, true[c]) for c, t in merging.transcripts(items)[0].items()])
    reference = WER_REFERENCE["clean" if split.endswith("clean") else "other"]
    text = f"{weighted:.2f} weighted, {plain:.2f} plain, single annotator {single:.1f}"
    told = f"{reference} (a rerun; 300 clips, split not named; single 15.4 / 25.2)"
    return Row(GROUP, f"ROVER WER %, first {len(kept)} clips of {split}", text, reference=told)


def _error_rate(pairs: list[tuple[str, str]]) -> float:
    errors = np.array([word_errors(text, reference) for text, reference in pairs])
    return 100.0 * float(errors[:, 0].sum() / errors[:, 1].sum())


def number_row(folder: Path) -> Row:
    """Numeric answers: CRH against the mean."""
    said = _texts(folder / "labels.csv.gz", "value")
    known = _texts(folder / "truth.csv.gz", "truth")
    ids, task = np.unique([row["task"] for row in said], return_inverse=True)
    people, annotator = np.unique([row["worker"] for row in said], return_inverse=True)
    value = np.array([float(row["value"]) for row in said])
    found, _ = merging.numbers(task, annotator, value)
    mean = np.bincount(task, weights=value) / np.bincount(task)
    at = np.searchsorted(ids, [row["task"] for row in known])
    true = np.array([float(row["truth"]) for row in known])
    text = ", ".join(
        f"{name} {np.abs(x[at] - true).mean():.2f} / {np.sqrt(((x[at] - true) ** 2).mean()):.2f}"
        for name, x in (("CRH", found), ("mean", mean))
    )
    what = f"numbers, N_Emotion ({len(people)} annotators): MAE / RMSE"
    return Row(GROUP, what, text, reference="before: CRH 11.93 / 17.90, mean 12.02 / 17.84")


def rows(data: Path) -> list[Row]:
    """All rows of this group; `data` holds the folders of the open sets."""
    found = [adaptive_row(data)]
    splits = sorted((data / "crowdspeech").glob("*_truth.csv.gz"))
    found += [speech_row(p.parent, p.name.removesuffix("_truth.csv.gz")) for p in splits]
    if not splits:
        found += left_out("transcripts", data / "crowdspeech")
    if not (data / "n_emotion" / "labels.csv.gz").exists():
        return found + left_out("numbers", data / "n_emotion")
    return [*found, number_row(data / "n_emotion")]
