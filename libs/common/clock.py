"""Time is passed in: services take a `Clock`, tests hand them a `FakeClock`.

`now` is for what is kept and shown, `monotonic` for how long something lasts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time; UTC, aware, microseconds."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float:
        """Seconds since whenever; never back, whatever is done to the machine's clock."""
        ...


class SystemClock:
    """The machine's clock, but never back.

    Orders are kept by time (what arrived before a delivery was asked for, what an outbox holds), so
    a clock that is set back must not put what is new before what is old. Until the machine's clock
    has caught up this one goes on at half its speed; set forward, it follows at once.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._shown, self._at = wall(), steady()

    def now(self) -> datetime:
        steady = self._steady()
        self._shown = max(self._wall(), self._shown + max(0.0, steady - self._at) / 2)
        self._at = steady
        return datetime.fromtimestamp(self._shown, UTC)

    def monotonic(self) -> float:
        return self._steady()


class FakeClock:
    """Stands still until told to move."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._lasted = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._lasted

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._lasted += seconds

    def set_by(self, seconds: float) -> None:
        """As if somebody set the machine's clock: no time has passed."""
        self._now += timedelta(seconds=seconds)
