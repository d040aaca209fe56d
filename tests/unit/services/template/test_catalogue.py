"""The catalogue: every entry is sound, can be delivered, and its example fits."""

from __future__ import annotations

import re

import pytest
import yaml

from deploy.models.table import CATALOGUE, MODELS, classes_of
from services.template.catalogue import Definitions
from services.template.validation import Unfit

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
    "cloud-tracks",
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


def test_entries_say_which_classes_their_model_knows() -> None:
    told = {}
    for text in ENTRIES.values():
        route = yaml.safe_load(text).get("model_route", {})
        told |= {route["model"]: route["classes"]} if route.get("classes") else {}
    assert told.keys() >= {"digits-image", "spam-text", "coco-boxes", "entities-en"}
    for model, classes in told.items():
        entry = CATALOGUE.get(model)
        known = classes_of(entry) if entry else list(MODELS[model].labels)
        assert classes == known, model


@pytest.mark.parametrize(
    ("entry", "old", "new", "said"),
    [
        ("text-classification", "  classes: [ham, spam]", "  classes: [ham, eggs]", "know eggs"),
        (
            "cloud-boxes",
            "  classes: [car, truck, bus, pedestrian, cyclist]",
            "  classes: [dog]",
            "",
        ),
    ],
)
def test_other_classes_need_another_model(entry: str, old: str, new: str, said: str) -> None:
    text = (
        ENTRIES[entry]
        .replace("class: car", "class: dog")
        .replace("classes: [spam]", "classes: [ham]")
    )
    with pytest.raises(Unfit, match=said or "does not know dog; take model_route out") as unfit:
        PARSER.parse(
            text.replace(old, new).replace("classes: [car, truck, bus]}", "classes: [dog]}")
        )
    assert unfit.value.field == "model_route.classes"
