"""Truth inference on simulated crowds: what must hold whatever the data."""

from __future__ import annotations

import time

import numpy as np
import pytest

from services.qc_scorer.truth import dawid_skene as truth
from services.qc_scorer.truth import value_of_annotation
from services.qc_scorer.truth.dawid_skene import Answers, FloatArray, IntArray


def crowd(
    seed: int,
    tasks: int = 400,
    people: int = 30,
    each: int = 5,
    classes: int = 3,
    skills: tuple[float, float] = (0.4, 0.95),
) -> tuple[Answers, IntArray]:
    """Random tasks; each annotator has a skill and errs towards a class of their own."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=tasks)
    skill, bias = rng.uniform(*skills, size=people), rng.integers(classes, size=people)
    task = np.repeat(np.arange(tasks), each)
    annotator = np.concatenate([rng.permutation(people)[:each] for _ in range(tasks)])
    fine = rng.random(len(task)) < skill[annotator]
    wrong = np.where(rng.random(len(task)) < 0.7, bias[annotator], rng.integers(classes))
    return Answers(task, annotator, np.where(fine, labels[task], wrong), classes), labels


def accuracy(posterior: FloatArray, labels: IntArray) -> float:
    return float(truth.right(posterior, labels).mean())


def one_by_one(answers: Answers, seed: int) -> value_of_annotation.Incremental:
    """All answers in a random order."""
    found = value_of_annotation.Incremental(answers.classes)
    order = np.random.default_rng(seed).permutation(len(answers.task))
    for i in order.tolist():
        found.add(int(answers.task[i]), int(answers.annotator[i]), int(answers.answer[i]))
    return found


@pytest.mark.parametrize("method", truth.METHODS)
def test_every_method_gives_probabilities(method: str) -> None:
    answers, labels = crowd(1)
    result = truth.METHODS[method](answers)
    assert result.posterior.shape == (400, 3)
    assert result.confusion.shape == (30, 3, 3)
    for rows in (result.posterior, result.confusion, result.prior[None]):
        assert np.all(rows >= 0)
        np.testing.assert_allclose(rows.sum(axis=-1), 1.0)
    assert accuracy(result.posterior, labels) > 0.8


@pytest.mark.parametrize("method", truth.METHODS)
def test_gold_is_clamped_and_a_task_without_answers_stays_open(method: str) -> None:
    answers = Answers([0, 0, 1], [0, 1, 0], [1, 1, 0], 2, tasks=3)  # type: ignore[arg-type]
    result = truth.METHODS[method](answers, {0: 0})
    assert result.posterior[0].tolist() == [1.0, 0.0]
    assert result.posterior[2].max() < 0.95


def test_em_beats_majority_where_annotators_are_biased() -> None:
    gaps = []
    for seed in range(5):
        answers, labels = crowd(seed)
        votes = accuracy(truth.majority(answers).posterior, labels)
        for method in (truth.pooled, truth.dawid_skene):
            gaps.append(accuracy(method(answers).posterior, labels) - votes)
    assert min(gaps) > 0.0
    assert float(np.mean(gaps)) > 0.03


def test_pooled_recovers_confusions() -> None:
    answers, labels = crowd(3, tasks=2000, people=10)
    cell = (answers.annotator * 3 + labels[answers.task]) * 3 + answers.answer
    counted = np.bincount(cell, minlength=90).reshape(10, 3, 3)
    expected = counted / counted.sum(axis=2, keepdims=True)
    found = truth.pooled(answers).confusion
    assert np.abs(found - expected).mean() < 0.03
    assert np.abs(truth.one_coin(answers).confusion - expected).mean() > 0.05


def test_one_coin_does_not_turn_the_world_round() -> None:
    """Few answers of poor annotators: without the prior EM settles on flipped labels."""
    for seed in range(10):
        answers, labels = crowd(seed, people=60, each=3, classes=2, skills=(0.5, 0.75))
        assert accuracy(truth.one_coin(answers).posterior, labels) > 0.6


def test_ties_share_the_label() -> None:
    answers = Answers([0, 0, 1], [0, 1, 0], [0, 1, 1], 2)  # type: ignore[arg-type]
    found = truth.majority(answers).posterior
    assert truth.right(found, np.array([0, 1])).tolist() == [0.5, 1.0]


def test_the_model_is_one_more_opinion() -> None:
    answers, labels = crowd(4, each=2)
    rng = np.random.default_rng(4)
    guess = np.where(rng.random(400) < 0.9, labels, rng.integers(3, size=400))
    model = np.log(np.full((400, 3), 0.05) + 0.85 * np.eye(3)[guess])
    alone = accuracy(truth.pooled(answers).posterior, labels)
    both = accuracy(truth.pooled(answers, None, model).posterior, labels)
    assert both > max(alone, float((guess == labels).mean())) + 0.01


def test_answers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="classes"):
        Answers([0], [0], [2], 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="negative"):
        Answers([-1], [0], [0], 2)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="classes"):
        value_of_annotation.Incremental(2).add(0, 0, -1)


def fake(hits: list[bool]) -> truth.Result:
    """A method that is right at some of the tasks, whose truth is always class 0."""
    rows = np.array([[0.9, 0.1] if hit else [0.1, 0.9] for hit in hits])
    return truth.Result("fake", rows, np.eye(2)[None], np.array([0.5, 0.5]))


def test_little_gold_moves_little_and_much_gold_chooses_the_better() -> None:
    better, worse = [True] * 99 + [False], [True] * 60 + [False] * 40
    results = {"pooled": fake(worse), "majority": fake(better)}
    gold = dict.fromkeys(range(100), 0)
    assert truth.choose(results, gold, "pooled") == "majority"
    assert truth.choose(results, {60: 0}, "pooled") == "pooled"
    assert truth.choose(results, gold, "majority") == "majority"
    even = {"pooled": fake(better), "majority": fake(better)}
    assert truth.choose(even, gold, "pooled") == "pooled"


def test_inference_uses_gold() -> None:
    answers, labels = crowd(9, people=12, skills=(0.3, 0.7))
    gold = {i: int(labels[i]) for i in range(80)}
    found = truth.infer(answers, gold)
    assert found.method in truth.METHODS
    assert accuracy(found.posterior[:80], labels[:80]) == 1.0
    alone = accuracy(truth.infer(answers).posterior[80:], labels[80:])
    assert accuracy(found.posterior[80:], labels[80:]) > alone - 0.01


def test_few_answers_an_annotator_start_without_confusions() -> None:
    assert truth.without_gold(crowd(0, people=300)[0]) == "wawa"
    assert truth.without_gold(crowd(0, people=10)[0]) == "blend"


@pytest.mark.statistical
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_incremental_stays_close_to_the_full_fit(seed: int) -> None:
    answers, labels = crowd(seed, tasks=1000)
    found = one_by_one(answers, seed)
    mine = np.array([found.posterior(task) for task in range(1000)])
    full = truth.pooled(answers).posterior
    assert accuracy(mine, labels) > accuracy(full, labels) - 0.01
    assert accuracy(mine, labels) > accuracy(truth.majority(answers).posterior, labels)


def test_after_a_refit_incremental_is_the_full_fit_and_a_fixed_point() -> None:
    answers, _ = crowd(5)
    found = one_by_one(answers, 5)
    found.refit()
    full = truth.pooled(answers)
    mine = np.array([found.posterior(task) for task in range(400)])
    np.testing.assert_allclose(mine, full.posterior, atol=1e-3)
    np.testing.assert_allclose(found.confusion(7), full.confusion[7], atol=1e-3)
    again = np.array([found._weigh(task, found._said[task]) for task in range(400)])
    np.testing.assert_allclose(again, full.posterior, atol=1e-2)


def test_incremental_knows_gold_the_model_and_refits_when_due() -> None:
    found = value_of_annotation.Incremental(
        2, gold={1: 0}, model={2: [0.02, 0.98], 3: [0.98, 0.02]}
    )
    assert found.add(1, 0, 1) == [1.0, 0.0]
    assert found.posterior(2)[1] > 0.9
    assert found.add(2, 0, 1)[1] > 0.5
    assert not found.due
    for i in range(500):
        found.add(10 + i // 4, i % 4, i % 2)
    assert found.due
    found.refit()
    assert found.posterior(1) == [1.0, 0.0]
    assert not found.due


def test_no_fit_is_due_while_annotators_are_hardly_known() -> None:
    found = value_of_annotation.Incremental(4)
    for i in range(1000):
        found.add(i // 3, i // 5, i % 4)
    assert not found.due


@pytest.mark.statistical
def test_incremental_survives_a_task_with_very_many_answers() -> None:
    found = value_of_annotation.Incremental(2)
    for annotator in range(1200):
        last = found.add(0, annotator % 7, 1)
    assert last[1] > 0.99
    assert sum(last) == pytest.approx(1.0)


def test_an_answer_costs_the_same_however_many_came_before() -> None:
    few, many = (min(_seconds(tasks) for _ in range(3)) / tasks for tasks in (400, 2000))
    assert many < 2.5 * few


def _seconds(tasks: int) -> float:
    """CPU seconds of the answers to so many tasks."""
    answers, _ = crowd(6, tasks=tasks)
    start = time.process_time()
    one_by_one(answers, 0)
    return time.process_time() - start


def test_tempering_takes_off_overconfidence_only() -> None:
    rng = np.random.default_rng(7)
    stated = np.tile([0.999, 0.001], (2000, 1))
    labels = (rng.random(2000) < 0.15).astype(int)
    gold = {i: int(labels[i]) for i in range(300)}
    honest, temperature = value_of_annotation.temper(stated, gold)
    assert temperature > 2.0
    assert abs(honest[300:, 0].mean() - (labels[300:] == 0).mean()) < 0.05
    modest = np.tile([0.6, 0.4], (2000, 1))
    assert value_of_annotation.temper(modest, gold)[1] == 1.0
    assert value_of_annotation.temper(stated, {})[1] == 1.0


def test_gains_are_those_of_a_simulation() -> None:
    rng = np.random.default_rng(8)
    confusion = np.array([[0.8, 0.2], [0.3, 0.7]])
    believed = np.array([[0.6, 0.4], [0.9, 0.1]])
    for row, opinions_asked in ((0, 1), (0, 3), (1, 1), (1, 5)):
        labels = (rng.random(200_000) < believed[row, 1]).astype(int)
        ones = rng.binomial(opinions_asked, confusion[labels, 1])
        zeros = opinions_asked - ones
        weights = (
            believed[row] * confusion[:, 0] ** zeros[:, None] * confusion[:, 1] ** ones[:, None]
        )
        simulated = (weights.argmax(axis=1) == labels).mean() - believed[row].max()
        found = value_of_annotation.gains(believed, confusion, opinions_asked)[row]
        assert found == pytest.approx(simulated, abs=0.005)


def test_asking_ends_where_it_no_longer_pays() -> None:
    confusion = np.array([[0.9, 0.1], [0.1, 0.9]])

    def ask(sure: float, value: float = 100.0, count: int = 0) -> bool:
        return bool(
            value_of_annotation.worth_asking([sure, 1 - sure], 1.0, value, count, 5, confusion)
        )  # type: ignore[arg-type]

    assert ask(0.6)
    assert not ask(0.999)
    assert not ask(0.6, value=2.0)
    assert not ask(0.6, count=5)
    # One opinion alone cannot turn 95 % round, two can.
    assert value_of_annotation.gains(np.array([[0.95, 0.05]]), confusion, 1)[0] == pytest.approx(
        0.0
    )
    assert ask(0.95)
    assert not ask(0.95, count=4)
    many = value_of_annotation.worth_asking(
        np.array([[0.6, 0.4], [0.999, 0.001]]), 1.0, 100.0, np.array([0, 0]), 5, confusion
    )
    assert many.tolist() == [True, False]
