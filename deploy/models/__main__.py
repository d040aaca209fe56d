"""`python -m deploy.models build [NAME ...] [--all] [--out DIR]` makes the model repository;
`first` only what a first project needs."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from deploy.models.build import INPUT, repository
from deploy.models.carriers import BuildFailed
from deploy.models.first import build_first, build_usual
from deploy.models.packages import MODELS
from tools.datasets import DataMissing


def main() -> None:
    parser = argparse.ArgumentParser(prog="deploy.models", description=__doc__)
    parser.add_argument("command", choices=["build", "first"])
    parser.add_argument("names", nargs="*", help=f"besides the usual ones: {', '.join(MODELS)}")
    parser.add_argument("--all", action="store_true", help="every model there is")
    parser.add_argument("--out", type=Path, default=repository())
    chosen = parser.parse_args()
    # Trained models and the detector come with the usual ones.
    if unknown := sorted(set(chosen.names) - set(MODELS) - set(INPUT)):
        parser.error(f"no such model: {', '.join(unknown)}; there are {', '.join(MODELS)}")
    names = list(MODELS) if chosen.all else [n for n in chosen.names if n in MODELS]
    started = time.perf_counter()
    try:
        first = chosen.command == "first" and not chosen.names
        fresh = build_first(chosen.out) if first else build_usual(chosen.out, names)
    except (BuildFailed, DataMissing) as failed:
        sys.exit(f"models: {failed}")
    except KeyboardInterrupt:
        sys.exit("models: stopped; what was not finished is built the next time")
    seconds = time.perf_counter() - started
    print(f"models: {chosen.out} {'built' if fresh else 'is up to date'} ({seconds:.0f} s)")
    for facts in sorted(chosen.out.glob("*/metrics.json")):
        found = json.loads(facts.read_text())
        accuracy, count = found["accuracy"], found["held_out"]
        print(f"  {facts.parent.name}: {accuracy:.4f} right on {count} held-out items")


if __name__ == "__main__":
    main()
