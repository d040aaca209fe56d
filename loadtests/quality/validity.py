"""The line that may not be crossed: how often is the promised error broken, over 200 seeded runs?

First as projects run (`replay`): adaptive sampling, retraining, a look after every answer. Then
with several lots a project and everything against it: scores turned round, simulated people who
repeat the model's errors, labels that change their meaning between two lots. The sets are small
and their features poor on purpose: a model without errors could not break anything.
"""

from __future__ import annotations

import functools
import math
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from loadtests.quality import replay
from loadtests.quality.replay import DataSet
from loadtests.quality.small import sets
from loadtests.quality.table import Row
from services.qc_scorer import domain as scorer
from services.qc_scorer.gates import lot_proof
from services.qc_scorer.gates.lot_proof import Curve, Draw
from services.trainer import domain
from services.trainer.learning import heads

GROUP = "validity"
RUNS, FIRST_SEED, ALONE = 200, 5000, 20
TARGETS = (0.02, 0.05)
LOTS, FIRST_LOT, SEED_SIZE, LEAST_RATE = 3, 0.6, 200, 0.05
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True)
class Variant:
    """What goes against a project of several lots. `repeats` is the chance that a blind label
    repeats the model's error."""

    name: str
    reversed: bool = False
    shifted: bool = False
    repeats: float = 0.0
    naive: bool = False


VARIANTS = (
    Variant("as they come"),
    Variant("scores turned round", reversed=True),
    Variant("labels change their meaning between lots", shifted=True),
    Variant("people repeat 5 % of the model's errors", repeats=scorer.MISS_RATE),
)
# Must break the promise, else the runs above would show nothing.
NAIVE = Variant("naive estimate, must fail", naive=True)


@dataclass
class Course:
    """A project of several lots under way: true labels, what people know, what waits."""

    data: DataSet
    truth: Ints
    rng: np.random.Generator
    known: list[int] = field(default_factory=list)
    drawn: set[int] = field(default_factory=set)
    waiting: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    left: int = 0
    spent: int = 0
    passed: int = 0


@dataclass(frozen=True)
class Result:
    """`left` machine errors nobody saw; were they more than promised, or more than the gates'
    own bounds said?"""

    left: int
    passed: int
    broken: bool
    understated: bool


def project_of(target: float, repeats: float) -> scorer.Project:
    """The promise; people who err make it a project with audited labels."""
    reference = scorer.Reference.AUDITED if repeats else scorer.Reference.EXPERTS
    return scorer.Project(
        "", 1, "class", "majority", max_error_rate=target, reference=reference, training=True
    )


def several(data: DataSet, target: float, variant: Variant, seed: int) -> Result:
    """One project of up to three lots, the model taught anew before each."""
    project = project_of(target, variant.repeats)
    rng = np.random.default_rng(seed)
    course = Course(data, data.labels.copy(), rng)
    order = rng.permutation(len(data))
    course.known = order[:SEED_SIZE].tolist()
    course.drawn = set(course.known)
    course.waiting = order[SEED_SIZE:]
    for number in range(1, LOTS + 1):
        if variant.shifted and number == 2:
            _shift(course)
        _lot(course, project, number, variant)
    most = lot_proof.forbidden_errors(project.gate_target, len(data)) - 1
    return Result(course.left, course.passed, course.left > most, course.left > course.spent)


def _shift(course: Course) -> None:
    """A guideline changes: half of the classes now mean the next one, for all that still waits."""
    classes = course.data.classes
    waits = course.waiting
    moved = course.truth[waits] < classes // 2
    course.truth[waits[moved]] = (course.truth[waits[moved]] + 1) % classes


@dataclass(frozen=True)
class Frozen:
    """A lot: positions (n,), uncertainty (n,), were the drafts wrong (n,), its coins' rate."""

    items: Ints
    uncertainty: Floats
    wrong: Bools
    rate: float
    alpha: float


def _lot(course: Course, project: scorer.Project, number: int, variant: Variant) -> None:
    """Teach, freeze, draw, prove; then people label what is hardest of what did not pass."""
    if len(course.waiting) < 2:
        return
    share = FIRST_LOT if number == 1 else 1.0
    items = course.rng.permutation(course.waiting)[: math.ceil(share * len(course.waiting))]
    told = _taught(course, number).probabilities(course.data.features[items])
    unsure = heads.uncertainty(told)
    alpha = lot_proof.lot_alpha(project.gate_alpha, number)
    rate = _rate(course, project, unsure, alpha)
    order = -unsure if variant.reversed else unsure
    lot = Frozen(items, order, told.argmax(1) != course.truth[items], rate, alpha)
    gone = _prove(course, project, lot, variant)
    rest, margins = items[~gone], heads.margins(told)[~gone]
    hardest = rest[np.argsort(margins, kind="stable")[: len(rest) // 4]]
    _label(course, hardest)
    course.waiting = np.setdiff1d(course.waiting, np.concatenate([items[gone], hardest]))


def _rate(course: Course, project: scorer.Project, unsure: Floats, alpha: float) -> float:
    counts, errors = domain.curve(unsure)
    curve = Curve(np.concatenate([[0], counts]), np.concatenate([[0.0], errors]))
    size, target, miss = len(course.data), project.gate_target, project.miss_rate
    return max(
        LEAST_RATE, lot_proof.plan(curve, target, size, alpha, spent=course.spent, miss=miss).rate
    )


def _taught(course: Course, number: int) -> heads.Head:
    known = np.array(course.known)
    drawn = np.array([i in course.drawn for i in course.known])
    labels = course.truth[known]
    return heads.fit(course.data.features[known], labels, drawn, course.data.classes, number).head


def _prove(course: Course, project: scorer.Project, lot: Frozen, variant: Variant) -> Bools:
    """(n,) of the lot: what is settled by it, because it passed or was drawn."""
    size = len(lot.items)
    coins, ties = course.rng.random(size) < lot.rate, course.rng.random(size)
    seen = lot.wrong & (course.rng.random(size) >= variant.repeats)
    draws = [
        Draw(float(lot.uncertainty[i]), float(ties[i]), bool(seen[i]))
        for i in np.flatnonzero(coins)
    ]
    forbidden = lot_proof.forbidden_errors(project.gate_target, len(course.data), course.spent)
    if variant.naive:
        uncertainty, tie, bound = _estimated(draws, lot.rate, forbidden)
    else:
        proof = lot_proof.prove(draws, lot.rate * (1.0 - project.miss_rate), forbidden, lot.alpha)
        uncertainty, tie, bound = proof.uncertainty, proof.tie_breaker, proof.bound
    level = lot.uncertainty == uncertainty
    passes = (lot.uncertainty < uncertainty) | (level & (ties < tie))
    course.left += int((passes & lot.wrong & ~(coins & seen)).sum())
    course.passed += int((passes & ~coins).sum())
    course.spent += bound if passes.any() else 0
    _label(course, lot.items[coins])
    course.drawn.update(lot.items[coins].tolist())
    return passes | coins


def _estimated(draws: list[Draw], rate: float, forbidden: int) -> tuple[float, float, int]:
    """(uncertainty, tie, bound) of the naive threshold: as many errors as are estimated."""
    seen = 0
    for draw in sorted(draws, key=lambda d: (d.uncertainty, d.tie_breaker)):
        seen += bool(draw.wrong)
        if seen / rate >= forbidden:
            return draw.uncertainty, draw.tie_breaker, forbidden - 1
    return math.inf, 1.0, round(seen / rate)


def _label(course: Course, items: Ints) -> None:
    course.known.extend(int(i) for i in items)


def rows(data: Path, full: bool = False, runs: int = RUNS) -> Iterator[Row]:
    """Every set, target and variant; without `full` whole projects on the digits only, and
    what goes against them at one target a set."""
    for made, hard in zip(sets(data), TARGETS, strict=True):
        if isinstance(made, str):
            yield Row(GROUP, "a text set", "", left_out=made)
            continue
        if full or hard == TARGETS[0]:
            for target in TARGETS:
                yield as_run(made, target, runs)
        for target in TARGETS if full else (hard,):
            for variant in (*VARIANTS, NAIVE):
                yield _several_row(made, target, variant, runs)


def _every(one: Callable[[int], T], runs: int) -> list[T]:
    """`one(seed)` for every seed, spread over the cores; in this process where they are few."""
    seeds = range(FIRST_SEED, FIRST_SEED + runs)
    if runs < ALONE:
        return [one(seed) for seed in seeds]
    # Numerics start their own threads, which do not survive a fork.
    clean = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=clean, initializer=_single) as pool:
        return list(pool.map(one, seeds, chunksize=10))


def _single() -> None:
    """One thread a process: the processes are what is spread."""
    threadpool_limits(1)


def as_run(made: DataSet, target: float, runs: int) -> Row:
    """Whole projects in replay."""
    found = _every(functools.partial(replay.run, made, target), runs)
    broken = float(np.mean([o.wrong > math.floor(target * o.items + 1e-9) for o in found]))
    limit = most_broken(0.05, runs)
    error, share = (np.mean([getattr(o, name) for o in found]) for name in ("error", "share"))
    text = (
        f"broken in {broken:.1%} of {runs} runs; delivered error {error:.2%} on average, people"
        f" labelled {share:.0%}"
    )
    what = f"{made.name} ({len(made)}) at {target:.0%}: retraining, adaptive sampling, all looks"
    return Row(GROUP, what, text, f"<= {limit:.1%}", ok=broken <= limit)


def _several_row(made: DataSet, target: float, variant: Variant, runs: int) -> Row:
    found = _every(functools.partial(several, made, target, variant), runs)
    broken = float(np.mean([r.broken for r in found]))
    under = float(np.mean([r.understated for r in found]))
    limit = most_broken(project_of(target, variant.repeats).gate_alpha, runs)
    left = np.mean([r.left / len(made) for r in found])
    passed = np.mean([r.passed / len(made) for r in found])
    text = (
        f"broken in {broken:.1%} of {runs} runs, gates' own bound in {under:.1%};"
        f" {passed:.0%} passed, {left:.2%} undetected errors"
    )
    what = f"{made.name} ({len(made)}) at {target:.0%}, {LOTS} lots: {variant.name}"
    if variant.naive:
        return Row(GROUP, what, text, f"> {limit:.1%}", ok=broken > limit)
    ok = broken <= limit and under <= limit
    return Row(GROUP, what, text, f"both <= {limit:.1%}", ok=ok)


def most_broken(risk: float, runs: int) -> float:
    """The risk and two standard errors of so many runs."""
    return risk + 2.0 * math.sqrt(risk * (1.0 - risk) / runs)
