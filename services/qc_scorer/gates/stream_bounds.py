"""The gate over a stream: may predictions of this model at or above a score go out?

For a model that was there before the project: items keep coming and no lot is ever frozen.
Evidence is a random blind sample of everything the model drafted: (score, was it wrong?).
At a look, thresholds of a grid that the scores alone fix are tested from strict to loose with
the exact one-sided Clopper-Pearson bound (Clopper and Pearson 1934); testing stops at the
first that fails, so the family keeps its level without a correction (fixed-sequence testing,
Angelopoulos et al., Learn then Test). Looks happen at sample sizes fixed beforehand, look j
spends alpha * 6 / (pi^2 j^2), which sums to alpha over any number of looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import beta

SLACK = 1.2
ONE_ERROR = 1.6
GROWTH = 1.4
GRID = 20


@dataclass(frozen=True)
class Look:
    """What one look at the evidence decided. `threshold` counts only while `open`."""

    open: bool
    threshold: float
    bound: float
    size: int
    errors: int
    alpha: float


def upper_bound(errors: int, size: int, alpha: float) -> float:
    """Exact upper bound of an error rate at confidence 1 - alpha: `errors` among `size`."""
    if size == 0 or errors >= size:
        return 1.0
    return float(beta.ppf(1.0 - alpha, errors + 1, size - errors))


def lower_bound(errors: int, size: int, alpha: float) -> float:
    """Exact lower bound of an error rate at confidence 1 - alpha; 0 without an error."""
    return float(beta.ppf(alpha, errors, size - errors + 1)) if errors else 0.0


def look_size(look: int, target: float, alpha: float) -> int:
    """Sample size at which look 1, 2, ... happens. The first is a little more than a sample
    without any error needs to pass; earlier looks could only spend."""
    least = math.log(look_alpha(1, alpha)) / math.log1p(-target)
    return math.ceil(SLACK * least * GROWTH ** (look - 1))


def look_alpha(look: int, alpha: float) -> float:
    """Risk that look 1, 2, ... may spend."""
    return alpha * 6.0 / (math.pi**2 * look**2)


def looks_due(size: int, target: float, alpha: float) -> int:
    """How many looks a sample of this size has reached."""
    look = 0
    while look_size(look + 1, target, alpha) <= size:
        look += 1
    return look


def evaluate(
    evidence: Sequence[tuple[float, bool]], target: float, look: int, alpha: float
) -> Look:
    """The loosest threshold whose bound is at most `target`; closed where there is none.

    `evidence` holds (score, wrong) of the blind sample, in any order.
    """
    spent = look_alpha(look, alpha)
    ranked = sorted(evidence, reverse=True)
    best = Look(False, 1.0, 1.0, 0, 0, spent)
    for size, threshold in _grid([score for score, _ in ranked], target, spent):
        errors = sum(wrong for _, wrong in ranked[:size])
        bound = upper_bound(errors, size, spent)
        if bound > target:
            return best if best.open else Look(False, threshold, bound, size, errors, spent)
        best = Look(True, threshold, bound, size, errors, spent)
    return best


def _grid(scores: Sequence[float], target: float, alpha: float) -> list[tuple[int, float]]:
    """(items at or above, threshold), strict to loose, from the scores alone.

    The strictest holds enough to bear one error where the sample is large enough for that,
    else as many as must be free of errors: with fewer there is no chance.
    """
    if not scores:
        return []
    bare = math.log(alpha) / math.log1p(-target)
    least = min(len(scores), math.ceil(bare * (ONE_ERROR if len(scores) > 2 * bare else 1.05)))
    steps = sorted({least + (len(scores) - least) * i // GRID for i in range(GRID + 1)})
    grid: list[tuple[int, float]] = []
    for step in steps:
        threshold = scores[step - 1]
        size = step
        while size < len(scores) and scores[size] == threshold:
            size += 1
        if not grid or grid[-1][0] != size:
            grid.append((size, threshold))
    return grid
