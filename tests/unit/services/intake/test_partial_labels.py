"""Labels of which something could not be read come in, but as nobody's known answer."""

from __future__ import annotations

import json

import pytest

from services.intake.domain import LabelsAs
from tests.unit.services.intake.test_intake_imports import Desk, desk, png, zipped

__all__ = ["desk"]


@pytest.mark.parametrize("as_", [LabelsAs.GOLD, LabelsAs.SETTLED])
async def test_what_is_left_of_a_label_is_no_known_answer(desk: Desk, as_: LabelsAs) -> None:
    await desk.project("image", schema={"shape": "boxes", "classes": ["cat"]})
    boxes = [[1, 2, 3, 4], [1, 2, -3, 4]]
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "bbox": one} for n, one in enumerate(boxes)
        ],
    }
    content = zipped({"labels.json": json.dumps(coco).encode(), "a.png": png()})
    made = await desk.bring(content, "coco", labels_as=as_)
    assert (made.admitted_count, made.refused_count) == (1, 1)
    (item,) = await desk.items()
    assert "gold" not in item and "label" not in item
    assert len(item["prediction"]["boxes"]["boxes"]) == 1
    assert "no known answer" in item["metadata"]["import.left_out"]


async def test_a_number_counts_in_the_templates_classes_alone(desk: Desk) -> None:
    await desk.project("text")
    rows = [
        {"text": "one", "label": 1},
        {"text": "two", "label": 2},
        {"text": "x", "label": "Hund"},
    ]
    content = "\n".join(map(json.dumps, rows)).encode()
    made = await desk.bring(
        content, "jsonl", labels_as=LabelsAs.GOLD, classes={"Hund": "dog", "Katze": "cat"}
    )
    assert (made.admitted_count, made.refused_count) == (2, 1)
    assert "the template has 2 classes" in (await desk.refusals())[0]["reason"]
    assert {i["gold"]["choices"]["classes"][0] for i in await desk.items()} == {"dog"}


async def test_a_line_in_another_encoding_makes_no_manifest_of_a_table(desk: Desk) -> None:
    await desk.project("text")
    content = b"text,label\nGr\xfc\xdfe,cat\nplain,dog\n"
    made = await desk.bring(content, "csv", labels_as=LabelsAs.GOLD)
    assert (made.admitted_count, made.refused_count) == (1, 1)
    assert "UTF-8" in (await desk.refusals())[0]["reason"]
