"""The gate on the predictions of the paper it is about (Candes, Ilyas, Zrnic 2025).

Each trial draws anew from real predictions whose truth is known, through the product's own
`gate.prove`. The naive rules run in the same trials and must break the promise, else the trials
would prove nothing. The ridge of `candidates` and the size of the pilot were set while looking at
these sets, with other seeds than here.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from loadtests.quality.table import Row
from services.qc_scorer.gates import candidate_rules, lot_proof
from services.qc_scorer.gates.lot_proof import Draw

GROUP = "gate"
FOLDER = "pac_labels"
ALPHA, TRIALS, FIRST_SEED = 0.05, 200, 3000
# Where there is nothing to choose between, a pilot only calibrates.
PILOT, PILOT_ALONE = 100, 50
TARGETS = (0.01, 0.02, 0.05)
FACTS = ("topic", "source")
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """What the paper audits (`audited` draws) and saves on a set here, and what is asked, in %
    at a target of 5 %."""

    name: str
    audited: int
    paper: float
    asked: float


SETS = (
    Known("stance", 500, 27.2, 30.5),
    Known("misinfo", 500, 17.5, 25.0),
    Known("imagenetv2", 1000, 39.1, 41.1),
    Known("imagenet", 5000, 59.5, 61.1),
)


@dataclass(frozen=True)
class Predictions:
    """Drafts of a set: uncertainty (n,), were they wrong (n,), and the candidate rules."""

    uncertainty: Floats
    wrong: Bools
    designs: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.wrong)


def load(path: Path) -> Predictions:
    """A set of `pac_labels`; raises `FileNotFoundError` where it is not there."""
    with gzip.open(path, "rt", newline="") as file:
        found = list(csv.DictReader(file))
    uncertainty = np.array([-float(row["confidence"]) for row in found])
    wrong = np.array([row["Y"] != row["Yhat"] for row in found])
    facts = {name: _codes(found, name) for name in FACTS if name in found[0]}
    designs = candidate_rules.designs(uncertainty, _codes(found, "Yhat"), facts)
    return Predictions(uncertainty, wrong, designs)


def _codes(found: Sequence[Mapping[str, str]], column: str) -> Ints:
    return np.unique([row[column] for row in found], return_inverse=True)[1].astype(np.int64)


@dataclass
class Tally:
    """Over the trials of a rule: share of items saved, and was the promise broken?"""

    saved: list[float] = field(default_factory=list)
    broken: list[bool] = field(default_factory=list)

    def add(self, made: Predictions, target: float, passes: Bools) -> None:
        """`passes` (n,): went out without a person."""
        self.saved.append(float(passes.mean()))
        errors = int((passes & made.wrong).sum())
        self.broken.append(errors >= lot_proof.forbidden_errors(target, len(made)))

    @property
    def violations(self) -> float:
        return float(np.mean(self.broken))

    @property
    def valid(self) -> bool:
        """At most the promised risk and two standard errors."""
        return self.violations <= most_violations(len(self.broken))

    def words(self) -> str:
        saved = 100 * np.array(self.saved)
        return f"saved {saved.mean():.2f} ± {saved.std():.1f} %, broken in {self.violations:.1%}"


def most_violations(trials: int) -> float:
    """The promised risk and two standard errors of so many trials."""
    return ALPHA + 2.0 * math.sqrt(ALPHA * (1.0 - ALPHA) / trials)


def exact(made: Predictions, target: float, sample: int, rng: np.random.Generator) -> Bools:
    """The gate's rule with a random sample of `sample` items."""
    everything = np.arange(len(made))
    return _proven(made, made.uncertainty, everything, target, sample, rng)


def pilot_size(made: Predictions) -> int:
    """Labels paid for before the lot is frozen."""
    choice = max(design.shape[1] for design in made.designs.values()) > 1
    return PILOT if choice else PILOT_ALONE


def chosen(made: Predictions, target: float, rng: np.random.Generator) -> tuple[Bools, str]:
    """The same after a paid pilot that chooses the order and the size of the sample."""
    pilot = rng.choice(len(made), pilot_size(made), replace=False)
    found = candidate_rules.choose(made.designs, pilot, made.wrong[pilot])
    lot = np.setdiff1d(np.arange(len(made)), pilot)
    plan = candidate_rules.plan(found.wrong[lot], target, len(made), ALPHA)
    sample = round(plan.rate * len(lot))
    return _proven(made, found.wrong, lot, target, sample, rng), found.name


def _proven(
    made: Predictions,
    uncertainty: Floats,
    lot: Ints,
    target: float,
    sample: int,
    rng: np.random.Generator,
) -> Bools:
    drawn = rng.choice(lot, sample, replace=False)
    tie = rng.random(len(made))
    draws = [Draw(float(uncertainty[i]), float(tie[i]), bool(made.wrong[i])) for i in drawn]
    forbidden = lot_proof.forbidden_errors(target, len(made))
    proof = lot_proof.prove(draws, 0.0, forbidden, ALPHA, lot=len(lot))
    passes = np.zeros(len(made), bool)
    level = uncertainty[lot] == proof.uncertainty
    passes[lot] = (uncertainty[lot] < proof.uncertainty) | (level & (tie[lot] < proof.tie_breaker))
    passes[drawn] = False
    return passes


def plug_in(made: Predictions, target: float, sample: int, rng: np.random.Generator) -> Bools:
    """Naive: the loosest threshold whose *estimated* error keeps the promise, no bound."""
    drawn = np.zeros(len(made), bool)
    drawn[rng.choice(len(made), sample, replace=False)] = True
    order = np.lexsort((rng.random(len(made)), made.uncertainty))
    seen = np.cumsum((made.wrong & drawn)[order]) * len(made) / sample
    allowed = np.flatnonzero(seen <= target * len(made))
    passes = np.zeros(len(made), bool)
    passes[order[: allowed[-1] + 1] if allowed.size else order[:0]] = True
    return passes & ~drawn


def trusting(made: Predictions, target: float, rng: np.random.Generator) -> Bools:
    """Naive: as far as the model's own confidence says that the promise is kept."""
    order = np.lexsort((rng.random(len(made)), made.uncertainty))
    told = np.cumsum(1.0 + made.uncertainty[order])
    allowed = np.flatnonzero(told <= target * len(made))
    passes = np.zeros(len(made), bool)
    passes[order[: allowed[-1] + 1] if allowed.size else order[:0]] = True
    return passes


@dataclass(frozen=True)
class Trials:
    """Every rule on one set at one target."""

    known: Known
    target: float
    rules: Mapping[str, Tally]
    names: Mapping[str, int]
    pilot: int


def trials(made: Predictions, known: Known, target: float, count: int) -> Trials:
    """`count` trials of every rule."""
    rules = {name: Tally() for name in ("exact", "chosen", "plug-in", "trusting")}
    names: Counter[str] = Counter()
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        rng = np.random.default_rng(seed)
        rules["exact"].add(made, target, exact(made, target, known.audited, rng))
        passes, name = chosen(made, target, rng)
        rules["chosen"].add(made, target, passes)
        names[name] += 1
        rules["plug-in"].add(made, target, plug_in(made, target, known.audited, rng))
        rules["trusting"].add(made, target, trusting(made, target, rng))
    return Trials(known, target, rules, names, pilot_size(made))


def rows(data: Path, full: bool = False, count: int = TRIALS) -> Iterator[Row]:
    """Every set at every target."""
    done: list[Trials] = []
    for known in SETS:
        path = data / FOLDER / f"{known.name}.csv.gz"
        if not path.exists():
            yield Row(GROUP, known.name, "", left_out=f"no {FOLDER}/{path.name} at {data}")
            continue
        made = load(path)
        for target in TARGETS:
            done.append(trials(made, known, target, count))
            yield from _set_rows(done[-1])
    if done:
        yield _naive_row(done, "plug-in", "estimated error, no bound")
        yield _naive_row(done, "trusting", "the model's own confidence")


def _set_rows(found: Trials) -> Iterator[Row]:
    known = found.known
    at = f"{known.name}, error <= {found.target:.0%}"
    limit = most_violations(len(found.rules["exact"].broken))
    five = found.target == TARGETS[-1]
    asked = f">= {known.asked} %, broken in <= {limit:.1%}" if five else f"broken <= {limit:.1%}"
    reference = f"the paper's rule {known.paper} %" if five else ""
    picked = ", ".join(f"{name} {count}" for name, count in found.names.items())
    for rule, how in (
        ("exact", f"{known.audited} audited, as in the paper"),
        ("chosen", f"pilot of {found.pilot} chose order and audit ({picked})"),
    ):
        tally = found.rules[rule]
        enough = not five or 100 * np.mean(tally.saved) >= known.asked
        ok = tally.valid and bool(enough)
        yield Row(GROUP, f"{at}: {how}", tally.words(), asked, reference, ok)


def _naive_row(done: Sequence[Trials], rule: str, how: str) -> Row:
    broken = {f"{t.known.name} {t.target:.0%}": t.rules[rule] for t in done}
    failed = [name for name, tally in broken.items() if not tally.valid]
    worst = max(broken, key=lambda name: broken[name].violations)
    text = f"fails {len(failed)} of {len(broken)}; worst {broken[worst].violations:.0%} ({worst})"
    sets = {t.known.name for t in done}
    ok = sets == {name.split()[0] for name in failed}
    what = f"naive rule ({how}) in the same trials"
    return Row(GROUP, what, text, "must fail on every set", ok=ok)
