"""Floors of single classes: labels of each in a delivery, and whether their gates kept them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Doc = dict[str, Any]
_LET_OUT = ("OPEN", "BREACHED")


def counted(promise: Mapping[str, Any], known: Doc, rows: Sequence[Doc]) -> Doc:
    """`{class: {count, machine}}` with more label rows; only classes with a floor."""
    floors = promise.get("class_error_limits", {})
    if not floors:
        return {}
    counts = {c: {"count": 0, "machine": 0} | known.get(c, {}) for c in floors}
    for row in rows:
        chosen = row["value"].get("choices", {}).get("classes", [])
        if len(chosen) == 1 and chosen[0] in counts:
            counts[chosen[0]]["count"] += 1
            counts[chosen[0]]["machine"] += row["source"] == "MACHINE"
    return counts


def per_class(promise: Mapping[str, Any], counts: Doc, gates: Sequence[Doc]) -> list[Doc]:
    """`per_class` of the evidence. `bound` is on the machine's labels of the class: the floor
    where every gate that let labels out proved it, 1 where one did not, 0 without such labels."""
    lots = [g for g in gates if g.get("lot") and g.get("state") in _LET_OUT]
    streams = any(g.get("state") == "OPEN" for g in gates if not g.get("lot"))
    rows = []
    for name, floor in promise.get("class_error_limits", {}).items():
        mine = counts.get(name, {"count": 0, "machine": 0})
        kept = lots and all(g.get("class_thresholds", {}).get(name, 2) <= 1 for g in lots)
        bound = floor if kept and not streams else 1.0
        rows.append(
            {"class": name, **mine, "floor": floor, "bound": bound if mine["machine"] else 0.0}
        )
    return rows
