"""Fair to people: careers of simulated annotators through the functions the scorer itself uses.

Nobody real is in here: accuracies, paces and cheats are stated and drawn from fixed seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from loadtests.quality.table import Row
from services.qc_scorer.annotators import anomaly_tests, profile, sequential_test
from services.qc_scorer.domain import Project

GROUP = "people"
SEED = 20_240
CAREERS, TASKS, GOLD_SHARE = 4_000, 500, 0.10
STOPPED_ASKED = 0.05
QUOTA_GOLDS, QUOTA = 10, 0.9
LATE = 32
LEVEL = 0.05
HONEST, CHEATS = 2_000, 200
CROWDS, RING, PEOPLE, CLASSES = 60, 3, 8, 5
PROJECT = Project(name="tenants/t/projects/simulated", version=1, loss="class", merge_rule="")
Rng = np.random.Generator


@dataclass
class Career:
    """One simulated annotator's gold answers, fed one by one as the scorer does."""

    doc: dict[str, object] = field(default_factory=dict)

    def stopped_at(self, right: Sequence[bool], plan: sequential_test.Plan) -> int:
        """Which gold answer stops them, counted from 1; 0 if none does."""
        for count, fine in enumerate(right, 1):
            gold = {"item": str(count), "task": "", "truth": "", "answer": "", "right": bool(fine)}
            self.doc = profile.grown(self.doc, profile.Adds(golds=[gold]))
            if not fine and profile.verdict(self.doc, plan).state == sequential_test.STOP:
                return count
        return 0


def _golds(rng: Rng, accuracy: float) -> list[bool]:
    """Gold answers of 500 tasks, each gold with chance 10 %."""
    return list(rng.random(int(rng.binomial(TASKS, GOLD_SHARE))) < accuracy)


def _quota(right: Sequence[bool]) -> bool:
    """Does the fixed rule stop them: below 90 % on any ten gold answers, ten by ten?"""
    blocks = [right[i : i + QUOTA_GOLDS] for i in range(0, len(right), QUOTA_GOLDS)]
    return any(sum(b) < QUOTA * QUOTA_GOLDS for b in blocks if len(b) == QUOTA_GOLDS)


def _first_quota(right: Sequence[bool]) -> bool:
    """Does it stop them on their first ten alone?"""
    return sum(right[:QUOTA_GOLDS]) < QUOTA * QUOTA_GOLDS


def _error(share: float, size: int) -> float:
    return float(np.sqrt(share * (1 - share) / size))


def good_rows(plan: sequential_test.Plan) -> list[Row]:
    """How often annotators as good as asked, or better, are stopped."""
    rows = []
    for accuracy in (plan.good, 0.93, 0.95):
        rng = np.random.default_rng(SEED)
        found = [_golds(rng, accuracy) for _ in range(CAREERS)]
        ours = float(np.mean([Career().stopped_at(g, plan) > 0 for g in found]))
        first = float(np.mean([_first_quota(g) for g in found]))
        quota = float(np.mean([_quota(g) for g in found]))
        rows.append(
            Row(
                GROUP,
                f"good annotators (SIMULATED, {accuracy:.0%} right) stopped in a career of"
                f" {TASKS} tasks, {GOLD_SHARE:.0%} gold, {CAREERS:,} careers",
                f"{ours:.1%} (s.e. {_error(ours, CAREERS):.1%}; exact for {plan.horizon} gold at"
                f" {plan.good:.0%}: {plan.alpha:.1%})",
                f"< {STOPPED_ASKED:.0%}",
                f"quota, 90 % of ten golds: {first:.0%} on the first ten, {quota:.0%} on any ten",
                ours < STOPPED_ASKED,
            )
        )
    return rows


def bad_row(plan: sequential_test.Plan, late: bool) -> Row:
    """How soon a bad annotator is caught: from the start, or turned bad in mid-career."""
    rng = np.random.default_rng(SEED + 1)
    found, before = [], LATE if late else 0
    # Answers enough for as many careers as it takes.
    size = 20 * plan.horizon
    for _ in range(CAREERS // 4):
        right = [*(rng.random(before) < plan.good), *(rng.random(size) < plan.bad)]
        at = Career().stopped_at(right, plan)
        if at > before:
            found.append(at - before)
    times = np.array(found)
    mean, most = float(times.mean()), float(np.percentile(times, 95))
    within = float(np.mean(times <= plan.within_95))
    words = (
        f"{mean:.0f} gold answers on average, 95 % within {most:.0f}"
        f" ({within:.1%} within the plan's {plan.within_95}); that is {mean / GOLD_SHARE:,.0f}"
        f" tasks, 95 % within {most / GOLD_SHARE:,.0f}"
    )
    how = f"after {LATE} good gold answers" if late else "from the start"
    return Row(
        GROUP,
        f"bad annotators (SIMULATED, {plan.bad:.0%} right {how}) until stopped",
        words,
        "" if late else f"the plan: mean {plan.expected:.0f}, 95 % within {plan.within_95} golds",
        "",
        None if late else within >= 0.95 - 2 * _error(0.95, len(times)),
    )


def gold_row() -> Row:
    """Wrong gold among right gold: found, and right gold left alone."""
    rng, caught, wrongly, wrong = np.random.default_rng(SEED + 2), 0, 0, 0
    for _ in range(CROWDS):
        who = np.tile(np.arange(PEOPLE), 40)
        item = np.repeat(np.arange(40), PEOPLE)
        right = rng.random(len(who)) < np.tile(rng.uniform(0.85, 0.97, PEOPLE), 40)
        broken = np.arange(3)
        right[np.isin(item, broken)] = rng.random(3 * PEOPLE) < 0.05
        found = set(sequential_test.suspect_gold(item, who, right))
        caught += len(found & set(broken.tolist()))
        wrongly += bool(found - set(broken.tolist()))
        wrong += 3
    return Row(
        GROUP,
        f"wrong gold suspected ({PEOPLE} SIMULATED annotators, 3 of 40 items wrong, {CROWDS} runs)",
        f"{caught / wrong:.0%} found; right gold suspected in {wrongly / CROWDS:.1%} of runs",
        f"right gold in at most {LEVEL:.0%} of runs",
        "",
        wrongly / CROWDS <= LEVEL + 2 * _error(LEVEL, CROWDS),
    )


# Signals: p of one simulated annotator, honest or not.


def _pace(rng: Rng, cheats: bool) -> float:
    habit = 12.0 * float(rng.lognormal(0, 0.25))
    now = habit / 5 if cheats else habit
    recent, past = rng.lognormal(np.log(now), 0.6, 20), rng.lognormal(np.log(habit), 0.6, 80)
    others = rng.lognormal(np.log(12.0), 0.25, 12)
    return anomaly_tests.too_fast(list(recent), list(past), list(others)).p


def _copies(rng: Rng, cheats: bool) -> float:
    wrong, passed = 0.12, 1.0 if cheats else anomaly_tests.TOLERATED_MISS
    kept = 300 - int(rng.binomial(300, wrong * (1 - passed)))
    blind = int(rng.binomial(250, wrong))
    return anomaly_tests.copies_draft(
        (kept, 300), (blind, 250), (int(rng.binomial(6, passed)), 6)
    ).p


def _bias(rng: Rng, cheats: bool) -> float:
    shares = np.array([0.4, 0.3, 0.2, 0.07, 0.03])
    mine = shares * 0.6 + np.eye(5)[0] * 0.4 if cheats else shares
    said, others = rng.multinomial(400, mine).tolist(), rng.multinomial(4000, shares).tolist()
    return anomaly_tests.answer_bias(said, others).p


SIGNALS: dict[str, tuple[Callable[[Rng, bool], float], str]] = {
    anomaly_tests.FAST: (_pace, "five times as fast as before"),
    anomaly_tests.COPIES: (_copies, "confirms every draft, 12 % wrong"),
    anomaly_tests.BIAS: (_bias, "four in ten answers without looking"),
}


def signal_row(kind: str) -> Row:
    """False alarms on honest annotators and power on cheats, one signal alone."""
    chance, cheat = SIGNALS[kind]
    rng = np.random.default_rng(SEED + 3)
    false = float(np.mean([chance(rng, False) <= LEVEL for _ in range(HONEST)]))
    power = float(np.mean([chance(rng, True) <= LEVEL for _ in range(CHEATS)]))
    return Row(
        GROUP,
        f"signal '{kind}' at level {LEVEL:.0%} (SIMULATED; cheat: {cheat})",
        f"false alarms {false:.1%}, power {power:.0%}",
        f"false alarms <= {LEVEL:.0%} + 2 s.e.",
        "",
        false <= LEVEL + 2 * _error(LEVEL, HONEST),
    )


def _crowd(rng: Rng, ring: int) -> tuple[bool, bool]:
    """(was a pair within the ring named, was any other) in one simulated project."""
    tasks = 600
    truth = rng.integers(CLASSES, size=tasks)
    hard = np.where(rng.random(tasks) < 0.1, 4.0, 0.8)
    rate = rng.uniform(0.03, 0.15, PEOPLE)
    rows = []
    for task in range(tasks):
        copied: int | None = None
        for person in rng.choice(PEOPLE, 3, replace=False).tolist():
            wrong = rng.random() < rate[person] * hard[task]
            slip = 1 if rng.random() < 0.6 else int(rng.integers(1, CLASSES))
            said = int(truth[task] + slip * wrong) % CLASSES
            if person < ring:
                copied = said = said if copied is None else copied
            rows.append((task, person, said))
    task_, person_, answer = np.array(rows).T
    found = anomaly_tests.collusion(task_, person_, answer, truth)
    named = anomaly_tests.standing({f"{a} {b}": s for (a, b), s in found.items()}, LEVEL)
    pairs = [tuple(int(x) for x in pair.split()) for pair in named]
    return any(max(p) < ring for p in pairs), any(max(p) >= ring for p in pairs)


def collusion_row() -> Row:
    """Named pairs in honest projects and in projects with a ring of copiers."""
    honest = np.mean([_crowd(np.random.default_rng([SEED, i]), 0)[1] for i in range(CROWDS)])
    rings = [_crowd(np.random.default_rng([SEED + 1, i]), RING) for i in range(CROWDS)]
    caught = float(np.mean([hit for hit, _ in rings]))
    beside = float(np.mean([other for _, other in rings]))
    return Row(
        GROUP,
        f"signal '{anomaly_tests.SHARED}' over all pairs of a project (SIMULATED, {PEOPLE}"
        f" annotators, cheat: {RING} copy from one another)",
        f"false alarms {honest:.1%} of projects, power {caught:.0%}; others named beside a ring"
        f" {beside:.1%}",
        f"false alarms <= {LEVEL:.0%} + 2 s.e.",
        "",
        bool(honest <= LEVEL + 2 * _error(LEVEL, CROWDS)),
    )


def rows(data: Path) -> list[Row]:
    """All rows of this group; nothing is read from `data`, people are simulated."""
    plan = profile.plan_of(PROJECT)
    if plan is None:
        return [Row(GROUP, "test on gold", "", left_out="no test for this loss")]
    return [
        *good_rows(plan),
        bad_row(plan, late=False),
        bad_row(plan, late=True),
        gold_row(),
        *(signal_row(kind) for kind in SIGNALS),
        collusion_row(),
    ]
