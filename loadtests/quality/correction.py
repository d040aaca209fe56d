"""Correction on submit: how many planted errors come back, and how many right answers with them.

Drafts are real out-of-fold predictions; annotators are SIMULATED: half of them err in 1 % of the
items and half in 9 %, uniformly or always to the next class. A fifth of the items makes their
histories, two fifths the thresholds, two fifths are the test. Who is asked to look again answers
anew, as carefully as ever; who then stands by an answer is settled by a reviewer who is right.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadtests.quality.table import Row
from services.qc_scorer.submission_check import conformal

GROUP = "correction"
ALPHA = 0.02
SETS = ("mnist", "cifar10", "20news", "imdb")
SEEDS = range(5)
RATES = np.array([0.01, 0.09] * 5)
Ints = NDArray[np.int64]
Err = Callable[[Ints, int, np.random.Generator], Ints]


@dataclass(frozen=True)
class Work:
    """Per item: truth, the model's class and score, who answered, and what. Classes by number."""

    truth: Ints
    drafted: Ints
    score: NDArray[np.float64]
    who: Ints
    said: Ints


@dataclass(frozen=True)
class Outcome:
    """Shares, 0 to 1: of right answers held, of errors held; of all items wrong without and
    with the check, and sent to a reviewer."""

    false_alarms: float
    caught: float
    without: float
    delivered: float
    reviewed: float


def uniform(truth: Ints, classes: int, rng: np.random.Generator) -> Ints:
    """Any other class."""
    return (truth + rng.integers(1, classes, len(truth))) % classes


def asymmetric(truth: Ints, classes: int, rng: np.random.Generator) -> Ints:
    """Always the next class: the same confusion by everybody."""
    return (truth + 1) % classes


def load(folder: Path, name: str) -> tuple[NDArray[np.float64], Ints] | None:
    """(probabilities (n, K), truth (n,)) without items whose published label was found wrong."""
    path = folder / "label_errors" / f"{name}.npz"
    if not path.exists():
        return None
    with np.load(path) as found:
        odds, given = found["pyx"].astype(np.float64), found["given"].astype(np.int64)
    keep = np.ones(len(given), bool)
    with gzip.open(folder / "label_errors" / f"{name}_mturk.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            keep[int(row["index"])] = int(row["votes_given"]) >= 3
    return odds[keep], given[keep]


def answered(odds: NDArray[np.float64], truth: Ints, err: Err, rng: np.random.Generator) -> Work:
    """Everything answered once, each item by a person chance chose."""
    who = rng.integers(0, len(RATES), len(truth))
    said = _answers(truth, who, odds.shape[1], err, rng)
    return Work(truth, odds.argmax(1), odds.max(1), who, said)


def _answers(truth: Ints, who: Ints, classes: int, err: Err, rng: np.random.Generator) -> Ints:
    errs = rng.random(len(truth)) < RATES[who]
    return np.where(errs, err(truth, classes, rng), truth)


def distances(work: Work, items: Ints, factors: NDArray[np.float64]) -> list[float]:
    """Distances of the answers to `items`, with the odds factor of person and class."""
    return [
        conformal.weighted(
            conformal.distance(
                _value(work.said[i]), _value(work.drafted[i]), float(work.score[i]), "class"
            ),
            float(factors[work.who[i], work.said[i]]),
        )
        for i in items
    ]


def _value(class_: int) -> conformal.Doc:
    return {"choices": {"classes": [str(class_)]}}


def histories(work: Work, items: Ints, classes: int) -> NDArray[np.float64]:
    """(people, classes) odds factors from settled answers."""
    tally = np.zeros((2, len(RATES), classes))
    wrong = (work.said[items] != work.truth[items]).astype(int)
    np.add.at(tally, (wrong, work.who[items], work.said[items]), 1)
    return np.vectorize(conformal.odds_factor)(tally[0], tally[1])


def trial(
    work: Work, classes: int, err: Err, rng: np.random.Generator, *, history: bool
) -> Outcome:
    """One split into history, calibration and test."""
    order = rng.permutation(len(work.truth))
    first, second = len(order) // 5, 3 * len(order) // 5
    past, known, new = order[:first], order[first:second], order[second:]
    factors = histories(work, past, classes) if history else np.ones((len(RATES), classes))
    right = known[work.said[known] == work.truth[known]]
    by_class: dict[str, list[float]] = defaultdict(list)
    for i, far in zip(right, distances(work, right, factors), strict=True):
        by_class[str(work.said[i])].append(far)
    limits = conformal.thresholds(by_class, ALPHA)
    rest = limits.get(conformal.REST, np.inf)
    limit = np.array([limits.get(str(c), rest) for c in range(classes)])
    held = np.array(distances(work, new, factors)) > limit[work.said[new]]
    return _outcome(work, new, held, _answers(work.truth, work.who, classes, err, rng))


def _outcome(work: Work, new: Ints, held: NDArray[np.bool_], again: Ints) -> Outcome:
    truth, said, again = work.truth[new], work.said[new], again[new]
    wrong, stands = said != truth, held & (again == said)
    delivered = np.where(held, ~stands & (again != truth), wrong)
    return Outcome(
        float(held[~wrong].mean()),
        float(held[wrong].mean()),
        float(wrong.mean()),
        float(delivered.mean()),
        float(stands.mean()),
    )


def set_row(folder: Path, name: str, err: Err) -> Row:
    """One data set under one kind of error."""
    what = f"{name}, {err.__name__} errors of SIMULATED people, false alarms {ALPHA:.0%}"
    found = load(folder, name)
    if found is None:
        return Row(GROUP, what, "", left_out=f"no {folder / 'label_errors' / name}.npz")
    odds, truth = found
    runs: dict[bool, list[Outcome]] = {True: [], False: []}
    for seed in SEEDS:
        work = answered(odds, truth, err, np.random.default_rng(seed))
        for history, outcomes in runs.items():
            rng = np.random.default_rng((seed, 1))
            outcomes.append(trial(work, odds.shape[1], err, rng, history=history))
    return _row(what, runs, len(truth))


def _row(what: str, runs: dict[bool, list[Outcome]], size: int) -> Row:
    alarms = np.array([o.false_alarms for o in runs[True]])
    caught, plain = (float(np.mean([o.caught for o in runs[h]])) for h in (True, False))
    without, delivered, reviewed = (
        float(np.mean([getattr(o, k) for o in runs[True]]))
        for k in ("without", "delivered", "reviewed")
    )
    # Of a seed's alarms both the threshold and the test are drawn; seeds share the items.
    error = float(np.sqrt(2 * ALPHA * (1 - ALPHA) / (0.4 * size)))
    text = (
        f"{caught:.1%} of errors held ({plain:.1%} without histories), {alarms.mean():.2%} of"
        f" right answers (worst seed {alarms.max():.2%}); delivered error {without:.2%} ->"
        f" {delivered:.2%}, {reviewed:.2%} of items to a reviewer"
    )
    ok = bool(alarms.mean() <= ALPHA + 2 * error and delivered < without)
    return Row(GROUP, what, text, f"false alarms <= {ALPHA:.0%} + 2 s.e., error falls", ok=ok)


def rows(data: Path) -> list[Row]:
    """All rows of this group; `data` holds the folders of the open sets."""
    return [set_row(data, name, err) for name in SETS for err in (uniform, asymmetric)]
