"""How work in threads is told to end."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The import was cancelled, or another process works on it: nothing more is saved."""


class Stop:
    """Set once; looked at between blocks and entries."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def check(self) -> None:
        """Raise `Stopped` once it is set."""
        if self._event.is_set():
            raise Stopped

    def watched(self, found: Iterable[T]) -> Iterator[T]:
        """Yield what is found until it is set; raise `Stopped` then."""
        for one in found:
            self.check()
            yield one
