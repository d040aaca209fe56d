"""Opinions while they are worth their price: the router's rule, and what it saves a crowd."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.clock import FakeClock
from libs.common.store import Store, open_store
from services.qc_scorer import domain, store
from services.qc_scorer.domain import Project
from services.qc_scorer.service import QcScorer
from services.review_router.domain import (
    EXTRA_OPINIONS,
    Action,
    Coins,
    Facts,
    Phase,
    Policy,
    Routing,
    route,
)
from services.review_router.gates import Gate

HAM: dict[str, Any] = {"choices": {"classes": ["ham"]}}
NEVER = Coins(1.0, 1.0, 1.0, 0.0)
ADAPTIVE = Policy(adaptive_annotations=40.0)
ASKED = Facts(
    "t",
    3,
    annotation_count=1,
    consensus=HAM,
    confidence=0.8,
    truth_method="blend",
    worth_asking=True,
)


def decided(facts: Facts, policy: Policy = ADAPTIVE, coins: Coins = NEVER) -> Routing:
    return route(facts, policy, Gate(), Phase.WARM_UP, coins)


def test_one_more_is_asked_while_it_is_worth_its_price() -> None:
    made = decided(ASKED)
    assert made.action is Action.ANNOTATE and made.replica_count == 2 and made.blind
    assert "0.800" in made.reason
    made = decided(replace(ASKED, worth_asking=False))
    assert made.action is Action.ACCEPT and (made.label or {})["score"] == 0.8


def test_opinions_that_differ_are_settled_by_their_probability() -> None:
    made = decided(
        replace(ASKED, annotation_count=2, disputed=True, worth_asking=False, confidence=0.97)
    )
    assert made.action is Action.ACCEPT and (made.label or {})["score"] == 0.97
    assert "differ" in made.reason


def test_the_cap_ends_it_with_a_reviewer_where_opinions_differ() -> None:
    most = replace(ASKED, annotation_count=1 + EXTRA_OPINIONS)
    assert decided(replace(most, disputed=True)).action is Action.ADJUDICATE
    assert decided(most).action is Action.ACCEPT
    three = Policy(replica_count=3, adaptive_annotations=40.0)
    again = decided(replace(most, replica_count=3), three)
    assert again.action is Action.ANNOTATE and again.replica_count == 4
    early = decided(replace(ASKED, replica_count=3, worth_asking=False), three)
    assert early.action is Action.ANNOTATE and early.replica_count == 3


def test_chance_still_draws_from_what_is_settled() -> None:
    settled = replace(ASKED, annotation_count=2, disputed=True, worth_asking=False)
    audited = decided(settled, replace(ADAPTIVE, people_audit_share=0.5), replace(NEVER, audit=0.1))
    assert audited.action is Action.AUDIT and audited.replica_count == 3
    reviewed = decided(settled, replace(ADAPTIVE, review_share=0.5), replace(NEVER, review=0.1))
    assert reviewed.action is Action.ADJUDICATE, "nothing to approve where opinions differ"
    agreed = decided(
        replace(settled, disputed=False),
        replace(ADAPTIVE, review_share=0.5),
        replace(NEVER, review=0.1),
    )
    assert agreed.action is Action.REVIEW


facts = st.builds(
    Facts,
    task=st.just("t"),
    task_version=st.just(1),
    gold=st.booleans(),
    sampled=st.booleans(),
    stage=st.sampled_from(["ANNOTATION", "REVIEW", "ADJUDICATION", "AUDIT"]),
    annotation_count=st.integers(1, 6),
    replica_count=st.integers(1, 4),
    disputed=st.booleans(),
    consensus=st.just(HAM),
    confidence=st.floats(0, 1),
    worth_asking=st.booleans(),
    truth_method=st.sampled_from(["", "blend"]),
    verdicts=st.sampled_from([(), ({"verdict": "REJECTED"},)]),
)


@given(facts, st.booleans())
def test_evidence_and_other_losses_do_not_depend_on_it(known: Facts, more: bool) -> None:
    fixed = known.gold or known.sampled or known.verdicts or known.stage != "ANNOTATION"
    plain = decided(known, Policy())
    if fixed or not known.truth_method:
        assert decided(replace(known, worth_asking=more)) == plain
    assert decided(replace(known, worth_asking=more), Policy()) == plain, "off changes nothing"


@given(facts)
def test_it_always_ends(known: Facts) -> None:
    made = decided(known)
    if made.action is Action.ANNOTATE and not known.verdicts:
        most = max(known.replica_count, 1 + EXTRA_OPINIONS)
        assert known.annotation_count < made.replica_count <= most


# A simulated crowd, asked as the router says


SKILLS = (0.97, 0.95, 0.93, 0.9, 0.85, 0.7)
NAME = "tenants/t/projects/p"


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(f"sqlite:///{tmp_path}", "qc-scorer", store.COLLECTIONS)
    yield opened
    await opened.close()


def _value(k: int) -> dict[str, Any]:
    return {"choices": {"classes": [f"c{k}"]}}


def _opinion(rng: np.random.Generator, who: int, true: int) -> dict[str, Any]:
    fine = rng.random() < SKILLS[who]
    said = true if fine else int((true + rng.integers(1, 4)) % 4)
    return {"annotator": f"p{who}", "value": _value(said)}


class Line:
    """One project of simulated people, labelled by scorer and router hand in hand."""

    def __init__(self, kept: Store, value: float) -> None:
        self.policy = Policy(adaptive_annotations=value)
        names = ("c0", "c1", "c2", "c3")
        self.project = Project(
            NAME, 1, "class", "majority", classes=names, adaptive_annotations=value
        )
        self.service, self.kept = QcScorer(kept, FakeClock()), kept
        self.rng = np.random.default_rng(3)
        self.right = self.opinions = self.adjudicated = 0

    async def label(self, size: int, batch: int = 50) -> None:
        await self.service.remember_projects([self.project])
        for start in range(0, size, batch):
            await self._label([f"{NAME}/tasks/{n:06}" for n in range(start, start + batch)])
            await self.service.refit_due()

    async def _label(self, tasks: list[str]) -> None:
        truths = {task: int(self.rng.integers(4)) for task in tasks}
        people = {task: self.rng.permutation(len(SKILLS)).tolist() for task in tasks}
        open_ = [{"name": task, "annotations": []} for task in tasks]
        settled: list[dict[str, Any]] = []
        while open_:
            for doc in open_:
                who = people[doc["name"]].pop()
                doc["annotations"].append(_opinion(self.rng, who, truths[doc["name"]]))
            routings = await self._routed(open_)
            left = []
            for doc, made in zip(open_, routings, strict=True):
                if made.action is Action.ANNOTATE:
                    left.append(doc)
                else:
                    settled.append(self._settle(doc, made, truths[doc["name"]]))
            open_ = left
        await self.service.count_accepted(NAME, 0, settled)

    async def _routed(self, docs: list[dict[str, Any]]) -> list[Routing]:
        scores = await self.kept.transact(
            lambda unit: self.service.believe(unit, self.project, docs)
        )
        return [
            decided(
                Facts(
                    doc["name"],
                    1,
                    annotation_count=score.annotation_count,
                    replica_count=score.annotation_count,
                    disputed=score.disputed,
                    consensus=score.consensus,
                    confidence=score.confidence,
                    worth_asking=score.worth_asking,
                    truth_method=score.truth_method,
                ),
                self.policy,
            )
            for doc, score in zip(docs, scores, strict=True)
        ]

    def _settle(self, doc: dict[str, Any], made: Routing, true: int) -> dict[str, Any]:
        """A simulated reviewer knows."""
        reviewed = made.action is Action.ADJUDICATE
        label = {"value": _value(true), "source": "REVIEWED"} if reviewed else made.label or {}
        self.right += label["value"] == _value(true)
        self.opinions += len(doc["annotations"])
        self.adjudicated += reviewed
        return {**doc, "label": label}


def majority_of_three(size: int) -> float:
    """Accuracy of a plain vote of three of the same people on every task."""
    rng, right = np.random.default_rng(4), 0
    plain = Project(NAME, 1, "class", "majority")
    for _ in range(size):
        true = int(rng.integers(4))
        three = [_opinion(rng, who, true) for who in rng.permutation(len(SKILLS))[:3].tolist()]
        right += domain.score({"annotations": three}, plain).consensus == _value(true)
    return right / size


@pytest.mark.statistical
async def test_fewer_opinions_than_three_on_every_task_at_no_less_accuracy(kept: Store) -> None:
    line = Line(kept, value=60.0)
    await line.label(1500)
    accuracy, opinions = line.right / 1500, line.opinions / 1500
    adjudicated = line.adjudicated / 1500
    assert accuracy >= majority_of_three(4000)
    assert opinions + 3 * adjudicated < 2.6, "a reviewer counted as three"
