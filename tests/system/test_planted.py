"""Planted wrong drafts over REST: nobody sees which they are, none is settled by one who let it
stand, and a manager sees who looks."""

from __future__ import annotations

from typing import Any

from libs.cli.client import Client
from tests.system.conftest import World
from tests.system.line import add_items, add_person, fresh, make_project, until

ITEMS = 200


def _work_off(person: Client, project: str, truths: dict[str, Any], looks: bool) -> dict[str, Any]:
    """Confirms every draft that is shown; works blind by what the model said. Tasks by draft."""
    shown: dict[str, Any] = {}
    while True:
        held = person.post(f"{project}/tasks:claim", {"max_tasks": 20})["assignments"]
        if not held:
            return shown
        for one in held:
            draft = one.get("prediction")
            assert not (draft or {}).get("injected_error"), "which are planted is nobody's to see"
            truth = truths[one["task"]]
            if draft:
                shown[one["task"]] = draft["value"]
            value = draft["value"] if draft and not looks else truth
            body = {"fencing_token": one["fencing_token"], "value": value, "work_seconds": 3.0}
            person.post(f"{one['name']}:submit", body)


def _tasks(owner: Client, project: str) -> dict[str, dict[str, Any]]:
    found = owner.get(f"{project}/tasks", page_size=1000)["tasks"]
    return {task["name"]: task for task in found}


def test_planted_drafts_are_asked_again_and_tell_who_looks(world: World) -> None:
    tenant = fresh("injected")
    owner = world.tenant(tenant)
    # Audits off: what is asked again is asked for the planted draft alone.
    tiny = 0.000001
    project = make_project(
        owner, tenant, audit_share=tiny, people_audit_share=tiny, injected_error_share=0.05
    )
    add_items(owner, project, [f"call me about lunch number {i}" for i in range(ITEMS)])
    open_ = lambda: owner.get(f"{project}/progress")["counts"].get("ANNOTATION.OPEN", 0)  # noqa: E731
    until(lambda: open_() == ITEMS, "open tasks")
    truths = {name: task["prediction"]["value"] for name, task in _tasks(owner, project).items()}
    eve = Client(world.platform.url, add_person(owner, tenant, "eve"))
    shown = _work_off(eve, project, truths, looks=False)
    planted = {name for name, value in shown.items() if value != truths[name]}
    assert 0 < len(planted) < ITEMS / 5
    accepted = lambda: owner.get(f"{project}/progress")["accepted_count"]  # noqa: E731
    until(lambda: accepted() == ITEMS - len(planted), "the others settled")
    until(lambda: open_() == len(planted), "planted drafts that stayed are asked again")
    tasks = _tasks(owner, project)
    assert {name for name, task in tasks.items() if task["state"] != "ACCEPTED"} == planted
    assert all(tasks[name]["blind"] for name in planted)
    ann = Client(world.platform.url, add_person(owner, tenant, "ann"))
    bob = Client(world.platform.url, add_person(owner, tenant, "bob"))
    seen: dict[str, Any] = {}

    judge = Client(world.platform.url, add_person(owner, tenant, "judge", role="reviewer"))

    def decide() -> None:
        held = judge.post(f"{project}/tasks:claim", {"max_tasks": 20, "stage": "REVIEW"})
        for one in held["assignments"]:
            body = {"fencing_token": one["fencing_token"], "verdict": "FIXED"}
            judge.post(f"{one['name']}:review", {**body, "value": truths[one["task"]]})

    def settled() -> bool:
        for person in (ann, bob):
            seen.update(_work_off(person, project, truths, looks=True))
        decide()
        return bool(accepted() == ITEMS)

    until(settled, "settled")
    assert not seen, "they worked blind"
    labels = {name: task["label"]["value"] for name, task in _tasks(owner, project).items()}
    assert labels == truths, "no planted error is a label"
    measured = lambda: owner.get(f"{project}/skills/eve")["anchoring"]  # noqa: E731
    until(lambda: measured().get("injected_error_count") == len(planted), "measured")
    assert measured()["injected_error_kept_count"] == len(planted)
