"""Use cases of delivery: load, decide, save."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from labelmill.annotation.v1.annotation_pb2 import Value
from labelmill.delivery.v1 import events_pb2

from libs.common import names
from libs.common.codec import time_text, to_doc
from libs.common.errors import AlreadyExists, Invalid, NotFound, OutOfTurn
from libs.common.explicit import explicit
from libs.common.store import Unit, keep_newest
from services.delivery import domain, store
from services.delivery.bundle.writing import FORMATS
from services.delivery.certificate import coverage
from services.delivery.certificate.gate_history import look_of
from services.delivery.domain import READY, RETURNED, Delivery, DeliveryState, Doc, Project
from services.delivery.pipeline import Background, count_ready, delivery_message, event_key

_NAME_CHUNK = 500


class Deliveries(Background):
    """Owns what goes out."""

    # -- what is heard ------------------------------------------------------------------------

    async def remember_projects(self, projects: Sequence[Project]) -> None:
        """Keeps each project as it now is; an older version changes nothing."""
        docs = [to_doc(project) for project in projects]
        await self._store.transact(lambda unit: keep_newest(unit, store.PROJECTS, docs))

    async def remember_gates(self, gates: Sequence[Doc]) -> None:
        """Keeps each gate as it now is, and that it was looked at."""

        async def work(unit: Unit) -> None:
            await keep_newest(unit, store.GATES, gates)
            for gate in gates:
                unit.overwrite(store.LOOKS, look_of(gate))

        await self._store.transact(work)

    async def remember_models(self, models: Sequence[Doc]) -> None:
        """Keeps what each evaluated model was made of."""

        async def work(unit: Unit) -> None:
            for model in models:
                unit.overwrite(store.MODELS, model)

        await self._store.transact(work)

    async def count_inference(self, project: str, seconds: float, items: int) -> None:
        async def work(unit: Unit) -> None:
            counts = {"inference_seconds": seconds, "inference_items": items}
            unit.count(store.COUNTERS, project, counts)

        await self._store.transact(work)

    async def remember_reports(self, reports: Sequence[Doc]) -> None:
        """Keeps the newest quality report of each project."""

        async def work(unit: Unit) -> None:
            for report in reports:
                known = await unit.get(store.REPORTS, report["project"])
                if coverage.is_newer_report(known, report):
                    unit.overwrite(store.REPORTS, {"name": report["project"], **report})

        await self._store.transact(work)

    async def keep_labels(self, rows: Sequence[Doc]) -> None:
        """Stores accepted labels, ready to go out."""

        arrived = time_text(self._clock.now())

        async def work(unit: Unit) -> None:
            newest = domain.newest(rows)
            known = await store.labels_by_name(unit, list(newest))
            ready: Counter[str] = Counter()
            for name, row in newest.items():
                before = known.get(name)
                after = domain.succeed(before, {**row, "arrive_time": arrived})
                if after is not None:
                    unit.put(store.LABELS, after)
                    ready[row["project"]] += before is None or before["delivery"] != READY
            count_ready(unit, ready)

        await self._store.transact(work)

    async def drop_labels(self, task_names: Sequence[str]) -> None:
        """Forgets labels of cancelled tasks that no delivery holds."""

        async def work(unit: Unit) -> None:
            known = await store.labels_by_name(unit, task_names)
            free = [row for row in known.values() if row["delivery"] in (READY, RETURNED)]
            unit.delete(store.LABELS, [row["name"] for row in free])
            gone = Counter(row["project"] for row in free if row["delivery"] == READY)
            count_ready(unit, {project: -n for project, n in gone.items()})

        await self._store.transact(work)

    async def withdraw_labels(self, versions: dict[str, int]) -> None:
        """Labels below these versions wait for a new acceptance, unless a delivery holds them."""

        async def work(unit: Unit) -> None:
            known = await store.labels_by_name(unit, list(versions))
            free = [
                row
                for name, row in known.items()
                if row["delivery"] == READY and row["task_version"] < versions[name]
            ]
            for row in free:
                unit.put(store.LABELS, domain.moved(row, RETURNED))
            gone = Counter(row["project"] for row in free)
            count_ready(unit, {project: -n for project, n in gone.items()})

        await self._store.transact(work)

    # -- what managers do ---------------------------------------------------------------------

    async def create(
        self, parent: str, formats: Sequence[str], request_id: str, least: int = 0
    ) -> Delivery:
        """A PENDING delivery of what is ready, `least` labels or more; the same request answers
        with the same one."""

        async def work(unit: Unit) -> Delivery:
            project = await self._project(unit, parent, "parent")
            key = f"{parent}:{request_id}"
            known = await unit.get(store.REQUESTS, key) if request_id else None
            if known is not None:
                return await self._repeated(unit, known, formats)
            made = await self._new(unit, project, formats, least)
            store.save(unit, made)
            unit.count(store.COUNTERS, parent, {"promised": made.promised})
            if request_id:
                doc = {"name": key, "made": made.name, "formats": list(formats)}
                unit.insert(store.REQUESTS, [doc])
            return made

        return await self._store.transact(work)

    async def _new(
        self, unit: Unit, project: Project, formats: Sequence[str], least: int
    ) -> Delivery:
        chosen = _chosen(project, formats)
        ready = await store.deliverable(unit, project.name)
        if ready <= 0:
            raise OutOfTurn("there is no accepted label that is not in a delivery yet")
        if ready < least:
            words = f"{ready} accepted labels have come here, fewer than {least}; ask again"
            raise OutOfTurn(words, field="least_count")
        newest = await store.newest_arrival(unit, project.name)
        return domain.create(project, names.new_id(), chosen, ready, self._clock.now(), newest)

    async def reissue(self, name: str, formats: Sequence[str], request_id: str) -> Delivery:
        """A new edition of a delivery's frozen labels; the same request answers with the same."""

        async def work(unit: Unit) -> Delivery:
            of = await self._delivery(unit, name)
            project = await self._project(unit, names.project_of(name), "name")
            key = f"{name}:{request_id}"
            known = await unit.get(store.REQUESTS, key) if request_id else None
            if known is not None:
                return await self._repeated(unit, known, formats)
            chosen = _chosen(project, formats)
            made = _decided(domain.edition, of, names.new_id(), chosen, self._clock.now())
            store.save(unit, made)
            if request_id:
                doc = {"name": key, "made": made.name, "formats": list(formats)}
                unit.insert(store.REQUESTS, [doc])
            return made

        return await self._store.transact(work)

    async def _repeated(self, unit: Unit, known: Doc, formats: Sequence[str]) -> Delivery:
        if known["formats"] != list(formats):
            raise AlreadyExists("this request_id was used for other formats", field="request_id")
        return await self._delivery(unit, known["made"])

    async def accept(self, name: str) -> Delivery:
        """The client takes it; final."""

        async def work(unit: Unit) -> Delivery:
            before = await self._delivery(unit, name)
            after = _decided(domain.accept, before, self._clock.now())
            if after is not before:
                store.save(unit, after)
                message = events_pb2.DeliveryAccepted(delivery=delivery_message(after))
                unit.emit(event_key(after), message)
            return after

        return await self._store.transact(work)

    async def reject(self, name: str, reason: str, tasks: Sequence[str]) -> Delivery:
        """The client sends it back; its labels are released from now on, block by block."""
        await self._check_held(name, tasks)

        async def work(unit: Unit) -> Delivery:
            before = await self._delivery(unit, name)
            after = _decided(domain.reject, before, reason, self._clock.now())
            if after is not before:
                store.save(unit, after)
                doc = {"name": name, "tasks": sorted(set(tasks)), "reason": reason}
                unit.overwrite(store.REJECTIONS, doc)
            return after

        rejected = await self._store.transact(work)
        if rejected.releasing:
            await self._release(name)
        return await self.delivery(name)

    async def _check_held(self, name: str, tasks: Sequence[str]) -> None:
        if (await self.delivery(name)).state is not DeliveryState.COMPLETED:
            return
        for start in range(0, len(tasks), _NAME_CHUNK):
            chunk = tasks[start : start + _NAME_CHUNK]
            rows = await store.labels_by_name(self._store, chunk)
            for i, task in enumerate(chunk, start):
                if task not in rows or rows[task]["delivery"] != name:
                    raise Invalid(f"{task[:200]} is not in this delivery", field=f"tasks[{i}]")
            await asyncio.sleep(0)

    # -- questions ----------------------------------------------------------------------------

    async def delivery(self, name: str) -> Delivery:
        return await self._delivery(self._store, name)

    async def deliveries(self, parent: str, size: int, after: str) -> list[Delivery]:
        await self._project(self._store, parent, "parent")
        return await store.deliveries_of(self._store, parent, after, size)

    async def lineage(self, task: str) -> Doc:
        """Everything that made the task's label."""
        row = await self._store.get(store.LABELS, task)
        if row is None:
            raise NotFound(f"{task[:200]} has no accepted label", field="name")
        label = {k: row[k] for k in ("source", "score", "accept_time", "gate")}
        label["value"] = explicit(row["value"], Value)
        return {
            "task": row["name"],
            "item": row["item"],
            "source_key": row["source_key"],
            "template": row["template"],
            "task_version": row["task_version"],
            "delivery": row["delivery"],
            "data": orjson.loads(row["data"]),
            "label": label,
            **orjson.loads(row["lineage"]),
        }


def _chosen(project: Project, formats: Sequence[str]) -> list[str]:
    try:
        return domain.choose_formats(project, formats, FORMATS)
    except domain.Refused as refused:
        raise Invalid(str(refused), field="formats") from refused


def _decided(decide: Callable[..., Delivery], *args: Any) -> Delivery:
    try:
        return decide(*args)
    except domain.Refused as refused:
        raise OutOfTurn(str(refused)) from refused
