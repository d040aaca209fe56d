"""What is worked blind is blind by every door: assignments, drafts, models, progress, skill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from google.protobuf.message import Message
from labelmill.prelabel_gateway.v1 import prelabel_gateway_pb2 as models_pb
from labelmill.task_dispatch.v1 import task_dispatch_pb2 as pb

from libs.common.access import ANNOTATOR, MANAGER, REVIEWER, SERVICE, Caller, set_caller
from libs.common.clock import FakeClock
from libs.common.errors import Denied, Invalid, NotFound, OutOfTurn
from libs.common.rpc import LocalPeer
from libs.common.store import Store, Unit, open_store
from services.prelabel_gateway.permits import Permits
from services.task_dispatch import store as tables
from services.task_dispatch.domain import Action, Doc, Policy, Project, Routing, Stage, State, Task
from services.task_dispatch.lifecycle import transitions
from services.task_dispatch.main import wire
from services.task_dispatch.rpc import TasksRpc

PROJECT, TASKS = "tenants/t/projects/p", "labelmill.task_dispatch.v1.Tasks"
HAM: Doc = {"choices": {"classes": ["ham"]}}
SPAM: Doc = {"choices": {"classes": ["spam"]}}
DRAFT: Doc = {"name": f"{PROJECT}/predictions/x", "model": "m", "value": HAM, "score": 0.9}
ANN = Caller("ann", "tenants/t", ANNOTATOR, ("latin",))
JUDGE = Caller("judge", "tenants/t", REVIEWER)
BOSS = Caller("boss", "tenants/t", MANAGER)


class Door:
    """Task-dispatch as its callers meet it, over a real store."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock = store, FakeClock()
        self.service = wire(store, self.clock)
        self.peer = LocalPeer(
            {TASKS: TasksRpc(self.service.claims, self.service.work, self.service.tasks)}, TASKS
        )
        self.permits = Permits(self.peer, orjson.loads)

    async def open(self, *routings: dict[str, Any], **project: Any) -> None:
        """A project with one open task a routing, in their order."""
        made = Project(PROJECT, 1, "template", Policy(required_skills=("latin",)), **project)
        await self.service.ingest.remember_projects([made])
        tasks: list[tuple[None, Task]] = []
        for i, routing in enumerate(routings):
            gold = {"gold": HAM} if routing.pop("gold", False) else {}
            item = {"name": f"{PROJECT}/items/i{i}", "data": f'{{"text": "{i}"}}', **gold}
            task = transitions.create(item, made, self.clock.now())
            decided = Routing(task.name, task.version, Action.ANNOTATE, **routing)
            opened = transitions.route(task, decided, self.clock.now())
            assert opened is not None
            tasks.append((None, opened))

        async def work(unit: Unit) -> None:
            tables.save_many(unit, tasks)

        await self.store.transact(work)

    async def claim(self, who: Caller = ANN, **more: Any) -> list[pb.Assignment]:
        more = {"annotator": who.subject, "max_tasks": 50, **more}
        asked = pb.ClaimTasksRequest(parent=PROJECT, **more)
        return list((await self.peer.call("ClaimTasks", asked, who)).assignments)

    async def held(self, who: Caller, request: Message) -> Any:
        set_caller(who)
        return await self.permits.held(request)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    store = await open_store(f"sqlite:///{tmp_path}", "task_dispatch", tables.COLLECTIONS)
    yield Door(store)
    await store.close()


def _set(message: Message) -> set[str]:
    return {field.name for field, _ in message.ListFields()}


async def test_a_known_answer_with_a_draft_has_the_fields_of_any_other(door: Door) -> None:
    shown = {"prediction": DRAFT, "priority": 0.1}
    await door.open(dict(shown), {**shown, "gold": True}, {**shown, "blind": True})
    ordinary, gold, blind = await door.claim()
    assert _set(ordinary) == _set(gold) == {*_set(blind), "prediction", "assisted"}


async def test_a_known_answer_goes_when_a_gate_opens_as_others_do(door: Door) -> None:
    """Left behind with drafts above the threshold, all that is left would be known answers."""
    await door.open({"prediction": DRAFT}, {"prediction": DRAFT, "gold": True})
    gate = {"project": PROJECT, "state": "OPEN", "model": "m", "model_version": "1"}
    await door.service.rerouting.plan({**gate, "threshold": 0.5, "name": "g", "version": 1})
    await door.service.rerouting.reroute_some()
    states = {
        task.gold: task.state for task in await door.service.tasks.list(PROJECT, None, 10, "")
    }
    assert states == {False: State.ROUTING, True: State.ROUTING}


async def test_a_fencing_token_tells_nothing_of_earlier_leases(door: Door) -> None:
    await door.open({}, {})
    first, other = await door.claim()
    release = pb.ReleaseAssignmentRequest(
        name=first.name, annotator="ann", fencing_token=first.fencing_token
    )
    await door.peer.call("ReleaseAssignment", release, ANN)
    door.clock.advance(1)
    eve = Caller("eve", "tenants/t", ANNOTATOR, ("latin",))
    (again,) = await door.claim(eve)
    micros = int(timedelta(seconds=1) / timedelta(microseconds=1))
    assert again.fencing_token > first.fencing_token
    assert abs(again.fencing_token - other.fencing_token - micros) <= 1, "the time, and no count"


async def test_a_model_is_asked_only_about_what_is_held_and_not_blind(door: Door) -> None:
    planted = {**DRAFT, "injected_error": SPAM}
    await door.open({"prediction": DRAFT, "blind": True}, {"prediction": planted}, {})
    blind, shown, bare = await door.claim()

    def asked(held: pb.Assignment, name: str = "", data: str = "") -> models_pb.PredictRequest:
        name, data = name or held.name, data or held.data
        return models_pb.PredictRequest(parent=PROJECT, data=data, assignment=name)

    for request in (
        asked(blind),
        models_pb.PredictRequest(parent=PROJECT, data=blind.data),
        asked(shown, name=f"{shown.task}/assignments/another"),
    ):
        with pytest.raises(Denied):
            await door.held(ANN, request)
    with pytest.raises(Denied):
        await door.held(JUDGE, asked(shown))
    with pytest.raises(Invalid) as other:
        await door.held(ANN, asked(shown, data=blind.data))
    assert other.value.field == "data"
    found = await door.held(ANN, asked(shown, data='{"text":"1"}'))
    # A planted draft stays what it is by this door, too.
    assert found.prediction.value.choices.classes == ["spam"]
    assert not found.prediction.HasField("injected_error")
    assert (await door.held(ANN, asked(bare))).assisted
    assert await door.held(BOSS, asked(blind)) is None


async def test_no_refusal_names_an_audit(door: Door) -> None:
    """A reviewer who annotates tries to review what they were given."""
    await door.open({}, {})
    judge = Caller("judge", "tenants/t", REVIEWER, ("latin",))
    first, second = await door.claim(judge)

    async def to_audit(unit: Unit) -> None:
        task = await tables.task_by_name(unit, second.task)
        assert task is not None
        tables.save(unit, task, replace(task, version=task.version + 1, stage=Stage.AUDIT))

    await door.store.transact(to_audit)
    said = []
    for held in (first, second):
        verdict = pb.SubmitReviewRequest(
            name=held.name,
            reviewer="judge",
            fencing_token=held.fencing_token,
            verdict="VERDICT_APPROVED",
        )
        with pytest.raises(OutOfTurn) as refused:
            await door.peer.call("SubmitReview", verdict, judge)
        said.append(refused.value.message)
    assert said[0] == said[1]


async def test_skills_and_lanes_are_not_those_of_the_request(door: Door) -> None:
    await door.open({})
    unskilled = Caller("bob", "tenants/t", ANNOTATOR)
    with pytest.raises(Denied, match="latin"):
        await door.claim(unskilled, skills=["latin"])
    for stage in (pb.STAGE_REVIEW, pb.STAGE_ADJUDICATION):
        with pytest.raises(Denied, match="does not review"):
            await door.claim(stage=stage)
    service = Caller("bot", "tenants/t", SERVICE, ("latin",))
    with pytest.raises(Denied, match="may not act as ann"):
        await door.claim(service, annotator="ann")
    platform = Caller("platform", "", SERVICE)
    with pytest.raises(Denied, match="nobody's work"):
        await door.claim(platform)


async def test_who_reviews_no_more_sees_no_opinions_and_nor_do_those_who_annotate(
    door: Door,
) -> None:
    """A task goes to reviewers while a lease of an annotator's runs."""
    await door.open({"replica_count": 2})
    (held,) = await door.claim()
    bob = Caller("bob", "tenants/t", ANNOTATOR, ("latin",))
    (other,) = await door.claim(bob)
    submit = pb.SubmitAnnotationRequest(
        name=other.name, annotator="bob", fencing_token=other.fencing_token
    )
    submit.value.choices.classes.append("ham")
    await door.peer.call("SubmitAnnotation", submit, bob)

    async def to_review(unit: Unit) -> None:
        task = await tables.task_by_name(unit, held.task)
        assert task is not None
        moved = replace(task, stage=Stage.ADJUDICATION, state=State.OPEN, review_goal=5)
        tables.save(unit, task, replace(moved, version=task.version + 1))

    await door.store.transact(to_review)
    asked = pb.ListAssignmentsRequest(parent=PROJECT, annotator="ann")
    (seen,) = (await door.peer.call("ListAssignments", asked, ANN)).assignments
    assert seen.stage == pb.STAGE_ANNOTATION and not seen.annotations
    judge = Caller("judge", "tenants/t", REVIEWER, ("latin",))
    (judged,) = await door.claim(judge, stage=pb.STAGE_ADJUDICATION)
    assert len(judged.annotations) == 1
    mine = pb.ListAssignmentsRequest(parent=PROJECT, annotator="judge")
    demoted = Caller("judge", "tenants/t", ANNOTATOR, ("latin",))
    assert not (await door.peer.call("ListAssignments", mine, demoted)).assignments


async def test_reviewers_see_progress_that_moves_alike_for_all_tasks(door: Door) -> None:
    await door.open({"prediction": DRAFT}, {"prediction": DRAFT, "gold": True})
    asked = pb.GetProgressRequest(name=PROJECT)
    full = await door.peer.call("GetProgress", asked, BOSS)
    seen = await door.peer.call("GetProgress", asked, JUDGE)
    assert full.gold_count == 1 and seen.task_count == 2
    hidden = {"gold_count", "stages", "sources", "saved_against_people", "cost_amount"}
    assert not hidden & _set(seen) and not [k for k in seen.counts if k.startswith("AUDIT")]


async def test_members_alone_claim_in_a_closed_project(door: Door) -> None:
    await door.open({}, listed=True, people=("bob",))
    with pytest.raises(Denied, match="not a member"):
        await door.claim()
    with pytest.raises(NotFound):
        await door.peer.call("GetProgress", pb.GetProgressRequest(name=PROJECT), JUDGE)
    assert await door.claim(Caller("bob", "tenants/t", ANNOTATOR, ("latin",)))
    boss = Caller("boss", "tenants/t", MANAGER, ("latin",))
    assert await door.claim(boss) == [], "may, but bob has it"


async def test_who_saw_the_draft_never_gets_the_task_blind(door: Door) -> None:
    """Also not who gave it back, or whose lease ended; somebody else does."""
    await door.open({"prediction": DRAFT}, {"prediction": DRAFT})
    first, second = await door.claim()
    assert first.HasField("prediction")
    await door.service.work.give_back(first.name, "ann", first.fencing_token)
    door.clock.advance(3600)
    await door.service.lease_expiry.expire_leases()
    for held in (first, second):
        task = await door.service.tasks.get(held.task)

        async def draw(unit: Unit, task: Task = task) -> None:
            tables.save(unit, task, replace(task, blind=True, version=task.version + 1))

        await door.store.transact(draw)
    assert not await door.claim()
    bob = Caller("bob", "tenants/t", ANNOTATOR, ("latin",))
    blind = await door.claim(bob)
    assert len(blind) == 2 and not any(one.HasField("prediction") for one in blind)


async def test_who_gave_a_task_back_gets_it_again_where_it_is_no_secret(door: Door) -> None:
    await door.open({"prediction": DRAFT}, {"blind": True})
    drafted, plain = await door.claim()
    for held in (drafted, plain):
        await door.service.work.give_back(held.name, "ann", held.fencing_token)
    assert len(await door.claim()) == 2
