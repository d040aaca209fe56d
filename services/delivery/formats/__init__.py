"""Formats a delivery is written in; one module each, all behind `Encoder`.

An encoder makes one part file: bytes come out chunk by chunk, so that memory stays flat however
many labels there are. What a format cannot hold is told as a `Problem`, never dropped silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Protocol

from services.delivery.domain import Project

Doc = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """Something of a label that a format cannot hold; `whole` if the label is not in the file."""

    format: str
    task: str
    reason: str
    whole: bool = False


@dataclass(frozen=True)
class Job:
    """What an encoder may use. Ids go on from part to part."""

    project: Project
    open_blob: Callable[[str], IO[bytes]]
    first_label: int
    first_object: int


class Encoder(Protocol):
    """Writes one part."""

    labels: int
    objects: int
    problems: list[Problem]

    def begin(self) -> bytes: ...

    def add(self, rows: Sequence[Doc]) -> bytes:
        """Bytes of these labels; `problems` grows by what could not be held."""
        ...

    def end(self) -> Iterator[bytes]: ...
