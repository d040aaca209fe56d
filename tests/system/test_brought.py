"""Drafts and labels that came with items, through the whole line: shown, accepted, audited."""

from __future__ import annotations

from typing import Any

from libs.cli.client import Client
from tests.system.conftest import World
from tests.system.line import add_person, fresh, make_project, until


def brought(kind: str, count: int) -> list[dict[str, Any]]:
    value = {"choices": {"classes": ["spam"]}}
    return [{"data": {"text": f"{kind} number {i}"}, kind: value} for i in range(count)]


def test_brought_drafts_are_shown_and_brought_labels_are_one_opinion(world: World) -> None:
    tenant = fresh("brought")
    owner = world.tenant(tenant)
    # Every label of one person, the imported one too, gets a blind second opinion.
    policy = {"people_audit_share": 1.0, "audit_share": 0.0001}
    project = make_project(owner, tenant, **policy)
    items = brought("prediction", 3) + brought("label", 2)
    results = owner.post(f"{project}/items:batchCreate", {"items": items})["results"]
    assert all(r["outcome"] == "ADMITTED" for r in results), results

    def tasks() -> list[dict[str, Any]]:
        return list(owner.pages(f"{project}/tasks", "tasks"))

    until(lambda: [t["state"] for t in tasks()].count("OPEN") == 5, "five open tasks")
    drafted = [t for t in tasks() if t.get("prediction")]
    assert {t["prediction"]["model"] for t in drafted} == {"imported"}
    assert {t["prediction"]["model_version"] for t in drafted} == {"calls"}
    assert all(t["prediction"]["name"] for t in drafted) and len(drafted) == 3
    second = [t for t in tasks() if t["annotations"]]
    assert {t["annotations"][0]["annotator"] for t in second} == {"imported"} and len(second) == 2
    assert all(not t["gold"] and t["stage"] == "AUDIT" for t in second), second
    person = Client(world.platform.url, add_person(owner, tenant, "ada"))
    held = person.post(f"{project}/tasks:claim", {"max_tasks": 10})["assignments"]
    assert len(held) == 5 and not any(h["annotations"] for h in held)


def test_labels_that_nobody_audits_are_accepted_as_one_persons(world: World) -> None:
    tenant = fresh("settled")
    owner = world.tenant(tenant)
    project = make_project(owner, tenant, people_audit_share=0.0001)
    owner.post(f"{project}/items:batchCreate", {"items": brought("label", 4)})

    def accepted() -> bool:
        return bool(owner.get(f"{project}/progress")["accepted_count"] == 4)

    until(accepted, "four accepted labels")
    progress = owner.get(f"{project}/progress")
    assert progress["sources"] == {"HUMAN": 4}
