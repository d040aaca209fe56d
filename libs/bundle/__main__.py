"""`python -m libs.bundle verify DIR [--key FILE]`: 0 if all holds, 1 with the reason."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from libs.bundle.verify import Check, Faulty, verify


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m libs.bundle")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("verify", help="check a delivery folder offline")
    check.add_argument("folder", type=Path, metavar="DIR")
    check.add_argument("--key", type=Path, metavar="FILE", help="public key (PEM) to trust")
    given = parser.parse_args(arguments)
    return run(given.folder, given.key)


def run(folder: Path, key: Path | None) -> int:
    """Prints one line a check; the exit code."""
    checks, fault = checked(folder, key)
    for check in checks:
        sys.stdout.write(f"  ok      {check.name:<14} {check.found}\n")
    if fault:
        sys.stdout.write(f"  FAULTY  {fault}\n")
        return 1
    sys.stdout.write(f"The delivery in {folder} is complete and unchanged.\n")
    return 0


def checked(folder: Path, key: Path | None) -> tuple[list[Check], str]:
    """(the checks that hold, what is at fault; empty where nothing is)."""
    checks: list[Check] = []
    try:
        pinned = None if key is None else key.read_bytes()
        checks.extend(verify(folder, pinned))
    except OSError as error:
        return checks, f"{error.filename}: {error.strerror}"
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        return checks, f"a file does not have the form of a delivery: {error!r}"
    except Faulty as faulty:
        return checks, str(faulty)
    return checks, ""


if __name__ == "__main__":
    sys.exit(main())
