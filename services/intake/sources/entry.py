"""What reading a source gives: entries, each an item or why it is none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from services.intake.domain import NewItem, Refused

MAX_ENTRIES = 1_000_000
MAX_LINE_BYTES = 2_000_000
# What Python raises over values that nobody foresaw.
OF_DATA = (
    *(TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError),
    MemoryError,
)
log = logging.getLogger(__name__)


class Broken(Exception):
    """The file as a whole cannot be imported; the message says what to do."""


@dataclass(frozen=True)
class Entry:
    """One entry of a source: an item, or why it is none. `stamp` tells the content of an object
    apart from what it was before, `known` that an earlier import had it so."""

    key: str
    item: NewItem | None = None
    reason: str = ""
    stamp: str = ""
    known: bool = False


def entry_of(key: str, make: Callable[[], NewItem]) -> Entry:
    """The entry of what a reader makes, or with its reason: one bad row costs itself alone."""
    try:
        return Entry(key, make())
    except Refused as refused:
        return Entry(key, reason=str(refused))
    except OF_DATA as error:
        log.exception("%s cannot be read", key[:100])
        return Entry(key, reason=f"cannot be read ({type(error).__name__})")
