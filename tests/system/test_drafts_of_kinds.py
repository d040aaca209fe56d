"""Drafts of other kinds than classes and boxes, by real models, over REST; and no model at all."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

import numpy as np

from libs.cli.client import Client
from tests.system.conftest import World
from tests.system.line import fresh, until

RATE = 16000


def _project(owner: Client, tenant: str, name: str, entry: str, **policy: Any) -> str:
    template = f"tenants/catalogue/templates/{entry}/versions/1"
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


def test_voices_are_drafted_in_a_recording_and_noise_is_none(world: World) -> None:
    tenant = fresh("voices")
    owner = world.tenant(tenant)
    route = {"model": "voice-activity", "capability": "voice-activity", "input": "audio"}
    project = _project(owner, tenant, "p", "speaker-segments", model_route=route)
    noise = np.random.default_rng(7).normal(0, 0.01, 2 * RATE).clip(-1, 1)
    task = _only_task(owner, project, {"audio": _wav(noise)})
    assert task["prediction"]["model"] == "voice-activity"
    assert task["prediction"]["value"]["segments"].get("segments", []) == []


def _wav(samples: np.ndarray) -> str:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return f"data:audio/wav;base64,{base64.b64encode(file.getvalue()).decode()}"
