"""A second look at accepted labels, over real stores of the four services it goes through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.qc_scorer.v1 import qc_scorer_pb2 as pb
from labelmill.review_router.v1 import review_router_pb2 as router_pb2
from labelmill.review_router.v1.events_pb2 import TasksRouted
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.access import MANAGER, Caller, own_request, set_caller
from libs.common.blobs import Blobs
from libs.common.bus import make_event, open_bus
from libs.common.clock import FakeClock
from libs.common.codec import doc_to_message
from libs.common.errors import Invalid, OutOfTurn
from libs.common.messaging.consumer import Consumer
from libs.common.store import Store, open_store
from services.delivery import events as delivery_events
from services.delivery import store as delivery_store
from services.delivery.domain import DeliveryState
from services.delivery.service import Deliveries
from services.delivery.signing import open_signer
from services.qc_scorer import events as scorer_events
from services.qc_scorer import store as scorer_store
from services.qc_scorer.rpc import QualityRpc
from services.qc_scorer.service import QcScorer
from services.review_router import events as router_events
from services.review_router import store as router_store
from services.review_router.service import Router
from services.task_dispatch import events as dispatch_events
from services.task_dispatch import store as dispatch_store
from services.task_dispatch.domain import Stage, State
from services.task_dispatch.main import wire
from services.task_dispatch.service import UseCases

PROJECT = "tenants/t/projects/p"
HAM: dict[str, Any] = {"choices": {"classes": ["ham"]}}
SPAM: dict[str, Any] = {"choices": {"classes": ["spam"]}}
MODULES = {
    "task_dispatch": (dispatch_store, dispatch_events),
    "review_router": (router_store, router_events),
    "qc_scorer": (scorer_store, scorer_events),
    "delivery": (delivery_store, delivery_events),
}


class Line:
    """Four services, their stores, and their events carried from one to the others."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.stores: dict[str, Store] = {}
        self.consumers: dict[str, Consumer] = {}
        self.dispatch: UseCases
        self.scorer: QcScorer
        self.delivery: Deliveries

    async def hear(self, *messages: Any) -> None:
        """Every service hears them, twice, and what follows from them."""
        for message in messages:
            await self._carry(make_event("k", message))
        while True:
            moved = 0
            for store in self.stores.values():
                events = await store.pending_events(1000)
                moved += len(events)
                for event in events:
                    await self._carry(event)
                await store.published(events)
            if not moved:
                return

    async def _carry(self, event: Any) -> None:
        for name, consumer in self.consumers.items():
            handled = {cls.DESCRIPTOR.full_name for cls in MODULES[name][1].HANDLERS}
            if event.type in handled:
                await consumer.apply([event])
                await consumer.apply([event])

    async def project(self, **target: Any) -> None:
        message = ProjectUpdated()
        message.project.name, message.project.version = PROJECT, 1
        message.project.template = "tenants/catalogue/templates/x/versions/1"
        message.project.policy.people_audit_share = 1e-9
        message.project.policy.audit_share = 1e-9
        message.project.target.max_error_rate = target.get("max_error_rate", 0.02)
        message.template.loss, message.template.merge_rule = "class", "majority"
        message.template.exports.append("jsonl")
        message.template.label_schema.classes.extend(["ham", "spam"])
        await self.hear(message)

    async def machine_labels(self, scores: list[float], start: int = 0) -> None:
        admitted, routed = ItemsAdmitted(project=PROJECT), TasksRouted(project=PROJECT)
        for i, score in enumerate(scores, start):
            admitted.items.add(name=f"{PROJECT}/items/i{i:04}", data='{"text":"x"}')
            draft = {"name": f"d{i}", "model": "m", "value": HAM, "score": score}
            label = {"value": HAM, "source": "MACHINE", "score": score, "gate": "g"}
            message = {
                "task": task(i),
                "task_version": 1,
                "action": "ACCEPT",
                "prediction": draft,
                "label": label,
            }
            routed.routings.append(doc_to_message(message, router_pb2.Routing))
        await self.hear(admitted, routed)

    async def review(
        self, verdict: str, value: dict[str, Any] | None = None, count: int = 1
    ) -> int:
        """A reviewer judges what is offered; how many there were."""
        claimed = await self.dispatch.claims.claim(PROJECT, "rev", Stage.REVIEW, count, (), "")
        for held, shown in claimed:
            said = value if value and verdict == "FIXED" else None
            given = {"verdict": verdict, "value": said, "comment": "", "work_seconds": 2.0}
            assert shown.label is not None
            await self.dispatch.work.review(held.name, "rev", held.fencing_token, given)
        await self.hear()
        return len(claimed)

    async def deliver(self) -> Any:
        made = await self.delivery.create(PROJECT, [], "")
        await self.delivery.advance()
        await self.scorer.tell_quality()
        await self.hear()
        self.clock.advance(5)
        await self.delivery.advance()
        await self.hear()
        return await self.delivery.delivery(made.name)


def task(number: int) -> str:
    return f"{PROJECT}/tasks/i{number:04}"


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    clock = FakeClock()
    made = Line(clock)
    bus = await open_bus(f"sqlite:///{tmp_path}/bus.db", [])
    for name, (tables, _) in MODULES.items():
        made.stores[name] = await open_store(f"sqlite:///{tmp_path}", name, tables.COLLECTIONS)
    stores = made.stores
    blobs, signer = Blobs(f"file://{tmp_path}/blobs"), open_signer("", tmp_path)
    made.dispatch = wire(stores["task_dispatch"], clock)
    made.scorer = QcScorer(stores["qc_scorer"], clock)
    made.delivery = Deliveries(stores["delivery"], clock, blobs, signer, "one")
    services = {
        "task_dispatch": made.dispatch,
        "review_router": Router(stores["review_router"]),
        "qc_scorer": made.scorer,
        "delivery": made.delivery,
    }
    for name, (_, events) in MODULES.items():
        made.consumers[name] = Consumer(
            name, bus, stores[name], services[name], events.HANDLERS, clock
        )
    await made.project()
    yield made
    for store in stores.values():
        await store.close()
    await bus.close()


async def test_the_riskiest_come_first_page_by_page_with_reasons(line: Line) -> None:
    scores = np.random.default_rng(1).permutation(np.linspace(0.4, 0.99, 600))
    for start in range(0, 600, 200):
        await line.machine_labels(scores[start : start + 200].tolist(), start)
    seen: list[str] = []
    page, after = await line.scorer.risks(PROJECT, 40, "")
    first = page[0]
    while True:
        seen += [doc["task"] for doc in page]
        if not after:
            break
        page, after = await line.scorer.risks(PROJECT, 40, after)
    assert seen == [task(int(i)) for i in np.argsort(scores, kind="stable")]
    assert first["source"] == "MACHINE" and "not sure" in first["reasons"][0]
    assert doc_to_message(first, pb.Risk).score > 0
    with pytest.raises(Invalid, match="page_token"):
        await line.scorer.risks(PROJECT, 40, "nonsense")


async def test_a_review_keeps_the_lineage_and_its_label_goes_out_only_corrected(
    line: Line,
) -> None:
    await line.machine_labels([0.99, 0.3, 0.98])
    request = await line.scorer.request_reviews(PROJECT, "RISKIEST", 1, 0.0, "", "")
    await line.hear()
    assert request["task_count"] == 1
    waiting = await line.dispatch.tasks.get(task(1))
    assert (waiting.stage, waiting.state) == (Stage.REVIEW, State.OPEN)
    assert waiting.label is not None and waiting.decisions[-1]["action"] == "REVIEW"
    delivered = await line.deliver()
    assert delivered.label_count == 2, "what is under review stays"
    assert await line.review("FIXED", SPAM) == 1
    after = await line.dispatch.tasks.get(task(1))
    assert after.state is State.ACCEPTED and after.label is not None
    assert after.label["value"] == SPAM and after.label["source"] == "REVIEWED"
    assert [one["value"] for one in after.earlier_labels] == [HAM]
    report = await line.scorer.quality(PROJECT)
    assert (report["machine_count"], report["human_count"]) == (2, 1)
    assert "estimated_error" not in report, "the riskiest say nothing about the rest"
    line.clock.advance(1)
    again = await line.deliver()
    assert again.label_count == 1 and again.state is DeliveryState.COMPLETED


async def test_an_approved_label_stands_and_a_rejected_one_is_made_anew(line: Line) -> None:
    await line.machine_labels([0.2, 0.3])
    await line.scorer.request_reviews(PROJECT, "RISKIEST", 2, 0.0, "look", "")
    await line.hear()
    assert await line.review("APPROVED") == 1
    assert await line.review("REJECTED") == 1
    one, two = [await line.dispatch.tasks.get(task(i)) for i in range(2)]
    assert one.state is State.ACCEPTED and one.label and one.label["value"] == HAM
    assert two.stage is Stage.ANNOTATION and two.state is State.OPEN and two.label is None
    assert len(two.earlier_labels) == 1
    [(held, _)] = await line.dispatch.claims.claim(PROJECT, "ann", None, 1, (), "")
    await line.dispatch.work.submit(held.name, "ann", held.fencing_token, SPAM, 1.0)
    await line.hear()
    settled = await line.dispatch.tasks.get(task(1))
    assert settled.state is State.ACCEPTED and settled.label and settled.label["value"] == SPAM


@pytest.mark.statistical
async def test_a_sample_of_known_chances_estimates_the_error_rate(line: Line) -> None:
    await line.machine_labels([0.9] * 300)
    wrong = set(range(0, 300, 6))
    request = await line.scorer.request_reviews(PROJECT, "SAMPLE", 200, 0.5, "estimate", "key")
    again = await line.scorer.request_reviews(PROJECT, "SAMPLE", 200, 0.5, "estimate", "key")
    assert again["name"] == request["name"] and request["label_count"] == 300
    await line.hear()
    assert "estimated_error" not in await line.scorer.quality(PROJECT)
    while claimed := await line.dispatch.claims.claim(PROJECT, "rev", Stage.REVIEW, 50, (), ""):
        for held, shown in claimed:
            bad = int(shown.name[-4:]) in wrong
            verdict = {"verdict": "FIXED", "value": SPAM} if bad else {"verdict": "APPROVED"}
            given = {"value": None, "comment": "", "work_seconds": 1.0, **verdict}
            await line.dispatch.work.review(held.name, "rev", held.fencing_token, given)
        await line.hear()
    report = await line.scorer.quality(PROJECT)
    found = doc_to_message(report, pb.QualityReport).estimated_error
    assert found.judged_count == request["task_count"] and found.waiting_count == 0
    # The coins are secret, so that only wide limits are sure here; coverage is tested elsewhere.
    assert 0.07 < found.rate < 0.27 and found.lower <= found.rate <= found.upper
    assert found.bound > found.rate and found.label_count == 300


async def test_what_a_delivery_froze_first_goes_out_and_its_review_is_off(line: Line) -> None:
    await line.machine_labels([0.2, 0.9])
    made = await line.delivery.create(PROJECT, [], "")
    await line.delivery.advance()  # frozen and written; nobody else knows yet
    await line.scorer.request_reviews(PROJECT, "RISKIEST", 1, 0.0, "", "")
    asked = await line.stores["qc_scorer"].pending_events(10)
    for event in asked:
        await line.consumers["task_dispatch"].apply([event])
    assert (await line.dispatch.tasks.get(task(0))).stage is Stage.REVIEW
    await line.hear()
    out = await line.dispatch.tasks.get(task(0))
    assert out.state is State.DELIVERED and out.label and out.label["value"] == HAM
    assert await line.dispatch.claims.claim(PROJECT, "rev", Stage.REVIEW, 1, (), "") == []
    assert (await line.delivery.delivery(made.name)).label_count == 2
    rows = await line.stores["qc_scorer"].get_many(scorer_store.REVIEWS, [task(0)])
    assert rows[task(0)]["outcome"] == "REFUSED"


async def test_what_went_out_is_forgotten_and_a_rejection_costs_an_attempt(line: Line) -> None:
    await line.machine_labels([0.2, 0.9, 0.8])
    line.clock.advance(1)
    delivered = await line.deliver()
    await line.scorer.forget_delivered()
    assert (await line.scorer.risks(PROJECT, 10, ""))[0] == []
    first = await line.scorer.plan_acceptance({"name": PROJECT})
    await line.delivery.reject(delivered.name, "too many errors", [])
    await line.delivery.advance()
    await line.hear()
    back = await line.dispatch.tasks.get(task(0))
    assert back.stage is Stage.ADJUDICATION and back.label is None and back.earlier_labels
    second = await line.scorer.plan_acceptance({"name": PROJECT})
    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert second["confidence"] > first["confidence"] > 0.95
    assert second["sample_size"] > first["sample_size"]


async def test_plans_name_both_risks_and_refuse_what_cannot_be(line: Line) -> None:
    asked = {"name": PROJECT, "max_error_rate": 0.02, "confidence": 0.95, "lot_size": 5000}
    plan = doc_to_message(await line.scorer.plan_acceptance(asked), pb.AcceptancePlan)
    assert plan.consumer_risk <= 0.05 and plan.producer_risk <= 0.1
    assert plan.curve[0].accept == 1.0 and plan.curve[-1].accept < 0.05
    assert 0 < plan.expected_count < plan.most_count and "by chance" in plan.reason
    with pytest.raises(OutOfTurn, match="no accepted label"):
        await line.scorer.request_reviews(PROJECT, "SAMPLE", 10, 0.0, "", "")
    with pytest.raises(Invalid, match="below the promised"):
        await line.scorer.plan_acceptance({**asked, "better_error_rate": 0.02})
    for name in ("max_error_rate", "better_error_rate", "producer_risk"):
        with pytest.raises(Invalid, match="a sample tells no less") as refused:
            await line.scorer.plan_acceptance({**asked, name: 5e-324})
        assert refused.value.field == name


async def test_the_rpcs_answer_what_the_service_says(line: Line) -> None:
    await line.machine_labels([0.4, 0.9])
    rpc = QualityRpc(line.scorer)
    listed = await rpc.ListRisks(pb.ListRisksRequest(parent=PROJECT, page_size=1), None)
    assert [r.task for r in listed.risks] == [task(0)] and listed.next_page_token == "1"
    plan = await rpc.PlanAcceptance(pb.PlanAcceptanceRequest(name=PROJECT, lot_size=1000), None)
    assert plan.attempt == 1 and plan.max_error_rate == 0.02 and plan.sample_size < 1000
    asked = pb.RequestReviewsRequest(
        name=PROJECT, choice=pb.REVIEW_CHOICE_RISKIEST, count=1, request_id="a/b"
    )
    set_caller(Caller("boss", "tenants/acme", MANAGER))
    sent = await rpc.RequestReviews(asked, None)
    assert sent.choice == pb.REVIEW_CHOICE_RISKIEST and sent.task_count == 1
    assert sent.name.endswith("/reviewRequests/" + own_request("a/b"))
    await line.hear()
    await line.review("FIXED", SPAM)
    line.clock.advance(1)
    await line.deliver()
    lineage = await line.delivery.lineage(task(0))
    assert lineage["earlier_labels"][0]["value"] == HAM and lineage["label"]["value"] == SPAM
