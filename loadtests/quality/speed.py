"""CPU of what the gate, the planner and the router add, on one core.

How fast opinions fold in is measured with the crowd sets, as it depends on them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from loadtests.quality.table import Row
from services.qc_scorer.gates import lot_proof, planner
from services.qc_scorer.gates.lot_proof import Curve, Draw
from services.review_router import domain as router
from services.review_router.service import coins
from services.trainer import domain
from services.trainer.learning import heads

GROUP = "speed"
ITEMS, DRAWN = 1_000_000, 0.05
ASKED_SECONDS, ASKED_MS = 2.0, 0.1
CLASSES, WIDTH, ANCHORS, ROUTED = 10, 256, 500, 20_000
_TIMES = 3


def best(work: Callable[[], object]) -> float:
    """Least CPU seconds of a few runs: others on the machine only ever add."""
    found = []
    for _ in range(_TIMES):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def rows(data: Path, items: int = ITEMS, routed: int = ROUTED) -> Iterator[Row]:
    """Nothing here needs data."""
    del data
    rng = np.random.default_rng(1)
    chance = 0.1 * rng.random(items) ** 4
    wrong = rng.random(items) < chance
    yield _recomputed(chance, wrong, rng)
    yield _all_drawn(chance, wrong, rng)
    yield _routed(rng, routed)


def _draws(chance: np.ndarray, wrong: np.ndarray, rng: np.random.Generator) -> list[Draw]:
    ties = rng.random(len(chance))
    columns = zip(chance.tolist(), ties.tolist(), wrong.tolist(), strict=True)
    return [Draw(uncertainty, tie, bad) for uncertainty, tie, bad in columns]


def _recomputed(chance: np.ndarray, wrong: np.ndarray, rng: np.random.Generator) -> Row:
    """Forecast, price list and proof of a lot, from its uncertainties, nothing cached."""
    taken = rng.random(len(chance)) < DRAWN
    draws = _draws(chance[taken], wrong[taken], rng)

    def work() -> None:
        lot_proof.most_detected.cache_clear()
        counts, errors = domain.curve(chance)
        curve = Curve(np.concatenate([[0], counts]), np.concatenate([[0.0], errors]))
        lot_proof.prices(curve, planner.TARGETS, len(chance), 0.05)
        lot_proof.prove(draws, DRAWN, lot_proof.forbidden_errors(0.01, len(chance)), 0.05)

    seconds = best(work)
    what = f"gate, forecast and {len(planner.TARGETS)} prices anew on {len(chance):,} items"
    text = f"{seconds:.2f} s CPU, {len(draws):,} of them drawn"
    asked = f"< {ASKED_SECONDS:.0f} s on 1,000,000"
    return Row(GROUP, what, text, asked, ok=seconds < ASKED_SECONDS)


def _all_drawn(chance: np.ndarray, wrong: np.ndarray, rng: np.random.Generator) -> Row:
    draws = _draws(chance, wrong, rng)
    forbidden = lot_proof.forbidden_errors(0.02, len(chance))
    seconds = best(lambda: lot_proof.prove(draws, 0.5, forbidden, 0.05))
    what = f"proof from {len(chance):,} settled draws"
    asked = f"< {ASKED_SECONDS:.0f} s"
    return Row(GROUP, what, f"{seconds:.2f} s CPU", asked, ok=seconds < ASKED_SECONDS)


def _routed(rng: np.random.Generator, count: int) -> Row:
    """Calibrated probabilities of a head, its score, the coins and the routing of each item."""
    anchors = rng.standard_normal((ANCHORS, WIDTH)).astype(np.float32)
    weights = rng.standard_normal((ANCHORS, CLASSES)).astype(np.float32)
    head = heads.Head(anchors, weights, 1.0 / WIDTH, 0.5)
    decisions = head.decision(rng.standard_normal((count, WIDTH)).astype(np.float32))
    policy = router.Policy(machine_label=True, training={"embedding": "text-features"})
    open_ = router.Gate(name="gate", open=True, threshold=0.9, error_bound=0.01, lot=1)

    def work() -> None:
        warm = heads.softmax(decisions / head.temperature, axis=1)
        scores = (1.0 - heads.uncertainty(warm)).tolist()
        for number, score in enumerate(scores):
            task = f"tenants/t/projects/p/tasks/{number}"
            draft = {"value": {"choices": {"classes": ["a"]}}, "score": score, "lot": 1}
            facts = router.Facts(task, 1, prediction=draft)
            router.route(facts, policy, open_, router.Phase.MATURE, coins(b"secret", task, "1"))

    each = 1000.0 * best(work) / count
    what = "calibrating and routing an item (softmax, score, coins, decision)"
    asked = f"<= {ASKED_MS} ms"
    return Row(GROUP, what, f"{each:.3f} ms CPU", asked, ok=each <= ASKED_MS)
