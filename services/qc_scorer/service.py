"""Use cases of the scorer: score tasks, keep skills, look at gates, measure quality."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from labelmill.qc_scorer.v1 import events_pb2, qc_scorer_pb2

from libs.common import names
from libs.common.codec import Doc, doc_to_message, time_text, to_doc, to_message
from libs.common.errors import OutOfTurn
from libs.common.store import Unit, keep_newest
from libs.common.upgrades import mark_each
from services.qc_scorer import composite_report, domain, store
from services.qc_scorer.domain import Project
from services.qc_scorer.gates import risk_budget, stream
from services.qc_scorer.review import accepted_labels
from services.qc_scorer.review.service import Checkup
from services.qc_scorer.submission_check import conformal
from services.qc_scorer.submission_check.service import Checks
from services.qc_scorer.truth.service import Inference

Scored = tuple[Any, Doc]


class QcScorer(Checkup, Checks, Inference):
    """Agreement, skill, gates over streams and audits; lots are in `lots.py`."""

    async def remember_projects(self, projects: Sequence[Project]) -> None:
        """Keeps projects; gates that a stricter promise finds open close."""

        async def work(unit: Unit) -> None:
            await keep_newest(unit, store.PROJECTS, [to_doc(project) for project in projects])
            for project in projects:
                if await store.project_by_name(unit, project.name) == project:
                    store.count_quality(unit, project.name, {"promises": 1})
                    await self._close_outdated(unit, project)

        await self._store.transact(work)

    async def _close_outdated(self, unit: Unit, project: Project) -> None:
        for doc in await store.gates_of(unit, project.name):
            if closed := risk_budget.outdated(doc, project):
                self._tell_gate(unit, closed)

    async def remember_gold(self, answers: dict[str, Doc]) -> None:
        """Known answers by task name: `value`, and `item`, which content it is the answer to."""

        async def work(unit: Unit) -> None:
            for name, known in answers.items():
                unit.overwrite(store.GOLD, {"name": name, **known})

        await self._store.transact(work)

    async def score(self, project_name: str, tasks: Sequence[Scored]) -> None:
        """Scores tasks (message, document) that have all their opinions or a verdict."""

        async def work(unit: Unit) -> None:
            project = await self._project(unit, project_name)
            shards: dict[int, list[Any]] = defaultdict(list)
            sampled: list[Doc] = []
            checks = await self.check(unit, project, [doc for _, doc in tasks])
            believed = await self.believe(unit, project, [doc for _, doc in tasks])
            for (message, doc), score in zip(tasks, believed, strict=True):
                result = replace(score, check=checks.get(message.name))
                result = accepted_labels.under_review(result, doc, project)
                if _is_sampled(doc) and not _in_lot(doc):
                    sampled.append(doc)
                scored = events_pb2.ScoredTask(
                    task=message, score=to_message(result, qc_scorer_pb2.Score)
                )
                shards[names.shard_of(message.name)].append(scored)
            for shard, group in shards.items():
                event = events_pb2.TasksScored(project=project_name, tasks=group)
                unit.emit(names.event_key(project_name, shard), event)
            await self._draw(unit, project, sampled)

        await self._store.transact(work)

    async def count_accepted(
        self, project_name: str, machine: int, human: Sequence[Doc], lots: int = 0
    ) -> None:
        """Accepted tasks: machine labels (`lots` of them out of lots) are counted, people's are
        also evidence."""

        async def work(unit: Unit) -> None:
            project = await self._project(unit, project_name)
            seen = await unit.get_many(store.SCORED, [t["name"] for t in human])
            fresh = [t for t in human if t["name"] not in seen]
            audits = await self.audits(unit, project, fresh)
            made = {t["name"]: composite_report.counts(t, project) for t in human}
            _keep_scored(unit, made, seen, await self.learn(unit, project, fresh))
            store.count_quality(
                unit,
                project_name,
                {
                    "machine": machine - sum(map(accepted_labels.was_machine, fresh)),
                    "lots": lots - sum(map(accepted_labels.was_in_lot, fresh)),
                    "human": len(fresh),
                    "audits": len(audits),
                    "audit_errors": sum(audits),
                    "verified": sum(domain.verified(t) for t in fresh),
                    **composite_report.moved(made, seen),
                },
            )
            await self._count_people(unit, project, fresh)
            evidence = [t for t in fresh if _is_sampled(t) and t.get("label")]
            self._tell_compared(unit, project, evidence)
            await self._weigh(unit, project, [t for t in evidence if not _in_lot(t)])
            await self.settle_draws(unit, project, [t for t in evidence if _in_lot(t)])
            await self.settle_checks(unit, project, fresh)

        await self._store.transact(work)

    def _tell_compared(self, unit: Unit, project: Project, evidence: Sequence[Doc]) -> None:
        """Only the blind sample says what a prediction is worth: who saw it leans on it."""
        if evidence:
            wrong = sum(domain.draft_was_wrong(task, project) for task in evidence)
            event = events_pb2.PredictionsCompared(
                project=project.name,
                compared_count=len(evidence),
                equal_count=len(evidence) - wrong,
            )
            unit.emit(names.event_key(project.name, 0), event)

    async def cancel(self, project_name: str, tasks: Sequence[Doc]) -> None:
        """Evidence that a manager took out of the line settles: proofs must not wait for it."""

        async def work(unit: Unit) -> None:
            project = await self._project(unit, project_name)
            evidence = [t for t in tasks if _is_sampled(t)]
            known = await unit.get_many(store.EVIDENCE, [t["name"] for t in evidence])
            if any(_in_lot(t) and t["name"] not in known for t in evidence):
                raise OutOfTurn(f"{project_name}: a drawn task was not seen joining its lot yet")
            pending = {name for name, row in known.items() if row["pending"]}
            waited = [t for t in evidence if t["name"] in pending]
            await self._weigh(unit, project, [t for t in waited if not _in_lot(t)])
            await self.settle_draws(unit, project, [t for t in waited if _in_lot(t)])

        await self._store.transact(work)

    async def _draw(self, unit: Unit, project: Project, sampled: Sequence[Doc]) -> None:
        """Notes sampled tasks in the order they were scored. Hard ones settle late: evidence
        counts in this order, so that a sample of what settled first cannot flatter a model."""
        known = await unit.get_many(store.EVIDENCE, [t["name"] for t in sampled])
        now = time_text(self._clock.now())
        for task in sampled:
            if task["name"] not in known:
                gate = domain.gate_name(project.name, task["prediction"])
                row = {"name": task["name"], "gate": gate, "time": now, "pending": True}
                row |= {"score": task["prediction"].get("score", 0.0), "wrong": True}
                unit.overwrite(store.EVIDENCE, row)

    async def _weigh(self, unit: Unit, project: Project, settled: Sequence[Doc]) -> None:
        """Settles evidence and looks at the gates whose sample reached the next size."""
        by_gate: dict[str, list[Doc]] = defaultdict(list)
        for task in settled:
            by_gate[domain.gate_name(project.name, task["prediction"])].append(task)
        for name, tasks in by_gate.items():
            await self._weigh_gate(unit, project, name, tasks)

    async def _weigh_gate(
        self, unit: Unit, project: Project, name: str, tasks: Sequence[Doc]
    ) -> None:
        now = time_text(self._clock.now())
        known = await unit.get_many(store.EVIDENCE, [t["name"] for t in tasks])
        rows = {
            t["name"]: {
                "name": t["name"],
                "gate": name,
                "pending": False,
                "time": known.get(t["name"], {}).get("time", now),
                "score": t["prediction"].get("score", 0.0),
                "wrong": domain.draft_was_wrong(t, project),
            }
            for t in tasks
        }
        for row in rows.values():
            unit.overwrite(store.EVIDENCE, row)
        doc = await unit.get(store.GATES, name)
        if doc is None:
            before = [g for g in await store.gates_of(unit, project.name) if not g.get("lot")]
            doc = _new_gate(name, project.name, tasks[0]["prediction"], len(before) + 1)
        again = sum(not k["pending"] for k in known.values())
        doc = {**doc, "evidence_count": doc.get("evidence_count", 0) + len(rows) - again}
        looked = None
        due = stream.looks_due(doc["evidence_count"], project, doc.get("number", 1))
        if due > doc.get("analysis_count", 0):
            evidence = await store.evidence_of(unit, name) | rows
            looked = stream.look(doc, stream.settled_first(evidence.values()), project)
        if looked is None:
            unit.overwrite(store.GATES, doc)
            return
        risk = doc.get("risk", 0.0) + 1.0 - looked["confidence"]
        emitted = self._tell_gate(unit, {**looked, "risk": risk})
        if emitted["state"] == domain.GateState.BREACHED.value:
            self._recall(unit, emitted)

    async def mark_known(self) -> None:
        """Does everything that timers do for every project that an earlier release left, once."""

        def mark(unit: Unit, project: Doc) -> None:
            for kind in store.Due:
                store.mark(unit, kind, project["name"])

        await mark_each(self._store, "due", store.PROJECTS, mark)

    async def tell_quality(self) -> None:
        """Emits a report for every project whose counts, or its parts', moved since the last."""
        of_parts: set[str] = set()
        emitted: set[str] = set()

        async def tell(name: str) -> None:
            if await self._tell(name):
                emitted.add(name)
            project = await store.project_by_name(self._store, name)
            if project is not None and project.parent_project:
                of_parts.add(project.parent_project)

        await store.each_due(self._store, store.Due.QUALITY, tell)
        for name in sorted(of_parts - emitted):
            await self._tell(name, always=True)

    async def _tell(self, project_name: str, always: bool = False) -> bool:
        """Was a report emitted?"""

        async def work(unit: Unit) -> bool:
            counters = await unit.get(store.QUALITY, project_name)
            project = await store.project_by_name(unit, project_name)
            if counters is None or project is None or not (always or _moved(counters)):
                return False
            report = await self._report(unit, project, counters)
            unit.count(store.QUALITY, project_name, _told(counters))
            event = events_pb2.QualityUpdated(
                report=doc_to_message(report, qc_scorer_pb2.QualityReport)
            )
            unit.emit(names.event_key(project_name, 0), event)
            return True

        return await self._store.transact(work)

    async def gates(self, project: str) -> list[Doc]:
        await self._known(project)
        return sorted(
            await store.gates_of(self._store, project),
            key=lambda g: g.get("update_time", ""),
            reverse=True,
        )

    async def quality(self, name: str) -> Doc:
        project = await self._known(name)
        counters = await self._store.get(store.QUALITY, name) or {}
        return await self._report(self._store, project, counters)

    async def _report(self, reader: Any, project: Project, counters: Doc) -> Doc:
        """Measured quality, at the confidence that what was spent of the risk still allows."""
        gates = await store.gates_of(reader, project.name)
        ledger = await store.ledger_of(reader, project.name)
        granted = risk_budget.errors_granted(gates, project)
        report = domain.quality(project, counters, risk_budget.stream_bound(gates), granted)
        spent = risk_budget.risk_spent(gates, ledger)
        if project.check_false_alarm:
            report["correction"] = conformal.report(counters)
        if estimate := await self.estimated(reader, project):
            report["estimated_error"] = estimate
        method = await self.truth_method(reader, project)
        confidence = risk_budget.confidence(project, spent)
        report |= {"confidence": confidence, "truth_method": method}
        if not project.parts:
            return report
        return composite_report.report(report, await self._of_parts(reader, project), counters)

    async def _of_parts(self, reader: Any, project: Project) -> list[Doc]:
        """Reports of the projects that work the parts; one not known yet proves nothing."""
        made = []
        for name in project.parts:
            part = await store.project_by_name(reader, name)
            counters = await reader.get(store.QUALITY, name) or {}
            part = part or replace(project, name=name, parts=(), parent_project=project.name)
            made.append(await self._report(reader, part, counters))
        return made


def _keep_scored(
    unit: Unit,
    made: Mapping[str, Mapping[str, int]],
    seen: Mapping[str, Doc],
    rows: Sequence[Doc],
) -> None:
    """Rows of tasks accepted for the first time; of wholes, what they are made of now."""
    unit.insert(store.SCORED, [{**row, **made[row["name"]]} for row in rows])
    for name, row in seen.items():
        if made[name]:
            unit.put(store.SCORED, {**row, **made[name], "version": row["version"] + 1})


def _is_sampled(task: Doc) -> bool:
    return bool(task.get("sampled") and task.get("prediction"))


def _in_lot(task: Doc) -> bool:
    return bool(task["prediction"].get("lot"))


def _new_gate(name: str, project: str, prediction: Doc, number: int) -> Doc:
    """`number`: 1, 2, ... of the model versions whose stream the project has judged."""
    return {
        "name": name,
        "project": project,
        "number": number,
        "model": prediction["model"],
        "model_version": prediction.get("model_version", ""),
        "state": "CLOSED",
        "threshold": 1.0,
        "error_bound": 1.0,
        "reason": "not enough evidence yet",
    }


def _moved(counters: Doc) -> bool:
    return any(counters.get(k, 0) != counters.get(f"told_{k}", 0) for k in _TOLD)


def _told(counters: Doc) -> dict[str, float]:
    return {f"told_{k}": counters.get(k, 0) - counters.get(f"told_{k}", 0) for k in _TOLD}


_TOLD = (
    *("promises", "machine", "human", "verified", "audits", "audit_errors", "judged"),
    *composite_report.COUNTS,
)
