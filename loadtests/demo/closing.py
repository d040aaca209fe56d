"""The demo's closing table: every figure on cost is a certificate's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

OUT = Path("out")
HOURLY_COST = 12.0


def of_ledger(costs: dict[str, Any]) -> dict[str, Any]:
    """The certificate's own figures: shares of labels, what was saved, what a label costs."""
    labels = max(1, costs["label_count"])
    share = {k: costs["items"].get(k, 0) / labels for k in ("MACHINE", "CONFIRMED")}
    saved = costs["saved"]
    return {
        "machine_share": share["MACHINE"],
        "confirmed_share": share["CONFIRMED"],
        "human_share": 1.0 - share["MACHINE"] - share["CONFIRMED"],
        "saved": saved["all_people"]["share"],
        "saved_interval": saved["all_people"]["interval"],
        "saved_against_confirming": saved["confirm_all"]["share"],
        "human_answers": costs["people"]["answers"],
        "people_seconds": costs["people"]["charged_seconds"],
        "cost_per_item": costs["per_label"]["amount"],
    }


def show(console: Console, rows: list[dict[str, Any]], seconds: float, engine_words: str) -> None:
    """The closing table, on screen and in `out/demo.json`."""
    table = Table(title="What came out (people simulated)")
    columns = (
        "project",
        "items",
        "machine",
        "confirmed",
        "people",
        "work saved (95 %)",
        "measured error",
        "certified bound",
        "promised",
        "seconds",
        "ms/item",
        "cost/item",
    )
    for column in columns:
        table.add_column(column, justify="left" if column == "project" else "right")
    for r in rows:
        table.add_row(
            r["project"],
            str(r["items"]),
            f"{r['machine_share']:.1%}",
            f"{r['confirmed_share']:.1%}",
            f"{r['human_share']:.1%}",
            _saved(r),
            f"{r['measured_error']:.2%}",
            f"{r['certified_bound']:.2%}",
            f"{r['promised_error']:.2%}",
            f"{r['seconds']:.0f}",
            f"{1000 * r['seconds_per_item']:.1f}",
            r["cost_per_item"]
            if isinstance(r["cost_per_item"], str)
            else f"{r['cost_per_item']:.4f}",
        )
    console.print(table)
    console.print(
        "work saved: seconds of people against every item once by a person without a draft, as"
        " each certificate's ledger has it; answers of training, proof, audit and review are all"
        f" counted. Cost: simulated seconds at {HOURLY_COST:.0f} an hour. All in {seconds:.0f} s"
    )
    report = {"projects": rows, "seconds": round(seconds, 1), "inference": engine_words}
    (OUT / "demo.json").write_text(json.dumps(report, indent=1) + "\n")
    console.print(f"written to {OUT / 'demo.json'}; certificates: {OUT}/certificate-*.html")


def _saved(row: dict[str, Any]) -> str:
    if isinstance(row["saved"], str):
        return row["saved"]
    limits = row["saved_interval"]
    words = limits if isinstance(limits, str) else " to ".join(f"{x:.1%}" for x in limits)
    return f"{row['saved']:.1%} ({words})"
