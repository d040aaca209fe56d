"""Fair to people over REST: who fails known answers is paused with the reason, and resumed."""

from __future__ import annotations

from typing import Any

import pytest

from libs.cli.client import Client, Refused
from tests.system.conftest import World
from tests.system.line import add_items, add_person, fresh, make_project, until

HAM: dict[str, Any] = {"choices": {"classes": ["ham"]}}
SPAM: dict[str, Any] = {"choices": {"classes": ["spam"]}}


def _work(person: Client, project: str, count: int) -> int:
    """Answers spam until nothing more is given out; how many answers that were."""
    done = 0
    while done < count:
        held = person.post(f"{project}/tasks:claim", {"max_tasks": 1})["assignments"]
        if not held:
            return done
        body = {"fencing_token": held[0]["fencing_token"], "value": SPAM, "work_seconds": 4.0}
        person.post(f"{held[0]['name']}:submit", body)
        done += 1
    return done


def test_who_fails_known_answers_is_paused_with_the_reason_and_resumed(world: World) -> None:
    tenant = fresh("pauses")
    owner = world.tenant(tenant)
    project = make_project(owner, tenant, audit_share=0.000001)
    add_items(owner, project, [f"text number {i}" for i in range(12)], gold=HAM)
    until(lambda: owner.get(f"{project}/progress")["counts"].get("ANNOTATION.OPEN") == 12, "open")
    eve = Client(world.platform.url, add_person(owner, tenant, "eve"))
    bob = Client(world.platform.url, add_person(owner, tenant, "bob"))
    assert _work(eve, project, 5) == 5
    mine = f"{project}/skills/eve"
    states = lambda: [s["state"] for s in owner.get(f"{project}/skills").get("skills", [])]  # noqa: E731
    until(lambda: states() == ["PAUSED"], "the pause")

    def refused() -> bool:
        try:
            eve.post(f"{project}/tasks:claim", {"max_tasks": 1})
        except Refused as denied:
            return denied.status == 403 and "checked answers were wrong" in str(denied)
        return False

    until(refused, "no more claims")
    seen = eve.get(mine)
    assert seen["state"] == "PAUSED" and "checked answers were wrong" in seen["reason"]
    assert not (seen.get("plan") or seen["gold_count"] or seen["signals"])
    with pytest.raises(Refused) as other:
        bob.get(mine)
    assert other.value.status == 403
    with pytest.raises(Refused):
        eve.post(f"{mine}:resume", {})
    assert owner.post(f"{mine}:resume", {"reason": "we talked"})["state"] == "ACTIVE"
    until(lambda: not refused(), "claims again")
    assert not owner.get(f"{project}/suspectGold").get("golds")
