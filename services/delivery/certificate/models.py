"""What the certificate says of the models behind its labels: lineage, reliability, computing.

A model (document) is `name`, `project`, `model`, `version`, `label_count`, `labels_digest`,
`weights_digest`, `accuracy`, `drawn_count`, `calibration_error`, `cpu_seconds`, `create_time`
and `reliability`, a list of `{confidence, accuracy, count}` on items chance chose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Doc = dict[str, Any]
_LINEAGE = (
    "model",
    "version",
    "embedding",
    "label_count",
    "labels_digest",
    "weights_digest",
    "accuracy",
    "drawn_count",
    "calibration_error",
    "create_time",
)
# What the drafts of a project came from fits on a page; every version ever tried does not.
MOST_VERSIONS = 20


def model_of(evaluation: Doc) -> Doc:
    """The model of an evaluation (document of `trainer.v1.Evaluation`), as it is kept."""
    version = evaluation["version"]
    kept = {k: version[k] for k in _LINEAGE if k in version}
    bins = [
        {k: row.get(k, 0) for k in ("confidence", "accuracy", "count")}
        for row in evaluation.get("reliability", [])
    ]
    return {
        **kept,
        "name": version["name"],
        "project": version["project"],
        "cpu_seconds": version.get("cpu_seconds", 0.0),
        "reliability": bins,
    }


def evidence_of(models: Sequence[Doc], gates: Sequence[Doc], counters: Mapping[str, float]) -> Doc:
    """Of the project's models: those whose gates let labels out, the reliability of the newest
    of them (of the newest at all where none did), and computing so far."""
    judged = {(g.get("model", ""), g.get("model_version", "")) for g in gates}
    ordered = sorted(models, key=lambda m: (m.get("create_time", ""), m["name"]))
    used = [m for m in ordered if (m.get("model", ""), m.get("version", "")) in judged]
    doc: Doc = {"compute": _compute(ordered, counters)}
    if used:
        rows = [{k: m[k] for k in _LINEAGE if k in m} for m in used[-MOST_VERSIONS:]]
        doc["versions"] = {"models": rows}
    newest = (used or ordered)[-1:]
    if newest and newest[0]["reliability"]:
        doc["reliability"] = newest[0]["reliability"]
    return doc


def _compute(models: Sequence[Doc], counters: Mapping[str, float]) -> list[Doc]:
    parts: list[Doc] = []
    if models:
        seconds = sum(m["cpu_seconds"] for m in models)
        parts.append({"what": f"training of {len(models)} versions", "cpu_seconds": seconds})
    if items := int(counters.get("inference_items", 0)):
        seconds = counters.get("inference_seconds", 0.0)
        parts.append({"what": f"inference on {items} inputs", "server_seconds": seconds})
    return parts
