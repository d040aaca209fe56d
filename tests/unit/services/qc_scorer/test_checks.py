"""The scorer's checks over a real store: who is held, what it learns from, what it measures."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from labelmill.annotation.v1.source_pb2 import LABEL_SOURCE_HUMAN, LABEL_SOURCE_REVIEWED
from labelmill.qc_scorer.v1 import qc_scorer_pb2 as pb
from labelmill.qc_scorer.v1.events_pb2 import TasksScored
from labelmill.task_dispatch.v1 import task_dispatch_pb2 as tasks_pb
from labelmill.task_dispatch.v1.events_pb2 import AnnotationsSubmitted, TasksAccepted
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.bus import make_event, open_bus
from libs.common.clock import FakeClock
from libs.common.messaging.consumer import Consumer
from libs.common.store import Store, Unit, open_store
from services.qc_scorer import store as tables
from services.qc_scorer.events import HANDLERS
from services.qc_scorer.service import QcScorer

PROJECT = "tenants/t/projects/p"


class Scorer:
    """The service, its store, and events handed to it as the bus would, each twice."""

    def __init__(self, store: Store, consumer: Consumer, service: QcScorer) -> None:
        self.store, self.consumer, self.service = store, consumer, service

    async def hear(self, message: Any) -> None:
        event = make_event("k", message)
        await self.consumer.apply([event])
        await self.consumer.apply([event])

    async def project(self, **policy: Any) -> None:
        made = ProjectUpdated()
        made.project.name, made.project.version = PROJECT, 1
        made.project.target.max_error_rate = 0.05
        made.template.loss, made.template.merge_rule = "class", "majority"
        made.template.label_schema.classes.extend(["ham", "spam"])
        for field, value in policy.items():
            setattr(made.project.policy, field, value)
        await self.hear(made)

    async def submit(self, *tasks: tasks_pb.Task) -> list[pb.Check]:
        """Checks of the tasks as they are told to the router."""
        seen = {e.id for e in await self.store.pending_events(10_000)}
        await self.hear(AnnotationsSubmitted(project=PROJECT, tasks=list(tasks)))
        events = [e for e in await self.store.pending_events(10_000) if e.id not in seen]
        told = [e.message() for e in events if e.type.endswith("TasksScored")]
        scored = {s.task.name: s.score for m in told for s in m.tasks if isinstance(m, TasksScored)}
        return [scored[task.name].check for task in tasks]

    async def accept(self, *tasks: tasks_pb.Task) -> None:
        await self.hear(TasksAccepted(project=PROJECT, tasks=list(tasks)))

    async def report(self) -> dict[str, Any]:
        found = (await self.service.quality(PROJECT))["correction"]
        assert isinstance(found, dict)
        return found

    async def calibrate(self, count: int = 60, said: str = "ham") -> None:
        """Audited right submissions that equal their drafts."""
        tasks = [task(f"known-{said}-{i}", said, draft=said) for i in range(count)]
        await self.submit(*tasks)
        await self.accept(*[audited(t, said) for t in tasks])


def task(name: str, said: str, draft: str = "spam", score: float = 0.9) -> tasks_pb.Task:
    """A task in SCORING with one submission of ann's."""
    made = tasks_pb.Task(
        name=f"{PROJECT}/tasks/{name}",
        project=PROJECT,
        stage=tasks_pb.STAGE_ANNOTATION,
        state=tasks_pb.STATE_SCORING,
        version=4,
        replica_count=1,
    )
    if draft:
        made.prediction.model, made.prediction.model_version = "m", "1"
        made.prediction.score = score
        made.prediction.value.choices.classes.append(draft)
    answer(made, said, "ann")
    return made


def answer(made: tasks_pb.Task, said: str, person: str, **marks: bool) -> None:
    number = len(made.annotations)
    one = made.annotations.add(name=f"{made.name}/annotations/{number}", annotator=person, **marks)
    one.value.choices.classes.append(said)


def settled(made: tasks_pb.Task, label: str, source: int = LABEL_SOURCE_HUMAN) -> tasks_pb.Task:
    done = tasks_pb.Task()
    done.CopyFrom(made)
    done.state = tasks_pb.STATE_ACCEPTED
    done.label.value.choices.classes.append(label)
    done.label.source = source  # type: ignore[assignment]
    return done


def audited(made: tasks_pb.Task, label: str) -> tasks_pb.Task:
    done = settled(made, label)
    done.decisions.add(action="AUDIT")
    answer(done, label, "bob")
    return done


@pytest.fixture
async def scorer(tmp_path: Path) -> AsyncIterator[Scorer]:
    clock = FakeClock()
    store = await open_store(f"sqlite:///{tmp_path}", "qc_scorer", tables.COLLECTIONS)
    bus = await open_bus(f"sqlite:///{tmp_path}/bus.db", [])
    service = QcScorer(store, clock)
    yield Scorer(store, Consumer("qc_scorer", bus, store, service, HANDLERS, clock), service)
    await store.close()
    await bus.close()


async def test_nothing_is_held_without_evidence_or_where_the_project_does_not_check(
    scorer: Scorer,
) -> None:
    await scorer.project(check_false_alarm=0.02, unchecked_share=1e-9)
    await scorer.calibrate(48)
    (check,) = await scorer.submit(task("a", "ham"))
    assert check.state == pb.CHECK_STATE_UNCHECKED and not check.held
    # Someone with 48 right answers of 48 is believed more than the score says.
    assert 0.5 < check.distance < 0.9
    (other,) = await scorer.submit(task("b", "spam", draft="ham"))
    assert other.distance == pytest.approx(0.9)


async def test_far_submissions_are_held_with_a_hint_and_near_ones_are_not(scorer: Scorer) -> None:
    await scorer.project(check_false_alarm=0.02, unchecked_share=1e-9)
    await scorer.calibrate()
    far, near, without = await scorer.submit(
        task("far", "ham"), task("near", "ham", draft="ham"), task("none", "ham", draft="")
    )
    assert far.held and far.hint == pb.HINT_WRONG_CLASS and far.state == pb.CHECK_STATE_CHECKED
    assert far.hint_text and "spam" not in far.hint_text and "ham" not in far.hint_text
    assert near.state == pb.CHECK_STATE_CHECKED and not near.held and near.distance == 0
    assert not without.held
    found = await scorer.report()
    assert (found["checked_count"], found["held_count"]) == (2, 1)


async def test_evidence_of_gates_known_answers_and_other_opinions_are_never_checked(
    scorer: Scorer,
) -> None:
    await scorer.project(check_false_alarm=0.02, unchecked_share=1e-9)
    await scorer.calibrate()
    gold, sampled, audit, two, drawn = (task(f"x{i}", "ham") for i in range(5))
    gold.gold = sampled.sampled = True
    audit.stage = tasks_pb.STAGE_AUDIT
    answer(two, "ham", "bob")
    drawn.blind, drawn.prediction.lot = True, 1
    for check in await scorer.submit(gold, sampled, audit, two, drawn):
        assert not check.held and check.state == pb.CHECK_STATE_UNSPECIFIED


async def test_the_blind_share_is_never_held_and_measures_what_checking_is_worth(
    scorer: Scorer,
) -> None:
    await scorer.project(check_false_alarm=0.02, unchecked_share=1.0)
    await scorer.calibrate()
    wrong, right = task("wrong", "ham"), task("right", "ham", draft="ham")
    checks = await scorer.submit(wrong, right)
    assert {c.state for c in checks} == {pb.CHECK_STATE_BLIND_SHARE}
    assert not any(c.held for c in checks)
    await scorer.accept(audited(wrong, "spam"), audited(right, "ham"))
    found = await scorer.report()
    assert (found["wrong_count"], found["wrong_held_count"]) == (1, 1)
    assert (found["right_count"], found["right_held_count"]) == (1, 0)
    assert (found["audits_without"], found["errors_without"]) == (2, 1)
    assert found["error_without"] == 0.5 and found["blind_count"] == 2


async def test_second_answers_are_counted_once_and_an_objection_is_for_a_reviewer(
    scorer: Scorer,
) -> None:
    await scorer.project(check_false_alarm=0.02, unchecked_share=1e-9)
    await scorer.calibrate()
    firsts = [task(n, "ham") for n in ("changed", "stands", "silent")]
    assert all(check.held for check in await scorer.submit(*firsts))
    changed, stands, silent = firsts
    for one in (changed, stands):
        one.annotations[0].held = True
    answer(changed, "spam", "ann", after_hint=True)
    answer(stands, "ham", "ann", after_hint=True, objected=True)
    silent.annotations[0].unchecked = True
    for one in firsts:
        one.version = 7
    checks = await scorer.submit(*firsts)
    assert not any(c.held for c in checks)
    assert [c.state for c in checks] == [
        pb.CHECK_STATE_CHECKED,
        pb.CHECK_STATE_OBJECTED,
        pb.CHECK_STATE_UNCHECKED,
    ]
    await scorer.submit(*firsts)  # scored again, counted once
    await scorer.accept(settled(stands, "ham", LABEL_SOURCE_REVIEWED), audited(changed, "spam"))
    found = await scorer.report()
    counts = {k: found[f"{k}_count"] for k in ("changed", "objected", "upheld", "unanswered")}
    assert counts == {"changed": 1, "objected": 1, "upheld": 1, "unanswered": 1}
    assert (found["audits_with"], found["errors_with"]) == (1, 0)


async def test_only_what_no_check_touched_moves_the_threshold(scorer: Scorer) -> None:
    await scorer.project(check_false_alarm=0.02, unchecked_share=1e-9)
    await scorer.calibrate()

    async def kept() -> int:
        docs = await scorer.store.find(tables.RESERVOIRS, {}, limit=100)
        return sum(doc["seen"] for doc in docs)

    before = await kept()
    checked = task("checked", "ham")
    await scorer.submit(checked)
    unaudited, gold = task("unaudited", "ham"), task("gold", "ham")
    gold.gold = True
    await scorer.accept(audited(checked, "ham"), settled(unaudited, "ham"), audited(gold, "ham"))
    assert await kept() == before == 60
    sampled = task("sampled", "ham")
    sampled.sampled = True
    answer(sampled, "ham", "bob")
    await scorer.accept(settled(sampled, "ham"))
    assert await kept() == before + 1


async def test_each_class_has_its_own_threshold_once_it_has_enough(scorer: Scorer) -> None:
    """Right "ham" answers are always near; half of the right "spam" ones are far."""
    await scorer.project(check_false_alarm=0.02, unchecked_share=1e-9)
    tasks = [task(f"s{i}", "spam", draft="ham" if i % 2 else "spam", score=0.8) for i in range(60)]
    await scorer.submit(*tasks)
    await scorer.accept(*[audited(t, "spam") for t in tasks])
    await scorer.calibrate(60, "ham")
    ham, spam = await scorer.submit(
        task("ham", "ham", score=0.8), task("spam", "spam", draft="ham", score=0.8)
    )
    assert ham.held and not spam.held


@pytest.mark.statistical
async def test_false_alarms_stay_at_the_stated_rate_while_histories_grow(scorer: Scorer) -> None:
    """Simulated people, one careful and one careless; a model that errs more on one class; a
    third of the labels audited."""
    alpha, rng = 0.1, random.Random(12)
    coins = {"name": "coins", "version": 1, "value": "for one and the same chance in every run"}

    async def fix_coins(unit: Unit) -> None:
        unit.put(tables.SECRETS, coins)

    await scorer.store.transact(fix_coins)
    await scorer.project(check_false_alarm=alpha, unchecked_share=0.2)
    right = held = wrong = caught = 0
    for batch in range(30):
        tasks, truths = [], []
        for i in range(100):
            truth = rng.choice(["ham", "spam"])
            errs = rng.random() < (0.02 if i % 2 else 0.2)
            drafted = _other(truth) if rng.random() < (0.05 if truth == "ham" else 0.2) else truth
            said = _other(truth) if errs else truth
            made = task(f"b{batch}-{i}", said, drafted, score=rng.uniform(0.5, 1.0))
            made.annotations[0].annotator = "careful" if i % 2 else "careless"
            tasks.append(made)
            truths.append(truth)
        checks = await scorer.submit(*tasks)
        done = []
        for made, truth, check in zip(tasks, truths, checks, strict=True):
            is_right = made.annotations[0].value.choices.classes[0] == truth
            if check.state == pb.CHECK_STATE_CHECKED:
                right, held = right + is_right, held + (is_right and check.held)
                wrong, caught = wrong + (not is_right), caught + (not is_right and check.held)
            done.append(audited(made, truth) if rng.random() < 0.33 else settled(made, truth))
        await scorer.accept(*done)
    assert right > 1500 and held / right <= alpha + 3 * (alpha / right) ** 0.5
    assert caught / wrong > 2 * alpha
    # What the blind share says of it agrees with what happened.
    found = await scorer.report()
    assert found["false_alarm_lower"] <= held / right <= found["false_alarm_upper"]
    assert found["caught_lower"] <= caught / wrong <= found["caught_upper"]


def _other(class_: str) -> str:
    return "spam" if class_ == "ham" else "ham"
