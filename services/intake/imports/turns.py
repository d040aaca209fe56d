"""Turns at the machine: who reads and decodes for one tenant lets another's go in between.

At most `count` threads compute at once. Whoever waits gets a turn key by key (a key is a tenant),
so that a tenant with a million rows holds up one with a single row by the length of a turn. Threads
that wait for a network hold none.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

# A turn that others wait for is given on after so many seconds.
SLICE_SECONDS = 0.1


class Turns:
    """Threads ask for turns; never called from an event loop."""

    def __init__(self, count: int) -> None:
        self._free, self._lock = count, threading.Lock()
        self._waiting: OrderedDict[str, deque[threading.Event]] = OrderedDict()

    @contextmanager
    def turn(self, key: str) -> Iterator[Turn]:
        """Hold a turn for a key."""
        self._take(key)
        try:
            yield Turn(self, key)
        finally:
            self._give()

    def _take(self, key: str) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = threading.Event()
            self._waiting.setdefault(key, deque()).append(mine)
        mine.wait()

    def _give(self) -> None:
        """The next key's longest waiting thread has the turn; a key that was served goes last."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            key, line = self._waiting.popitem(last=False)
            chosen = line.popleft()
            if line:
                self._waiting[key] = line
        chosen.set()


class Turn:
    """A turn that is held."""

    def __init__(self, turns: Turns, key: str) -> None:
        self._turns, self._key = turns, key
        self._since = time.monotonic()

    def share(self) -> None:
        """Let others go first where they wait and this turn has lasted."""
        if time.monotonic() - self._since > SLICE_SECONDS:
            with self.away():
                pass

    @contextmanager
    def away(self) -> Iterator[None]:
        """Hold no turn meanwhile: to wait for a network."""
        self._turns._give()
        try:
            yield
        finally:
            self._turns._take(self._key)
            self._since = time.monotonic()
