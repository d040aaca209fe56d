"""One more opinion while it is worth its price, over REST."""

from __future__ import annotations

from tests.system.conftest import World
from tests.system.line import until
from tests.system.test_people import HAM, _open_project, _person, _try_submit


def test_a_newcomers_answer_is_asked_again_and_agreement_settles(world: World) -> None:
    owner, tenant, project = _open_project(
        world, 1, adaptive_annotations=40.0, people_audit_share=0.000001
    )
    people = [_person(world, owner, tenant, f"ann{i}") for i in range(2)]
    assert _try_submit(people[0], project, HAM)
    (task,) = owner.get(f"{project}/tasks")["tasks"]
    until(lambda: owner.get(task["name"])["replica_count"] == 2, "one more opinion is asked for")
    asked = owner.get(task["name"])["decisions"][-1]["reason"]
    assert "worth its price" in asked
    until(lambda: _try_submit(people[1], project, HAM), "second opinion")
    until(lambda: owner.get(task["name"])["state"] == "ACCEPTED", "settled")
    label = owner.get(task["name"])["label"]
    assert label["value"] == HAM and 0.9 < label["score"] < 1.0
    assert owner.get(f"{project}/quality")["truth_method"] == "wawa"
