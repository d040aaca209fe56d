"""Media and answers of `template try`: what the catalogue's examples need, the same every time."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from libs.cli import answers, samples, trying
from libs.common import clouds
from libs.formats import Sample
from services.intake.fields import DataField, check
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
    assert len(clouds.read(content).points) == example["count"]


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
    words = answers.answer(template, label, {"part": "transcribe", "entry": "1"})
    assert words == {"text": {"text": "Morning. Shall we begin?"}}
    voices = answers.answer(template, label, {"part": "speakers"})
    assert [s["speaker"] for s in voices["segments"]["segments"]] == ["S1", "S2"]


def boxes(x: float, **rest: Any) -> dict[str, Any]:
    return {"boxes": {"boxes": [{"class": "car", "x": x, "width": 5.0, "height": 5.0, **rest}]}}


@pytest.mark.parametrize(
    ("read", "told", "said"),
    [
        ([boxes(1.001)], False, "the same"),
        ([boxes(1.5)], False, "untold: other x"),
        ([boxes(1.5)], True, "told: other x"),
        ([], False, "untold: no label is in it"),
        ([{"text": {"text": "x"}}], False, "read back as 1 labels of shape text"),
    ],
)
def test_what_was_read_is_compared(read: list[Any], told: bool, said: str) -> None:
    found = [Sample("k", value) for value in read]
    assert trying._compared([boxes(1.0, score=0.3)], found, told) == said
