"""The certificate: what was promised, what was measured, and whether the one keeps the other.

Everything in it comes from the delivery as it was frozen, so that it can be made again after a
crash, byte for byte the same. `page` makes it readable.

Of `Delivery.evidence` it reads, all optional (what is absent is left out, nothing is invented):
* `quality`: the scorer's newest report (`qc_scorer.v1.QualityReport`), `gates`: its gates;
* `unit_of_error`, `hourly_cost`;
* `gate_history`: `[{time, bound, sample_size, state, reason, gate}]` in order of time;
* `reliability`: `[{confidence, accuracy, count}]`, `calibration_error` (else it is computed);
* `per_class`: `[{class, count, machine, bound, floor}]`, of classes with a floor, the largest
  error allowed among the machine's labels of the class;
* `story`: `[{time, what}]`: gates opened and closed, recalls, promotions;
* `versions`: `{guideline_digest, models: [{model, version, ...}]}`;
* `compute`: `[{what, cpu_seconds, gpu_seconds, server_seconds}]`, of the project so far.
"""

from __future__ import annotations

from libs.common.codec import time_text
from libs.common.ledger import ledger
from services.delivery.certificate.charts import calibration_error
from services.delivery.certificate.coverage import covered_by, is_certified
from services.delivery.domain import Delivery, Doc

_METHOD = (
    "Bounds are one-sided exact binomial (Clopper-Pearson) upper bounds. A label of the machine is"
    " accepted only while the bound of its gate, from a random sample that people labelled blind,"
    " is under the target; the gate's risk is split over its looks (fixed-sequence testing)."
    " A model that learns with the project is proven lot by lot, from draws of known chance."
    " People's labels are bounded by a random audit with a second, blind opinion; labels that two"
    " people gave blind and alike, or that were adjudicated, stand for the truth. The combined"
    " bound weighs all by their counts, each at half the risk, so that it holds at the stated"
    " confidence for all labels accepted in the project; labels no report covers count as wrong."
)


_METHOD_OF_PARTS = (
    "These labels are put together of parts, each worked in a project of its own. One counts as"
    " wrong with any of its pieces, in their parts' units of error: the bounds of the parts'"
    " projects, each times its labels, add up, and so do their risks. Pieces that no part's report"
    " covers and labels that a reviewer made other than their pieces count as wrong."
)

# What people's own labels are taken for where the bound needs a truth.
_NOISE = {
    "AUDITED": (
        "People err: a quarter of the target is kept for their labels, which a random audit"
        " bounds, and a blind label is taken to repeat a model's error and hide it in 5 % of cases."
        " Labels two people gave blind and alike, or that were adjudicated, are taken as right."
    ),
    "EXPERTS": "The tenant's experts: their blind labels are the definition of right.",
}
_OF_LOTS = (
    "audit_rate",
    "lot_size",
    "cluster_count",
    "evidence_count",
    "ongoing_audit_count",
    "ongoing_audit_errors",
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
            **delivery.promise,
        },
        "human_noise": _NOISE[delivery.promise.get("reference", "AUDITED")],
        "measured": _measured(delivery, report),
        "label_count": delivery.label_count,
        "label_set_sha256": delivery.label_set_sha256,
        "edition_of": delivery.edition_of,
        "sources": dict(delivery.sources),
        "cost": {
            "work_seconds": delivery.work_seconds,
            "amount": delivery.work_seconds / 3600 * delivery.evidence.get("hourly_cost", 0.0),
        },
        "ledger": _ledger(delivery),
        "versions": _versions(delivery),
        **_optional(delivery.evidence),
        "method": f"{_METHOD} {_METHOD_OF_PARTS}" if report.get("parts") else _METHOD,
        "certified": certified,
        "statement": _statement(delivery, certified, report),
    }


def _measured(delivery: Delivery, report: Doc) -> Doc:
    return {
        "error_bound": delivery.error_bound,
        "covered_labels": covered_by(report),
        "confidence": report.get("confidence", 0.0),
        "machine_count": report.get("machine_count", 0),
        "human_count": report.get("human_count", 0),
        "verified_count": report.get("verified_count", 0),
        "machine_error_bound": report.get("machine_error_bound", 0.0) if report else 1.0,
        "gates": [_gate(g) for g in delivery.evidence.get("gates", [])],
        "audit": _audit(report),
        **(_of_parts(report) if report.get("parts") else {}),
    }


def _audit(report: Doc) -> Doc:
    return {
        "sample_size": report.get("audit_count", 0),
        "errors": report.get("audit_errors", 0),
        "error_bound": report.get("human_error_bound", 0.0) if report else 1.0,
    }


def _of_parts(report: Doc) -> Doc:
    """What labels that were put together stand on."""
    counts = {name: report.get(name, 0) for name in ("subtask_count", "apart_count")}
    return {"parts": [_part(part) for part in report["parts"]], **counts}


def _part(report: Doc) -> Doc:
    counts = ("machine_count", "human_count", "verified_count")
    bounds = ("machine_error_bound", "error_bound", "confidence")
    return {
        "project": report["project"],
        **{name: report.get(name, 0) for name in counts},
        **{name: report.get(name, 0.0) for name in bounds},
        "audit": _audit(report),
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
        "lot": gate.get("lot", 0),
        **{k: gate[k] for k in _OF_LOTS if k in gate},
    }


def _ledger(delivery: Delivery) -> Doc:
    evidence = delivery.evidence
    made = ledger(
        {
            "label_count": delivery.label_count,
            "sources": delivery.sources,
            "work_seconds": delivery.work_seconds,
            "hourly_cost": evidence.get("hourly_cost", 0.0),
            "compute": evidence.get("compute", []),
            "project_label_count": max(
                covered_by(evidence.get("quality", {})), delivery.label_count
            ),
            **delivery.effort,
        }
    )
    if not evidence.get("quality", {}).get("parts"):
        return made
    pieces = "work on the pieces (in the certificates of the parts' projects)"
    return {**made, "not_known": [*made["not_known"], pieces]}


def _versions(delivery: Delivery) -> Doc:
    """Template, guideline (where told), models and gates the labels were made under."""
    told, gates = delivery.evidence.get("versions", {}), delivery.evidence.get("gates", [])
    drafted = {(g.get("model", ""), g.get("model_version", "")) for g in gates}
    models = [{"model": model, "version": version} for model, version in sorted(drafted)]
    doc: Doc = {
        "template": delivery.template,
        "models": list(told.get("models", [])) or models,
        "gates": [{"name": g["name"], "version": g.get("version", 0)} for g in gates],
    }
    digest = told.get("guideline_digest")
    return {**doc, "guideline_digest": digest} if digest else doc


_SHAPES: dict[str, tuple[str, Doc]] = {
    "gate_history": (
        "history",
        {"time": "", "bound": 1.0, "sample_size": 0, "state": "", "reason": "", "gate": ""},
    ),
    "reliability": ("reliability", {"confidence": 0.0, "accuracy": 0.0, "count": 0}),
    "per_class": (
        "per_class",
        {"class": "", "count": 0, "machine": 0, "bound": 1.0, "floor": 0.0},
    ),
    "story": ("story", {"time": "", "what": ""}),
}


def _optional(evidence: Doc) -> Doc:
    """Sections there is evidence for; a row lacking a field has the one that claims least."""
    doc: Doc = {}
    for given, (name, shape) in _SHAPES.items():
        rows = [
            {k: row.get(k, least) for k, least in shape.items()} for row in evidence.get(given, [])
        ]
        if rows:
            doc[name] = rows
    if "reliability" in doc:
        told = evidence.get("calibration_error")
        doc["calibration_error"] = calibration_error(doc["reliability"]) if told is None else told
    return doc


def _statement(delivery: Delivery, certified: bool, report: Doc) -> str:
    bound, target = f"{delivery.error_bound:.4%}", f"{delivery.max_error_rate:.4%}"
    if not delivery.max_error_rate:
        return "Not certified: the project has no target, so nothing was promised."
    if not covered_by(report):
        return "Not certified: there is no evidence on the error of these labels."
    if certified:
        whole = (
            f"Certified: at confidence {delivery.confidence:.2%} at most {bound} of the labels"
            f" are wrong, which is within the target of {target}."
        )
    else:
        whole = (
            f"Not certified: the evidence allows an error of up to {bound};"
            f" the target is {target} at confidence {delivery.confidence:.2%}."
        )
    if report.get("parts"):
        return " ".join([whole, *map(_part_said, report["parts"])])
    return " ".join([whole, *_machine_part(report), *_people_part(report)])


def _part_said(report: Doc) -> str:
    name, count = report["project"].rpartition(".")[2], covered_by(report)
    machine, bound = report.get("machine_count", 0), report.get("error_bound", 0.0)
    made = f"{count:,} pieces, {machine:,} of them the machine's alone"
    return f"Part {name}: {made}; at most {bound:.4%} are wrong."


def _machine_part(report: Doc) -> list[str]:
    count = report.get("machine_count", 0)
    if not count:
        return ["No label is the machine's alone."]
    bound = report.get("machine_error_bound", 0.0)
    return [f"Of the project's {count:,} labels of the machine at most {bound:.4%} are wrong."]


def _people_part(report: Doc) -> list[str]:
    count, verified = report.get("human_count", 0), report.get("verified_count", 0)
    audits, errors = report.get("audit_count", 0), report.get("audit_errors", 0)
    if not count:
        return []
    sure = f"{verified:,} of the {count:,} labels of people were checked and stand for the truth"
    if count <= verified:
        return [f"{sure}."]
    bound = report.get("human_error_bound", 0.0)
    if not bound and not audits:
        return [f"The {count:,} labels of people are experts' and stand for the truth."]
    return [f"{sure}; of the others at most {bound:.4%} are wrong ({errors} in {audits} audited)."]
