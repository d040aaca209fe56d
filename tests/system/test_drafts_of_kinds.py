"""Drafts of other kinds than classes and boxes, by real models, over REST; and no model at all."""

from __future__ import annotations

import base64
import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from libs.cli.client import Client
from tests import photographs
from tests.system.conftest import World
from tests.system.line import fresh, until

RATE = 16000


OWN = """
display_name: {0}s
data_fields:
  - {{name: image, type: image, required: true, max_size: 20000000}}
label_schema: {{shape: objects, classes: [{0}], geometries: [keypoints], max_objects: 100}}
unit_of_error: image with a missed {0}
loss: keypoints
loss_tolerance: 0.5
merge_rule: objects
model_route: {{model: {0}s, capability: {0}s, input: image}}
exports: [jsonl]
guideline: Mark every {0}.
"""


def _project(owner: Client, tenant: str, name: str, entry: str, **policy: Any) -> str:
    template = entry if "/" in entry else f"tenants/catalogue/templates/{entry}/versions/1"
    project = {"template": template, "policy": policy}
    body = {"project_id": name, "project": project}
    return str(owner.post(f"tenants/{tenant}/projects", body)["name"])


def _only_task(owner: Client, project: str, data: dict[str, Any]) -> dict[str, Any]:
    """The task of one new item, once people may have it."""
    found = owner.post(f"{project}/items:batchCreate", {"items": [{"data": data}]})
    assert found["admitted_count"] == 1, found

    def tasks() -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = owner.get(f"{project}/tasks")["tasks"]
        return listed

    until(lambda: [t["state"] for t in tasks()] == ["OPEN"], "the task to be open")
    return tasks()[0]


def test_names_are_drafted_and_a_model_that_is_not_there_only_means_people(world: World) -> None:
    tenant = fresh("kinds")
    owner = world.tenant(tenant)
    text = {"text": "Ada Lovelace met Barack Obama in Paris."}
    drafted = _only_task(owner, _project(owner, tenant, "p", "named-entities"), text)
    assert "prediction" in drafted, drafted["decisions"]
    spans = drafted["prediction"]["value"]["spans"]["spans"]
    assert [(s.get("start", 0), s["end"], s["class"]) for s in spans] == [
        (0, 12, "person"),
        (17, 29, "person"),
        (33, 38, "place"),
    ]
    assert drafted["prediction"]["model"] == "entities-en"
    route = {"model": "not-built", "capability": "entities", "input": "text"}
    other = _project(owner, tenant, "q", "named-entities", model_route=route)
    bare = _only_task(owner, other, text)
    assert "prediction" not in bare and "not-built" in bare["decisions"][0]["reason"]

    def alerts(project: str) -> list[str]:
        return [alert["kind"] for alert in owner.get(f"{project}/schedule").get("alerts", [])]

    until(lambda: alerts(other) == ["MODEL_AWAY"], "the missing model to be told")
    assert alerts(drafted["project"]) == []


def test_voices_are_drafted_in_a_recording_and_noise_is_none(world: World) -> None:
    tenant = fresh("voices")
    owner = world.tenant(tenant)
    route = {"model": "voice-activity", "capability": "voice-activity", "input": "audio"}
    project = _project(owner, tenant, "p", "speaker-segments", model_route=route)
    noise = np.random.default_rng(7).normal(0, 0.01, 2 * RATE).clip(-1, 1)
    task = _only_task(owner, project, {"audio": _wav(noise)})
    assert task["prediction"]["model"] == "voice-activity"
    assert task["prediction"]["value"]["segments"].get("segments", []) == []


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    return photographs.street(tmp_path_factory.mktemp("street"))


@pytest.mark.parametrize(
    ("model", "points"), [("body-pose", 17), ("faces", 5), ("hands", 21)], ids=lambda v: str(v)
)
def test_key_points_are_drafted(
    world: World, models: Path, street: Image.Image, model: str, points: int
) -> None:
    if not (models / model).exists():
        pytest.skip(f"{model} could not be built")
    tenant = fresh("points")
    owner = world.tenant(tenant)
    entry = "image-keypoints"
    if model != "body-pose":
        definition = {"template_id": model, "definition": OWN.format(model.removesuffix("s"))}
        entry = str(owner.post(f"tenants/{tenant}/templates", definition)["name"])
    # A hand is found only where it is seen closely.
    shown = street.crop((225, 490, 305, 570)).resize((480, 480)) if model == "hands" else street
    file = io.BytesIO()
    shown.save(file, "JPEG")
    image = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    task = _only_task(owner, _project(owner, tenant, "p", entry), {"image": image})
    assert "prediction" in task, task["decisions"]
    found = task["prediction"]["value"]["objects"]["objects"]
    assert found and all(len(one["keypoints"]["points"]) == points for one in found)
    seen = {p.get("visibility", "") for one in found for p in one["keypoints"]["points"]}
    assert any("VISIBLE" in one for one in seen), seen


def _wav(samples: np.ndarray) -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return f"data:audio/wav;base64,{base64.b64encode(file.getvalue()).decode()}"
