"""Use cases of the trainer: remember, train, rank, promote, roll back."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from labelmill.annotation.v1 import annotation_pb2
from labelmill.trainer.v1 import events_pb2, trainer_pb2

from libs.common import names, telemetry
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.codec import Doc, doc_to_message, to_doc, to_message
from libs.common.errors import NotFound, OutOfTurn, Unavailable
from libs.common.retry import eventually
from libs.common.store import Store, Unit, every, keep_newest
from services.trainer import domain, store
from services.trainer.domain import ModelState, ModelVersion, Project
from services.trainer.learning import pool
from services.trainer.learning.pool import Pool
from services.trainer.learning.round import Learnt, learn
from services.trainer.model_repository import Repository

# A round that fails so often is given up.
_TRIES = 3
_PAGE = 200
log = logging.getLogger(__name__)


class Trainer:
    """Owns the registry of trained models and the order of learning."""

    def __init__(self, store_: Store, clock: Clock, blobs: Blobs, repository: Repository) -> None:
        self._store, self._clock, self._blobs = store_, clock, blobs
        self._repository = repository

    async def remember_projects(self, projects: Sequence[Project]) -> None:
        docs = [to_doc(project) for project in projects]
        await self._store.transact(lambda unit: keep_newest(unit, store.PROJECTS, docs))

    async def add_features(
        self, project: str, tasks: list[str], vectors: str, gold: list[str]
    ) -> None:
        """Embeddings of tasks: `vectors` is base64 of (n, d) float16; `gold` are never asked for
        as teaching."""
        doc: Doc = {"name": f"{project}/features/{names.new_id()}", "project": project}
        doc |= {"tasks": tasks, "vectors": vectors, "gold": gold}
        await self._insert(store.FEATURES, doc)

    async def add_labels(self, project_name: str, settled: Sequence[tuple[str, str, str]]) -> None:
        """Settled tasks: (name, class, use), `use` as in `pool`."""

        async def work(unit: Unit) -> None:
            project = await self._project(unit, project_name)
            place = {c: i for i, c in enumerate(project.classes)}
            doc = {
                "name": f"{project_name}/labels/{names.new_id()}",
                "project": project_name,
                "tasks": [name for name, _, _ in settled],
                "labels": [place.get(chosen, -1) for _, chosen, _ in settled],
                "uses": [use if chosen in place else pool.NEITHER for _, chosen, use in settled],
            }
            unit.insert(store.LABELS, [doc])

        await self._store.transact(work)

    async def _insert(self, collection: Any, doc: Doc) -> None:
        async def work(unit: Unit) -> None:
            unit.insert(collection, [doc])

        await self._store.transact(work)

    async def request(self, project: str, number: int, reason: str) -> None:
        """Notes that a project's model should learn; `train_some` does it."""

        async def work(unit: Unit) -> None:
            known = await unit.get(store.JOBS, project)
            if known is None or known["number"] < number:
                unit.overwrite(
                    store.JOBS,
                    {"name": project, "number": number, "reason": reason},
                )

        await self._store.transact(work)

    async def train_some(self) -> None:
        """One round of every project that was asked for; a job is deleted once it is done. What
        one project's data do to its round is no other's: it ends after some tries."""
        async for job in every(self._store, store.JOBS, {}, _PAGE):
            if job.get("done"):
                # As jobs were once kept.
                await self._store.transact(partial(self._delete_job, job))
                continue
            try:
                await self._train(job)
            except Unavailable as away:
                log.warning("%s is trained later: %s", job["name"], away)
            except Exception as error:
                log.exception("%s could not be trained", job["name"])
                await self._stumble(job, error)

    async def _delete_job(self, job: Doc, unit: Unit) -> None:
        """Unless another round was asked for meanwhile."""
        known = await unit.get(store.JOBS, job["name"])
        if known is not None and known["number"] == job["number"]:
            unit.delete(store.JOBS, [job["name"]])

    async def _stumble(self, job: Doc, error: Exception) -> None:
        tries = job.get("tries", 0) + 1

        async def work(unit: Unit) -> None:
            known = await unit.get(store.JOBS, job["name"])
            if known is None or known["number"] != job["number"]:
                return
            if tries < _TRIES:
                unit.overwrite(store.JOBS, {**known, "tries": tries})
                return
            unit.delete(store.JOBS, [job["name"]])
            self._give_up(unit, job, f"learning failed: {error!r:.200}; people label without it")

        await self._store.transact(work)

    def _give_up(self, unit: Unit, job: Doc, reason: str) -> None:
        event = events_pb2.NothingToLearn(project=job["name"], number=job["number"], reason=reason)
        unit.emit(names.event_key(job["name"], 0), event)

    async def _train(self, job: Doc) -> None:
        project = await store.project_by_name(self._store, job["name"])
        if project is None or not project.embedding:
            return await self._finish(job, [], None, None)
        items = await pool.load(self._store, project.name)
        if len(np.unique(items.label[items.learnt])) < 2:
            return await self._seed(job, project, items)
        versions = await store.versions_of(self._store, project.name)
        older = next((v for v in versions if v.state is ModelState.SERVING), None)
        incumbent = older or next((v for v in versions if v.state is ModelState.SHADOW), None)
        before = await self._head(incumbent)
        learnt = await asyncio.to_thread(learn, items, len(project.classes), job["number"], before)
        telemetry.TRAINING_CPU_SECONDS_TOTAL.inc(learnt.cpu_seconds)
        number = self._number(versions)
        await self._blobs.put(_blob(project.name, number), learnt.weights)
        version = self._version(project, number, items, learnt, incumbent)
        ranking = self._rank(project, number, items, learnt)
        await self._finish(job, [ranking], version, learnt, len(items.names))

    def _number(self, versions: Sequence[ModelVersion]) -> str:
        """The next version: seconds since 1970, so that no two runs of a project share one in a
        model repository that outlives them."""
        last = max((int(v.version) for v in versions), default=0)
        return str(max(int(self._clock.now().timestamp()), last + 1))

    async def _head(self, version: ModelVersion | None) -> bytes | None:
        if version is None:
            return None
        try:
            return await self._blobs.get(_blob(version.project, version.version))
        except NotFound:
            return None

    def _rank(self, project: Project, number: str, items: Pool, learnt: Learnt) -> Doc:
        """What to ask next, kept until the scorer says how many."""
        chance = np.random.default_rng(int(number)).permutation(items.waiting)[: domain.RANKED // 4]
        return {
            "name": f"{project.name}/rankings/{number}",
            "ranking": [items.names[i] for i in learnt.ranking],
            "chance": [items.names[i] for i in chance],
        }

    async def _seed(self, job: Doc, project: Project, items: Pool) -> None:
        """Items chance chose, before there is a model; more of them if one class came back."""
        size = domain.seed_size(len(project.classes), len(items.waiting))
        chosen = np.random.default_rng(job["number"]).permutation(items.waiting)[:size]
        known = np.unique(items.label[items.learnt])

        async def work(unit: Unit) -> None:
            tasks = [items.names[i] for i in chosen]
            if tasks:
                self._order(unit, project.name, [], tasks)
            else:
                words = "no item with an embedding is left to ask for, and there are labels of"
                self._give_up(unit, job, f"{words} {len(known)} classes; a model needs two")
            await self._delete_job(job, unit)

        await self._store.transact(work)

    async def _finish(
        self,
        job: Doc,
        rankings: list[Doc],
        version: ModelVersion | None,
        learnt: Learnt | None,
        count: int = 0,
    ) -> None:
        async def work(unit: Unit) -> None:
            for ranking in rankings:
                unit.overwrite(store.RANKINGS, ranking)
            if version is not None and learnt is not None:
                store.save_version(unit, version)
                self._tell(unit, version, learnt, count)
            await self._delete_job(job, unit)

        await self._store.transact(work)

    def _version(
        self,
        project: Project,
        number: str,
        items: Pool,
        learnt: Learnt,
        incumbent: ModelVersion | None,
    ) -> ModelVersion:
        against = incumbent.version if incumbent and learnt.comparison else ""
        comparison = replace(learnt.comparison, against=against) if learnt.comparison else None
        worse = domain.worse_classes(*learnt.by_class, project.classes) if comparison else {}
        state, reason = domain.verdict(comparison, learnt.calibration_error, worse)
        taught = items.learnt
        return ModelVersion(
            name=_version_name(project.name, number),
            project=project.name,
            model=names.trained_model(project.name),
            version=number,
            state=state,
            reason=reason,
            embedding=project.embedding,
            label_count=len(taught),
            labels_digest=domain.labels_digest(
                [items.names[i] for i in taught], [int(items.label[i]) for i in taught]
            ),
            weights_digest=hashlib.sha256(learnt.weights).hexdigest(),
            accuracy=learnt.accuracy,
            drawn_count=learnt.drawn_count,
            calibration_error=learnt.calibration_error,
            cpu_seconds=learnt.cpu_seconds,
            create_time=self._clock.now(),
            comparison=comparison,
            class_calibration=tuple(
                {"name": project.classes[i], "count": n, "confidence": said, "accuracy": right}
                for i, (n, said, right) in learnt.class_calibration.items()
            ),
        )

    def _tell(self, unit: Unit, version: ModelVersion, learnt: Learnt, count: int) -> None:
        evaluation = trainer_pb2.Evaluation(
            version=to_message(version, trainer_pb2.ModelVersion),
            curve=trainer_pb2.PoolCurve(
                counts=learnt.curve[0].tolist(), errors=learnt.curve[1].tolist()
            ),
            task_count=count,
        )
        reliability = {"reliability": learnt.reliability}
        evaluation.MergeFrom(doc_to_message(reliability, trainer_pb2.Evaluation))
        event = events_pb2.ModelCandidateEvaluated(project=version.project, evaluation=evaluation)
        unit.emit(names.event_key(version.project, 0), event)

    async def order(self, project: str, version: str, size: int) -> None:
        """People label the next batch: the head of that version's ranking, and some by chance."""

        async def work(unit: Unit) -> None:
            doc = await unit.get(store.RANKINGS, f"{project}/rankings/{version}")
            if doc is None:
                raise OutOfTurn(f"{project} has no ranking of version {version} yet")
            self._order(unit, project, *domain.batch_of(doc["ranking"], doc["chance"], size))
            unit.delete(store.RANKINGS, [doc["name"]])

        await self._store.transact(work)

    def _order(self, unit: Unit, project: str, picked: list[str], drawn: list[str]) -> None:
        """Asks for tasks, those chance chose first, and remembers who chose what."""
        marks = [False] * len(picked) + [True] * len(drawn)
        doc = {"name": f"{project}/orders/{names.new_id()}", "project": project}
        unit.insert(store.ORDERS, [{**doc, "tasks": [*picked, *drawn], "drawn": marks}])
        asked = [
            events_pb2.TaskPriority(task=t, priority=2.0 if m else 1.5, drawn=m)
            for t, m in zip([*picked, *drawn], marks, strict=True)
        ]
        key = names.event_key(project, 0)
        unit.emit_all(key, events_pb2.TasksPrioritized, "tasks", asked, project=project)

    async def promote(self, project: str, version: str, lot: Doc | None) -> None:
        """The version drafts from now on: its weights are laid where the server loads them."""
        name = _version_name(project, version)
        found = await store.version_by_name(self._store, name)
        owner = await store.project_by_name(self._store, project)
        if found is None or owner is None:
            raise OutOfTurn(f"{name} is not known here yet")
        weights = await self._blobs.get(_blob(project, version))
        await self._repository.publish(found, owner.classes, weights)

        async def work(unit: Unit) -> None:
            state = ModelState.CANARY if lot else ModelState.SERVING
            why = "its lot is being proven" if lot else "drafts for people"
            promoted = _moved(found, state, why)
            store.save_version(unit, promoted)
            event = events_pb2.ModelPromoted(project=project)
            event.version.CopyFrom(to_message(promoted, trainer_pb2.ModelVersion))
            if lot:
                event.lot.CopyFrom(doc_to_message(lot, annotation_pb2.Lot))
            unit.emit(names.event_key(project, 0), event)

        await self._store.transact(work)

    async def judge(self, gate: Doc) -> None:
        """A gate over a lot has decided: its version serves, or the one before comes back."""
        if not gate.get("lot") or gate.get("state") == "PROVING":
            return
        name = _version_name(gate["project"], gate["model_version"])

        async def work(unit: Unit) -> None:
            version = await store.version_by_name(unit, name)
            if version is None:
                return
            if gate["state"] == "OPEN":
                await self._serve(unit, version, gate.get("reason", ""))
            else:
                await self._withdraw(unit, version, gate.get("reason", ""))

        await self._store.transact(work)

    async def _serve(self, unit: Unit, version: ModelVersion, reason: str) -> None:
        for other in await store.versions_of(unit, version.project):
            if other.state is ModelState.SERVING and other.name != version.name:
                why = f"version {version.version} serves"
                store.save_version(unit, _moved(other, ModelState.RETIRED, why))
        store.save_version(unit, _moved(version, ModelState.SERVING, reason))

    async def _withdraw(self, unit: Unit, version: ModelVersion, reason: str) -> None:
        store.save_version(unit, _moved(version, ModelState.ROLLED_BACK, reason))
        versions = await store.versions_of(unit, version.project)
        served = (ModelState.SERVING, ModelState.RETIRED)
        before = next((v for v in versions if v.state in served and v.name != version.name), None)
        if before is not None:
            await self._put_back(unit, before, reason)

    async def _put_back(self, unit: Unit, version: ModelVersion, reason: str) -> ModelVersion:
        back = _moved(version, ModelState.SERVING, f"back again: {reason}")
        store.save_version(unit, back)
        event = events_pb2.ModelRolledBack(project=version.project, reason=reason)
        event.version.CopyFrom(to_message(back, trainer_pb2.ModelVersion))
        unit.emit(names.event_key(version.project, 0), event)
        return back

    async def versions(self, project: str) -> list[ModelVersion]:
        known = await eventually(lambda: store.project_by_name(self._store, project))
        if known is None:
            raise NotFound(f"{project[:200]} was not found", field="parent")
        return await store.versions_of(self._store, project)

    async def roll_back(self, name: str) -> ModelVersion:
        """Puts an older version back; `OutOfTurn` when it never served. What alone serves already
        is left as it is."""

        async def work(unit: Unit) -> ModelVersion:
            version = await store.version_by_name(unit, name)
            if version is None:
                raise NotFound(f"{name[:200]} was not found", field="name")
            if version.state not in (ModelState.RETIRED, ModelState.SERVING):
                raise OutOfTurn(f"version {version.version} is {version.state}: it never served")
            others = await store.versions_of(unit, version.project)
            serving = [v for v in others if v.state is ModelState.SERVING and v.name != name]
            if version.state is ModelState.SERVING and not serving:
                return version
            for other in serving:
                why = f"rolled back to version {version.version}"
                store.save_version(unit, _moved(other, ModelState.ROLLED_BACK, why))
            return await self._put_back(unit, version, "a person asked for it")

        return await self._store.transact(work)

    async def _project(self, unit: Unit, name: str) -> Project:
        found = await store.project_by_name(unit, name)
        if found is None:
            raise OutOfTurn(f"{name} is not known here yet")
        return found


def _moved(version: ModelVersion, state: ModelState, reason: str) -> ModelVersion:
    return replace(version, state=state, reason=reason, row_version=version.row_version + 1)


def _version_name(project: str, version: str) -> str:
    return f"{project}/models/{version}"


def _blob(project: str, version: str) -> str:
    return f"heads/{project}/{version}.onnx"
