"""The gate: exact bounds, alpha that sums up, and a promise that simulated streams cannot break."""

from __future__ import annotations

import math
import random

import pytest

from services.qc_scorer import domain
from services.qc_scorer.consensus import merge
from services.qc_scorer.gates import stream as looks
from services.qc_scorer.gates import stream_bounds as streams
from services.qc_scorer.losses import differs

BOX = {"class": "cat", "x": 10.0, "y": 10.0, "width": 20.0, "height": 20.0}


def boxes(*found: dict[str, object]) -> dict[str, object]:
    return {"boxes": {"boxes": list(found)}}


@pytest.mark.parametrize(
    ("errors", "size", "bound"),
    [(0, 299, 0.009969), (0, 748, 0.003997), (3, 500, 0.015434), (10, 1000, 0.016903)],
)
def test_clopper_pearson(errors: int, size: int, bound: float) -> None:
    assert streams.upper_bound(errors, size, 0.05) == pytest.approx(bound, abs=1e-6)


def test_all_looks_together_spend_no_more_than_alpha() -> None:
    assert sum(streams.look_alpha(j, 0.05) for j in range(1, 5000)) < 0.05
    sizes = [streams.look_size(j, 0.02, 0.025) for j in range(1, 9)]
    assert sizes == sorted(set(sizes))
    assert streams.looks_due(sizes[3] - 1, 0.02, 0.025) == 3


def stream(rng: random.Random, size: int) -> list[tuple[float, bool]]:
    """Scores that say too much: the true error at score s is 1.5 (1 - s)."""
    scores = [1 - rng.random() ** 2 * 0.2 for _ in range(size)]
    return [(s, rng.random() < min(1.0, 1.5 * (1 - s))) for s in scores]


def true_error(threshold: float) -> float:
    """Error of everything at or above the threshold: 1.5 times the mean of 1 - s there."""
    top = math.sqrt(min(1.0, (1 - threshold) / 0.2))
    return 1.5 * 0.2 * top * top / 3


@pytest.mark.statistical
def test_the_promise_is_kept_over_all_looks_where_a_plug_in_breaks_it() -> None:
    target, alpha, runs = 0.03, 0.05, 400
    broken = naive = opened = 0
    for seed in range(runs):
        sample = stream(random.Random(seed), 1500)
        ever = False
        for look in range(1, streams.looks_due(1500, target, alpha) + 1):
            seen = sample[: streams.look_size(look, target, alpha)]
            found = streams.evaluate(seen, target, look, alpha)
            ever |= found.open and true_error(found.threshold) > target
            opened += found.open
        broken += ever
        naive += true_error(plug_in(sample[:300], target)) > target
    assert opened > runs / 4, "a gate that never opens proves nothing"
    assert broken / runs <= alpha + 2 * math.sqrt(alpha * (1 - alpha) / runs)
    assert naive / runs > 0.25, "the test must be able to fail"


def plug_in(sample: list[tuple[float, bool]], target: float) -> float:
    """The loosest threshold whose error in the sample is under the target: no bound."""
    best, errors = 1.0, 0
    for size, (score, wrong) in enumerate(sorted(sample, reverse=True), 1):
        errors += wrong
        if errors / size <= target:
            best = score
    return best


def test_ties_are_taken_whole() -> None:
    sample = [(0.9, False)] * 300 + [(0.8, True)] * 100
    found = streams.evaluate(sample, 0.03, 1, 0.05)
    assert found.open and found.threshold == 0.9 and found.size == 300


def test_evidence_waits_for_what_is_not_settled() -> None:
    row = {"score": 0.9, "wrong": False, "pending": False}
    rows = [{**row, "time": f"{i}", "name": f"{i}"} for i in range(5)]
    rows[3]["pending"] = True
    assert len(looks.settled_first(rows[::-1])) == 3


def test_boxes_differ_by_a_missed_extra_misplaced_or_renamed_one() -> None:
    near = {**BOX, "x": 12.0}
    assert not differs(boxes(BOX), boxes(near), "boxes")
    for other in ([], [BOX, {**BOX, "x": 90.0}], [{**BOX, "x": 25.0}], [{**BOX, "class": "dog"}]):
        assert differs(boxes(BOX), boxes(*other), "boxes")
    assert not differs(boxes(), boxes(), "boxes")


def test_consensus_of_classes_and_boxes() -> None:
    ham, spam = ({"choices": {"classes": [c]}} for c in ("ham", "spam"))
    assert merge([spam, ham, ham], "majority", "class") == (ham, pytest.approx(2 / 3))
    value, agreement = merge(
        [boxes(BOX), boxes({**BOX, "x": 12.0}, {**BOX, "x": 80.0}), boxes({**BOX, "x": 14.0})],
        "boxes",
        "boxes",
    )
    (merged,) = value["boxes"]["boxes"]
    assert merged["x"] == 12.0 and agreement == pytest.approx(2 / 3)


def test_the_certificate_never_claims_without_evidence() -> None:
    project = domain.Project("p", 1, "class", "majority", 0.02)
    assert domain.quality(project, {}, 1.0)["error_bound"] == 1.0
    report = domain.quality(project, {"machine": 900, "human": 100}, 0.01)
    assert report["human_error_bound"] == 1.0
    assert report["error_bound"] == pytest.approx((900 * 0.01 + 100) / 1000)
