"""A project's items as arrays: embeddings, labels, and who may teach what."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libs.common.store import Reader
from services.trainer import store


@dataclass
class Pool:
    """names (n), features (n, d) float32, label (n,) int with -1 for none, `teaches` (n,) for
    people's labels that may train, `judges` (n,) for gold, `gone` (n,) for what waits no more,
    `drawn` (n,) for what chance chose, `round` (n,) of the order each was asked in (-1: none)."""

    names: list[str]
    features: NDArray[np.float32]
    label: NDArray[np.int64]
    teaches: NDArray[np.bool_]
    judges: NDArray[np.bool_]
    gone: NDArray[np.bool_]
    drawn: NDArray[np.bool_]
    ordered: NDArray[np.bool_]

    @property
    def waiting(self) -> NDArray[np.int64]:
        """Positions of what nobody has settled and nobody was asked for."""
        return np.flatnonzero(~self.gone & ~self.ordered)

    @property
    def learnt(self) -> NDArray[np.int64]:
        """Positions of what may train."""
        return np.flatnonzero(self.teaches)


async def load(reader: Reader, project: str) -> Pool:
    """Everything known of a project's items; labels of items without an embedding are left out,
    and embeddings of another length than the first (the model was replaced)."""
    names: list[str] = []
    gold: set[str] = set()
    parts: list[NDArray[np.float32]] = []
    async for doc in store.chunks(reader, store.FEATURES, project):
        flat = np.frombuffer(b64decode(doc["vectors"]), np.float16)
        rows = flat.reshape(len(doc["tasks"]), -1).astype(np.float32)
        if parts and rows.shape[1] != parts[0].shape[1]:
            continue
        names.extend(doc["tasks"])
        gold.update(doc["gold"])
        parts.append(rows)
    features = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
    pool = Pool(names, features, np.full(len(names), -1), *(_no(len(names)) for _ in range(5)))
    place = {name: i for i, name in enumerate(names)}
    pool.ordered[[place[name] for name in gold]] = True
    pool.gone[[place[name] for name in gold]] = True
    async for doc in store.chunks(reader, store.ORDERS, project):
        for name, drawn in zip(doc["tasks"], doc["drawn"], strict=True):
            if name in place:
                pool.ordered[place[name]] = True
                pool.drawn[place[name]] |= drawn
    async for doc in store.chunks(reader, store.LABELS, project):
        for name, label, use in zip(doc["tasks"], doc["labels"], doc["uses"], strict=True):
            if name in place:
                at = place[name]
                pool.gone[at] = use != RETURNED
                pool.label[at] = label
                pool.teaches[at] = use == TEACHES and name not in gold
                pool.judges[at] = use == JUDGES
    return pool


TEACHES, JUDGES, NEITHER, RETURNED = "teaches", "judges", "neither", "returned"


def _no(count: int) -> NDArray[np.bool_]:
    return np.zeros(count, bool)
