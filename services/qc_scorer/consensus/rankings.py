"""One order of several: strengths by the Bradley-Terry model with ties (Davidson 1970), fitted to
weighted comparisons; candidates that more than half of the weight ties, or that are equally
strong, are tied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from services.qc_scorer.losses.language_model.rankings import ranks, unacceptable
from services.qc_scorer.losses.protocol import EPSILON, Doc

FloatArray = NDArray[np.float64]
# Rankings of more candidates are voted on.
MOST = 200
ROUNDS = 1000
# Two candidates whose logarithms of strength are nearer than this are equally strong.
EQUAL = 1e-4
# Of logarithms: where all is tied, or nothing, the weight of ties has no end.
LIMIT = 30.0


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc | None:
    groups = merge_ranks([ranks(value) for value in values], weights)
    if groups is None:
        return None
    made: Doc = {"groups": [{"ids": group} for group in groups]}
    refused = [unacceptable(value) for value in values]
    made["unacceptable"] = sorted(_kept(refused, weights))
    return {"ranking": {key: part for key, part in made.items() if part}}


def merge_ranks(
    given: Sequence[Mapping[str, int]], weights: Sequence[float]
) -> list[list[str]] | None:
    """Groups of tied candidates, best first, of those that more than half of the weight ranked.
    given: candidate -> rank, lower first. None where there are too many candidates."""
    names = sorted(_kept(given, weights))
    if len(names) > MOST:
        return None
    wins, ties = _comparisons(given, weights, names)
    strength, _ = davidson(wins, ties)
    half = sum(weights) / 2.0
    groups: list[list[int]] = []
    for at in np.argsort(-strength, kind="stable").tolist():
        level = np.abs(np.log(strength / strength[at])) < EQUAL
        if groups and all(ties[at, i] > half + EPSILON or level[i] for i in groups[-1]):
            groups[-1].append(at)
        else:
            groups.append([at])
    return [[names[at] for at in sorted(group)] for group in groups]


def _kept(given: Sequence[Mapping[str, int] | set[str]], weights: Sequence[float]) -> set[str]:
    """Candidates that more than half of the weight has."""
    half = sum(weights) / 2.0 + EPSILON
    every = {name for one in given for name in one}
    pairs = list(zip(given, weights, strict=True))
    return {name for name in every if sum(w for one, w in pairs if name in one) > half}


def _comparisons(
    given: Sequence[Mapping[str, int]], weights: Sequence[float], names: Sequence[str]
) -> tuple[FloatArray, FloatArray]:
    """(n, n) weights of those who put one above the other, and of those who tie them. Who is not
    ranked is behind all that are, as in the loss."""
    wins, ties = np.zeros((len(names), len(names))), np.zeros((len(names), len(names)))
    for one, weight in zip(given, weights, strict=True):
        place = np.array([one.get(name, np.inf) for name in names])
        wins += weight * (place[:, None] < place[None, :])
        ties += weight * (place[:, None] == place[None, :])
    np.fill_diagonal(ties, 0.0)
    return wins, ties


def davidson(wins: FloatArray, ties: FloatArray) -> tuple[FloatArray, float]:
    """(strengths (n,), weight of ties): i beats j with chance s_i / d, and they tie with chance
    v sqrt(s_i s_j) / d, d being the sum of all three; the likeliest ones.

    wins (n, n), how often i beat j; ties (n, n), symmetric. Each candidate also won half and lost
    half a game against one of strength 1, which keeps all strengths finite."""
    size = len(wins)
    games, tied = np.triu(wins + wins.T + ties, 1), float(np.triu(ties, 1).sum())
    score = wins.sum(axis=1) + ties.sum(axis=1) / 2.0 + 0.5

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        """(negative log likelihood, its gradient: expected less seen) of logarithms."""
        strength, weight = np.exp(at[:size]), float(np.exp(at[size]))
        both = weight * np.sqrt(np.outer(strength, strength))
        whole = np.add.outer(strength, strength) + both
        share = games / whole
        value = (games * np.log(whole)).sum() + np.log1p(strength).sum()
        expected = strength * (share + share.T).sum(axis=1)
        expected += ((share + share.T) * both).sum(axis=1) / 2.0 + strength / (1.0 + strength)
        gradient = np.append(expected - score, (share * both).sum() - tied)
        return float(value - score @ at[:size] - tied * at[size]), gradient

    limits = [(-LIMIT, LIMIT)] * (size + 1)
    exact = {"maxiter": ROUNDS, "ftol": 1e-15, "gtol": 1e-9}
    found = minimize(
        loss, np.zeros(size + 1), jac=True, method="L-BFGS-B", bounds=limits, options=exact
    ).x
    return np.exp(found[:size]), float(np.exp(found[size]))
