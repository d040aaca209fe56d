"""The certificate as one self-contained HTML page that prints on one sheet of A4.

Every text is escaped; a section without evidence is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from libs.common.ledger import UNKNOWN
from services.delivery.certificate import charts as pictures
from services.delivery.certificate.charts import duration, percent, sure
from services.delivery.domain import Doc

# What one sheet has room for; certificate.json has all.
_MOST_GATES, _MOST_CLASSES, _MOST_STORY = 2, 3, 3
_LONGEST, _LONGEST_NAME = 120, 32
_ROUTES = {
    "MACHINE": "machine",
    "CONFIRMED": "prediction confirmed",
    "HUMAN": "people",
    "REVIEWED": "reviewed",
    "AUDITED": "audited",
}


def page(doc: Doc) -> str:
    """The page of a certificate's content."""
    sections = [_facts(doc), _charts(doc), _ledger(doc), _per_class(doc), _story(doc)]
    return _PAGE.format(
        kind="yes" if doc["certified"] else "no",
        statement=escape(doc["statement"]),
        body="".join(sections),
        method=escape(doc["method"]),
    )


def _facts(doc: Doc) -> str:
    target, versions = doc["target"], doc["versions"]
    gates = doc["measured"]["gates"]
    unit = _short(doc["unit_of_error"] or UNKNOWN)
    rows = [
        ("Delivery", f"{doc['delivery']}, made {_moment(doc['created'])} UTC"),
        ("Labels", f"{doc['label_count']:,}; unit of error: {unit}"),
        (
            "Error bound",
            f"{percent(doc['measured']['error_bound'])}; {_promised(target)}",
        ),
        *_audits(doc["measured"]),
        ("Assumptions", doc["human_noise"]),
        *((f"Gate of {_model(g)}", _gate(g)) for g in gates[:_MOST_GATES]),
        *_more(len(gates) - _MOST_GATES, "gates"),
        ("Template", _short(versions["template"])),
        *_guideline(versions),
        *_models(versions["models"]),
        ("Proof", "manifest.json: hash of every file and of the delivery before, signed (Ed25519)"),
    ]
    return f'<table class="facts">{_rows(rows)}</table>'


def _audits(measured: Doc) -> list[tuple[str, str]]:
    """What the labels stand on: an audit, or the projects of their parts."""
    if "parts" not in measured:
        return [("Audit of people", _audit(measured["audit"]))]
    return [(f"Part {_part_name(part)}", _part(part)) for part in measured["parts"]]


def _part_name(part: Doc) -> str:
    return _short(part["project"].rpartition(".")[2], _LONGEST_NAME)


def _part(part: Doc) -> str:
    pieces = part["machine_count"] + part["human_count"]
    return (
        f"{pieces:,} pieces, {part['machine_count']:,} the machine's alone;"
        f" bound {percent(part['error_bound'])} at {sure(part['confidence'])};"
        f" audit of people: {_audit(part['audit'])}"
    )


def _promised(target: Doc) -> str:
    number = target.get("version")
    which = f"target (version {number})" if number else "target"
    return f"{which} {percent(target['max_error_rate'])} at confidence {sure(target['confidence'])}"


def _models(models: Sequence[Doc]) -> list[tuple[str, str]]:
    """The newest model that taught itself from people's answers."""
    taught = [m for m in models if m.get("label_count")]
    if not taught:
        return []
    newest = taught[-1]
    name = _short(newest["model"], _LONGEST_NAME)
    words = f"version {newest['version']} of {name}, of {newest['label_count']:,} labels"
    digest = newest.get("weights_digest", "")
    return [("Model", f"{words}; weights SHA-256 {digest[:16]}…" if digest else words)]


def _moment(time: str) -> str:
    return time[:16].replace("T", " ")


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows)


def _more(count: int, what: str) -> list[tuple[str, str]]:
    return [(f"{count} more {what}", "in certificate.json")] if count > 0 else []


def _guideline(versions: Doc) -> list[tuple[str, str]]:
    digest = versions.get("guideline_digest")
    return [("Guideline", f"SHA-256 {_short(digest)}")] if digest else []


def _model(gate: Doc) -> str:
    name = f"{gate['model']} {gate['model_version']}".strip() or str(gate["name"])
    return _short(name, _LONGEST_NAME)


def _audit(audit: Doc) -> str:
    if not audit["sample_size"]:
        return "none"
    return (
        f"errors: {audit['errors']:,} in {audit['sample_size']:,} drawn;"
        f" bound {percent(audit['error_bound'])}"
    )


def _gate(gate: Doc) -> str:
    if gate["lot"]:
        clusters = gate.get("cluster_count", 0)
        items = f"{gate.get('lot_size', 0):,} items"
        size = f"{items} in {clusters:,} clusters" if clusters else items
        plan = (
            f"{gate['state']}; lot {gate['lot']} of {size}, drawn by"
            f" coins of {percent(gate.get('audit_rate', 0.0))}: {gate.get('evidence_count', 0):,};"
        )
        return (
            f"{plan} errors: {gate['sample_errors']:,} in the {gate['sample_size']:,} surest,"
            f" labelled blind; bound {percent(gate['error_bound'])} of the project at"
            f" {sure(gate['confidence'])}"
        )
    return (
        f"{gate['state']}; errors: {gate['sample_errors']:,} in {gate['sample_size']:,} drawn blind"
        f" with scores from {gate['threshold']:.4f}; bound {percent(gate['error_bound'])} at"
        f" {sure(gate['confidence'])}"
    )


def _charts(doc: Doc) -> str:
    routed = doc["ledger"]["routes"]
    names = [*_ROUTES, *sorted(routed.keys() - _ROUTES.keys())]
    stages = doc["ledger"]["people"]["stages"]
    charts = [("How labels were produced", pictures.routes(_parts(names, routed)))]
    if history := doc.get("history"):
        points = [{**p, "size": p["sample_size"]} for p in history]
        drawn = pictures.bound_over_time(points, doc["target"]["max_error_rate"])
        charts.append(("Bound of the gates over time", drawn))
    if bins := doc.get("reliability"):
        drawn = pictures.reliability(bins, doc.get("calibration_error"))
        charts.append(("Reliability of the model", drawn))
    if stages:
        bars = [(s["stage"], float(s["seconds"])) for s in stages if s["seconds"] != UNKNOWN]
        charts.append(("Work of people by stage", pictures.cost(bars)))
    figures = (f"<figure><figcaption>{name}</figcaption>{svg}</figure>" for name, svg in charts)
    return f'<div class="charts">{"".join(figures)}</div>'


def _parts(names: Sequence[str], routed: Doc) -> list[tuple[str, int]]:
    return [(_ROUTES.get(name, name), int(routed.get(name, 0))) for name in names]


def _ledger(doc: Doc) -> str:
    costs = doc["ledger"]
    people, compute, each = costs["people"], costs["compute"], costs["per_label"]
    rows = [
        ("Work of people", _work(people)),
        ("A label costs", f"{_time(each['people_seconds'])} of people, {_amount(each['amount'])}"),
        ("Computing", _computing(compute)),
        ("Saved against people for all", _saved(costs["saved"]["all_people"])),
        ("Saved against confirming all", _saved(costs["saved"]["confirm_all"])),
        ("Not known", "; ".join(costs["not_known"])),
    ]
    return f'<h2>Cost</h2><table class="facts">{_rows(rows)}</table>'


def _work(people: Doc) -> str:
    answers = UNKNOWN if people["unsorted_seconds"] else f"{people['answers']:,}"
    return f"{_time(people['charged_seconds'])}; answers: {answers}"


def _time(seconds: Any) -> str:
    return UNKNOWN if seconds == UNKNOWN else duration(float(seconds))


def _computing(compute: Doc) -> str:
    """Of the whole project so far."""
    return (
        f"training: {_time(compute['cpu_seconds'])} of CPU; requests to the inference server:"
        f" {_time(compute['server_seconds'])}; GPU {_time(compute['gpu_seconds'])}"
    )


def _amount(amount: Any) -> str:
    return "money unknown" if amount == UNKNOWN else f"{amount:.4f} in the project's currency"


def _saved(saved: Doc) -> str:
    if saved["share"] == UNKNOWN:
        return f"{UNKNOWN}: {saved['why']}"
    interval = saved["interval"]
    limits = UNKNOWN if interval == UNKNOWN else " to ".join(percent(x) for x in interval)
    return (
        f"{percent(saved['share'])} (95 % interval {limits}), at {_time(saved['seconds_each'])} an"
        f" item, the median of {saved['sample']:,} {saved['basis']}"
    )


def _per_class(doc: Doc) -> str:
    rows = doc.get("per_class", [])
    if not rows:
        return ""
    worst = sorted(rows, key=lambda r: (-r["bound"], r["class"]))[:_MOST_CLASSES]
    body = "".join(_class_row(row) for row in worst)
    rest = len(rows) - len(worst)
    note = f"; {rest} more in certificate.json" if rest else ""
    return (
        f"<h2>Class error limits, widest bound first{note}</h2><table><tr><th>class</th>"
        f"<th>labels</th><th>of the machine</th><th>error at most</th><th>limit</th></tr>"
        f"{body}</table>"
    )


def _class_row(row: Doc) -> str:
    kept = "" if not row["floor"] else " kept" if row["bound"] <= row["floor"] else " not proven"
    floor = percent(row["floor"]) + kept if row["floor"] else "none"
    cells = (
        _short(row["class"], _LONGEST_NAME),
        f"{row['count']:,}",
        f"{row['machine']:,}",
        percent(row["bound"]),
        floor,
    )
    return f"<tr>{''.join(f'<td>{escape(str(c))}</td>' for c in cells)}</tr>"


def _story(doc: Doc) -> str:
    story = doc.get("story", [])
    if not story:
        return ""
    rest = len(story) - _MOST_STORY
    note = f", the last {_MOST_STORY} of {len(story)}" if rest > 0 else ""
    rows = [(_moment(s["time"]), _short(s["what"])) for s in story[-_MOST_STORY:]]
    return f'<h2>Events{note}</h2><table class="facts">{_rows(rows)}</table>'


def _short(text: str, most: int = _LONGEST) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


_PAGE = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Certificate</title>'
    "<style>@page{{size:A4;margin:10mm}}body{{font:12px/1.35 system-ui,sans-serif;color:#000;"
    "background:#fff;max-width:190mm;margin:6mm auto;padding:0 4mm}}"
    "h1{{font-size:1.6em;margin:0 0 .3em}}h2{{font-size:1.05em;margin:.8em 0 .2em}}"
    "table{{border-collapse:collapse;width:100%}}th,td{{text-align:left;vertical-align:top;"
    "padding:.12em .8em .12em 0;border-bottom:1px solid #ddd}}"
    "th{{font-weight:600}}.facts th{{width:24%}}td,.facts th{{overflow-wrap:anywhere}}"
    ".statement{{border:2px solid;padding:.5em .8em;margin:.3em 0 .6em;font-weight:600}}"
    ".yes{{color:#064d24}}.no{{color:#8f1d1d;border-style:dashed}}"
    ".charts{{display:grid;grid-template-columns:1fr 1fr;gap:.4em 1.2em;margin:.7em 0}}"
    "figure{{margin:0;break-inside:avoid}}figcaption{{font-weight:600}}"
    "svg{{display:block;width:100%;height:auto}}.method{{font-size:.85em;color:#333}}"
    "@media print{{body{{font-size:7pt;line-height:1.25;margin:0;padding:0;max-width:none}}"
    "h1{{font-size:1.4em}}h2{{margin-top:.5em}}.charts{{margin:.4em 0}}"
    "svg{{max-height:28mm}}}}</style></head>"
    '<body><h1>Certificate of a delivery</h1><p class="statement {kind}">{statement}</p>'
    '{body}<p class="method">{method}</p></body></html>\n'
)
