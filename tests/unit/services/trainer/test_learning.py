"""What a round of learning makes of good and of bad input, and what a plan makes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from loadtests.quality.replay import DataSet, run
from services.qc_scorer.gates import lot_proof, planner
from services.scheduler.training import FLOOR, Training, min_priority
from services.trainer import domain
from services.trainer.learning import calibration, heads
from services.trainer.learning.calibration import UNCALIBRATED
from services.trainer.learning.pool import Pool
from services.trainer.learning.round import Learnt, learn


def _pool(features: np.ndarray, labels: np.ndarray, taught: int) -> Pool:
    """The first `taught` items have labels, all drawn by chance."""
    count = len(labels)
    none = [np.zeros(count, bool) for _ in range(5)]
    made = Pool([f"i{i}" for i in range(count)], features, np.full(count, -1), *none)
    made.label[:taught] = labels[:taught]
    for marks in (made.teaches, made.gone, made.ordered, made.drawn):
        marks[:taught] = True
    return made


def _blobs(count: int, classes: int, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(classes, 8)) * 2.0
    labels = rng.integers(0, classes, count)
    features = middles[labels] + spread * rng.normal(size=(count, 8))
    return features.astype(np.float32), labels


def _decided(learnt: Learnt, size: int, target: float = 0.02) -> planner.Decision:
    counts, errors = learnt.curve
    curve = lot_proof.Curve(np.array([0, *counts], np.int64), np.array([0.0, *errors]))
    return planner.decide(curve, planner.Circumstances(target, 0.04, size, 200))


def _sound(learnt: Learnt, waiting: int) -> None:
    counts, errors = learnt.curve
    assert np.isfinite(errors).all() and (np.diff(errors) >= 0).all()
    assert counts[-1] == waiting == len(set(learnt.ranking.tolist()))


def test_leave_one_out_answers_are_those_of_heads_that_left_one_out() -> None:
    features, labels = _blobs(60, 3, 1.5, 1)
    _, held_out = heads._solve(features, labels, 3, 0.05)
    for left in (0, 17, 59):
        others = np.arange(60) != left
        weights, _ = heads._solve(features[others], labels[others], 3, 0.05)
        kernel = np.exp(-0.05 * heads.distances(features[[left]], features[others]))
        assert held_out[left] == pytest.approx((kernel @ weights)[0], abs=1e-4)


@pytest.mark.statistical
def test_the_head_that_is_served_is_the_head_that_was_measured(tmp_path: Path) -> None:
    features, labels = _blobs(900, 4, 2.0, 2)
    head = heads.fit(features[:400], labels[:400], np.ones(400, bool), 4).head
    assert head.calibration != UNCALIBRATED
    heads.save(head, tmp_path / "head.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "head.onnx")
    (served,) = session.run(["PROBS"], {"FEATURES": features})
    own = head.probabilities(features)
    assert served == pytest.approx(own, abs=1e-3)
    assert served.sum(1) == pytest.approx(1.0) and (served >= 0).all()
    assert (served.argmax(1) == head.decision(features).argmax(1)).all()


def test_calibration_finds_overconfidence_and_errors_that_no_score_shows() -> None:
    rng = np.random.default_rng(4)
    stated = 10.0 ** rng.uniform(-6, -0.5, 20_000)
    truth = 0.03 + 0.97 * np.minimum(1.0, 2.0 * stated)
    found = calibration.fit(stated, rng.random(20_000) < truth)
    assert found.floor == pytest.approx(0.03, rel=0.2)
    assert found.wrong(np.array([0.1]))[0] == pytest.approx(0.224, rel=0.2)


def test_few_items_move_a_calibration_little_and_right_ones_do_not_make_it_certain() -> None:
    few = calibration.fit(np.array([0.01, 0.02]), np.array([False, True]))
    assert few.wrong(np.array([0.01]))[0] < 0.05
    sure = calibration.fit(np.full(300, 1e-9), np.zeros(300, bool))
    assert 1e-5 < sure.floor < 1e-2


def test_calibration_keeps_the_top_class_and_the_order() -> None:
    stated = np.random.default_rng(5).dirichlet(np.full(5, 0.3), 2000)
    for found in (calibration.Calibration(3.0, 0.5, 0.1), calibration.Calibration(-3.0, 2.0, 0.0)):
        told = found.probabilities(stated)
        assert (told.argmax(1) == stated.argmax(1)).all()
        assert told.sum(1) == pytest.approx(1.0)
    told = calibration.Calibration(-1.0, 0.7, 0.001).wrong(1.0 - np.sort(stated.max(1)))
    assert (np.diff(told) <= 0).all()


def test_labels_of_one_class_only_teach_a_head_that_still_says_how_unsure_it_is() -> None:
    features, _ = _blobs(400, 2, 1.0, 6)
    learnt = learn(_pool(features, np.zeros(400, np.int64), 100), 2, 1, None)
    _sound(learnt, 300)


def test_classes_without_an_example_are_no_obstacle() -> None:
    features, labels = _blobs(400, 3, 1.0, 7)
    learnt = learn(_pool(features, labels, 100), 30, 1, None)
    _sound(learnt, 300)
    assert learnt.accuracy > 0.5


def test_embeddings_that_are_all_the_same_give_ties_and_no_automation() -> None:
    labels = np.random.default_rng(8).integers(0, 2, 2000)
    learnt = learn(_pool(np.ones((2000, 4), np.float32), labels, 300), 2, 1, None)
    _sound(learnt, 1700)
    assert _decided(learnt, 2000).plan.passing < 200


def test_duplicates_across_sample_and_pool_do_not_make_a_model_sure_of_noise() -> None:
    """Every embedding is there twice, once labelled, with a label that is chance."""
    features, _ = _blobs(600, 2, 1.0, 9)
    labels = np.random.default_rng(9).integers(0, 2, 1200)
    learnt = learn(_pool(np.concatenate([features, features]), labels, 600), 2, 1, None)
    assert learnt.accuracy < 0.6
    assert learnt.curve[1][-1] > 200


def test_one_labelled_item_is_refused_with_what_is_needed() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        heads.fit(np.ones((1, 3), np.float32), np.zeros(1, np.int64), np.ones(1, bool), 2)


def test_a_tiny_population_is_refused_with_the_reason() -> None:
    features, labels = _blobs(60, 2, 0.2, 10)
    decision = _decided(learn(_pool(features, labels, 20), 2, 1, None), 60)
    assert decision.what == planner.STOP and "too few" in decision.reason
    outcome = run(DataSet("tiny", features, labels, 2), 0.02, 0)
    assert outcome.human == 60 and outcome.wrong == 0


@pytest.mark.statistical
def test_a_model_that_cannot_learn_costs_labels_and_seldom_breaks_the_promise() -> None:
    """Labels that have nothing to do with the embedding; one run in twenty may break it."""
    features, _ = _blobs(1500, 2, 0.5, 11)
    labels = np.random.default_rng(11).integers(0, 2, 1500)
    outcomes = [run(DataSet("noise", features, labels, 2), 0.02, seed) for seed in range(5)]
    assert sum(o.error > 0.02 for o in outcomes) <= 1
    assert all(o.error < 0.05 and o.share > 0.8 for o in outcomes)


def test_a_model_that_learns_saves_most_of_the_labels_and_keeps_the_promise() -> None:
    features, labels = _blobs(5000, 4, 0.6, 12)
    outcomes = [run(DataSet("easy", features, labels, 4), 0.02, seed) for seed in range(3)]
    assert all(o.error <= 0.02 for o in outcomes)
    assert np.mean([o.share for o in outcomes]) < 0.2
    assert all(o.taught + o.audited <= o.human for o in outcomes)


def test_a_plan_costs_on_average_what_it_says() -> None:
    """Lots whose errors fall as forecast, proven again and again at the planned rate."""
    rng, count = np.random.default_rng(14), 6000
    chance = np.linspace(0.0, 0.08, count) ** 1.5
    counts = np.arange(count + 1)
    curve = lot_proof.Curve(counts, np.concatenate([[0.0], np.cumsum(chance)]))
    plan = lot_proof.plan(curve, 0.005, count, 0.04, factors=(1.0,))
    forbidden = lot_proof.forbidden_errors(0.005, count)
    people = []
    for _ in range(150):
        wrong, coins = rng.random(count) < chance, rng.random(count) < plan.rate
        draws = [lot_proof.Draw(float(i), 0.0, bool(wrong[i])) for i in np.flatnonzero(coins)]
        proof = lot_proof.prove(draws, plan.rate, forbidden, 0.04)
        people.append(count - int((~coins & (np.arange(count) < proof.uncertainty)).sum()))
    assert plan.human == pytest.approx(np.mean(people), rel=0.05)
    assert 0 < plan.passing < count


def test_no_item_starves_asked_round_by_round_all_are_asked_once() -> None:
    """Even where urgency never changes, twins are put behind, and a batch is small."""
    features = np.repeat(np.random.default_rng(13).normal(size=(50, 4)), 8, axis=0)
    margins = np.linspace(0.0, 1.0, 400)
    waiting = np.arange(400)
    asked: list[str] = []
    rng = np.random.default_rng(13)
    while len(waiting):
        order = domain.rank(margins[waiting], features[waiting].astype(np.float32))
        ranking = [str(i) for i in waiting[order]]
        chance = [str(i) for i in rng.permutation(waiting)]
        picked, drawn = domain.batch_of(ranking, chance, 30)
        assert set(picked).isdisjoint(drawn)
        asked += [*picked, *drawn]
        waiting = np.setdiff1d(waiting, [int(name) for name in asked])
    assert sorted(asked, key=int) == [str(i) for i in range(400)]


def test_what_was_never_asked_is_offered_once_learning_is_done() -> None:
    assert min_priority(Training("p", state="LEARNING"), datetime.now(UTC)) == FLOOR
    assert min_priority(Training("p", state="DONE"), datetime.now(UTC)) == 0.0
