"""Known answers look like any other task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.review_router.gates import Gate, passes

if TYPE_CHECKING:
    from services.review_router.domain import Coins, Facts, Policy


def disguise(
    facts: Facts, policy: Policy, gate: Gate, cold: bool, coins: Coins
) -> tuple[bool, float]:
    """Return (is it blind?, its priority) of a task whose answer is known: with or without a draft,
    early or late, by the rules and coins of an ordinary one. Otherwise people would know, and take
    care there alone. Where an ordinary one would be accepted without people it looks like the
    gate's evidence. `cold`: no drafts are shown yet.
    """
    early = 1.0 + coins.order
    if policy.training is not None or facts.lot is not None:
        # There people see only what is asked for; that comes in this order, too.
        return True, early
    if facts.prediction is None:
        return True, 0.5
    passing = gate.open and passes(facts.prediction, facts.group, gate, coins.tie_breaker)
    if coins.sample < policy.audit_share or (policy.machine_label and passing):
        return True, early
    return not policy.pre_label or cold, 1.0 - float(facts.prediction.get("score", 0.0))
