"""What reading a source gives: entries, each an item or why it is none."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.domain import NewItem

MAX_ENTRIES = 1_000_000
MAX_LINE_BYTES = 2_000_000


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
