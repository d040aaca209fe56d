"""What a template may name is there, and every loss keeps its contract on values of its shapes."""

from __future__ import annotations

import inspect

import pytest

from services.qc_scorer.consensus import RULES
from services.qc_scorer.losses import LOSSES, named
from services.qc_scorer.losses.protocol import Errors, by_rate
from services.template.label_shapes import KINDS


def test_every_loss_and_rule_of_a_template_exists() -> None:
    for shape, kind in KINDS.items():
        assert set(kind.losses) <= set(LOSSES) and set(kind.rules) <= set(RULES), shape


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_takes_two_values_and_a_tolerance(name: str) -> None:
    loss, tolerance = named(f"{name}:0.25")
    assert tolerance == 0.25 and named(name) == (LOSSES[name], None)
    for call in filter(None, (loss.distance, loss.errors, loss.differs)):
        assert len(inspect.signature(call).parameters) == 3


@pytest.mark.parametrize("name", RULES)
def test_every_rule_takes_values_and_weights(name: str) -> None:
    assert len(inspect.signature(RULES[name]).parameters) == 2


@pytest.mark.parametrize(
    ("count", "units", "tolerance", "wrong"),
    [(1, 10, 0.1, False), (1, 10, 0.09, True), (0, 0, None, False), (1, 0, 0.5, True)],
)
def test_a_rate_beyond_the_tolerance_is_wrong(
    count: float, units: float, tolerance: float | None, wrong: bool
) -> None:
    differs = by_rate(lambda a, b, t: Errors(count, units))
    assert differs({}, {}, tolerance) is wrong
