"""What next with a candidate model: learn on, freeze a lot and prove it, or leave it to people.

A forecast is the number of labels people would still give if the lot were frozen now. The same is
forecast for models of larger batches to come, whose expected errors fall as a power of the labels
they learnt from, at the rate seen in the project's own rounds; learning goes on while one of
those is cheaper (the planning idea is that of MCAL, Qiu et al. 2023). Planning never touches the
proof.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.qc_scorer.gates import lot_proof
from services.qc_scorer.gates.lot_proof import Curve, Plan

# Of the labels there are, a batch adds at most this share; sizes to come that are forecast.
GROWTH = 0.35
SIZES = (1.1, 1.2, 1.35, 1.6, 2.0, 2.6, 3.5, 5.0)
LEAST_BATCH = 30
# A forecast must be lower by this share of the project's tasks to be worth more rounds.
STEP = 0.001
# Expected errors fall as labels ** -FALL until the project's last rounds say otherwise; `TRUST`
# is the weight of that beside the rounds' squared spread in log labels.
FALL, TRUST, ROUNDS = 1.0, 0.2, 4
LEAST_FALL, MOST_FALL = 0.3, 3.0
_SPENT = (
    "earlier lots spent all the risk that the promised confidence allows; a lower confidence, or"
    " people for the rest, would be needed"
)
LEARN, CERTIFY, STOP = "LEARN", "CERTIFY", "STOP"
TARGETS = (0.001, 0.002, 0.004, 0.006, 0.01, 0.015, 0.02, 0.03, 0.05, 0.08)


@dataclass(frozen=True)
class Circumstances:
    """Of one project: the promise, the tasks it is about, what was spent already, and of the
    rounds before, oldest first, (labels learnt from, errors expected in what waited)."""

    target: float
    alpha: float
    size: int
    labelled: int
    spent: int = 0
    miss: float = 0.0
    history: Sequence[tuple[int, float]] = ()


@dataclass(frozen=True)
class Decision:
    """`batch` with LEARN; `plan` is how the lot would be proven now; `unreachable` where no
    model could keep the promise."""

    what: str
    reason: str
    plan: Plan
    batch: int = 0
    unreachable: bool = False


def decide(curve: Curve, now: Circumstances) -> Decision:
    """The next step for a lot as `curve` sees it."""
    waiting = int(curve.counts[-1])
    if now.alpha <= 0:
        return Decision(STOP, _SPENT, Plan(0.0, 0, 0, waiting), unreachable=True)
    plan = _planned(curve, now)
    perfect = Curve(np.array([0, waiting]), np.zeros(2))
    best = _planned(perfect, now)
    if best.human >= waiting:
        return Decision(STOP, _hopeless(now, waiting), plan, unreachable=True)
    forecast = now.labelled + plan.human
    fall = falling([*now.history, (now.labelled, float(curve.errors[-1]))])
    sizes = [size for size in SIZES if size * now.labelled < now.size]
    later, batch = min((_later(curve, now, fall, s) for s in sizes), default=(forecast, 0))
    if later > forecast - STEP * now.size:
        return _finish(plan, f"{forecast} labels if frozen now, and no fewer with a better model")
    words = f"{forecast} labels if frozen now; {later} with a model of {batch} labels more"
    most = max(LEAST_BATCH, int(GROWTH * now.labelled))
    return Decision(LEARN, words, plan, min(max(batch, LEAST_BATCH), most, waiting))


def _later(curve: Curve, now: Circumstances, fall: float, growth: float) -> tuple[int, int]:
    """(labels in all, batch) if the lot were frozen once `growth` times the labels taught."""
    batch = math.ceil((growth - 1.0) * now.labelled)
    waiting = int(curve.counts[-1])
    left = 1.0 - min(batch, waiting) / waiting
    later = Curve(np.floor(curve.counts * left), curve.errors * growth**-fall)
    return now.labelled + batch + _planned(later, now).human, batch


def falling(history: Sequence[tuple[int, float]]) -> float:
    """The exponent at which expected errors fell in the newest rounds, drawn to `FALL`."""
    told = np.array([(n, e) for n, e in history[-ROUNDS:] if n > 0 and e > 0], np.float64)
    if len(told) < 2:
        return FALL
    x, y = np.log(told.T) - np.log(told.T).mean(1, keepdims=True)
    found = (TRUST * FALL - float(x @ y)) / (TRUST + float(x @ x))
    return min(MOST_FALL, max(LEAST_FALL, found))


def _planned(curve: Curve, now: Circumstances) -> Plan:
    return lot_proof.plan(curve, now.target, now.size, now.alpha, spent=now.spent, miss=now.miss)


def _finish(plan: Plan, reason: str) -> Decision:
    if plan.passing == 0:
        return Decision(STOP, f"{reason}; nothing of the lot could be proven", plan)
    return Decision(CERTIFY, reason, plan)


def _hopeless(now: Circumstances, waiting: int) -> str:
    """Why no audit can pay, and what would be needed."""
    needed = int(np.ceil(np.log(1.0 / now.alpha) / now.target)) if now.target else 0
    return (
        f"{waiting} waiting of {now.size} items are too few: proving {now.target:.2%} takes about"
        f" {needed} labels without an error; more items, or a looser target, would be needed"
    )
