"""Labels on pictures by intake's door: each item has its own picture, or the reason is told."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from libs.common.blobs import Blobs
from services.intake.domain import DataField, Import, ImportState, LabelsAs, Project
from services.intake.sources import Entry, entries
from tests.unit.libs.formats.format_fixtures import png

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = {"shape": "boxes", "classes": ["cat"]}
NAME = "tenants/t/projects/p"


def brought(blobs: Blobs, images: list[dict[str, object]], **files: bytes) -> dict[str, Entry]:
    """Entries by key, of COCO labels with one box an image."""
    box = {"category_id": 1, "bbox": [1, 2, 3, 4]}
    coco = {
        "images": [{"id": i, **image} for i, image in enumerate(images)],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{**box, "id": i, "image_id": i} for i in range(len(images))],
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("labels.json", json.dumps(coco))
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    fields = (DataField("image", "image", required=True),)
    asked = Import(NAME, "", "b", "coco", ImportState.RUNNING, NOW, NOW, labels_as=LabelsAs.SETTLED)
    found = entries(io.BytesIO(out.getvalue()), asked, Project(NAME, 1, fields, SCHEMA), blobs)
    return {one.key: one for one in found}


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(f"file://{tmp_path}")


def test_pictures_of_one_name_are_two_items_and_what_is_not_there_says_why(blobs: Blobs) -> None:
    paths = ["cam1/1.png", "cam2/1.png", "cam3/1.png", "cam1/1.jpg", "gone.png"]
    files = {f"images__cam{i}__1_dot_png": png(40 + i) for i in (1, 2)}
    found = brought(blobs, [{"file_name": one} for one in paths], **files)
    there = [found[one].item for one in paths[:2]]
    assert all(there) and len({one.data for one in there if one is not None}) == 2
    assert "another folder" in found["cam3/1.png"].reason
    assert "another suffix" in found["cam1/1.jpg"].reason
    assert "put the file of 'gone.png' beside the labels" in found["gone.png"].reason


def test_labels_in_the_frame_of_the_stored_picture_are_refused(blobs: Blobs) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, "JPEG", exif=exif)
    shown = {"file_name": "a.jpg", "width": 48, "height": 64}
    assert brought(blobs, [shown], a_dot_jpg=out.getvalue())["a.jpg"].item is not None
    stored = {"file_name": "a.jpg", "width": 64, "height": 48}
    assert "shown turned" in brought(blobs, [stored], a_dot_jpg=out.getvalue())["a.jpg"].reason
