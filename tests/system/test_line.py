"""The whole line: upload, draft, gate, people, audit, delivery, certificate."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from libs.bundle.__main__ import main as delivery_command
from libs.cli.client import Refused
from libs.cli.deliveries import download
from tests.system.conftest import World
from tests.system.line import (
    add_items,
    deliver,
    fresh,
    labels_of,
    make_project,
    truths_of,
    until,
    work_off,
)
from tools import datasets


def test_mails_from_upload_to_certified_delivery(world: World, tmp_path: Path) -> None:
    tenant = fresh("line")
    owner = world.tenant(tenant)
    project = make_project(owner, tenant, machine_label=True, audit_share=0.3)
    examples = list(islice(datasets.spam("test"), 700))
    source = tmp_path / "mails.jsonl"
    source.write_text(
        "".join(
            json.dumps({"data": {"text": e.text}, "source_key": e.key}) + "\n" for e in examples
        )
    )
    upload = owner.upload(f"tenants/{tenant}", source)
    made = owner.post(f"{project}/imports", {"upload": upload})
    until(lambda: owner.get(made["name"])["state"] == "SUCCEEDED", "import")
    assert owner.get(made["name"])["admitted_count"] == len(examples)

    truths = truths_of(owner, project, {e.key: e.truth for e in examples})
    work_off(world, owner, tenant, project, truths, len(examples))
    progress = owner.get(f"{project}/progress")
    assert sum(progress["sources"].values()) == len(examples)
    assert sum(progress["counts"].values()) == len(examples)

    until(
        lambda: (
            owner.get(f"{project}/quality")["human_count"]
            + owner.get(f"{project}/quality")["machine_count"]
            == len(examples)
        ),
        "quality report",
    )
    delivery = deliver(owner, project)
    download(owner, delivery, tmp_path / "delivery")
    assert delivery_command(["verify", str(tmp_path / "delivery")]) == 0
    labels = labels_of(tmp_path / "delivery")
    assert len({label["task"] for label in labels}) == len(examples)
    wrong = sum(
        label["value"]["choices"]["classes"] != [truths[label["task"].rsplit("/", 1)[-1]]]
        for label in labels
    )
    assert wrong / len(labels) <= delivery["error_bound"]
    until(lambda: owner.get(f"{project}/progress")["delivered_count"] == len(examples), "DELIVERED")
    lineage = owner.get(f"{labels[0]['task']}/lineage")["lineage"]
    assert lineage["decisions"]

    # The client rejects one label: it returns to work, the others stay.
    rejected = labels[0]["task"]
    body = {"reason": "look again", "tasks": [rejected]}
    assert owner.post(f"{delivery['name']}:reject", body)["state"] == "REJECTED"
    until(lambda: owner.get(rejected)["state"] in ("OPEN", "ASSIGNED"), "rejected task in work")


def test_drafts_are_real_and_models_are_listed(world: World) -> None:
    tenant = fresh("drafts")
    owner = world.tenant(tenant)
    project = make_project(owner, tenant)
    add_items(owner, project, ["Win cash now!!! click http://free.example", "Lunch at noon?"])
    tasks = f"{project}/tasks"

    def drafted() -> bool:
        found = owner.get(tasks)["tasks"]
        return len(found) == 2 and all("prediction" in t for t in found)

    until(drafted, "drafts")
    for task in owner.get(tasks)["tasks"]:
        (prediction,) = owner.get(f"{task['name']}/predictions")["predictions"]
        assert prediction["model"] == "spam-text"
        assert 0.5 <= prediction["score"] <= 1.0
    models = {m["name"]: m for m in owner.get(f"tenants/{tenant}/models")["models"]}
    assert models["coco-boxes"]["capability"] == "image-boxes"
    answer = owner.post(f"{project}:predict", {"data": {"text": "free money"}})
    assert answer["value"]["choices"]["classes"] in (["ham"], ["spam"])


def test_without_evidence_nothing_is_accepted_by_machine(world: World) -> None:
    tenant = fresh("closed")
    owner = world.tenant(tenant)
    project = make_project(owner, tenant, machine_label=True)
    add_items(owner, project, [f"buy {i} pills now" for i in range(100)])
    counts = f"{project}/progress"
    until(lambda: owner.get(counts)["counts"].get("ANNOTATION.OPEN", 0) == 100, "open tasks")
    assert owner.get(counts)["accepted_count"] == 0


def test_refusals_name_the_item_and_the_field(world: World) -> None:
    tenant = fresh("refused")
    owner = world.tenant(tenant)
    project = make_project(owner, tenant)
    items = [
        {"data": {"text": "fine"}},
        {"data": {"text": "  "}},
        {"data": {"txt": "unknown field"}},
        {"data": {"text": "gold"}, "gold": {"choices": {"classes": ["neither"]}}},
        {"data": {"text": "fine"}},
    ]
    found = owner.post(f"{project}/items:batchCreate", {"items": items})
    outcomes = [(r["outcome"], r["reason"]) for r in found["results"]]
    assert [o for o, _ in outcomes] == ["ADMITTED", "REFUSED", "REFUSED", "REFUSED", "DUPLICATE"]
    assert "items[1].data.text: blank" in outcomes[1][1]
    assert "txt" in outcomes[2][1] or "missing" in outcomes[2][1]
    assert "neither" in outcomes[3][1]
    assert len(owner.get(f"{project}/refusals")["refusals"]) == 3


def test_another_tenants_names_answer_as_unknown_ones(world: World) -> None:
    mine, theirs = fresh("mine"), fresh("theirs")
    owner, stranger = world.tenant(mine), world.tenant(theirs)
    project = make_project(owner, mine)
    for path in (project, f"{project}/progress", f"{project}/tasks", f"tenants/{mine}/users"):
        with pytest.raises(Refused) as foreign:
            stranger.get(path)
        with pytest.raises(Refused) as unknown:
            stranger.get(path.replace(mine, "nobody"))
        assert foreign.value.status == unknown.value.status == 404
