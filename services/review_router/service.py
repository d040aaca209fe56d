"""Use cases of review-router: gather what is known, decide in `domain.route`, tell."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from labelmill.review_router.v1 import events_pb2, review_router_pb2

from libs.common import names
from libs.common.codec import Doc, from_doc, to_message
from libs.common.errors import NotFound, OutOfTurn
from libs.common.store import Store, Unit, keep_newest
from services.review_router import store
from services.review_router.domain import Coins, Facts, Phase, Policy, Routing, route
from services.review_router.gates import Gate


class Router:
    """Stateless but for what it remembers of other services' events."""

    def __init__(self, store_: Store) -> None:
        self._store = store_

    async def remember_projects(self, docs: list[Doc]) -> None:
        await self._store.transact(lambda unit: keep_newest(unit, store.PROJECTS, docs))

    async def remember_gates(self, docs: list[Doc]) -> None:
        await self._store.transact(lambda unit: keep_newest(unit, store.GATES, docs))

    async def remember_phases(self, docs: list[Doc]) -> None:
        await self._store.transact(lambda unit: keep_newest(unit, store.PHASES, docs))

    async def remember_passing(self, gate: str, groups: Sequence[str]) -> None:
        """Keeps which groups of a gate's lot pass whole."""

        async def work(unit: Unit) -> None:
            for group in groups:
                unit.overwrite(store.PASSING, {"name": store.passing_name(gate, group)})

        await self._store.transact(work)

    async def route_all(self, project: str, all_facts: Sequence[Facts]) -> None:
        """Decides for every task and tells, shard by shard."""

        async def work(unit: Unit) -> None:
            policy, phase = await self._circumstances(unit, project)
            gates = await self._gates(unit, project, all_facts)
            secret = (await store.coin_secret(unit)).encode()
            shards: dict[int, list[Any]] = defaultdict(list)
            for facts in all_facts:
                gate = gates.get(_gate_name(project, facts.prediction), _NO_GATE)
                chance = coins(secret, facts.task, _lot_of(facts, gate), facts.group)
                routing = route(facts, policy, gate, phase, chance)
                message = to_message(routing, review_router_pb2.Routing)
                shards[names.shard_of(facts.task)].append(message)
            for shard, routings in shards.items():
                event = events_pb2.TasksRouted(project=project, routings=routings)
                unit.emit(names.event_key(project, shard), event)

        await self._store.transact(work)

    async def try_route(self, project: str, prediction: Doc | None) -> Routing:
        """How a task with this draft would be routed now; chance left out."""
        facts = Facts(
            task=f"{project}/tasks/try", task_version=0, prediction=prediction, again=True
        )
        try:
            policy, phase = await self._circumstances(self._store, project)
        except OutOfTurn as unknown:
            raise NotFound(f"{project[:200]} was not found", field="parent") from unknown
        gates = await self._gates(self._store, project, [facts])
        gate = gates.get(_gate_name(project, prediction), _NO_GATE)
        return route(facts, policy, gate, phase, Coins(1.0, 1.0, 1.0, 0.0))

    async def _circumstances(self, reader: Any, project: str) -> tuple[Policy, Phase]:
        doc, phase = await store.facts_of_project(reader, project)
        if doc is None:
            raise OutOfTurn(f"{project} is not known here yet")
        kept = doc["policy"]
        share = kept.get("audit_share") or 0.05
        people = kept.get("people_audit_share") or share
        policy = from_doc(Policy, {**kept, "audit_share": share, "people_audit_share": people})
        return policy, Phase(phase["phase"]) if phase else Phase.WARM_UP

    async def _gates(
        self, reader: Any, project: str, all_facts: Sequence[Facts]
    ) -> dict[str, Gate]:
        wanted = {_gate_name(project, facts.prediction) for facts in all_facts} - {""}
        found = await reader.get_many(store.GATES, sorted(wanted))
        groups = await self._passing(reader, project, all_facts, found)
        return {
            name: Gate(
                name=name,
                open=doc.get("state") == "OPEN",
                threshold=doc.get("threshold", 0.0),
                error_bound=doc.get("error_bound", 0.0),
                lot=doc.get("lot", 0),
                tie_breaker=doc.get("tie_breaker", 0.0),
                class_thresholds=doc.get("class_thresholds", {}),
                groups=frozenset(groups[name]),
            )
            for name, doc in found.items()
        }

    async def _passing(
        self, reader: Any, project: str, all_facts: Sequence[Facts], gates: dict[str, Doc]
    ) -> dict[str, set[str]]:
        """By gate the groups of these tasks that pass it. A verdict is told before its gate
        opens, so that a group that is not here does not pass."""
        asked: dict[str, tuple[str, str]] = {}
        for facts in all_facts:
            gate = _gate_name(project, facts.prediction) if facts.group else ""
            if gates.get(gate, {}).get("state") == "OPEN":
                asked[store.passing_name(gate, facts.group)] = (gate, facts.group)
        passing: dict[str, set[str]] = defaultdict(set)
        for name in await reader.get_many(store.PASSING, sorted(asked)) if asked else ():
            gate, group = asked[name]
            passing[gate].add(group)
        return passing


_NO_GATE = Gate()


def coins(secret: bytes, task: str, lot: str = "", group: str = "") -> Coins:
    """A task's coins: the same however often the event comes, unknown to everybody else.

    Those of a lot are fresh: they are drawn for its gate after its drafts were made, so that no
    model can have learnt from an earlier draw of the same coin. There all of a group have one
    coin and one place, as neighbours share their errors; the standing audit looks at items.
    """
    of_task, of_lot = _uniform(secret, task, 4), _uniform(secret, f"{lot}\x1f{task}", 3)
    if group:
        drawn, place = _uniform(secret, f"{lot}\x1fgroup\x1f{group}", 2)
        of_lot = [drawn, of_lot[1], place]
    return Coins(*of_task, *of_lot, *_uniform(secret, f"plant\x1f{task}", 1))


def _uniform(secret: bytes, what: str, count: int) -> list[float]:
    digest = hmac.digest(secret, what.encode(), hashlib.sha256)
    return [int.from_bytes(digest[i : i + 7]) / 2**56 for i in range(0, 7 * count, 7)]


def _lot_of(facts: Facts, gate: Gate) -> str:
    """The lot a task stands in, or was frozen in."""
    if facts.lot is not None:
        return f"{facts.lot.gate}/{facts.lot.number}"
    return f"{gate.name}/{gate.lot}" if gate.lot else ""


def _gate_name(project: str, prediction: Doc | None) -> str:
    if not prediction:
        return ""
    return f"{project}/gates/{prediction.get('model', '')}-{prediction.get('model_version', '')}"
