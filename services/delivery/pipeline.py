"""A delivery's way in the background: freeze, write, close, release; step by step.

Every step is one unit of work on a delivery this worker has leased, so that a crash between any
two steps costs one step, and two replicas never write the same delivery at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress

from labelmill.delivery.v1 import delivery_pb2, events_pb2

from libs.common import names, work_stages
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.codec import to_message
from libs.common.errors import NotFound, Unavailable
from libs.common.store import Store, Unit
from services.delivery import domain, store
from services.delivery.bundle.manifest import closing_files, listed_files
from services.delivery.bundle.writing import PartWriter
from services.delivery.certificate import coverage
from services.delivery.certificate.class_limits import per_class
from services.delivery.certificate.gate_history import history, story
from services.delivery.certificate.models import evidence_of
from services.delivery.domain import READY, RETURNED, Delivery, DeliveryState, Doc, Project
from services.delivery.signing import Signer

# Until it is looked whether a part that was away is back.
_AWAY_SECONDS = 5.0
log = logging.getLogger(__name__)


class _Lost(Exception):
    """Another worker has the delivery now."""


class Background:
    """Moves deliveries on. `holder` names this worker among its replicas."""

    def __init__(
        self,
        store_: Store,
        clock: Clock,
        blobs: Blobs,
        signer: Signer,
        holder: str,
        part_size: int = domain.PART,
    ) -> None:
        self._store, self._clock, self._blobs = store_, clock, blobs
        self._signer, self._holder, self._part_size = signer, holder, part_size

    async def advance(self) -> None:
        """Moves every open delivery on as far as it goes; each gets its turn step by step."""
        waiting: set[str] = set()
        while True:
            found = await store.open_deliveries(self._store)
            now = self._clock.now()
            ours = [d for d in found if d.name not in waiting and d.free_for(self._holder, now)]
            if not ours:
                return
            for delivery in ours:
                if not await self._step_safely(delivery):
                    waiting.add(delivery.name)
                await asyncio.sleep(0)

    async def _step_safely(self, delivery: Delivery) -> bool:
        try:
            return await self._step(delivery)
        except _Lost:
            return False
        except Unavailable as away:
            await self._wait(delivery.name, str(away))
            return False
        except Exception as error:
            log.exception("%s stumbled", delivery.name)
            await self._stumble(delivery.name, f"{type(error).__name__}: {error}")
            return False

    async def _step(self, delivery: Delivery) -> bool:
        """One step; False where it must wait."""
        if delivery.releasing:
            await self._release(delivery.name)
            return True
        held = delivery.lease_holder == self._holder and delivery.lease_time is not None
        if not held or delivery.state is DeliveryState.PENDING:
            await self._lease(delivery.name)
            return True
        if delivery.state is DeliveryState.FREEZING:
            return await self._freeze(delivery.name)
        if delivery.written_count < delivery.label_count:
            await self._write_part(delivery)
        else:
            await self._finish(delivery)
        return True

    async def _lease(self, name: str) -> None:
        async def work(unit: Unit) -> None:
            before = await self._mine(unit, name)
            store.save(unit, domain.lease(before, self._holder, self._clock.now()))

        await self._store.transact(work)

    async def _freeze(self, name: str) -> bool:
        """Claims one block of ready labels; after the last one fixes the evidence."""

        async def work(unit: Unit) -> bool:
            before = await self._mine(unit, name)
            project = await self._project(unit, names.project_of(name), "name")
            until = before.until or before.create_time
            rows = await store.ready_labels(unit, project.name, until, project.block)
            now = self._clock.now()
            if not rows:
                return await self._end_freezing(unit, before, project)
            efforts = (row.get("effort", {}) for row in rows)
            total = work_stages.add(before.effort, efforts, project.trains)
            store.save(unit, domain.hold(before, rows, total, now))
            for row in rows:
                unit.put(store.LABELS, domain.moved(row, name))
            count_ready(unit, {project.name: -len(rows)})
            for shard, tasks in _by_shard(rows).items():
                message = events_pb2.LabelsFrozen(project=project.name, delivery=name, tasks=tasks)
                unit.emit(names.event_key(project.name, shard), message)
            return True

        return await self._store.transact(work)

    async def _end_freezing(self, unit: Unit, before: Delivery, project: Project) -> bool:
        now = self._clock.now()
        report = await unit.get(store.REPORTS, project.name) or {}
        if coverage.waits_for_report(before, report, now):
            return False
        looks = await store.looks_of(unit, project.name)
        gates = await store.gates_of(unit, project.name)
        models = await store.models_of(unit, project.name)
        counters = await unit.get(store.COUNTERS, project.name) or {}
        behind = evidence_of(models, gates, counters)
        evidence = {
            "quality": report,
            "gates": gates,
            "gate_history": history(looks),
            "story": story(looks),
            "unit_of_error": project.unit_of_error,
            "hourly_cost": project.hourly_cost,
            "per_class": per_class(before.promise, before.floored, gates),
            **behind,
        }
        if project.guideline_digest:
            told = evidence.get("versions", {})
            evidence["versions"] = {**told, "guideline_digest": project.guideline_digest}
        bound = coverage.bound_of(before.label_count, report)
        store.save(unit, domain.begin_writing(before, evidence, bound, now))
        unit.count(store.COUNTERS, project.name, {"promised": -before.promised})
        return True

    async def _write_part(self, delivery: Delivery) -> None:
        project = await self._project(self._store, names.project_of(delivery.name), "name")
        part = PartWriter(self._blobs, delivery, project)
        try:
            await asyncio.to_thread(part.open)
            await self._fill(part, delivery, project)
            written = await asyncio.to_thread(part.close)
        except BaseException as error:
            part.abort(error)
            raise

        async def work(unit: Unit) -> None:
            before = await self._mine(unit, delivery.name)
            if before.part_count != delivery.part_count:
                raise _Lost
            store.save(unit, domain.add_part(before, written, self._clock.now()))

        await self._store.transact(work)

    async def _fill(self, part: PartWriter, delivery: Delivery, project: Project) -> None:
        after, left = delivery.position, self._part_size
        started = self._clock.now()
        while left > 0:
            size = min(project.block, left)
            rows = await store.labels_of(self._store, delivery.holder, after, size)
            if not rows:
                break
            await asyncio.to_thread(part.add, rows)
            after, left = rows[-1]["name"], left - len(rows)
            if self._clock.now() - started > domain.LEASE / 2:
                await self._lease(delivery.name)
                started = self._clock.now()
        if after == delivery.position:
            raise RuntimeError(f"labels of {delivery.name} are missing in the store")

    async def _finish(self, delivery: Delivery) -> None:
        project = names.project_of(delivery.name)
        await self._check_edition(delivery)
        chain = await self._store.get(store.CHAINS, project)
        previous = chain and {k: chain[k] for k in ("delivery", "manifest_sha256")}
        contents = closing_files(delivery, previous, self._signer)
        await self._sweep(delivery.blob)
        for path, content in contents.items():
            await self._blobs.put(f"{delivery.blob}/{path}", content)
        files = listed_files(contents)
        digest = next(f.sha256 for f in files if f.path == "manifest.json")

        async def work(unit: Unit) -> None:
            before = await self._mine(unit, delivery.name)
            if await unit.get(store.CHAINS, project) != chain:
                # Another delivery of the project ended meanwhile: the manifest is made again.
                return
            after = domain.complete(before, files, self._clock.now())
            store.save(unit, after)
            version = chain["version"] + 1 if chain else 1
            link = {"delivery": delivery.name, "manifest_sha256": digest}
            unit.put(store.CHAINS, {"name": project, "version": version, **link})
            message = events_pb2.DeliveryCompleted(delivery=delivery_message(after))
            unit.emit(event_key(after), message)

        await self._store.transact(work)

    async def _check_edition(self, delivery: Delivery) -> None:
        """An edition holds the very labels of its delivery, none of which was let go meanwhile."""
        if not delivery.edition_of:
            return
        first = (await self._delivery(self._store, delivery.edition_of)).label_set_sha256
        # Of a delivery from before label sets were told there is nothing to compare.
        if first and first != delivery.label_set_sha256:
            raise RuntimeError(f"the labels of {delivery.edition_of} are others by now")

    async def _sweep(self, folder: str) -> None:
        """A killed process leaves half a file behind, which is no part of the delivery."""
        for path in await self._blobs.list(folder):
            if path.endswith(".part"):
                await self._blobs.delete(path)

    async def _release(self, name: str) -> None:
        """Lets go of one block of a rejected or failed delivery's labels."""

        async def work(unit: Unit) -> None:
            before = await self._delivery(unit, name)
            if not before.releasing:
                return
            project = await self._project(unit, names.project_of(name), "name")
            rows = await store.labels_of(unit, name, "", project.block)
            back = await self._returning(unit, before, rows)
            gone = {row["name"] for row in back}
            for row in rows:
                holder = RETURNED if row["name"] in gone else READY
                unit.put(store.LABELS, domain.moved(row, holder))
            count_ready(unit, {project.name: len(rows) - len(back)})
            if len(rows) < project.block:
                store.save(unit, domain.released(before, self._clock.now()))
            for shard, tasks in _by_shard(back).items():
                message = events_pb2.DeliveryRejected(
                    project=project.name,
                    delivery=delivery_message(before),
                    tasks=tasks,
                    reason=before.reason,
                )
                unit.emit(names.event_key(project.name, shard), message)

        await self._store.transact(work)

    async def _returning(self, unit: Unit, delivery: Delivery, rows: list[Doc]) -> list[Doc]:
        """Of these labels those that go back to work."""
        if delivery.state is not DeliveryState.REJECTED:
            return []
        rejection = await unit.get(store.REJECTIONS, delivery.name)
        named = set(rejection["tasks"]) if rejection else set()
        return [row for row in rows if not named or row["name"] in named]

    async def _wait(self, name: str, reason: str) -> None:
        """A part of ours is away or has no room: that is no failure of the delivery's."""
        log.warning("%s waits: %s", name, reason)

        async def work(unit: Unit) -> None:
            before = await self._mine(unit, name)
            store.save(
                unit, domain.pause(before, f"waits: {reason}", _AWAY_SECONDS, self._clock.now())
            )

        with suppress(_Lost):
            await self._store.transact(work)

    async def _stumble(self, name: str, reason: str) -> None:
        async def work(unit: Unit) -> None:
            before = await self._delivery(unit, name)
            if not before.open or not before.free_for(self._holder, self._clock.now()):
                return
            after = domain.stumble(before, reason, self._clock.now())
            store.save(unit, after)
            if after.state is DeliveryState.FAILED and before.state is not DeliveryState.WRITING:
                counter = names.project_of(name)
                unit.count(store.COUNTERS, counter, {"promised": -before.promised})

        await self._store.transact(work)

    async def _mine(self, unit: Unit, name: str) -> Delivery:
        delivery = await self._delivery(unit, name)
        if not delivery.open or not delivery.free_for(self._holder, self._clock.now()):
            raise _Lost
        return delivery

    async def _delivery(self, reader: Store | Unit, name: str) -> Delivery:
        found = await store.delivery_by_name(reader, name)
        if found is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        return found

    async def _project(self, reader: Store | Unit, name: str, field: str) -> Project:
        project = await store.project_by_name(reader, name)
        if project is None:
            raise NotFound(f"{name[:200]} was not found", field=field)
        return project


def count_ready(unit: Unit, ready: Mapping[str, int]) -> None:
    for project, count in ready.items():
        if count:
            unit.count(store.COUNTERS, project, {"ready": count})


def _by_shard(rows: Sequence[Doc]) -> dict[int, list[str]]:
    shards: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        shards[names.shard_of(row["name"])].append(row["name"])
    return shards


def event_key(delivery: Delivery) -> str:
    return names.event_key(names.project_of(delivery.name), 0)


def delivery_message(delivery: Delivery) -> delivery_pb2.Delivery:
    return to_message(delivery, delivery_pb2.Delivery)
