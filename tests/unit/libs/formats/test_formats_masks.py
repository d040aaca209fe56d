"""Runs of masks: COCO's text, CVAT's rows, Label Studio's bits and pixels are the same masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from libs.formats import Unfit
from libs.formats.image import masks
from libs.formats.image.labelstudio.brush import of_brush, to_brush
from libs.sensor import rle

PIXELS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(PIXELS)
def test_pixels_are_the_same_in_every_encoding(pixels: masks.Pixels) -> None:
    mask = masks.of_pixels(pixels)
    height, width = pixels.shape
    assert (masks.pixels(mask) == pixels).all() and masks.area(mask) == pixels.sum()
    runs = masks.counts(mask)
    assert masks.of_coco({"size": [height, width], "counts": runs}) == mask
    assert masks.of_coco({"size": [height, width], "counts": mask["counts"]}) == mask
    assert of_brush(to_brush(mask), width, height) == mask
    if pixels.any():
        size = {"width": str(width), "height": str(height)}
        assert masks.of_cvat(masks.to_cvat(mask), size) == mask


@given(st.lists(st.integers(0, 10**9), max_size=20))
def test_runs_of_any_length_come_back_from_text(runs: list[int]) -> None:
    assert rle.counts_from_text(rle.text_from_counts(runs)) == runs


@given(st.text(max_size=30))
def test_any_text_is_runs_or_refused(text: str) -> None:
    try:
        assert all(one >= 0 for one in rle.counts_from_text(text))
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    "values", [[], [0], [0, 0, 0, 64, 1, 2, 3], ["x"], None, [300], [255] * 20]
)
def test_broken_brushes_are_refused(values: object) -> None:
    with pytest.raises(Unfit):
        of_brush(values, 4, 4)


def test_long_runs_of_a_brush_are_split() -> None:
    pixels = np.zeros((300, 400), dtype=bool)
    pixels[10:290] = True
    mask = masks.of_pixels(pixels)
    assert of_brush(to_brush(mask), 400, 300) == mask
