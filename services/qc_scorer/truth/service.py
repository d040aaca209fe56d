"""Use cases around the truth of many opinions: believe, learn from what was settled, fit anew."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

from libs.common.codec import Doc
from libs.common.store import Reader, Store, Unit
from services.qc_scorer import domain, store
from services.qc_scorer.domain import Project, Score
from services.qc_scorer.losses import differs
from services.qc_scorer.truth import posterior as beliefs
from services.qc_scorer.truth import refit as refits
from services.qc_scorer.truth.posterior import Counts, Crowd

# Changes of a belief below this are not written.
STILL = 0.005
CHUNK = 500
MOST_DOUBTED = 1000


class Inference:
    """The part of the scorer that knows annotators by their answers. All it knows is in the
    store: counts to which every replica adds, and the answers from which they can be made anew."""

    _store: Store

    async def believe(self, unit: Unit, project: Project, tasks: Sequence[Doc]) -> list[Score]:
        """Scores of tasks; single choices by truth inference, all else by majority."""
        scores = [domain.score(task, project) for task in tasks]
        fit = await self._fit(unit, project)
        classes = classes_of(fit, project)
        index = {name: k for k, name in enumerate(classes)}
        said = {i: said_of(task, index) for i, task in enumerate(tasks)} if classes else {}
        heard = {i: one for i, one in said.items() if one and scores[i].annotation_count}
        if not heard:
            return scores
        crowd = await self._crowd(unit, fit, classes, [w for s in heard.values() for w, _ in s])
        posteriors = crowd.calibrated([crowd.posterior(one) for one in heard.values()])
        value = project.adaptive_annotations
        worth = crowd.worth(posteriors, value) if value else [False] * len(heard)
        for at, i in enumerate(heard):
            probability = dict(zip(classes, posteriors[at].tolist(), strict=True))
            scores[i] = believed(scores[i], tasks[i], project, probability)
            unsaid = scores[i].confidence < posteriors[at].max()
            more = bool(worth[at]) or bool(value and unsaid)
            scores[i] = replace(scores[i], worth_asking=more, truth_method=crowd.method)
        self._note(unit, project, tasks, scores)
        return scores

    def _note(
        self, unit: Unit, project: Project, tasks: Sequence[Doc], scores: Sequence[Score]
    ) -> None:
        """Labels that may go out though opinions differ: an audit must know them as they were."""
        if not project.adaptive_annotations:
            return
        for task, score in zip(tasks, scores, strict=True):
            if score.disputed and task.get("stage", "ANNOTATION") == "ANNOTATION":
                unit.overwrite(store.STOOD, {"name": task["name"], "value": score.consensus})

    async def audits(self, unit: Unit, project: Project, tasks: Sequence[Doc]) -> list[bool]:
        """Of those tasks that were audited: was the label wrong that would have gone out?"""
        audited = [t for t in tasks if domain.audit_outcome(t, project) is not None]
        stood = await unit.get_many(store.STOOD, [t["name"] for t in audited])
        return [
            differs(t["label"]["value"], stood[t["name"]]["value"], project.loss)
            if t["name"] in stood
            else bool(domain.audit_outcome(t, project))
            for t in audited
        ]

    async def learn(self, unit: Unit, project: Project, tasks: Sequence[Doc]) -> list[Doc]:
        """Counts the answers of tasks that were settled just now, for the first time; their
        rows as they are kept."""
        rows = [{"name": t["name"], "project": project.name, "version": 1} for t in tasks]
        fit = await self._fit(unit, project)
        classes = classes_of(fit, project)
        if not classes or not tasks:
            return rows
        index = {name: k for k, name in enumerate(classes)}
        gold = await unit.get_many(store.GOLD, [t["name"] for t in tasks if t.get("gold")])
        for row, task in zip(rows, tasks, strict=True):
            said = said_of(task, index, learning=True)
            if said:
                row |= {"said": said} | _known(task, gold.get(task["name"]), index)
        heard = [row for row in rows if "said" in row]
        crowd = await self._crowd(unit, fit, classes, [w for r in heard for w, _ in r["said"]])
        total = beliefs.new_counts()
        for row in heard:
            known = row.get("known")
            row["belief"] = (
                beliefs.kept(crowd.posterior(row["said"]))
                if known is None
                else beliefs.certain(known)
            )
            beliefs.count(total, row["said"], row["belief"], len(classes))
        self._count(unit, project.name, total)
        store.mark(unit, store.Due.FIT, project.name)
        if fit.get("classes") != classes:
            version = fit.get("version", 0) + 1
            unit.put(store.FITS, {**fit, "classes": classes, "version": version})
        return rows

    def _count(self, unit: Unit, project: str, counts: Counts) -> None:
        for who, deltas in counts.items():
            unit.count(store.COUNTS, counts_name(project, who), deltas)

    async def _fit(self, reader: Reader | Unit, project: Project) -> Doc:
        return await reader.get(store.FITS, project.name) or {"name": project.name}

    async def _crowd(
        self, reader: Reader | Unit, fit: Doc, classes: list[str], people: Sequence[str]
    ) -> Crowd:
        by_name = {counts_name(fit["name"], who): who for who in {beliefs.EVERYONE, *people}}
        found = await reader.get_many(store.COUNTS, sorted(by_name))
        counts = {by_name[name]: doc for name, doc in found.items()}
        method, temperature = _method(fit), fit.get("temperature", 1.0)
        return Crowd(len(classes), method, temperature, counts)

    async def truth_method(self, reader: Reader | Unit, project: Project) -> str:
        """How opinions are combined at present; empty where by majority."""
        fit = await self._fit(reader, project)
        return _method(fit) if classes_of(fit, project) else ""

    async def refit_due(self) -> None:
        """Fits the project anew that has grown most since its last fit, if any has by half."""
        grown: dict[str, tuple[float, float]] = {}

        async def look(name: str) -> None:
            fitted = (await self._store.get(store.FITS, name) or {}).get("fitted", 0.0)
            counts = await self._store.get(store.COUNTS, counts_name(name, beliefs.EVERYONE)) or {}
            total = counts.get("total", 0.0)
            if refits.due(total, fitted):
                grown[name] = (total, total / max(1.0, fitted))

        await store.each_due(self._store, store.Due.FIT, look)
        newest = max(grown, key=lambda name: grown[name][1], default="")

        async def wait(unit: Unit) -> None:
            for name in grown.keys() - {newest}:
                store.mark(unit, store.Due.FIT, name)

        if newest:
            await self._store.transact(wait)
            await self.refit(newest, grown[newest][0])

    async def refit(self, project: str, total: float) -> None:
        """Fits all kept answers of a project that had so many; in a thread, as it may take
        seconds. Beliefs move first, so that a crash between leaves counts and answers in accord
        and the fit still due."""
        rows = await store.settled_of(self._store, project, refits.MOST_TASKS)
        doubted = await store.suspects_of(self._store, project, "", MOST_DOUBTED)
        rows = [_trusted(row, {doc["item"] for doc in doubted}) for row in rows]
        doc = await self._store.get(store.FITS, project) or {}
        classes = doc.get("classes", [])
        fit = await asyncio.to_thread(refits.refit, rows, len(classes)) if rows else None
        if fit is not None:
            for at in range(0, len(rows), CHUNK):
                part = {row["name"]: fit.beliefs[row["name"]] for row in rows[at : at + CHUNK]}
                await self._move(project, len(classes), part)

        async def work(unit: Unit) -> None:
            known = await unit.get(store.FITS, project)
            if known is not None:
                found = (
                    {} if fit is None else {"method": fit.method, "temperature": fit.temperature}
                )
                version = known["version"] + 1
                unit.put(store.FITS, {**known, **found, "fitted": total, "version": version})

        await self._store.transact(work)

    async def _move(self, project: str, classes: int, new: Mapping[str, beliefs.Belief]) -> None:
        """Moves beliefs and counts together. Counts are added to, never set: what others add
        meanwhile stays."""

        async def work(unit: Unit) -> None:
            total = beliefs.new_counts()
            for name, row in (await unit.get_many(store.SCORED, list(new))).items():
                change = beliefs.difference(new[name], row["belief"])
                if max(abs(p) for _, p in change) > STILL:
                    beliefs.move(total, row["said"], change, classes)
                    row = {**row, "belief": new[name], "version": row["version"] + 1}
                    unit.put(store.SCORED, row)
            self._count(unit, project, total)

        await self._store.transact(work)


def classes_of(fit: Doc, project: Project) -> list[str]:
    """Class names in the order their numbers were given, which never changes; empty where
    truth inference has nothing to say."""
    if project.loss != "class" or len(project.classes) < 2:
        return []
    known = list(fit.get("classes", []))
    return known + [name for name in project.classes if name not in known]


def _method(fit: Doc) -> str:
    return str(fit.get("method", beliefs.FIRST_METHOD))


def counts_name(project: str, who: str) -> str:
    """Where an annotator's counts are kept."""
    return f"{project}/counts/{who}"


def said_of(
    task: Doc, index: Mapping[str, int], *, learning: bool = False
) -> list[tuple[str, int]]:
    """(annotator, class) of the opinions that count, the model among them where nobody saw its
    draft; empty where an opinion is none of the classes.

    A task of the gate's evidence or with a known answer is believed by its people alone; what
    it says of the model is learnt.
    """
    said = []
    for opinion in domain.counted(task):
        answer = index.get(domain.class_of(opinion))
        if answer is None:
            return []
        said.append((beliefs.person(opinion["annotator"]), answer))
    if said and (learning or not (task.get("sampled") or task.get("gold"))):
        said += _draft(task, index)
    return said


def _draft(task: Doc, index: Mapping[str, int]) -> list[tuple[str, int]]:
    draft: Doc = task.get("prediction") or {}
    answer = index.get(domain.class_of(draft)) if draft else None
    if answer is None or any(o.get("prediction") for o in domain.counted(task)):
        return []
    score = float(draft.get("score", 0.0))
    return [(beliefs.band(draft.get("model", ""), draft.get("model_version", ""), score), answer)]


def believed(score: Score, task: Doc, project: Project, probability: Mapping[str, float]) -> Score:
    """The score by the posterior. A label nobody gave is never made: the best of those given
    stands, with the probability it has. Gold and evidence keep the plain vote's label."""
    opinions = domain.counted(task)
    best = score.consensus
    if not (task.get("sampled") or task.get("gold")):
        best = max((o["value"] for o in opinions), key=lambda v: _chance(v, probability))
    if best is None:
        return score
    agreeing = sum(not differs(best, o["value"], project.loss) for o in opinions)
    draft = (task.get("prediction") or {}).get("value")
    return replace(
        score,
        agreement=agreeing / len(opinions),
        consensus=best,
        confidence=_chance(best, probability),
        disputed=agreeing < len(opinions),
        matches_prediction=draft is not None and not differs(best, draft, project.loss),
    )


def _chance(value: Doc, probability: Mapping[str, float]) -> float:
    return probability.get(domain.class_of({"value": value}), 0.0)


def _known(task: Doc, gold: Doc | None, index: Mapping[str, int]) -> dict[str, Any]:
    """The class that gold or a reviewer says."""
    if gold is not None:
        answer = index.get(domain.class_of(gold))
        found = {"known": answer, "gold": True, "item": gold.get("item", gold["name"])}
        return {} if answer is None else found
    if task.get("label", {}).get("source") != "REVIEWED":
        return {}
    answer = index.get(domain.class_of(task["label"]))
    return {} if answer is None else {"known": answer}


def _trusted(row: Doc, doubted: Container[str]) -> Doc:
    """The row as a fit may read it: gold in doubt is a task like any other."""
    if row.get("item") not in doubted:
        return row
    return {key: value for key, value in row.items() if key not in ("known", "gold")}
