"""A long recording over REST, cut, written and told apart by simulated people; a clash between two
parts comes back as a review; the joined label goes out in the template's formats."""

from __future__ import annotations

import base64
import io
import math
import struct
import wave
from pathlib import Path
from typing import Any

from labelmill.annotation.v1.annotation_pb2 import Value

from libs.cli.client import Client, Refused
from libs.common.explicit import explicit
from tests.system.conftest import World
from tests.system.line import add_person, delivered, fresh, until

CATALOGUE = "tenants/catalogue/templates/speech-long/versions/1"
CUT = [{"start": 0.5, "end": 2.0}, {"start": 2.5, "end": 4.0}]
WORDS = {"0": "good morning", "1": "shall we begin"}
VOICES = [{**one, "speaker": f"S{i}"} for i, one in enumerate(CUT, 1)]
Doc = dict[str, Any]


def recording() -> str:
    """Five seconds of a tone, 8 kHz, as a data: URI."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        tone = (int(9000 * math.sin(i / 5)) for i in range(40_000))
        out.writeframes(b"".join(struct.pack("<h", v) for v in tone))
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()


def answer(held: Doc, first: bool) -> Doc:
    """The simulated annotator's: the first time, everybody's voice is where nobody speaks."""
    if held["part"] == "transcribe":
        return {"text": {"text": WORDS[held["element"]]}}
    if held["part"] == "speakers":
        voices = [{"start": 4.2, "end": 4.9, "speaker": "S1"}] if first else VOICES
        return {"segments": {"segments": voices}}
    return {"segments": {"segments": CUT}}


def work(person: Client, project: str, stage: str, first: bool) -> list[Doc]:
    """Claims by the whole's project and answers what there is."""
    body = {"max_tasks": 10, **({"stage": stage} if stage else {})}
    held: list[Doc] = person.post(f"{project}/tasks:claim", body)["assignments"]
    for one in held:
        said: Doc = {"fencing_token": one["fencing_token"], "value": answer(one, first)}
        if stage:
            person.post(f"{one['name']}:review", {**said, "verdict": "FIXED"})
        else:
            person.post(f"{one['name']}:submit", said)
    return held


def test_from_one_recording_to_one_label(world: World, tmp_path: Path) -> None:
    tenant = fresh("parts")
    owner = world.tenant(tenant)
    policy = {"audit_share": 1e-9, "people_audit_share": 1e-9}
    body = {"project_id": "p", "project": {"template": CATALOGUE, "policy": policy}}
    project = owner.post(f"tenants/{tenant}/projects", body)["name"]
    parts = [p["name"] for p in owner.get(f"tenants/{tenant}/projects")["projects"] if p["part"]]
    assert sorted(parts) == [f"{project}.{part}" for part in ("segment", "speakers", "transcribe")]
    item = {"data": {"audio": recording()}, "source_key": "talk"}
    known = {"segments": {"segments": [{**v, "text": "hello"} for v in VOICES]}}
    some = [{**item, "source_key": k, k: known} for k in ("gold", "label")]
    found = owner.post(f"{project}/items:batchCreate", {"items": [item, *some]})["results"]
    assert [r["outcome"] for r in found] == ["ADMITTED", "REFUSED", "ADMITTED"]
    assert "gold: items that are worked in parts" in found[1]["reason"]
    _refuses(owner, parts[0], item)

    ann = Client(world.platform.url, add_person(owner, tenant, "simulated-ann"))
    lead = Client(world.platform.url, add_person(owner, tenant, "simulated-lead", "reviewer"))
    worked: list[Doc] = []

    def settled() -> bool:
        worked.extend(work(ann, project, "", first=True))
        worked.extend(work(lead, project, "REVIEW", first=False))
        return bool(owner.get(f"{project}/progress")["accepted_count"] == 2)

    until(settled, "the recording to be put together")
    assert [w["part"] for w in worked].count("transcribe") == 2
    about = {w["element"]: w["inputs"]["parts"] for w in worked if w["part"] == "transcribe"}
    for entry, one in zip(("0", "1"), CUT, strict=True):
        (stood_on,) = about[entry]
        (segment,) = stood_on["value"]["segments"]["segments"]
        assert stood_on["part"] == "segment" and segment["start"] == one["start"]
    (judged,) = [w for w in worked if w["stage"] != "ANNOTATION"]
    assert judged["part"] == "speakers" and "no speaker for most" in judged["comment"]

    labels = delivered(owner, project, 2, tmp_path)
    brought, label = sorted(labels, key=lambda one: one["source_key"])
    assert brought["value"] == explicit(known, Value) and brought["label"]["source"] == "HUMAN"
    got = [
        (s["start"], s["end"], s["text"], s["speaker"])
        for s in label["value"]["segments"]["segments"]
    ]
    assert got == [(0.5, 2.0, WORDS["0"], "S1"), (2.5, 4.0, WORDS["1"], "S2")]


def _refuses(owner: Client, part: str, item: Doc) -> None:
    """Items go to the whole, never to a part's own project."""
    try:
        owner.post(f"{part}/items:batchCreate", {"items": [item]})
    except Refused as refused:
        assert refused.status == 404
    else:
        raise AssertionError("a part's project took an item")
