"""Losses and merging of point labels: identities, and the same numbers point by point."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.sensor import run_lengths
from services.qc_scorer import losses
from services.qc_scorer.consensus import RULES
from services.qc_scorer.losses.protocol import Errors
from services.qc_scorer.losses.space import points

Doc = dict[str, Any]
NAMES = ["car", "road", "tree"]


def label(classes: list[int], objects: list[int] | None = None, names: list[str] = NAMES) -> Doc:
    """Of one number a point."""
    ones = np.ones(len(classes), dtype=np.int64)
    made: Doc = {
        "count": len(classes),
        "classes": names,
        "class_runs": run_lengths.encoded(np.array(classes, dtype=np.int64), ones),
    }
    if objects is not None:
        made["object_runs"] = run_lengths.encoded(np.array(objects, dtype=np.int64), ones)
    return {"points": {k: v for k, v in made.items() if v}}


def numbers(value: Doc, field: str = "class_runs") -> list[int]:
    flat = np.array(value["points"].get(field, []), dtype=np.int64).reshape(-1, 2)
    return [int(n) for n in np.repeat(flat[:, 0], flat[:, 1])]


rows = st.integers(0, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 3), min_size=n, max_size=n),
        st.one_of(st.none(), st.lists(st.integers(0, 2), min_size=n, max_size=n)),
    )
)
labels = rows.map(lambda row: label(*row))


@given(labels, labels)
def test_a_distance_of_points_is_one(a: Doc, b: Doc) -> None:
    assert losses.distance(a, a, "points") == 0.0
    there, back = losses.distance(a, b, "points"), losses.distance(b, a, "points")
    assert 0.0 <= there <= 1.0 and math.isclose(there, back, abs_tol=1e-12)
    assert not losses.differs(a, a, "points")
    found = losses.errors(a, b, "points")
    assert found.units == a["points"].get("count", 0)
    assert 0 <= found.count <= max(x["points"].get("count", 0) for x in (a, b))
    assert (found.count == 0) == (not losses.differs(a, b, "points"))


@given(rows, st.permutations(range(3)), st.permutations(range(1, 3)))
def test_neither_the_order_of_class_names_nor_the_numbers_of_objects_matter(
    row: tuple[list[int], list[int] | None], order: list[int], renamed: list[int]
) -> None:
    classes, objects = row
    place = {0: 0, **{old + 1: new + 1 for new, old in enumerate(order)}}
    other = label(
        [place[c] for c in classes],
        None if objects is None else [[0, *renamed][o] for o in objects],
        [NAMES[i] for i in order],
    )
    assert losses.errors(label(*row), other, "points").count == 0
    assert losses.distance(label(*row), other, "points") == 0.0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_miou_is_that_of_the_points_one_by_one(both: list[tuple[int, int]]) -> None:
    a, b = (np.array(side) for side in zip(*both, strict=True))
    found = [
        ((a == c) & (b == c)).sum() / ((a == c) | (b == c)).sum()
        for c in (1, 2, 3)
        if ((a == c) | (b == c)).any()
    ]
    wanted = 1.0 - float(np.mean(found)) if found else 0.0
    got = losses.distance(label(a.tolist()), label(b.tolist()), "points")
    assert got == pytest.approx(wanted, abs=1e-12)


def test_points_of_another_class_or_object_are_errors() -> None:
    truth = label([1, 1, 1, 1, 2, 2, 0], [1, 1, 2, 2, 0, 0, 0])
    assert losses.errors(truth, truth, "points") == Errors(0.0, 7.0)
    swapped = label([1, 1, 1, 1, 2, 2, 0], [7, 7, 4, 4, 0, 0, 0])
    assert losses.errors(truth, swapped, "points").count == 0.0
    whole = label([1, 1, 1, 1, 2, 2, 0], [1, 1, 1, 1, 0, 0, 0])
    assert losses.errors(truth, whole, "points").count == 2.0
    lazy = label([0] * 7)
    assert losses.errors(truth, lazy, "points").count == 6.0
    assert losses.distance(truth, lazy, "points") == 1.0


def test_the_tolerance_is_a_mean_iou() -> None:
    truth, label_ = label([1] * 10 + [2] * 10), label([1] * 9 + [2] * 11)
    # IoU of 9/10 and 10/11.
    assert losses.differs(truth, label_, "points")
    assert not losses.differs(truth, label_, "points:0.1")
    assert losses.differs(truth, label_, "points:0.09")


def test_measures_count_points_of_many_clouds_together() -> None:
    pairs = [(label([1, 1, 0]), label([1, 2, 2])), (label([1, 2]), label([1, 2]))]
    by_class, mean = points.measure(pairs)
    assert by_class == {"car": 2 / 3, "road": 0.5}
    assert mean == pytest.approx((2 / 3 + 0.5) / 2)
    cars = label([1, 1, 1, 1], [1, 1, 2, 2]), label([1, 1, 1, 1], [1, 1, 2, 0])
    # One object matched, of the other one half: not above 0.5.
    assert points.panoptic([cars]).pq == pytest.approx(1.0 / (1 + 0.5 + 1.0))


def test_a_vote_of_points_is_weighted() -> None:
    a, b, c = label([1, 1, 2, 0]), label([1, 2, 2, 2]), label([3, 2, 0, 0])
    made = RULES["points"]([a, b, c], [1.0, 1.0, 1.0])
    assert made is not None
    assert [[None, *made["points"]["classes"]][n] for n in numbers(made)] == [
        *("car", "road", "road", None)
    ]
    heavy = RULES["points"]([a, b, c], [1.0, 1.0, 3.0])
    assert heavy is not None
    assert losses.distance(heavy, c, "points") == 0.0


def test_objects_are_matched_before_the_vote() -> None:
    a = label([1] * 6, [1, 1, 1, 2, 2, 2])
    b = label([1] * 6, [9, 9, 9, 4, 4, 4])
    c = label([1] * 6, [2, 2, 1, 1, 1, 0])
    made = RULES["points"]([c, a, b], [1.0, 1.0, 1.0])
    assert made is not None
    assert losses.errors(a, made, "points").count == 0.0
    assert numbers(made, "object_runs") == [1, 1, 1, 2, 2, 2]


@given(labels, st.integers(1, 3))
def test_what_all_say_is_what_they_make_together(value: Doc, people: int) -> None:
    made = RULES["points"]([value] * people, [1.0] * people)
    assert made is not None and losses.distance(made, value, "points") == 0.0


@pytest.mark.fuzz
@given(st.lists(labels, min_size=2, max_size=4))
def test_the_vote_point_by_point(values: list[Doc]) -> None:
    weights = [1.0 + 0.3 * i for i in range(len(values))]
    made = RULES["points"](values, weights)
    assert made is not None
    got = [
        [0, *(NAMES.index(n) + 1 for n in made["points"].get("classes", []))][c]
        for c in numbers(made)
    ]
    said = [numbers(value) for value in values]
    for place, winner in enumerate(got):
        votes = [0.0] * 4
        for row, weight in zip(said, weights, strict=True):
            votes[row[place] if place < len(row) else 0] += weight
        assert votes[winner] == pytest.approx(max(votes))


def test_fifty_million_points_cost_what_their_runs_cost() -> None:
    count = 50_000_000
    a = {
        "points": {
            "count": count,
            "classes": ["a", "b"],
            "class_runs": [1, 30_000_000, 2, 20_000_000],
        }
    }
    b = {"points": {"count": count, "classes": ["b"], "class_runs": [0, 25_000_000, 1, 25_000_000]}}
    assert losses.errors(a, b, "points") == Errors(30_000_000.0, float(count))
    assert losses.distance(a, b, "points") == pytest.approx(1 - (0.0 + 20 / 25) / 2)
