"""One round of learning: fit a head, see what it is worth, and what to ask next."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from services.trainer import domain
from services.trainer.domain import Comparison
from services.trainer.learning import heads
from services.trainer.learning.pool import Pool

# A project's learning never takes more than this many cores.
MOST_THREADS = 1
_BLOCK = 4096


@dataclass(frozen=True)
class Learnt:
    """What a round found. `by_class` holds (labels, new right, old right) of the items compared;
    `class_calibration` (count, confidence, accuracy) of the classes drafted often enough;
    `ranking` positions of the pool, most worth asking first."""

    weights: bytes
    accuracy: float
    drawn_count: int
    calibration_error: float
    reliability: list[dict[str, float]]
    cpu_seconds: float
    curve: tuple[domain.Ints, domain.Floats]
    ranking: domain.Ints
    comparison: Comparison | None
    by_class: tuple[domain.Ints, domain.Bools, domain.Bools]
    class_calibration: dict[int, tuple[int, float, float]]


def learn(items: Pool, classes: int, seed: int, before: bytes | None) -> Learnt:
    """Fits on what may teach, measures on what chance chose and on gold; `before` is the ONNX
    of the version to compare with."""
    began = time.thread_time()
    with threadpool_limits(MOST_THREADS):
        found = _learn(items, classes, seed, before)
    return replace(found, cpu_seconds=time.thread_time() - began)


def _learn(items: Pool, classes: int, seed: int, before: bytes | None) -> Learnt:
    taught = _bounded(items.learnt, seed)
    x, y, drawn = items.features[taught], items.label[taught], items.drawn[taught]
    found = heads.fit(x, y, drawn, classes, seed)
    probabilities = found.probabilities()
    right = probabilities.argmax(1) == y
    fair = drawn if drawn.any() else np.ones(len(y), bool)
    drafts, confidence = probabilities.argmax(1)[fair], probabilities.max(1)[fair]
    bins, error = domain.reliability(confidence, right[fair])
    waiting = np.flatnonzero(~items.gone)
    stated = found.head.stated(found.head.decision(items.features[waiting]))
    askable = ~items.ordered[waiting]
    order = domain.rank(heads.margins(stated[askable]), items.features[waiting[askable]])
    judged = _judged(items, found.head, taught, right)
    comparison, by_class = _compared(items, before, *judged)
    return Learnt(
        weights=_onnx(found.head, [items.names[i] for i in taught]),
        accuracy=float(right[fair].mean()),
        drawn_count=int(fair.sum()),
        calibration_error=error,
        reliability=bins,
        cpu_seconds=0.0,
        curve=domain.curve(found.head.calibration.wrong(heads.uncertainty(stated))),
        ranking=waiting[askable][order],
        comparison=comparison,
        by_class=by_class,
        class_calibration=domain.by_class(drafts, confidence, right[fair]),
    )


def _bounded(taught: domain.Ints, seed: int) -> domain.Ints:
    if len(taught) <= heads.MOST_ANCHORS:
        return taught
    return np.random.default_rng(seed).choice(taught, heads.MOST_ANCHORS, replace=False)


def _judged(
    items: Pool, head: heads.Head, taught: domain.Ints, right: domain.Bools
) -> tuple[domain.Ints, domain.Bools]:
    """Positions this version never learnt from and whether it has them right: gold, and every
    label it did learn from by its leave-one-out answer."""
    gold = np.flatnonzero(items.judges)
    on_gold = np.zeros(0, bool)
    if len(gold):
        on_gold = head.probabilities(items.features[gold]).argmax(1) == items.label[gold]
    return np.concatenate([gold, taught]), np.concatenate([on_gold, right])


def _compared(
    items: Pool, before: bytes | None, places: domain.Ints, right: domain.Bools
) -> tuple[Comparison | None, tuple[domain.Ints, domain.Bools, domain.Bools]]:
    """Both versions on what neither had seen: gold, and labels newer than the older version."""
    nothing = (np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0, bool))
    if before is None:
        return None, nothing
    session = onnxruntime.InferenceSession(before, providers=["CPUExecutionProvider"])
    seen = set(session.get_modelmeta().custom_metadata_map.get("taught", "").split())
    fresh = np.array([items.names[i].rsplit("/", 1)[-1] not in seen for i in places], bool)
    places, right = places[fresh], right[fresh]
    if not len(places):
        return None, nothing
    old = np.concatenate(
        [
            session.run(["PROBS"], {"FEATURES": items.features[places[i : i + _BLOCK]]})[0]
            for i in range(0, len(places), _BLOCK)
        ]
    )
    labels = items.label[places]
    old_right: NDArray[np.bool_] = old.argmax(1) == labels
    return domain.compare("", right, old_right), (labels, right, old_right)


def _onnx(head: heads.Head, taught: list[str]) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "head.onnx"
        heads.save(head, path, taught=" ".join(name.rsplit("/", 1)[-1] for name in taught))
        return path.read_bytes()
