"""Prices and costs in plain words, the alert on a target out of reach, and seconds of servers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from libs.cli.costs import cost_lines, price_rows
from services.prelabel_gateway.usage_meter import Busy
from services.scheduler.domain import Measures, Phase, Schedule, revise
from services.scheduler.training import Training

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def shown(rows: list[list[str]]) -> list[str]:
    return [f" {' | '.join(row)} " for row in rows]


def price(rate: float, people: int, machine: int = 0, drawn: float = 0.0) -> dict[str, Any]:
    doc = {"max_error_rate": rate, "human_count": people, "machine_count": machine}
    return {**doc, "audit_rate": drawn}


def test_the_price_list_says_what_the_next_step_costs() -> None:
    prices = [price(0.01, 900, 8000, 0.05), price(0.02, 600, 9000, 0.02), price(0.001, 9000)]
    lines = shown(price_rows({"model": "own", "prices": prices}, promised=0.02))
    loose, middle, strict = (
        next(x for x in lines if rate in x) for rate in ("2.00%", "1.00%", "0.10%")
    )
    assert "(promised)" in loose and "+" not in loose
    assert "+300" in middle and "8,000" in middle and "5.00%" in middle
    assert "+8,100" in strict and " - " in strict
    assert lines.index(loose) < lines.index(middle) < lines.index(strict)


def test_before_a_model_only_the_least_is_known() -> None:
    forecast = {"model": "", "prices": [{**price(0.02, 149), "human_count": "149"}]}
    lines = shown(price_rows(forecast, promised=0.01))
    assert any("labels at least" in x for x in lines) and not any("machine" in x for x in lines)
    assert any("149" in x for x in lines)


def test_costs_that_are_not_known_are_not_told() -> None:
    assert cost_lines({"stages": [], "saved_against_people": {"reason": "no label"}}) == []
    told = cost_lines(
        {
            "stages": [{"stage": "audit", "count": 2, "untimed_count": 1, "seconds": 7200.0}],
            "seconds_per_label": 3.0,
            "saved_against_people": {"share": 0.5, "lower": 0.4, "upper": 0.6},
            "saved_against_confirming": {"share": -0.1},
        }
    )
    assert told == [
        "work of people: audit 2.0 h (3)",
        "3.00 s of people a label",
        "saved against people for all: 50.0% (95 %: 40.0% to 60.0%)",
        "saved against a person confirming every draft: -10.0%",
    ]


def test_a_target_out_of_reach_is_an_alert_until_it_is_in_reach() -> None:
    before = Schedule("p/schedule", "p", Phase.WARM_UP, "", 1, NOW)
    unreachable = Training("p", unreachable="more items would be needed")
    alarmed = revise(before, Measures(), unreachable, NOW)
    assert alarmed is not None
    (alert,) = alarmed.alerts
    assert (alert["kind"], alert["reason"]) == ("TARGET_UNREACHABLE", "more items would be needed")
    assert revise(alarmed, Measures(), unreachable, NOW) is None
    calm = revise(alarmed, Measures(), Training("p"), NOW)
    assert calm is not None and calm.alerts == ()


def test_a_failed_request_has_kept_the_server_busy_and_is_told_once() -> None:
    busy = Busy()
    with busy.request("p", 3):
        pass
    with pytest.raises(ValueError), busy.request("p", 2):
        raise ValueError
    ((project, (seconds, items)),) = busy.take().items()
    assert project == "p" and seconds > 0 and items == 5
    assert busy.take() == {}
