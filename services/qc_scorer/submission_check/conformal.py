"""How far a submission is from the draft, and when that is far enough to ask again.

The threshold is a split-conformal quantile (Vovk, Gammerman and Shafer 2005; Angelopoulos and
Bates 2021): of right submissions at most `alpha` are farther, in finite samples and whatever
the model is. The person's history only orders submissions; the promise does not rest on it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from services.qc_scorer import losses
from services.qc_scorer.gates import stream_bounds
from services.qc_scorer.losses.image.geometry import Drawn, things
from services.qc_scorer.losses.image.objects import Rule, matched
from services.qc_scorer.submission_check.hints import word_changes, words_of

Doc = dict[str, Any]
# Error rate of a person of whom nothing is known, and how many settled answers that weighs.
PRIOR_ERROR, PRIOR_WEIGHT = 0.05, 10.0
MOST_FACTOR = 10.0
# Distances kept of each class: enough for a quantile, and a bounded document.
KEPT = 500
REST = ""
UNCHECKED_SHARE = 0.1
_SURE = 1.0 - 1e-9


def distance(value: Doc, draft: Doc, score: float, loss: str) -> float:
    """Distance of a submission to the draft, 0 to 1; `score` is the model's, 0 to 1."""
    if _drawn(value):
        return _object_distance(things(value), things(draft), score)
    if _by_words(loss):
        missing, extra, replaced = word_changes(words_of(value), words_of(draft))
        longest = max(1, len(words_of(draft)), len(words_of(value)))
        return min(1.0, (missing + extra + replaced) / longest) * score
    return losses.distance(draft, value, loss) * score


def weighted(plain: float, factor: float) -> float:
    """The distance, read as the chance of an error, after an odds factor; 0 stays 0."""
    odds = min(plain, _SURE)
    odds = factor * odds / (1.0 - odds)
    return odds / (1.0 + odds)


def odds_factor(right: float, wrong: float) -> float:
    """How much likelier errors of this person are, from settled answers in one class."""
    error = (wrong + PRIOR_ERROR * PRIOR_WEIGHT) / (right + wrong + PRIOR_WEIGHT)
    factor = error / (1.0 - error) / (PRIOR_ERROR / (1.0 - PRIOR_ERROR))
    return min(MOST_FACTOR, max(1.0 / MOST_FACTOR, factor))


def class_of(value: Doc) -> str:
    """The class of a single choice; `REST` for every other shape."""
    said = value.get("choices", {}).get("classes", [])
    return str(said[0]) if len(said) == 1 else REST


def needed(alpha: float) -> int:
    """Right submissions without which no threshold can promise `alpha`."""
    return math.ceil(1.0 / alpha - 1e-9) - 1


def threshold(distances: Sequence[float], alpha: float) -> float | None:
    """Distance beyond which a submission is held; None while too few are known.

    `distances` are those of submissions that turned out right. A new one is beyond the
    ceil((n + 1)(1 - alpha))-th smallest with probability at most `alpha`; ties only lower it.
    """
    if alpha <= 0.0 or len(distances) < needed(alpha):
        return None
    rank = math.ceil((len(distances) + 1) * (1.0 - alpha) - 1e-9)
    return sorted(distances)[rank - 1]


def thresholds(by_class: Mapping[str, Sequence[float]], alpha: float) -> dict[str, float]:
    """Thresholds by class; classes with too few of their own share that of `REST`."""
    found: dict[str, float] = {}
    rest: list[float] = []
    for name, distances in by_class.items():
        own = threshold(distances, alpha) if name != REST else None
        if own is None:
            rest.extend(distances)
        else:
            found[name] = own
    shared = threshold(rest, alpha)
    return found if shared is None else {**found, REST: shared}


def reservoir(doc: Doc, row: Sequence[Any], chance: float) -> Doc:
    """The class's reservoir with one more row: each ever seen is kept with equal chance (Vitter
    1985). `chance` is uniform in [0, 1)."""
    kept, seen = list(doc.get("kept", [])), int(doc.get("seen", 0)) + 1
    if len(kept) < KEPT:
        kept.append(list(row))
    elif (place := int(chance * seen)) < KEPT:
        kept[place] = list(row)
    return {**doc, "kept": kept, "seen": seen}


def _by_words(loss: str) -> bool:
    return re.split("[:;]", loss)[0] in ("text", "word", "character")


def _drawn(value: Doc) -> bool:
    """Are there objects on an image, or could there be?"""
    return "boxes" in value or "objects" in value


def _object_distance(said: list[Doc], drafted: list[Doc], score: float) -> float:
    pairs = matched(Drawn(said), Drawn(drafted), Rule())
    partners = set(pairs[:, 1].tolist())
    alone = sum(b.get("score") or score for j, b in enumerate(drafted) if j not in partners)
    alone += (len(said) - len(pairs)) * score
    return float(min(1.0, alone / max(1, len(said) + len(drafted) - len(pairs))))


COUNTS = ("checked", "held", "changed", "objected", "upheld", "unanswered", "blind")
TOLD = ("right", "right_held", "wrong", "wrong_held")
AUDITS = ("audits_with", "errors_with", "audits_without", "errors_without")


def report(counters: Mapping[str, Any]) -> Doc:
    """Document of `qc_scorer.v1.Correction` from the project's counters."""
    n = {k: int(counters.get(f"correction_{k}", 0)) for k in (*COUNTS, *TOLD, *AUDITS)}
    false_alarm = _rate(n["right_held"], n["right"])
    caught = _rate(n["wrong_held"], n["wrong"])
    # A reviewer settles what was objected to: no error of the annotator is left there.
    unsettled = 1.0 - n["objected"] / max(1, n["checked"])
    return {
        **{f"{k}_count": n[k] for k in (*COUNTS, *TOLD)},
        **{k: n[k] for k in AUDITS},
        "false_alarm_rate": false_alarm[0],
        "false_alarm_lower": false_alarm[1],
        "false_alarm_upper": false_alarm[2],
        "caught_share": caught[0],
        "caught_lower": caught[1],
        "caught_upper": caught[2],
        "error_with": unsettled * n["errors_with"] / max(1, n["audits_with"]),
        "error_without": n["errors_without"] / max(1, n["audits_without"]),
    }


def _rate(count: int, size: int) -> tuple[float, float, float]:
    """(rate, exact 95 % interval); (0, 0, 1) of nothing."""
    if not size:
        return 0.0, 0.0, 1.0
    lower = 1.0 - stream_bounds.upper_bound(size - count, size, 0.025)
    return count / size, lower, stream_bounds.upper_bound(count, size, 0.025)
