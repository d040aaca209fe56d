"""What the parts' projects prove of labels that are put together: counted, summed up, certified."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelmill.qc_scorer.v1.events_pb2 import QualityUpdated
from labelmill.qc_scorer.v1.qc_scorer_pb2 import QualityReport
from labelmill.task_dispatch.v1.events_pb2 import TasksAccepted
from labelmill.task_dispatch.v1.task_dispatch_pb2 import Task

from libs.bundle.proof import faults
from libs.common.clock import FakeClock
from libs.common.codec import doc_to_message, message_to_doc
from libs.common.store.sqlite import SqliteStore
from services.delivery.bundle.manifest import canonical
from services.delivery.certificate import coverage
from services.delivery.certificate.content import certificate
from services.delivery.certificate.html import page
from services.delivery.domain import Delivery, DeliveryState
from services.qc_scorer import composite_report, store
from services.qc_scorer.domain import Project, Reference
from services.qc_scorer.events import on_accepted
from services.qc_scorer.service import QcScorer

NAME = "tenants/acme/projects/p"
PARTS = (f"{NAME}.cut", f"{NAME}.write")
Doc = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def own(total: int) -> Doc:
    return {"project": NAME, "machine_count": 0, "human_count": total, "confidence": 0.95}


def part(name: str, machine: int, human: int, bound: float, confidence: float = 0.975) -> Doc:
    counts = {"machine_count": machine, "human_count": human}
    return {"project": name, **counts, "error_bound": bound, "confidence": confidence}


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=6), min_size=1),
)
def test_no_more_wholes_are_wrong_than_the_bounds_of_their_pieces_allow(
    items: list[list[tuple[int, bool]]],
) -> None:
    """items: the pieces of each, (part, is it wrong?)."""
    reports = []
    for number in range(3):
        wrong = [fault for pieces in items for one, fault in pieces if one == number]
        share = sum(wrong) / len(wrong) if wrong else 1.0
        reports.append(part(f"{NAME}.{number}", 0, len(wrong), share))
    pieces = sum(map(len, items))
    found = composite_report.report(own(len(items)), reports, {"pieces": pieces})
    bad = sum(any(fault for _, fault in pieces) for pieces in items)
    assert bad / len(items) <= found["error_bound"] + 1e-12


def test_what_no_part_speaks_of_counts_as_wrong() -> None:
    reports = [part(PARTS[0], 60, 40, 0.01), part(PARTS[1], 0, 300, 0.002)]
    found = composite_report.report(own(100), reports, {"pieces": 400})
    assert found["error_bound"] == pytest.approx((100 * 0.01 + 300 * 0.002) / 100)
    assert found["confidence"] == pytest.approx(0.95)
    behind = composite_report.report(own(100), reports, {"pieces": 405, "apart": 3})
    assert behind["error_bound"] == pytest.approx(found["error_bound"] + 8 / 100)
    assert composite_report.report(own(0), [], {})["error_bound"] == 1.0


def whole(value: str, action: str = "JOIN", before: str = "", pieces: int = 3) -> Doc:
    earlier = [{"value": {"text": {"text": before}}}] if before else []
    return {
        "name": f"{NAME}/tasks/i1",
        "subtasks": [f"{PARTS[1]}/tasks/i1.{n}" for n in range(pieces)],
        "decisions": [{"action": action}],
        "label": {"value": {"text": {"text": value}}},
        "earlier_labels": earlier,
    }


def test_a_whole_is_apart_only_where_a_reviewer_made_it_another() -> None:
    project = Project(NAME, 1, "text", "words", parts=PARTS)
    for task, apart in (
        (whole("a"), 0),
        (whole("a", "ACCEPT", before="a"), 0),
        (whole("b", "ACCEPT", before="a"), 1),
        (whole("b", "ACCEPT"), 1),
    ):
        assert composite_report.counts(task, project) == {"pieces": 3, "apart": apart}
    seen = {f"{NAME}/tasks/i1": {"pieces": 3, "apart": 1}}
    made = {f"{NAME}/tasks/i1": composite_report.counts(whole("a", pieces=5), project)}
    assert composite_report.moved(made, seen) == {"pieces": 2, "apart": -1}
    # What came with its label stands on an audit, or on nothing.
    brought = {"name": "t", "label": {}}
    assert composite_report.counts(brought, project) == {"pieces": 0, "apart": 1}
    audited = {**brought, "decisions": [{"action": "AUDIT"}]}
    assert composite_report.counts(audited, project) == {"pieces": 0, "apart": 0}
    assert composite_report.counts(brought, Project("p", 1, "text", "words")) == {}


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(f"sqlite:///{tmp_path}", "qc_scorer")
    await made.open(store.COLLECTIONS)
    yield made
    await made.close()


def accepted(project: str, ids: list[str], source: str, pieces: int = 0) -> TasksAccepted:
    label = {"value": {"text": {"text": "x"}}, "source": source, "score": 1.0}
    message = TasksAccepted(project=project)
    for one in ids:
        doc = {"name": f"{project}/tasks/{one}", "version": 2, "label": label}
        made = [f"{PARTS[1]}/tasks/{one}.{n}" for n in range(pieces)]
        doc |= {"subtasks": made, "decisions": [{"action": "JOIN"}]} if pieces else {}
        message.tasks.append(doc_to_message(doc, Task))
    return message


async def test_the_scorer_reports_wholes_by_what_their_parts_prove(kept: SqliteStore) -> None:
    service = QcScorer(kept, FakeClock())
    terms: Doc = {"loss": "text", "merge_rule": "words", "reference": Reference.EXPERTS}
    await service.remember_projects(
        [
            Project(NAME, 1, max_error_rate=0.05, parts=PARTS, **terms),
            *(Project(p, 1, confidence=0.975, parent_project=NAME, **terms) for p in PARTS),
        ]
    )
    ids = [f"{n:03}" for n in range(10)]
    twice = accepted(NAME, ids, "MACHINE", pieces=2)
    await on_accepted(service, [twice])
    before = await service.quality(NAME)
    assert (before["human_count"], before["subtask_count"]) == (10, 20)
    assert before["error_bound"] == 1.0, "pieces that no part has told of are wrong"
    for _ in range(2):
        # Events come twice; experts' labels have no error, machine labels without a gate all.
        await on_accepted(service, [accepted(PARTS[0], ids, "HUMAN")])
    await on_accepted(service, [accepted(PARTS[1], [f"{i}.0" for i in ids], "HUMAN"), twice])
    report = await service.quality(NAME)
    assert [p["human_count"] for p in report["parts"]] == [10, 10]
    assert (report["human_count"], report["subtask_count"], report["error_bound"]) == (10, 20, 0.0)
    assert report["confidence"] == pytest.approx(0.95)
    await on_accepted(service, [accepted(PARTS[1], ["m"], "MACHINE")])
    assert (await service.quality(NAME))["error_bound"] == pytest.approx(0.1)

    await service.tell_quality()
    await on_accepted(service, [accepted(PARTS[1], ["n"], "MACHINE")])
    await service.tell_quality()
    told = [e.message() for e in await kept.pending_events(100)]
    of_wholes = [m.report for m in told if isinstance(m, QualityUpdated) and m.report.parts]
    assert [round(r.error_bound, 6) for r in of_wholes] == [0.1, 0.2], "told as its parts move"


REPORT = composite_report.report(
    {**own(100), "machine_error_bound": 1.0, "human_error_bound": 1.0},
    [
        {
            **part(PARTS[0], 60, 40, 0.0207),
            "verified_count": 10,
            "machine_error_bound": 0.001,
            "human_error_bound": 0.0667,
            "audit_count": 120,
            "audit_errors": 2,
        },
        {**part(PARTS[1], 0, 300, 0.0), "verified_count": 300},
    ],
    {"pieces": 400},
)


def delivery(report: Doc, target: float = 0.03) -> Delivery:
    told = message_to_doc(doc_to_message(report, QualityReport))
    return Delivery(
        name=f"{NAME}/deliveries/d",
        template="tenants/catalogue/templates/text/versions/1",
        state=DeliveryState.WRITING,
        formats=("jsonl",),
        create_time=NOW,
        update_time=NOW,
        blob="b",
        max_error_rate=target,
        confidence=0.95,
        label_count=100,
        sources={"MACHINE": 100},
        error_bound=coverage.bound_of(100, told),
        evidence={"quality": told},
    )


def test_a_certificate_of_wholes_bears_itself_out() -> None:
    made = json.loads(canonical(certificate(delivery(REPORT))))
    assert made["certified"] and list(faults(made)) == []
    assert "Part cut: 100 pieces, 60 of them the machine's alone" in made["statement"]
    assert "wrong with any of its pieces" in made["method"]
    shown = page(made)
    assert "Part write" in shown and "300 pieces, 0 the machine" in shown
    assert not certificate(delivery(REPORT, 0.02))["certified"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"error_bound": 0.01}, "below its parts' 0.0207"),
        ({"subtask_count": 500}, "below its parts'"),
        ({"apart_count": 2}, "below its parts'"),
        ({"confidence": 0.96}, "claims more confidence"),
        ({"first": {"error_bound": 0.001}}, f"{PARTS[0]}: the bound is below"),
        (
            {"first": {"audit": {"sample_size": 120, "errors": 9, "error_bound": 0.06}}},
            "people's",
        ),
    ],
)
def test_a_certificate_of_wholes_that_says_too_much_is_found_out(changes: Doc, words: str) -> None:
    made = json.loads(canonical(certificate(delivery(REPORT))))
    first, *rest = made["measured"]["parts"]
    parts = [{**first, **changes.pop("first", {})}, *rest]
    made["measured"] = {**made["measured"], **changes, "parts": parts}
    assert any(words in fault for fault in faults(made)), list(faults(made))


def test_a_delivery_of_wholes_waits_for_reports_on_all_their_pieces() -> None:
    behind = composite_report.report(own(100), REPORT["parts"], {"pieces": 401})
    assert coverage.waits_for_report(delivery(behind), behind, NOW)
    assert not coverage.waits_for_report(delivery(REPORT), REPORT, NOW)
