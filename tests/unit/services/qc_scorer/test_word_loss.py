"""The loss of words: a tolerance that is kept exactly, and merging of what several wrote."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelmill.template.v1.events_pb2 import ProjectUpdated

from services.qc_scorer.consensus import merge
from services.qc_scorer.domain import Project, score
from services.qc_scorer.events import on_projects
from services.qc_scorer.losses import differs, with_tolerance
from services.qc_scorer.losses.text.normalisers import joined, spelled, words
from services.qc_scorer.losses.text.words import word_errors
from services.template import domain as template
from services.template.catalogue import Definitions

sentences = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=14).map(" ".join)
TRUTH = "The quick brown fox jumps over the lazy dog again"


def said(text: str) -> dict[str, Any]:
    return {"text": {"text": text}}


@pytest.mark.parametrize(
    ("text", "loss", "wrong"),
    [
        ("the quick, brown fox jumps over the lazy dog again!", "word", False),
        ("the quick brown fox jumps over the lazy dog", "word", True),
        ("the quick brown fox jumps over the lazy dog", "word:0.1", False),
        ("the quick brown fox jumped over the lazy dog", "word:0.1", True),
        ("the quick brown fox jumped over the lazy dog", "word:0.2", False),
        ("", "word:0.5", True),
    ],
)
def test_words_are_wrong_beyond_the_tolerance(text: str, loss: str, wrong: bool) -> None:
    assert differs(said(TRUTH), said(text), loss) is wrong


def test_of_an_empty_truth_every_word_is_one_too_many() -> None:
    assert differs(said(""), said("so"), "word:0.5")
    assert not differs(said(""), said("..."), "word:0.5")


@given(sentences, sentences, st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.34, 0.5]))
def test_the_fast_way_agrees_with_the_whole_table(true: str, text: str, tolerance: float) -> None:
    errors, count = word_errors(text, true)
    loss = with_tolerance("word", tolerance)
    assert differs(said(true), said(text), loss) == (errors > tolerance * count + 1e-9)


def test_long_texts_are_compared_and_merged_in_time() -> None:
    true = [f"w{i}" for i in range(15_000)]
    text = [w if i % 30 else "other" for i, w in enumerate(true)]
    began = time.process_time()
    assert not differs(said(" ".join(true)), said(" ".join(text)), "word:0.05")
    assert differs(said(" ".join(true)), said(" ".join(reversed(text))), "word:0.05")
    merged, share = merge([said(" ".join(true)), said(" ".join(text))], "words", "word:0.05")
    assert (merged, share) == (said(" ".join(true)), 1.0)
    assert time.process_time() - began < 10.0


def test_three_people_make_a_text_word_by_word() -> None:
    opinions = [
        said("The quick brown fox jumps over."),
        said("The quick brown fox jumped over."),
        said("The quick crown fox jumps over."),
    ]
    merged, share = merge(opinions, "words", "word")
    assert (merged, share) == (opinions[0], 1 / 3), "as somebody wrote it, where somebody did"
    none = [said("a b x"), said("a y c"), said("z b c")]
    assert merge(none, "words", "word") == (said("a b c"), 0.0)
    lines = said("First line -\nsecond line")
    assert merge([lines, lines, said("First line")], "words", "word")[0] == lines


class _Heard:
    async def remember_projects(self, projects: list[Project]) -> None:
        self.project = projects[0]


async def test_the_tolerance_of_a_template_decides_what_is_disputed() -> None:
    made = template.template_of(
        "t",
        Definitions().parse(Definitions.catalogue()["text-correction"]),
        "",
        None,  # type: ignore[arg-type]
    )
    message = ProjectUpdated()
    message.template.loss, message.template.merge_rule = made.loss, made.merge_rule
    message.template.loss_tolerance = made.loss_tolerance
    heard = _Heard()
    await on_projects(heard, [message])  # type: ignore[arg-type]
    long = " ".join(f"w{i}" for i in range(40))
    task = {"annotations": [{"value": said(long)}, {"value": said(long + " more words")}]}
    assert not score(task, heard.project).disputed
    assert score(task, replace(heard.project, loss="word")).disputed


@pytest.mark.parametrize("tolerance", ["-0.1", "0.6", ".nan", "much"])
def test_a_tolerance_that_says_nothing_is_refused(tolerance: str) -> None:
    text = Definitions.catalogue()["text-correction"].replace("0.05", tolerance)
    with pytest.raises(template.Unfit) as unfit:
        template.template_of("t", Definitions().parse(text), text, None)  # type: ignore[arg-type]
    assert "loss_tolerance" in unfit.value.field


def test_hyphens_part_words_and_stay_where_they_were_written() -> None:
    text = "A well-known rec- x \u2013 y it's -5"
    assert words(text) == ["a", "well", "known", "rec", "x", "y", "it's", "5"]
    pairs = spelled(text)
    assert [token for token, _ in pairs] == words(text)
    assert joined([piece for _, piece in pairs]) == "A well-known rec- x y it's -5"
