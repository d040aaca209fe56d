"""People in the scorer over a real store: gold tests them, wrong gold does not, managers resume."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.qc_scorer.v1 import qc_scorer_pb2 as pb
from labelmill.qc_scorer.v1.events_pb2 import AnnotatorPaused, AnnotatorResumed
from labelmill.task_dispatch.v1.events_pb2 import TasksAccepted
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.access import ANNOTATOR, MANAGER, Caller
from libs.common.bus import make_event, open_bus
from libs.common.clock import FakeClock
from libs.common.errors import Denied, NotFound, OutOfTurn
from libs.common.messaging.consumer import Consumer
from libs.common.rpc import LocalPeer
from libs.common.store import Store, open_store
from services.qc_scorer import store as tables
from services.qc_scorer.annotators import profile
from services.qc_scorer.events import HANDLERS
from services.qc_scorer.rpc import QualityRpc
from services.qc_scorer.service import QcScorer

PROJECT = "tenants/t/projects/p"
QUALITY = "labelmill.qc_scorer.v1.Quality"


class Bench:
    """The scorer, its store, and events handed to it as the bus would."""

    def __init__(self, store: Store, consumer: Consumer, service: QcScorer) -> None:
        self.store, self.consumer, self.service = store, consumer, service
        self.peer = LocalPeer({QUALITY: QualityRpc(service)}, QUALITY)
        self.count = 0

    async def hear(self, *messages: Any) -> None:
        for message in messages:
            event = make_event("k", message)
            await self.consumer.apply([event])
            await self.consumer.apply([event])  # delivered twice: same end

    async def begin(self, loss: str = "class", **policy: Any) -> None:
        told = ProjectUpdated()
        told.project.name, told.project.version = PROJECT, 1
        told.template.loss, told.template.merge_rule = loss, "majority"
        told.template.label_schema.classes.extend(["ham", "spam"])
        for field, value in policy.items():
            setattr(told.project.policy, field, value)
        await self.hear(told)

    async def accept(
        self,
        answers: dict[str, str],
        gold: str = "",
        text: str = "",
        draft: str = "",
        injected_error: str = "",
        shown: bool = False,
        seconds: float = 9.0,
    ) -> str:
        """One accepted task with these answers, by name of the annotator."""
        self.count += 1
        task_id = f"i{self.count:04}"
        if gold:
            admitted = ItemsAdmitted(project=PROJECT)
            item = admitted.items.add(
                name=f"{PROJECT}/items/{task_id}", data=text or f"text {task_id}"
            )
            item.gold.choices.classes.append(gold)
            await self.hear(admitted)
        told = TasksAccepted(project=PROJECT)
        task = told.tasks.add(name=f"{PROJECT}/tasks/{task_id}", project=PROJECT, gold=bool(gold))
        task.version = 5
        for who, said in answers.items():
            one = task.annotations.add(annotator=who, work_seconds=seconds)
            one.value.choices.classes.append(said)
            one.prediction = f"{PROJECT}/predictions/1" if shown else ""
        if draft:
            task.sampled = not shown
            task.prediction.model, task.prediction.score = "m", 0.7
            task.prediction.value.choices.classes.append(draft)
            if injected_error:
                task.prediction.injected_error.choices.classes.append(injected_error)
        task.label.value.choices.classes.append(next(iter(answers.values())))
        await self.hear(told)
        return task.name

    async def told(self, kind: type) -> list[Any]:
        events = await self.store.pending_events(1000)
        return [e.message() for e in events if e.type == kind.DESCRIPTOR.full_name]  # type: ignore[attr-defined]

    async def skill(self, who: str) -> dict[str, Any]:
        return await self.service.skill(f"{PROJECT}/skills/{who}")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = FakeClock()
    store = await open_store(f"sqlite:///{tmp_path}", "qc_scorer", tables.COLLECTIONS)
    bus = await open_bus(f"sqlite:///{tmp_path}/bus.db", [])
    service = QcScorer(store, clock)
    yield Bench(store, Consumer("qc_scorer", bus, store, service, HANDLERS, clock), service)
    await store.close()
    await bus.close()


async def fail_until_paused(bench: Bench, who: str = "eve") -> int:
    for count in range(1, 20):
        await bench.accept({who: "spam"}, gold="ham")
        if await bench.told(AnnotatorPaused):
            return count
    raise AssertionError("never paused")


async def test_who_fails_gold_is_paused_once_with_words_and_figures(bench: Bench) -> None:
    await bench.begin()
    for _ in range(3):
        await bench.accept({"eve": "ham"}, gold="ham")
    assert await fail_until_paused(bench) == 4
    await bench.accept({"eve": "spam"}, gold="ham")  # live work, submitted after the pause
    (told,) = await bench.told(AnnotatorPaused)
    assert told.annotator == "eve" and told.evidence >= told.limit > 0
    assert "4 of your last 4 checked answers were wrong" in told.reason and "90%" in told.reason
    eve = await bench.skill("eve")
    assert eve["state"] == "PAUSED" and eve["reason"] == told.reason
    assert eve["evidence"] == told.evidence and eve["plan"]["power"] > 0.9
    (ham,) = eve["classes"]
    assert ham["gold_count"] == 8 and ham["accuracy"] == pytest.approx(4 / 10)


async def test_who_is_right_goes_on_and_is_told_so(bench: Bench) -> None:
    await bench.begin()
    for i in range(30):
        await bench.accept({"ann": "spam" if i == 7 else "ham"}, gold="ham")
    ann = await bench.skill("ann")
    assert ann["state"] == "ACTIVE" and "30 of your answers were checked, 1" in ann["reason"]
    assert not await bench.told(AnnotatorPaused)


async def test_texts_pause_nobody_until_somebody_says_how_much_is_usual(bench: Bench) -> None:
    await bench.begin(loss="text")
    for _ in range(8):
        await bench.accept({"eve": "spam"}, gold="ham")
    assert profile.plan_of(await tables.project_by_name(bench.store, PROJECT)) is None  # type: ignore[arg-type]
    eve = await bench.skill("eve")
    assert eve["state"] == "ACTIVE" and "plan" not in eve


async def test_the_policy_says_how_much_is_asked(bench: Bench) -> None:
    await bench.begin(gold_accuracy=0.6)
    assert await fail_until_paused(bench) > 4


async def test_a_manager_resumes_and_a_new_career_begins(bench: Bench) -> None:
    await bench.begin()
    await fail_until_paused(bench)
    name = f"{PROJECT}/skills/eve"
    boss = Caller("boss", "tenants/t", MANAGER)
    request = pb.ResumeAnnotatorRequest(name=name, reason="we talked")
    skill = await bench.peer.call("ResumeAnnotator", request, boss)
    assert skill.state == pb.SKILL_STATE_ACTIVE and skill.evidence == 0
    (told,) = await bench.told(AnnotatorResumed)
    assert (told.annotator, told.reason, told.resumed_by) == ("eve", "we talked", "boss")
    (paused,) = await bench.told(AnnotatorPaused)
    assert told.version > paused.version
    with pytest.raises(OutOfTurn):
        await bench.service.resume(name, "", "boss")
    with pytest.raises(NotFound):
        await bench.service.resume(f"{PROJECT}/skills/nobody", "", "boss")
    await bench.accept({"eve": "spam"}, gold="ham")
    assert (await bench.skill("eve"))["state"] == "ACTIVE", "old answers do not count again"


async def test_people_see_their_own_only_and_no_signals(bench: Bench) -> None:
    await bench.begin()
    await bench.accept({"ann": "ham", "bob": "ham"}, gold="ham")
    ann = Caller("ann", "tenants/t", ANNOTATOR)
    mine = await bench.peer.call("GetSkill", pb.GetSkillRequest(name=f"{PROJECT}/skills/ann"), ann)
    # Nothing that one answer moves: it would tell that this answer was known.
    assert {f.name for f, _ in mine.ListFields()} == {"name", "annotator", "state"}
    for who, method, request in (
        (ann, "GetSkill", pb.GetSkillRequest(name=f"{PROJECT}/skills/bob")),
        (ann, "ListSkills", pb.ListSkillsRequest(parent=PROJECT)),
        (ann, "ResumeAnnotator", pb.ResumeAnnotatorRequest(name=f"{PROJECT}/skills/ann")),
    ):
        with pytest.raises(Denied):
            await bench.peer.call(method, request, who)


async def wrong_gold(bench: Bench, good: list[str], times: int) -> None:
    """The same content with a wrong known answer, asked of all again and again."""
    for _ in range(times):
        for who in good:
            await bench.accept({who: "spam"}, gold="ham", text="the gold is wrong here")


async def test_gold_that_good_annotators_fail_is_suspected_and_counts_against_nobody(
    bench: Bench,
) -> None:
    await bench.begin()
    good = [f"p{i}" for i in range(6)]
    for _ in range(12):
        await bench.accept(dict.fromkeys(good, "ham"), gold="ham")
    await wrong_gold(bench, good, 1)
    await bench.service.look_over()
    (found,) = await bench.service.suspect_gold(PROJECT, 10, "")
    assert found["failed_count"] == 6 == found["annotation_count"]
    assert found["gold"] == {"choices": {"classes": ["ham"]}}
    await wrong_gold(bench, good, 6)
    skills = await bench.service.skills(PROJECT, 10, "")
    assert [s["gold_count"] for s in skills] == [12] * 6
    assert {s["state"] for s in skills} == {"ACTIVE"}
    assert not await bench.told(AnnotatorPaused)
    boss = Caller("boss", "tenants/t", MANAGER)
    request = pb.ListSuspectGoldRequest(parent=PROJECT)
    listed = await bench.peer.call("ListSuspectGold", request, boss)
    assert "may be wrong" in listed.golds[0].reason


async def test_gold_is_suspected_before_it_pauses_anyone(bench: Bench) -> None:
    await bench.begin()
    good = [f"p{i}" for i in range(6)]
    for _ in range(12):
        await bench.accept(dict.fromkeys(good, "ham"), gold="ham")
    for i in range(6):
        await bench.accept(dict.fromkeys(good, "spam"), gold="ham", text=f"wrong {i}")
    assert not await bench.told(AnnotatorPaused)
    assert len(await bench.service.suspect_gold(PROJECT, 10, "")) >= 3


async def test_who_was_paused_for_wrong_gold_goes_on_by_itself(bench: Bench) -> None:
    await bench.begin()
    for i in range(4):
        await bench.accept({"early": "spam"}, gold="ham", text=f"wrong {i}")
    assert len(await bench.told(AnnotatorPaused)) == 1
    good = [f"p{i}" for i in range(6)]
    for _ in range(12):
        await bench.accept(dict.fromkeys(good, "ham"), gold="ham")
    for i in range(2):
        await bench.accept(dict.fromkeys(good, "spam"), gold="ham", text=f"wrong {i}")
    await bench.service.look_over()
    (told,) = await bench.told(AnnotatorResumed)
    assert told.annotator == "early" and told.resumed_by == ""
    assert (await bench.skill("early"))["state"] == "ACTIVE"


async def test_anchoring_is_measured_where_a_coin_decided(bench: Bench) -> None:
    await bench.begin(audit_share=0.3, pre_label=True)
    for i in range(40):
        await bench.accept({"ann": "ham"}, draft="ham", shown=True)
        await bench.accept({"ann": "ham" if i % 2 else "spam"}, draft="ham")
    ann = (await bench.skill("ann"))["anchoring"]
    assert (ann["shown_count"], ann["blind_count"]) == (40, 40)
    assert ann["difference"] == pytest.approx(0.5) and 0 < ann["lower"] < ann["upper"] < 1


async def test_nothing_is_measured_where_the_gate_chose(bench: Bench) -> None:
    await bench.begin(machine_label=True)
    gate = {"name": f"{PROJECT}/gates/m-", "project": PROJECT, "state": "OPEN", "threshold": 0.6}

    async def open_gate(unit: Any) -> None:
        unit.overwrite(tables.GATES, gate | {"evidence_count": 0})

    await bench.store.transact(open_gate)
    await bench.accept({"ann": "ham"}, draft="ham", shown=True)
    await bench.accept({"ann": "ham"}, draft="ham")
    ann = (await bench.skill("ann"))["anchoring"]
    assert (ann["shown_count"], ann["blind_count"]) == (0, 0)
    assert (ann["lower"], ann["upper"]) == (-1.0, 1.0)


async def test_one_who_confirms_everything_is_shown_to_the_manager(bench: Bench) -> None:
    await bench.begin(pre_label=True)
    for i in range(60):
        await bench.accept({"ann": "ham" if i % 2 else "spam"}, draft="ham")
        await bench.accept({"eve": "ham"}, draft="ham", shown=True, seconds=0.8)
        await bench.accept({"ann": "ham" if i % 2 else "spam"}, draft="ham", shown=True)
    await bench.service.look_over()
    kinds = {
        s["annotator"]: {x["kind"] for x in s["signals"]}
        for s in await bench.service.skills(PROJECT, 10, "")
    }
    assert kinds["ann"] == set() and kinds["eve"] == {"copies the draft"}
    assert "state" in await bench.skill("eve") and not await bench.told(AnnotatorPaused)


async def test_what_is_kept_of_a_person_does_not_grow_for_ever(bench: Bench) -> None:
    right = {"item": "i", "task": "t", "truth": "ham", "answer": "ham", "right": True}
    doc: dict[str, Any] = {"annotator": "ann", "name": "n"}
    for _ in range(400):
        adds = profile.Adds(golds=[right], seconds=[3.0])
        doc = profile.grown(doc, adds)
    assert len(doc["golds"]) <= profile.KEPT_GOLDS and len(doc["seconds"]) == profile.KEPT_SECONDS
    assert (400 - len(doc["golds"])) % 64 == 0, "careers begin where they began"


async def test_planted_drafts_count_only_where_they_are_wrong_and_never_as_anchoring(
    bench: Bench,
) -> None:
    await bench.begin(pre_label=True)
    seen: dict[str, Any] = {"draft": "ham", "injected_error": "spam", "shown": True}
    for _ in range(3):
        # The label is what the first says: a second, blind, tells that the planted was wrong.
        await bench.accept({"ann": "ham"}, **seen)
        await bench.accept({"eve": "spam"}, **seen)
    eve = (await bench.skill("eve"))["anchoring"]
    assert (eve["injected_error_count"], eve["shown_count"]) == (0, 0), "nobody said it was wrong"
    ann = (await bench.skill("ann"))["anchoring"]
    assert (ann["injected_error_count"], ann["injected_error_kept_count"], ann["shown_count"]) == (
        3,
        0,
        0,
    )
    for _ in range(8):
        await bench.accept({"ann": "ham", "eve": "spam"}, **seen)
    eve = (await bench.skill("eve"))["anchoring"]
    assert (eve["injected_error_count"], eve["injected_error_kept_count"]) == (8, 8)
    await bench.service.look_over()
    assert (await bench.skill("eve"))["signals"][0]["kind"] == "copies the draft"
