"""Use cases of correction on submit: check submissions, learn what right ones look like."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter, defaultdict
from collections.abc import Sequence

from libs.common import telemetry
from libs.common.codec import Doc
from libs.common.store import Unit
from services.qc_scorer import domain, store
from services.qc_scorer.domain import GateState, Project
from services.qc_scorer.losses import differs
from services.qc_scorer.submission_check import conformal, hints

CHECKED, UNCHECKED = "CHECKED", "UNCHECKED"
BLIND_SHARE, OBJECTED = "BLIND_SHARE", "OBJECTED"


class Checks:
    """The part of the scorer that asks an annotator to look again; a base of `QcScorer`."""

    async def check(self, unit: Unit, project: Project, tasks: Sequence[Doc]) -> dict[str, Doc]:
        """Documents of `Check` by task name, for tasks with one submission that counts."""
        if not project.check_false_alarm:
            return {}
        single = [t for t in tasks if _single(t)]
        rows = await unit.get_many(store.CHECKS, [t["name"] for t in single])
        counts: Counter[str] = Counter()
        found = _answered(unit, project, single, rows, counts)
        fresh = [t for t in single if t["name"] not in found]
        found |= await self._first(unit, project, fresh, rows, counts)
        _tell(unit, project.name, counts)
        return found

    async def _first(
        self,
        unit: Unit,
        project: Project,
        tasks: Sequence[Doc],
        rows: dict[str, Doc],
        counts: Counter[str],
    ) -> dict[str, Doc]:
        """Checks of first submissions; a task that was checked in this version is repeated."""
        repeated = {t["name"]: rows[t["name"]] for t in tasks if t["name"] in rows}
        found = {n: row["check"] for n, row in repeated.items()}
        tasks = [t for t in tasks if t["name"] not in repeated]
        gates = {domain.gate_name(project.name, t["prediction"]) for t in tasks}
        limits = await unit.get_many(store.THRESHOLDS, sorted(gates))
        people = {_history(project.name, domain.counted(t)[0]["annotator"]) for t in tasks}
        histories = await unit.get_many(store.HISTORIES, sorted(people))
        secret = (await store.coin_secret(unit)).encode()
        for task in tasks:
            row = _judge(project, task, limits, histories, _coin(secret, task["name"]))
            check = row["check"]
            counts["blind"] += check["state"] == BLIND_SHARE
            counts["checked"] += check["state"] == CHECKED
            counts["held"] += bool(check.get("held"))
            unit.overwrite(store.CHECKS, row)
            found[task["name"]] = check
        return found

    async def settle_checks(self, unit: Unit, project: Project, tasks: Sequence[Doc]) -> None:
        """Settled tasks: what the checks were worth, and what the next ones can stand on."""
        if not project.check_false_alarm:
            return
        rows = await unit.get_many(store.CHECKS, [t["name"] for t in tasks])
        counts: Counter[str] = Counter()
        for task in tasks:
            if task["name"] in rows:
                counts.update(_worth(project, task, rows[task["name"]]))
        unit.delete(store.CHECKS, list(rows))
        _tell(unit, project.name, counts)
        verified = [t for t in tasks if domain.verified(t) and domain.counted(t)]
        await self._calibrate(unit, project, verified, rows)
        await self._remember(unit, project, verified)

    async def _calibrate(
        self, unit: Unit, project: Project, verified: Sequence[Doc], rows: dict[str, Doc]
    ) -> None:
        """Adds submissions that nobody had checked, and that were right, to what is known."""
        groups: dict[str, list[Doc]] = defaultdict(list)
        for task in verified:
            if _is_evidence(project, task, rows.get(task["name"])):
                groups[domain.gate_name(project.name, task["prediction"])].append(task)
        secret = (await store.coin_secret(unit)).encode() if groups else b""
        for gate, tasks in groups.items():
            known = await store.reservoirs_of(unit, gate)
            for class_ in _keep(project, gate, known, tasks, secret):
                unit.overwrite(store.RESERVOIRS, known[class_])
            by_class = await self._distances(unit, project, gate, known)
            limits = conformal.thresholds(by_class, project.check_false_alarm)
            unit.overwrite(store.THRESHOLDS, {"name": gate, "limits": [*limits.items()]})

    async def _distances(
        self, unit: Unit, project: Project, gate: str, known: dict[str, Doc]
    ) -> dict[str, list[float]]:
        """Distances by class as histories are now, so that old ones compare with new ones."""
        people = {person for doc in known.values() for _, _, person in doc["kept"]}
        names = {person: _history(project.name, person) for person in people}
        histories = await unit.get_many(store.HISTORIES, sorted(names.values()))
        limit = await _passing_score(unit, project, gate)
        return {
            class_: [
                conformal.weighted(plain, _factor(histories.get(names[person], {}), class_))
                for plain, score, person in doc["kept"]
                if score < limit
            ]
            for class_, doc in known.items()
        }

    async def _remember(self, unit: Unit, project: Project, verified: Sequence[Doc]) -> None:
        """People's answers against settled labels, by the class they chose."""
        answers: dict[str, Counter[tuple[str, bool]]] = defaultdict(Counter)
        for task in verified:
            for one in domain.counted(task):
                wrong = differs(task["label"]["value"], one["value"], project.loss)
                key = (conformal.class_of(one["value"]), wrong)
                answers[_history(project.name, one["annotator"])][key] += 1
        known = await unit.get_many(store.HISTORIES, sorted(answers))
        for name, counted in answers.items():
            classes = _tallies(known.get(name, {}))
            for (class_, wrong), count in counted.items():
                tally = classes.setdefault(class_, [0, 0])
                tally[wrong] += count
            rows = [[class_, *tally] for class_, tally in classes.items()]
            unit.overwrite(store.HISTORIES, {"name": name, "classes": rows})


def _single(task: Doc) -> bool:
    """One submission of ordinary work, with a draft to compare it with: no known answer, no
    evidence of a gate, nobody else's opinion. What a lot sends to people blind stays so; a
    planted wrong draft measures who looks, and a hint would spoil that."""
    draft = task.get("prediction")
    if draft is None or task.get("gold") or task.get("sampled") or task.get("reviews"):
        return False
    ordinary = task.get("stage", "ANNOTATION") == "ANNOTATION"
    blind_lot = bool(task.get("blind") and draft.get("lot"))
    alone = len(domain.counted(task)) == 1
    return ordinary and not blind_lot and "injected_error" not in draft and alone


def _answered(
    unit: Unit, project: Project, tasks: Sequence[Doc], rows: dict[str, Doc], counts: Counter[str]
) -> dict[str, Doc]:
    """Checks of tasks that were given back: a second answer, or none in time."""
    found: dict[str, Doc] = {}
    for task in tasks:
        answer = domain.counted(task)[0]
        row = rows.get(task["name"])
        if not (answer.get("after_hint") or answer.get("unchecked")):
            continue
        check = _second(project, task, answer)
        found[task["name"]] = check
        if row is not None and not row.get("answered"):
            outcome = "unanswered" if answer.get("unchecked") else "changed"
            counts["objected" if check["state"] == OBJECTED else outcome] += 1
            unit.overwrite(store.CHECKS, {**row, "answered": True, "check": check})
    return found


def _second(project: Project, task: Doc, answer: Doc) -> Doc:
    if answer.get("unchecked"):
        return {"state": UNCHECKED}
    before = next((a for a in task["annotations"] if a.get("held")), answer)
    same = not differs(before["value"], answer["value"], project.loss)
    return {"state": OBJECTED if same or answer.get("objected") else CHECKED}


def _judge(
    project: Project,
    task: Doc,
    limits: dict[str, Doc],
    histories: dict[str, Doc],
    chance: float,
) -> Doc:
    """The row of a first submission, with its check."""
    answer, draft = domain.counted(task)[0], task["prediction"]
    class_ = conformal.class_of(answer["value"])
    history = histories.get(_history(project.name, answer["annotator"]), {})
    far = conformal.weighted(_plain(project, answer, draft), _factor(history, class_))
    known = dict(limits.get(domain.gate_name(project.name, draft), {}).get("limits", []))
    limit = known.get(class_, known.get(conformal.REST))
    over = limit is not None and far > limit
    check: Doc = {"state": CHECKED, "distance": far}
    if limit is None:
        check["state"] = UNCHECKED
    elif chance < project.unchecked_share:
        check["state"] = BLIND_SHARE
    elif over:
        kind = hints.hint(answer["value"], draft["value"], project.loss)
        text = hints.text_of(kind, answer["value"])
        check |= {"held": True, "hint": kind.value, "hint_text": text}
    return {
        "name": task["name"],
        "check": check,
        "over": over,
        "blind": check["state"] in (BLIND_SHARE, UNCHECKED),
    }


def _plain(project: Project, answer: Doc, draft: Doc) -> float:
    score = float(draft.get("score", 0.0))
    return conformal.distance(answer["value"], draft["value"], score, project.loss)


def _factor(history: Doc, class_: str) -> float:
    return conformal.odds_factor(*_tallies(history).get(class_, [0, 0]))


def _worth(project: Project, task: Doc, row: Doc) -> dict[str, int]:
    """What a settled task adds to the measure of the checks."""
    if row["check"]["state"] == OBJECTED:
        wrong = differs(task["label"]["value"], domain.counted(task)[0]["value"], project.loss)
        return {"upheld": int(not wrong)}
    outcome = domain.audit_outcome(task, project)
    if outcome is None or row["check"]["state"] == UNCHECKED:
        return {}
    if row["check"]["state"] == CHECKED:
        return {"audits_with": 1, "errors_with": int(outcome)}
    kind = "wrong" if outcome else "right"
    told = {kind: 1, f"{kind}_held": int(row["over"])}
    return {"audits_without": 1, "errors_without": int(outcome), **told}


def _is_evidence(project: Project, task: Doc, row: Doc | None) -> bool:
    """Was the first submission right, and touched by no check? Chance chose the task: it is of
    the gate's sample, or audited where nothing was checked."""
    if task.get("gold") or task.get("prediction") is None:
        return False
    unchecked = row["blind"] if row else bool(task.get("sampled"))
    first = domain.counted(task)[0]["value"]
    return unchecked and not differs(task["label"]["value"], first, project.loss)


def _keep(
    project: Project, gate: str, known: dict[str, Doc], tasks: Sequence[Doc], secret: bytes
) -> set[str]:
    """Puts first submissions into the reservoirs of their classes; the classes that changed."""
    changed = set()
    for task in tasks:
        first, draft = domain.counted(task)[0], task["prediction"]
        class_ = conformal.class_of(first["value"])
        empty = {"name": f"{gate}/reservoirs/{class_}", "gate": gate, "class": class_}
        row = [_plain(project, first, draft), draft.get("score", 0.0), first["annotator"]]
        chance = _coin(secret, f"kept\x1f{task['name']}")
        known[class_] = conformal.reservoir(known.get(class_, empty), row, chance)
        changed.add(class_)
    return changed


async def _passing_score(unit: Unit, project: Project, gate: str) -> float:
    """Score from which drafts go out by machine: people's submissions are below it, and so must
    be what their threshold is made of."""
    doc = await unit.get(store.GATES, gate) or {}
    lets_out = project.machine_label and doc.get("state") == GateState.OPEN.value
    return float(doc["threshold"]) if lets_out else float("inf")


def _tallies(history: Doc) -> dict[str, list[int]]:
    """[right, wrong] settled answers by class."""
    return {class_: [right, wrong] for class_, right, wrong in history.get("classes", [])}


def _history(project: str, person: str) -> str:
    return f"{project}/histories/{person}"


def _coin(secret: bytes, what: str) -> float:
    digest = hmac.digest(secret, f"check\x1f{what}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:7]) / 2**56


def _tell(unit: Unit, project: str, counts: Counter[str]) -> None:
    """Counts in the project's counters and, once committed, in the metrics."""
    moved = {k: n for k, n in counts.items() if n}
    if not moved:
        return
    unit.count(store.QUALITY, project, {f"correction_{k}": n for k, n in moved.items()})

    def measure() -> None:
        for outcome in conformal.COUNTS:
            telemetry.CHECKS_TOTAL.labels(outcome).inc(moved.get(outcome, 0))

    unit.after_commit.append(measure)
