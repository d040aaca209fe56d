"""Relations between spans: what is an error, and what people make together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.qc_scorer.consensus import merge
from services.qc_scorer.losses import Errors, distance, errors
from services.qc_scorer.losses.text.spans import f1

Doc = dict[str, Any]
SPANS = {"a": (0, 3, "person"), "b": (10, 15, "place"), "c": (20, 24, "place")}


def related(*relations: tuple[str, str, str], **changed: tuple[int, int, str]) -> Doc:
    spans = [
        {"id": name, "start": s, "end": e, "class": c}
        for name, (s, e, c) in (SPANS | changed).items()
    ]
    made = [{"class": c, "head": h, "tail": t} for c, h, t in relations]
    return {"spans": {"spans": spans, "relations": made}}


TRUTH = related(("born in", "a", "b"), ("lived in", "a", "c"))


@pytest.mark.parametrize(
    ("label", "count"),
    [
        (related(("lived in", "a", "c"), ("born in", "a", "b")), 0),
        (related(("born in", "a", "b")), 1),
        (related(("born in", "b", "a"), ("lived in", "a", "c")), 1),
        (related(("died in", "a", "b"), ("lived in", "a", "c")), 1),
        (related(("born in", "a", "b"), ("lived in", "a", "c"), ("born in", "a", "c")), 1),
        (related(("born in", "a", "b"), ("lived in", "a", "c"), b=(10, 14, "place")), 2),
        (related(("born in", "a", "b"), ("lived in", "a", "c"), ("born in", "a", "gone")), 1),
    ],
)
def test_a_relation_is_right_with_its_class_and_both_ends(label: Doc, count: int) -> None:
    assert errors(TRUTH, label, "relations") == Errors(count, 5)


names = st.sampled_from("abc")
drawn = st.lists(st.tuples(st.sampled_from("xy"), names, names), max_size=5)


@given(drawn, drawn)
def test_distance_is_symmetric_and_bounded(left: Any, right: Any) -> None:
    a, b = related(*left), related(*right, a=(1, 3, "person"))
    assert 0 < distance(a, b, "relations") == distance(b, a, "relations") <= 1
    assert distance(a, a, "relations") == 0


def test_spans_are_scored_exactly_and_partly() -> None:
    label = related(b=(10, 14, "place"), c=(20, 24, "person"))
    assert (f1(TRUTH, label), f1(TRUTH, label, partial=True)) == (1 / 3, 0.5)
    assert f1(related(), related()) == f1({"spans": {}}, {"spans": {}}) == 1.0


def test_people_make_relations_together() -> None:
    moved = related(("born in", "a", "b"), ("lived in", "c", "a"), b=(10, 16, "place"))
    merged, _ = merge([TRUTH, moved, related(("born in", "a", "b"))], "spans", "relations")
    assert errors(related(("born in", "a", "b")), merged, "relations").count == 0
    assert merge([TRUTH, TRUTH, moved], "spans", "relations")[1] == 2 / 3
