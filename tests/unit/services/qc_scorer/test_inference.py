"""Truth inference in the running scorer: simulated crowds through the real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from libs.common.clock import FakeClock
from libs.common.store import Collection, Store, Unit, open_store
from services.qc_scorer import store
from services.qc_scorer.domain import Project, Score
from services.qc_scorer.service import QcScorer
from services.qc_scorer.truth import posterior
from services.qc_scorer.truth import refit as refits

NAME = "tenants/t/projects/p"
Doc = dict[str, Any]
SKILLS = (0.95, 0.9, 0.85, 0.75, 0.7, 0.6)


def project(classes: int = 3, **fields: Any) -> Project:
    names = tuple(f"c{k}" for k in range(classes))
    return Project(NAME, 1, fields.pop("loss", "class"), "majority", classes=names, **{**fields})


def value(k: int) -> Doc:
    return {"choices": {"classes": [f"c{k}"]}}


def task(number: int, said: dict[str, int], label: int | None = None, **fields: Any) -> Doc:
    """A task as events carry it: who said which class, and the label it was settled with."""
    opinions = [{"annotator": who, "value": value(k)} for who, k in said.items()]
    doc = {"name": f"{NAME}/tasks/{number:06}", "annotations": opinions, **fields}
    if label is not None:
        doc["label"] = {"value": value(label), "source": "HUMAN"}
    return doc


def gold_of(number: int, true: int) -> Doc:
    return {"item": f"{NAME}/items/{number}", "value": value(true)}


def crowd(
    seed: int, size: int, each: int = 3, classes: int = 3, skills: Sequence[float] = SKILLS
) -> tuple[list[Doc], list[int]]:
    """Tasks that simulated people of these skills answered, and their truths."""
    rng = np.random.default_rng(seed)
    tasks, truths = [], []
    for number in range(size):
        true = int(rng.integers(classes))
        said = {
            f"p{who}": true
            if rng.random() < skills[who]
            else int((true + rng.integers(1, classes)) % classes)
            for who in rng.permutation(len(skills))[:each].tolist()
        }
        tasks.append(task(number, said, true))
        truths.append(true)
    return tasks, truths


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(f"sqlite:///{tmp_path}", "qc-scorer", store.COLLECTIONS)
    yield opened
    await opened.close()


async def scorer(kept: Store, known: Project) -> QcScorer:
    service = QcScorer(kept, FakeClock())
    await service.remember_projects([known])
    return service


async def learn(service: QcScorer, tasks: Sequence[Doc], batch: int = 20) -> None:
    for at in range(0, len(tasks), batch):
        await service.count_accepted(NAME, 0, tasks[at : at + batch])


async def believe(service: QcScorer, kept: Store, known: Project, tasks: list[Doc]) -> list[Score]:
    return await kept.transact(lambda unit: service.believe(unit, known, tasks))


def right(scores: Sequence[Score], truths: Sequence[int]) -> float:
    pairs = zip(scores, truths, strict=True)
    return float(np.mean([score.consensus == value(true) for score, true in pairs]))


async def all_counts(kept: Store) -> dict[str, Doc]:
    docs = await kept.find(store.COUNTS, {}, limit=1000)
    return {d["name"]: {k: v for k, v in d.items() if k != "name"} for d in docs}


async def recounted(kept: Store, classes: int) -> dict[str, Doc]:
    """Counts made anew from the answers that were kept."""
    total = posterior.new_counts()
    for row in await store.settled_of(kept, NAME, 10**6):
        belief = [(int(k), float(p)) for k, p in row["belief"]]
        posterior.count(total, row["said"], belief, classes)
    return {f"{NAME}/counts/{who}": dict(deltas) for who, deltas in total.items()}


def assert_equal_counts(found: dict[str, Doc], wanted: dict[str, Doc]) -> None:
    assert set(found) == set(wanted)
    for name, deltas in wanted.items():
        for key in found[name].keys() | deltas.keys():
            close = pytest.approx(deltas.get(key, 0.0), abs=1e-6)
            assert found[name].get(key, 0.0) == close, (name, key)


async def test_what_is_learnt_one_by_one_agrees_with_the_full_fit(kept: Store) -> None:
    known = project()
    service = await scorer(kept, known)
    tasks, _ = crowd(1, 900)
    fresh, answers = crowd(2, 400)
    await learn(service, tasks)
    before = await believe(service, kept, known, fresh)
    assert_equal_counts(await all_counts(kept), await recounted(kept, 3))
    await service.refit_due()
    after = await believe(service, kept, known, fresh)
    assert_equal_counts(await all_counts(kept), await recounted(kept, 3))
    rows = await store.settled_of(kept, NAME, 10**6)
    fit = refits.refit(rows, 3)
    assert fit is not None and after[0].truth_method == fit.method
    for row in rows:
        change = posterior.difference(fit.beliefs[row["name"]], row["belief"])
        assert max(abs(p) for _, p in change) < 0.02, "nothing is left to fit"
    gaps = [abs(a.confidence - b.confidence) for a, b in zip(before, after, strict=True)]
    same = np.mean([a.consensus == b.consensus for a, b in zip(before, after, strict=True)])
    assert np.mean(gaps) < 0.08 and same > 0.97
    assert right(after, answers) > 0.9


async def test_a_fit_is_due_when_the_answers_grew_by_half(kept: Store) -> None:
    known = project()
    service = await scorer(kept, known)
    tasks, _ = crowd(3, 400)
    await learn(service, tasks[:60])
    await service.refit_due()
    assert "fitted" not in (await kept.get(store.FITS, NAME) or {})
    await learn(service, tasks[60:200])
    await service.refit_due()
    first = await kept.get(store.FITS, NAME) or {}
    assert first["fitted"] == 600
    await learn(service, tasks[200:299])
    await service.refit_due()
    assert await kept.get(store.FITS, NAME) == first
    await learn(service, tasks[299:301])
    await service.refit_due()
    assert (await kept.get(store.FITS, NAME) or {})["fitted"] == 903


async def test_one_known_as_good_outvotes_two_known_spammers(kept: Store) -> None:
    known = project()
    service = await scorer(kept, known)
    tasks, _ = crowd(4, 400, each=5, skills=(0.95, 0.95, 0.9, 0.34, 0.34))
    await learn(service, tasks)
    await service.refit_due()
    two_good = task(9001, {"p3": 2, "p0": 1, "p1": 1})
    one_good = task(9002, {"p3": 2, "p4": 2, "p0": 1})
    found = await believe(service, kept, known, [two_good, one_good])
    assert [score.consensus for score in found] == [value(1), value(1)]
    assert found[0].confidence > 0.8 and found[0].disputed


async def test_spammers_who_agree_are_exposed_by_gold(kept: Store) -> None:
    """Three always say c0; without gold their agreement looks like skill."""
    known = project()
    service = await scorer(kept, known)
    rng = np.random.default_rng(5)
    tasks, golds = [], {}
    for number in range(300):
        true = int(rng.integers(3))
        honest = true if rng.random() < 0.9 else (true + 1) % 3
        said = {"s0": 0, "s1": 0, "s2": 0, "honest": honest}
        is_gold = number % 6 == 0
        tasks.append(task(number, said, 0, gold=is_gold))
        if is_gold:
            golds[tasks[-1]["name"]] = gold_of(number, true)
    await service.remember_gold(golds)
    await learn(service, tasks)
    await service.refit_due()
    asked = task(9001, {"s0": 0, "s1": 0, "s2": 0, "honest": 2})
    (found,) = await believe(service, kept, known, [asked])
    assert found.consensus == value(2)
    fit = await kept.get(store.FITS, NAME) or {}
    assert fit["method"] in ("dawid_skene", "pooled", "blend") and fit["temperature"] >= 1.0


async def test_gold_in_doubt_is_a_task_like_any_other(kept: Store) -> None:
    known = project()
    service = await scorer(kept, known)
    tasks, truths = crowd(15, 300)
    wrong = {**tasks[7], "gold": True}
    await service.remember_gold({wrong["name"]: gold_of(7, (truths[7] + 1) % 3)})
    await learn(service, [*tasks[:7], wrong, *tasks[8:]])
    await service.refit(NAME, 900)
    belief = dict((await kept.get(store.SCORED, wrong["name"]) or {})["belief"])
    assert belief == {(truths[7] + 1) % 3: 1.0}
    name, item = f"{NAME}/suspects/7", f"{NAME}/items/7"
    doubt = {"name": name, "project": NAME, "item": item}
    await kept.transact(_keep(store.SUSPECTS, doubt))
    await service.refit(NAME, 900)
    belief = dict((await kept.get(store.SCORED, wrong["name"]) or {})["belief"])
    assert belief[truths[7]] > 0.5
    assert_equal_counts(await all_counts(kept), await recounted(kept, 3))


def _keep(collection: Collection, doc: Doc) -> Callable[[Unit], Awaitable[None]]:
    async def work(unit: Unit) -> None:
        unit.overwrite(collection, doc)

    return work


async def test_gold_tempers_what_is_stated(kept: Store) -> None:
    """People who share their errors make posteriors too sure; on gold that shows."""
    known = project(classes=2)
    service = await scorer(kept, known)
    rng = np.random.default_rng(6)

    def hard(number: int, gold: bool) -> tuple[Doc, int]:
        true = int(rng.integers(2))
        shared = true if rng.random() < 0.75 else 1 - true
        said = {f"p{i}": shared if rng.random() < 0.95 else 1 - shared for i in range(4)}
        return task(number, said, true, gold=gold), true

    drawn = [hard(n, n % 4 == 0) for n in range(400)]
    await service.remember_gold(
        {t["name"]: gold_of(n, true) for n, (t, true) in enumerate(drawn) if t["gold"]}
    )
    await learn(service, [t for t, _ in drawn])
    fresh, truths = zip(*[hard(5000 + n, gold=False) for n in range(300)], strict=True)
    before = await believe(service, kept, known, list(fresh))
    await service.refit_due()
    after = await believe(service, kept, known, list(fresh))
    true = right(after, truths)
    assert np.mean([s.confidence for s in before]) > true + 0.1
    assert abs(np.mean([s.confidence for s in after]) - true) < 0.08


async def test_one_class_only_stays_calm(kept: Store) -> None:
    known = project()
    service = await scorer(kept, known)
    await learn(service, [task(n, {"a": 0, "b": 0}, 0) for n in range(150)])
    await service.refit_due()
    same, other = await believe(
        service, kept, known, [task(9001, {"a": 0}), task(9002, {"a": 1, "b": 1})]
    )
    assert same.consensus == value(0) and same.confidence > 0.9
    assert other.consensus == value(1) and 0.0 <= other.confidence <= 1.0


async def test_ties_go_to_the_first_given_and_state_their_doubt(kept: Store) -> None:
    known = project()
    service = await scorer(kept, known)
    (tie,) = await believe(service, kept, known, [task(1, {"a": 2, "b": 1})])
    assert tie.consensus == value(2) and tie.disputed
    assert tie.confidence < 0.5 and tie.agreement == 0.5


async def test_many_classes_keep_one_skill_a_person(kept: Store) -> None:
    known = project(classes=120, adaptive_annotations=50.0)
    service = await scorer(kept, known)
    tasks, truths = crowd(7, 600, classes=120)
    await learn(service, tasks)
    await service.refit_due()
    counts = await all_counts(kept)
    assert not any(":" in key for doc in counts.values() for key in doc if "prior" not in key)
    by_skill = [counts[f"{NAME}/counts/people/p{i}"] for i in range(len(SKILLS))]
    found = [doc["right"] / doc["total"] for doc in by_skill]
    assert found == sorted(found, reverse=True)
    scores = await believe(service, kept, known, tasks)
    assert right(scores, truths) > 0.93
    assert any(s.worth_asking for s in scores) and not all(s.worth_asking for s in scores)
    assert scores[0].truth_method in posterior.COIN_METHODS


async def test_a_restart_in_the_middle_changes_nothing(kept: Store, tmp_path: Path) -> None:
    known = project()
    tasks, _ = crowd(8, 300)
    fresh, _ = crowd(9, 50)
    whole = await scorer(kept, known)
    await learn(whole, tasks)
    await whole.refit_due()
    other_place = tmp_path / "other"
    other_place.mkdir()
    url = f"sqlite:///{other_place}"
    first = await open_store(url, "qc-scorer", store.COLLECTIONS)
    await learn(await scorer(first, known), tasks[:140])
    await first.close()
    second = await open_store(url, "qc-scorer", store.COLLECTIONS)
    heir = await scorer(second, known)
    await learn(heir, tasks[140:])
    await heir.refit_due()
    assert_equal_counts(await all_counts(second), await all_counts(kept))
    assert await believe(heir, second, known, fresh) == await believe(whole, kept, known, fresh)
    await second.close()


async def test_the_same_event_twice_changes_nothing(kept: Store) -> None:
    known = project()
    service = await scorer(kept, known)
    tasks, _ = crowd(10, 100)
    await learn(service, tasks)
    once = await all_counts(kept)
    await learn(service, tasks)
    assert await all_counts(kept) == once


async def test_shards_and_fits_side_by_side_lose_nothing(kept: Store) -> None:
    known = project()
    one, two = await scorer(kept, known), QcScorer(kept, FakeClock())
    tasks, _ = crowd(14, 400)
    await asyncio.gather(learn(one, tasks[:200]), learn(two, tasks[200:]))
    assert (await all_counts(kept))[f"{NAME}/counts/"]["total"] == 1200
    await asyncio.gather(one.refit(NAME, 1200), two.refit(NAME, 1200))
    assert_equal_counts(await all_counts(kept), await recounted(kept, 3))


async def test_answers_that_come_during_a_fit_are_kept(kept: Store) -> None:
    """A fit that read the answers before the newest came moves only what it fitted."""
    known = project()
    service = await scorer(kept, known)
    tasks, _ = crowd(11, 300)
    await learn(service, tasks[:200])
    rows = await store.settled_of(kept, NAME, 10**6)
    fit = refits.refit(rows, 3)
    assert fit is not None
    await learn(service, tasks[200:])
    await service._move(NAME, 3, fit.beliefs)
    await service._move(NAME, 3, fit.beliefs)
    counts = await all_counts(kept)
    assert counts[f"{NAME}/counts/"]["total"] == 900
    assert_equal_counts(counts, await recounted(kept, 3))


async def test_the_model_speaks_only_where_nobody_saw_its_draft(kept: Store) -> None:
    known = project()
    service = await scorer(kept, known)
    draft = {"model": "m", "model_version": "1", "score": 0.97, "value": value(1)}
    tasks, truths = crowd(12, 300)
    for doc, true in zip(tasks, truths, strict=True):
        doc["prediction"] = {**draft, "value": value(true)}
    await learn(service, tasks)
    shown = task(9001, {"p4": 2}, prediction=draft)
    shown["annotations"][0]["prediction"] = "predictions/1"
    blind = task(9002, {"p4": 2}, prediction=draft)
    drawn = task(9003, {"p4": 2}, prediction=draft, sampled=True)
    unknown = task(9004, {"p4": 2}, prediction={**draft, "model_version": "2"})
    alone = task(9005, {"p4": 2})
    found = await believe(service, kept, known, [shown, blind, drawn, unknown, alone])
    assert found[1].confidence < 0.3 < found[4].confidence
    assert [found[i].confidence for i in (0, 2, 3)] == [found[4].confidence] * 3
    assert {repr(s.consensus) for s in found} == {repr(value(2))}, "no label nobody gave"


async def test_other_losses_and_unknown_classes_are_left_to_the_vote(kept: Store) -> None:
    boxes = project(loss="boxes")
    service = await scorer(kept, boxes)
    (one,) = await believe(service, kept, boxes, [task(1, {"a": 1})])
    assert one.truth_method == ""
    known = project()
    (odd,) = await believe(service, kept, known, [task(1, {"a": 7, "b": 7})])
    assert odd.truth_method == "" and odd.consensus == value(7)
    assert (await service.quality(NAME))["truth_method"] == ""
    await service.remember_projects([replace(known, version=2)])
    assert (await service.quality(NAME))["truth_method"] == posterior.FIRST_METHOD


async def test_classes_that_come_later_get_numbers_behind_the_others(kept: Store) -> None:
    service = await scorer(kept, project())
    await learn(service, [task(n, {"a": n % 3, "b": n % 3}, n % 3) for n in range(30)])
    later = Project(NAME, 2, "class", "majority", classes=("new", "c1", "c2"))
    await service.remember_projects([later])
    (found,) = await believe(service, kept, later, [task(9, {"a": 1, "b": 1})])
    assert found.consensus == value(1) and found.confidence > 0.9
    await learn(service, [task(99, {"a": 1}, 1)])
    assert (await kept.get(store.FITS, NAME) or {})["classes"] == ["c0", "c1", "c2", "new"]


async def test_an_audit_knows_the_label_that_would_have_gone_out(kept: Store) -> None:
    known = project(adaptive_annotations=10.0)
    service = await scorer(kept, known)
    await learn(service, crowd(13, 300, skills=(0.98, 0.4, 0.4))[0])
    before = task(9001, {"p1": 2, "p0": 1})
    (score,) = await believe(service, kept, known, [before])
    assert score.consensus == value(1) and score.disputed
    audited = task(9001, {"p1": 2, "p0": 1, "p2": 1}, 1, decisions=[{"action": "AUDIT"}])
    outcome = await kept.transact(lambda unit: service.audits(unit, known, [audited]))
    assert outcome == [False], "the plain vote would have said c2"
