"""The catalogue: every entry is sound, can be delivered, and its example fits."""

from __future__ import annotations

import re

import pytest
import yaml

from services.template.catalogue import Definitions
from services.template.checking import Unfit

ENTRIES = Definitions.catalogue()
PARSER = Definitions()
NAMED = [
    "speech-short",
    "speech-long",
    "speaker-segments",
    "audio-classification",
    "text-classification",
    "text-multilabel",
    "named-entities",
    "relations",
    "dialogue-intent",
    "image-classification",
    "image-boxes",
    "image-rotated-boxes",
    "image-keypoints",
    "image-polygons",
    "image-masks",
    "image-ocr",
    "image-caption",
    "frames-continuous",
    "frames-discrete",
    "cloud-boxes",
    "cloud-segmentation",
    "fusion-2d3d",
    "bev-detection",
    "bev-map",
    "sft-response",
    "rlhf-multiturn",
    "rm-ranking",
    "answer-rewriting",
    "prompt-library",
    "text-to-image-preference",
    "text-correction",
]


def test_every_kind_of_data_has_an_entry() -> None:
    assert sorted(NAMED) == sorted(ENTRIES)


@pytest.mark.parametrize("name", NAMED)
def test_an_entry_is_sound_and_its_example_fits(name: str) -> None:
    parsed = PARSER.parse(ENTRIES[name])
    assert parsed["example"]["label"]
    assert "jsonl" in parsed["exports"]
    lines = parsed["guideline"].splitlines()
    assert len([one for one in lines if re.search(r" \{#[a-z0-9-]+\}$", one)]) >= 3


@pytest.mark.parametrize(
    ("name", "change", "field"),
    [
        ("bev-detection", lambda d: d["parts"][0].update(needs=["verify"]), "parts"),
        ("bev-detection", lambda d: d["parts"][1].update(needs=["nobody"]), "parts.1.needs"),
        ("bev-detection", lambda d: d["parts"][1].update(per="cloud"), "parts.1.per"),
        ("bev-detection", lambda d: d.pop("join"), "join"),
        ("bev-detection", lambda d: d.update(exports=["coco"]), "exports"),
        (
            "image-keypoints",
            lambda d: d["label_schema"]["skeleton"]["edges"].append(17),
            "label_schema.skeleton.edges",
        ),
        (
            "relations",
            lambda d: d["label_schema"]["relations"][0].update(heads=["ship"]),
            "label_schema.relations.0.heads",
        ),
        (
            "cloud-boxes",
            lambda d: d["label_schema"].update(geometries=["rect"]),
            "label_schema.geometries",
        ),
        ("cloud-boxes", lambda d: d.update(loss_tolerance=11), "loss_tolerance"),
        (
            "cloud-boxes",
            lambda d: d["assists"][0].update(capability="transcribe"),
            "assists.0.input",
        ),
        (
            "rlhf-multiturn",
            lambda d: d["label_schema"]["scales"][0].update(max=1),
            "label_schema.scales.0.max",
        ),
        (
            "text-classification",
            lambda d: d["model_route"].update(capability="ocr"),
            "model_route.input",
        ),
        ("text-classification", lambda d: d["example"]["data"].clear(), "example.data.text"),
        (
            "text-classification",
            lambda d: d["example"]["label"].update(choices={"classes": ["x"]}),
            "example.label.choices.classes",
        ),
    ],
)
def test_what_does_not_go_together_is_told_by_its_path(name: str, change, field: str) -> None:  # type: ignore[no-untyped-def]
    parsed = yaml.safe_load(ENTRIES[name])
    change(parsed)
    with pytest.raises(Unfit) as unfit:
        PARSER.parse(yaml.safe_dump(parsed))
    assert unfit.value.field == field
