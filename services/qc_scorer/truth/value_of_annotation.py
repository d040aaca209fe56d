"""Truth inference as answers come in: a posterior per answer, its calibration on gold, and
whether one more opinion is worth its price."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from services.qc_scorer.truth.dawid_skene import (
    POOL_BASE,
    POOL_DIAGONAL,
    POOL_STRENGTH,
    Answers,
    FloatArray,
    Gold,
    IntArray,
    Result,
    arrays,
    counts,
    log_scores,
    pooled,
    right,
    softmax,
)

POOL_EVERY = 256
STILL = 1e-3
UNDERFLOW = 1e-250
GROWTH = 1.5
LEAST_PER_CELL = 3.0
HOTTEST = 64.0


class Incremental:
    """Partially pooled Dawid-Skene, one answer at a time.

    An answer costs O(answers of its task x K): the task's posterior anew from its annotators'
    counts, then the counts of those annotators by how far it moved. Plain lists, as K is small.
    A fixed point of the full fit is a fixed point here. `classes` = K; gold: task -> class;
    model: task -> K probabilities, one more opinion of the tasks it knows.
    """

    def __init__(
        self,
        classes: int,
        gold: Gold | None = None,
        model: Mapping[int, Sequence[float]] | None = None,
    ) -> None:
        self.classes, self.gold, self.model = classes, dict(gold or {}), dict(model or {})
        self._answers: list[tuple[int, int, int]] = []
        self._fitted = 0
        # Of an annotator: a column of counts by true class for each answer, then their sums.
        self._people: dict[int, list[list[float]]] = {}
        self._said: dict[int, list[tuple[list[float], ...]]] = {}
        self._posterior: dict[int, list[float]] = {}
        self._counted: dict[int, list[float]] = {}
        self._common = [1.0] * classes
        self._bias = self._model_bias()
        self._all = [[0.0] * classes for _ in range(classes)]
        self._pool = [[0.0] * classes for _ in range(classes)]
        self._refresh_pool()

    def add(self, task: int, annotator: int, answer: int) -> list[float]:
        """Takes an answer; the task's posterior (K) with it."""
        if not 0 <= answer < self.classes:
            raise ValueError(f"answer {answer} is not one of {self.classes} classes")
        self._answers.append((task, annotator, answer))
        if len(self._answers) % POOL_EVERY == 0:
            self._refresh_pool()
        entry = self._entry(annotator, answer)
        said = self._said.setdefault(task, [])
        said.append(entry)
        new = self._weigh(task, said)
        self._posterior[task] = new
        self._count(task, said, new)
        return new

    def posterior(self, task: int) -> list[float]:
        """What is believed of a task (K); the prior where nobody answered."""
        return self._posterior.get(task) or self._weigh(task, [])

    def confusion(self, annotator: int | None = None) -> FloatArray:
        """(K, K) of an annotator, rows = true class; of the typical one when left out."""
        pool = np.array(self._pool).T
        if annotator is None or annotator not in self._people:
            return np.asarray(pool / pool.sum(axis=1, keepdims=True))
        matrix = np.array(self._people[annotator][: self.classes]).T + pool
        return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))

    @property
    def due(self) -> bool:
        """Has the project grown by half since the last full fit? Fits at these times cost
        O(1) an answer in the long run. Not before annotators gave a few answers a class: EM
        on less may settle far off, and what a fit believes of a finished task stays."""
        cells = len(self._people) * self.classes
        grown = len(self._answers) >= GROWTH * max(self._fitted, POOL_EVERY)
        return grown and len(self._answers) >= LEAST_PER_CELL * cells

    def refit(self) -> Result:
        """The full fit of all answers; tasks and annotators in the order they came."""
        tasks = {task: i for i, task in enumerate(self._said)}
        people = {person: i for i, person in enumerate(self._people)}
        answers = self._as_answers(tasks, people)
        gold = {tasks[t]: k for t, k in self.gold.items() if t in tasks}
        result = pooled(answers, gold, self._model_logs(tasks))
        self._load(result, counts(answers, result.posterior), list(tasks), list(people))
        self._fitted = len(self._answers)
        return result

    def _entry(self, annotator: int, answer: int) -> tuple[list[float], ...]:
        person = self._people.get(annotator)
        if person is None:
            person = [[0.0] * self.classes for _ in range(self.classes)]
            person.append([POOL_STRENGTH] * self.classes)
            self._people[annotator] = person
        return person[answer], person[-1], self._pool[answer], self._all[answer]

    def _weigh(self, task: int, said: list[tuple[list[float], ...]]) -> list[float]:
        """Prior times the chance of each answer, by true class, normalised."""
        if task in self.gold:
            return [float(k == self.gold[task]) for k in range(self.classes)]
        weights = start = self._start(task)
        for column, sums, pool, _ in said:
            weights = [
                w * (c + p) / s for w, c, p, s in zip(weights, column, pool, sums, strict=True)
            ]
        total = sum(weights)
        if total < UNDERFLOW:
            return self._weigh_logs(start, said)
        return [w / total for w in weights]

    def _start(self, task: int) -> list[float]:
        total = sum(self._common)
        share = [c / total for c in self._common]
        known = self.model.get(task)
        if known is None:
            return share
        return [s * m / b for s, m, b in zip(share, known, self._bias, strict=True)]

    def _model_bias(self) -> list[float]:
        """The model's own idea of how common each class is; see `truth`."""
        sums = [1.0 + sum(row[k] for row in self.model.values()) for k in range(self.classes)]
        return [s / sum(sums) for s in sums]

    @staticmethod
    def _weigh_logs(start: list[float], said: list[tuple[list[float], ...]]) -> list[float]:
        """The same in logarithms, for tasks with hundreds of answers."""
        logs = np.log(np.maximum(start, 1e-300))
        for column, sums, pool, _ in said:
            chance = (np.array(column) + pool) / np.array(sums)
            logs = logs + np.log(np.maximum(chance, 1e-300))
        return [float(x) for x in softmax(logs[None])[0]]

    def _count(self, task: int, said: list[tuple[list[float], ...]], new: list[float]) -> None:
        """Moves the counts of the task's annotators by what its posterior moved. The newest
        entry was not counted yet; small moves of the others wait until they add up."""
        old = self._counted.get(task)
        if old is None:
            _shift(self._common, new)
            self._counted[task] = old = new
        move = [n - o for n, o in zip(new, old, strict=True)]
        if max(map(abs, move)) > STILL:
            for column, sums, _, everyone in said[:-1]:
                _shift(column, move)
                _shift(sums, move)
                _shift(everyone, move)
            _shift(self._common, move)
            self._counted[task] = old = new
        column, sums, _, everyone = said[-1]
        _shift(column, old)
        _shift(sums, old)
        _shift(everyone, old)

    def _refresh_pool(self) -> None:
        """The typical annotator, in place (entries hold the lists); columns by answer."""
        k = self.classes
        base = POOL_BASE * k + POOL_DIAGONAL
        sums = [sum(column[i] for column in self._all) + base for i in range(k)]
        for answer, column in enumerate(self._all):
            self._pool[answer][:] = [
                POOL_STRENGTH * (c + POOL_BASE + POOL_DIAGONAL * (i == answer)) / s
                for i, (c, s) in enumerate(zip(column, sums, strict=True))
            ]

    def _as_answers(self, tasks: dict[int, int], people: dict[int, int]) -> Answers:
        rows: IntArray = np.array(
            [(tasks[t], people[a], said) for t, a, said in self._answers], dtype=np.int64
        ).reshape(-1, 3)
        return Answers(rows[:, 0], rows[:, 1], rows[:, 2], self.classes, len(tasks), len(people))

    def _model_logs(self, tasks: dict[int, int]) -> FloatArray | None:
        if not self.model:
            return None
        flat = [1.0 / self.classes] * self.classes
        known = np.array([self.model.get(task, flat) for task in tasks], dtype=np.float64)
        return np.asarray(np.log(np.maximum(known, 1e-300)))

    def _load(self, result: Result, found: FloatArray, tasks: list[int], people: list[int]) -> None:
        """Takes over the counts (A, K, K) of a fit, in place."""
        for index, task in enumerate(tasks):
            self._posterior[task] = self._counted[task] = result.posterior[index].tolist()
        self._common[:] = (result.posterior.sum(axis=0) + 1.0).tolist()
        for person, matrix in zip(people, found, strict=True):
            lists = self._people[person]
            for answer, column in enumerate(matrix.T.tolist()):
                lists[answer][:] = column
            lists[-1][:] = (matrix.sum(axis=1) + POOL_STRENGTH).tolist()
        for answer, column in enumerate(found.sum(axis=0).T.tolist()):
            self._all[answer][:] = column
        self._refresh_pool()


def _shift(target: list[float], move: Sequence[float]) -> None:
    """Adds in place."""
    for i, by in enumerate(move):
        target[i] += by


def flattened(posterior: FloatArray, temperature: float) -> FloatArray:
    """(T, K) posterior ** (1 / temperature), normalised."""
    return softmax(np.log(np.maximum(posterior, 1e-300)) / temperature)


def temper(posterior: FloatArray, gold: Gold) -> tuple[FloatArray, float]:
    """(posterior (T, K), temperature >= 1) with which the stated probabilities are no longer
    too high. The posterior must come from a fit that did NOT see this gold.

    The temperature of the best log score (Guo et al. 2017) or, where higher, the one at which
    the mean stated probability of gold labels is (right + 1) / (gold + 2).
    """
    if not gold:
        return posterior, 1.0
    task, truth = arrays(gold)
    mine = posterior[task]
    goal = (right(mine, truth).sum() + 1.0) / (len(truth) + 2.0)
    goal = max(float(goal), 1.0 / posterior.shape[1])
    grid = np.geomspace(1.0, HOTTEST, 61)
    best = max(grid, key=lambda t: float(log_scores(mine, truth, t).sum()))
    honest = next((t for t in grid if flattened(mine, t).max(axis=1).mean() <= goal), HOTTEST)
    temperature = float(max(best, honest))
    return flattened(posterior, temperature), temperature


def gains(posterior: FloatArray, confusion: FloatArray, opinions: int) -> FloatArray:
    """(T,) expected drop of the error probability by so many more opinions of an annotator
    with this confusion (K, K), for posteriors (T, K).

    Exact for one opinion. For more, what they settle between the two most probable classes:
    with votes for either only, a count that is binomial under each.
    """
    best = posterior.max(axis=1)
    if opinions == 1:
        joint = posterior[:, :, None] * confusion[None]
        return np.asarray(joint.max(axis=1).sum(axis=1) - best)
    order = np.argsort(-posterior, axis=1)
    first, second = order[:, 0], order[:, 1]
    rows = np.arange(len(posterior))
    keep = _odds(confusion, first, second)
    swap = _odds(confusion, second, first)
    settled = np.zeros(len(posterior))
    for votes in range(opinions + 1):
        ways = math.comb(opinions, votes)
        one = keep**votes * (1.0 - keep) ** (opinions - votes)
        other = (1.0 - swap) ** votes * swap ** (opinions - votes)
        settled += ways * np.maximum(best * one, posterior[rows, second] * other)
    return np.asarray(settled - best)


def _odds(confusion: FloatArray, true: IntArray, rival: IntArray) -> FloatArray:
    """Chance of the answer `true` among answers `true` and `rival`, where `true` it is."""
    hit, miss = confusion[true, true], confusion[true, rival]
    return np.asarray(hit / np.maximum(hit + miss, 1e-300))


def worth_asking(
    posterior: FloatArray,
    price: float,
    value: float,
    count: int | IntArray,
    cap: int,
    confusion: FloatArray,
) -> Any:
    """Is one more opinion worth its price? posterior (K,) gives a bool, (T, K) bools (T,).

    Yes while some number of further opinions, up to the cap, is expected to lower the chance
    of a wrong label by more than price / value for each. Looking further than one matters: a
    single opinion often cannot turn a label round, where two may.
    """
    many = np.atleast_2d(np.asarray(posterior, dtype=np.float64))
    left = cap - np.broadcast_to(np.asarray(count), (len(many),))
    worth = np.zeros(len(many), dtype=bool)
    for opinions in range(1, int(left.max(initial=0)) + 1):
        gain = gains(many, confusion, opinions) * value > price * opinions
        worth |= gain & (left >= opinions)
    return worth if np.ndim(posterior) == 2 else bool(worth[0])
