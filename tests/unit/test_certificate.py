"""The certificate: its ledger by hand, its pictures, what it leaves out and cannot hide."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import effort
from services.delivery import pictures
from services.delivery.certificate import certificate
from services.delivery.domain import Delivery, DeliveryState, Doc
from libs.common.ledger import UNKNOWN, ledger, median, median_interval
from services.delivery.manifest import canonical
from services.delivery.page import page
from services.delivery.proof import faults, upper_bound
from services.delivery.story import history, look_of, story

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = "<script>alert('x')</script>&\"<img src=x>"


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
    work = effort.effort_of(lineage(*pieces), "HUMAN", **flags)
    assert stages(work) == expected


def test_nothing_teaches_in_a_lot_or_where_nothing_trains() -> None:
    in_lot = effort.effort_of(lineage(*FIRST, prediction={"lot": 2}), "HUMAN")
    assert stages(in_lot) == {"annotation": 10}
    taught = effort.effort_of(lineage(*FIRST), "HUMAN")
    assert stages(effort.add({}, [taught], trains=False)) == {"annotation": 10}
    assert stages(effort.add({}, [taught], trains=True)) == {"training": 10}


def test_an_item_is_timed_once_and_late_answers_never() -> None:
    pieces = (("annotation", 1, 4.0), ("annotation", 2, 9.0), ("annotation", 3, 9.0))
    doc = lineage(*pieces)
    doc["annotations"][0]["late"] = True
    work = effort.effort_of(doc, "HUMAN", sampled=True)
    assert work["timing"] == {m: {effort.bucket_of(9.0): 1} for m in ("blind", "drawn")}
    assert work["stages"]["certification"]["count"] == 3
    shown = lineage(("annotation", 1, 3.0))
    shown["annotations"][0]["prediction"] = "p"
    assert effort.effort_of(shown, "CONFIRMED")["timing"] == {"confirm": {effort.bucket_of(3): 1}}
    assert effort.effort_of(shown, "HUMAN")["timing"] == {}


@given(st.floats(0.01, 1e5))
def test_a_bucket_holds_its_seconds(seconds: float) -> None:
    low, high = effort.seconds_of(effort.bucket_of(seconds))
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
        "timing": {"blind": {effort.bucket_of(10.0): 9}},
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
    drawn = {effort.bucket_of(20.0): 30}
    timing = {"blind": {effort.bucket_of(10.0): 99}, "drawn": drawn}
    assert ledger(given_ledger(timing=timing))["saved"]["all_people"]["sample"] == 30
    drawn[effort.bucket_of(20.0)] = 29
    assert ledger(given_ledger(timing=timing))["saved"]["all_people"]["sample"] == 99


def test_the_medians_interval_is_that_of_its_order_statistics() -> None:
    # n = 10: the 2nd and the 9th value (Conover, table A.7).
    values = [2.0**k for k in range(10)]
    buckets = {effort.bucket_of(v * 1.001): 1 for v in values}
    found = median_interval(buckets)
    assert found is not None and median(buckets) == pytest.approx(16, rel=0.03)
    assert found == pytest.approx((2, 256), rel=0.03)
    assert median_interval({"10": 5}) is None


# -- the page ---------------------------------------------------------------------------------


def evidence(text: str = "plain") -> Doc:
    gate = {
        "name": f"gates/{text}",
        "project": "p",
        "model": text,
        "model_version": "3",
        "state": "OPEN",
        "threshold": 0.8,
        "error_bound": 0.02,
        "sample_size": 600,
        "sample_errors": 3,
        "confidence": 0.975,
        "update_time": at(5),
        "version": 2,
        "reason": text,
    }
    looks = [
        look_of({**gate, "version": 1, "state": "CLOSED", "update_time": at(1)}),
        look_of(gate),
    ]
    return {
        "quality": {
            "machine_count": 60,
            "human_count": 40,
            "verified_count": 20,
            "machine_error_bound": 0.02,
            "audit_count": 100,
            "human_error_bound": 0.05,
            "confidence": 0.95,
        },
        "gates": [gate],
        "unit_of_error": text,
        "hourly_cost": 36.0,
        "gate_history": history(looks),
        "story": story(looks),
        "reliability": [{"confidence": 0.9, "accuracy": 0.88, "count": 50}],
        "per_class": [
            {"class": text, "count": 5, "errors": 1, "sample": 9, "bound": 0.4, "floor": 0.1}
        ],
        "versions": {"guideline_digest": text, "models": [{"model": text, "version": "3"}]},
        "compute": [{"what": text, "cpu_seconds": 1.0}],
    }


def delivery(**changes: Any) -> Delivery:
    work = effort.effort_of(lineage(("annotation", 1, 10.0)), "HUMAN")
    idle = effort.effort_of(lineage(("ACCEPT", 1, 0)), "MACHINE")
    made = {
        "name": "tenants/a/projects/p/deliveries/d",
        "template": "tenants/catalogue/templates/text/versions/1",
        "state": DeliveryState.WRITING,
        "formats": ("jsonl",),
        "create_time": NOW,
        "update_time": NOW,
        "blob": "b",
        "max_error_rate": 0.03,
        "confidence": 0.95,
        "label_count": 100,
        "sources": {"HUMAN": 40, "MACHINE": 60},
        "error_bound": 0.025,
        "work_seconds": 400.0,
        "effort": effort.add({}, [work] * 40 + [idle] * 60, trains=False),
        "evidence": evidence(),
    }
    return Delivery(**{**made, **changes})


def test_no_text_of_others_is_markup() -> None:
    hostile = delivery(evidence=evidence(HOSTILE), template=HOSTILE)
    shown = page(certificate(hostile))
    assert "<script" not in shown and "<img" not in shown and "&lt;script&gt;" in shown
    assert "http" not in shown.replace("https", "http").replace('charset="utf-8"', "")
    for part in shown.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + part.split("</svg>")[0] + "</svg>")


def test_the_same_delivery_has_the_same_bytes() -> None:
    first, again = certificate(delivery()), certificate(delivery())
    assert canonical(first) == canonical(again) and page(first) == page(again)
    # What verify reads makes the same page.
    assert page(json.loads(canonical(first))) == page(first)


def test_every_picture_says_what_it_shows() -> None:
    shown = page(certificate(delivery()))
    assert shown.count("<svg") == 4 == shown.count('role="img"') == shown.count("</title>") - 1


def test_sections_without_evidence_are_left_out() -> None:
    bare = certificate(delivery(evidence={}, effort={}, error_bound=1.0))
    for name in ("history", "reliability", "per_class", "story", "calibration_error"):
        assert name not in bare
    shown = page(bare)
    assert shown.count("<svg") == 1
    assert "By class" not in shown and "What happened" not in shown and "Guideline" not in shown
    assert "no evidence" in bare["statement"] and list(faults(bare)) == []


def test_the_statement_spells_the_error_of_both_parts() -> None:
    said = certificate(delivery())["statement"]
    assert said.startswith("Certified") and "60 labels of the machine at most 2.0000%" in said
    assert "20 of the 40 labels of people were checked" in said and "0 in 100 audited" in said


def test_a_story_tells_only_what_changed() -> None:
    said = certificate(delivery())["story"]
    assert [s["what"] for s in said] == ["gate of plain 3 opened: plain"]


@pytest.mark.parametrize(
    ("what", "drawn"),
    [
        ("no calibration evidence", pictures.reliability([])),
        ("no gate was looked at", pictures.bound_over_time([], 0.1)),
        ("no labels", pictures.routes([("machine", 0)])),
        ("no seconds", pictures.cost([])),
    ],
)
def test_an_empty_picture_says_why(what: str, drawn: str) -> None:
    assert what in drawn and "<title>" in drawn


# -- what it cannot hide ----------------------------------------------------------------------


def _lower_bound(doc: Doc) -> None:
    doc["measured"]["error_bound"] = 0.01


def _lower_gate(doc: Doc) -> None:
    doc["measured"]["gates"][0]["error_bound"] = 0.006


def _lower_audit(doc: Doc) -> None:
    doc["measured"]["audit"]["error_bound"] = 0.001


def _saving(doc: Doc) -> None:
    doc["ledger"]["saved"]["all_people"]["share"] = 0.99


def _stage(doc: Doc) -> None:
    doc["ledger"]["people"]["stages"][0]["seconds"] = 1.0


def _confidence(doc: Doc) -> None:
    doc["measured"]["confidence"] = 0.9


def _routes(doc: Doc) -> None:
    doc["ledger"]["routes"]["MACHINE"] = 61


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_lower_bound, "below its parts"),
        (_lower_gate, "which its sample allows"),
        (_lower_audit, "which its audit allows"),
        (_saving, "does not follow"),
        (_stage, "stages do not add up"),
        (_confidence, "less confidence"),
        (_routes, "routes do not add up"),
    ],
)
def test_a_certificate_that_contradicts_itself_is_found_out(harm: Any, words: str) -> None:
    doc = json.loads(canonical(certificate(delivery())))
    assert list(faults(doc)) == []
    harm(doc)
    assert any(words in fault for fault in faults(doc))


def test_an_old_certificate_holds_less_and_is_still_checked() -> None:
    doc = json.loads(canonical(certificate(delivery())))
    for name in ("ledger", "versions", "history", "story", "reliability", "per_class"):
        del doc[name]
    for name in ("machine_count", "human_count", "verified_count", "confidence"):
        del doc["measured"][name]
    assert list(faults(doc)) == []
    doc["measured"]["error_bound"] = 0.5
    assert any("above the target" in fault for fault in faults(doc))


def test_the_exact_bound_is_the_scorers() -> None:
    from scipy.stats import beta

    for errors, size, alpha in ((0, 60, 0.025), (3, 600, 0.02), (40, 2000, 0.001)):
        expected = beta.ppf(1 - alpha, errors + 1, size - errors)
        assert upper_bound(errors, size, alpha) == pytest.approx(expected, rel=1e-9)
    assert upper_bound(0, 0, 0.05) == 1.0
