"""Correction on submit: the false-alarm rate holds, hints tell no answer, distances make sense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.qc_scorer.submission_check import conformal, hints
from services.qc_scorer.submission_check.hints import Hint

Doc = dict[str, Any]
names = st.sampled_from(["cat", "dog", "horse", "something", "submit"])
choices = st.sets(names, max_size=4).map(lambda s: {"choices": {"classes": sorted(s)}})
texts = st.lists(names, max_size=8).map(lambda w: {"text": {"text": " ".join(w)}})
sides = st.integers(0, 40).map(float)
box = st.builds(
    lambda c, x, y: {"class": c, "x": x, "y": y, "width": 20.0, "height": 20.0}, names, sides, sides
)
boxes = st.lists(box, max_size=5).map(lambda found: {"boxes": {"boxes": found}})
span = st.builds(
    lambda c, start, size: {"class": c, "start": start, "end": start + size},
    names,
    st.integers(0, 20),
    st.integers(1, 9),
)
spans = st.lists(span, max_size=6).map(lambda found: {"spans": {"spans": found}})
turn = st.builds(lambda s, e, t: {"start": s, "end": s + e + 1, "text": t}, sides, sides, names)
segments = st.lists(turn, max_size=4).map(lambda found: {"segments": {"segments": found}})
LOSSES = {
    "class": choices,
    "set": choices,
    "text": texts,
    "word:0.1": texts,
    "boxes": boxes,
    "span": spans,
    "segments": segments,
    "transcript": segments,
}
cases = st.sampled_from(sorted(LOSSES)).flatmap(
    lambda loss: st.tuples(st.just(loss), LOSSES[loss], LOSSES[loss])
)


def chosen(*classes: str) -> Doc:
    return {"choices": {"classes": list(classes)}}


def drawn(*made: tuple[str, float]) -> Doc:
    found = [{"class": c, "x": x, "y": 0.0, "width": 10.0, "height": 10.0} for c, x in made]
    return {"boxes": {"boxes": found}}


def marked(*made: tuple[str, int, int]) -> Doc:
    return {"spans": {"spans": [{"class": c, "start": a, "end": b} for c, a, b in made]}}


def said(text: str) -> Doc:
    return {"text": {"text": text}}


@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("extra", [0, 1, 37])
def test_right_submissions_are_held_at_most_as_often_as_promised(
    alpha: float, ties: bool, extra: int
) -> None:
    rng = np.random.default_rng(7)
    size, runs, held = conformal.needed(alpha) + extra, 4000, 0
    for _ in range(runs):
        drawn_ = rng.beta(0.3, 3.0, size + 1)
        drawn_ = np.round(drawn_ * 4) / 4 if ties else drawn_
        limit = conformal.threshold(drawn_[:-1].tolist(), alpha)
        assert limit is not None
        held += drawn_[-1] > limit
    assert held / runs <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / runs)
    if not ties:
        # It is no empty promise: nearly all that is allowed is used.
        assert held / runs >= alpha - 1 / (size + 1) - 3 * np.sqrt(alpha / runs)


def test_too_few_right_submissions_hold_nothing() -> None:
    assert conformal.needed(0.02) == 49
    assert conformal.threshold([0.0] * 48, 0.02) is None
    assert conformal.threshold([*[0.0] * 48, 0.7], 0.02) == 0.7
    assert conformal.threshold([], 0.5) is None and conformal.threshold([0.2], 0.5) == 0.2
    assert conformal.threshold([0.1] * 1000, 0.0) is None


def test_classes_with_enough_stand_alone_and_the_others_share() -> None:
    many = [i / 100 for i in range(100)]
    found = conformal.thresholds({"cat": many, "dog": [0.9] * 30, "horse": [0.1] * 30}, 0.02)
    assert found == {"cat": 0.98, conformal.REST: 0.9}
    assert conformal.thresholds({"cat": many, "dog": [0.9] * 30}, 0.02) == {"cat": 0.98}
    assert conformal.thresholds({"": many}, 0.02) == {"": 0.98}


@given(cases, st.floats(0, 1))
def test_a_distance_is_bounded_by_the_score_and_zero_for_the_draft(
    case: tuple[str, Doc, Doc], score: float
) -> None:
    loss, value, draft = case
    assert 0.0 <= conformal.distance(value, draft, score, loss) <= score + 1e-9
    assert conformal.distance(draft, draft, score, loss) == 0.0
    for factor in (0.1, 1.0, 10.0):
        assert conformal.weighted(0.0, factor) == 0.0


@given(cases)
def test_a_hint_knows_no_names_and_no_places(case: tuple[str, Doc, Doc]) -> None:
    """The same under other names and elsewhere in image and text: so it can tell neither."""
    loss, value, draft = case
    kind = hints.hint(value, draft, loss)
    assert hints.hint(_renamed(value), _renamed(draft), loss) is kind
    text = hints.text_of(kind, value)
    assert not any(c.isdigit() for c in text) and "{" not in text


def _renamed(value: Doc) -> Doc:
    other = {"cat": "e", "dog": "b", "horse": "d", "something": "c", "submit": "a"}
    if "choices" in value:
        return chosen(*[other[c] for c in value["choices"]["classes"]])
    if "text" in value:
        return said(" ".join(other[w] for w in value["text"]["text"].split()))
    if "spans" in value:
        places = [(s["start"] + 500, s["end"] + 500, s) for s in value["spans"]["spans"]]
        found = [{"start": a, "end": b, "class": other[s["class"]]} for a, b, s in places]
        return {"spans": {"spans": found}}
    if "segments" in value:
        turns = [{**s, "text": other[s["text"]]} for s in value["segments"]["segments"]]
        return {"segments": {"segments": turns}}
    moved = [{**b, "class": other[b["class"]], "x": b["x"] + 500} for b in value["boxes"]["boxes"]]
    return {"boxes": {"boxes": moved}}


@pytest.mark.parametrize(
    ("loss", "value", "draft", "kind", "far"),
    [
        ("class", chosen("cat"), chosen("dog"), Hint.WRONG_CLASS, 0.8),
        ("set", chosen("cat"), chosen("cat", "dog"), Hint.MISSING, 0.4),
        ("set", chosen("cat", "dog"), chosen("cat"), Hint.EXTRA, 0.4),
        ("set", chosen("cat"), chosen("dog"), Hint.WRONG_CLASS, 0.8),
        ("boxes", drawn(), drawn(("cat", 0)), Hint.MISSING, 0.8),
        ("boxes", drawn(("cat", 0), ("cat", 50)), drawn(("cat", 1)), Hint.EXTRA, 0.4),
        ("boxes", drawn(("cat", 0)), drawn(("cat", 6)), Hint.MISPLACED, 0.8),
        ("boxes", drawn(("cat", 0)), drawn(("dog", 1)), Hint.WRONG_CLASS, 0.8),
        ("span", marked(), marked(("cat", 0, 3)), Hint.MISSING, 0.8),
        ("span", marked(("cat", 0, 3), ("cat", 7, 9)), marked(("cat", 0, 3)), Hint.EXTRA, 0.4),
        ("span", marked(("cat", 0, 3)), marked(("cat", 0, 4)), Hint.MISPLACED, 0.8),
        ("span", marked(("cat", 0, 3)), marked(("dog", 0, 3)), Hint.WRONG_CLASS, 0.8),
        ("word", said("one three"), said("One, two three."), Hint.MISSING, 0.8 / 3),
        ("word:0.05", said("one too three"), said("one two three"), Hint.MISPLACED, 0.8 / 3),
        ("text", said("one three"), said("One, two three."), Hint.MISSING, 0.8 / 3),
        ("text", said("one two three"), said("one three"), Hint.EXTRA, 0.8 / 3),
        ("text", said("one too three"), said("one two three"), Hint.MISPLACED, 0.8 / 3),
    ],
)
def test_kinds_of_error(loss: str, value: Doc, draft: Doc, kind: Hint, far: float) -> None:
    assert hints.hint(value, draft, loss) is kind
    assert conformal.distance(value, draft, 0.8, loss) == pytest.approx(far)


def test_long_texts_are_compared_in_time() -> None:
    long = " ".join(f"w{i}" for i in range(3000))
    other = " ".join(f"w{i}" for i in range(1, 3000)) + " end"
    assert 0 < conformal.distance(said(long), said(other), 1.0, "text") < 0.01


def test_history_moves_odds_within_limits() -> None:
    assert conformal.odds_factor(0, 0) == pytest.approx(1.0)
    assert conformal.odds_factor(200, 1) < 1.0 < conformal.odds_factor(20, 10)
    assert conformal.odds_factor(0, 1e6) == 10.0 and conformal.odds_factor(1e9, 0) == 0.1
    plain = 0.6
    assert conformal.weighted(plain, 1.0) == pytest.approx(plain)
    assert conformal.weighted(plain, 0.5) < plain < conformal.weighted(plain, 2.0) < 1.0


def test_the_reservoir_is_bounded_and_keeps_all_alike() -> None:
    rng = np.random.default_rng(3)
    doc: Doc = {}
    for i in range(5000):
        doc = conformal.reservoir(doc, [float(i), "ann"], float(rng.random()))
    kept = [d for d, _ in doc["kept"]]
    assert doc["seen"] == 5000 and len(kept) == conformal.KEPT
    assert abs(np.mean(kept) - 2500) < 4 * 5000 / np.sqrt(12 * conformal.KEPT)


def test_the_report_says_what_was_measured_and_how_surely() -> None:
    told = {"right": 100, "right_held": 2, "wrong": 10, "wrong_held": 8}
    audits = {"audits_with": 200, "errors_with": 2, "audits_without": 100, "errors_without": 10}
    counts = {"checked": 1000, "held": 90, "changed": 70, "objected": 20, "upheld": 18}
    doc = conformal.report({f"correction_{k}": v for k, v in (told | audits | counts).items()})
    assert doc["false_alarm_rate"] == 0.02 and doc["caught_share"] == 0.8
    assert 0.002 < doc["false_alarm_lower"] < 0.02 < doc["false_alarm_upper"] < 0.08
    assert doc["error_without"] == 0.1 and doc["error_with"] == pytest.approx(0.0098)
    empty = conformal.report({})
    assert (empty["caught_lower"], empty["caught_upper"]) == (0.0, 1.0)


def _cuboids(*classes: str, x: float = 0.0) -> Doc:
    boxes = [{"class": c, "x": x, "length": 4.0, "width": 2.0, "height": 1.5} for c in classes]
    return {"cuboids": {"frame": "lidar", "cuboids": boxes}}


def _spoken(text: str, end: float = 2.0) -> Doc:
    return {"segments": {"segments": [{"start": 0.0, "end": end, "class": "a", "text": text}]}}


def _parts(value: Doc) -> Doc:
    return {"composite": {"parts": [{"part": "p", "value": value}]}}


@pytest.mark.parametrize(
    ("loss", "value", "draft", "kind", "word"),
    [
        ("cuboids", _cuboids("car"), _cuboids("car", "car"), Hint.MISSING, "missing"),
        ("bev", _cuboids("car", "car"), _cuboids("car"), Hint.EXTRA, "too much"),
        ("cuboids", _cuboids("car"), _cuboids("car", x=3.0), Hint.MISPLACED, "should be"),
        ("centre", _cuboids("car"), _cuboids("truck"), Hint.WRONG_CLASS, "class"),
        ("transcript", _spoken("one two"), _spoken("one three"), Hint.MISPLACED, "words"),
        ("segments", _spoken("one"), _spoken("one", end=3.0), Hint.MISPLACED, "time"),
        (
            "ranking",
            {"ranking": {"groups": [{"ids": ["a"]}, {"ids": ["b"]}]}},
            {"ranking": {"groups": [{"ids": ["b"]}, {"ids": ["a"]}]}},
            Hint.MISPLACED,
            "order",
        ),
        (
            "map",
            {"map": {"elements": [{"class": "lane"}]}},
            {"map": {"elements": [{"class": "lane"}, {"class": "kerb"}]}},
            Hint.MISSING,
            "missing",
        ),
        ("composite", _parts(_cuboids("car")), _parts(_cuboids()), Hint.EXTRA, "too much"),
        ("points", {"points": {"class_runs": [1]}}, {"points": {}}, Hint.WRONG_CLASS, "points"),
    ],
)
def test_a_hint_names_the_kind_of_error_of_its_own_shape(
    loss: str, value: Doc, draft: Doc, kind: Hint, word: str
) -> None:
    assert hints.hint(value, draft, loss) is kind
    text = hints.text_of(kind, value)
    assert word in text and "choice" not in text
