"""What probing and cleaning find, in the words of docs/intake.md."""

from __future__ import annotations

from dataclasses import dataclass, field


class Corrupt(Exception):
    """The bytes are no media of the kind they should be; the message says why."""


@dataclass(frozen=True)
class Finding:
    """`code` in one word, `detail` with numbers."""

    code: str
    detail: str


@dataclass(frozen=True)
class Probe:
    """Facts by name, numbers among them as numbers; `print`: 64 bits that are nearly the same for
    what looks or sounds nearly the same, None where there is nothing to compare."""

    facts: dict[str, float | int | str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    print: int | None = None
