"""Seconds the inference server worked for each project, told now and then to the cost ledger.

Kept in memory between two tellings: what a crash loses are the last seconds of a cost, no label.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Busy:
    """By project (seconds of requests, items in them) since they were last taken."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._items: dict[str, int] = defaultdict(int)

    @contextmanager
    def request(self, project: str, items: int) -> Iterator[None]:
        """One request to the inference server; one that fails has kept it busy, too."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[project] += time.perf_counter() - began
            self._items[project] += items

    def take(self) -> dict[str, tuple[float, int]]:
        """What came together; it starts from nothing again."""
        taken = {p: (s, self._items[p]) for p, s in self._seconds.items()}
        self._seconds.clear()
        self._items.clear()
        return taken
