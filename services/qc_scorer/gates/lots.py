"""Use cases around lots: plan one, count what joins it, prove it, and watch what it let out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from labelmill.annotation.v1 import annotation_pb2
from labelmill.qc_scorer.v1 import events_pb2, qc_scorer_pb2

from libs.common import names
from libs.common.clock import Clock
from libs.common.codec import Doc, doc_to_message, time_text
from libs.common.errors import NotFound, OutOfTurn
from libs.common.retry import eventually
from libs.common.store import Store, Unit
from services.qc_scorer import domain, store
from services.qc_scorer.domain import GateState, Project
from services.qc_scorer.gates import cluster_lots, lot_proof, planner, risk_budget
from services.qc_scorer.gates.lot_proof import Curve
from services.qc_scorer.gates.risk_budget import Terms

MOST_HISTORY = 200


class Lots:
    """The part of the scorer that judges frozen lots; `QcScorer` adds streams and people."""

    def __init__(self, store_: Store, clock: Clock) -> None:
        self._store, self._clock = store_, clock

    async def plan_lot(self, project_name: str, evaluation: Doc) -> None:
        """Decides what follows a candidate's evaluation (document of `trainer.v1.Evaluation`)."""

        async def work(unit: Unit) -> None:
            project = await self._project(unit, project_name)
            ledger = await store.ledger_of(unit, project_name)
            if evaluation["version"]["version"] in ledger.get("planned", []):
                return
            curve = _curve(evaluation)
            sizes = await cluster_lots.sizes_of(unit, project_name, int(evaluation["task_count"]))
            forecast = _forecast(project, evaluation, curve, ledger, sizes, self._now())
            planned = events_pb2.LotPlanned(
                project=project_name,
                model=evaluation["version"]["model"],
                model_version=evaluation["version"]["version"],
            )
            self._decide(unit, project, ledger, curve, evaluation, sizes, planned, forecast)
            planned.forecast.CopyFrom(doc_to_message(forecast, qc_scorer_pb2.Forecast))
            unit.overwrite(store.FORECASTS, {**forecast, "name": project_name})
            unit.emit(names.event_key(project_name, 0), planned)

        await self._store.transact(work)

    def _decide(
        self,
        unit: Unit,
        project: Project,
        ledger: Doc,
        curve: Curve,
        evaluation: Doc,
        sizes: Sequence[int],
        planned: Any,
        forecast: Doc,
    ) -> None:
        """Fills `planned` and `forecast`; a lot that begins is in the ledger from then on."""
        number = ledger["lots"] + 1
        terms = risk_budget.terms_of(project, ledger, number)
        now = planner.Circumstances(
            target=terms.target,
            alpha=terms.alpha,
            size=int(evaluation["task_count"]),
            labelled=int(evaluation["version"]["label_count"]),
            spent=ledger["spent"],
            miss=terms.miss,
            history=[(n, errors) for n, errors in ledger.get("history", [])],
        )
        decision = domain.decide(project, curve, now)
        planned.decision, planned.reason = decision.what, decision.reason
        planned.batch_size, planned.unreachable = decision.batch, decision.unreachable
        forecast |= {"decision": decision.what, "reason": decision.reason}
        again = decision.what == planner.LEARN
        history = [*now.history, (now.labelled, float(curve.errors[-1]))] if again else []
        version = evaluation["version"]["version"]
        ledger = {**ledger, "history": history, "planned": [*ledger["planned"], version][-50:]}
        if decision.what == planner.CERTIFY:
            ledger |= {"lots": number, "risk": ledger.get("risk", 0.0) + terms.risk}
            rate = cluster_lots.rate(curve, terms, now.size, now.spent, sizes, decision.plan.rate)
            doc = self._begin(unit, project, evaluation["version"], number, rate, terms)
            planned.lot.CopyFrom(
                annotation_pb2.Lot(gate=doc["name"], number=number, audit_rate=rate)
            )
        unit.overwrite(store.LEDGERS, ledger)

    def _begin(
        self,
        unit: Unit,
        project: Project,
        version: Doc,
        number: int,
        rate: float,
        terms: Terms,
    ) -> Doc:
        doc = {
            "name": f"{project.name}/gates/{version['model']}-{version['version']}",
            "project": project.name,
            "model": version["model"],
            "model_version": version["version"],
            "state": GateState.PROVING.value,
            "threshold": 1.0,
            "error_bound": 1.0,
            "lot": number,
            "audit_rate": rate,
            "confidence": 1.0 - terms.alpha,
            "max_error_rate": project.max_error_rate,
            "terms": asdict(terms),
            "reason": f"lot {number} is being frozen; {rate:.2%} of it will be drawn as proof",
        }
        return self._tell_gate(unit, doc)

    def _tell_gate(self, unit: Unit, doc: Doc) -> Doc:
        """Keeps the gate's next version and emits it."""
        doc = {**doc, "version": doc.get("version", 0) + 1, "update_time": self._now()}
        point = {k: doc.get(k) for k in ("update_time", "state", "error_bound", "reason")}
        doc["history"] = [*doc.get("history", []), point][-MOST_HISTORY:]
        unit.overwrite(store.GATES, doc)
        event = events_pb2.GateUpdated(gate=doc_to_message(doc, qc_scorer_pb2.Gate))
        unit.emit(names.event_key(doc["project"], 0), event)
        return doc

    async def remember_groups(self, project: str, sizes: Mapping[str, int]) -> None:
        """So many more items of each scene, clip or document came in: what plans are made for."""
        await self._store.transact(lambda unit: cluster_lots.grow(unit, project, sizes))

    async def join(self, project_name: str, routings: Sequence[Doc]) -> None:
        """Counts what was routed in a lot and notes the draws (documents of `Routing`)."""

        async def work(unit: Unit) -> None:
            project = await self._project(unit, project_name)
            groups: dict[str, list[Doc]] = defaultdict(list)
            for routing in routings:
                groups[routing["gate"]].append(routing)
            for name, group in groups.items():
                await self._join(unit, project, name, group)

        await self._store.transact(work)

    async def _join(self, unit: Unit, project: Project, name: str, group: Sequence[Doc]) -> None:
        doc = await unit.get(store.GATES, name)
        if doc is None:
            raise OutOfTurn(f"{name} is not known here yet")
        standing = doc["state"] == GateState.OPEN.value
        known = await unit.get_many(store.EVIDENCE, [r["task"] for r in group])
        rows = [
            _row(name, r, standing=standing)
            for r in group
            if r.get("sampled") and r["task"] not in known
        ]
        unit.insert(store.EVIDENCE, rows)
        if standing:
            return
        await self._count_joined(unit, project, name, group, len(rows))
        await self._prove(unit, project, name, doc)

    async def _count_joined(
        self, unit: Unit, project: Project, name: str, group: Sequence[Doc], drawn: int
    ) -> None:
        joined = await unit.get(store.JOINED, name) or {"name": name, "count": 0, "drawn": 0}
        counts = {"count": joined["count"] + len(group), "drawn": joined["drawn"] + drawn}
        if grouped := cluster_lots.keep(unit, name, group):
            counts["grouped"] = joined.get("grouped", 0) + grouped
        unit.overwrite(store.JOINED, {**joined, **counts})
        if project.class_error_limits:
            drafts = [r["prediction"] for r in group if "prediction" in r]
            scores = [[domain.class_of(draft), draft.get("score", 0.0)] for draft in drafts]
            row = {"name": f"{name}/scores/{names.new_id()}", "gate": name, "scores": scores}
            unit.insert(store.SCORES, [row])

    async def freeze(self, project_name: str, lot: Doc, count: int, total: int) -> None:
        """Everything of the lot was offered: `count` tasks of a project of `total`."""

        async def work(unit: Unit) -> None:
            project = await self._project(unit, project_name)
            doc = await unit.get(store.GATES, lot["gate"])
            if doc is None:
                raise OutOfTurn(f"{lot['gate']} is not known here yet")
            if doc.get("frozen"):
                return
            ledger = await store.ledger_of(unit, project_name)
            terms = risk_budget.at_freeze(Terms(**doc["terms"]), project)
            forbidden = lot_proof.forbidden_errors(terms.target, total, ledger["spent"])
            doc |= {"frozen": True, "lot_size": count, "size": total, "forbidden": forbidden}
            doc |= {"terms": asdict(terms)}
            unit.overwrite(store.GATES, doc)
            await self._prove(unit, project, lot["gate"], doc)

        await self._store.transact(work)

    async def settle_draws(self, unit: Unit, project: Project, tasks: Sequence[Doc]) -> None:
        """Blind labels of drawn tasks have come: is the proof done, is the promise broken?"""
        groups: dict[str, list[Doc]] = defaultdict(list)
        for task in tasks:
            groups[domain.gate_name(project.name, task["prediction"])].append(task)
        for name, group in groups.items():
            known = await unit.get_many(store.EVIDENCE, [t["name"] for t in group])
            for task in group:
                row = known.get(task["name"])
                if row is None:
                    raise OutOfTurn(f"{task['name']} was not seen joining its lot yet")
                wrong = domain.draft_was_wrong(task, project)
                unit.overwrite(store.EVIDENCE, {**row, "pending": False, "wrong": wrong})
                known[task["name"]] = {**row, "pending": False, "wrong": wrong}
            doc = await unit.get(store.GATES, name)
            if doc is not None:
                await self._prove(unit, project, name, doc, known)
                await self._watch(unit, project, name, doc, known)

    async def _prove(
        self,
        unit: Unit,
        project: Project,
        name: str,
        doc: Doc,
        fresh: dict[str, Doc] | None = None,
    ) -> None:
        """The gate's verdict, once the lot is whole and its draws say enough."""
        joined = await unit.get(store.JOINED, name) or {"count": 0, "drawn": 0}
        whole = doc.get("frozen") and joined["count"] >= doc["lot_size"]
        if doc["state"] != GateState.PROVING.value or not whole:
            return
        found = (await store.evidence_of(unit, name) | (fresh or {})).values()
        rows = [row for row in found if not row.get("standing")]
        if len(rows) < joined["drawn"]:
            raise OutOfTurn(f"{name}: {len(rows)} of {joined['drawn']} draws are here yet")
        if joined.get("grouped"):
            proven = await cluster_lots.prove(unit, project, doc, joined, rows)
        else:
            proven = await self._prove_items(unit, project, doc, rows)
        if proven is not None:
            ledger = await store.ledger_of(unit, project.name)
            spent = ledger["spent"] + proven["bound_count"]
            unit.overwrite(store.LEDGERS, {**ledger, "spent": spent})
            self._tell_gate(unit, proven)

    async def _prove_items(
        self, unit: Unit, project: Project, doc: Doc, rows: Sequence[Doc]
    ) -> Doc | None:
        """The gate after the proof; None while its draws do not say enough."""
        draws = [domain.draw_of(row) for row in rows]
        terms = Terms(**doc["terms"])
        rate = doc["audit_rate"] * (1.0 - terms.miss)
        proof = lot_proof.prove(draws, rate, doc["forbidden"], terms.alpha)
        if not proof.done:
            return None
        floors = await self._class_thresholds(unit, terms, doc, rows)
        passes = domain.passes_any(proof, draws)
        bound = min(proof.bound, doc["lot_size"]) if passes else 0
        return domain.proven(doc, project, proof, len(draws), bound, floors)

    async def _class_thresholds(
        self, unit: Unit, terms: Terms, doc: Doc, rows: Sequence[Doc]
    ) -> dict[str, float]:
        if not terms.floors:
            return {}
        chunks = await store.scores_of(unit, doc["name"])
        return {
            name: domain.floor_threshold(
                sorted((s for c, s in chunks if c == name), reverse=True),
                [r for r in rows if r.get("class") == name],
                floor,
                terms.floor_alpha,
            )
            for name, floor in terms.floors.items()
        }

    async def _watch(
        self, unit: Unit, project: Project, name: str, doc: Doc, fresh: dict[str, Doc]
    ) -> None:
        """The standing audit: breach closes the gate for good and recalls what it let out."""
        seen = [r for r in fresh.values() if r.get("standing") and not r["pending"]]
        if doc["state"] != GateState.OPEN.value or not seen:
            return
        watched = domain.watched(doc, project, [bool(r["wrong"]) for r in seen])
        if watched["state"] == GateState.BREACHED.value:
            self._tell_gate(unit, watched)
            self._recall(unit, watched)
        else:
            unit.overwrite(store.GATES, watched)

    def _recall(self, unit: Unit, doc: Doc) -> None:
        """What the gate let out goes back to people."""
        told = {"project": doc["project"], "gate": doc["name"], "reason": doc["reason"]}
        unit.emit(names.event_key(doc["project"], 0), events_pb2.LabelsRecalled(**told))

    async def forecast(self, name: str) -> Doc:
        """What promises would cost now; before the first evaluation the least they can."""
        project = await eventually(lambda: store.project_by_name(self._store, name))
        if project is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        doc = await self._store.get(store.FORECASTS, name)
        if doc is None:
            ledger = await store.ledger_of(self._store, name)
            return {**risk_budget.before_any_model(project, ledger), "update_time": self._now()}
        return doc

    async def _project(self, unit: Unit, name: str) -> Project:
        """The project an event names; `OutOfTurn` where the event came too early."""
        project = await store.project_by_name(unit, name)
        if project is None:
            raise OutOfTurn(f"{name} is not known here yet")
        return project

    def _now(self) -> str:
        return time_text(self._clock.now())


def _curve(evaluation: Doc) -> Curve:
    told = evaluation.get("curve", {})
    counts, errors = told.get("counts", []), told.get("errors", [])
    return Curve(np.array([0, *counts], np.int64), np.array([0.0, *errors]))


def _row(name: str, routing: Doc, *, standing: bool) -> Doc:
    draft = routing["prediction"]
    group = {"group": routing["group"]} if routing.get("group") else {}
    return {
        **group,
        "name": routing["task"],
        "gate": name,
        "pending": True,
        "wrong": True,
        "score": draft.get("score", 0.0),
        "tie_breaker": routing.get("tie_breaker", 0.0),
        "class": domain.class_of(draft),
        "standing": standing,
        "time": "",
    }


def _forecast(
    project: Project,
    evaluation: Doc,
    curve: Curve,
    ledger: Doc,
    sizes: Sequence[int],
    now: str,
) -> Doc:
    """The price list as the newest model sees the waiting items."""
    alpha = risk_budget.terms_of(project, ledger, ledger["lots"] + 1).alpha
    size = int(evaluation["task_count"])
    share = project.gate_target / project.max_error_rate if project.max_error_rate else 1.0
    targets = sorted({*planner.TARGETS, project.max_error_rate} - {0.0})
    told = (curve, [t * share for t in targets], size, alpha, sizes)
    plans = cluster_lots.prices(*told, spent=ledger["spent"], miss=project.miss_rate)
    prices = [
        {
            "max_error_rate": target,
            "human_count": plan.human,
            "machine_count": plan.passing - plan.audited,
            "audit_rate": plan.rate,
        }
        for target, plan in zip(targets, plans, strict=True)
    ]
    version = evaluation["version"]
    error = version.get("calibration_error", 0.0)
    return {
        "project": project.name,
        "model": version["model"],
        "model_version": version["version"],
        "task_count": size,
        "label_count": int(version.get("label_count", 0)),
        "prices": prices,
        "reliability": evaluation.get("reliability", []),
        "calibration_error": error if math.isfinite(error) else 1.0,
        "update_time": now,
    }
