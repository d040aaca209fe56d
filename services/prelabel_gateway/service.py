"""Use cases of the prelabel gateway: draft whole batches, answer single assists."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from labelmill.annotation.v1 import annotation_pb2
from labelmill.prelabel_gateway.v1 import events_pb2

from libs.common import names, telemetry
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.codec import Doc, doc_to_message, time_text, to_doc
from libs.common.errors import Fault, Invalid, NotFound, OutOfTurn, Unavailable
from libs.common.patience import eventually
from libs.common.store import Store, Unit
from services.prelabel_gateway import domain, store
from services.prelabel_gateway.domain import Impossible, Project
from services.prelabel_gateway.triton import Inference, Model

_BATCH_SECONDS = 30.0
_ASSIST_SECONDS = 3.0
_TENSORS = {
    "text-classification": ("TEXT", ["PROBS"]),
    "image-classification": ("IMAGE", ["PROBS"]),
    "image-boxes": ("IMAGE", ["BOXES", "SIZE"]),
}
log = logging.getLogger(__name__)
# A draft, or why there is none.
Draft = Doc | str


class PrelabelGateway:
    """The only caller of the inference server."""

    def __init__(
        self,
        store_: Store,
        clock: Clock,
        blobs: Blobs,
        inference: Inference,
        parse: Callable[[str], Any],
    ) -> None:
        self._store, self._clock, self._blobs = store_, clock, blobs
        self._inference, self._parse = inference, parse

    async def remember_projects(self, projects: Sequence[Project]) -> None:
        async def work(unit: Unit) -> None:
            for project in projects:
                known = await store.project_by_name(unit, project.name)
                if known is None or known.version < project.version:
                    unit.overwrite(store.PROJECTS, to_doc(project))

        await self._store.transact(work)

    async def draft_tasks(self, project_name: str, tasks: Sequence[Any]) -> None:
        """Drafts tasks (messages with data). A task without a usable draft goes on with the
        reason: the line never waits for a model."""
        project = await store.project_by_name(self._store, project_name)
        if project is None:
            raise OutOfTurn(f"{project_name} is not known here yet")
        drafts = await self._drafts(project, [task.data for task in tasks], _BATCH_SECONDS)

        async def work(unit: Unit) -> None:
            now = time_text(self._clock.now())
            completed, failed, docs = defaultdict(list), defaultdict(list), []
            for task, draft in zip(tasks, drafts, strict=True):
                task.ClearField("data")
                shard = names.shard_of(task.name)
                if isinstance(draft, str):
                    failed[shard].append(events_pb2.FailedTask(task=task, reason=draft))
                    continue
                doc = _prediction(project, task.name, draft, now)
                docs.append(doc)
                message = doc_to_message(doc, annotation_pb2.Prediction)
                completed[shard].append(events_pb2.PredictedTask(task=task, prediction=message))
            unit.insert(store.PREDICTIONS, docs)
            _emit(unit, project_name, events_pb2.PredictionsCompleted, completed)
            _emit(unit, project_name, events_pb2.PredictionsFailed, failed)

        await self._store.transact(work)

    async def assist(self, project_name: str, data: str) -> Doc:
        """One draft while somebody waits for it; nothing is kept."""
        project = await eventually(lambda: store.project_by_name(self._store, project_name))
        if project is None:
            raise NotFound(f"{project_name[:200]} was not found", field="parent")
        unreadable = await self._input(project, data) if project.route.model else b""
        if isinstance(unreadable, str):
            raise Invalid(unreadable, field="data")
        (draft,) = await self._drafts(project, [data], _ASSIST_SECONDS)
        if isinstance(draft, str):
            raise Unavailable(draft)
        return _prediction(project, "", draft, time_text(self._clock.now()))

    async def predictions(self, task: str) -> list[Doc]:
        return await store.predictions_of(self._store, task)

    async def models(self) -> list[Doc]:
        """Every model of the inference server with what it can do."""
        found = []
        for name, version, ready in await self._inference.models():
            doc: Doc = {"name": name, "version": version, "ready": ready}
            if ready:
                model = await self._inference.model(name)
                doc |= {"capability": model.capability, "classes": model.classes}
            found.append(doc)
        return found

    async def _drafts(self, project: Project, datas: Sequence[str], timeout: float) -> list[Draft]:
        """One draft or reason per item, in order."""
        route = project.route
        if not route.model:
            return ["the project has no model route"] * len(datas)
        try:
            model = await self._inference.model(route.model, route.version)
            if model.capability != route.capability:
                raise Invalid(f"model {route.model} does {model.capability or 'nothing known'}")
            inputs = await asyncio.gather(*(self._input(project, data) for data in datas))
            return await self._infer(project, model, inputs, timeout)
        except Fault as fault:
            log.warning("no drafts for %s: %s", project.name, fault)
            telemetry.INFERENCE_ITEMS_TOTAL.labels(route.model, "failed").inc(len(datas))
            return [str(fault)] * len(datas)

    async def _infer(
        self, project: Project, model: Model, inputs: Sequence[bytes | str], timeout: float
    ) -> list[Draft]:
        tensor, outputs = _TENSORS[project.route.capability]
        readable = [i for i, value in enumerate(inputs) if isinstance(value, bytes)]
        drafts: list[Draft] = [v if isinstance(v, str) else "" for v in inputs]
        if not readable:
            return drafts
        values = [v for v in inputs if isinstance(v, bytes)]
        arrays = await self._inference.infer(model, tensor, values, outputs, timeout)
        rows = zip(*(arrays[name].tolist() for name in outputs), strict=True)
        for i, row in zip(readable, rows, strict=True):
            drafts[i] = _read(project, model, row)
        good = sum(isinstance(d, dict) for d in drafts)
        telemetry.INFERENCE_ITEMS_TOTAL.labels(model.name, "drafted").inc(good)
        telemetry.INFERENCE_ITEMS_TOTAL.labels(model.name, "refused").inc(len(drafts) - good)
        return drafts

    async def _input(self, project: Project, data: str) -> bytes | str:
        """What goes into the model, or why nothing can."""
        parsed = self._parse(data)
        value = parsed.get(project.route.input) if isinstance(parsed, dict) else None
        if not isinstance(value, str):
            return f"the item has no {project.route.input}"
        if project.route.capability == "text-classification":
            return value.encode()
        try:
            if value.startswith("blob:"):
                return await self._blobs.get(value[5:])
            return domain.inline_image(value)
        except (Impossible, Fault) as unreadable:
            return str(unreadable)


def _read(project: Project, model: Model, row: Sequence[Any]) -> Draft:
    try:
        if project.route.capability == "image-boxes":
            draft = domain.boxes_of(row[0], row[1], model.classes, project.classes)
        else:
            draft = domain.choice_of(row[0], model.classes, project.classes)
    except Impossible as impossible:
        return f"model {model.name}: {impossible}"
    return {**draft, "model": model.name, "model_version": model.version}


def _prediction(project: Project, task: str, draft: Doc, now: str) -> Doc:
    """Keyed by task, model version and template version: made twice, it is the same one."""
    key = names.content_id(task, draft["model"], draft["model_version"], project.template)
    return {
        "name": f"{project.name}/predictions/{key}",
        "task": task,
        "template": project.template,
        "create_time": now,
        **draft,
    }


def _emit(unit: Unit, project: str, event: Any, shards: dict[int, list[Any]]) -> None:
    for shard, tasks in shards.items():
        unit.emit(names.event_key(project, shard), event(project=project, tasks=tasks))
