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
