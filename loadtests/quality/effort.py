"""What a promise costs: labels people give until it is proven, and what that saves.

Runs are those of `replay`: every label of a person counts, those that teach, those that prove,
and the rest. Constants of the learner and the planner were set while looking at seeds 0 and 1
(and, of the embedding's weights, at random samples of both text sets); the seeds here begin at 2.
A default run is about 4 minutes of CPU once the embeddings are there (they take about 7 the first
time); `--full` is about 10.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from loadtests.quality import replay
from loadtests.quality.replay import DataSet, Outcome
from loadtests.quality.table import Row

GROUP = "effort"
FIRST_SEED = 2
# Set: targets with (share asked, the reference's share), and seeds of a default run.
ASKED = {
    "mnist": {0.02: (0.04, 0.049), 0.01: (0.06, 0.078), 0.004: (0.12, 0.155)},
    "mnist10k": {0.02: (0.17, 0.216), 0.01: (0.21, 0.253), 0.004: (0.32, 0.412)},
    "clinc150": {0.02: (0.25, 0.358), 0.01: (0.33, 0.488), 0.004: (0.45, 0.624)},
    "banking77": {0.02: (0.40, 0.536), 0.01: (0.48, 0.578), 0.004: (0.62, 0.774)},
}
DEFAULT_SEEDS = {"mnist": 2, "mnist10k": 5, "clinc150": 2, "banking77": 2}
FOLDERS = {"mnist10k": "mnist"}
LEAST_SAVED, SAVED = 0.40, {("mnist", 0.02): 0.85}


def rows(data: Path, full: bool = False, *, seeds: int = 5) -> list[Row]:
    """A row per set and target, and one for the effort saved; `seeds` are those of a full run."""
    found: list[Row] = []
    for name, targets in ASKED.items():
        if not (data / FOLDERS.get(name, name)).is_dir():
            why = f"no {FOLDERS.get(name, name)} in {data}"
            found.append(Row(GROUP, f"{name}: labels people give", "", left_out=why))
            continue
        given = replay.read(name, data)
        count = seeds if full else min(seeds, DEFAULT_SEEDS[name])
        for target in targets:
            found += _measured(given, target, range(FIRST_SEED, FIRST_SEED + count))
    return found


def _measured(data: DataSet, target: float, seeds: Sequence[int]) -> list[Row]:
    outcomes = [replay.run(data, target, seed) for seed in seeds]
    return [effort_row(data, target, outcomes), saved_row(data, target, outcomes)]


def effort_row(data: DataSet, target: float, outcomes: Sequence[Outcome]) -> Row:
    """Labels of people as a share of the items, against what was asked and the reference."""
    asked, reference = ASKED[data.name][target]
    shares = [outcome.share for outcome in outcomes]
    broken = sum(outcome.error > target for outcome in outcomes)
    words = (
        f"{statistics.mean(shares):.2%} ({min(shares):.2%}-{max(shares):.2%}) of"
        f" {len(data)} items over {len(outcomes)} seeds; worst error"
        f" {max(o.error for o in outcomes):.3%}, promise broken in {broken};"
        f" {statistics.mean(o.cpu_seconds for o in outcomes):.0f} s CPU a run, slowest round"
        f" {max(o.slowest_round for o in outcomes):.1f} s"
    )
    return Row(
        GROUP,
        f"{data.name} at {1 - target:.1%}: labels people give, simulated experts",
        words,
        f"at most {asked:.0%}",
        f"{reference:.1%} (simulated before)",
        statistics.mean(shares) <= asked,
    )


def saved_row(data: DataSet, target: float, outcomes: Sequence[Outcome]) -> Row:
    """Effort saved against people labelling everything once."""
    saved = [1.0 - outcome.share for outcome in outcomes]
    asked = SAVED.get((data.name, target), LEAST_SAVED)
    return Row(
        GROUP,
        f"{data.name} at {1 - target:.1%}: effort saved against all-human",
        f"{statistics.mean(saved):.1%} ({min(saved):.1%}-{max(saved):.1%})",
        f"at least {asked:.0%}",
        "20-40 % (the reference's claim)",
        statistics.mean(saved) >= asked,
    )
