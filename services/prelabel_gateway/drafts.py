"""What models say of tasks: full batches of fast ones, a portion at a time of slow ones."""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import numpy as np

from libs.common import telemetry
from libs.common.errors import Fault, Invalid, Unavailable
from libs.common.store import Store
from services.prelabel_gateway import adapters, domain, store
from services.prelabel_gateway.domain import (
    Doc,
    Impossible,
    ModelAway,
    NoModel,
    Project,
    Route,
)
from services.prelabel_gateway.inference.client import IN_FLIGHT, Inference, Model
from services.prelabel_gateway.object_inputs.select import Inputs
from services.prelabel_gateway.usage_meter import Busy

BATCH_SECONDS = 30.0
# A slow model works so long for one project before others have their turn.
_TURN_SECONDS = 30.0
_TENSORS = {
    "text-classification": ("TEXT", ["PROBS"]),
    "image-classification": ("IMAGE", ["PROBS"]),
    "image-boxes": ("IMAGE", ["BOXES", "SIZE"]),
    "features-classification": ("FEATURES", ["PROBS"]),
    **dict.fromkeys(adapters.ADAPTERS, (adapters.INPUT, [adapters.OUTPUT])),
}
HEAD = "features-classification"
# Pieces that are cut out of one medium at a time, which is read for each such portion.
_CUT = 32
_EMBEDDINGS = {"text-embedding": "TEXT", "image-embedding": "IMAGE"}
log = logging.getLogger(__name__)
# A draft, why there is none, or None where its turn at the model did not come yet.
Draft = Doc | str | None


class Drafts:
    """Asks the inference server; keeps nothing."""

    def __init__(self, store_: Store, inference: Inference, inputs: Inputs, busy: Busy) -> None:
        self._store, self._inference, self._inputs, self._busy = store_, inference, inputs, busy

    async def vectors(
        self, project: Project, datas: Sequence[str], timeout: float
    ) -> list[np.ndarray | str]:
        """The embedding (d,) float16 of each item, or why there is none."""
        route = project.embedding
        try:
            model = await self._inference.model(route.model, route.version)
            if model.capability not in _EMBEDDINGS:
                raise Invalid(f"model {route.model} is no embedding")
            inputs = [await self._inputs.of(route, model.capability, data) for data in datas]
            readable = [v for v in inputs if isinstance(v, bytes)]
            if not readable:
                return [str(v) for v in inputs]
            tensor = _EMBEDDINGS[model.capability]
            with self._busy.request(project.name, len(readable)):
                arrays = await self._inference.infer(
                    model, tensor, readable, ["EMBEDDING"], timeout
                )
            _check_vectors(model, arrays["EMBEDDING"])
        except Fault as fault:
            log.warning("no embeddings for %s: %s", project.name, fault)
            return [_reason(fault)] * len(datas)
        rows = iter(arrays["EMBEDDING"].astype(np.float16))
        found = [next(rows) if isinstance(v, bytes) else v for v in inputs]
        return [
            v if isinstance(v, str) or np.isfinite(v).all() else "the item could not be read"
            for v in found
        ]

    async def of(
        self, project: Project, route: Route, tasks: Sequence[Any], timeout: float
    ) -> list[Draft]:
        """One draft or reason per task, in order."""
        if not route.model:
            trains = bool(project.embedding.model)
            reason = "no model was promoted yet" if trains else "the project has no model route"
            return [NoModel(reason)] * len(tasks)
        try:
            model = await self._inference.model(route.model, route.version)
            if model.capability != route.capability:
                raise Invalid(f"model {route.model} does {model.capability or 'nothing known'}")
            inputs: Sequence[bytes | np.ndarray | str]
            if route.capability in adapters.ADAPTERS:
                return await self._documents(project, model, route, tasks, timeout)
            if route.capability == HEAD:
                inputs = await self._kept_vectors(project, tasks, timeout)
            else:
                inputs = await self._inputs.of_tasks(project, route, model.capability, tasks)
            return await self._infer(project, model, inputs, timeout)
        except Fault as fault:
            log.warning("no drafts for %s: %s", project.name, fault)
            telemetry.INFERENCE_ITEMS_TOTAL.labels(route.model, "failed").inc(len(tasks))
            return [_reason(fault)] * len(tasks)

    async def _documents(
        self, project: Project, model: Model, route: Route, tasks: Sequence[Any], timeout: float
    ) -> list[Draft]:
        """Drafts of a model that answers documents: a few items at a time, as media are large and
        such models slow; None for those that are left after a turn of the batch path."""
        drafts: list[Draft] = []
        last = time.monotonic() + _TURN_SECONDS
        if timeout == BATCH_SECONDS:
            timeout = adapters.ADAPTERS[model.capability].seconds
        portion = max(model.max_batch * IN_FLIGHT, _CUT if project.per else 1)
        for start in range(0, len(tasks), portion):
            some = tasks[start : start + portion]
            if start and time.monotonic() > last:
                drafts += [None] * (len(tasks) - start)
                break
            inputs = await self._inputs.of_tasks(project, route, model.capability, some)
            try:
                drafts += await self._infer(project, model, inputs, timeout)
            except Fault as fault:
                log.warning("no drafts for %s: %s", project.name, fault)
                drafts += [_reason(fault)] * len(some)
        return drafts

    async def _kept_vectors(
        self, project: Project, tasks: Sequence[Any], timeout: float
    ) -> list[np.ndarray | str]:
        """Embeddings kept from when the tasks were new; of others, computed now."""
        kept = await self._store.get_many(store.FEATURES, [t.name for t in tasks if t.name])
        lacking = [t for t in tasks if t.name not in kept]
        fresh = await self.vectors(project, [t.data for t in lacking], timeout) if lacking else []
        made = {id(t): v for t, v in zip(lacking, fresh, strict=True)}
        return [
            made[id(t)]
            if id(t) in made
            else np.frombuffer(b64decode(kept[t.name]["vector"]), np.float16)
            for t in tasks
        ]

    async def _infer(
        self,
        project: Project,
        model: Model,
        inputs: Sequence[bytes | np.ndarray | str],
        timeout: float,
    ) -> list[Draft]:
        tensor, outputs = _TENSORS[model.capability]
        values = [v for v in inputs if not isinstance(v, str)]
        drafts: list[Draft] = [v if isinstance(v, str) else "" for v in inputs]
        if not values:
            return drafts
        readable = [i for i, value in enumerate(inputs) if not isinstance(value, str)]
        with self._busy.request(project.name, len(values)):
            arrays = await self._inference.infer(model, tensor, values, outputs, timeout)
        rows = list(zip(*(arrays[name].tolist() for name in outputs), strict=True))

        def read() -> list[Draft]:
            pairs = zip(readable, rows, strict=True)
            return [_read(project, model, row, inputs[i]) for i, row in pairs]

        # Documents may be large: thousands of polygons take longer than others should wait.
        documents = model.capability in adapters.ADAPTERS
        made = await asyncio.to_thread(read) if documents else read()
        for i, draft in zip(readable, made, strict=True):
            drafts[i] = draft
        good = sum(isinstance(d, dict) for d in drafts)
        telemetry.INFERENCE_ITEMS_TOTAL.labels(model.name, "drafted").inc(good)
        telemetry.INFERENCE_ITEMS_TOTAL.labels(model.name, "refused").inc(len(drafts) - good)
        return drafts


def _reason(fault: Fault) -> str:
    """Why there is nothing, by who is to blame: the server may be back, a bad answer stays one."""
    return ModelAway(fault) if isinstance(fault, Unavailable) else str(fault)


def _check_vectors(model: Model, array: np.ndarray) -> None:
    """Raises `Invalid` unless there is one vector (d,) of numbers an item."""
    if array.ndim != 2 or not array.shape[1] or array.dtype.kind not in "fiu":
        words = f"{array.dtype} of shape {array.shape}"
        raise Invalid(f"model {model.name} answered {words}, not one vector an item")


def _read(project: Project, model: Model, row: Sequence[Any], given: Any) -> Draft:
    try:
        if model.capability in adapters.ADAPTERS:
            draft = adapters.draft_of(
                model.capability, row[0][0], model.classes, project.schema, given
            )
        elif model.capability == "image-boxes":
            boxes = domain.boxes_of(row[0], row[1], model.classes, project.classes)
            draft = adapters.boxes_as_asked(boxes, project.schema)
        else:
            draft = domain.choice_of(row[0], model.classes, project.classes)
    except Impossible as impossible:
        return f"model {model.name}: {impossible}"
    except domain.MALFORMED as error:
        return f"model {model.name} answered in another shape than expected: {error!r:.200}"
    return {**draft, "model": model.name, "model_version": model.version}
