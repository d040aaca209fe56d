"""What is waited for is said at once, seldom after that, and when it is over."""

from __future__ import annotations

import logging

import pytest

from libs.common import outage


def test_it_is_said_once_then_at_growing_intervals(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 1000.0
    monkeypatch.setattr(outage.time, "monotonic", lambda: now)
    away = outage.Outage("intake: the bus")
    with caplog.at_level(logging.WARNING):
        away.over()
        assert not caplog.records, "nothing was away"
        for _ in range(600):
            away.note("it does not answer")
            now += 1
        said = [record.getMessage() for record in caplog.records]
        assert said[0] == "intake: the bus is waited for (0 s): it does not answer"
        assert 5 <= len(said) <= 8, "ten minutes: at 0, 10, 30, 70, 150, 310 s, ..."
        assert away.seconds == 600
        away.over()
    assert caplog.records[-1].getMessage() == "intake: the bus is back after 600 s"
    assert away.seconds == 0 and away.reason == ""
