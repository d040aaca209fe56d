"""What is kept of a person in a project, and what an accepted task adds to it: pure shapes.

A person's document holds sums, the newest gold answers in their order, seconds, and whether the
test on gold (`people`) stopped them. Signals are taken from it by `oddities`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.qc_scorer import domain
from services.qc_scorer.annotators import sequential_test
from services.qc_scorer.domain import Doc, GateState, Project
from services.qc_scorer.losses import differs

ACTIVE, PAUSED = "ACTIVE", "PAUSED"
KEPT_SECONDS = 120
# A person's document is written with every task: it stays small.
KEPT_GOLDS = 2 * sequential_test.CAREER
# Where labels are classes, people are asked for this share of right gold answers by default.
GOOD_ACCURACY = 0.9
BELOW_GOOD = 0.2
_CLASS_LOSSES = ("class", "set", "hierarchy")


def plan_of(project: Project) -> sequential_test.Plan | None:
    """The test on gold of a project; None where nobody is tested.

    Exact equality of boxes, spans or texts says nothing before somebody has said how much is usual.
    """
    usual = GOOD_ACCURACY if project.loss in _CLASS_LOSSES else 0.0
    good = project.gold_accuracy or usual
    return sequential_test.plan(good, good - min(BELOW_GOOD, good / 2)) if good else None


@dataclass
class Adds:
    """What accepted tasks add to one person: sums, answers per class, gold, seconds."""

    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    answers: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    golds: list[Doc] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Known:
    """What stands beside the tasks: gold (value, item) by task, gates by name, suspected items."""

    gold: Mapping[str, Doc]
    gates: Mapping[str, Doc]
    suspects: frozenset[str] = frozenset()


def adds_of(tasks: Iterable[Doc], project: Project, known: Known) -> dict[str, Adds]:
    """By person, in the order of the tasks."""
    found: dict[str, Adds] = defaultdict(Adds)
    for task in tasks:
        gold = known.gold.get(task["name"])
        trusted = gold if gold and gold["item"] not in known.suspects else None
        sums = domain.person_deltas(task, project, trusted and trusted["value"])
        for one in domain.counted(task):
            mine = found[one["annotator"]]
            _add(mine.sums, sums[one["annotator"]])
            _add(mine.sums, _beside_draft(one, task, project, known))
            chosen = domain.class_of(one)
            if chosen and _drawn_alike(task, project):
                mine.answers[chosen] += 1
            if gold:
                mine.golds.append(_outcome(one, task, gold, project, known))
            if one.get("work_seconds", 0.0) > 0:
                mine.seconds.append(one["work_seconds"])
    return found


def _add(sums: dict[str, float], deltas: Mapping[str, float]) -> None:
    for key, delta in deltas.items():
        sums[key] += delta


def _outcome(one: Doc, task: Doc, gold: Doc, project: Project, known: Known) -> Doc:
    return {
        "item": gold["item"],
        "task": task["name"].rsplit("/", 1)[-1],
        "truth": domain.class_of(gold),
        "answer": domain.class_of(one),
        "right": not differs(gold["value"], one["value"], project.loss),
        **({"suspect": True} if gold["item"] in known.suspects else {}),
    }


def _beside_draft(one: Doc, task: Doc, project: Project, known: Known) -> dict[str, float]:
    """The answer beside the draft, in the arm it fell in: planted, shown or blind."""
    draft = task.get("prediction")
    if not draft:
        return {}
    shown = bool(one.get("prediction"))
    if shown and draft.get("injected_error"):
        return _planted(one, task, draft["injected_error"], project)
    # Shown or blind by the coin: never blind for another reason, never shown to the sample.
    if shown == bool(task.get("sampled")) or not by_coin(task, known.gates, project.name):
        return {}
    same = float(not differs(draft["value"], one["value"], project.loss))
    return {"shown": 1.0, "shown_same": same} if shown else {"blind": 1.0, "blind_same": same}


def _planted(one: Doc, task: Doc, planted: Doc, project: Project) -> dict[str, float]:
    """Only what the settled label proves wrong: where a model errs, chance may plant the truth."""
    if not differs(task["label"]["value"], planted, project.loss):
        return {}
    kept = not differs(planted, one["value"], project.loss)
    return {"injected_error": 1.0, "injected_error_kept": float(kept)}


def by_coin(task: Doc, gates: Mapping[str, Doc], project: str) -> bool:
    """Did nothing but a coin decide who sees the draft? Not in lots, whose rest is no sample, and
    not where an open gate would have let the draft out if the coin had fallen otherwise."""
    draft = task.get("prediction")
    if not draft or draft.get("lot") or task.get("gold"):
        return False
    gate = gates.get(domain.gate_name(project, draft), {})
    opened = gate.get("state") == GateState.OPEN.value
    return not opened or float(draft.get("score", 0.0)) < gate["threshold"]


def _drawn_alike(task: Doc, project: Project) -> bool:
    """Does the order not depend on what the model thinks of the item?"""
    draft = task.get("prediction")
    if task.get("gold") or (draft and draft.get("lot")):
        return False
    return bool(task.get("sampled")) or (not draft and not project.training)


def grown(doc: Doc, adds: Adds) -> Doc:
    """The person's document with what was added."""
    answers = dict(doc.get("answers", {}))
    for name, count in adds.answers.items():
        answers[name] = answers.get(name, 0) + count
    golds, since = _newest([*doc.get("golds", []), *adds.golds], doc.get("since", 0))
    return {
        **doc,
        **{key: doc.get(key, 0.0) + delta for key, delta in adds.sums.items()},
        "answers": answers,
        "golds": golds,
        "since": since,
        "seconds": [*doc.get("seconds", []), *adds.seconds][-KEPT_SECONDS:],
    }


def _newest(golds: list[Doc], since: int) -> tuple[list[Doc], int]:
    """The oldest go career by career, so that those that stay begin where they began."""
    while len(golds) > KEPT_GOLDS:
        counting = [i for i, gold in enumerate(golds) if not gold.get("suspect")]
        careers = [i + 1 for i in counting[sequential_test.CAREER - 1 : sequential_test.CAREER]]
        cut = since or (careers[0] if careers else len(golds) - KEPT_GOLDS)
        golds, since = golds[cut:], 0
    return golds, since


def verdict(doc: Doc, test: sequential_test.Plan) -> sequential_test.Verdict:
    """The test's word on the gold answers since the person last began; suspects do not count."""
    golds = doc.get("golds", [])[doc.get("since", 0) :]
    return sequential_test.judge([bool(g["right"]) for g in golds if not g.get("suspect")], test)


def paused(doc: Doc, found: sequential_test.Verdict, now: str) -> Doc:
    return {
        **doc,
        "state": PAUSED,
        "reason": found.reason,
        "evidence": found.evidence,
        "state_time": now,
    }


def resumed(doc: Doc, reason: str, now: str, *, anew: bool) -> Doc:
    """Active again: `anew` with a new career, or with what was left once gold proved wrong."""
    since = len(doc.get("golds", [])) if anew else doc.get("since", 0)
    return {**doc, "state": ACTIVE, "reason": reason, "since": since, "state_time": now}


@dataclass(frozen=True)
class Suspect:
    """A gold item that most good annotators fail."""

    item: str
    task: str
    answers: int
    failed: int

    @property
    def words(self) -> str:
        return (
            f"{self.failed} of {self.answers} annotators gave another answer, among them most of"
            " the good ones; the known answer may be wrong"
        )


def suspects(docs: Iterable[Doc]) -> list[Suspect]:
    """Gold that is newly suspected, from the documents of a project's people."""
    rows: list[tuple[str, int, bool]] = []
    task: dict[str, str] = {}
    for person, doc in enumerate(docs):
        for gold in doc.get("golds", []):
            if not gold.get("suspect"):
                rows.append((gold["item"], person, bool(gold["right"])))
                task[gold["item"]] = f"{doc['project']}/tasks/{gold['task']}"
    if not rows:
        return []
    names, item = np.unique([row[0] for row in rows], return_inverse=True)
    who, right = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    found = sequential_test.suspect_gold(item, who, right)
    return [
        Suspect(
            str(names[i]),
            task[str(names[i])],
            int((item == i).sum()),
            int((~right[item == i]).sum()),
        )
        for i in found
    ]


def without(doc: Doc, items: frozenset[str]) -> Doc | None:
    """The document in which these golds no longer count; None where none of them is in it."""
    hit = [g for g in doc.get("golds", []) if g["item"] in items and not g.get("suspect")]
    if not hit:
        return None
    golds = [{**g, "suspect": True} if g["item"] in items else g for g in doc["golds"]]
    return {
        **doc,
        "golds": golds,
        "gold": doc.get("gold", 0.0) - len(hit),
        "gold_correct": doc.get("gold_correct", 0.0) - sum(bool(g["right"]) for g in hit),
    }


def skill_doc(doc: Doc, project: Project, signals: Sequence[Doc] = ()) -> Doc:
    """What is told of a person, as `qc_scorer.v1.Skill`."""
    test = plan_of(project)
    told = {
        **domain.skill(doc["annotator"], doc),
        "name": doc["name"],
        "state": doc.get("state", ACTIVE),
        "reason": doc.get("reason", ""),
        "classes": _class_skills(doc, project),
        "signals": list(signals),
        "anchoring": _anchoring(doc),
        **({"state_time": doc["state_time"]} if "state_time" in doc else {}),
    }
    if test is None:
        return told
    stopped = told["state"] == PAUSED
    found = verdict(doc, test)
    told |= {"limit": test.limit, "plan": _plan_doc(test)}
    told["evidence"] = doc["evidence"] if stopped else found.evidence
    return told if stopped else {**told, "reason": told["reason"] or found.reason}


def own(told: Doc) -> Doc:
    """Return what the person may see of it: whether they may work, and why not. Anything that
    moves with the outcome of one answer would tell which task's answer was known."""
    seen = ("name", "annotator", "state", "state_time")
    reason = {"reason": told["reason"]} if told["state"] == PAUSED else {}
    return {**{k: told[k] for k in seen if k in told}, **reason}


def _plan_doc(test: sequential_test.Plan) -> Doc:
    return {
        "good_accuracy": test.good,
        "bad_accuracy": test.bad,
        "horizon": test.horizon,
        "false_alarm": test.alpha,
        "power": test.power,
        "expected_golds": test.expected,
        "golds_95": test.within_95,
    }


def _class_skills(doc: Doc, project: Project) -> list[Doc]:
    place = {name: i for i, name in enumerate(project.classes)}
    golds = [g for g in doc.get("golds", []) if g["truth"] in place and not g.get("suspect")]
    if not golds:
        return []
    true = np.array([place[g["truth"]] for g in golds])
    said = np.array([place.get(g["answer"], len(place)) for g in golds])
    found = sequential_test.skill(true, said, len(place))
    return [
        {
            "class": name,
            "accuracy": float(found.mean[i]),
            "accuracy_lower": float(found.lower[i]),
            "accuracy_upper": float(found.upper[i]),
            "gold_count": int(found.golds[i]),
        }
        for name, i in place.items()
        if found.golds[i]
    ]


def _anchoring(doc: Doc) -> Doc:
    shown, blind, injected = (int(doc.get(k, 0)) for k in ("shown", "blind", "injected_error"))
    found = sequential_test.anchoring(
        (int(doc.get("shown_same", 0)), shown), (int(doc.get("blind_same", 0)), blind)
    )
    return {
        "difference": 0.0 if math.isnan(found.value) else found.value,
        "lower": found.lower,
        "upper": found.upper,
        "shown_count": shown,
        "blind_count": blind,
        "injected_error_count": injected,
        "injected_error_kept_count": int(doc.get("injected_error_kept", 0)),
    }
