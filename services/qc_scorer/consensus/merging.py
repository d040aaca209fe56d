"""Opinions that are not classes, merged: transcripts, spans, rankings and numbers.

Each kind has a merge of one item with weights, and with it the weights of annotators over many
items: merge, see how well each agrees with what the others make, merge again.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from services.qc_scorer.losses.text.normalisers import joined, spelled
from services.qc_scorer.losses.text.words import word_errors

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Value = TypeVar("Value")
Item = TypeVar("Item", bound=Hashable)

ROUNDS = 2
IOU = 0.5
# Pseudo-agreements of an annotator of whom nothing is known.
AGREED, DISAGREED = 4.0, 1.0
LEAST_WEIGHT = 0.05
NOTHING = ""


def settle(
    items: Mapping[Item, Mapping[str, Value]],
    merge: Callable[[Sequence[Value], Sequence[float]], Value],
    agreement: Callable[[Value, Value], tuple[float, float]],
) -> tuple[dict[Item, Value], dict[str, float]]:
    """(merged value of each item, weight of each annotator). items: what each annotator said;
    agreement(value, merged) = (units agreed, units compared). A weight is the log odds of
    agreeing, the best weight of a vote whose chance to be right is known."""
    people = {person for said in items.values() for person in said}
    weights = dict.fromkeys(people, 1.0)
    for _ in range(ROUNDS):
        weights = _weights(items, weights, merge, agreement)
    return {i: merge(list(v.values()), [weights[p] for p in v]) for i, v in items.items()}, weights


def _weights(
    items: Mapping[Item, Mapping[str, Value]],
    weights: Mapping[str, float],
    merge: Callable[[Sequence[Value], Sequence[float]], Value],
    agreement: Callable[[Value, Value], tuple[float, float]],
) -> dict[str, float]:
    """Each against what the others make without them: whoever helps to make the merged value
    agrees with it, and would weigh more and more."""
    good, bad = dict.fromkeys(weights, AGREED), dict.fromkeys(weights, DISAGREED)
    for said in items.values():
        for person, value in said.items():
            others = [p for p in said if p != person]
            if not others:
                continue
            merged = merge([said[p] for p in others], [weights[p] for p in others])
            agreed, compared = agreement(value, merged)
            good[person] += agreed
            bad[person] += compared - agreed
    return {p: max(LEAST_WEIGHT, math.log(good[p] / bad[p])) for p in good}


# Transcripts


def align(cost: FloatArray, left: ArrayLike, right: ArrayLike) -> list[tuple[int, int]]:
    """Cheapest alignment of n and m things, as pairs in order; -1 stands for nothing.

    cost: (n, m) of a pair; left (n,) and right (m,): of leaving one thing alone."""
    skip, add = np.asarray(left, dtype=float).tolist(), np.asarray(right, dtype=float).tolist()
    table = _fill(cost.tolist(), skip, add)
    i, j, pairs = len(skip), len(add), []
    while i or j:
        here = table[i][j]
        if i and j and here == table[i - 1][j - 1] + cost[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and here == table[i - 1][j] + skip[i - 1]:
            i -= 1
            pairs.append((i, -1))
        else:
            j -= 1
            pairs.append((-1, j))
    return pairs[::-1]


def _fill(cost: list[list[float]], skip: list[float], add: list[float]) -> list[list[float]]:
    """(n+1, m+1) cheapest costs of the beginnings (Wagner and Fischer 1974)."""
    first = [0.0]
    for c in add:
        first.append(first[-1] + c)
    table = [first]
    for row, alone in zip(cost, skip, strict=True):
        above, now = table[-1], [table[-1][0] + alone]
        for j, c in enumerate(add):
            now.append(min(above[j] + row[j], above[j + 1] + alone, now[j] + c))
        table.append(now)
    return table


Slot = dict[str, float]


def rover(
    texts: Sequence[str], weights: Sequence[float] | None = None, unspaced: bool = False
) -> str:
    """One transcript of several (ROVER, Fiscus 1997): align them one after the other into a
    network of slots, then in each slot the word with most weight, or none.

    The heaviest comes first, as the network keeps its shape. A word is written as most wrote it.
    In `unspaced` texts each character of a script without spaces is a word.
    """
    given = list(weights) if weights is not None else [1.0] * len(texts)
    slots: list[Slot] = []
    spellings: dict[str, Slot] = {}
    heard = 0.0
    for index in sorted(range(len(texts)), key=lambda i: -given[i]):
        said, weight = spelled(texts[index], unspaced), given[index]
        for word, written in said:
            _vote(spellings.setdefault(word, {}), written, weight)
        slots = _join(slots, [word for word, _ in said], weight, heard)
        heard += weight
    best = (max(slot, key=lambda word: slot[word]) for slot in slots)
    forms = [max(spellings[w], key=lambda s: spellings[w][s]) for w in best if w]
    return joined(forms, unspaced)


def _join(slots: list[Slot], said: list[str], weight: float, heard: float) -> list[Slot]:
    """The network with one more transcript. A pair costs the share of the slot's weight that
    is not this word; so do gaps, with `nothing` as the word."""
    cost = np.array([[1.0 - s.get(w, 0.0) / heard for w in said] for s in slots])
    alone = [1.0 - s.get(NOTHING, 0.0) / heard for s in slots]
    joined = []
    for i, j in align(cost.reshape(len(slots), len(said)), alone, np.ones(len(said))):
        slot = slots[i] if i >= 0 else ({NOTHING: heard} if heard else {})
        _vote(slot, said[j] if j >= 0 else NOTHING, weight)
        joined.append(slot)
    return joined


def _vote(slot: Slot, word: str, weight: float) -> None:
    slot[word] = slot.get(word, 0.0) + weight


def _words_agreed(text: str, merged: str) -> tuple[float, float]:
    errors, count = word_errors(text, merged)
    return max(0.0, float(count - errors)), float(count)


def transcripts(
    items: Mapping[Item, Mapping[str, str]],
) -> tuple[dict[Item, str], dict[str, float]]:
    """(transcript of each item, weight of each annotator): ROVER, weighted by how many words
    of each agree with it."""
    return settle(items, rover, _words_agreed)


# Spans


@dataclass(frozen=True)
class Span:
    """A stretch of text or time with a label, its end excluded."""

    start: float
    end: float
    label: str


def overlaps(left: Sequence[Span], right: Sequence[Span]) -> FloatArray:
    """(n, m) intersection over union of spans with equal labels, else 0."""
    found = np.zeros((len(left), len(right)))
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            both = min(a.end, b.end) - max(a.start, b.start)
            if a.label == b.label and both > 0:
                found[i, j] = both / (max(a.end, b.end) - min(a.start, b.start))
    return found


def matches(left: Sequence[Span], right: Sequence[Span]) -> list[tuple[int, int]]:
    """Pairs that overlap by at least IOU, one to one, best in sum."""
    gain = overlaps(left, right)
    gain[gain < IOU] = 0.0
    rows, columns = linear_sum_assignment(-gain)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0]


def merge_spans(
    opinions: Sequence[Sequence[Span]], weights: Sequence[float] | None = None
) -> list[Span]:
    """Spans that more than half of the weight marked, from median start to median end."""
    given = list(weights) if weights is not None else [1.0] * len(opinions)
    groups: list[list[tuple[Span, float]]] = []
    for index in sorted(range(len(opinions)), key=lambda i: -given[i]):
        heads = [group[0][0] for group in groups]
        at = {j: i for i, j in matches(heads, opinions[index])}
        for j, span in enumerate(opinions[index]):
            if j not in at:
                groups.append([])
            groups[at.get(j, -1)].append((span, given[index]))
    kept = [g for g in groups if 2.0 * sum(w for _, w in g) > sum(given)]
    return sorted((_middle(group) for group in kept), key=lambda s: (s.start, s.end, s.label))


def _middle(group: list[tuple[Span, float]]) -> Span:
    weights = [w for _, w in group]
    start = weighted_median([s.start for s, _ in group], weights)
    return Span(start, weighted_median([s.end for s, _ in group], weights), group[0][0].label)


def weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    """The first value with half of the weight at or below it; between two, their middle."""
    pairs = sorted(zip(values, weights, strict=True), key=lambda pair: pair[0])
    sums = list(accumulate(weight for _, weight in pairs))
    half = sums[-1] / 2.0
    at = bisect_left(sums, half - 1e-12)
    if abs(sums[at] - half) < 1e-12 and at + 1 < len(pairs):
        return float((pairs[at][0] + pairs[at + 1][0]) / 2.0)
    return float(pairs[at][0])


def _spans_agreed(mine: list[Span], merged: list[Span]) -> tuple[float, float]:
    """Found spans count for both sides: F1 as a share of units."""
    return 2.0 * len(matches(mine, merged)), float(len(mine) + len(merged))


def spans(
    items: Mapping[Item, Mapping[str, list[Span]]],
) -> tuple[dict[Item, list[Span]], dict[str, float]]:
    """(spans of each item, weight of each annotator), by matching and weighted vote."""
    return settle(items, merge_spans, _spans_agreed)


# Rankings


@dataclass(frozen=True)
class Ranking:
    """strength (n,) of the items, mean of logs 0; reliability of each annotator (A,): the
    chance that they state a comparison as they see it, 1/2 = at random."""

    strength: FloatArray
    reliability: FloatArray

    @property
    def order(self) -> IntArray:
        """The items, strongest first."""
        return np.asarray(np.argsort(-self.strength, kind="stable"), dtype=np.int64)


def bradley_terry(wins: FloatArray, start: FloatArray | None = None) -> FloatArray:
    """(n,) strengths from wins[i, j], how often i beat j, a tie as half for each, by the MM
    algorithm (Hunter 2004). Each item also won half and lost half a game against one of
    strength 1, which keeps those that won or lost all finite."""
    strength = np.ones(len(wins)) if start is None else start
    games, won = wins + wins.T, wins.sum(axis=1) + 0.5
    for _ in range(1000):
        old = strength
        against = (games / (old[:, None] + old[None, :])).sum(axis=1) + 1.0 / (old + 1.0)
        strength = won / against
        if np.abs(np.log(strength / old)).max(initial=0.0) < 1e-8:
            break
    return np.asarray(strength)


def comparisons(ranks: Mapping[int, float]) -> list[tuple[int, int, float]]:
    """All pairs of one ranking (item -> rank, 1 = best) as (left, right, share of the win
    that goes to left: 1, 0 or, where the ranks are equal, 1/2)."""
    items = sorted(ranks)
    pairs = [(a, b) for i, a in enumerate(items) for b in items[i + 1 :]]
    return [(a, b, (1.0 + float(np.sign(ranks[b] - ranks[a]))) / 2.0) for a, b in pairs]


def rank(games: Sequence[tuple[int, int, int, float]], rounds: int = 20) -> Ranking:
    """Bradley-Terry with unreliable annotators (CrowdBT, Chen et al. 2013), by EM.

    games: (annotator, left, right, share of the win that goes to left). The chance that an
    annotator meant what they said moves the win to the other side; ties say nothing of it.
    """
    table = np.array(games, dtype=np.float64).reshape(-1, 4)
    person, left, right = (table[:, i].astype(np.int64) for i in range(3))
    share, size = table[:, 3], int(max(left.max(initial=-1), right.max(initial=-1))) + 1
    people, told = int(person.max(initial=-1)) + 1, table[:, 3] != 0.5
    honest, strength = np.ones(len(table)), np.ones(size)
    for _ in range(rounds):
        to_left = np.where(told, share * honest + (1 - share) * (1 - honest), 0.5)
        wins = np.zeros((size, size))
        np.add.at(wins, (left, right), to_left)
        np.add.at(wins, (right, left), 1.0 - to_left)
        strength = bradley_terry(wins, strength)
        meant = np.bincount(person, weights=honest * told, minlength=people) + AGREED
        reliability = meant / (np.bincount(person, told, people) + AGREED + DISAGREED)
        chance = strength[left] / (strength[left] + strength[right])
        chance, r = np.where(share > 0.5, chance, 1.0 - chance), reliability[person]
        honest = r * chance / (r * chance + (1.0 - r) * (1.0 - chance))
    return Ranking(strength / np.exp(np.log(strength).mean()), reliability)


# Numbers


def numbers(
    task: IntArray, annotator: IntArray, value: FloatArray, rounds: int = 20
) -> tuple[FloatArray, FloatArray]:
    """(truth (T,), weight (A,)) of numeric answers by CRH (Li et al. 2014): weighted means,
    weights by how far an annotator is from them, in standard deviations of each task.

    Weights are log(1 + all losses / own loss), which stays above 0 for a single annotator; the
    losses start at one pseudo-answer of average error, lest one exact answer weigh all."""
    people = int(annotator.max(initial=-1)) + 1
    weight = np.ones(people)
    truth = _means(task, value, weight[annotator])
    scale = np.maximum(np.sqrt(_means(task, (value - truth[task]) ** 2, np.ones(len(task)))), 1e-9)
    for _ in range(rounds):
        square = ((value - truth[task]) / scale[task]) ** 2
        loss = np.bincount(annotator, weights=square, minlength=people) + square.mean()
        loss = loss / (np.bincount(annotator, minlength=people) + 1.0)
        weight = np.log(1.0 + loss.sum() / np.maximum(loss, 1e-12))
        truth = _means(task, value, weight[annotator])
    return truth, np.asarray(weight)


def _means(task: IntArray, value: FloatArray, weight: FloatArray) -> FloatArray:
    total = np.bincount(task, weights=weight)
    return np.asarray(np.bincount(task, weights=weight * value) / np.maximum(total, 1e-300))
