"""What waits for people is counted and emitted: how much, what nobody may take, what evidence
waits for a reviewer; and what a reviewer rejected reaches who did it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from labelmill.gateway.v1.events_pb2 import UserUpdated
from labelmill.intake.v1 import intake_pb2
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.review_router.v1 import review_router_pb2 as router_pb2
from labelmill.review_router.v1.events_pb2 import TasksRouted
from labelmill.task_dispatch.v1.events_pb2 import WorkWaiting
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.errors import Exhausted, Invalid
from libs.common.store import Unit
from services.task_dispatch import store as tables
from services.task_dispatch.domain import Stage, Task
from tests.unit.services.task_dispatch.test_task_dispatch import HAM, PROJECT, Bench, bench

__all__ = ["bench"]
DRAFT = {"name": f"{PROJECT}/predictions/x", "model": "m", "value": HAM, "score": 0.9}

ITEM = intake_pb2.Item(name=f"{PROJECT}/items/other", data='{"text":"y"}')


async def looked(bench: Bench, seconds: float = 60.0) -> Any:
    """The newest of what is told, so much later."""
    bench.clock.advance(seconds)
    await bench.service.attention.look_due()
    events = await bench.store.pending_events(1000)
    found = [m for e in events if isinstance(m := e.message(), WorkWaiting)]
    return found[-1] if found else None


async def answer(bench: Bench, person: str, count: int) -> None:
    for held, _ in await bench.claim(person, count):
        await bench.service.work.submit(held.name, person, held.fencing_token, HAM, 1.0)


async def routed(bench: Bench, task: str, action: Any, **more: Any) -> None:
    await bench.route(f"{PROJECT}/tasks/{task}", action, **more)


async def test_a_task_that_nobody_who_works_here_may_take_is_told_within_a_minute(
    bench: Bench,
) -> None:
    await bench.open_tasks(3, replica_count=2)
    told = await looked(bench, 20)
    assert (told.task_count, told.stranded_count) == (3, 0), "nobody began yet"
    await answer(bench, "ann", 2)
    told = await looked(bench, 50)
    assert told.stranded_count == 2 and "1 people" in told.stranded_reason
    await answer(bench, "bob", 1)
    told = await looked(bench)
    assert (told.task_count, told.stranded_count) == (2, 0), "each may take the other's"
    count = len(await bench.store.pending_events(1000))
    await looked(bench, 600)
    assert len(await bench.store.pending_events(1000)) == count, "told once"


async def closed_to(bench: Bench, *people: str, version: int = 2) -> None:
    project = ProjectUpdated()
    project.project.name, project.project.version = PROJECT, version
    project.project.policy.replica_count = 2
    project.project.members.listed = True
    project.project.members.people.extend(people)
    await bench.hear(project)


async def reviewed(bench: Bench, person: str) -> None:
    """The person has reviewed a task of the project."""
    await bench.hear(ItemsAdmitted(project=PROJECT, items=[ITEM]))
    await routed(bench, "other", router_pb2.ACTION_ADJUDICATE)
    ((held, _),) = await bench.service.claims.claim(PROJECT, person, Stage.REVIEW, 1, (), "")
    fixed = {"verdict": "FIXED", "value": HAM, "work_seconds": 1.0}
    await bench.service.work.review(held.name, person, held.fencing_token, fixed)


async def test_the_members_of_a_closed_project_are_who_may_be_left(bench: Bench) -> None:
    """Who has not begun yet may; who is no member any more may not, whatever they answered."""
    await bench.open_tasks(2, replica_count=2)
    await answer(bench, "ann", 2)
    await answer(bench, "bob", 1)
    await closed_to(bench, "ann", "eve")
    assert (await looked(bench)).stranded_count == 0, "eve has not begun"
    await closed_to(bench, "ann", version=3)
    told = await looked(bench, 600)
    assert told.stranded_count == 1, "bob is no member, and ann has answered"
    assert "1 people who are members of" in told.stranded_reason


async def users(bench: Bench, *told: tuple[str, str], version: int = 1, **more: Any) -> None:
    """The gateway tells users: (id, role)."""
    user = {"version": version, "active": True, **more}
    await bench.hear(*(UserUpdated(user=f"tenants/t/users/{u}", role=r, **user) for u, r in told))


async def test_an_open_project_knows_who_of_the_tenant_may_still_label(bench: Bench) -> None:
    """Nothing is said while somebody could take it, who never answered here; and leads are no
    annotators until they answer."""
    await bench.open_tasks(2, replica_count=2)
    await users(bench, ("ann", "annotator"), ("eve", "annotator"), ("boss", "manager"))
    await bench.hear(
        UserUpdated(user="tenants/other/users/x", role="annotator", active=True, version=1)
    )
    await answer(bench, "ann", 2)
    assert (await looked(bench)).stranded_count == 0, "eve may"
    await users(bench, ("eve", "annotator"), version=2, active=False)
    told = await looked(bench, 600)
    assert told.stranded_count == 2 and "1 people who may label in" in told.stranded_reason
    await users(bench, ("eve", "annotator"))  # older news
    assert (await looked(bench, 600)).stranded_count == 2
    await answer(bench, "boss", 1)
    told = await looked(bench, 600)
    assert told.stranded_count == 0, "boss may take the other one"


async def test_who_lacks_a_skill_is_nobody_who_may(bench: Bench) -> None:
    await bench.open_tasks(1, replica_count=2)
    await answer(bench, "ann", 1)
    project = ProjectUpdated()
    project.project.name, project.project.version = PROJECT, 2
    project.project.policy.required_skills.append("latin")
    await bench.hear(project)
    await users(bench, ("ann", "annotator"), skills=["latin"])
    await users(bench, ("eve", "annotator"), skills=["greek"])
    assert (await looked(bench)).stranded_count == 1
    await users(bench, ("eve", "annotator"), version=2, skills=["greek", "latin"])
    assert (await looked(bench, 600)).stranded_count == 0


async def test_an_audit_that_all_have_worked_on_goes_to_a_reviewer_of_an_open_project(
    bench: Bench,
) -> None:
    """Four people, of whom two were too late with theirs: nobody is left for a third opinion."""
    await bench.open_tasks(1, replica_count=2, lease_seconds=10)
    people = ("ann", "bob", "cid", "dan")
    await users(bench, *((who, "annotator") for who in people), ("judge", "reviewer"))
    late = [(await bench.claim(who))[0][0] for who in people[:2]]
    bench.clock.advance(15)
    await bench.service.lease_expiry.expire_leases()
    held = [(await bench.claim(who))[0][0] for who in people[2:]]
    for one in (*late, *held):
        await bench.service.work.submit(one.name, one.annotator, one.fencing_token, HAM, 1.0)
    await routed(bench, "i000", router_pb2.ACTION_AUDIT, replica_count=3, blind=True)
    assert not [who for who in people if await bench.claim(who)]
    assert (await looked(bench)).stranded_count == 0, "a reviewer has it"
    ((_, task),) = await bench.service.claims.claim(PROJECT, "judge", Stage.REVIEW, 1, (), "")
    assert task.stage is Stage.ADJUDICATION and task.annotation_count == 2


async def test_evidence_that_only_the_draft_speaks_for_is_no_reviewers(bench: Bench) -> None:
    """A reviewer would see the draft alone: that is no blind evidence. It is told instead."""
    await bench.open_tasks(1)
    await users(bench, ("ann", "annotator"), ("judge", "reviewer"))
    ((held, task),) = await bench.claim("ann")
    drawn = replace(task, sampled=True, prediction=DRAFT, version=task.version + 1)
    await bench.store.transact(save(task, drawn))
    await bench.service.work.give_back(held.name, "ann", held.fencing_token, "cannot tell")
    assert (await looked(bench)).stranded_count == 1
    assert (await bench.service.tasks.get(task.name)).stage is Stage.ANNOTATION


def save(before: Task, after: Task) -> Any:
    async def work(unit: Unit) -> None:
        tables.save(unit, before, after)

    return work


async def test_a_begun_task_is_seen_behind_any_number_of_untouched_ones(bench: Bench) -> None:
    await bench.open_tasks(700, replica_count=2)
    await answer(bench, "ann", 1)
    await bench.service.bulk_updates.prioritize(
        {f"{PROJECT}/tasks/i{i:03}": 9.0 for i in range(1, 700)}
    )
    assert (await looked(bench)).stranded_count == 1


async def test_where_there_are_reviewers_they_get_what_no_member_may_take(bench: Bench) -> None:
    await bench.open_tasks(3, replica_count=2)
    await closed_to(bench, "ann", "rev")
    await answer(bench, "ann", 3)
    assert (await looked(bench)).stranded_count == 0, "rev never worked here, and may"
    await reviewed(bench, "rev")
    told = await looked(bench, 600)
    assert told.stranded_count == 0, "nothing to tell: a reviewer has it"
    (held, task), *_ = await bench.service.claims.claim(PROJECT, "rev", Stage.REVIEW, 9, (), "")
    assert held.stage is Stage.ADJUDICATION and "nobody is left" in task.comment
    fixed = {"verdict": "FIXED", "value": HAM, "work_seconds": 1.0}
    await bench.service.work.review(held.name, "rev", held.fencing_token, fixed)
    assert not await bench.claim("ann"), "hers are answered, or with the reviewer"


async def test_where_nothing_waits_any_more_that_is_told_and_nothing_is_looked_at(
    bench: Bench,
) -> None:
    await bench.open_tasks(1)
    assert (await looked(bench)).task_count == 1
    await answer(bench, "ann", 1)
    assert (await looked(bench)).task_count == 0
    assert not await bench.store.find(tables.WATCHES, {})


async def test_evidence_that_waits_for_a_reviewer_is_told_with_its_time(bench: Bench) -> None:
    await bench.open_tasks(2)
    since = bench.clock.now()
    await answer(bench, "ann", 2)
    await routed(bench, "i000", router_pb2.ACTION_ADJUDICATE, sampled=True)
    await routed(bench, "i001", router_pb2.ACTION_REVIEW)
    told = await looked(bench)
    assert told.evidence_count == 1
    assert told.evidence_time.ToDatetime(since.tzinfo) == since


async def test_a_rejection_reaches_who_did_the_work_and_who_gets_it_next(bench: Bench) -> None:
    await bench.open_tasks(1)
    await answer(bench, "ann", 1)
    await routed(bench, "i000", router_pb2.ACTION_REVIEW)
    ((held, _),) = await bench.service.claims.claim(PROJECT, "rev", Stage.REVIEW, 1, (), "")
    verdict = {"verdict": "REJECTED", "comment": "the tail is missing", "work_seconds": 2.0}
    await bench.service.work.review(held.name, "rev", held.fencing_token, verdict)
    (said,) = await bench.service.work.feedback(PROJECT, "ann", 10, "")
    assert said["comment"] == "the tail is missing" and said["value"] == HAM
    assert said["task"] == f"{PROJECT}/tasks/i000"
    assert not await bench.service.work.feedback(PROJECT, "rev", 10, "")
    assert not await bench.service.work.feedback(PROJECT, "ann", 10, said["name"])
    with pytest.raises(Invalid):
        await bench.service.work.feedback(PROJECT, "ann", 10, "no token")
    comment = "the tail is missing"
    await routed(bench, "i000", router_pb2.ACTION_ANNOTATE, replica_count=2, comment=comment)
    assert not await bench.claim("ann")
    ((_, task),) = await bench.claim("bob")
    assert task.comment == "the tail is missing"


async def test_the_cap_of_one_part_holds_nobody_off_the_others(bench: Bench) -> None:
    """Work of a part that is full for a person is refused there; what others have is given."""
    whole, told = ProjectUpdated(), []
    whole.project.name, whole.project.version = PROJECT, 2
    for part in ("first", "second"):
        whole.template.parts.add(name=part)
        own = ProjectUpdated()
        own.project.name, own.project.version = f"{PROJECT}.{part}", 1
        own.project.policy.annotator_cap = 1
        told.append(own)
    await bench.hear(whole, *told)
    for part in ("first", "second"):
        admitted, opened = (
            ItemsAdmitted(project=f"{PROJECT}.{part}"),
            TasksRouted(project=f"{PROJECT}.{part}"),
        )
        for i in range(2):
            admitted.items.add(name=f"{PROJECT}.{part}/items/i{i}", data='{"text":"x"}')
            opened.routings.add(
                task=f"{PROJECT}.{part}/tasks/i{i}",
                task_version=1,
                action=router_pb2.ACTION_ANNOTATE,
                replica_count=1,
            )
        await bench.hear(admitted)
        await bench.hear(opened)
    got = [(await bench.claim("ann"))[0][1].project for _ in range(2)]
    assert got == [f"{PROJECT}.first", f"{PROJECT}.second"]
    with pytest.raises(Exhausted):
        await bench.claim("ann")
