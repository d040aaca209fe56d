"""The promise as a contract: its versions, its faults named, and that a change never reaches
back to what was proven under an earlier one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from labelmill.qc_scorer.v1.events_pb2 import GateUpdated, LotPlanned
from labelmill.qc_scorer.v1.qc_scorer_pb2 import GATE_STATE_CLOSED

from libs.common.clock import FakeClock
from libs.common.errors import Conflict, Invalid
from libs.common.store.sqlite import SqliteStore
from services.qc_scorer import store as scorer_store
from services.qc_scorer.domain import Project, Reference
from services.qc_scorer.gates import lot_proof, planner, risk_budget
from services.qc_scorer.service import QcScorer
from services.template import domain as template_domain
from services.template.domain import Project as Asked
from services.template.service import Templates
from services.template.store import COLLECTIONS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "tenants/acme/projects/digits"
SIZE = 20_000


# -- versions of a target ---------------------------------------------------------------------


class _Plain:
    """A parser for definitions that are data already."""

    def parse(self, text: str) -> dict[str, Any]:
        return {
            "display_name": "x",
            "data_fields": [{"name": "text", "type": "text"}],
            "label_schema": {"shape": "choice", "classes": ["cat", "dog"]},
            "unit_of_error": "item with a wrong class",
            "loss": "class",
            "merge_rule": "majority",
        }


@pytest.fixture
async def templates(tmp_path: Path) -> Any:
    store = SqliteStore(f"sqlite:///{tmp_path}", "template")
    await store.open(COLLECTIONS)
    made = Templates(store, FakeClock(), _Plain())
    await made.publish("tenants/acme", "pets", "definition")
    yield made
    await store.close()


def asked(target: dict[str, Any] | None, **changes: Any) -> Asked:
    template = "tenants/acme/templates/pets/versions/1"
    return Asked(name=NAME, display_name="d", template=template, target=target, **changes)


async def test_every_change_of_the_target_is_a_version_that_is_kept(templates: Templates) -> None:
    first, second = {"max_error_rate": 0.02}, {"max_error_rate": 0.01, "confidence": 0.99}
    project = await templates.create("tenants/acme", "digits", asked(first), "")
    assert project.target_version == 1
    renamed = await templates.update(asked(first, version=1, labels={"a": "b"}))
    assert renamed.target_version == 1
    changed = await templates.update(asked(second, version=2))
    assert (changed.version, changed.target_version) == (3, 2)
    kept = await templates.targets(NAME)
    assert [(t.number, t.target) for t in kept] == [(2, second), (1, first)]
    with pytest.raises(Conflict):
        await templates.update(asked(first, version=2))
    assert len(await templates.targets(NAME)) == 2


@pytest.mark.parametrize(
    ("target", "field", "words"),
    [
        ({}, "project.target.max_error_rate", None),
        ({"max_error_rate": 0.0, "confidence": 0.9}, "project.target.max_error_rate", "of 0"),
        ({"max_error_rate": 0.02, "confidence": 1.0}, "project.target.confidence", "proves 1"),
        ({"max_error_rate": 0.02, "confidence": 0.2}, "project.target.confidence", "0.95"),
        (
            {"max_error_rate": 0.02, "class_error_limits": {"cow": 0.1}},
            "project.target.class_error_limits.cow",
            "it has cat, dog",
        ),
        (
            {"max_error_rate": 0.02, "class_error_limits": {"cat": 0.9}},
            "project.target.class_error_limits.cat",
            "to 0.5",
        ),
        (
            {"max_error_rate": 0.02, "class_error_limits": {"cat": 0.0}},
            "project.target.class_error_limits.cat",
            "1e-06 to 0.5",
        ),
        ({"max_error_rate": 5e-324}, "project.target.max_error_rate", "from 1e-06"),
    ],
)
async def test_a_target_that_cannot_be_names_its_field(
    templates: Templates, target: dict[str, Any], field: str, words: str | None
) -> None:
    wanted = asked(target, policy={"machine_label": True})
    if words is None:
        field = "project.target"
        words = "needs a target"
    with pytest.raises(Invalid, match=words) as refused:
        await templates.create("tenants/acme", "digits", wanted, "")
    assert refused.value.field == field


async def test_floors_need_labels_of_one_class_each(templates: Templates) -> None:
    template = await templates.template("tenants/acme/templates/pets/versions/1")
    several = template_domain.replace(template, label_schema={"shape": "choices", "classes": []})
    target = {"max_error_rate": 0.1, "class_error_limits": {"cat": 0.1}}
    with pytest.raises(template_domain.Unfit, match="shape choice"):
        template_domain.make_project(asked(target), NAME, several, NOW)


# -- what a change of target does to proofs ---------------------------------------------------


def project(version: int = 1, **changes: Any) -> Project:
    fixed: dict[str, Any] = {
        "loss": "class",
        "merge_rule": "majority",
        "max_error_rate": 0.02,
        "machine_label": True,
        "training": True,
        "reference": Reference.EXPERTS,
    }
    return Project(name=NAME, version=version, **{**fixed, **changes})


def evaluation(version: int, waiting: int = 18_000, labelled: int = 2000) -> dict[str, Any]:
    """Of a model that cannot get better: its lot is to be proven at once."""
    return {
        "version": {"model": "own", "version": str(version), "label_count": labelled},
        "curve": {"counts": [waiting], "errors": [0.0]},
        "task_count": SIZE,
    }


class Scorer:
    """The scorer over a real store, with what it would tell others."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(f"sqlite:///{folder}", "qc_scorer")
        self.service = QcScorer(self.store, FakeClock())

    async def plan(self, version: int, **how: int) -> LotPlanned:
        await self.service.plan_lot(NAME, evaluation(version, **how))
        return (await self.told(LotPlanned))[-1]

    async def told(self, kind: Any) -> list[Any]:
        events = await self.store.pending_events(1000)
        found = [e for e in events if e.type == kind.DESCRIPTOR.full_name]
        return [kind.FromString(e.payload) for e in found]

    async def gate(self, version: int) -> dict[str, Any]:
        doc = await self.store.get(scorer_store.GATES, f"{NAME}/gates/own-{version}")
        assert doc is not None
        return doc

    async def prove(
        self, version: int, size: int, drawn: int = 600, cancelled: int = 0
    ) -> dict[str, Any]:
        """Freezes the lot and answers its draws without finding an error; the first `cancelled`
        of them are taken out of the line instead."""
        name = f"{NAME}/gates/own-{version}"
        draft = {"model": "own", "model_version": str(version), "score": 0.9, "lot": 1}
        draft["value"] = {"choices": {"classes": ["cat"]}}
        routings = [
            {
                "task": f"{NAME}/tasks/{version}-{i}",
                "gate": name,
                "prediction": draft,
                "sampled": i < drawn,
                "tie_breaker": i / size,
            }
            for i in range(size)
        ]
        await self.service.join(NAME, routings)
        await self.service.freeze(NAME, {"gate": name, "number": 1}, size, SIZE)
        people = [
            {
                "name": r["task"],
                "sampled": True,
                "prediction": draft,
                "label": {"value": draft["value"]},
            }
            for r in routings[:drawn]
        ]
        await self.service.count_accepted(NAME, 0, people[cancelled:])
        for _ in range(2 if cancelled else 0):
            gone = [{k: v for k, v in p.items() if k != "label"} for p in people[:cancelled]]
            await self.service.cancel(NAME, gone)
        return await self.gate(version)


@pytest.fixture
async def scorer(tmp_path: Path) -> Any:
    made = Scorer(tmp_path)
    await made.store.open(scorer_store.COLLECTIONS)
    yield made
    await made.store.close()


async def test_risk_spent_stays_spent_when_the_confidence_is_raised(scorer: Scorer) -> None:
    await scorer.service.remember_projects([project(confidence=0.9)])
    assert (await scorer.plan(1)).decision == planner.CERTIFY
    first = (await scorer.gate(1))["terms"]["risk"]
    assert first == pytest.approx(lot_proof.FIRST_PART * 0.1)
    await scorer.service.remember_projects([project(2, confidence=0.95)])
    refused = await scorer.plan(2)
    assert refused.decision == planner.STOP and refused.unreachable
    assert "spent all the risk" in refused.reason
    report = await scorer.service.quality(NAME)
    # 8 % were spent, where the new promise allows 5 %.
    assert report["confidence"] == pytest.approx(0.92)
    await scorer.service.remember_projects([project(3, confidence=0.9)])
    assert (await scorer.service.quality(NAME))["confidence"] == pytest.approx(0.9)


@pytest.mark.statistical
@pytest.mark.parametrize("confidences", [(0.95, 0.9, 0.95), (0.8, 0.99, 0.9, 0.95), (0.95,) * 4])
async def test_over_any_changes_no_more_risk_is_spent_than_the_loosest_promise_had(
    scorer: Scorer, confidences: tuple[float, ...]
) -> None:
    for number, confidence in enumerate(confidences, 1):
        now = project(number, confidence=confidence)
        await scorer.service.remember_projects([now])
        await scorer.plan(number)
        ledger = await scorer.store.get(scorer_store.LEDGERS, NAME) or {}
        assert ledger["risk"] <= 1 - min(confidences) + 1e-12
        report = await scorer.service.quality(NAME)
        assert report["confidence"] <= min(confidence, 1 - ledger["risk"]) + 1e-9


async def test_a_lot_keeps_the_terms_it_began_with_or_stricter_ones(scorer: Scorer) -> None:
    await scorer.service.remember_projects([project(confidence=0.95)])
    await scorer.plan(1)
    began = (await scorer.gate(1))["terms"]
    # While its lot is frozen somebody makes the promise looser in every way.
    await scorer.service.remember_projects([project(2, confidence=0.5, max_error_rate=0.4)])
    proven = await scorer.prove(1, 2000)
    assert proven["terms"]["alpha"] == began["alpha"] == pytest.approx(1 - proven["confidence"])
    assert proven["forbidden"] == lot_proof.forbidden_errors(0.02, SIZE)
    assert proven["state"] == "OPEN"


async def test_a_stricter_promise_counts_from_the_freeze_on(scorer: Scorer) -> None:
    await scorer.service.remember_projects([project()])
    await scorer.plan(1)
    await scorer.service.remember_projects([project(2, max_error_rate=0.005)])
    proven = await scorer.prove(1, 2000)
    assert proven["forbidden"] == lot_proof.forbidden_errors(0.005, SIZE)


async def test_errors_granted_stay_counted_under_a_new_target(scorer: Scorer) -> None:
    await scorer.service.remember_projects([project(max_error_rate=0.02)])
    await scorer.plan(1)
    granted = (await scorer.prove(1, 9000, drawn=300))["bound_count"]
    assert 200 < granted <= 400
    # Half the target leaves nothing to grant any more, and that is said.
    await scorer.service.remember_projects([project(2, max_error_rate=0.01)])
    assert (await scorer.plan(2)).unreachable
    # A looser one leaves the difference.
    await scorer.service.remember_projects([project(3, max_error_rate=0.05)])
    await scorer.plan(3)
    third = await scorer.prove(3, 3000)
    assert third["forbidden"] == lot_proof.forbidden_errors(0.05, SIZE) - granted
    ledger = await scorer.store.get(scorer_store.LEDGERS, NAME) or {}
    assert ledger["spent"] == granted + third["bound_count"]


async def test_a_gate_open_on_more_than_is_promised_now_closes(scorer: Scorer) -> None:
    await scorer.service.remember_projects([project()])
    await scorer.plan(1)
    bound = (await scorer.prove(1, 9000, drawn=300))["error_bound"]
    await scorer.service.remember_projects([project(2, max_error_rate=bound * 1.01)])
    assert (await scorer.gate(1))["state"] == "OPEN"
    await scorer.service.remember_projects([project(3, max_error_rate=bound / 2)])
    closed = (await scorer.told(GateUpdated))[-1].gate
    assert closed.state == GATE_STATE_CLOSED
    assert "stricter" in closed.reason
    # An older version of the project that comes late changes nothing.
    count = len(await scorer.told(GateUpdated))
    await scorer.service.remember_projects([project(2, max_error_rate=1e-6)])
    assert len(await scorer.told(GateUpdated)) == count


def test_a_lot_proven_by_experts_has_no_proof_once_people_are_said_to_err() -> None:
    terms = {"miss": 0.0}
    lots = [{"lot": 1, "lot_size": 900, "bound_count": 7, "terms": terms}, {"bound_count": 3}]
    assert risk_budget.errors_granted(lots, project()) == 7
    assert risk_budget.errors_granted(lots, project(reference=Reference.AUDITED)) == 900


async def test_a_draw_that_is_taken_out_counts_as_wrong_and_is_not_waited_for(
    scorer: Scorer,
) -> None:
    await scorer.service.remember_projects([project()])
    await scorer.plan(1)
    whole = await scorer.prove(1, 9000, drawn=300)
    assert whole["sample_errors"] == 0
    await scorer.plan(2)
    proven = await scorer.prove(2, 9000, drawn=300, cancelled=1)
    # The surest of all stands first: what it was allowed to find is used up by it.
    assert proven["state"] != "PROVING" and proven["bound_count"] < whole["bound_count"]
    stranger = {"name": f"{NAME}/tasks/never-drawn", "state": "CANCELLED"}
    await scorer.service.cancel(NAME, [stranger])


@pytest.mark.parametrize("last", ["join", "freeze"])
async def test_draws_that_come_with_the_end_of_a_lot_are_not_overlooked(
    scorer: Scorer, last: str
) -> None:
    """A handler's batch is one unit of work: what it staged is not to be found by a search yet,
    and a proof that saw no draw would let everything pass."""
    await scorer.service.remember_projects([project()])
    await scorer.plan(1)
    name = f"{NAME}/gates/own-1"
    draft = {"model": "own", "model_version": "1", "score": 0.9, "lot": 1}
    routings = [
        {"task": f"{NAME}/tasks/{i}", "gate": name, "prediction": draft, "sampled": i % 3 == 0}
        for i in range(900)
    ]

    async def join() -> None:
        async def work(_: Any) -> None:
            for start in range(0, 900, 300):
                await scorer.service.join(NAME, routings[start : start + 300])

        await scorer.store.transact(work)

    async def freeze() -> None:
        await scorer.service.freeze(NAME, {"gate": name, "number": 1}, 900, SIZE)

    for step in (freeze, join) if last == "join" else (join, freeze):
        await step()
        assert (await scorer.gate(1))["state"] == "PROVING"


# -- prices and what cannot be ----------------------------------------------------------------


async def test_before_any_model_a_forecast_says_the_least_a_proof_takes(scorer: Scorer) -> None:
    await scorer.service.remember_projects([project()])
    told = await scorer.service.forecast(NAME)
    price = {p["max_error_rate"]: p["human_count"] for p in told["prices"]}
    # ln(1 / 0.04) / -ln(1 - 0.02): the first lot has 80 % of the risk.
    assert price[0.02] == 160 and price[0.004] == 804
    assert "no model" in told["reason"]


async def test_a_target_out_of_reach_says_what_it_would_take(scorer: Scorer) -> None:
    await scorer.service.remember_projects([project(max_error_rate=0.00002)])
    planned = await scorer.plan(1)
    assert planned.decision == planner.STOP and planned.unreachable
    assert "would be needed" in planned.reason
