"""The periodic full fit of a project's answers: the method gold supports, its beliefs, and how
far its certainty must be tempered. Pure and slow: runs in a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from services.qc_scorer.truth import dawid_skene
from services.qc_scorer.truth import posterior as beliefs
from services.qc_scorer.truth.dawid_skene import Answers, FloatArray, Gold, Result
from services.qc_scorer.truth.posterior import MODEL, Belief, Counts, Crowd, Said
from services.qc_scorer.truth.value_of_annotation import temper

Doc = dict[str, Any]
# A fit when the answers have grown by half costs O(1) an answer in the long run.
GROWTH, LEAST_ANSWERS = 1.5, 200
# Of more than this the newest are fitted; arrays of more cells are not made.
MOST_TASKS, MOST_FLOATS = 100_000, 20_000_000
# Gold below this says too little about certainty: tempered on it, all would look doubtful.
LEAST_TEMPERING = 30


@dataclass(frozen=True)
class Fit:
    """The method, the temperature of its posteriors, and the belief of each task by name."""

    method: str
    temperature: float
    beliefs: Mapping[str, Belief]


def due(answers: float, fitted: float) -> bool:
    """Has the project grown by half since the last fit?"""
    return answers >= GROWTH * max(fitted, LEAST_ANSWERS / GROWTH)


def refit(rows: Sequence[Doc], classes: int) -> Fit | None:
    """The fit of settled tasks; None where it would not fit into memory.

    rows: `name`, `said` [(annotator, class)], `known` (class, where gold or a reviewer settled
    it), `gold` (is it gold?).
    """
    heard = _heard(rows)
    people = sorted({who for said in heard for who, _ in said})
    if _too_large(len(rows), len(people), classes):
        return None
    answers = _answers(heard, people, classes)
    known = {i: int(row["known"]) for i, row in enumerate(rows) if row.get("known") is not None}
    gold = {i: known[i] for i, row in enumerate(rows) if row.get("gold") and i in known}
    halves = [_Half(*_split(known, gold, first=first), answers, heard) for first in (True, False)]
    method = _choose(answers, gold, halves)
    result = dawid_skene.METHODS[method](answers, known)
    temperature = _temperature(method, gold, halves)
    found = {row["name"]: beliefs.kept(p) for row, p in zip(rows, result.posterior, strict=True)}
    return Fit(method, temperature, found)


def _heard(rows: Sequence[Doc]) -> list[Said]:
    """What was said, without models of which too little is known to let them speak."""
    said = [[(str(who), int(answer)) for who, answer in row["said"]] for row in rows]
    drafts: dict[str, int] = {}
    for one in said:
        for who, _ in one:
            if who.startswith(MODEL):
                drafts[who] = drafts.get(who, 0) + 1
    mute = {who for who, count in drafts.items() if count < beliefs.LEAST_BAND}
    return [[(who, answer) for who, answer in one if who not in mute] for one in said]


def _too_large(tasks: int, people: int, classes: int) -> bool:
    return max(tasks * classes, people * classes * classes) > MOST_FLOATS


def _answers(heard: Sequence[Said], people: Sequence[str], classes: int) -> Answers:
    index = {who: i for i, who in enumerate(people)}
    flat = [(t, index[who], k) for t, said in enumerate(heard) for who, k in said]
    table = np.array(flat, dtype=np.int64).reshape(-1, 3)
    columns = table[:, 0], table[:, 1], table[:, 2]
    return Answers(*columns, classes, len(heard), len(people))


@dataclass
class _Half:
    """Fits that saw one half of the gold, to be judged by the other."""

    seen: Gold
    judged: Gold
    answers: Answers
    heard: Sequence[Said]
    _fits: dict[str, Result] = field(default_factory=dict)

    def fit(self, method: str) -> Result:
        if method not in self._fits:
            self._fits[method] = dawid_skene.METHODS[method](self.answers, self.seen)
        return self._fits[method]

    def read(self, method: str) -> FloatArray:
        """Posteriors of the judged tasks as they are read from counts."""
        counts = counts_of(self.heard, self.fit(method).posterior, self.answers.classes)
        crowd = Crowd(self.answers.classes, method, 1.0, counts)
        return crowd.calibrated([crowd.posterior(self.heard[t]) for t in self.judged])


def _split(known: Gold, gold: Gold, *, first: bool) -> tuple[Gold, Gold]:
    """(what a fit may know, the half of the gold it may not)."""
    judged = {t: k for i, (t, k) in enumerate(gold.items()) if (i % 2 == 0) == first}
    return {t: k for t, k in known.items() if t not in judged}, judged


def _choose(answers: Answers, gold: Gold, halves: Sequence[_Half]) -> str:
    """The method that gold supports, among those the counts can be read by."""
    cells = beliefs.has_cells(answers.classes)
    methods = [m for m in dawid_skene.METHODS if cells or m in beliefs.COIN_METHODS]
    default = dawid_skene.without_gold(answers)
    default = default if default in methods else beliefs.FIRST_METHOD
    if len(gold) < dawid_skene.LEAST_GOLD:
        return default
    return dawid_skene.choose({name: _judged(name, halves) for name in methods}, gold, default)


def _judged(method: str, halves: Sequence[_Half]) -> Result:
    """A fit in which each half of the gold is as the other half alone would have it."""
    whole = halves[0].fit(method)
    posterior = whole.posterior.copy()
    for half in halves:
        at = list(half.judged)
        posterior[at] = half.fit(method).posterior[at]
    return replace(whole, posterior=posterior)


def _temperature(method: str, gold: Gold, halves: Sequence[_Half]) -> float:
    """Of posteriors as they are read from counts, when their gold was not known."""
    if len(gold) < LEAST_TEMPERING:
        return 1.0
    read = np.concatenate([half.read(method) for half in halves])
    labels = [k for half in halves for k in half.judged.values()]
    return temper(read, dict(enumerate(labels)))[1]


def counts_of(heard: Sequence[Said], posterior: FloatArray, classes: int) -> Counts:
    """Counts as they are kept, of all tasks at once."""
    total = beliefs.new_counts()
    for said, belief in zip(heard, posterior, strict=True):
        beliefs.count(total, said, beliefs.kept(belief), classes)
    return total
