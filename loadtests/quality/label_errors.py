"""Which labels to look at twice, how many are wrong, when to accept: measured on open data.

cleanlab is no requirement here; its two published scores (Northcutt, Jiang and Chuang 2021,
normalized margin and self-confidence) and the count of its confident joint are written down again
below, apart from the code that is measured. Upstream chose which items were reviewed by the same
kind of score, so that recall on the verified errors says little about an order. Errors put in
here (SIMULATED: given labels changed by chance) are the fairer test, and there self-confidence is
a little better where the model is nearly perfect; no order is the best everywhere.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadtests.quality.table import Row
from services.qc_scorer.review import acceptance_sampling, risk
from services.qc_scorer.review.acceptance_sampling import Sequential, Terms, Verdict
from services.qc_scorer.review.risk import FloatArray, IntArray, Signals

GROUP = "label-errors"
SETS = ("mnist", "cifar10", "20news", "imdb")
SEEDS = tuple(range(100, 105))
COVER_RUNS, BUDGET, CONFIDENCE = 400, 500, 0.95
RATES = (0.02, 0.01, 0.004)
PUBLISHED = {0.02: (149, 523), 0.01: (299, 1049), 0.004: (748, 2626)}
SEQUENTIAL = {0.02: (176, 237, 392), 0.01: (354, 475, 768), 0.004: (888, 1185, 1924)}
FALSE_RUNS = 400


@dataclass(frozen=True)
class LabelSet:
    """Out-of-fold probabilities (n, K), given labels (n,), places of verified errors and how many
    items upstream reviewed."""

    name: str
    chances: FloatArray
    given: IntArray
    wrong: IntArray
    reviewed: int


def load(folder: Path) -> list[LabelSet]:
    """The sets that are there."""
    found = []
    for name in SETS:
        probabilities, verdicts = folder / f"{name}.npz", folder / f"{name}_mturk.csv.gz"
        if probabilities.exists() and verdicts.exists():
            with np.load(probabilities) as kept:
                chances, given = kept["pyx"].astype(np.float64), kept["given"].astype(np.int64)
            with gzip.open(verdicts, "rt", newline="") as file:
                rows = list(csv.DictReader(file))
            wrong = [int(r["index"]) for r in rows if int(r["votes_given"]) < 3]
            found.append(LabelSet(name, chances, given, np.array(wrong), len(rows)))
    return found


def ours(chances: FloatArray, given: IntArray) -> FloatArray:
    """(n,) the product's score, with nothing but the model known."""
    nothing = np.full(len(given), np.nan)
    signals = Signals(risk.margins(chances, given), nothing, nothing, nothing)
    return risk.risks(signals)


def normalized_margin(chances: FloatArray, given: IntArray) -> FloatArray:
    """cleanlab's, turned so that higher is worse: 1 - (p_given - max other + 1) / 2."""
    other = chances.copy()
    np.put_along_axis(other, given[:, None], -np.inf, axis=1)
    own = np.take_along_axis(chances, given[:, None], axis=1)[:, 0]
    return np.asarray(1.0 - (own - other.max(axis=1) + 1.0) / 2.0)


def self_confidence(chances: FloatArray, given: IntArray) -> FloatArray:
    """cleanlab's, turned so that higher is worse."""
    return np.asarray(1.0 - np.take_along_axis(chances, given[:, None], axis=1)[:, 0])


def joint_count(chances: FloatArray, given: IntArray) -> int:
    """Off-diagonal count of the confident joint: how many items cleanlab would call wrong."""
    limits = np.array([chances[given == k, k].mean() for k in range(chances.shape[1])])
    above = np.where(chances >= limits, chances, -1.0)
    best = above.argmax(axis=1)
    return int(((above.max(axis=1) >= 0) & (best != given)).sum())


SCORES = {"ours": ours, "margin": normalized_margin, "self": self_confidence}


def recall(score: FloatArray, wrong: IntArray, count: int) -> float:
    """Share of the wrong ones among the first `count`; ties count by their share."""
    limit = np.sort(score)[-count]
    above, equal = score > limit, score == limit
    part = (count - above.sum()) / max(1, equal.sum())
    return float(above[wrong].sum() + part * equal[wrong].sum()) / len(wrong)


def average_precision(score: FloatArray, wrong: IntArray) -> float:
    """Mean of the precision at each wrong item."""
    order = np.argsort(-score, kind="stable")
    hit = np.zeros(len(score))
    hit[wrong] = 1.0
    ranked = hit[order]
    precision = np.cumsum(ranked) / np.arange(1, len(score) + 1)
    return float((precision * ranked).sum() / ranked.sum())


def verified_row(one: LabelSet) -> Row:
    """Recall of the verified errors, at the number upstream reviewed and at shorter lists."""
    joint = joint_count(one.chances, one.given)
    depths = {"reviewed": one.reviewed, "cleanlab's count": joint, "errors": len(one.wrong)}
    found = {
        name: {k: recall(score(one.chances, one.given), one.wrong, k) for k in depths.values()}
        for name, score in SCORES.items()
    }
    text = "; ".join(
        f"k={k} ({what}): {found['ours'][k]:.3f} (margin {found['margin'][k]:.3f}, self-confidence"
        f" {found['self'][k]:.3f})"
        for what, k in depths.items()
    )
    best = {k: max(found["margin"][k], found["self"][k]) for k in (one.reviewed, joint)}
    ok = all(found["ours"][k] >= best[k] - 1e-9 for k in best)
    what = (
        f"{one.name}: recall of {len(one.wrong)} verified errors in the top k of {len(one.given)}"
    )
    reference = "cleanlab's scores, in brackets (circular: upstream chose by them)"
    return Row(GROUP, what, text, "at least cleanlab's", reference, ok)


@dataclass(frozen=True)
class Noise:
    """Simulated errors: the share of labels changed, to any class or to the next one."""

    name: str
    share: float
    next_class: bool
    published: str

    def put(self, labels: IntArray, classes: int, seed: int) -> tuple[IntArray, IntArray]:
        """(labels, places of the changed ones)."""
        rng = np.random.default_rng(seed)
        changed = np.nonzero(rng.random(len(labels)) < self.share)[0]
        step = 1 if self.next_class else rng.integers(1, classes, len(changed))
        given = labels.copy()
        given[changed] = (labels[changed] + step) % classes
        return given, changed


NOISES = (
    Noise("uniform 2 %", 0.02, False, "AP .977"),
    Noise("uniform 10 %", 0.10, False, "AP .994"),
    Noise("asymmetric 5 %", 0.05, True, "AP margin .973, self-confidence .927"),
)


def noise_row(mnist: LabelSet, noise: Noise) -> Row:
    """Errors put into MNIST's labels, those verified to be wrong before left out."""
    keep = np.setdiff1d(np.arange(len(mnist.given)), mnist.wrong)
    chances, labels = mnist.chances[keep], mnist.given[keep]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SCORES}
    for seed in SEEDS:
        given, changed = noise.put(labels, chances.shape[1], seed)
        for name, score in SCORES.items():
            worst = score(chances, given)
            shared = (average_precision(worst, changed), recall(worst, changed, len(changed)))
            found[name].append(shared)
    means = {name: np.mean(pairs, axis=0) for name, pairs in found.items()}
    text = "; ".join(
        f"{name} AP {pair[0]:.4f}, {pair[1]:.1%} found in as many looks"
        for name, pair in means.items()
    )
    what = f"MNIST, SIMULATED errors, {noise.name}, {len(SEEDS)} seeds"
    told = f"another model: {noise.published}"
    return Row(GROUP, what, text, reference=told)


def skill_row(mnist: LabelSet) -> Row:
    """What knowing who labelled adds: simulated annotators of known accuracy, a draft and its
    score instead of all probabilities."""
    rng = np.random.default_rng(SEEDS[0])
    labels, (size, classes) = mnist.given, mnist.chances.shape
    true = rng.choice([0.999, 0.98, 0.80], size, p=[0.5, 0.4, 0.1])
    wrong = np.nonzero(rng.random(size) > true)[0]
    given = labels.copy()
    given[wrong] = (labels[wrong] + rng.integers(1, classes, len(wrong))) % classes
    draft, top = mnist.chances.argmax(axis=1), mnist.chances.max(axis=1)
    margin = np.array(
        [risk.draft_margin(bool(e), float(s)) for e, s in zip(draft == given, top, strict=True)]
    )
    nothing = np.full(size, np.nan)
    alone = risk.risks(Signals(margin, nothing, nothing, nothing))
    both = risk.risks(Signals(margin, nothing, nothing, true))
    values = [average_precision(score, wrong) for score in (both, alone)]
    what = "MNIST, only draft and its score: AP with and without the annotators' skill (SIMULATED)"
    text = f"with {values[0]:.4f}, without {values[1]:.4f}"
    return Row(GROUP, what, text, "skill adds", ok=values[0] > values[1])


def interval_row(one: LabelSet, noise: Noise, share: float) -> Row:
    """Coverage and width of the estimate over many samples of one set of simulated errors."""
    given, changed = noise.put(one.given, one.chances.shape[1], SEEDS[0])
    wrong = np.zeros(len(given), dtype=bool)
    wrong[changed] = True
    score, size = ours(one.chances, given), len(given)
    least = risk.least_chance(BUDGET, share, size)
    covered = bounded = 0
    width, plain = [], []
    for seed in range(COVER_RUNS):
        drawn, chance = risk.sample(score, BUDGET, share, np.random.default_rng(10_000 + seed))
        total = float(score.sum())
        found = risk.estimate(wrong[drawn], score[drawn], chance, size, total, least, CONFIDENCE)
        covered += found.low <= wrong.mean() <= found.high
        bounded += found.bound >= wrong.mean()
        width.append(found.high - found.low)
        plain.append(found.plain_high - found.plain_low)
    rate, bound = covered / COVER_RUNS, bounded / COVER_RUNS
    slack = 2 * float(np.sqrt(0.05 * 0.95 / COVER_RUNS))
    text = (
        f"interval covers {rate:.1%}, width {np.mean(width):.4f} against {np.mean(plain):.4f}"
        f" without the model ({np.mean(width) / np.mean(plain):.0%}); bound holds {bound:.1%}"
    )
    what = (
        f"{one.name}: estimate from about {BUDGET} of {size} labels, {share:.0%} of them alike"
        f" for all, {COVER_RUNS} samples (SIMULATED errors, {noise.name})"
    )
    ok = rate >= 0.95 - slack and bound >= 0.95 - slack
    return Row(GROUP, what, text, "95 % less 2 s.e.", "asymptotic interval; the bound is not", ok)


def plan_row(rate: float) -> Row:
    """Fixed plans: no error allowed, and both risks kept at a fourth of the promised rate."""
    terms = Terms(rate, 0.05, rate / 4, 0.05)
    none, plan = acceptance_sampling.least_size(terms, 0), acceptance_sampling.fixed_plan(terms)
    chance = acceptance_sampling.accept_chance(none, 0, rate / 4)
    good = 1.0 - plan.producer_risk
    five = acceptance_sampling.least_size(terms, 5)
    text = (
        f"n={none}, c=0: accepts a 4x better lot with {chance:.2f}; both risks 5 %: n={plan.size},"
        f" c={plan.errors}: {good:.3f} (consumer's {plan.consumer_risk:.4f}); c=5: n={five}"
    )
    ok = (none, five) == PUBLISHED[rate] and plan.consumer_risk <= 0.05 <= 1 - plan.producer_risk
    told = f"exact plans: n={PUBLISHED[rate][0]} / {PUBLISHED[rate][1]} for c=0 / 5, .47 / .95"
    return Row(GROUP, f"acceptance at {rate:.1%}, fixed plans", text, "2.6's n", told, ok)


def sequential_row(rate: float) -> Row:
    """The sequential plan, exactly; and at work on lots that are just too bad."""
    terms, most = Terms(rate, 0.05, 0.0, 0.05), round(60 / rate)
    means = [
        acceptance_sampling.course(terms, part * rate, most).mean_accepted
        for part in (0, 0.1, 0.25)
    ]
    lot = round(40 / rate)
    bad = Terms(rate, 0.05, 0.0, 0.05, lot)
    accepted = 0
    for seed in range(FALSE_RUNS):
        plan = Sequential(bad, most=lot // 4)
        for wrong in np.random.default_rng(seed).permutation(np.arange(lot) < bad.worst).tolist():
            if plan.tell(wrong) is not Verdict.CONTINUE:
                break
        accepted += plan.verdict is Verdict.ACCEPT
    share, limit = accepted / FALSE_RUNS, 0.05 + 2 * float(np.sqrt(0.05 * 0.95 / FALSE_RUNS))
    text = (
        " / ".join(f"{mean:.0f}" for mean in means)
        + f" labels to accept at 0 / .1 / .25 of the promised rate; lots of {lot} just above it"
        f" accepted {share:.1%} of {FALSE_RUNS} times"
    )
    told = "simulated before: " + " / ".join(map(str, SEQUENTIAL[rate]))
    what = f"acceptance at {rate:.1%}, looked at after every label"
    return Row(GROUP, what, text, "false accepts <= 5 % + 2 s.e.", told, share <= limit)


def rows(data: Path) -> list[Row]:
    """All rows of this group; `data` holds the folders of the open sets."""
    sets = load(data / "label_errors")
    found = [verified_row(one) for one in sets]
    mnist = next((one for one in sets if one.name == "mnist"), None)
    if mnist is None:
        why = f"no label_errors/mnist in {data.name}"
        found.append(Row(GROUP, "verified and simulated label errors", "", left_out=why))
    else:
        found += [noise_row(mnist, noise) for noise in NOISES]
        found.append(skill_row(mnist))
    mild, hard = NOISES[0], NOISES[1]
    kept = [(one, hard if one.name == "imdb" else mild) for one in sets if one.name != "20news"]
    found += [interval_row(one, noise, share) for one, noise in kept for share in (1.0, 0.5)]
    return found + [plan_row(rate) for rate in RATES] + [sequential_row(rate) for rate in RATES]
