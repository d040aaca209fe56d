"""COCO's run-length encoding, read and written as pycocotools does, and hostile texts refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as judge

from libs.sensor import rle

runs = st.lists(st.integers(1, 5000), min_size=1, max_size=30)


def text_of(counts: list[int]) -> str:
    picture = {"size": [sum(counts), 1], "counts": counts}
    return str(judge.frPyObjects(picture, sum(counts), 1)["counts"].decode())


@given(st.lists(runs, max_size=5))
def test_many_texts_are_read_at_once(many: list[list[int]]) -> None:
    texts = [text_of(counts) for counts in many]
    counts, begins = rle.counts_from_texts([*texts, ""])
    assert [part.tolist() for part in np.split(counts, begins[1:-1])] == [*many, []]
    assert [rle.text_from_counts(one) for one in many] == texts
    assert [rle.counts_from_text(text) for text in texts] == many


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        counts = rle.counts_from_text(text)
    except ValueError as error:
        assert str(error)
    else:
        assert all(count >= 0 for count in counts)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0é", "'é' is no character"),
        ("0`", "cut off"),
        ("O", "negative"),
        ("o" * 9 + "0", "longer"),
    ],
)
def test_what_is_no_encoding_is_told(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        rle.counts_from_text(text)
