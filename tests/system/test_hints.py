"""A submission far from the draft: back with a hint, objected to, seen by a reviewer."""

from __future__ import annotations

from itertools import islice
from typing import Any

from libs.cli.client import Client
from tests.system.conftest import World
from tests.system.line import add_items, add_person, fresh, make_project, truths_of, until, work_off
from tools import datasets

SURE_HAM = "Lunch at noon tomorrow? Let me know if that still works for you, thanks."
OTHER = {"ham": "spam", "spam": "ham"}


def _submit(person: Client, held: dict[str, Any], chosen: str) -> dict[str, Any]:
    body = {
        "value": {"choices": {"classes": [chosen]}},
        "fencing_token": held["fencing_token"],
        "work_seconds": 4.0,
    }
    answered: dict[str, Any] = person.post(f"{held['name']}:submit", body)["annotation"]
    return answered


def test_far_from_the_draft_hint_objection_reviewer(world: World) -> None:
    tenant = fresh("again")
    owner = world.tenant(tenant)
    # Half of what is drafted is the gate's blind sample: what the threshold is learnt from.
    project = make_project(
        owner, tenant, audit_share=0.5, check_false_alarm=0.3, unchecked_share=1e-9
    )
    examples = list(islice(datasets.spam("test"), 120))
    add_items(owner, project, [e.text for e in examples])
    truths = truths_of(owner, project, {f"k{i}": e.truth for i, e in enumerate(examples)})
    work_off(world, owner, tenant, project, truths, len(examples))

    # New mails; somebody answers the opposite of the draft.
    mails = [{"data": {"text": f"{SURE_HAM} {i}"}, "source_key": f"new{i}"} for i in range(12)]
    owner.post(f"{project}/items:batchCreate", {"items": mails})
    person = Client(world.platform.url, add_person(owner, tenant, "ann"))
    claimed: list[dict[str, Any]] = []

    def claim() -> bool:
        claimed.extend(person.post(f"{project}/tasks:claim", {"max_tasks": 20})["assignments"])
        return len(claimed) >= len(mails)

    until(claim, "the new tasks")
    ordinary = [a for a in claimed if "prediction" in a]
    assert ordinary, "chance drew every one as evidence"
    held = ordinary[0]
    wrong = OTHER[held["prediction"]["value"]["choices"]["classes"][0]]
    first = _submit(person, held, wrong)
    assert not first["held"]

    def returned() -> bool:
        live = person.get(f"{project}/assignments")["assignments"]
        found = [a for a in live if a["task"] == held["task"]]
        held.update(found[0] if found else {})
        return bool(found)

    until(returned, "the task to come back")
    assert held["draft"]["choices"]["classes"] == [wrong]
    assert held["comment"] and "ham" not in held["comment"] and "spam" not in held["comment"]
    second = _submit(person, held, wrong)
    assert second["after_hint"] and second["objected"]

    until(lambda: owner.get(held["task"])["stage"] == "REVIEW", "the review")
    task = owner.get(held["task"])
    assert [a["held"] for a in task["annotations"]] == [True, False]
    assert [d["action"] for d in task["decisions"]][-2:] == ["RETURN", "REVIEW"]

    judge = Client(world.platform.url, add_person(owner, tenant, "judge", "reviewer"))
    (review,) = judge.post(f"{project}/tasks:claim", {"stage": "REVIEW"})["assignments"]
    assert review["task"] == held["task"]
    assert [o["choices"]["classes"] for o in review["annotations"]] == [[wrong]]
    body = {"verdict": "APPROVED", "fencing_token": review["fencing_token"]}
    judge.post(f"{review['name']}:review", body)
    until(lambda: owner.get(held["task"])["state"] == "ACCEPTED", "acceptance")

    def measured() -> bool:
        found = owner.get(f"{project}/quality")["correction"]
        # The simulated people before were right, too, where they were asked.
        counts = [found[f"{k}_count"] for k in ("held", "objected", "upheld")]
        return counts[0] >= 1 and counts == [counts[0]] * 3 and found["changed_count"] == 0

    until(measured, "the measure of it")
