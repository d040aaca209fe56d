"""Segments and what speakers say: losses, the field's own measures, merging."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.qc_scorer.consensus import merge
from services.qc_scorer.losses import LOSSES, Errors, differs, distance, errors
from services.qc_scorer.losses.audio.segments import diarization, jaccard_error

Doc = dict[str, Any]
TURN = tuple[float, float, str]


def spoken(*turns: tuple[Any, ...]) -> Doc:
    """(start, end, speaker, text) each."""
    keys = ("start", "end", "speaker", "text")
    made = [{k: v for k, v in zip(keys, turn, strict=False) if v} for turn in turns]
    return {"segments": {"segments": made}}


TRUTH = spoken((0, 10, "A", "good day to you"), (10, 18, "B", "and to you"), (20, 30, "A", "so"))
RENAMED = spoken((0, 10, "x", "good day to you"), (10, 18, "y", "and to you"), (20, 30, "x", "so"))
turns = st.tuples(
    st.integers(0, 20), st.integers(1, 9), st.sampled_from("AB"), st.sampled_from(["a b", "c"])
).map(lambda t: (t[0], t[0] + t[1], t[2], t[3]))
labels = st.lists(turns, max_size=6).map(lambda t: spoken(*t))


@pytest.mark.parametrize(
    ("label", "loss", "found"),
    [
        (RENAMED, "segments", (0, 3)),
        (spoken((0.2, 10, "A"), (10, 17.8, "B"), (20, 30, "A")), "segments", (0, 3)),
        (spoken((0.3, 10, "A"), (10, 18, "B"), (20, 30, "A")), "segments", (1, 3)),
        (spoken((0.3, 10, "A"), (10, 18, "B"), (20, 30, "A")), "segments:0.5", (0, 3)),
        (spoken((0, 10, "A"), (10, 18, "B"), (20, 30, "B")), "segments", (1, 3)),
        (spoken((0, 10, "A"), (20, 30, "A")), "segments", (1, 3)),
        (spoken((0, 4, "A"), (4, 10, "A"), (10, 18, "B"), (20, 30, "A")), "segments", (2, 3)),
        (spoken(), "segments", (3, 3)),
        (RENAMED, "transcript", (0, 8)),
        (
            spoken((0, 9, "x", "Good day, to"), (10, 18, "y", "and to you, too")),
            "transcript",
            (3, 8),
        ),
        (spoken((0, 30, "x", "good day to you and to you so")), "transcript", (6, 8)),
    ],
)
def test_errors_are_counted(label: Doc, loss: str, found: tuple[float, float]) -> None:
    assert errors(TRUTH, label, loss) == Errors(*found)
    assert differs(TRUTH, label, loss) == (found[0] > 0)


def test_words_of_a_transcript_stand_in_for_its_text() -> None:
    timed = {"start": 0, "end": 2, "words": [{"text": "so"}, {"text": "what"}]}
    assert not differs(
        spoken((0, 2, "", "So what?")), {"segments": {"segments": [timed]}}, "transcript"
    )


def test_diarization_errors_by_hand() -> None:
    label = spoken((0, 8, "x"), (8, 18, "y"), (24, 32, "x"))
    found = diarization(TRUTH, label)
    assert (found.total, found.missed, found.extra, found.confused) == (28, 4, 2, 2)
    assert found.rate == pytest.approx(8 / 28)
    collared = diarization(TRUTH, label, collar=1.0)
    assert (collared.missed, collared.extra, collared.confused) == (3.5, 1.5, 1.5)
    assert jaccard_error(TRUTH, label) == pytest.approx((8 / 22 + 2 / 10) / 2)
    assert jaccard_error(TRUTH, RENAMED) == 0.0


def test_overlapping_speech_can_be_left_out() -> None:
    truth, label = spoken((0, 10, "A"), (6, 12, "B")), spoken((0, 12, "x"))
    assert diarization(truth, label).missed == 4
    alone = diarization(truth, label, overlaps=False)
    assert (alone.total, alone.missed, alone.confused) == (8, 0, 2)


@pytest.mark.parametrize("loss", ["segments", "transcript"])
@given(a=labels, b=labels)
def test_distances_are_symmetric_and_bounded(loss: str, a: Doc, b: Doc) -> None:
    apart = distance(a, b, loss)
    assert 0.0 <= apart <= 1.0
    assert apart == pytest.approx(distance(b, a, loss), abs=1e-9)
    assert distance(a, a, loss) == 0.0 and LOSSES[loss].errors(a, a, None).count == 0


def test_people_make_segments_together() -> None:
    opinions = [
        spoken((0, 10, "A", "good day to you"), (10.1, 18, "B", "and to you")),
        spoken(
            (0.2, 10, "1", "good bay to you"), (10.1, 18.4, "2", "and to you"), (25, 26, "3", "eh")
        ),
        spoken((0.1, 9.8, "B", "good day to"), (10.3, 18.2, "A", "and to you")),
    ]
    merged, share = merge(opinions, "segments", "segments")
    assert merged == spoken((0.1, 10, "A", "good day to you"), (10.1, 18.2, "B", "and to you"))
    assert share == pytest.approx(2 / 3)


def test_segments_that_follow_each_other_stay_two() -> None:
    label = spoken((0, 5, "A", "one two"), (5, 9, "A", "three"), (9, 12, "A", "four"))
    assert merge([label, label, label], "segments", "segments") == (label, 1.0)
    whole = spoken((0, 12, "A", "one two three four"))
    assert merge([whole, whole, label], "segments", "segments")[0] == whole


def test_texts_without_spaces_are_merged_by_character() -> None:
    texts = ["今天天气很好。", "今天天汽很好。", "今天气很好。"]
    merged, _ = merge([{"text": {"text": t}} for t in texts], "characters", "character")
    assert merged == {"text": {"text": "今天天气很好。"}}
    mixed = [
        {"text": {"text": t}} for t in ("我用 Python 写", "我用 Python 写码", "他用 python 写码")
    ]
    assert merge(mixed, "characters", "character")[0] == {"text": {"text": "我用 Python 写码"}}


@given(st.lists(labels, min_size=2, max_size=4))
def test_what_is_merged_could_have_been_marked(opinions: list[Doc]) -> None:
    merged, _ = merge(opinions, "segments", "segments")
    for one in merged["segments"]["segments"]:
        assert 0 <= one.get("start", 0) < one["end"]


def test_a_collar_keeps_the_end_between_touching_turns() -> None:
    truth = spoken((0, 5, "A"), (5, 10, "A"))
    found = diarization(truth, spoken((0, 4.9, "x"), (5.1, 10, "x")), collar=0.5)
    assert (found.total, found.missed) == (pytest.approx(9.0), 0)
    assert diarization(truth, spoken((0, 4.5, "x"), (5.1, 10, "x")), collar=0.5).missed == (
        pytest.approx(0.25)
    )
