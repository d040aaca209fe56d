"""Media and answers of `template try`: what the catalogue's examples need, the same every time."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from libs.cli import answers, reading_back, samples
from libs.sensor import point_clouds
from services.intake.field_types import DataField, check
from services.template.main import Definitions


def catalogue() -> dict[str, Any]:
    parse = Definitions().parse
    return {name: parse(text) for name, text in Definitions.catalogue().items()}


def test_every_example_has_its_media_and_intake_takes_them() -> None:
    for name, definition in catalogue().items():
        template = {**definition, "example": json.dumps(definition["example"])}
        example = answers.example_of(template)
        assert "example:" not in json.dumps(example["data"]), name
        for one in definition["data_fields"]:
            if one["name"] in example["data"]:
                field = DataField(one["name"], one["type"])
                check(field, example["data"][one["name"]], "acme")


def test_media_are_the_same_every_time_and_small() -> None:
    for name in samples.names():
        assert samples.reference(name) == samples.reference(name)
        assert len(samples.reference(name)) < 200_000


def test_the_cloud_has_as_many_points_as_the_example_labels() -> None:
    content = base64.b64decode(samples.reference("street.pcd").split(",", 1)[1])
    example = catalogue()["cloud-segmentation"]["example"]["label"]["points"]
    assert len(point_clouds.read(content).points) == example["count"]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({}, "has no example"),
        ({"example": '{"data": {"a": ["example:x.png"]}, "label": {}}'}, "there is no 'example:x"),
    ],
)
def test_what_cannot_be_made_is_told(template: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        answers.example_of(template)


def test_a_long_recordings_label_is_cut_into_its_parts() -> None:
    template = catalogue()["speech-long"]
    label = template["example"]["label"]
    cut = answers.answer(template, label, {"part": "segment"})
    assert cut == {
        "segments": {"segments": [{"start": 0.4, "end": 2.1}, {"start": 2.6, "end": 4.9}]}
    }
    words = answers.answer(template, label, {"part": "transcribe", "element": "1"})
    assert words == {"text": {"text": "Morning. Shall we begin?"}}
    voices = answers.answer(template, label, {"part": "speakers"})
    assert [s["speaker"] for s in voices["segments"]["segments"]] == ["S1", "S2"]


def boxes(*some: float, **rest: Any) -> dict[str, Any]:
    made = [{"class": "car", "x": x, "width": 5.0, "height": 5.0, **rest} for x in some]
    return {"boxes": {"boxes": made}}


NO_SCORE, NO_BOX = "X has no place for scores", "a box is written as a polygon"


@pytest.mark.parametrize(
    ("truth", "read", "reasons", "said"),
    [
        (boxes(1.0, score=0.3), boxes(1.001), [], "the same"),
        (boxes(1.0), boxes(1.5), [], "untold: other x"),
        (boxes(1.0), boxes(1.5), [NO_SCORE], "untold: other x"),
        (boxes(1.0), boxes(1.5), [NO_BOX], "told: other x"),
        # What is told of attributes does not excuse lost boxes.
        (boxes(1.0, 9.0), boxes(1.0), ["no place for attributes"], "untold: without class, h"),
        (boxes(1.0, attributes={"a": "b"}), boxes(1.0), ["no place for attributes"], "told: with"),
        (boxes(1.0, attributes={"a": "b"}), boxes(1.0), [NO_BOX], "untold: without a"),
    ],
)
def test_what_was_read_is_compared_and_every_difference_explained(
    truth: Any, read: Any, reasons: list[str], said: str
) -> None:
    assert reading_back.compared(truth, read, reasons).startswith(said)


def test_ids_may_be_others_and_what_they_link_must_not() -> None:
    def relation(head: str, ids: tuple[str, str]) -> dict[str, Any]:
        spans = [{"id": i, "start": n, "end": n + 1, "class": "p"} for n, i in enumerate(ids)]
        relations = [{"class": "r", "head": head, "tail": ids[1]}]
        return {"spans": {"spans": spans, "relations": relations}}

    same = reading_back.compared(relation("a", ("a", "b")), relation("T1", ("T1", "T2")), [])
    assert same == "the same"
    other = reading_back.compared(relation("a", ("a", "b")), relation("T2", ("T1", "T2")), [])
    assert other == "untold: other head"


LINE = b'{"task": "t", "data": {}, "value": {"text": {"text": "%s"}}}'
TEMPLATE = {"label_schema": {"shape": "text"}}
SAID = {"data": {"text": "a cat sit"}, "label": {"text": {"text": "A cat sits."}}}


@pytest.mark.parametrize(
    ("format_", "content", "said"),
    [
        (
            "jsonl",
            b'{"task": "t", "data": {}, "value": {"text": {"text": "A cat sits."}}}',
            "the same",
        ),
        (
            "jsonl",
            b'{"task": "t", "data": {}, "value": {"text": {"text": "Other."}}}',
            "untold: other",
        ),
        ("jsonl", b"", "untold: no label is in it"),
        ("trl-sft", b'{"prompt": "a cat sit", "completion": "A cat sits."}', "1 lines of shape"),
        ("trl-sft", b'{"prompt": "a cat sit", "completion": "Made up."}', "untold: nobody said"),
    ],
)
def test_files_are_compared_with_what_was_said(
    tmp_path: Path, format_: str, content: bytes, said: str
) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    found, faults = reading_back.ReadBack(TEMPLATE, SAID).told(format_, tmp_path / "x.jsonl", [])
    assert found.startswith(said), found
    assert bool(faults) == found.startswith("untold")


def test_the_label_of_a_composite_is_what_was_answered() -> None:
    template = {"join": "composite"}
    given = {("b", "front"): {"text": {"text": "x"}}, ("a", ""): {"text": {"text": "y"}}}
    made = answers.expected(template, {}, given)["composite"]["parts"]
    assert made[0] == {"part": "b", "element": "front", "value": {"text": {"text": "x"}}}
    assert made[1] == {"part": "a", "value": {"text": {"text": "y"}}}
    label = {"objects": {"objects": [{"id": "r"}]}}
    ordered = answers.expected({"join": "regions"}, label, {})
    assert ordered == {"objects": {"objects": [{"id": "r", "order": 1}]}}
