"""The certificate: its page and pictures, what it leaves out and what it cannot hide."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from libs.bundle.proof import faults, upper_bound
from libs.common import work_stages
from libs.common.ledger import ledger
from services.delivery.bundle.manifest import canonical
from services.delivery.certificate import charts, class_limits, models
from services.delivery.certificate.content import certificate
from services.delivery.certificate.gate_history import history, look_of, story
from services.delivery.certificate.html import page
from services.delivery.domain import Delivery, DeliveryState, Doc
from tests.unit.libs.common.test_cost_ledger import at, given_ledger, lineage

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = "<script>alert('x')</script>&\"<img src=x>"


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
        "per_class": [{"class": text, "count": 5, "machine": 2, "bound": 1.0, "floor": 0.1}],
        "versions": {"guideline_digest": text, "models": [{"model": text, "version": "3"}]},
        "compute": [{"what": text, "cpu_seconds": 1.0}],
    }


def delivery(**changes: Any) -> Delivery:
    work = work_stages.effort_of(lineage(("annotation", 1, 10.0)), "HUMAN")
    idle = work_stages.effort_of(lineage(("ACCEPT", 1, 0)), "MACHINE")
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
        "effort": work_stages.add({}, [work] * 40 + [idle] * 60, trains=False),
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
    assert (
        "Class error limits" not in shown and "<h2>Events" not in shown and "Guideline" not in shown
    )
    assert "no evidence" in bare["statement"] and list(faults(bare)) == []


def test_the_statement_spells_the_error_of_both_parts() -> None:
    said = certificate(delivery())["statement"]
    assert said.startswith("Certified") and "60 labels of the machine at most 2.0000%" in said
    assert "20 of the 40 labels of people were checked" in said and "0 in 100 audited" in said


def test_a_story_tells_only_what_changed() -> None:
    said = certificate(delivery())["story"]
    assert [s["what"] for s in said] == ["gate of plain 3 opened: plain"]


LONG = "W" * 4000


def crowded(text: str) -> Delivery:
    """More of everything than fits: gates, looks, classes, routes, stages, hostile long names."""
    one = evidence(text)
    gates = [{**one["gates"][0], "name": f"gates/{i}", "model_version": str(i)} for i in range(40)]
    looks = [look_of({**g, "version": v, "state": s}) for g in gates for v, s in _TURNS]
    doc = {
        **one,
        "gates": gates,
        "gate_history": history(looks),
        "story": story(looks),
        "per_class": [{**one["per_class"][0], "class": f"{i} {text}"} for i in range(200)],
    }
    every = lineage(
        ("annotation", 1, 10.0),
        ("REVIEW", 2, 0),
        ("review", 3, 5.0),
        ("annotation", 4, 5.0),
        ("AUDIT", 5, 0),
        ("annotation", 6, 5.0),
        ("ACCEPT", 7, 0),
        ("annotation", 8, 5.0),
    )
    work = [work_stages.effort_of(every, "HUMAN", gold=g, sampled=d) for g, d in _FLAGS]
    return delivery(evidence=doc, effort=work_stages.add({}, work, trains=True), template=text)


_TURNS = ((1, "CLOSED"), (2, "OPEN"), (3, "BREACHED"))
_FLAGS = ((False, False), (True, False), (False, True))


@pytest.mark.browser
@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium to print with")
@pytest.mark.parametrize("text", ["plain", LONG[:60], HOSTILE])
def test_it_prints_on_one_page(text: str, tmp_path: Path) -> None:
    shown = tmp_path / "certificate.html"
    shown.write_text(page(certificate(crowded(text))))
    printed = tmp_path / "certificate.pdf"
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
    flags += " --disable-background-networking --disable-component-update --disable-sync"
    where = [f"--user-data-dir={tmp_path}/profile", f"--print-to-pdf={printed}"]
    command = ["chromium", *flags.split(), *where, "--no-pdf-header-footer", shown.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed.read_bytes())) == 1


def test_it_says_under_which_promise_and_what_is_taken_for_granted() -> None:
    promise = {"version": 3, "reference": "EXPERTS", "class_error_limits": {"plain": 0.1}}
    doc = certificate(delivery(promise=promise))
    assert doc["target"] == {"max_error_rate": 0.03, "confidence": 0.95, **promise}
    shown = page(doc)
    assert "target (version 3)" in shown and "definition of right" in shown
    assert "People err" in page(certificate(delivery()))


# -- models, lots and floors ------------------------------------------------------------------


def evaluated(version: int, cpu: float, accuracy: float = 0.9) -> Doc:
    return {
        "version": {
            "name": f"p/models/{version}",
            "project": "p",
            "model": "own",
            "version": str(version),
            "label_count": 100 * version,
            "cpu_seconds": cpu,
            "weights_digest": "d" * 64,
            "create_time": at(version),
        },
        "reliability": [{"confidence": accuracy, "accuracy": accuracy, "count": 10}],
    }


def test_the_models_behind_the_labels_are_named_and_all_computing_is_counted() -> None:
    kept = [models.model_of(evaluated(v, cpu=2.0 * v, accuracy=v / 10)) for v in (3, 1, 2)]
    gates = [{"model": "own", "model_version": "2"}]
    counters = {"inference_seconds": 7.0, "inference_items": 50}
    doc = models.evidence_of(kept, gates, counters)
    assert [m["version"] for m in doc["versions"]["models"]] == ["2"]
    assert doc["reliability"][0]["accuracy"] == 0.2
    costs = ledger(given_ledger(compute=doc["compute"], project_label_count=24))
    assert costs["compute"]["cpu_seconds"] == 12.0 and costs["compute"]["server_seconds"] == 7.0
    # Computing is the whole project's, so it is spread over the project's labels.
    assert costs["per_label"]["cpu_seconds"] == 0.5
    assert models.evidence_of([], [], {}) == {"compute": []}


def lot_gate(**changes: Any) -> Doc:
    """A lot of 2,000 of which coins of 10 % drew 200; no error was found."""
    return {
        "name": "gates/own-2",
        "model": "own",
        "model_version": "2",
        "state": "OPEN",
        "error_bound": 0.01,
        "sample_size": 200,
        "evidence_count": 200,
        "confidence": 0.98,
        "lot": 1,
        "lot_size": 2000,
        "audit_rate": 0.1,
        **changes,
    }


def lot_delivery(**changes: Any) -> Delivery:
    found = {**evidence(), "gates": [lot_gate(**changes)]}
    # ln(1 / 0.02) / -ln(1 - 0.1): 37 undetected errors are not refuted.
    found["quality"] = {**found["quality"], "machine_count": 1800, "machine_error_bound": 37 / 1800}
    return delivery(evidence=found)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        # A proof that saw no draw at all.
        ({"evidence_count": 0, "sample_size": 0}, "far fewer than coins"),
        ({"evidence_count": 120}, "far fewer than coins"),
        # One error more was found than the bound reckons with.
        ({"sample_errors": 1}, "cannot refute"),
        ({"confidence": 0.999}, "cannot refute"),
        # Coins fell on 400 scenes of 5, and their draws are counted.
        ({"cluster_count": 400, "evidence_count": 40, "sample_size": 40}, ""),
        ({"cluster_count": 400, "evidence_count": 10, "sample_size": 10}, "far fewer than coins"),
    ],
)
def test_the_bound_of_a_lot_follows_from_its_draws(changes: Doc, words: str) -> None:
    found = list(faults(json.loads(canonical(certificate(lot_delivery(**changes))))))
    assert [words in fault for fault in found] == ([True] if words else [])


def test_a_lots_plan_is_told() -> None:
    shown = page(certificate(lot_delivery()))
    assert "lot 1 of 2,000 items, drawn by coins of 10.0 %: 200" in shown
    clustered = page(certificate(lot_delivery(cluster_count=400, evidence_count=40)))
    assert "lot 1 of 2,000 items in 400 clusters, drawn by coins of 10.0 %: 40" in clustered


@pytest.mark.parametrize(
    ("gates", "bound"),
    [
        ([lot_gate(class_thresholds={"cat": 0.8})], 0.1),
        ([lot_gate(class_thresholds={"cat": 2.0})], 1.0),
        ([lot_gate(class_thresholds={"cat": 0.8}), {"state": "OPEN"}], 1.0),
        ([lot_gate(class_thresholds={"cat": 0.8}), lot_gate(state="BREACHED")], 1.0),
        ([], 1.0),
    ],
)
def test_a_floor_is_kept_only_where_every_gate_proved_it(gates: list[Doc], bound: float) -> None:
    promise = {"class_error_limits": {"cat": 0.1, "rare": 0.1}}
    row = {"value": {"choices": {"classes": ["cat"]}}, "source": "MACHINE"}
    counts = class_limits.counted(promise, {}, [row, {**row, "source": "HUMAN"}])
    counts = class_limits.counted(
        promise, counts, [row, {"value": {"boxes": {}}, "source": "HUMAN"}]
    )
    assert counts == {"cat": {"count": 3, "machine": 2}, "rare": {"count": 0, "machine": 0}}
    cat, rare = class_limits.per_class(promise, counts, gates)
    assert (cat["bound"], rare["bound"]) == (bound, 0.0)


@pytest.mark.parametrize(
    ("what", "drawn"),
    [
        ("no calibration evidence", charts.reliability([])),
        ("no gate was looked at", charts.bound_over_time([], 0.1)),
        ("no labels", charts.routes([("machine", 0)])),
        ("no seconds", charts.cost([])),
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
