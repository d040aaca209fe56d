"""`python -m deploy.models build [--out DIR]` makes the model repository."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from deploy.models.build import BuildFailed, build, repository
from loadtests.data import DataMissing


def main() -> None:
    parser = argparse.ArgumentParser(prog="deploy.models", description=__doc__)
    parser.add_argument("command", choices=["build"])
    parser.add_argument("--out", type=Path, default=repository())
    chosen = parser.parse_args()
    started = time.perf_counter()
    try:
        fresh = build(chosen.out)
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
