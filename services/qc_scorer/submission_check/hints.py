"""The kind of error it would be if the model's prediction were right, in each shape's own terms:
what may be missing, too much, not in its place or of another class."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from rapidfuzz.distance import Levenshtein

from services.qc_scorer.losses.image.geometry import Drawn, things
from services.qc_scorer.losses.image.objects import Rule, matched
from services.qc_scorer.losses.text.normalisers import words
from services.qc_scorer.losses.text.spans import changes

Doc = dict[str, Any]
# Longer texts are compared by which words they have, not by where these stand.
MOST_CELLS = 100_000_000
# A box of the draft and one of the submission that touch by this much are meant to be one.
TOUCHING = 0.1


class Hint(enum.StrEnum):
    MISSING = "MISSING"
    EXTRA = "EXTRA"
    MISPLACED = "MISPLACED"
    WRONG_CLASS = "WRONG_CLASS"


_AGAIN = " Please look again; if it is right, submit as it is."
_TEXTS = {
    Hint.MISSING: "Something may be missing. Please look again; if nothing is, submit as it is.",
    Hint.EXTRA: "There may be too much. Please look again; if there is not, submit as it is.",
    Hint.MISPLACED: f"Something may not be where it should be.{_AGAIN}",
    Hint.WRONG_CLASS: f"A class may be wrong.{_AGAIN}",
}
_OF_WORDS = f"Some words may be wrong.{_AGAIN}"
_OF_SHAPES = {
    ("choices", Hint.WRONG_CLASS): f"The choice may be wrong.{_AGAIN}",
    ("preference", Hint.WRONG_CLASS): f"The choice may be wrong.{_AGAIN}",
    ("points", Hint.WRONG_CLASS): f"Some points may be of another class.{_AGAIN}",
    ("segments", Hint.MISPLACED): f"A time or some words may be wrong.{_AGAIN}",
    ("ranking", Hint.MISPLACED): f"The order may be wrong.{_AGAIN}",
    ("ratings", Hint.MISPLACED): f"A rating may be wrong.{_AGAIN}",
    **{
        (shape, Hint.MISPLACED): _OF_WORDS
        for shape in ("text", "rewrite", "prompt", "conversation")
    },
}


def text_of(kind: Hint, value: Doc) -> str:
    """What the annotator is told; never the answer."""
    return next((_OF_SHAPES[s, kind] for s in value if (s, kind) in _OF_SHAPES), _TEXTS[kind])


def hint(value: Doc, draft: Doc, loss: str) -> Hint:
    """The kind of error the submission `value` has if the draft is right; the most frequent."""
    shape = next(iter(value), "")
    if shape in _KINDS:
        return _KINDS[shape](value, draft, loss)
    return _listed(_within(value), _within(draft))


def word_changes(said: list[str], drafted: list[str]) -> tuple[int, int, int]:
    """(words only the draft has, words only the submission has, words replaced)."""
    if len(said) * len(drafted) > MOST_CELLS:
        missing = (Counter(drafted) - Counter(said)).total()
        extra = (Counter(said) - Counter(drafted)).total()
        both = min(missing, extra)
        return missing - both, extra - both, both
    kinds = Counter(edit.tag for edit in Levenshtein.editops(drafted, said))
    return kinds["delete"], kinds["insert"], kinds["replace"]


def words_of(value: Doc) -> list[str]:
    """Every word that a value's text has; of a conversation those of its turns."""
    text = value.get("text", {}).get("text", "")
    text = (
        text or value.get("rewrite", {}).get("after", "") or value.get("prompt", {}).get("text", "")
    )
    turns = value.get("conversation", {}).get("turns", [])
    return words(" ".join([text, *(turn.get("content", "") for turn in turns)]))


# -- one shape each -------------------------------------------------------------------------


def _choices(value: Doc, draft: Doc, loss: str) -> Hint:
    if loss.split(":")[0] != "set":
        return Hint.WRONG_CLASS
    said, drafted = (set(v.get("choices", {}).get("classes", [])) for v in (value, draft))
    return _commonest(len(drafted - said), len(said - drafted), 0, Hint.WRONG_CLASS)


def _text(value: Doc, draft: Doc, loss: str) -> Hint:
    return _commonest(*word_changes(words_of(value), words_of(draft)), Hint.MISPLACED)


def _spans(value: Doc, draft: Doc, loss: str) -> Hint:
    found = changes(value, draft)
    kinds = {
        Hint.MISPLACED: found.misplaced,
        Hint.WRONG_CLASS: found.renamed,
        Hint.MISSING: found.missing,
        Hint.EXTRA: found.extra,
    }
    if any(kinds.values()):
        return max(kinds, key=lambda kind: kinds[kind])
    return _listed(*(v.get("spans", {}).get("relations", []) for v in (value, draft)))


def _segments(value: Doc, draft: Doc, loss: str) -> Hint:
    said, drafted = (v.get("segments", {}).get("segments", []) for v in (value, draft))
    if [_place(one) for one in said] == [_place(one) for one in drafted]:
        texts = [words(" ".join(s.get("text", "") for s in x)) for x in (said, drafted)]
        return _commonest(*word_changes(*texts), Hint.MISPLACED)
    return _listed(said, drafted)


def _place(segment: Doc) -> tuple[Any, Any, Any]:
    return segment.get("start", 0.0), segment.get("end"), segment.get("class")


def _objects(value: Doc, draft: Doc, loss: str) -> Hint:
    said, drafted = things(value), things(draft)
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


def _composite(value: Doc, draft: Doc, loss: str) -> Hint:
    """Of the first part that is not as the draft has it."""
    said, drafted = (
        {(p.get("part", ""), p.get("element", "")): p.get("value", {}) for p in parts}
        for parts in (v.get("composite", {}).get("parts", []) for v in (value, draft))
    )
    if said.keys() != drafted.keys():
        return Hint.MISSING if len(drafted) > len(said) else Hint.EXTRA
    apart = next((key for key in said if said[key] != drafted[key]), None)
    return hint(said[apart], drafted[apart], "") if apart is not None else Hint.MISPLACED


_KINDS: dict[str, Callable[[Doc, Doc, str], Hint]] = {
    "choices": _choices,
    "preference": lambda *_: Hint.WRONG_CLASS,
    "points": lambda *_: Hint.WRONG_CLASS,
    "ranking": lambda *_: Hint.MISPLACED,
    "ratings": lambda *_: Hint.MISPLACED,
    "text": _text,
    "rewrite": _text,
    "prompt": _text,
    "conversation": _text,
    "spans": _spans,
    "segments": _segments,
    "boxes": _objects,
    "objects": _objects,
    "composite": _composite,
}


# -- lists of things that have a class ------------------------------------------------------


def _within(value: Doc) -> list[Doc]:
    """Everything that stands in a list of the value and has a class, at any depth but the top
    one's own."""
    found: list[Doc] = []
    todo: list[Any] = list(value.values())
    while todo:
        one = todo.pop()
        if isinstance(one, dict) and "class" in one:
            found.append(one)
        elif isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list):
            todo += one
    return found


def _listed(said: Iterable[Doc], drafted: Iterable[Doc]) -> Hint:
    """By how many there are of each class; where these are equal, something is not in its place."""
    mine, others = (Counter(one.get("class", "") for one in side) for side in (said, drafted))
    missing, extra = (others - mine).total(), (mine - others).total()
    if not missing and not extra:
        return Hint.MISPLACED
    return _commonest(missing, extra, 0, Hint.WRONG_CLASS)


def _commonest(missing: int, extra: int, replaced: int, other: Hint) -> Hint:
    """`other` where something was replaced, or as much is missing as is too much."""
    if replaced >= max(missing, extra, 1) or missing == extra:
        return other
    return Hint.MISSING if missing > extra else Hint.EXTRA
