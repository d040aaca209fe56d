"""Merging of transcripts, spans, rankings and numbers, on cases small enough to see through."""

from __future__ import annotations

import numpy as np
import pytest

from services.qc_scorer.consensus import merging
from services.qc_scorer.consensus.merging import Span
from services.qc_scorer.losses.text.words import word_errors


def test_rover_votes_word_by_word() -> None:
    texts = ["the cat sat on the mat", "a cat sat on the mat", "the cat sat the hat"]
    assert merging.rover(texts) == "the cat sat on the mat"


def test_rover_drops_what_few_heard_and_keeps_what_one_missed() -> None:
    texts = ["so well we go", "we go home", "we go home"]
    assert merging.rover(texts) == "we go home"
    assert merging.rover(texts[::-1]) == "we go home"


def test_rover_ignores_case_and_punctuation_but_writes_as_most_do() -> None:
    texts = ["Well, John came.", "well John came.", "Well, john game."]
    assert merging.rover(texts) == "Well, John came."


def test_rover_follows_weights() -> None:
    texts = ["blue whale", "new whale", "new mail"]
    assert merging.rover(texts) == "new whale"
    assert merging.rover(texts, [5.0, 1.0, 1.0]) == "blue whale"
    assert merging.rover([]) == ""
    assert merging.rover(["", "", "word"]) == ""


def test_word_errors() -> None:
    assert word_errors("The cat, sat", "the cat sat.") == (0, 3)
    assert word_errors("cat sat down", "the cat sat") == (2, 3)
    assert word_errors("", "the cat") == (2, 2)


def test_transcripts_find_out_who_hears_well() -> None:
    rng = np.random.default_rng(0)
    vocabulary = [f"w{i}" for i in range(5)]
    errors = {"good": 0.02, "fair": 0.25, "also": 0.3, "poor": 0.6, "worse": 0.6}
    items: dict[int, dict[str, str]] = {}
    true: dict[int, str] = {}
    for item in range(30):
        said = rng.choice(vocabulary, 12)
        true[item] = " ".join(said)
        items[item] = {
            person: " ".join(rng.choice(vocabulary) if rng.random() < e else w for w in said)
            for person, e in errors.items()
        }
    merged, weights = merging.transcripts(items)
    assert weights["good"] > weights["fair"] > weights["poor"]
    wrong = sum(word_errors(merged[i], true[i])[0] for i in items)
    plain = {i: merging.rover(list(said.values())) for i, said in items.items()}
    before = sum(word_errors(plain[i], true[i])[0] for i in items)
    assert wrong < before
    assert wrong / 360 < 0.05


def test_alignment_prefers_the_cheapest() -> None:
    cost = np.array([[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    assert merging.align(cost, [1, 1], [1, 1, 1]) == [(0, 0), (-1, 1), (1, 2)]


def test_spans_need_more_than_half_and_take_the_median() -> None:
    opinions = [
        [Span(0, 10, "name"), Span(50, 60, "place")],
        [Span(1, 11, "name")],
        [Span(0, 14, "name"), Span(50, 60, "name")],
    ]
    assert merging.merge_spans(opinions) == [Span(0, 11, "name")]
    assert Span(50, 60, "place") in merging.merge_spans(opinions, [3.0, 1.0, 1.0])
    assert merging.merge_spans([]) == []


def test_spans_learn_who_marks_well() -> None:
    rng = np.random.default_rng(1)
    items: dict[int, dict[str, list[Span]]] = {}
    for item in range(20):
        true = [Span(100 * i, 100 * i + 40, "x") for i in range(4)]
        items[item] = {
            person: [s if rng.random() < p else Span(s.start + 45, s.end + 45, "x") for s in true]
            for person, p in (("a", 0.98), ("b", 0.8), ("c", 0.8), ("d", 0.8), ("e", 0.3))
        }
    merged, weights = merging.spans(items)
    assert weights["a"] > weights["b"] > weights["e"]
    found = sum(len(merging.matches(merged[i], true)) for i in items)
    assert found >= 74


def test_bradley_terry_on_a_solvable_case() -> None:
    """Without the pseudo-game 3 wins to 1 make odds of 3; with it, a little less."""
    wins = np.array([[0.0, 300.0], [100.0, 0.0]])
    a, b = merging.bradley_terry(wins)
    assert a / b == pytest.approx(3.0, rel=0.02)
    even = merging.bradley_terry(np.array([[0.0, 2.0], [2.0, 0.0]]))
    assert even[0] == pytest.approx(even[1])
    assert np.isfinite(merging.bradley_terry(np.array([[0.0, 5.0], [0.0, 0.0]]))).all()


def test_comparisons_count_ties_half() -> None:
    assert merging.comparisons({7: 1, 3: 2, 5: 2}) == [(3, 5, 0.5), (3, 7, 0.0), (5, 7, 0.0)]
    assert merging.comparisons({0: 1, 1: 9}) == [(0, 1, 1.0)]


def test_ranking_finds_the_order_and_the_annotator_who_turns_it_round() -> None:
    rng = np.random.default_rng(2)
    strength = np.exp(np.linspace(2.0, -2.0, 8))
    games = []
    for person, honest in enumerate((0.97, 0.9, 0.9, 0.2)):
        for _ in range(150):
            a, b = (int(x) for x in rng.choice(8, 2, replace=False))
            says = (rng.random() < strength[a] / (strength[a] + strength[b])) == (
                rng.random() < honest
            )
            games.append((person, a, b, float(says)))
    found = merging.rank(games)
    assert np.abs(np.argsort(found.order) - np.arange(8)).max() <= 1
    assert found.reliability[3] < 0.5 < found.reliability[:3].min()


def test_numbers_weigh_the_exact_more() -> None:
    rng = np.random.default_rng(3)
    true = rng.uniform(0, 100, size=200)
    task, annotator = np.repeat(np.arange(200), 5), np.tile(np.arange(5), 200)
    noise = np.array([1.0, 3.0, 10.0, 20.0, 20.0])
    value = true[task] + rng.normal(size=1000) * noise[annotator]
    found, weight = merging.numbers(task, annotator, value)
    plain = np.bincount(task, weights=value) / 5
    assert weight[0] > weight[1] > weight[2] > weight[3:].max()
    assert np.abs(found - true).mean() < 0.7 * np.abs(plain - true).mean()


def test_weighted_median() -> None:
    assert merging.weighted_median([3, 1, 2], [1, 1, 1]) == 2.0
    assert merging.weighted_median([1, 2], [1, 1]) == 1.5
    assert merging.weighted_median([1, 2, 9], [1, 1, 5]) == 9.0
