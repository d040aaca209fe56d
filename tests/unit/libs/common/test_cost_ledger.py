"""The cost ledger: which stage work belongs to, and its figures by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import work_stages
from libs.common.ledger import UNKNOWN, ledger, median, median_interval

Doc = dict[str, Any]


def at(minute: int) -> str:
    return f"2026-03-01T10:{minute:02}:00.000000+00:00"


def lineage(*pieces: tuple[str, int, float], **changes: Any) -> Doc:
    """Of pieces (a decision, an annotation or review; minute; seconds)."""
    doc: Doc = {"prediction": None, "annotations": [], "reviews": [], "decisions": []}
    for kind, minute, seconds in pieces:
        if kind.isupper():
            doc["decisions"].append({"action": kind, "create_time": at(minute)})
        else:
            piece = {"create_time": at(minute), "work_seconds": seconds}
            doc[f"{kind}s"].append(piece)
    return {**doc, **changes}


def stages(work: Doc) -> dict[str, float]:
    return {name: tally["seconds"] for name, tally in work["stages"].items()}


FIRST = (("ANNOTATE", 1, 0), ("annotation", 2, 10.0))


@pytest.mark.parametrize(
    ("pieces", "flags", "expected"),
    [
        (FIRST, {}, {"training": 10}),
        (FIRST, {"gold": True}, {"gold": 10}),
        (FIRST, {"sampled": True}, {"certification": 10}),
        (
            (*FIRST, ("REVIEW", 3, 0), ("review", 4, 5.0), ("annotation", 6, 7.0)),
            {},
            {"training": 10, "review": 5, "rework": 7},
        ),
        (
            (*FIRST, ("AUDIT", 3, 0), ("annotation", 4, 6.0), ("review", 6, 3.0)),
            {},
            {"training": 10, "audit": 9},
        ),
        ((*FIRST, ("ACCEPT", 3, 0), ("review", 9, 4.0)), {}, {"training": 10, "rework": 4}),
        ((("ACCEPT", 1, 0),), {}, {}),
    ],
)
def test_work_belongs_to_what_it_was_for(pieces: Any, flags: Doc, expected: Doc) -> None:
    work = work_stages.effort_of(lineage(*pieces), "HUMAN", **flags)
    assert stages(work) == expected


def test_nothing_teaches_in_a_lot_or_where_nothing_trains() -> None:
    in_lot = work_stages.effort_of(lineage(*FIRST, prediction={"lot": 2}), "HUMAN")
    assert stages(in_lot) == {"annotation": 10}
    taught = work_stages.effort_of(lineage(*FIRST), "HUMAN")
    assert stages(work_stages.add({}, [taught], trains=False)) == {"annotation": 10}
    assert stages(work_stages.add({}, [taught], trains=True)) == {"training": 10}


def test_an_item_is_timed_once_and_late_answers_never() -> None:
    pieces = (("annotation", 1, 4.0), ("annotation", 2, 9.0), ("annotation", 3, 9.0))
    doc = lineage(*pieces)
    doc["annotations"][0]["late"] = True
    work = work_stages.effort_of(doc, "HUMAN", sampled=True)
    assert work["timing"] == {m: {work_stages.bucket_of(9.0): 1} for m in ("blind", "drawn")}
    assert work["stages"]["certification"]["count"] == 3
    shown = lineage(("annotation", 1, 3.0))
    shown["annotations"][0]["prediction"] = "p"
    assert work_stages.effort_of(shown, "CONFIRMED")["timing"] == {
        "confirm": {work_stages.bucket_of(3): 1}
    }
    assert work_stages.effort_of(shown, "HUMAN")["timing"] == {}


@given(st.floats(0.01, 1e5))
def test_a_bucket_holds_its_seconds(seconds: float) -> None:
    low, high = work_stages.seconds_of(work_stages.bucket_of(seconds))
    assert low <= seconds * 1.000001 and seconds <= high * 1.000001


# -- the ledger by hand -----------------------------------------------------------------------


def given_ledger(**changes: Any) -> Doc:
    """10 labels: 6 the machine's, 4 people's in 4 answers of 8, 8, 12 and 12 seconds."""
    tally = {"count": 4, "untimed": 0, "seconds": 40.0, "seconds_squared": 416.0}
    return {
        "label_count": 10,
        "sources": {"HUMAN": 4, "MACHINE": 6},
        "work_seconds": 40.0,
        "hourly_cost": 36.0,
        "stages": {"annotation": tally},
        "timing": {"blind": {work_stages.bucket_of(10.0): 9}},
        "routes": {"HUMAN": 3, "AUDITED": 1, "MACHINE": 6},
        **changes,
    }


def test_the_ledger_by_hand() -> None:
    doc = ledger(given_ledger(compute=[{"what": "training", "cpu_seconds": 5.0}]))
    (stage,) = doc["people"]["stages"]
    assert stage["mean_seconds"] == 10.0
    # variance (416 - 4 * 100) / 3, standard error sqrt(16 / 3 / 4)
    assert stage["mean_interval"] == pytest.approx([10 - 2.2632, 10 + 2.2632], abs=1e-4)
    assert doc["people"]["amount"] == pytest.approx(0.4)
    assert doc["per_label"]["people_seconds"] == 4.0
    assert doc["per_label"]["cpu_seconds"] == 0.5
    assert doc["per_label"]["gpu_seconds"] == doc["compute"]["gpu_seconds"] == UNKNOWN
    saved = doc["saved"]["all_people"]
    # 10 items at about 10 s each by people would be 100 s; 40 s were spent.
    assert saved["share"] == pytest.approx(0.6, abs=0.01)
    low, high = saved["interval"]
    assert low < saved["share"] < high and high - low < 0.02
    assert doc["saved"]["confirm_all"]["share"] == UNKNOWN
    assert "GPU seconds of models" in doc["not_known"]


def test_what_was_not_measured_is_unknown_and_never_nothing() -> None:
    untimed = {"count": 0, "untimed": 4, "seconds": 0.0, "seconds_squared": 0.0}
    doc = ledger(
        given_ledger(work_seconds=0.0, hourly_cost=0, stages={"review": untimed}, timing={})
    )
    people = doc["people"]
    assert (
        people["stages"][0]["seconds"] == people["charged_seconds"] == people["amount"] == UNKNOWN
    )
    assert doc["per_label"]["people_seconds"] == UNKNOWN
    assert {s["share"] for s in doc["saved"].values()} == {UNKNOWN}


def test_answers_without_seconds_are_charged_at_the_mean_of_the_others() -> None:
    tally = {"count": 4, "untimed": 2, "seconds": 40.0, "seconds_squared": 416.0}
    people = ledger(given_ledger(stages={"annotation": tally}))["people"]
    assert (people["seconds"], people["charged_seconds"], people["answers"]) == (40.0, 60.0, 6)


def test_chance_is_preferred_where_it_drew_enough() -> None:
    drawn = {work_stages.bucket_of(20.0): 30}
    timing = {"blind": {work_stages.bucket_of(10.0): 99}, "drawn": drawn}
    assert ledger(given_ledger(timing=timing))["saved"]["all_people"]["sample"] == 30
    drawn[work_stages.bucket_of(20.0)] = 29
    assert ledger(given_ledger(timing=timing))["saved"]["all_people"]["sample"] == 99


def test_the_medians_interval_is_that_of_its_order_statistics() -> None:
    # n = 10: the 2nd and the 9th value (Conover, table A.7).
    values = [2.0**k for k in range(10)]
    buckets = {work_stages.bucket_of(v * 1.001): 1 for v in values}
    found = median_interval(buckets)
    assert found is not None and median(buckets) == pytest.approx(16, rel=0.03)
    assert found == pytest.approx((2, 256), rel=0.03)
    assert median_interval({"10": 5}) is None
