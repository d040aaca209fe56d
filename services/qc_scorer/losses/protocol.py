"""What every loss promises.

A loss compares two values of one shape, as documents. Its tolerance is the largest distance that
is no error, in the loss's own unit: a rate, seconds, metres, pixels, or 1 - IoU; None is the
loss's default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Doc = dict[str, Any]
# Far below any tolerance that is meant, far above what sums of floats are off by.
EPSILON = 1e-9


@dataclass(frozen=True)
class Errors:
    """Errors of a label, and what it could be wrong about: units of the truth."""

    count: float
    units: float


# distance(a, b, tolerance): 0 where they are equal, 1 where they have nothing in common.
Distance = Callable[[Doc, Doc, float | None], float]
# errors(truth, label, tolerance)
Count = Callable[[Doc, Doc, float | None], Errors]
# differs(truth, label, tolerance)
Differs = Callable[[Doc, Doc, float | None], bool]


@dataclass(frozen=True)
class Loss:
    """One way to compare two values. The item is wrong with any error, unless `differs` says
    otherwise. Where the label schema has a say, `options` makes the loss of what it says."""

    distance: Distance
    errors: Count
    differs: Differs | None = None
    options: Callable[[Mapping[str, str]], Loss] | None = None

    def wrong(self, truth: Doc, label: Doc, tolerance: float | None = None) -> bool:
        if self.differs is not None:
            return self.differs(truth, label, tolerance)
        return self.errors(truth, label, tolerance).count > 0


def by_rate(errors: Count, default: float = 0.0) -> Differs:
    """An item is wrong where its errors are a larger share of the truth than the tolerance."""

    def differs(truth: Doc, label: Doc, tolerance: float | None = None) -> bool:
        found = errors(truth, label, tolerance)
        most = default if tolerance is None else tolerance
        return found.count > most * found.units + EPSILON

    return differs
