"""People's path over REST: claims, drafts, submits, skips, reviews, and everything out of turn."""

from __future__ import annotations

from typing import Any

import pytest

from libs.cli.client import Client, Refused
from tests.system.conftest import World
from tests.system.line import add_items, add_person, fresh, make_project, until

HAM: dict[str, Any] = {"choices": {"classes": ["ham"]}}
SPAM: dict[str, Any] = {"choices": {"classes": ["spam"]}}


def _open_project(world: World, count: int, **policy: Any) -> tuple[Client, str, str]:
    tenant = fresh("people")
    owner = world.tenant(tenant)
    project = make_project(owner, tenant, audit_share=0.000001, **policy)
    add_items(owner, project, [f"text number {i}" for i in range(count)])
    open_ = lambda: owner.get(f"{project}/progress")["counts"].get("ANNOTATION.OPEN", 0)  # noqa: E731
    until(lambda: open_() == count, "open tasks")
    return owner, tenant, project


def _person(world: World, owner: Client, tenant: str, name: str, **more: Any) -> Client:
    return Client(world.platform.url, add_person(owner, tenant, name, **more))


def _claim(person: Client, project: str, **body: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.post(f"{project}/tasks:claim", body)["assignments"]
    return found


def test_a_day_of_an_annotator(world: World) -> None:
    owner, tenant, project = _open_project(world, 4, pre_label=True)
    ann = _person(world, owner, tenant, "ann")
    first, second, third, fourth = _claim(ann, project, max_tasks=10)
    assert len(ann.get(f"{project}/assignments")["assignments"]) == 4
    token = {"fencing_token": first["fencing_token"]}
    draft = ann.post(f"{first['name']}:saveDraft", {**token, "value": HAM})
    assert draft["draft"] == HAM
    kept = ann.post(f"{first['name']}:submit", {**token, "value": SPAM, "work_seconds": 3.5})
    again = ann.post(f"{first['name']}:submit", {**token, "value": SPAM, "work_seconds": 3.5})
    assert again == kept and kept["annotation"]["work_seconds"] == 3.5
    ann.post(
        f"{second['name']}:skip",
        {"fencing_token": second["fencing_token"], "reason": "not my language"},
    )
    ann.post(f"{third['name']}:release", {"fencing_token": third["fencing_token"]})
    until(lambda: owner.get(first["task"])["state"] == "ACCEPTED", "first settled")
    again_mine = {a["task"] for a in _claim(ann, project, max_tasks=10)}
    assert again_mine == {third["task"]}, "released comes again, skipped and done never"
    assert fourth["task"] not in again_mine


def test_out_of_turn_changes_nothing(world: World) -> None:
    owner, tenant, project = _open_project(world, 1)
    ann = _person(world, owner, tenant, "ann")
    eve = _person(world, owner, tenant, "eve")
    (held,) = _claim(ann, project)
    before, token = owner.get(held["task"]), held["fencing_token"]
    cases = [
        (ann, "submit", {"fencing_token": 99, "value": HAM}, 409, "fencing_token"),
        (eve, "submit", {"fencing_token": token, "value": HAM}, 404, "name"),
        (ann, "submit", {"fencing_token": token}, 422, "value"),
        (ann, "submit", {"fencing_token": "1", "value": HAM}, 422, "fencing_token"),
        (ann, "submit", {"fencing_token": token, "value": HAM, "extra": 1}, 422, "extra"),
        (ann, "skip", {"fencing_token": token, "reason": ""}, 422, "reason"),
        (ann, "review", {"fencing_token": token, "verdict": "APPROVED"}, 403, ""),
    ]
    for person, verb, body, status, field in cases:
        with pytest.raises(Refused) as refused:
            person.post(f"{held['name']}:{verb}", body)
        assert refused.value.status == status, (verb, body, refused.value)
        assert field in str(refused.value)
    assert owner.get(held["task"]) == before
    ann.post(f"{held['name']}:submit", {"fencing_token": held["fencing_token"], "value": HAM})
    with pytest.raises(Refused, match="another answer"):
        ann.post(f"{held['name']}:submit", {"fencing_token": held["fencing_token"], "value": SPAM})


def test_replicas_are_independent_and_disputes_are_settled(world: World) -> None:
    owner, tenant, project = _open_project(world, 1, replica_count=2)
    people = [_person(world, owner, tenant, f"ann{i}") for i in range(4)]
    first = _claim(people[0], project)[0]
    second = _claim(people[1], project)[0]
    assert first["task"] == second["task"]
    assert not _claim(people[0], project), "nobody gets an item twice"
    people[0].post(
        f"{first['name']}:submit", {"fencing_token": first["fencing_token"], "value": HAM}
    )
    people[1].post(
        f"{second['name']}:submit", {"fencing_token": second["fencing_token"], "value": SPAM}
    )
    until(lambda: owner.get(first["task"])["replica_count"] == 3, "one more opinion is asked for")
    until(lambda: bool(_try_submit(people[2], project, HAM)), "third opinion")
    until(lambda: bool(_try_submit(people[3], project, SPAM)), "fourth opinion")
    until(lambda: owner.get(first["task"])["stage"] == "ADJUDICATION", "adjudication")
    judge = _person(world, owner, tenant, "judge", role="reviewer")
    (held,) = _claim(judge, project, stage="REVIEW")
    assert len(held["annotations"]) >= 4
    body = {"fencing_token": held["fencing_token"], "verdict": "FIXED", "value": SPAM}
    judge.post(f"{held['name']}:review", body)
    until(lambda: owner.get(first["task"])["state"] == "ACCEPTED", "settled")
    label = owner.get(first["task"])["label"]
    assert (label["source"], label["value"]) == ("REVIEWED", SPAM)


def _try_submit(person: Client, project: str, value: dict[str, Any]) -> bool:
    found = _claim(person, project)
    for held in found:
        body = {"fencing_token": held["fencing_token"], "value": value}
        person.post(f"{held['name']}:submit", body)
    return bool(found)


def test_caps_skills_and_leases(world: World) -> None:
    owner, tenant, project = _open_project(
        world, 3, annotator_cap=1, required_skills=["latin"], lease_seconds=6
    )
    unskilled = _person(world, owner, tenant, "unskilled")
    with pytest.raises(Refused, match="latin"):
        _claim(unskilled, project)
    ann = _person(world, owner, tenant, "ann", skills=["latin"])
    (held,) = _claim(ann, project, max_tasks=3)
    with pytest.raises(Refused) as capped:
        _claim(ann, project)
    assert capped.value.status == 429
    until(lambda: owner.get(held["task"])["state"] == "OPEN", "the lease runs out")
    late = ann.post(
        f"{held['name']}:submit", {"fencing_token": held["fencing_token"], "value": HAM}
    )
    assert not late["annotation"]["late"], "nobody had taken its place"
    until(lambda: owner.get(held["task"])["state"] != "OPEN", "the late answer counts")


def test_the_same_key_is_the_same_request(world: World) -> None:
    owner, tenant, project = _open_project(world, 5)
    ann = _person(world, owner, tenant, "ann")
    path, key = f"{project}/tasks:claim", {"Idempotency-Key": "one"}
    first = ann.post(path, {"max_tasks": 2}, **key)
    assert ann.post(path, {"max_tasks": 2}, **key) == first
    with pytest.raises(Refused, match="Idempotency-Key"):
        ann.post(path, {"max_tasks": 3}, **key)
