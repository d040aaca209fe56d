"""What the command line says of prices and costs, in plain words."""

from __future__ import annotations

from typing import Any

Doc = dict[str, Any]


def price_rows(forecast: Doc, promised: float) -> list[list[str]]:
    """What each promise would cost, below a row of headers; the project's own is marked."""
    before = not forecast.get("model")
    people = "labels at least" if before else "labels of people still"
    rows = [["promised error", people, *([] if before else ["machine", "drawn", "step costs"])]]
    dearer: Doc | None = None
    for price in sorted(forecast["prices"], key=lambda p: -p["max_error_rate"]):
        rows.append(_row(price, dearer, promised, before))
        dearer = price
    return rows


def _row(price: Doc, looser: Doc | None, promised: float, before: bool) -> list[str]:
    rate, labels = price["max_error_rate"], int(price["human_count"])
    mark = " (promised)" if abs(rate - promised) < 1e-12 else ""
    cells = [f"{rate:.2%}{mark}", f"{labels:,}"]
    if before:
        return cells
    step = "" if looser is None else f"{labels - int(looser['human_count']):+,}"
    machine, drawn = int(price["machine_count"]), price["audit_rate"]
    return [*cells, f"{machine:,}", f"{drawn:.2%}" if machine else "-", step]


def cost_lines(progress: Doc) -> list[str]:
    """People's work by stage, what a label costs and what is saved; only what is known."""
    stages = [
        f"{s['stage']} {_time(s['seconds'])} ({s['count'] + s['untimed_count']})"
        for s in progress.get("stages", [])
    ]
    lines = [f"work of people: {', '.join(stages)}"] if stages else []
    each = [
        f"{progress['seconds_per_label']:.2f} s of people a label"
        if "seconds_per_label" in progress
        else "",
        f"cost so far {progress['cost_amount']:.2f}" if "cost_amount" in progress else "",
    ]
    if any(each):
        lines.append(", ".join(e for e in each if e))
    for name, words in _WAYS.items():
        if "share" in (saved := progress.get(name, {})):
            lines.append(_saved(saved, words))
    return lines


_WAYS = {
    "saved_against_people": "against people for all",
    "saved_against_confirming": "against a person confirming every draft",
}


def _saved(saved: Doc, words: str) -> str:
    limits = ""
    if "lower" in saved and "upper" in saved:
        limits = f" (95 %: {saved['lower']:.1%} to {saved['upper']:.1%})"
    return f"saved {words}: {saved['share']:.1%}{limits}"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 3600:.1f} h"
