"""What is believed of a task from the counts kept of its annotators, without a fit, and what a
settled task adds to those counts.

An annotator is a person or a model in one band of its scores, so that a score counts for what
such scores turned out to be worth. K classes by index. Said: (annotator, class) of one task.
Counts of an annotator are a flat document of numbers, so that every store can add to it and two
writers never meet: `total` answers, `right` among them, and for few classes `k` tasks of true
class k, `k:l` of those answered l. What is counted are expectations under the belief of a task.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from services.qc_scorer.truth.dawid_skene import (
    COIN_RIGHT,
    COIN_WRONG,
    MAP_BASE,
    MAP_DIAGONAL,
    POOL_BASE,
    POOL_DIAGONAL,
    POOL_STRENGTH,
    FloatArray,
)
from services.qc_scorer.truth.value_of_annotation import flattened, worth_asking

Doc = dict[str, Any]
Said = Sequence[tuple[str, int]]
Belief = list[tuple[int, float]]
Counts = dict[str, defaultdict[str, float]]

# Above, confusions would be mostly guesses and large; one skill an annotator is kept.
MOST_CELLS = 20
# Of a model nothing is known but its own word; it speaks once so many drafts were judged.
LEAST_BAND = 20
BANDS = (0.5, 0.8, 0.95, 0.99)
MODEL, PERSON = "models/", "people/"
EVERYONE, NOBODY = "", "/"
# Beliefs are kept down to this probability.
SMALL = 5e-3
# How many further opinions are weighed together, and among how many classes.
AHEAD, RIVALS = 3, 8
# Before anything is known of the annotators: votes, as confusions would be guesses.
FIRST_METHOD = "wawa"
COIN_METHODS = ("wawa", "one_coin", "majority")
# A vote knows nothing of how common a class is, nor do its readings.
VOTES = ("wawa", "majority")


def person(name: str) -> str:
    """The annotator a person is."""
    return PERSON + name


def band(model: str, version: str, score: float) -> str:
    """The annotator a model is with such a score."""
    return f"{MODEL}{model}-{version}/{bisect_right(BANDS, score)}"


def has_cells(classes: int) -> bool:
    """Are confusions kept?"""
    return classes <= MOST_CELLS


class Crowd:
    """A project's annotators as their counts say, at one moment.

    Each method of `truth` has its reading here: the chance of an answer by true class. Plain
    votes and weighted ones are read as coins of one common skill and of each annotator's own,
    which makes probabilities of them.
    """

    def __init__(
        self, classes: int, method: str, temperature: float, counts: Mapping[str, Mapping[str, Any]]
    ) -> None:
        known = method if has_cells(classes) or method in COIN_METHODS else FIRST_METHOD
        self.classes, self.method, self.temperature = classes, known, temperature
        self._counts = counts
        self._all: Mapping[str, Any] = counts.get(EVERYONE, {})
        prior = [self._all.get(f"prior:{k}", 0.0) + 1.0 for k in range(classes)]
        whole = sum(prior)
        self._prior = [p / whole for p in prior]
        self._flat = [1.0 / classes] * classes
        self._columns: dict[tuple[str, str, int], list[float]] = {}
        self._readings = ("dawid_skene", "majority") if known == "blend" else (known,)

    def posterior(self, said: Said) -> list[float]:
        """(K,) probabilities of one task."""
        heard = [(who, answer) for who, answer in said if self._speaks(who)]
        found = [self._weigh(heard, reading) for reading in self._readings]
        if len(found) == 1:
            return found[0]
        return [sum(each) / len(found) for each in zip(*found, strict=True)]

    def calibrated(self, posteriors: Sequence[Sequence[float]]) -> FloatArray:
        """(T, K) of T posteriors, tempered as gold demands."""
        array = np.asarray(posteriors, dtype=np.float64).reshape(-1, self.classes)
        return array if self.temperature <= 1.0 else flattened(array, self.temperature)

    def worth(self, posteriors: FloatArray, value: float) -> Any:
        """(T,) is one more opinion worth its price, where a right label is worth `value`
        opinions? Among the most probable classes only, where there are many."""
        typical = self.typical()
        if self.classes > RIVALS:
            posteriors = -np.sort(-posteriors, axis=1)[:, :RIVALS]
            posteriors = posteriors / posteriors.sum(axis=1, keepdims=True)
            typical = self._rivals(float(typical.diagonal().mean()))
        return worth_asking(posteriors, 1.0, value, 0, AHEAD, typical)

    def typical(self) -> FloatArray:
        """(K, K) confusion of the typical annotator, rows = true class."""
        reading = "majority" if self.method in COIN_METHODS else "pooled"
        return np.array([self._column(reading, NOBODY, k) for k in range(self.classes)]).T

    def _rivals(self, skill: float) -> FloatArray:
        """(RIVALS, RIVALS + 1) confusion among a few classes; the last column is any other."""
        off = (1.0 - skill) / (self.classes - 1)
        few = off + (skill - off) * np.eye(RIVALS)
        return np.hstack([few, np.full((RIVALS, 1), off * (self.classes - RIVALS))])

    def _speaks(self, who: str) -> bool:
        if not who.startswith(MODEL):
            return True
        return bool(self._counts.get(who, {}).get("total", 0.0) >= LEAST_BAND)

    def _weigh(self, heard: Said, reading: str) -> list[float]:
        weights = self._flat if reading in VOTES else self._prior
        for who, answer in heard:
            column = self._column(reading, who, answer)
            weights = [w * c for w, c in zip(weights, column, strict=True)]
            whole = sum(weights)
            weights = [w / whole for w in weights]
        return weights

    def _column(self, reading: str, who: str, answer: int) -> list[float]:
        key = (reading, who, answer)
        found = self._columns.get(key)
        if found is None:
            found = self._columns[key] = self._read(reading, who, answer)
        return found

    def _read(self, reading: str, who: str, answer: int) -> list[float]:
        counts = self._counts.get(who, {})
        if reading == "pooled":
            return self._pooled(counts, answer)
        if reading == "dawid_skene":
            base = MAP_BASE * self.classes + MAP_DIAGONAL
            return [
                (counts.get(f"{k}:{answer}", 0.0) + MAP_BASE + MAP_DIAGONAL * (k == answer))
                / (counts.get(f"{k}", 0.0) + base)
                for k in range(self.classes)
            ]
        return self._coin(self._all if reading == "majority" else counts, answer)

    def _pooled(self, counts: Mapping[str, Any], answer: int) -> list[float]:
        base = POOL_BASE * self.classes + POOL_DIAGONAL
        column = []
        for k in range(self.classes):
            cell = self._all.get(f"{k}:{answer}", 0.0) + POOL_BASE + POOL_DIAGONAL * (k == answer)
            pool = POOL_STRENGTH * cell / (self._all.get(f"{k}", 0.0) + base)
            own = counts.get(f"{k}:{answer}", 0.0) + pool
            column.append(own / (counts.get(f"{k}", 0.0) + POOL_STRENGTH))
        return column

    def _coin(self, counts: Mapping[str, Any], answer: int) -> list[float]:
        right = counts.get("right", 0.0) + COIN_RIGHT
        skill = right / (counts.get("total", 0.0) + COIN_RIGHT + COIN_WRONG)
        column = [(1.0 - skill) / max(1, self.classes - 1)] * self.classes
        column[answer] = skill
        return column


def kept(posterior: Sequence[float]) -> Belief:
    """A posterior without its crumbs, which sums to one."""
    found = [(k, float(p)) for k, p in enumerate(posterior) if p >= SMALL]
    whole = sum(p for _, p in found)
    return [(k, p / whole) for k, p in found]


def certain(answer: int) -> Belief:
    """The belief of a task whose answer is known."""
    return [(answer, 1.0)]


def count(total: Counts, said: Said, belief: Belief, classes: int) -> None:
    """Adds a settled task to counts by annotator; everyone's hold the classes' frequencies
    (`prior:k`), too."""
    move(total, said, belief, classes)
    for who in [EVERYONE] * len(said) + [who for who, _ in said]:
        total[who]["total"] += 1.0


def move(total: Counts, said: Said, change: Belief, classes: int) -> None:
    """Moves counts by the change of a task's belief."""
    everyone, by_class = total[EVERYONE], dict(change)
    for k, p in change:
        everyone[f"prior:{k}"] += p
    for who, answer in said:
        agreed = by_class.get(answer, 0.0)
        total[who]["right"] += agreed
        everyone["right"] += agreed
        if has_cells(classes):
            _move_cells((total[who], everyone), answer, change)


def _move_cells(both: Sequence[dict[str, float]], answer: int, change: Belief) -> None:
    for k, p in change:
        row, cell = f"{k}", f"{k}:{answer}"
        for counts in both:
            counts[row] += p
            counts[cell] += p


def new_counts() -> Counts:
    """Counts of nothing, by annotator."""
    return defaultdict(lambda: defaultdict(float))


def difference(new: Belief, old: Iterable[Sequence[Any]]) -> Belief:
    """new - old, by class."""
    change: dict[int, float] = defaultdict(float, dict(new))
    for k, p in old:
        change[int(k)] -= float(p)
    return sorted(change.items())
