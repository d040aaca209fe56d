"""A picture with many digits over REST: simulated people say where they are, the real model reads
each of them alone, and the two parts make one label."""

from __future__ import annotations

import base64
import io
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from libs.cli.client import Client
from tests.system.conftest import World
from tests.system.line import add_person, delivered, fresh, until
from tools import datasets

COUNT, SIDE = 12, 28
DIGITS = [str(i) for i in range(10)]
TEMPLATE = f"""
display_name: Digits in a picture
data_fields:
  - {{name: image, type: image, required: true}}
label_schema: {{shape: composite}}
unit_of_error: picture with a digit that is missed or wrongly read
loss: composite
merge_rule: majority
join: composite
parts:
  - name: places
    label_schema: {{shape: boxes, classes: [digit]}}
    unit_of_error: picture with a digit that is missed
    loss: boxes
    merge_rule: boxes
  - name: reading
    needs: [places]
    per: places
    label_schema: {{shape: choice, classes: {DIGITS}}}
    unit_of_error: digit that is wrongly read
    loss: class
    merge_rule: majority
    model_route: {{model: digits-image, capability: image-classification, input: image}}
exports: [jsonl]
guideline: |
  # Digits
  Where are they, and which?
"""
Doc = dict[str, Any]


def test_a_model_drafts_each_object_that_people_found(world: World, tmp_path: Path) -> None:
    examples = list(islice(datasets.mnist("test"), COUNT))
    tenant = fresh("pieces")
    owner = world.tenant(tenant)
    template = owner.post(
        f"tenants/{tenant}/templates", {"template_id": "digits", "definition": TEMPLATE}
    )
    policy = {"pre_label": True, "audit_share": 1e-9, "people_audit_share": 1e-9}
    body = {"template": template["name"], "policy": policy}
    project = owner.post(f"tenants/{tenant}/projects", {"project_id": "p", "project": body})["name"]
    item = {"data": {"image": _sheet([e.image for e in examples])}, "source_key": "sheet"}
    assert owner.post(f"{project}/items:batchCreate", {"items": [item]})["admitted_count"] == 1

    ann = Client(world.platform.url, add_person(owner, tenant, "simulated-ann"))
    drafts: dict[str, str] = {}

    def settled() -> bool:
        for held in ann.post(f"{project}/tasks:claim", {"max_tasks": 10})["assignments"]:
            value: Doc = {"boxes": {"boxes": [_place(i) for i in range(COUNT)]}}
            if held["part"] == "reading":
                value = held["prediction"]["value"]
                drafts[held["element"]] = value["choices"]["classes"][0]
            said = {"fencing_token": held["fencing_token"], "value": value}
            ann.post(f"{held['name']}:submit", said)
        return bool(owner.get(f"{project}/progress")["accepted_count"] == 1)

    until(settled, "the picture to be put together")
    assert len(drafts) == COUNT
    right = sum(drafts[str(i)] == e.truth for i, e in enumerate(examples))
    assert right >= COUNT - 2, drafts
    (label,) = delivered(owner, project, 1, tmp_path)
    pieces = {p.get("element", ""): p["value"] for p in label["value"]["composite"]["parts"]}
    assert len(pieces) == 1 + COUNT
    assert pieces["3"]["choices"]["classes"] == [drafts["3"]]


def _place(number: int) -> Doc:
    row, column = divmod(number, 4)
    x, y = 40.0 * column + 6, 40.0 * row + 6
    return {"class": "digit", "x": x, "y": y, "width": float(SIDE), "height": float(SIDE)}


def _sheet(images: list[bytes]) -> str:
    """Three rows of four digits, as a data: URI."""
    pixels = np.zeros((120, 160), np.uint8)
    for number, image in enumerate(images):
        place = _place(number)
        x, y = int(place["x"]), int(place["y"])
        pixels[y : y + SIDE, x : x + SIDE] = np.asarray(Image.open(io.BytesIO(image)).convert("L"))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
