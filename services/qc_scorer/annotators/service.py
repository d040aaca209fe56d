"""Use cases around people: count what they did, test them on gold, pause and resume, look for
wrong gold and for what is odd."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import Message
from labelmill.qc_scorer.v1 import events_pb2

from libs.common import names
from libs.common.codec import Doc
from libs.common.errors import NotFound, OutOfTurn
from libs.common.retry import eventually
from libs.common.store import Unit
from services.qc_scorer import domain, store
from services.qc_scorer.annotators import anomaly_report, profile, sequential_test
from services.qc_scorer.annotators.profile import Known, Suspect
from services.qc_scorer.domain import Project
from services.qc_scorer.gates.lots import Lots

# A project's people are looked at again when their answers have grown by this part.
GROWTH = 0.05
GOLD_WAS_WRONG = "the answers that paused you were checked against known answers now in doubt"


class Crew(Lots):
    """The part of the scorer that knows people; `QcScorer` adds scores and streams."""

    async def _count_people(self, unit: Unit, project: Project, tasks: Sequence[Doc]) -> None:
        """Adds accepted tasks to what is known of their people; who fails gold is paused."""
        known = await self._beside(unit, project, tasks)
        adds = profile.adds_of(tasks, project, known)
        before = await store.people_named(unit, project.name, list(adds))
        docs = {who: profile.grown(before[who], added) for who, added in adds.items()}
        failed = [who for who, added in adds.items() if any(not g["right"] for g in added.golds)]
        await self._test(unit, project, docs, failed)
        for doc in docs.values():
            unit.put(store.PEOPLE, {**doc, "version": doc.get("version", 0) + 1})
        self._note_opinions(unit, project, tasks, known)
        drafts = [t for t in tasks if _is_evidence(t, known, project)]
        wrong = sum(domain.draft_was_wrong(t, project) for t in drafts)
        opinions = sum(len(domain.counted(t)) for t in tasks)
        sums = {"opinions": opinions, "blind_drafts": len(drafts), "blind_wrong": wrong}
        store.count_quality(unit, project.name, sums)
        if opinions:
            store.mark(unit, store.Due.PEOPLE, project.name)

    async def _beside(self, unit: Unit, project: Project, tasks: Sequence[Doc]) -> Known:
        gold = await unit.get_many(store.GOLD, [t["name"] for t in tasks if t.get("gold")])
        # Gold that was admitted before it had an identity of its own is its task's.
        gold = {name: {"item": name, **doc} for name, doc in gold.items()}
        drafts = [t["prediction"] for t in tasks if t.get("prediction")]
        wanted = sorted({domain.gate_name(project.name, d) for d in drafts})
        gates = await unit.get_many(store.GATES, wanted) if project.machine_label else {}
        items = [_suspect_name(project.name, doc["item"]) for doc in gold.values()]
        suspects = await unit.get_many(store.SUSPECTS, items)
        return Known(gold, gates, frozenset(doc["item"] for doc in suspects.values()))

    async def _test(
        self, unit: Unit, project: Project, docs: dict[str, Doc], failed: Sequence[str]
    ) -> None:
        """Pauses those of `docs` whom the test stops; before, the gold itself is suspected."""
        test = profile.plan_of(project)
        if test is None or not self._stopped(docs, failed, test):
            return
        everybody = await store.all_people(unit, project.name)
        await self._suspect(unit, project, everybody, docs)
        for who, found in self._stopped(docs, failed, test).items():
            docs[who] = profile.paused(docs[who], found, self._now())
            event = events_pb2.AnnotatorPaused(
                project=project.name,
                annotator=who,
                reason=found.reason,
                evidence=found.evidence,
                limit=found.limit,
                gold_count=found.golds,
                wrong_count=found.wrong,
                version=docs[who].get("version", 0) + 1,
            )
            self._tell_person(unit, project.name, event)

    def _stopped(
        self, docs: Mapping[str, Doc], failed: Sequence[str], test: sequential_test.Plan
    ) -> dict[str, sequential_test.Verdict]:
        active = [who for who in failed if docs[who].get("state") != profile.PAUSED]
        found = {who: profile.verdict(docs[who], test) for who in active}
        return {
            who: verdict for who, verdict in found.items() if verdict.state == sequential_test.STOP
        }

    async def _suspect(
        self, unit: Unit, project: Project, everybody: Sequence[Doc], docs: dict[str, Doc]
    ) -> None:
        """Marks gold that most good annotators fail: in `docs` too, which also takes up whom
        else it touches. Who was paused for it alone may go on."""
        newest = {doc["annotator"]: doc for doc in everybody} | docs
        found = await asyncio.to_thread(profile.suspects, list(newest.values()))
        items = frozenset(one.item for one in found)
        for one in found:
            unit.overwrite(store.SUSPECTS, self._suspect_doc(project.name, one))
        for who, doc in newest.items() if items else ():
            if (cleared := profile.without(doc, items)) is not None:
                docs[who] = self._cleared(unit, project, cleared)

    def _suspect_doc(self, project: str, found: Suspect) -> Doc:
        return {
            "name": _suspect_name(project, found.item),
            "project": project,
            "item": found.item,
            "task": found.task,
            "annotation_count": found.answers,
            "failed_count": found.failed,
            "reason": found.words,
            "create_time": self._now(),
        }

    def _cleared(self, unit: Unit, project: Project, doc: Doc) -> Doc:
        test = profile.plan_of(project)
        paused = doc.get("state") == profile.PAUSED
        if not paused or test is None or profile.verdict(doc, test).state == sequential_test.STOP:
            return doc
        return self._resumed(unit, project.name, doc, GOLD_WAS_WRONG, by="", anew=False)

    def _resumed(
        self, unit: Unit, project: str, doc: Doc, reason: str, *, by: str, anew: bool
    ) -> Doc:
        event = events_pb2.AnnotatorResumed(
            project=project,
            annotator=doc["annotator"],
            reason=reason,
            resumed_by=by,
            version=doc.get("version", 0) + 1,
        )
        self._tell_person(unit, project, event)
        return profile.resumed(doc, reason, self._now(), anew=anew)

    def _tell_person(self, unit: Unit, project: str, event: Message) -> None:
        unit.emit(names.event_key(project, 0), event)

    def _note_opinions(
        self, unit: Unit, project: Project, tasks: Sequence[Doc], known: Known
    ) -> None:
        """Keeps opinions on tasks whose truth is known from elsewhere: shared errors show there."""
        for task in tasks:
            truth = domain.class_of(_truth(task, known))
            said = [[o["annotator"], domain.class_of(o)] for o in domain.counted(task)]
            if truth and len(said) > 1 and all(answer for _, answer in said):
                row = {"name": task["name"], "project": project.name, "time": self._now()}
                unit.overwrite(store.OPINIONS, {**row, "truth": truth, "answers": said})

    # -- now and then -------------------------------------------------------------------------

    async def look_over(self) -> None:
        """Looks for wrong gold and odd people where answers have grown enough since."""
        await store.each_due(self._store, store.Due.PEOPLE, self._look_over_grown)

    async def _look_over_grown(self, project: str) -> None:
        counters = await self._store.get(store.QUALITY, project) or {}
        opinions, looked = counters.get("opinions", 0), counters.get("looked", 0)
        if opinions > looked * (1 + GROWTH):
            await self._look_over(project, counters)

    async def _look_over(self, name: str, counters: Doc) -> None:
        async def work(unit: Unit) -> None:
            project = await self._project(unit, name)
            everybody = await store.all_people(unit, name)
            touched: dict[str, Doc] = {}
            await self._suspect(unit, project, everybody, touched)
            for doc in touched.values():
                unit.put(store.PEOPLE, {**doc, "version": doc.get("version", 0) + 1})
            opinions = await store.newest_opinions(unit, name)
            blind = int(counters.get("blind_wrong", 0)), int(counters.get("blind_drafts", 0))
            standing = await asyncio.to_thread(anomaly_report.standing, everybody, blind, opinions)
            unit.overwrite(store.SIGNALS, {"name": name, "people": standing})
            grown = counters.get("opinions", 0) - counters.get("looked", 0)
            unit.count(store.QUALITY, name, {"looked": grown})

        await self._store.transact(work)

    # -- asked --------------------------------------------------------------------------------

    async def skills(self, project_name: str, size: int, after: str) -> list[Doc]:
        project = await self._known(project_name)
        docs = await store.people_of(self._store, project_name, after, size)
        odd = await self._signals(project_name)
        return [profile.skill_doc(d, project, odd.get(d["annotator"], ())) for d in docs]

    async def skill(self, name: str) -> Doc:
        """Of one person; `NotFound` before their first accepted task."""
        project = await self._known(names.project_of(name))
        doc = await self._store.get(store.PEOPLE, name)
        if doc is None:
            raise NotFound(f"nothing is known yet of {name[:200]}", field="name")
        odd = await self._signals(project.name)
        return profile.skill_doc(doc, project, odd.get(doc["annotator"], ()))

    async def own_skill(self, name: str) -> Doc:
        """What the person themselves may see."""
        return profile.own(await self.skill(name))

    async def resume(self, name: str, reason: str, by: str) -> Doc:
        """A paused person may claim again, with a new career; `OutOfTurn` if not paused."""

        async def work(unit: Unit) -> None:
            doc = await unit.get(store.PEOPLE, name)
            if doc is None:
                raise NotFound(f"nothing is known yet of {name[:200]}", field="name")
            if doc.get("state") != profile.PAUSED:
                raise OutOfTurn(f"{doc['annotator']} is not paused", field="name")
            words = reason or f"resumed by {by}"
            active = self._resumed(unit, doc["project"], doc, words, by=by, anew=True)
            unit.put(store.PEOPLE, {**active, "version": doc["version"] + 1})

        await self._known(names.project_of(name))
        await self._store.transact(work)
        return await self.skill(name)

    async def suspect_gold(self, project: str, size: int, after: str) -> list[Doc]:
        await self._known(project)
        docs = await store.suspects_of(self._store, project, after, size)
        gold = await self._store.get_many(store.GOLD, [doc["task"] for doc in docs])
        return [{**doc, "gold": gold.get(doc["task"], {}).get("value", {})} for doc in docs]

    async def _signals(self, project: str) -> Mapping[str, Sequence[Doc]]:
        doc = await self._store.get(store.SIGNALS, project)
        return doc["people"] if doc else {}

    async def _known(self, name: str) -> Project:
        """The project a person names; `NotFound` where there is none."""
        project = await eventually(lambda: store.project_by_name(self._store, name))
        if project is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        return project


def _suspect_name(project: str, item: str) -> str:
    return f"{project}/suspects/{item.rsplit('/', 1)[-1]}"


def _is_evidence(task: Doc, known: Known, project: Project) -> bool:
    settled = bool(task.get("sampled") and task.get("label"))
    return settled and profile.by_coin(task, known.gates, project.name)


def _truth(task: Doc, known: Known) -> dict[str, Any]:
    """Gold, or what a reviewer said; nothing where the opinions themselves were the judge."""
    if gold := known.gold.get(task["name"]):
        return {} if gold["item"] in known.suspects else gold
    label: Doc = task.get("label", {})
    return label if label.get("source") == "REVIEWED" else {}
