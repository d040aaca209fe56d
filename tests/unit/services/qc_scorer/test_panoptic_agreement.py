"""Panoptic quality: the numbers of its definition, whichever way pixels are shared out."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.qc_scorer.losses.image import panoptic
from tests.unit.services.qc_scorer.test_objects_agreement import mask_of

Doc = dict[str, Any]


def painted(ids: np.ndarray, crowds: tuple[int, ...] = ()) -> Doc:
    """Segments of a picture of numbers: 0 is empty, class by the last digit."""
    made = [
        {
            "class": str(n % 10),
            "mask": mask_of(ids == n),
            **({"crowd": True} if n in crowds else {}),
        }
        for n in np.unique(ids[ids > 0]).tolist()
    ]
    return {"objects": {"objects": made}}


def _judged(true: np.ndarray, said: np.ndarray, crowds: tuple[int, ...]) -> dict[str, list[float]]:
    """Kirillov et al.'s definition, pixel by pixel: IoU sum, matched, extra, missed by class."""
    sums: dict[str, list[float]] = {}
    got: tuple[set[int], set[int]] = (set(), set())
    seen = [n for n in np.unique(said).tolist() if n]
    real = [n for n in np.unique(true).tolist() if n and n not in crowds]
    for n in real:
        for m in seen:
            union = ((true == n) | (said == m)) & ~((said == m) & (true == 0))
            iou = ((true == n) & (said == m)).sum() / union.sum()
            if n % 10 == m % 10 and iou > 0.5:
                got = (got[0] | {n}, got[1] | {m})
                row = sums.setdefault(str(n % 10), [0.0] * 4)
                row[0], row[1] = row[0] + iou, row[1] + 1
    for n in set(real) - got[0]:
        sums.setdefault(str(n % 10), [0.0] * 4)[3] += 1
    for m in set(seen) - got[1]:
        same = [c for c in crowds if c % 10 == m % 10]
        unsaid = ((said == m) & ((true == 0) | np.isin(true, same))).sum()
        if unsaid / (said == m).sum() <= 0.5:
            sums.setdefault(str(m % 10), [0.0] * 4)[2] += 1
    return sums


@given(st.integers(0, 9999), st.sampled_from([(), (11,), (11, 12)]))
def test_panoptic_quality_is_that_of_its_definition(seed: int, crowds: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    true = np.kron(rng.choice([0, 1, 2, 11, 12], (3, 4)), np.ones((6, 7), dtype=int))
    said = np.where(rng.random(true.shape) < 0.3, np.roll(true, 3), np.roll(true, rng.integers(3)))
    wanted = _judged(true, said, crowds)
    # As they are encoded, and painted over each other.
    for most in (panoptic.MOST_MASKS, 0):
        with mock.patch.object(panoptic, "MOST_MASKS", most):
            got = panoptic.measure([(painted(true, crowds), painted(said))])
        assert {k: (s.matched, s.extra, s.missed) for k, s in got.items()} == {
            k: tuple(row[1:]) for k, row in wanted.items()
        }
        for name, sums in got.items():
            assert sums.iou == pytest.approx(wanted[name][0])


@pytest.mark.parametrize("at_once", [1, 5, 1_000_000])
def test_the_later_of_two_segments_lies_on_top(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panoptic, "MOST_PIECES", at_once)
    rng = np.random.default_rng(at_once)
    for count in range(6):
        side = [np.sort(rng.choice(60, 2 * count, replace=False)).reshape(-1, 2) for _ in range(4)]
        places = np.unique(np.concatenate([[0, 60], *(runs.reshape(-1) for runs in side)]))
        painted = np.full(60, len(side))
        for number, runs in enumerate(side):
            for first, after in runs:
                painted[first:after] = number
        owners = panoptic._owners(side, places)
        assert np.repeat(owners[:-1], np.diff(places)).tolist() == painted.tolist()
