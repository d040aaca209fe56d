"""How far a submission is from the draft, and when that is far enough to ask again.

The threshold is a split-conformal quantile (Vovk, Gammerman and Shafer 2005; Angelopoulos and
Bates 2021): of right submissions at most `alpha` are farther, in finite samples and whatever
the model is. The person's history only orders submissions; the promise does not rest on it.
"""

from __future__ import annotations

import enum
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rapidfuzz.distance import Levenshtein

from services.qc_scorer import agreement, stream
from services.qc_scorer.agreement.drawn import Drawn, things
from services.qc_scorer.agreement.normalisers import words
from services.qc_scorer.agreement.objects import Rule, matched
from services.qc_scorer.agreement.spans import Changes, changes

Doc = dict[str, Any]
# Error rate of a person of whom nothing is known, and how many settled answers that weighs.
PRIOR_ERROR, PRIOR_WEIGHT = 0.05, 10.0
MOST_FACTOR = 10.0
# Distances kept of each class: enough for a quantile, and a bounded document.
KEPT = 500
# Longer texts are compared by which words they have, not by where these stand.
MOST_CELLS = 100_000_000
# A box of the draft and one of the submission that touch by this much are meant to be one.
TOUCHING = 0.1
REST = ""
UNCHECKED_SHARE = 0.1
_SURE = 1.0 - 1e-9


class Hint(enum.StrEnum):
    MISSING = "MISSING"
    EXTRA = "EXTRA"
    MISPLACED = "MISPLACED"
    WRONG_CLASS = "WRONG_CLASS"


TEXTS = {
    Hint.MISSING: "Something may be missing. Please look again; if nothing is, submit as it is.",
    Hint.EXTRA: "There may be too much. Please look again; if there is not, submit as it is.",
    Hint.MISPLACED: "Something may not be where it should be. Please look again; if it is right,"
    " submit as it is.",
    Hint.WRONG_CLASS: "The choice may be wrong. Please look again; if it is right, submit as it"
    " is.",
}


def distance(value: Doc, draft: Doc, score: float, loss: str) -> float:
    """Distance of a submission to the draft, 0 to 1; `score` is the model's, 0 to 1."""
    if _drawn(value):
        return _object_distance(things(value), things(draft), score)
    if _by_words(loss):
        missing, extra, replaced = _word_changes(_words(value), _words(draft))
        longest = max(1, len(_words(draft)), len(_words(value)))
        return min(1.0, (missing + extra + replaced) / longest) * score
    return agreement.distance(draft, value, loss) * score


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


def hint(value: Doc, draft: Doc, loss: str) -> Hint:
    """The kind of error it would be if the draft were right; the most frequent one."""
    if _drawn(value):
        return _object_hint(things(value), things(draft))
    if loss == "span":
        return _span_hint(changes(value, draft))
    if _by_words(loss):
        return _commonest(*_word_changes(_words(value), _words(draft)), Hint.MISPLACED)
    if loss == "set":
        said, drafted = _classes(value), _classes(draft)
        return _commonest(len(drafted - said), len(said - drafted), 0, Hint.WRONG_CLASS)
    return Hint.WRONG_CLASS


def _by_words(loss: str) -> bool:
    return re.split("[:;]", loss)[0] in ("text", "word", "character")


def _span_hint(found: Changes) -> Hint:
    kinds = {
        Hint.MISPLACED: found.misplaced,
        Hint.WRONG_CLASS: found.renamed,
        Hint.MISSING: found.missing,
        Hint.EXTRA: found.extra,
    }
    return max(kinds, key=lambda kind: kinds[kind])


def _commonest(missing: int, extra: int, replaced: int, other: Hint) -> Hint:
    """`other` where something was replaced, or as much is missing as is too much."""
    if replaced >= max(missing, extra, 1) or missing == extra:
        return other
    return Hint.MISSING if missing > extra else Hint.EXTRA


def _drawn(value: Doc) -> bool:
    """Are there objects on an image, or could there be?"""
    return "boxes" in value or "objects" in value


def _object_distance(said: list[Doc], drafted: list[Doc], score: float) -> float:
    pairs = matched(Drawn(said), Drawn(drafted), Rule())
    partners = set(pairs[:, 1].tolist())
    alone = sum(b.get("score") or score for j, b in enumerate(drafted) if j not in partners)
    alone += (len(said) - len(pairs)) * score
    return float(min(1.0, alone / max(1, len(said) + len(drafted) - len(pairs))))


def _object_hint(said: list[Doc], drafted: list[Doc]) -> Hint:
    pairs = matched(Drawn(said), Drawn(drafted), Rule())
    mine = [b for i, b in enumerate(said) if i not in set(pairs[:, 0].tolist())]
    others = [b for j, b in enumerate(drafted) if j not in set(pairs[:, 1].tolist())]
    kinds: Counter[Hint] = Counter()
    for i, j in _touching(mine, others):
        same = mine[i].get("class") == others[j].get("class")
        kinds[Hint.MISPLACED if same else Hint.WRONG_CLASS] += 1
    paired = sum(kinds.values())
    kinds[Hint.MISSING], kinds[Hint.EXTRA] = len(others) - paired, len(mine) - paired
    return kinds.most_common(1)[0][0]


def _touching(mine: list[Doc], others: list[Doc]) -> list[tuple[int, int]]:
    """Pairs that may be meant to be one, whatever their classes."""
    left, right = (Drawn([{**thing, "class": ""} for thing in side]) for side in (mine, others))
    return [(i, j) for i, j in matched(left, right, Rule(slack=1.0 - TOUCHING)).tolist()]


def _word_changes(said: list[str], drafted: list[str]) -> tuple[int, int, int]:
    """(words only the draft has, words only the submission has, words replaced)."""
    if len(said) * len(drafted) > MOST_CELLS:
        missing = (Counter(drafted) - Counter(said)).total()
        extra = (Counter(said) - Counter(drafted)).total()
        both = min(missing, extra)
        return missing - both, extra - both, both
    kinds = Counter(edit.tag for edit in Levenshtein.editops(drafted, said))
    return kinds["delete"], kinds["insert"], kinds["replace"]


def _classes(value: Doc) -> set[str]:
    return set(value.get("choices", {}).get("classes", []))


def _words(value: Doc) -> list[str]:
    return words(value.get("text", {}).get("text", ""))


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
    lower = 1.0 - stream.upper_bound(size - count, size, 0.025)
    return count / size, lower, stream.upper_bound(count, size, 0.025)
