"""A whole project in one process: what people must label until a promise is proven.

The decisions are the services' own pure functions in the order the services call them: chance
draws the seed, a head learns, the planner says learn on or freeze, a frozen lot's draws are
labelled surest first until its proof stops, and what does not pass people label. Simulated
experts answer from ground truth without an error. What `lines` measures through the running
services for one run, this measures for many seeds; embeddings are the embedding models' own.

`python -m loadtests.quality.replay SET TARGET --data DIR` prints one run.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from deploy.models.build import DIMENSIONS, INPUT, build, repository
from loadtests.quality.lines import load
from services.prelabel_gateway.inference.embedded_server import LoadedModel, Tensor
from services.qc_scorer import domain as scorer
from services.qc_scorer.gates import lot_proof, planner
from services.trainer import domain
from services.trainer.learning.pool import Pool
from services.trainer.learning.round import Learnt, learn

CONFIDENCE = 0.95
SETS = ("mnist", "mnist10k", "clinc150", "banking77")
_BLOCK = 1024


@dataclass(frozen=True)
class DataSet:
    """features (n, d) float32 as the trainer keeps them, labels (n,) below `classes`."""

    name: str
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Outcome:
    """One run. People labelled `human` items: `taught` before the last freeze, `audited` as
    proof below the threshold, and the rest; `wrong` delivered labels differ from the truth."""

    data: str
    target: float
    seed: int
    items: int
    human: int
    taught: int
    audited: int
    wrong: int
    rounds: int
    lots: int
    cpu_seconds: float
    slowest_round: float

    @property
    def share(self) -> float:
        """Share of the items that people labelled."""
        return self.human / self.items

    @property
    def error(self) -> float:
        """Share of the delivered labels that are wrong."""
        return self.wrong / self.items


def read(name: str, data: Path, cache: Path | None = None) -> DataSet:
    """A set with its embeddings, computed once per build of the models; `mnist10k` is the last
    10,000 of `mnist`."""
    base = "mnist" if name == "mnist10k" else name
    build(repository())
    stamp = hashlib.sha256(((repository() / "BUILT").read_text() + str(data)).encode())
    folder = cache or Path(tempfile.gettempdir()) / "labelmill-embeddings"
    path = folder / f"{base}-{stamp.hexdigest()[:16]}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        vectors, labels = _embed(base, data)
        part = path.with_suffix(".part.npz")
        np.savez(part, features=vectors.astype(np.float16), labels=labels)
        part.replace(path)
    kept = np.load(path)
    last = slice(-10_000, None) if name == "mnist10k" else slice(None)
    features = np.asarray(kept["features"][last], np.float32)
    labels = np.asarray(kept["labels"][last], np.int64)
    return DataSet(name, features, labels, int(kept["labels"].max()) + 1)


def _embed(name: str, data: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    found = list(load(name, data))
    (field,) = found[0][1]
    model = LoadedModel(repository() / f"{field}-features", "1")
    rows = [_payload(fields[field], field) for _, fields, _ in found]
    vectors = np.empty((len(rows), DIMENSIONS[f"{field}-features"]), np.float32)
    for i in range(0, len(rows), _BLOCK):
        block = np.array(rows[i : i + _BLOCK], dtype=object)[:, None]
        (told,) = model.run([Tensor(INPUT[f"{field}-features"], block)])
        vectors[i : i + _BLOCK] = told.as_numpy()
    place = {c: i for i, c in enumerate(sorted({truth for _, _, truth in found}))}
    return vectors, np.array([place[truth] for _, _, truth in found])


def _payload(value: str, field: str) -> bytes:
    return base64.b64decode(value.split(",", 1)[1]) if field == "image" else value.encode()


@dataclass
class _Course:
    """A run under way."""

    data: DataSet
    target: float
    pool: Pool
    rng: np.random.Generator
    history: list[tuple[int, float]]
    audited: int = 0
    wrong: int = 0
    lots: int = 0
    spent: int = 0
    rounds: int = 0
    cpu_seconds: float = 0.0
    slowest: float = 0.0

    def teach(self, chosen: Sequence[int], drawn: bool) -> None:
        """Simulated experts label what was asked for."""
        at = np.asarray(chosen, np.int64)
        self.pool.label[at] = self.data.labels[at]
        self.pool.teaches[at] = self.pool.gone[at] = self.pool.ordered[at] = True
        self.pool.drawn[at] |= drawn


def run(data: DataSet, target: float, seed: int, confidence: float = CONFIDENCE) -> Outcome:
    """One project from its first label to its last."""
    began = time.process_time()
    course = _Course(data, target, _pool(data), np.random.default_rng(seed), [])
    size = domain.seed_size(data.classes, len(data))
    course.teach(course.rng.permutation(len(data))[:size].tolist(), drawn=True)
    project = scorer.Project(
        name="",
        version=1,
        loss="class",
        merge_rule="majority",
        max_error_rate=target,
        confidence=confidence,
        reference=scorer.Reference.EXPERTS,
        machine_label=True,
        training=True,
    )
    while _step(course, project):
        pass
    taught = int(course.pool.teaches.sum())
    machine = int((~course.pool.gone).sum())
    return Outcome(
        data=data.name,
        target=target,
        seed=seed,
        items=len(data),
        human=len(data) - machine,
        taught=taught,
        audited=course.audited,
        wrong=course.wrong,
        rounds=course.rounds,
        lots=course.lots,
        cpu_seconds=time.process_time() - began,
        slowest_round=course.slowest,
    )


def _pool(data: DataSet) -> Pool:
    names = [str(i) for i in range(len(data))]
    none = [np.zeros(len(data), bool) for _ in range(5)]
    return Pool(names, data.features, np.full(len(data), -1), *none)


def _step(course: _Course, project: scorer.Project) -> bool:
    """One round of learning and what the planner makes of it; False at the end."""
    course.rounds += 1
    learnt = learn(course.pool, course.data.classes, course.rounds, None)
    course.slowest = max(course.slowest, learnt.cpu_seconds)
    counts, errors = learnt.curve
    curve = lot_proof.Curve(np.array([0, *counts], np.int64), np.array([0.0, *errors]))
    now = planner.Circumstances(
        target=project.gate_target,
        alpha=lot_proof.lot_alpha(project.gate_alpha, course.lots + 1),
        size=len(course.data),
        labelled=int(course.pool.teaches.sum()),
        spent=course.spent,
        miss=project.miss_rate,
        history=course.history,
    )
    decision = scorer.decide(project, curve, now)
    if decision.what == planner.LEARN:
        course.history.append((now.labelled, float(curve.errors[-1])))
        _label_batch(course, learnt, decision.batch)
        return True
    if decision.what == planner.CERTIFY:
        _certify(course, project, learnt, decision.plan.rate, now.alpha)
    else:
        course.pool.gone[:] = True
    return False


def _label_batch(course: _Course, learnt: Learnt, size: int) -> None:
    chance = course.rng.permutation(course.pool.waiting)[: domain.RANKED // 4]
    ranking = [course.pool.names[i] for i in learnt.ranking]
    names = [course.pool.names[i] for i in chance]
    picked, drawn = domain.batch_of(ranking, names, size)
    course.teach([int(name) for name in picked], drawn=False)
    course.teach([int(name) for name in drawn], drawn=True)


def _certify(
    course: _Course, project: scorer.Project, learnt: Learnt, rate: float, alpha: float
) -> None:
    """What waits is frozen, coins fall, draws are labelled surest first, the gate decides."""
    course.lots += 1
    lot = course.pool.waiting
    drafts, scores = _serve(learnt.weights, course.data.features[lot])
    wrong = drafts != course.data.labels[lot]
    coins, ties = course.rng.random(len(lot)) < rate, course.rng.random(len(lot))
    draws = [
        lot_proof.Draw(-float(scores[i]), float(ties[i]), bool(wrong[i]))
        for i in np.flatnonzero(coins)
    ]
    forbidden = lot_proof.forbidden_errors(project.gate_target, len(course.data), course.spent)
    proof = lot_proof.prove(draws, rate * (1.0 - project.miss_rate), forbidden, alpha)
    surer = -scores < proof.uncertainty
    surer |= (-scores == proof.uncertainty) & (ties < proof.tie_breaker)
    passes = surer & ~coins
    course.audited += int((surer & coins).sum())
    course.wrong += int((passes & wrong).sum())
    course.pool.gone[lot[~passes]] = True


def _serve(
    weights: bytes, features: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(classes, scores) as the inference server tells them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    told = [
        session.run(["PROBS"], {"FEATURES": features[i : i + _BLOCK]})[0]
        for i in range(0, len(features), _BLOCK)
    ]
    probabilities = np.concatenate(told) if told else np.zeros((0, 1))
    return probabilities.argmax(1), np.clip(probabilities.max(1), 0.0, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="loadtests.quality.replay", description=__doc__)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("target", type=float)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    chosen = parser.parse_args()
    if not (chosen.data / chosen.set.removesuffix("10k")).is_dir():
        parser.error(f"--data: no {chosen.set} in {chosen.data}; give the folder of the data sets")
    data = read(chosen.set, chosen.data)
    for seed in range(chosen.seeds):
        outcome = run(data, chosen.target, seed)
        print(json.dumps({"share": outcome.share, "error": outcome.error, **asdict(outcome)}))


if __name__ == "__main__":
    main()
