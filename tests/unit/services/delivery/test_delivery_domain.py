"""Pure decisions of delivery and its formats."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.formats import Job
from libs.formats.tabular.csv_format import CsvEncoder, safe
from services.delivery import domain
from services.delivery.certificate import coverage
from services.delivery.domain import READY, RETURNED, Delivery, DeliveryState, Project

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROJECT = Project("tenants/a/projects/p", 1, "t", ("jsonl", "csv"), "item", {"classes": ["x"]}, ())


def delivery(state: DeliveryState = DeliveryState.PENDING, **changes: object) -> Delivery:
    made = domain.create(PROJECT, "d", ["jsonl"], 3, NOW)
    return domain.replace(made, state=state, **changes)  # type: ignore[arg-type]


def row(version: int, holder: str = READY) -> domain.Doc:
    return {"name": "t", "task_version": version, "version": 4, "delivery": holder}


def test_the_newest_version_of_a_task_counts() -> None:
    assert domain.newest([row(2), row(5), row(3)])["t"]["task_version"] == 5


@pytest.mark.parametrize(
    ("holder", "version", "stored"),
    [(READY, 3, True), (RETURNED, 3, True), ("d", 3, False), (READY, 2, False), (READY, 1, False)],
)
def test_what_replaces_a_label(holder: str, version: int, stored: bool) -> None:
    after = domain.succeed(row(2, holder), row(version))
    assert (after is not None) is stored
    if after is not None:
        assert (after["version"], after["delivery"]) == (5, READY)


def test_formats_default_to_the_templates() -> None:
    assert domain.choose_formats(PROJECT, [], ("coco", "csv", "jsonl")) == ["jsonl", "csv"]
    with pytest.raises(domain.Refused, match="'coco'; there are jsonl, csv"):
        domain.choose_formats(PROJECT, ["coco"], ("coco", "csv", "jsonl"))


@pytest.mark.parametrize("state", list(DeliveryState))
def test_only_a_completed_delivery_is_decided_on(state: DeliveryState) -> None:
    one = delivery(state, reason="r")
    if state is DeliveryState.COMPLETED:
        assert domain.accept(one, NOW).state is DeliveryState.ACCEPTED
        assert domain.reject(one, "r", NOW).releasing
        return
    if state is DeliveryState.ACCEPTED:
        assert domain.accept(one, NOW) is one
    else:
        with pytest.raises(domain.Refused):
            domain.accept(one, NOW)
    if state is not DeliveryState.REJECTED:
        with pytest.raises(domain.Refused):
            domain.reject(one, "r", NOW)


def test_a_lease_keeps_others_out_until_it_ends() -> None:
    held = domain.lease(delivery(), "one", NOW)
    assert held.state is DeliveryState.FREEZING
    assert held.free_for("one", NOW)
    assert not held.free_for("two", NOW)
    assert held.free_for("two", NOW + domain.LEASE)


def test_a_delivery_is_given_up_after_enough_failures() -> None:
    one, now = delivery(DeliveryState.WRITING), NOW
    for _ in range(domain.MAX_FAILURES - 1):
        one = domain.stumble(one, "disk full", now)
        assert one.state is DeliveryState.WRITING and not one.free_for("one", now)
        now += timedelta(seconds=61)
    one = domain.stumble(one, "disk full", now)
    assert (one.state, one.releasing, one.reason) == (DeliveryState.FAILED, True, "disk full")


def report(covered: int, bound: float) -> domain.Doc:
    return {"machine_count": covered, "error_bound": bound, "confidence": 0.95}


def test_no_evidence_means_a_bound_of_one() -> None:
    assert coverage.bound_of(10, {}) == 1.0
    assert coverage.bound_of(10, report(0, 0.01)) == 1.0
    assert coverage.bound_of(10, report(50, 0.02)) == 0.02
    assert coverage.bound_of(10, report(5, 0.02)) == pytest.approx(0.51)


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.floats(0, 1))
def test_labels_no_report_covers_never_lower_the_bound(
    labels: int, covered: int, bound: float
) -> None:
    found = coverage.bound_of(labels, report(covered, bound))
    assert found <= 1.0
    assert found >= bound - 1e-12


@pytest.mark.parametrize(
    ("target", "bound", "confidence", "certified"),
    [(0.05, 0.05, 0.95, True), (0.05, 0.051, 0.95, False), (0.05, 0.01, 0.9, False), (0, 0, 1, 0)],
)
def test_certified_only_within_the_target(
    target: float, bound: float, confidence: float, certified: bool
) -> None:
    quality = {**report(9, bound), "confidence": confidence}
    one = delivery(max_error_rate=target, error_bound=bound, evidence={"quality": quality})
    assert coverage.is_certified(one) is bool(certified)


def test_it_waits_for_the_report_but_not_for_ever() -> None:
    one = delivery(max_error_rate=0.05, label_count=10)
    assert coverage.waits_for_report(one, report(9, 0.1), NOW)
    assert not coverage.waits_for_report(one, report(10, 0.1), NOW)
    assert not coverage.waits_for_report(one, {}, NOW + coverage.REPORT_PATIENCE)


@given(st.text())
def test_no_cell_is_a_formula_and_every_cell_can_be_had_back(text: str) -> None:
    cell = safe(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.removeprefix("'") == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_csv_reads_back_any_text(text: str) -> None:
    encoder = CsvEncoder(Job("p", "t", {}, (), lambda _: io.BytesIO()))
    label = {
        "name": "t",
        "item": "i",
        "source_key": "",
        "value": {"text": {"text": text}},
        "source": "HUMAN",
        "score": 1.0,
    }
    written = (encoder.begin() + encoder.add([label])).decode()
    (found,) = csv.DictReader(io.StringIO(written, newline=""))
    assert found["text"].removeprefix("'") == text
