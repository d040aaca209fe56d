"""Use cases around a second look: which accepted labels are risky, what their reviews say, and
how a delivery is to be accepted.

What risk needs is kept in chunks, one document per heard batch and shard, until the labels are
delivered: so it costs little per label and does not grow with what went out long ago.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np
from labelmill.qc_scorer.v1 import events_pb2

from libs.common import names
from libs.common.codec import Doc
from libs.common.errors import Invalid, OutOfTurn
from libs.common.paging import not_a_token
from libs.common.store import Reader, Unit
from services.qc_scorer import domain, store
from services.qc_scorer.annotators.service import Crew
from services.qc_scorer.domain import GateState, Project
from services.qc_scorer.review import acceptance_sampling, accepted_labels, risk
from services.qc_scorer.review.accepted_labels import Row

# Rows of one document; each is cut from the riskiest of its batch on.
CHUNK = 250
# As deep as a list of risks can be paged: what lies below is better sampled.
MOST_LISTED = 2000
_PLACE = re.compile(r"[1-9][0-9]{0,8}")
# Reviews asked for come after draws of proofs, before everything else.
PRIORITY = 2.0
# An estimate waits until this part of its sample was judged, so that what is judged first
# does not stand for the rest.
JUDGED_SHARE = 0.95
BETTER_PART, PRODUCER_RISK = 0.25, 0.1
# Error rates and risks below it are told from none by no sample.
LEAST_TOLD = 1e-6
SEQUENTIAL_ERRORS = 60
_FORGET_BLOCK = 100
WAITING, RIGHT, WRONG, REFUSED = "WAITING", "RIGHT", "WRONG", "REFUSED"


class Checkup(Crew):
    """The part of the scorer that doubts what was accepted."""

    # -- what is heard ------------------------------------------------------------------------

    async def keep_risks(
        self, project_name: str, machine: Sequence[Row], people: Sequence[Doc]
    ) -> None:
        """Notes accepted labels: rows of machine labels, task documents of people's. Those that
        were asked for as a review settle it."""

        async def work(unit: Unit) -> None:
            project = await self._project(unit, project_name)
            skills = await self._skills(unit, project, people)
            rows = [*machine, *(accepted_labels.row_of(t, project, skills) for t in people)]
            self._keep(unit, project, rows)
            await self._settle_reviews(unit, project, people)

        await self._store.transact(work)

    def _keep(self, unit: Unit, project: Project, rows: Sequence[Row]) -> None:
        gates: dict[str, list[Row]] = {}
        for row in rows:
            gates.setdefault(row.gate, []).append(row)
        for gate, group in gates.items():
            score = accepted_labels.scores(group)
            order = np.argsort(-score, kind="stable").tolist()
            for start in range(0, len(order), CHUNK):
                part = order[start : start + CHUNK]
                doc = {
                    "name": f"{project.name}/risks/{names.new_id()}",
                    "project": project.name,
                    "gate": gate,
                    "time": self._now(),
                    "top": float(score[part[0]]),
                    "total": float(score[part].sum()),
                    "rows": [accepted_labels.packed(group[i], float(score[i])) for i in part],
                }
                unit.insert(store.RISKS, [doc])

    async def _skills(self, unit: Unit, project: Project, tasks: Sequence[Doc]) -> dict[str, float]:
        people = sorted({a["annotator"] for t in tasks for a in domain.counted(t)})
        known = await store.people_named(unit, project.name, people)
        return {
            who: risk.accuracy(
                *(doc.get(k, 0.0) for k in ("gold_correct", "gold", "agreeing", "compared"))
            )
            for who, doc in known.items()
        }

    async def _settle_reviews(self, unit: Unit, project: Project, tasks: Sequence[Doc]) -> None:
        again = [t for t in tasks if t.get("earlier_labels")]
        known = await unit.get_many(store.REVIEWS, [t["name"] for t in again])
        judged = 0
        for task in again:
            row = known.get(task["name"])
            if row is not None and row["outcome"] == WAITING:
                wrong = accepted_labels.was_wrong(task, project)
                unit.overwrite(store.REVIEWS, {**row, "outcome": WRONG if wrong else RIGHT})
                judged += 1
        if judged:
            store.count_quality(unit, project.name, {"judged": judged})

    async def withdraw(self, versions: dict[str, int]) -> None:
        """Labels of these tasks below these versions are back in work."""

        async def work(unit: Unit) -> None:
            for name, version in versions.items():
                unit.overwrite(store.WITHDRAWN, {"name": name, "task_version": version})

        await self._store.transact(work)

    async def refuse_reviews(self, project: str, request: str, tasks: Sequence[str]) -> None:
        """These labels cannot be reviewed any more, for one request or (without a name) for any:
        they are no part of the sample."""

        async def work(unit: Unit) -> None:
            known = await unit.get_many(store.REVIEWS, tasks)
            for row in known.values():
                if request in ("", row["request"]) and row["outcome"] == WAITING:
                    unit.overwrite(store.REVIEWS, {**row, "outcome": REFUSED})
            store.count_quality(unit, project, {"judged": len(known)})

        await self._store.transact(work)

    async def note_delivery(self, project: str, delivery: str, state: str, until: str) -> None:
        """What was accepted until then has gone out; a rejection is one more attempt, and an
        acceptance begins anew."""

        async def work(unit: Unit) -> None:
            doc = await unit.get(store.ATTEMPTS, project) or {"name": project, "rejected": []}
            doc = {**doc, "until": max(doc.get("until", ""), until)}
            if state == "REJECTED" and delivery not in doc["rejected"]:
                doc["rejected"] = [*doc["rejected"], delivery]
            elif state == "ACCEPTED":
                doc["rejected"] = []
            unit.overwrite(store.ATTEMPTS, doc)
            store.mark(unit, store.Due.DELIVERED, project)

        await self._store.transact(work)

    async def forget_delivered(self) -> None:
        """Drops one block of chunks of every project whose labels went out."""
        await store.each_due(self._store, store.Due.DELIVERED, self._forget_delivered)

    async def _forget_delivered(self, project: str) -> None:
        doc = await self._store.get(store.ATTEMPTS, project)
        if doc is not None and doc.get("until"):
            await self._forget_risks(project, doc["until"])

    async def _forget_risks(self, project: str, until: str) -> None:
        async def work(unit: Unit) -> None:
            chunks = await store.risks_until(unit, project, until, _FORGET_BLOCK)
            gone = [row[0] for chunk in chunks for row in chunk["rows"]]
            if len(chunks) == _FORGET_BLOCK:
                store.mark(unit, store.Due.DELIVERED, project)
            unit.delete(store.RISKS, [chunk["name"] for chunk in chunks])
            unit.delete(store.WITHDRAWN, [f"{project}/tasks/{task}" for task in gone])

        await self._store.transact(work)

    # -- questions ----------------------------------------------------------------------------

    async def risks(self, parent: str, size: int, after: str) -> tuple[list[Doc], str]:
        """(the riskiest labels from a place on, the place of the next page)."""
        await self._known(parent)
        start = int(after) if _PLACE.fullmatch(after) else 0
        if after and not start:
            raise not_a_token()
        wanted = min(MOST_LISTED, start + size)
        found = await self._riskiest(self._store, parent, wanted + 1)
        shown = [accepted_labels.shown(parent, row) for row in found[start:wanted]]
        more = len(found) > wanted and wanted < MOST_LISTED
        return shown, str(wanted) if more else ""

    async def _riskiest(self, reader: Reader | Unit, project: str, count: int) -> list[list[Any]]:
        """Packed rows, riskiest first. Chunks come by their riskiest row, so that few are read."""
        best: list[tuple[float, str, list[Any]]] = []
        closed = await self._closed_gates(reader, project)
        async for chunk in store.risks_by_top(reader, project):
            if len(best) >= count and chunk["top"] <= best[0][0]:
                break
            for row in await self._standing(reader, chunk, closed):
                entry = (accepted_labels.score_of(row), row[0], row)
                if len(best) < count:
                    heapq.heappush(best, entry)
                elif entry > best[0]:
                    heapq.heapreplace(best, entry)
        return [row for _, _, row in sorted(best, reverse=True)]

    async def _closed_gates(self, reader: Reader | Unit, project: str) -> frozenset[str]:
        gates = await store.gates_of(reader, project)
        return frozenset(g["name"] for g in gates if g.get("state") == GateState.BREACHED.value)

    async def _standing(
        self, reader: Reader | Unit, chunk: Doc, closed: frozenset[str]
    ) -> list[list[Any]]:
        """Rows of a chunk whose labels still stand: neither recalled nor back in work."""
        if chunk["gate"] in closed:
            return []
        prefix = f"{chunk['project']}/tasks/"
        gone = await reader.get_many(store.WITHDRAWN, [prefix + row[0] for row in chunk["rows"]])
        return [
            row
            for row in chunk["rows"]
            if row[1] >= gone.get(prefix + row[0], {}).get("task_version", 0)
        ]

    async def _chunks(self, project: str) -> AsyncIterator[list[list[Any]]]:
        closed = await self._closed_gates(self._store, project)
        async for chunk in store.risks_by_name(self._store, project):
            yield await self._standing(self._store, chunk, closed)
            await asyncio.sleep(0)

    # -- reviews ------------------------------------------------------------------------------

    async def request_reviews(
        self, project_name: str, choice: str, count: int, uniform: float, reason: str, key: str
    ) -> Doc:
        """Sends the riskiest labels, or a sample of known chances, to reviewers. The same request
        again answers with the same one."""
        await self._known(project_name)
        name = f"{project_name}/reviewRequests/{_safe(key) or names.new_id()}"
        known = await self._store.get(store.REQUESTS, name)
        if known is not None:
            return known
        doc: Doc = {"name": name, "project": project_name, "choice": choice}
        if choice == "SAMPLE":
            rows, drawn = await self._sample(project_name, count, uniform or risk.UNIFORM_SHARE)
        else:
            found = await self._riskiest(self._store, project_name, count)
            rows, drawn = [(row, 0.0) for row in found], {"label_count": len(found)}
        if not rows:
            raise OutOfTurn("there is no accepted label to review that is not delivered yet")
        doc |= {**drawn, "task_count": len(rows), "create_time": self._now()}

        async def work(unit: Unit) -> Doc:
            if (again := await unit.get(store.REQUESTS, name)) is not None:
                return again
            unit.insert(store.REQUESTS, [doc])
            if choice == "SAMPLE":
                unit.overwrite(store.SAMPLES, {"name": project_name, "request": name})
            for row, chance in rows:
                review = _review(project_name, name, row, chance)
                unit.overwrite(store.REVIEWS, review)
                # Nobody sends it a second time before the first is known to be under way.
                gone = {"name": review["name"], "task_version": row[1] + 1}
                unit.overwrite(store.WITHDRAWN, gone)
            self._send(unit, project_name, name, reason, [row for row, _ in rows])
            return doc

        return await self._store.transact(work)

    async def _sample(
        self, project: str, budget: int, uniform: float
    ) -> tuple[list[tuple[list[Any], float]], Doc]:
        """Two passes over the chunks: how much risk there is, then one coin a label."""
        count, roots = 0, 0.0
        async for rows in self._chunks(project):
            count += len(rows)
            roots += sum(math.sqrt(accepted_labels.score_of(row)) for row in rows)
        rng = np.random.default_rng(secrets.randbits(128))
        found: list[tuple[list[Any], float]] = []
        seen, seen_total = 0, 0.0
        async for rows in self._chunks(project):
            score = np.array([accepted_labels.score_of(row) for row in rows])
            chance = risk.chances(score, budget, uniform, count, roots)
            drawn = np.nonzero(rng.random(len(rows)) < chance)[0]
            found += [(rows[i], float(chance[i])) for i in drawn.tolist()]
            # Labels may have come or gone since the first pass; the chances are known all the same.
            seen, seen_total = seen + len(rows), seen_total + float(score.sum())
        least = risk.least_chance(budget, uniform, count)
        return found, {"label_count": seen, "total": seen_total, "least": least}

    def _send(
        self, unit: Unit, project: str, request: str, reason: str, rows: Sequence[list[Any]]
    ) -> None:
        shards: dict[int, list[Any]] = {}
        for row in rows:
            task = f"{project}/tasks/{row[0]}"
            # One priority for all: what is judged first must not depend on the risk.
            asked = events_pb2.RequestedReview(task=task, task_version=row[1], priority=PRIORITY)
            shards.setdefault(names.shard_of(task), []).append(asked)
        for shard, group in shards.items():
            event = events_pb2.ReviewsRequested(
                project=project, request=request, tasks=group, reason=reason
            )
            unit.emit(names.event_key(project, shard), event)

    async def estimated(self, reader: Any, project: Project) -> Doc | None:
        """The error rate as the newest judged sample shows it; None where there is none."""
        newest = await reader.get(store.SAMPLES, project.name)
        request = newest and await reader.get(store.REQUESTS, newest["request"])
        if not request:
            return None
        rows = await store.reviews_of(reader, request["name"])
        told = [r for r in rows if r["outcome"] in (RIGHT, WRONG)]
        waiting = [r for r in rows if r["outcome"] == WAITING]
        if not told or len(told) < JUDGED_SHARE * (len(told) + len(waiting)):
            return None
        return accepted_labels.estimate(request, told, waiting, project.confidence, WRONG)

    # -- acceptance ---------------------------------------------------------------------------

    async def plan_acceptance(self, asked: Doc) -> Doc:
        """The plan (document of `AcceptancePlan`) for what is asked (of its request)."""
        project = await self._known(asked["name"])
        rejected = (await self._store.get(store.ATTEMPTS, project.name) or {}).get("rejected", [])
        attempt = asked.get("attempt") or 1 + len(rejected)
        rate = asked.get("max_error_rate") or project.max_error_rate
        if not rate:
            raise Invalid(
                "the project promises no error rate; say which one to check",
                field="max_error_rate",
            )
        confidence = asked.get("confidence") or project.confidence or domain.CONFIDENCE
        try:
            terms = acceptance_sampling.Terms(
                rate=rate,
                alpha=acceptance_sampling.attempt_alpha(1.0 - confidence, attempt),
                better=asked.get("better_error_rate") or BETTER_PART * rate,
                beta=asked.get("producer_risk") or PRODUCER_RISK,
                lot=int(asked.get("lot_size", 0)),
            )
            _check_terms(terms)
            return await asyncio.to_thread(
                accepted_labels.plan_doc, terms, attempt, SEQUENTIAL_ERRORS
            )
        except acceptance_sampling.Unreachable as reason:
            raise Invalid(str(reason), field="better_error_rate") from reason


def _check_terms(terms: acceptance_sampling.Terms) -> None:
    """Refuses rates and risks that no sample of this world could tell from none."""
    for field, value in (
        ("max_error_rate", terms.rate),
        ("confidence", terms.alpha),
        ("better_error_rate", terms.better),
        ("producer_risk", terms.beta),
    ):
        if value < LEAST_TOLD:
            words = f"leaves {value:.3g}, and a sample tells no less than {LEAST_TOLD:g}"
            raise Invalid(words, field=field)


def _review(project: str, request: str, row: list[Any], chance: float) -> Doc:
    return {
        "name": f"{project}/tasks/{row[0]}",
        "request": request,
        "task_version": row[1],
        "risk": accepted_labels.score_of(row),
        "chance": chance,
        "outcome": WAITING,
    }


def _safe(key: str) -> str:
    """A request's own id as a part of a name."""
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in key)[:100]
