"""Prints the table; `python -m tests.interop --help`."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tests.interop.frame import Result, Row

FAMILIES = (
    *("images", "language", "sound", "models", "space", "argoverse", "maps", "probing", "crooked"),
)
_HEAD = ("format", "files tried", "read by us", "read by the judge", "lost", "left out and said")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.interop")
    parser.add_argument("--data", type=Path, default=os.environ.get("LABELMILL_INTEROP_DATA"))
    parser.add_argument("--only", default="", help="rows whose name begins so")
    given = parser.parse_args()
    if given.data is None or not given.data.is_dir():
        print("SKIPPED: no data; say --data PATH or LABELMILL_INTEROP_DATA=PATH", file=sys.stderr)
        return 2
    return run(given.data, [row for row in rows() if row.name.startswith(given.only)])


def rows() -> list[Row]:
    """Of all families there are."""
    modules = [f"tests.interop.{one}" for one in FAMILIES]
    return [row for name in modules if find_spec(name) for row in import_module(name).ROWS]


def run(data: Path, chosen: list[Row]) -> int:
    """Prints a line a row, then what was wrong; 1 if anything was."""
    print(f"| {' | '.join(_HEAD)} |\n|{'---|' * len(_HEAD)}", flush=True)
    wrong: list[str] = []
    for row in chosen:
        missing = [one for one in row.needs if not (data / one).exists()]
        if missing:
            print(f"| {row.name} | SKIPPED: there is no {', '.join(missing)} | | | | |")
            continue
        started = time.monotonic()
        result = _checked(row, data)
        wrong += [f"{row.name}: {one}" for one in result.wrong]
        print(_line(row.name, result), flush=True)
        print(f"  {row.name}: {time.monotonic() - started:.1f} s", file=sys.stderr)
    for one in wrong:
        print(f"WRONG  {one}")
    return 1 if wrong else 0


def _checked(row: Row, data: Path) -> Result:
    try:
        return row.check(data)
    except Exception as error:
        # A row that stumbles is wrong; the others go on.
        traceback.print_exc()
        return Result(wrong=[f"{type(error).__name__}: {error}"])


def _line(name: str, result: Result) -> str:
    said = "; ".join(f"{reason} ({count})" for reason, count in sorted(result.left_out.items()))
    cells = (name, result.files, result.ours, result.judged, result.lost, said or "nothing")
    return f"| {' | '.join(str(one) for one in cells)} |"


if __name__ == "__main__":
    sys.exit(main())
