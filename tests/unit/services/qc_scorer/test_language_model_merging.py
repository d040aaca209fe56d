"""What several people make of rankings, ratings, rewrites and conversations together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.qc_scorer.consensus import RULES, merge
from services.qc_scorer.consensus.rankings import davidson, merge_ranks

Doc = dict[str, Any]


def ranked(text: str, unacceptable: str = "") -> Doc:
    made: Doc = {"groups": [{"ids": list(group)} for group in text.split()]}
    return {"ranking": made | ({"unacceptable": list(unacceptable)} if unacceptable else {})}


@pytest.mark.parametrize(
    ("opinions", "weights", "merged"),
    [
        ([ranked("a b c")] * 3, (1, 1, 1), ranked("a b c")),
        ([ranked("ab c d"), ranked("ab c d"), ranked("b a c d")], (1, 1, 1), ranked("ab c d")),
        ([ranked("a b c"), ranked("a b c"), ranked("c b a")], (1, 1, 1), ranked("a b c")),
        ([ranked("a b c"), ranked("a b c"), ranked("c b a")], (1, 1, 3), ranked("c b a")),
        ([ranked("a b"), ranked("b a")], (1, 1), ranked("ab")),
        ([ranked("a b c"), ranked("b c a"), ranked("c a b")], (1, 1, 1), ranked("abc")),
        ([ranked("abc"), ranked("abc"), ranked("a b c")], (1, 1, 1), ranked("abc")),
        ([ranked("a b", "b"), ranked("a b", "b"), ranked("a b d")], (1, 1, 1), ranked("a b", "b")),
        ([ranked("a"), ranked("a b"), ranked("a b")], (1, 1, 1), ranked("a b")),
    ],
)
def test_rankings_are_merged(opinions: list[Doc], weights: Any, merged: Doc) -> None:
    assert RULES["ranking"](opinions, weights) == merged


weak_orders = st.lists(st.integers(0, 3), min_size=5, max_size=5).map(
    lambda r: dict(zip("abcde", r, strict=True))
)


@pytest.mark.fuzz
@settings(max_examples=30)
@given(weak_orders)
def test_of_one_mind_people_make_what_each_says(order: dict[str, int]) -> None:
    groups = merge_ranks([order] * 3, [1.0, 2.0, 0.5])
    wanted = [sorted(n for n in order if order[n] == r) for r in sorted(set(order.values()))]
    assert groups == wanted


def test_strengths_expect_what_was_seen() -> None:
    """Davidson's equations: each has the score that is expected, and ties are as many."""
    rng = np.random.default_rng(0)
    wins = rng.integers(5, 40, (5, 5)).astype(float)
    ties = rng.integers(0, 15, (5, 5)).astype(float)
    ties += ties.T
    np.fill_diagonal(wins, 0)
    np.fill_diagonal(ties, 0)
    strength, tied = davidson(wins, ties)
    both = np.sqrt(np.outer(strength, strength))
    games = wins + wins.T + ties
    share = games / (np.add.outer(strength, strength) + tied * both)
    expected = (share * (strength[:, None] + tied / 2 * both)).sum(axis=1)
    expected += strength / (1 + strength)
    assert expected == pytest.approx(wins.sum(axis=1) + ties.sum(axis=1) / 2 + 0.5, rel=1e-6)
    assert (share * tied * both).sum() == pytest.approx(ties.sum(), rel=1e-6)
    two, _ = davidson(np.array([[0.0, 300.0], [100.0, 0.0]]), np.zeros((2, 2)))
    assert two[0] / two[1] == pytest.approx(3.0, rel=0.02)


def rated(**points: float) -> Doc:
    return {"ratings": {"ratings": [{"scale": k, "value": v} for k, v in points.items()]}}


def test_a_merged_rating_is_one_that_somebody_gave() -> None:
    opinions = [rated(fluent=1, true=2), rated(fluent=4), rated(fluent=5, true=3)]
    assert RULES["ratings"](opinions, [1, 1, 1]) == rated(fluent=4, true=2)
    assert RULES["ratings"](opinions[:2], [1, 1]) == rated(fluent=1)
    assert RULES["ratings"](opinions, [5, 1, 1]) == rated(fluent=1, true=2)


def test_of_rewrites_the_nearest_to_all_is_taken() -> None:
    texts = ["It rains today.", "Today it is raining.", "It is raining today.", "What?"]
    opinions = [{"rewrite": {"before": "rain", "after": text}} for text in texts]
    assert merge(opinions, "rewrite", "rewrite")[0] == opinions[2]
    assert RULES["rewrite"](opinions, [1, 1, 1, 9]) == opinions[3]


def test_conversations_are_merged_turn_by_turn() -> None:
    def talk(text: str, ranks: dict[str, int], more: bool = False) -> Doc:
        replies = [
            {"id": i, "rank": r, "ratings": [{"scale": "s", "value": r}]} for i, r in ranks.items()
        ]
        turns = [{"role": "user", "content": "hi"}]
        turns.append({"role": "assistant", "content": text, "replies": replies})  # type: ignore[dict-item]
        return {"conversation": {"turns": turns + [{"role": "user", "content": "bye"}] * more}}

    opinions = [
        talk("good day to you", {"a": 1, "b": 2}, more=True),
        talk("good day to", {"a": 1, "b": 2}),
        talk("so", {"a": 2, "b": 1}),
    ]
    merged, _ = merge(opinions, "conversation", "conversation")
    assert merged == talk("good day to you", {"a": 1, "b": 2})
