"""`python -m services.delivery verify DIR [--key FILE]`: 0 if all holds, 1 with the reason."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from services.delivery.verify import Faulty, verify


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.delivery")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("verify", help="check a delivery folder offline")
    check.add_argument("folder", type=Path, metavar="DIR")
    check.add_argument("--key", type=Path, metavar="FILE", help="public key (PEM) to trust")
    given = parser.parse_args(arguments)
    return run(given.folder, given.key)


def run(folder: Path, key: Path | None) -> int:
    """Prints one line a check; the exit code."""
    try:
        pinned = None if key is None else key.read_bytes()
        for check in verify(folder, pinned):
            sys.stdout.write(f"  ok      {check.name:<14} {check.found}\n")
    except OSError as error:
        sys.stdout.write(f"  FAULTY  {error.filename}: {error.strerror}\n")
        return 1
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        sys.stdout.write(f"  FAULTY  a file does not have the form of a delivery: {error!r}\n")
        return 1
    except Faulty as faulty:
        sys.stdout.write(f"  FAULTY  {faulty}\n")
        return 1
    sys.stdout.write(f"The delivery in {folder} is complete and unchanged.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
