"""What next with a candidate model: learn on, freeze a lot and prove it, or leave it to people.

The forecast is the number of labels people would still give if the lot were frozen now. Learning
goes on while what a perfect model could still save is worth the next batch, and the forecast
has not stood still for a few rounds (QUALITY 3.6; the planning idea is that of MCAL, Qiu et al.
2023). Planning never touches the proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.qc_scorer import gate
from services.qc_scorer.gate import Curve, Plan

GROWTH = 0.35
GAIN_SHARE = 0.5
LEAST_BATCH = 30
PATIENCE = 3
# A forecast must fall by this share of the project's tasks to count as better.
STEP = 0.002
_SPENT = (
    "earlier lots spent all the risk that the promised confidence allows; a lower confidence, or"
    " people for the rest, would be needed"
)
LEARN, CERTIFY, STOP = "LEARN", "CERTIFY", "STOP"
TARGETS = (0.001, 0.002, 0.004, 0.006, 0.01, 0.015, 0.02, 0.03, 0.05, 0.08)


@dataclass(frozen=True)
class Circumstances:
    """Of one project: the promise, the tasks it is about, what was spent already, and the
    forecasts (labels in all) of the rounds before, oldest first."""

    target: float
    alpha: float
    size: int
    labelled: int
    spent: int = 0
    miss: float = 0.0
    forecasts: Sequence[int] = ()


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
    gain = plan.human - best.human
    batch = 1 + int(min(GROWTH * now.labelled, max(GAIN_SHARE * gain, LEAST_BATCH)))
    forecast = now.labelled + plan.human
    if gain < batch:
        return _finish(plan, f"a perfect model would save {gain} labels more; {batch} teach it")
    if _stands_still([*now.forecasts, forecast], now.size):
        return _finish(plan, f"the forecast of {forecast} labels stood still for {PATIENCE} rounds")
    words = f"{forecast} labels if frozen now; a better model could save up to {gain}"
    return Decision(LEARN, words, plan, min(batch, waiting))


def _planned(curve: Curve, now: Circumstances) -> Plan:
    return gate.plan(curve, now.target, now.size, now.alpha, spent=now.spent, miss=now.miss)


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


def _stands_still(forecasts: Sequence[int], size: int) -> bool:
    if len(forecasts) <= PATIENCE:
        return False
    before = min(forecasts[:-PATIENCE])
    return min(forecasts[-PATIENCE:]) > before - STEP * size
