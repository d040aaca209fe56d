"""The signals of a whole project's people, from what is kept of them (`careers`)."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from services.qc_scorer.annotators import anomaly_tests
from services.qc_scorer.annotators.anomaly_tests import Signal
from services.qc_scorer.domain import Doc

RECENT = 20
FEW_SECONDS = 5


def standing(
    docs: Sequence[Doc], blind_wrong: tuple[int, int], opinions: Sequence[Doc]
) -> dict[str, list[Doc]]:
    """By person, the signals that stand when all are looked at together, least likely first.

    `blind_wrong`: drafts that blind labels proved wrong, of how many. `opinions`: tasks whose
    truth is known from elsewhere, as {"truth": class, "answers": [[person, class], ...]}.
    """
    all_signals: dict[str, Signal] = {}
    about: dict[str, tuple[str, ...]] = {}

    def note(signal: Signal, *annotators: str) -> None:
        key = "\x1f".join((signal.kind, *annotators))
        all_signals[key], about[key] = signal, annotators

    medians = {d["annotator"]: m for d in docs if (m := _median(d)) is not None}
    total: Counter[str] = Counter()
    for doc in docs:
        total.update(doc.get("answers", {}))
    for doc in docs:
        for signal in _of_one(doc, medians, total, blind_wrong):
            note(signal, doc["annotator"])
    for pair, signal in _shared_errors(opinions).items():
        note(signal, *pair)
    found: dict[str, list[Doc]] = defaultdict(list)
    for key, signal in anomaly_tests.standing(all_signals).items():
        for annotator in about[key]:
            others = [other for other in about[key] if other != annotator]
            words = f"{signal.words}, with {others[0]}" if others else signal.words
            found[annotator].append({"kind": signal.kind, "p": signal.p, "words": words})
    return {name: sorted(told, key=lambda s: float(s["p"])) for name, told in found.items()}


def _median(doc: Doc) -> float | None:
    seconds = doc.get("seconds", [])[-RECENT:]
    return statistics.median(seconds) if len(seconds) >= FEW_SECONDS else None


def _of_one(
    doc: Doc, medians: Mapping[str, float], total: Counter[str], blind_wrong: tuple[int, int]
) -> list[Signal]:
    found = []
    seconds = doc.get("seconds", [])
    if len(seconds) >= FEW_SECONDS:
        others = [m for name, m in medians.items() if name != doc["annotator"]]
        found.append(anomaly_tests.too_fast(seconds[-RECENT:], seconds[:-RECENT], others))
    confirmed = int(doc.get("shown_same", 0)), int(doc.get("shown", 0))
    planted = int(doc.get("injected_error_kept", 0)), int(doc.get("injected_error", 0))
    if confirmed[1] or planted[1]:
        found.append(anomaly_tests.copies_draft(confirmed, blind_wrong, planted))
    if mine := doc.get("answers"):
        names = sorted(total)
        rest = [total[name] - mine.get(name, 0) for name in names]
        found.append(anomaly_tests.answer_bias([mine.get(n, 0) for n in names], rest, names))
    return found


def _shared_errors(opinions: Sequence[Doc]) -> dict[tuple[str, str], Signal]:
    rows = [(t, who, said) for t, o in enumerate(opinions) for who, said in o["answers"]]
    if not rows:
        return {}
    classes = sorted({said for *_, said in rows} | {o["truth"] for o in opinions})
    place = {name: i for i, name in enumerate(classes)}
    annotators = sorted({who for _, who, _ in rows})
    number = {name: i for i, name in enumerate(annotators)}
    found = anomaly_tests.collusion(
        np.array([t for t, *_ in rows]),
        np.array([number[who] for _, who, _ in rows]),
        np.array([place[said] for *_, said in rows]),
        np.array([place[o["truth"]] for o in opinions]),
    )
    return {(annotators[a], annotators[b]): signal for (a, b), signal in found.items()}
