"""The gate over a stream: exact bounds, risk that sums up over looks and versions, breaches."""

from __future__ import annotations

import math
import random

import pytest

from services.qc_scorer.domain import Doc, GateState, Project, Reference, quality
from services.qc_scorer.gates import risk_budget, stream_bounds
from services.qc_scorer.gates import stream as looks

TARGET = 0.03
PROJECT = Project("p", 1, "class", "majority", TARGET, 0.9, reference=Reference.EXPERTS)


@pytest.mark.parametrize(("audits", "errors"), [(0, 0), (2, 0), (5000, 7)])
def test_without_a_promise_audits_are_reported_all_the_same(audits: int, errors: int) -> None:
    plain = Project("p", 1, "class", "majority")
    counters = {"human": 9000, "audits": audits, "audit_errors": errors}
    report = quality(plain, counters, 1.0)
    assert errors / max(1, audits) < report["human_error_bound"] <= 1.0
    assert (report["human_error_bound"] < 0.01) == (audits == 5000)


def test_a_lower_bound_mirrors_the_upper_one() -> None:
    upper = stream_bounds.upper_bound(10, 1000, 0.05)
    assert stream_bounds.lower_bound(990, 1000, 0.05) == pytest.approx(1 - upper, abs=1e-9)
    assert stream_bounds.lower_bound(0, 1000, 0.05) == 0.0


def test_all_looks_at_all_versions_spend_no_more_than_there_is() -> None:
    spent = sum(
        stream_bounds.look_alpha(j, looks.stream_alpha(PROJECT, number))
        for number in range(1, 300)
        for j in range(1, 300)
    )
    assert spent < PROJECT.half_alpha


def _stream(rng: random.Random, size: int, factor: float = 0.7) -> list[tuple[float, bool]]:
    """The true error at score s is `factor` times 1 - s."""
    scores = [1 - rng.random() ** 2 * 0.2 for _ in range(size)]
    return [(s, rng.random() < min(1.0, factor * (1 - s))) for s in scores]


def _true_error(threshold: float) -> float:
    """Error of everything at or above the threshold: 0.7 times the mean of 1 - s there."""
    top = math.sqrt(min(1.0, (1 - threshold) / 0.2))
    return 0.7 * 0.2 * top * top / 3


def _run(sample: list[tuple[float, bool]], number: int = 1) -> list[Doc]:
    """The gate after each look at a growing sample."""
    doc: Doc = {"number": number, "state": "CLOSED", "threshold": 1.0, "error_bound": 1.0}
    found = []
    for size in range(50, len(sample) + 1, 10):
        looked = looks.look(doc, sample[:size], PROJECT)
        if looked is not None:
            doc = looked
            found.append(doc)
    return found


@pytest.mark.statistical
def test_a_gate_that_keeps_its_promise_is_not_called_broken() -> None:
    runs, broken, opened, breached = 300, 0, 0, 0
    for seed in range(runs):
        sample = _stream(random.Random(seed), 1500)
        gates = _run(sample)
        stood = [g for g in gates if g["state"] == GateState.OPEN]
        opened += bool(stood)
        broken += any(_true_error(g["threshold"]) > TARGET for g in stood)
        breached += any(g["state"] == GateState.BREACHED for g in gates)
    assert opened > runs / 4, "a gate that never opens proves nothing"
    assert broken / runs <= 0.05 + 2 * math.sqrt(0.05 / runs)
    assert breached / runs <= 0.025, "a promise that is kept must not be called broken"


def test_a_model_that_turns_bad_closes_its_gate_for_good() -> None:
    rng = random.Random(3)
    sample = _stream(rng, 700, factor=0.2) + _stream(rng, 6000, factor=6.0)
    gates = _run(sample)
    assert gates[-1]["state"] == GateState.BREACHED, gates[-1]["reason"]
    assert "more than" in gates[-1]["reason"]
    assert looks.look(gates[-1], sample * 3, PROJECT) is None


def test_what_a_gate_let_out_keeps_the_bound_of_its_time() -> None:
    past = {"state": "CLOSED", "error_bound": 1.0, "past_bound": 0.03}
    now = {"state": "OPEN", "error_bound": 0.01}
    assert risk_budget.stream_bound([past, now]) == 0.03
    assert risk_budget.stream_bound([now]) == 0.01
    assert risk_budget.stream_bound([{**past, "past_bound": 0.0}]) == 1.0
    assert risk_budget.stream_bound([{**past, "state": "BREACHED"}, now]) == 0.01
