"""`python -m deploy.models build [NAME ...] [--all] [--out DIR]` makes the model repository."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from deploy.models.build import build, repository
from deploy.models.carriers import BuildFailed
from deploy.models.packages import MODELS
from loadtests.data import DataMissing


def main() -> None:
    parser = argparse.ArgumentParser(prog="deploy.models", description=__doc__)
    parser.add_argument("command", choices=["build"])
    parser.add_argument("names", nargs="*", help=f"besides the usual ones: {', '.join(MODELS)}")
    parser.add_argument("--all", action="store_true", help="every model there is")
    parser.add_argument("--out", type=Path, default=repository())
    chosen = parser.parse_args()
    if unknown := sorted(set(chosen.names) - set(MODELS)):
        parser.error(f"no such model: {', '.join(unknown)}; there are {', '.join(MODELS)}")
    names = list(MODELS) if chosen.all else chosen.names
    started = time.perf_counter()
    try:
        fresh = build(chosen.out, names)
    except (BuildFailed, DataMissing) as failed:
        sys.exit(f"models: {failed}")
    seconds = time.perf_counter() - started
    print(f"models: {chosen.out} {'built' if fresh else 'is up to date'} ({seconds:.0f} s)")
    for facts in sorted(chosen.out.glob("*/metrics.json")):
        found = json.loads(facts.read_text())
        accuracy, count = found["accuracy"], found["held_out"]
        print(f"  {facts.parent.name}: {accuracy:.4f} right on {count} held-out items")


if __name__ == "__main__":
    main()
