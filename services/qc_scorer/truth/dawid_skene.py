"""Truth inference: what the answers of many annotators say together.

T tasks, A annotators, K classes, N answers. Every fit returns posteriors (T, K) and what it
believes of each annotator, a confusion matrix (A, K, K): row = true class, column = answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Gold = Mapping[int, int]

ROUNDS = 200
CLOSE = 1e-5
# Pseudo-answers of the priors; chosen beforehand, not on data.
POOL_STRENGTH = 1.0
POOL_BASE, POOL_DIAGONAL = 0.01, 0.05
MAP_BASE, MAP_DIAGONAL = 1.0, 2.0
COIN_RIGHT, COIN_WRONG = 4.0, 1.0
TINY = 1e-300


@dataclass(frozen=True)
class Answers:
    """Answers as three arrays (N,) of indices; `classes` = K. Sizes grow to fit the indices."""

    task: IntArray
    annotator: IntArray
    answer: IntArray
    classes: int
    tasks: int = 0
    annotators: int = 0

    def __post_init__(self) -> None:
        for name in ("task", "annotator", "answer"):
            array = np.asarray(getattr(self, name), dtype=np.int64)
            if array.size and array.min() < 0:
                raise ValueError(f"{name}: a negative index")
            object.__setattr__(self, name, array)
        if self.answer.size and self.answer.max() >= self.classes:
            raise ValueError(f"an answer is not one of {self.classes} classes")
        for size, array in (("tasks", self.task), ("annotators", self.annotator)):
            object.__setattr__(self, size, max(getattr(self, size), _size(array)))

    @cached_property
    def seen(self) -> Any:
        """(T, A*K) sparse counts: which annotator gave which answer to which task."""
        column = self.annotator * self.classes + self.answer
        ones, shape = np.ones(len(column)), (self.tasks, self.annotators * self.classes)
        return sparse.csr_matrix((ones, (self.task, column)), shape=shape)

    @cached_property
    def seen_by_annotator(self) -> Any:
        """(A*K, T): `seen` turned round, stored by row."""
        return self.seen.T.tocsr()

    @cached_property
    def votes(self) -> FloatArray:
        """(T, K) answers per task and class."""
        return self.weigh(np.ones(len(self.task)))

    def weigh(self, weights: FloatArray) -> FloatArray:
        """(T, K) sums of the answers' weights (N,) per task and class."""
        cell = self.task * self.classes + self.answer
        flat = np.bincount(cell, weights=weights, minlength=self.tasks * self.classes)
        return np.asarray(flat.reshape(self.tasks, self.classes), dtype=np.float64)

    @cached_property
    def given(self) -> FloatArray:
        """(A,) answers per annotator."""
        return np.bincount(self.annotator, minlength=self.annotators) * np.float64(1.0)


@dataclass(frozen=True)
class Result:
    """posterior (T, K), confusion (A, K, K) with rows that sum to one, prior (K,)."""

    method: str
    posterior: FloatArray
    confusion: FloatArray
    prior: FloatArray

    @property
    def labels(self) -> IntArray:
        """(T,) the most probable classes, the first of equals."""
        return np.asarray(self.posterior.argmax(axis=1), dtype=np.int64)

    @property
    def skill(self) -> FloatArray:
        """(A,) chance that an annotator answers a task of this project correctly."""
        return np.asarray(np.einsum("akk,k->a", self.confusion, self.prior))


def _size(index: IntArray) -> int:
    return int(index.max()) + 1 if index.size else 0


def counts(answers: Answers, posterior: FloatArray) -> FloatArray:
    """(A, K, K) expected answers l of each annotator on tasks of class k, at [a, k, l]."""
    k = answers.classes
    flat = np.asarray(answers.seen_by_annotator @ posterior)
    return flat.reshape(answers.annotators, k, k).transpose(0, 2, 1)


def likelihood(answers: Answers, confusion: FloatArray) -> FloatArray:
    """(T, K) log probability of all answers to a task, were its class k."""
    columns = np.log(np.maximum(confusion, TINY)).transpose(0, 2, 1)
    return np.asarray(answers.seen @ columns.reshape(-1, answers.classes))


def softmax(logits: FloatArray) -> FloatArray:
    """(T, K) probabilities of log weights, by log-sum-exp."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def shares(answers: Answers, model: FloatArray | None = None) -> FloatArray:
    """(T, K) vote shares, the model as one more vote; uniform where nobody answered."""
    votes = answers.votes if model is None else answers.votes + softmax(model)
    total = votes.sum(axis=1, keepdims=True)
    return np.where(total > 0, votes / np.maximum(total, TINY), 1.0 / answers.classes)


def clamp(posterior: FloatArray, gold: Gold | None) -> FloatArray:
    """Certainty at gold tasks (task -> class), in place."""
    if gold:
        at = np.fromiter(gold.keys(), dtype=np.int64)
        posterior[at] = 0.0
        posterior[at, np.fromiter(gold.values(), dtype=np.int64)] = 1.0
    return posterior


def pooled_confusion(total: FloatArray) -> FloatArray:
    """(K, K) confusion of the typical annotator from counts of all, with a small prior."""
    matrix = total + POOL_BASE + POOL_DIAGONAL * np.eye(len(total))
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))


def _pooled(found: FloatArray) -> FloatArray:
    """Each annotator shrunk towards the typical one by POOL_STRENGTH answers a class."""
    matrix = found + POOL_STRENGTH * pooled_confusion(found.sum(axis=0))
    return np.asarray(matrix / matrix.sum(axis=2, keepdims=True))


def _fixed(found: FloatArray) -> FloatArray:
    """Maximum a posteriori under a Dirichlet prior: +1 everywhere, +2 on the diagonal."""
    matrix = found + MAP_BASE + MAP_DIAGONAL * np.eye(found.shape[1])
    return np.asarray(matrix / matrix.sum(axis=2, keepdims=True))


def _coin(found: FloatArray) -> FloatArray:
    """One skill an annotator. Four right pseudo-answers to one wrong keep newcomers above
    chance, without which EM may settle on the world with all labels turned round."""
    right = np.einsum("akk->a", found) + COIN_RIGHT
    return spread(right / (found.sum(axis=(1, 2)) + COIN_RIGHT + COIN_WRONG), found.shape[1])


def spread(skill: FloatArray, classes: int) -> FloatArray:
    """(A, K, K) confusions with a skill (A,) on the diagonal and equal errors off it."""
    off = (1.0 - skill) / max(1, classes - 1)
    return np.asarray(off[:, None, None] + (skill - off)[:, None, None] * np.eye(classes))


def _model_bias(model: FloatArray | None) -> FloatArray | float:
    """What to add to the log class prior: the model, less its own idea of how common a class
    is (Saerens et al. 2002), so that the prior is not counted twice."""
    if model is None:
        return 0.0
    mean = softmax(model).sum(axis=0) + 1.0
    return np.asarray(model - np.log(mean / mean.sum()))


def class_prior(posterior: FloatArray) -> FloatArray:
    """(K,) how common the classes are, one pseudo-task each."""
    total = posterior.sum(axis=0) + 1.0
    return np.asarray(total / total.sum())


def _em(
    method: str,
    believe: Callable[[FloatArray], FloatArray],
    answers: Answers,
    gold: Gold | None,
    model: FloatArray | None,
) -> Result:
    """Expectation maximisation of Dawid and Skene 1979; `believe` turns counts (A, K, K)
    into confusions, and with that names the method."""
    posterior, bias = clamp(shares(answers, model), gold), _model_bias(model)
    for _ in range(ROUNDS):
        confusion, prior = believe(counts(answers, posterior)), class_prior(posterior)
        logits = np.log(prior) + bias + likelihood(answers, confusion)
        old, posterior = posterior, clamp(softmax(logits), gold)
        if np.abs(posterior - old).max(initial=0.0) < CLOSE:
            break
    return Result(method, posterior, confusion, prior)


def pooled(answers: Answers, gold: Gold | None = None, model: FloatArray | None = None) -> Result:
    """Partially pooled Dawid-Skene. model: (T, K) log probabilities."""
    return _em("pooled", _pooled, answers, gold, model)


def dawid_skene(
    answers: Answers, gold: Gold | None = None, model: FloatArray | None = None
) -> Result:
    """Dawid-Skene with a fixed Dirichlet prior."""
    return _em("dawid_skene", _fixed, answers, gold, model)


def one_coin(answers: Answers, gold: Gold | None = None, model: FloatArray | None = None) -> Result:
    """One skill an annotator (ZenCrowd, Demartini et al. 2012), maximum a posteriori."""
    return _em("one_coin", _coin, answers, gold, model)


def majority(answers: Answers, gold: Gold | None = None, model: FloatArray | None = None) -> Result:
    """Vote shares: equal classes share the probability, no tie is broken."""
    posterior = clamp(shares(answers, model), gold)
    confusion = _fixed(counts(answers, posterior))
    return Result("majority", posterior, confusion, class_prior(posterior))


def wawa(answers: Answers, gold: Gold | None = None, model: FloatArray | None = None) -> Result:
    """Wawa (Appen): votes weighted by the share of an annotator's answers that agree with the
    majority; ties of the majority count in part."""
    first = clamp(shares(answers, model), gold)
    top = np.float64(1.0) * (first == first.max(axis=1, keepdims=True))
    agreeing = (top / top.sum(axis=1, keepdims=True))[answers.task, answers.answer]
    agreed = np.bincount(answers.annotator, weights=agreeing, minlength=answers.annotators)
    skill = np.asarray(agreed / np.maximum(answers.given, 1.0))
    votes = answers.weigh(skill[answers.annotator])
    if model is not None:
        votes = votes + softmax(model)
    whole = votes.sum(axis=1, keepdims=True)
    posterior = clamp(np.where(whole > 0, votes / np.maximum(whole, TINY), first), gold)
    return Result("wawa", posterior, spread(skill, answers.classes), class_prior(posterior))


def blend(answers: Answers, gold: Gold | None = None, model: FloatArray | None = None) -> Result:
    """Mean of vote shares and the posterior of Dawid-Skene, which is far too sure of itself:
    where it is torn the votes decide, where it is sure it wins against all but a near-unanimous
    vote."""
    found, votes = dawid_skene(answers, gold, model), majority(answers, gold, model)
    return replace(found, method="blend", posterior=(found.posterior + votes.posterior) / 2.0)


METHODS: dict[str, Callable[..., Result]] = {
    "blend": blend,
    "dawid_skene": dawid_skene,
    "pooled": pooled,
    "wawa": wawa,
    "one_coin": one_coin,
    "majority": majority,
}
# Of how many gold items in a hundred each method must be better than the default before its
# evidence counts: what is known of them elsewhere (Zheng et al. 2017).
HANDICAP = {"dawid_skene": 0.5, "pooled": 0.5, "wawa": 1.0, "majority": 2.0, "one_coin": 3.0}
PRIOR_ITEMS = 10.0
LEAST_GOLD = 5
LEAST_ANSWERS = 10.0
NAT = 1.0
DOUBT = 1.0
TEMPERATURES = tuple(float(t) for t in 2.0 ** np.arange(-2.0, 5.1, 0.5))


def right(posterior: FloatArray, truth: IntArray) -> FloatArray:
    """(n,) chance that the label of each of n posteriors (n, K) is its truth (n,); equal
    classes share it."""
    top = posterior >= posterior.max(axis=1, keepdims=True) - 1e-12
    return np.asarray(top[np.arange(len(truth)), truth] / top.sum(axis=1))


def log_scores(posterior: FloatArray, truth: IntArray, temperature: float) -> FloatArray:
    """(n,) log probability of the truths under posteriors flattened by a temperature."""
    logs = softmax(np.log(np.maximum(posterior, 1e-6)) / temperature)
    return np.asarray(np.log(logs[np.arange(len(truth)), truth]))


def _best_scores(posterior: FloatArray, truth: IntArray) -> FloatArray:
    """Log scores at the temperature that suits the truths best: how much a posterior tells,
    whatever it makes of its own certainty."""
    scores = [log_scores(posterior, truth, t) for t in TEMPERATURES]
    return max(scores, key=lambda s: float(s.sum()))


def arrays(gold: Gold) -> tuple[IntArray, IntArray]:
    """Tasks (n,) and classes (n,) of gold."""
    return np.fromiter(gold.keys(), dtype=np.int64), np.fromiter(gold.values(), dtype=np.int64)


def without_gold(answers: Answers) -> str:
    """The method to start with: confusion matrices only where annotators gave enough answers
    a class to know them."""
    per_cell = len(answers.task) / max(1, answers.annotators) / answers.classes
    return "blend" if per_cell >= LEAST_ANSWERS else "wawa"


def choose(results: Mapping[str, Result], gold: Gold, default: str) -> str:
    """The method that gold supports. The results must come from fits that did NOT see the gold.

    Paired with the default on each gold item: label right, plus NAT for each nat of log score
    (which tells of items where both are right, too). Of the sum, a standard error and a handicap
    that counts as PRIOR_ITEMS items are taken off, so that little gold moves little.
    """
    if len(gold) < LEAST_GOLD:
        return default
    task, truth = arrays(gold)
    scores = {name: _score(result.posterior[task], truth) for name, result in results.items()}

    def evidence(name: str) -> float:
        gain = scores[name] - scores[default]
        doubt = DOUBT * float(np.sqrt((gain**2).sum()))
        handicap = PRIOR_ITEMS * (HANDICAP.get(name, 0.0) - HANDICAP.get(default, 0.0)) / 100.0
        return float(gain.sum()) - doubt - handicap

    return max(results, key=lambda name: (evidence(name), name == default))


def _score(posterior: FloatArray, truth: IntArray) -> FloatArray:
    """(n,) what each gold item says for a method."""
    return right(posterior, truth) + NAT * _best_scores(posterior, truth)


def infer(answers: Answers, gold: Gold | None = None, model: FloatArray | None = None) -> Result:
    """Posterior by the method that suits this project, chosen on gold where there is enough,
    then fitted with the gold clamped."""
    name = without_gold(answers)
    if gold and len(gold) >= LEAST_GOLD:
        results = {method: fit(answers, None, model) for method, fit in METHODS.items()}
        name = choose(results, gold, name)
    return METHODS[name](answers, gold, model)
