"""The certificate: what was promised, what was measured, and whether the one keeps the other.

Everything in it comes from the delivery as it was frozen, so that it can be made again after a
crash, byte for byte the same.
"""

from __future__ import annotations

from html import escape
from typing import Any

from libs.common.codec import time_text
from services.delivery.domain import Delivery, Doc, covered_by, is_certified

_METHOD = (
    "Bounds are one-sided exact binomial (Clopper-Pearson) upper bounds. A label of the machine is"
    " accepted only while the bound of its gate, from a random sample that people labelled blind,"
    " is under the target; the gate's risk is split over its looks (fixed-sequence testing)."
    " People's labels are bounded by a random audit with a second, blind opinion; labels that two"
    " people gave blind and alike, or that were adjudicated, stand for the truth. The combined"
    " bound weighs all by their counts, each at half the risk, so that it holds at the stated"
    " confidence for all labels accepted in the project; labels no report covers count as wrong."
)


def certificate(delivery: Delivery) -> Doc:
    """The content of certificate.json."""
    report = delivery.evidence.get("quality", {})
    certified = is_certified(delivery)
    return {
        "delivery": delivery.name,
        "created": time_text(delivery.create_time),
        "template": delivery.template,
        "unit_of_error": delivery.evidence.get("unit_of_error", ""),
        "target": {
            "max_error_rate": delivery.max_error_rate,
            "confidence": delivery.confidence,
        },
        "measured": {
            "error_bound": delivery.error_bound,
            "covered_labels": covered_by(report),
            "machine_error_bound": report.get("machine_error_bound", 0.0) if report else 1.0,
            "gates": [_gate(g) for g in delivery.evidence.get("gates", [])],
            "audit": {
                "sample_size": report.get("audit_count", 0),
                "errors": report.get("audit_errors", 0),
                "error_bound": report.get("human_error_bound", 0.0) if report else 1.0,
            },
        },
        "label_count": delivery.label_count,
        "sources": dict(delivery.sources),
        "cost": {
            "work_seconds": delivery.work_seconds,
            "amount": delivery.work_seconds / 3600 * delivery.evidence.get("hourly_cost", 0.0),
        },
        "method": _METHOD,
        "certified": certified,
        "statement": _statement(delivery, certified, bool(covered_by(report))),
    }


def _gate(gate: Doc) -> Doc:
    return {
        "name": gate["name"],
        "model": gate.get("model", ""),
        "model_version": gate.get("model_version", ""),
        "state": gate.get("state", "CLOSED"),
        "threshold": gate.get("threshold", 0.0),
        "error_bound": gate.get("error_bound", 0.0 if gate.get("sample_size") else 1.0),
        "sample_size": gate.get("sample_size", 0),
        "sample_errors": gate.get("sample_errors", 0),
        "confidence": gate.get("confidence", 0.0),
    }


def _statement(delivery: Delivery, certified: bool, measured: bool) -> str:
    bound, target = f"{delivery.error_bound:.4%}", f"{delivery.max_error_rate:.4%}"
    if not delivery.max_error_rate:
        return "Not certified: the project has no target, so nothing was promised."
    if not measured:
        return "Not certified: there is no evidence on the error of these labels."
    if certified:
        return (
            f"Certified: at confidence {delivery.confidence:.2%} at most {bound} of the labels"
            f" are wrong, which is within the target of {target}."
        )
    return (
        f"Not certified: the evidence allows an error of up to {bound};"
        f" the target is {target} at confidence {delivery.confidence:.2%}."
    )


def page(doc: Doc) -> str:
    """The certificate as one self-contained HTML page; every text is escaped."""
    measured, target = doc["measured"], doc["target"]
    audit = measured["audit"]
    rows = [
        ("Delivery", doc["delivery"]),
        ("Created", doc["created"]),
        ("Template", doc["template"]),
        ("Unit of error", doc["unit_of_error"]),
        ("Target", f"{target['max_error_rate']:.4%} at confidence {target['confidence']:.2%}"),
        ("Error bound", f"{measured['error_bound']:.4%}"),
        ("Labels", str(doc["label_count"])),
        *((f"Labels by {source}", str(count)) for source, count in doc["sources"].items()),
        *((f"Gate {g['model']} {g['model_version']}", _gate_text(g)) for g in measured["gates"]),
        (
            "Audit of people's labels",
            f"{audit['errors']} errors in {audit['sample_size']}; bound {audit['error_bound']:.4%}",
        ),
        ("Human work", f"{doc['cost']['work_seconds']:.0f} s, cost {doc['cost']['amount']:.2f}"),
        ("Method", doc["method"]),
    ]
    body = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)
    kind = "yes" if doc["certified"] else "no"
    return _PAGE.format(kind=kind, statement=escape(doc["statement"]), body=body)


def _gate_text(gate: dict[str, Any]) -> str:
    return (
        f"{gate['state']}; threshold {gate['threshold']:.4f}; {gate['sample_errors']} errors in a"
        f" blind sample of {gate['sample_size']}; bound {gate['error_bound']:.4%} at confidence"
        f" {gate['confidence']:.4%}"
    )


_PAGE = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Certificate</title>'
    "<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:3rem auto;"
    "padding:0 1rem}}table{{border-collapse:collapse}}th,td{{text-align:left;vertical-align:top;"
    "padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ccc}}"
    "th{{white-space:nowrap}}td{{overflow-wrap:anywhere}}"
    ".yes{{color:#06602b}}.no{{color:#8f1d1d}}</style></head>"
    '<body><h1>Certificate of a delivery</h1><p class="{kind}"><strong>{statement}</strong></p>'
    "<table>{body}</table></body></html>\n"
)
