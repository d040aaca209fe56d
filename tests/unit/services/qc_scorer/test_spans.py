"""Spans from end to end of the pure parts: hostile input, agreement, merging, exports."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelmill.annotation.v1.annotation_pb2 import Value

from libs import label_validation
from libs.common.codec import doc_to_message, message_to_doc
from libs.common.errors import Invalid
from libs.common.rpc import validate
from libs.formats.tabular.csv_format import CsvEncoder
from services.intake.domain import Refused
from services.intake.sources.manifests import read_value
from services.qc_scorer.consensus import merge
from services.qc_scorer.losses import differs
from services.qc_scorer.losses.text import spans as span_loss
from services.template import domain as template
from services.template.catalogue import Definitions

Doc = dict[str, Any]
SCHEMA: Doc = {"shape": "spans", "classes": ["person", "place"], "max_objects": 3}
TEXT = "Ada went to 𝒪slo."
ENTITIES = Definitions.catalogue()["named-entities"]
starts = st.integers(0, 30)
marks = st.builds(lambda s, n, c: (s, s + n, c), starts, st.integers(1, 9), st.sampled_from("abc"))
lists = st.lists(marks, max_size=8)


def marked(*made: tuple[int, int, str]) -> Doc:
    return {"spans": {"spans": [{"start": a, "end": b, "class": c} for a, b, c in made]}}


def hand_over(value: Doc) -> Doc:
    """The value as it arrives: through the message, which leaves out zeros."""
    return message_to_doc(doc_to_message(value, Value))


def test_spans_count_characters_whatever_their_bytes() -> None:
    value = hand_over(marked((0, 3, "person"), (12, 16, "place")))
    label_validation.check(value, SCHEMA, "value", TEXT)
    assert [TEXT[a:b] for a, b, _ in span_loss.marks(value)] == ["Ada", "𝒪slo"]
    label_validation.check({"spans": {}}, SCHEMA, "value", TEXT)
    label_validation.check(
        marked((0, 9, "person"), (0, 3, "person"), (2, 17, "place")), SCHEMA, "v", TEXT
    )


@pytest.mark.parametrize(
    ("value", "field", "words"),
    [
        (marked((0, 3, "person"), (12, 18, "place")), "v.spans.spans[1]", "has 17 characters"),
        (marked((3, 3, "person")), "v.spans.spans[0]", "end above start"),
        (marked((5, 3, "person")), "v.spans.spans[0]", "from 5 to 3"),
        (marked((0, 3, "planet")), "v.spans.spans", "unknown class 'planet'; there are person"),
        (marked(*[(i, i + 1, "person") for i in range(4)]), "v.spans.spans", "4 of at most 3"),
        ({"choices": {"classes": ["person"]}}, "v", "must be of shape spans"),
    ],
)
def test_what_cannot_be_a_label_is_refused_by_its_path(value: Doc, field: str, words: str) -> None:
    with pytest.raises(label_validation.Misfit, match=words.replace("(", "\\(")) as misfit:
        label_validation.check(hand_over(value), SCHEMA, "v", TEXT)
    assert misfit.value.field == field


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ([{"start": -1, "end": 2, "class": "person"}], r"spans\[0\].start"),
        ([{"start": 0, "end": -2, "class": "person"}], r"spans\[0\].end"),
        ([{"start": 0, "end": 2, "class": ""}], r"spans\[0\].class"),
        ([{"start": 0, "end": 2, "class": float("nan")}], "class"),
        ([{"start": float("inf"), "end": 2, "class": "person"}], "start"),
        ([{"start": 0.5, "end": 2, "class": "person"}], "start"),
        ([{"start": 0, "end": 2**40, "class": "person"}], "end"),
        ([{"start": 0, "end": 2, "class": "person", "colour": "red"}], "colour"),
        ([None], "null"),
        ([{"start": 0, "end": 2, "class": "person"}] * 10_001, "10000"),
        (7, "spans"),
    ],
)
def test_hostile_known_answers_of_a_file_are_told(spans: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        read_value({"spans": {"spans": spans}})


@pytest.mark.parametrize("raw", ["spans", 3, [], {}, {"spans": {}, "text": {}}, {"shape": 1}])
def test_what_is_no_value_is_refused(raw: Any) -> None:
    with pytest.raises(Refused, match=r"^gold"):
        read_value(raw)


def test_ten_thousand_spans_pass_and_one_more_does_not() -> None:
    value = Value()
    for i in range(10_000):
        value.spans.spans.add(start=i, end=i + 1, **{"class": "person"})
    validate(value)
    value.spans.spans.add(start=1, end=2, **{"class": "person"})
    with pytest.raises(Invalid, match="10000") as invalid:
        validate(value)
    assert invalid.value.field == "spans.spans"


def test_an_item_is_wrong_with_any_span_that_is() -> None:
    truth = marked((0, 3, "a"), (5, 9, "b"))
    assert not differs(truth, marked((5, 9, "b"), (0, 3, "a")), "span")
    for other in (
        marked((0, 3, "a")),
        marked((0, 3, "a"), (5, 9, "b"), (5, 8, "b")),
        marked((0, 3, "a"), (5, 8, "b")),
        marked((0, 3, "b"), (5, 9, "b")),
        marked((0, 3, "a"), (0, 3, "a"), (5, 9, "b")),
    ):
        assert differs(truth, other, "span") and differs(other, truth, "span")


@pytest.mark.parametrize(
    ("said", "true", "found"),
    [
        ([], [(0, 3, "a")], (0, 1, 0, 0, 0)),
        ([(0, 3, "a"), (9, 12, "a")], [(0, 3, "a")], (1, 0, 1, 0, 0)),
        ([(0, 4, "a")], [(0, 3, "a")], (0, 0, 0, 1, 0)),
        ([(0, 3, "b")], [(0, 3, "a")], (0, 0, 0, 0, 1)),
        ([(0, 3, "a"), (3, 6, "b")], [(0, 3, "a"), (6, 9, "b")], (1, 1, 1, 0, 0)),
        ([(0, 9, "a"), (2, 4, "b")], [(0, 9, "b"), (2, 5, "b")], (0, 0, 0, 1, 1)),
    ],
)
def test_changes_are_counted_by_kind(said: Any, true: Any, found: Any) -> None:
    assert span_loss.changes(marked(*said), marked(*true)) == found


@given(lists, lists)
def test_every_span_is_counted_once_on_both_sides(said: Any, true: Any) -> None:
    found = span_loss.changes(marked(*said), marked(*true))
    shared = found.equal + found.misplaced + found.renamed
    assert (shared + found.extra, shared + found.missing) == (len(said), len(true))
    assert (found.errors > 0) == differs(marked(*said), marked(*true), "span")
    back = span_loss.changes(marked(*true), marked(*said))
    assert (back.missing, back.extra) == (found.extra, found.missing)


def test_three_people_make_what_most_of_them_marked() -> None:
    opinions = [
        marked((0, 12, "person"), (20, 26, "place")),
        marked((20, 26, "place"), (4, 12, "person"), (30, 33, "person")),
        marked((4, 12, "person"), (20, 25, "place")),
    ]
    merged, share = merge(opinions, "spans", "span")
    assert merged == marked((4, 12, "person"), (20, 26, "place"))
    assert share == 0.0, "what they make together, nobody said as a whole"
    same, agreed = merge([opinions[0], opinions[2], opinions[2]], "spans", "span")
    assert (same, agreed) == (marked((4, 12, "person"), (20, 25, "place")), 2 / 3)
    assert merge([marked(), marked(), opinions[0]], "spans", "span") == (marked(), 2 / 3)


@given(st.lists(lists, min_size=2, max_size=5))
def test_a_merged_span_is_one_that_could_be_marked(opinions: Any) -> None:
    merged, _ = merge([marked(*one) for one in opinions], "spans", "span")
    assert all(0 <= a < b and isinstance(a, int) for a, b, _ in span_loss.marks(merged))
    assert validate(doc_to_message(merged, Value)) is None
    again, share = merge([merged, merged], "spans", "span")
    assert share == 1.0 and not differs(again, merged, "span")


def test_thousands_of_spans_are_merged_in_time() -> None:
    many = [(i, i + 5, "a") for i in range(10_000)]
    began = time.process_time()
    merged, share = merge([marked(*many), marked(*many), marked(*many[1:])], "spans", "span")
    assert (len(merged["spans"]["spans"]), share) == (10_000, 2 / 3)
    span_loss.changes(marked(*many), marked(*[(a + 1, b, c) for a, b, c in many]))
    assert time.process_time() - began < 5.0


def test_csv_says_that_it_has_no_place_for_spans() -> None:
    row = {"name": "t", "item": "i", "source_key": "", "source": "HUMAN", "score": 1.0}
    encoder = CsvEncoder(_Job())  # type: ignore[arg-type]
    line = encoder.add([{**row, "value": marked((0, 3, "person"))}])
    assert b"person" in line and "beginnings and ends" in encoder.problems[0].reason


@pytest.mark.parametrize(
    "policy", [{"training": {"embedding": "e", "input": "text"}}, {"adaptive_annotations": 2.0}]
)
def test_what_needs_labels_of_one_class_is_refused_for_spans(policy: Doc) -> None:
    entities, now = _definition(lambda text: text), datetime.datetime.now(datetime.UTC)
    asked = template.Project(name="", display_name="", template="t", policy=policy)
    with pytest.raises(template.Unfit, match="one class") as unfit:
        template.make_project(asked, "p", entities, now)
    assert unfit.value.field == f"project.policy.{next(iter(policy))}"
    kept = replace(asked, policy={"adaptive_annotations": 0.0})
    assert template.make_project(kept, "p", entities, now).name == "p"


class _Job:
    first_object = 0


def _definition(change: Callable[[str], str]) -> template.Template:
    text = change(ENTITIES)
    now = datetime.datetime.now(datetime.UTC)
    return template.template_of("t", Definitions().parse(text), text, now)


def test_the_catalogue_has_spans_and_what_does_not_go_with_them_is_refused() -> None:
    made = _definition(lambda text: text)
    assert (made.loss, made.merge_rule, made.label_schema["shape"]) == ("span", "spans", "spans")
    for old, new, field in (
        ("loss: span", "loss: class", "loss"),
        ("merge_rule: spans", "merge_rule: majority", "merge_rule"),
        ("merge_rule: spans", "merge_rule: spans\nloss_tolerance: 0.1", "loss_tolerance"),
        ("required: true", "required: false", "data_fields"),
        ("type: text", "type: image", "data_fields"),
        ("exports: [jsonl, ", "exports: [coco, ", "exports"),
    ):
        with pytest.raises(template.Unfit) as unfit:
            _definition(lambda text, old=old, new=new: text.replace(old, new))  # type: ignore[misc]
        assert unfit.value.field == field
