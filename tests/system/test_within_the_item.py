"""Labels stay within their item, over REST: what intake found in a picture and a recording binds
known answers, labels of files and people's answers."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

import numpy as np
import pytest
from PIL import Image

from libs.cli.client import Client, Refused
from tests.system.conftest import World
from tests.system.line import add_person, fresh, until

Doc = dict[str, Any]


def _picture() -> str:
    file = io.BytesIO()
    pixels = np.random.default_rng(5).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _recording() -> str:
    file = io.BytesIO()
    loud = np.random.default_rng(5).normal(0, 3000, 16000 * 2).astype("<i2")
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16000)
        sound.writeframes(loud.tobytes())
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()


def _box(x: float) -> Doc:
    return {"boxes": {"boxes": [{"class": "cat", "x": x, "y": 5, "width": 30, "height": 20}]}}


def _turn(end: float) -> Doc:
    return {"segments": {"segments": [{"class": "speech", "speaker": "A", "start": 0, "end": end}]}}


PICTURES = ("image-boxes", {"image": _picture()})
RECORDINGS = ("speaker-segments", {"audio": _recording()})


@pytest.mark.parametrize(
    ("kind", "inside", "outside", "words"),
    [
        (PICTURES, _box(50), _box(65), "beyond the picture of 64 x 48"),
        (RECORDINGS, _turn(2.0), _turn(2.5), "the recording lasts 2"),
    ],
    ids=["boxes", "segments"],
)
def test_what_lies_beyond_its_item_is_refused(
    world: World, kind: tuple[str, Doc], inside: Doc, outside: Doc, words: str
) -> None:
    template, data = kind
    tenant = fresh("within")
    owner = world.tenant(tenant)
    made = f"tenants/catalogue/templates/{template}/versions/1"
    body = {"project_id": "p", "project": {"template": made, "policy": {"cleaning": {}}}}
    project = owner.post(f"tenants/{tenant}/projects", body)["name"]
    items = [
        {"data": data, "source_key": "beyond", "gold": outside},
        {"data": data, "source_key": "brought", "label": outside},
        {"data": data, "source_key": "plain"},
    ]
    found = owner.post(f"{project}/items:batchCreate", {"items": items})["results"]
    assert [r["outcome"] for r in found] == ["REFUSED", "REFUSED", "ADMITTED"]
    assert words in found[0]["reason"] and "items[0].gold." in found[0]["reason"]
    assert words in found[1]["reason"] and "items[1].label." in found[1]["reason"]

    ann = Client(world.platform.url, add_person(owner, tenant, "ann"))
    held: list[Doc] = []

    def claimed() -> bool:
        held.extend(ann.post(f"{project}/tasks:claim", {"max_tasks": 1})["assignments"])
        return bool(held)

    until(claimed, "a task to claim")
    body = {"fencing_token": held[0]["fencing_token"], "value": outside}
    with pytest.raises(Refused, match=words) as refused:
        ann.post(f"{held[0]['name']}:submit", body)
    assert refused.value.status == 422
    ann.post(f"{held[0]['name']}:submit", {**body, "value": inside})
