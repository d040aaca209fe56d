"""Rankings, preferences, ratings and free writing: losses, and alpha of many people."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.qc_scorer.losses import Errors, differs, distance, errors
from services.qc_scorer.losses.alpha import alpha
from services.qc_scorer.losses.language_model.generation import (
    chrf,
    edit_distance,
    semantic_distance,
)
from services.qc_scorer.losses.language_model.rankings import compare

Doc = dict[str, Any]
NAN = math.nan


def ranked(text: str, unacceptable: str = "") -> Doc:
    """ "ab c": a and b tied before c."""
    made: Doc = {"groups": [{"ids": list(group)} for group in text.split()]}
    return {"ranking": made | ({"unacceptable": list(unacceptable)} if unacceptable else {})}


def rated(**values: float) -> Doc:
    return {"ratings": {"ratings": [{"scale": k, "value": v} for k, v in values.items()]}}


def preferred(outcome: str, chosen: str = "a") -> Doc:
    return {"preference": {"outcome": outcome, "chosen": chosen, "reason": "so"}}


def talk(*turns: tuple[str, str, dict[str, int]]) -> Doc:
    made = [
        {"role": role, "content": text, "replies": [{"id": i, "rank": r} for i, r in ranks.items()]}
        for role, text, ranks in turns
    ]
    return {"conversation": {"turns": made}}


def rewritten(text: str) -> Doc:
    return {"rewrite": {"before": "x", "after": text}}


def prompted(text: str, *names: str) -> Doc:
    return {"prompt": {"text": text, "variables": [{"name": n} for n in names]}}


TALK = talk(("user", "hello there", {}), ("assistant", "good day to you", {"a": 1, "b": 2}))
TURNED = talk(("user", "hello there", {}), ("assistant", "good day to you", {"a": 2, "b": 1}))


@pytest.mark.parametrize(
    ("truth", "label", "loss", "found", "apart"),
    [
        (ranked("a b c"), ranked("a b c"), "ranking", (0, 3), 0.0),
        (ranked("a b c"), ranked("c b a"), "ranking", (3, 3), 1.0),
        (ranked("a b c"), ranked("ab c"), "ranking", (1, 3), (1 - 2 / 6**0.5) / 2),
        (ranked("a b c"), ranked("abc"), "ranking", (3, 3), 0.5),
        (ranked("a b"), ranked("a"), "ranking", (0, 1), 0.0),
        (ranked("a b", "b"), ranked("a b"), "ranking", (1, 3), 1 / 3),
        (preferred("CHOSEN"), preferred("CHOSEN", "b"), "preference", (1, 1), 1.0),
        (preferred("TIE"), preferred("TIE", "b"), "preference", (0, 1), 0.0),
        (preferred("TIE"), preferred("BOTH_BAD"), "preference", (1, 1), 1.0),
        (rated(a=1, b=4), rated(a=2, b=4), "ratings", (1, 2), 0.5),
        (rated(a=1, b=4), rated(a=2, b=4), "ratings:1", (0, 2), 0.0),
        (rated(a=1), rated(a=1, b=4), "ratings", (1, 1), 0.5),
        (rewritten("so it is"), rewritten("so it  is"), "rewrite", (0, 1), 0.0),
        (rewritten("so it is"), rewritten(""), "rewrite", (1, 1), 1.0),
        (rewritten("ab c"), rewritten("abd"), "rewrite", (1, 1), 11 / 18),
        (rewritten("ab c"), rewritten("abd"), "rewrite:0.62", (0, 1), 11 / 18),
        (prompted("a {{b}}", "b"), prompted("a {{b}}", "c"), "prompt", (0, 1), 0.5),
        (prompted("a {{b}}", "b"), prompted("a {{b}}", "c"), "prompt:0.4", (1, 1), 0.5),
        (TALK, talk(("assistant", "good day to you", {})), "response", (0, 1), 0.0),
        (TALK, talk(("user", "hello there", {})), "conversation", (1, 2), 0.5),
        (TALK, talk(("user", "hello", {}), ("assistant", "good day to you", {"a": 1, "b": 2})),
         "conversation", (0, 2), 0.25),
        (TALK, TURNED, "conversation", (1, 2), 0.5),
    ],
)  # fmt: skip
def test_errors_and_distances(truth: Doc, label: Doc, loss: str, found: Any, apart: float) -> None:
    assert errors(truth, label, loss) == Errors(*found)
    assert distance(truth, label, loss) == pytest.approx(apart, abs=1e-5)
    assert distance(label, truth, loss) == pytest.approx(apart, abs=1e-5)
    assert not differs(truth, truth, loss)


def test_a_ranking_is_right_within_the_tolerance() -> None:
    assert differs(ranked("a b c d"), ranked("a b d c"), "ranking")
    assert not differs(ranked("a b c d"), ranked("a b d c"), "ranking:0.17")


orders = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12)


@given(orders)
def test_pairs_are_those_of_the_definition(both: list[tuple[int, int]]) -> None:
    first, second = zip(*both, strict=True)
    signs = [
        np.sign(np.subtract.outer(x, x))[np.triu_indices(len(both), 1)] for x in (first, second)
    ]
    found, back = compare(first, second), compare(second, first)
    assert found.changed == (signs[0] != signs[1]).sum() == back.changed
    size = math.sqrt((signs[0] ** 2).sum() * (signs[1] ** 2).sum())
    if size:
        assert found.tau == pytest.approx((signs[0] * signs[1]).sum() / size)
    assert -1 <= found.tau <= 1 and found.tau == pytest.approx(back.tau)


# The table by which Krippendorff (2011) shows the computation: four people, twelve items.
FOUR = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]


@pytest.mark.parametrize(
    ("level", "published"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_alpha_is_the_published_one(level: str, published: float) -> None:
    assert alpha(FOUR, level) == pytest.approx(published, abs=5e-4)
    assert alpha([row[::-1] for row in FOUR[::-1]], level) == pytest.approx(alpha(FOUR, level))


def test_alpha_of_full_none_and_undefined_agreement() -> None:
    assert alpha([[1, 2, 3], [1, 2, 3]], "interval") == 1.0
    assert alpha([[1, 2], [2, 1]], "nominal") < 0
    for undefined in ([[1, 1], [1, 1]], [[1, NAN], [NAN, 2]], [[NAN]]):
        assert math.isnan(alpha(undefined))


@given(st.text("ab c", max_size=12), st.text("ab c", max_size=12))
def test_likeness_of_texts_is_symmetric_and_bounded(a: str, b: str) -> None:
    assert 0.0 <= chrf(a, b) <= 1.0 + 1e-12 and chrf(a, b) == pytest.approx(chrf(b, a))
    assert chrf(a, a) == pytest.approx(1.0)
    assert 0.0 <= edit_distance(a, b) == edit_distance(b, a) <= 1.0


def test_meanings_are_as_far_apart_as_their_vectors() -> None:
    assert semantic_distance([1.0, 0.0], [2.0, 0.0]) == 0.0
    assert semantic_distance([1.0, 0.0], [0.0, 3.0]) == 0.5
    assert semantic_distance([1.0, 0.0], [-1.0, 0.0]) == 1.0
    assert semantic_distance([0.0], [0.0]) == 0.5
