"""What is waited for is said: in the log at once and at growing intervals, and when it is back."""

from __future__ import annotations

import logging
import time

_FIRST_SECONDS, _LONGEST_SECONDS = 10.0, 300.0
log = logging.getLogger(__name__)


class Outage:
    """One thing that may be away, and who waits for it: `Outage("task_dispatch: the bus")`."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._since: float | None = None
        self._next, self._pause = 0.0, _FIRST_SECONDS
        self.reason = ""

    @property
    def seconds(self) -> float:
        """How long it has been away; 0 where it is not."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def note(self, reason: str) -> None:
        """It is away still; logged the first time, then after 10 s, 20 s, ... at most 5 minutes."""
        now = time.monotonic()
        if self._since is None:
            self._since, self._next, self._pause = now, now, _FIRST_SECONDS
        self.reason = reason
        if now >= self._next:
            log.warning("%s is waited for (%.0f s): %s", self._what, now - self._since, reason)
            # Counted from the first line, or a slow look would stretch every interval.
            self._next = max(now, self._next) + self._pause
            self._pause = min(self._pause * 2, _LONGEST_SECONDS)

    def over(self) -> None:
        """It answers; logged where it had been away."""
        if self._since is not None:
            log.warning("%s is back after %.0f s", self._what, self.seconds)
        self._since, self.reason = None, ""
