"""The region that several drew, with how well each draws: STAPLE (Warfield, Zou and Wells 2004).

Sensitivity p and specificity q of each person, and the chance of each pixel to be in the region,
are estimated in turn (EM). Pixels that the same people marked are alike, so a picture is a handful
of patterns with their numbers of pixels. Only the rectangle round all that was marked counts: the
more background, the more it would hide what is missed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
ROUNDS, ENOUGH = 100, 1e-7
START = 0.99999


def chances(
    marked: BoolArray, sizes: FloatArray, weights: Sequence[float]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """((k,) chance of each pattern's pixels to be in the region, (n,) sensitivities,
    (n,) specificities) from patterns (k, n) of who marked them and their sizes in pixels (k,).
    weights: how often each person's word counts; 1 is Warfield's."""
    word = np.asarray(weights, dtype=float)
    prior = float((marked * sizes[:, None]).mean(axis=1).sum() / sizes.sum())
    p, q = np.full(marked.shape[1], START), np.full(marked.shape[1], START)
    chance = np.zeros(len(marked))
    for _ in range(ROUNDS):
        inside = np.where(marked, _log(p), _log(1.0 - p)) @ word + _log(prior)
        outside = np.where(marked, _log(1.0 - q), _log(q)) @ word + _log(1.0 - prior)
        chance, old = 1.0 / (1.0 + np.exp(np.clip(outside - inside, -700.0, 700.0))), chance
        mass, rest = chance * sizes, (1.0 - chance) * sizes
        p = (mass @ marked) / max(mass.sum(), 1e-300)
        q = (rest @ ~marked) / max(rest.sum(), 1e-300)
        if np.abs(chance - old).max(initial=0.0) < ENOUGH:
            break
    return chance, p, q


def _log(x: FloatArray | float) -> FloatArray:
    return np.log(np.maximum(x, 1e-12))
