"""Use cases of the prelabel gateway: draft whole batches, answer single assists."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from labelmill.annotation.v1 import annotation_pb2
from labelmill.prelabel_gateway.v1 import events_pb2
from labelmill.task_dispatch.v1 import task_dispatch_pb2

from libs.common import names
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.codec import Doc, doc_to_message, message_to_doc, time_text, to_doc
from libs.common.errors import Denied, Invalid, NotFound, OutOfTurn, Unavailable
from libs.common.retry import eventually
from libs.common.store import Store, Unit, keep_newest
from services.prelabel_gateway import domain, store
from services.prelabel_gateway.assists import own_data
from services.prelabel_gateway.domain import ModelAway, NoModel, Project, Route
from services.prelabel_gateway.drafts import BATCH_SECONDS, HEAD, Draft, Drafts
from services.prelabel_gateway.embeddings import Embeddings
from services.prelabel_gateway.inference.client import Inference
from services.prelabel_gateway.object_inputs.select import Inputs
from services.prelabel_gateway.usage_meter import Busy

_ASSIST_SECONDS = 3.0
# So long drafts of a slow model are waited for before tasks go to people without.
_LONGEST_WAIT = timedelta(minutes=30)
log = logging.getLogger(__name__)


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
        self._store, self._clock, self._inference = store_, clock, inference
        self._parse, self._inputs, self._busy = parse, Inputs(blobs, parse), Busy()
        self._drafts = Drafts(store_, inference, self._inputs, self._busy)
        self.embeddings = Embeddings(store_, clock, self._drafts)

    async def remember_projects(self, projects: Sequence[Project]) -> None:
        docs = [to_doc(project) for project in projects]
        await self._store.transact(lambda unit: keep_newest(unit, store.PROJECTS, docs))

    async def draft_tasks(
        self, project_name: str, tasks: Sequence[Any], since: datetime | None = None
    ) -> None:
        """Drafts new tasks (messages with data), first asked for at `since`. A task without a
        usable draft goes on with the reason; where a slow model has too much to do, the rest waits
        for another turn, though not for ever. A project that trains gets embeddings first. What
        items brought along is told in a model's place; who was answered already needs no draft."""
        project = await self._project(project_name)
        route, unembedded = project.route, dict[str, str]()
        if project.embedding.model:
            unembedded = await self.embeddings.embed(project, tasks)
            route = await store.promoted_route(self._store, project_name) or Route()
        waiting = [task for task in tasks if task.state != task_dispatch_pb2.STATE_SCORING]
        brought = [task for task in waiting if task.HasField("prediction")]
        lacking = [task for task in waiting if not task.HasField("prediction")]
        drafts: list[Draft] = [domain.brought(message_to_doc(t.prediction)) for t in brought]
        if lacking:
            made = await self._drafts.of(project, route, lacking, BATCH_SECONDS)
            drafts += [
                unembedded.get(task.name, draft) if isinstance(draft, str) else draft
                for task, draft in zip(lacking, made, strict=True)
            ]
        began = since or self._clock.now()
        if self._clock.now() - began > _LONGEST_WAIT:
            minutes = _LONGEST_WAIT // timedelta(minutes=1)
            reason = f"model {route.model} has had too much to do for {minutes} minutes"
            drafts = [reason if draft is None else draft for draft in drafts]
        told, later = domain.in_turn([*brought, *lacking], drafts)
        await self._postpone(project.name, later, began)
        await self._tell(project, *told, annotation_pb2.Lot())

    async def _postpone(self, project: str, tasks: Sequence[Any], since: datetime) -> None:
        """Puts tasks back into the gateway's own queue."""

        async def work(unit: Unit) -> None:
            shards: dict[int, list[Any]] = defaultdict(list)
            for task in tasks:
                shards[names.shard_of(task.name)].append(task)
            for shard, some in shards.items():
                key = names.event_key(project, shard)
                event = events_pb2.PredictionsPostponed
                unit.emit_all(key, event, "tasks", some, project=project, since=since)

        if tasks:
            await self._store.transact(work)

    async def draft_lot(
        self, project_name: str, tasks: Sequence[Any], model: str, version: str, lot: Any
    ) -> None:
        """Drafts waiting tasks with one version, as part of a lot."""
        project = await self._project(project_name)
        route = _head_route(project, model, version)
        drafts = await self._drafts.of(project, route, tasks, BATCH_SECONDS)
        settled = ["its turn did not come" if draft is None else draft for draft in drafts]
        await self._tell(project, tasks, settled, lot)

    async def remember_version(self, project: str, model: str, version: str) -> None:
        """The project's own model drafts from now on; the server loads it."""
        known = await self._project(project)
        try:
            await self._inference.load(model)
        except Unavailable as away:
            log.warning("model %s is not loaded: %s", model, away)

        async def work(unit: Unit) -> None:
            route = _head_route(known, model, version)
            unit.overwrite(store.PROMOTED, {"name": project, **to_doc(route)})

        await self._store.transact(work)

    async def _project(self, name: str) -> Project:
        project = await store.project_by_name(self._store, name)
        if project is None:
            raise OutOfTurn(f"{name} is not known here yet")
        return project

    async def _tell(
        self, project: Project, tasks: Sequence[Any], drafts: Sequence[Doc | str], lot: Any
    ) -> None:
        """Keeps what was drafted and tells it, with the lot it was drafted for."""
        told = {"lot": lot} if lot.gate else {}

        async def work(unit: Unit) -> None:
            now = time_text(self._clock.now())
            completed, failed, docs = defaultdict(list), defaultdict(list), []
            for task, draft in zip(tasks, drafts, strict=True):
                task.ClearField("data")
                task.ClearField("prediction")
                shard = names.shard_of(task.name)
                message = _message(project, task.name, draft, now, lot)
                if isinstance(message, str):
                    why = _cause(message)
                    failed[shard].append(
                        events_pb2.FailedTask(task=task, reason=message, cause=why)
                    )
                    continue
                docs.append(message_to_doc(message))
                completed[shard].append(events_pb2.PredictedTask(task=task, prediction=message))
            unit.insert(store.PREDICTIONS, docs)
            _emit(unit, project.name, events_pb2.PredictionsCompleted, completed, told)
            _emit(unit, project.name, events_pb2.PredictionsFailed, failed, told)

        await self._store.transact(work)

    async def asks_openly(self, project_name: str) -> None:
        """Raises `Denied` in a project that trains: there people label without the model's word,
        since it learns from theirs."""
        if (await self._known(project_name)).embedding.model:
            words = "a model that learns from people is not asked by them"
            raise Denied(words, field="assignment")

    async def _known(self, name: str) -> Project:
        """The project a person names; `NotFound` where there is none."""
        project = await eventually(lambda: store.project_by_name(self._store, name))
        if project is None:
            raise NotFound(f"{name[:200]} was not found", field="parent")
        return project

    async def assist(self, project_name: str, data: str) -> Doc:
        """One draft while somebody waits for it; nothing is kept."""
        project = await self._known(project_name)
        if project.per:
            words = f"its tasks are about one object of {project.per} each; an item has no draft"
            raise Invalid(words, field="parent")
        own_data(self._parse, data, project_name)
        own = await store.promoted_route(self._store, project_name)
        route = own or project.route
        readable = project.embedding if own else route
        unreadable = await self._inputs.of(readable, route.capability, data) if route.model else b""
        if isinstance(unreadable, str):
            raise Invalid(unreadable, field="data")
        task = task_dispatch_pb2.Task(data=data)
        (draft,) = await self._drafts.of(project, route, [task], _ASSIST_SECONDS)
        if not isinstance(draft, dict):
            raise Unavailable(draft or f"model {route.model} has too much to do")
        return _prediction(project, "", draft, time_text(self._clock.now()))

    async def tell_busy(self) -> None:
        """What the inference server did since the last time, for the cost ledger."""
        taken = self._busy.take()

        async def work(unit: Unit) -> None:
            for project, (seconds, items) in taken.items():
                event = events_pb2.InferenceMeasured(
                    project=project, seconds=seconds, item_count=items
                )
                unit.emit(names.event_key(project, 0), event)

        if taken:
            await self._store.transact(work)

    async def predictions(self, task: str) -> list[Doc]:
        return await store.predictions_of(self._store, task)

    async def models(self, tenant: str) -> list[Doc]:
        """Every model of the inference server this tenant may use, with what it can do."""
        found = []
        for name, version, ready in await self._inference.models():
            if not names.may_use_model(tenant, name):
                continue
            doc: Doc = {"name": name, "version": version, "ready": ready}
            if ready:
                model = await self._inference.model(name)
                doc |= {"capability": model.capability, "classes": model.classes}
            found.append(doc)
        return found


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


def _cause(reason: str) -> events_pb2.FailureCause:
    if isinstance(reason, NoModel):
        return events_pb2.FAILURE_CAUSE_NO_MODEL
    if isinstance(reason, ModelAway):
        return events_pb2.FAILURE_CAUSE_MODEL_AWAY
    return events_pb2.FAILURE_CAUSE_NO_ANSWER


def _message(
    project: Project, task: str, draft: Doc | str, now: str, lot: annotation_pb2.Lot
) -> annotation_pb2.Prediction | str:
    """The prediction, or why there is none: what cannot be told is this task's loss alone."""
    if isinstance(draft, str):
        return draft
    doc = _prediction(project, task, draft, now)
    doc |= {"lot": lot.number} if lot.gate else {}
    try:
        return doc_to_message(doc, annotation_pb2.Prediction)
    except domain.MALFORMED as error:
        log.warning("%s: an answer of %s is no value: %r", task, draft["model"], error)
        return f"model {draft['model']}: the answer is no value: {error!r:.200}"


def _head_route(project: Project, model: str, version: str) -> Route:
    return Route(model, version, HEAD, project.embedding.input)


def _emit(
    unit: Unit, project: str, event: Any, shards: dict[int, list[Any]], told: dict[str, Any]
) -> None:
    for shard, tasks in shards.items():
        unit.emit(names.event_key(project, shard), event(project=project, tasks=tasks, **told))
