"""Crooked files that people have: the smallest input of each kind, and what it must give.

The files are made here, so that no data are needed: `python -m tests.interop --only crooked`. A
module of `MODULES` has a tuple `CASES`; the unit tests go through the same cases.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from libs.formats import Broken, Doc, Fault, Sample
from libs.formats.registry import format_of
from libs.formats.source import Source, Unreadable
from tests.interop.frame import Result, Row, difference

MODULES = ("tests.interop.crooked_texts", "tests.interop.crooked_sound")


@dataclass(frozen=True)
class Case:
    """`samples` are documents with those fields of each `Sample` that matter, in order; `faults`
    are words of each fault's place and reason, in order."""

    name: str
    format: str
    files: Mapping[str, str | bytes]
    samples: tuple[Doc, ...] = ()
    faults: tuple[str, ...] = ()
    schema: Doc = field(default_factory=dict)


def cases() -> list[Case]:
    """Return those of all modules."""
    return [case for name in MODULES for case in import_module(name).CASES]


def wrong(case: Case) -> Iterator[str]:
    """Yield in words what a case gives that it must not, and what it does not give."""
    found = _read(case)
    samples = [one for one in found if isinstance(one, Sample)]
    faults = [f"{one.where}: {one.reason}" for one in found if isinstance(one, Fault)]
    if len(samples) != len(case.samples):
        yield f"{len(samples)} samples, {len(case.samples)} wanted: {samples}"
    for one, wanted in zip(samples, case.samples, strict=False):
        given = {name: _plain(getattr(one, name)) for name in wanted}
        if apart := difference(given, wanted):
            yield f"{one.key}{apart}"
    if len(faults) != len(case.faults):
        yield f"{len(faults)} faults, {len(case.faults)} wanted: {faults}"
    for said, words in zip(faults, case.faults, strict=False):
        if words not in said:
            yield f"{said!r} does not say {words!r}"


def _read(case: Case) -> list[Sample | Fault]:
    decode = format_of(case.format).decode
    assert decode is not None
    try:
        return list(decode(source_of(case.files), case.schema))
    except (Broken, Unreadable) as error:
        return [Fault("", str(error))]


def source_of(contents: Mapping[str, str | bytes]) -> Source:
    """Return a source of files in memory."""
    held = {k: v.encode() if isinstance(v, str) else v for k, v in contents.items()}
    return Source({k: len(v) for k, v in held.items()}, lambda name: io.BytesIO(held[name]))


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _row(case: Case) -> Row:
    def check(data: Path) -> Result:
        result = Result(files=len(case.files), wrong=list(wrong(case)))
        result.ours = 0 if result.wrong else result.files
        return result

    return Row(f"crooked {case.format}: {case.name}", (), check)


ROWS = tuple(_row(case) for case in cases())
