"""Texts that people write freely: rewrites, answers, prompts, conversations.

Two good ones are hardly ever equal, so the distance is of degree: 1 - chrF with beta 1, the
F-score of shared character n-grams up to six (Popovic 2015), which needs no word boundaries. Beyond
the tolerance (0.5 where none is given) two texts differ. `semantic_distance` compares vectors: the
caller gets them from an embedding model of the inference server, as the scorer calls none.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from services.qc_scorer.losses.language_model.rankings import compare_ranks
from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss
from services.qc_scorer.losses.text.normalisers import mixed
from services.qc_scorer.losses.text.words import rate_distance

TOLERANCE = 0.5
ORDER = 6


def edit_distance(a: str, b: str) -> float:
    """Edits of words (characters where no spaces are written), of those of the longer text."""
    return rate_distance(mixed(a), mixed(b))


def semantic_distance(a: Sequence[float], b: Sequence[float]) -> float:
    """(1 - cosine) / 2 of two embeddings; 1/2 where one is zero."""
    size = math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))
    cosine = math.fsum(x * y for x, y in zip(a, b, strict=True)) / size if size else 0.0
    return (1.0 - max(-1.0, min(1.0, cosine))) / 2.0


def chrf(a: str, b: str) -> float:
    """F-score of the mean precision and the mean recall of n-grams of characters without spaces, of
    the orders that both texts are long enough for. 1 of two texts without any, 0 of one."""
    left, right = "".join(a.split()), "".join(b.split())
    orders = range(1, min(ORDER, len(left), len(right)) + 1)
    if not orders:
        return float(left == right)
    precision = recall = 0.0
    for order in orders:
        mine, others = _grams(left, order), _grams(right, order)
        shared = (mine & others).total()
        precision += shared / mine.total() / len(orders)
        recall += shared / others.total() / len(orders)
    return 2.0 * precision * recall / (precision + recall) if precision else 0.0


def _grams(signs: str, order: int) -> Counter[str]:
    return Counter(signs[i : i + order] for i in range(len(signs) - order + 1))


def apart(a: str, b: str) -> float:
    return max(0.0, 1.0 - chrf(a, b))


def _by_degree(distance: Callable[[Doc, Doc], float]) -> Loss:
    """The item is the unit: wrong where it is farther off than the tolerance."""

    def measured(a: Doc, b: Doc, tolerance: float | None = None) -> float:
        return distance(a, b)

    def errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
        most = TOLERANCE if tolerance is None else tolerance
        return Errors(float(distance(truth, label) > most + EPSILON), 1.0)

    return Loss(measured, errors)


def rewritten(value: Doc) -> str:
    return str(value.get("rewrite", {}).get("after", ""))


def response(value: Doc) -> str:
    """What the assistant says last."""
    given = turns(value)
    return next((said(t) for t in reversed(given) if t.get("role") == "assistant"), "")


def turns(value: Doc) -> list[Doc]:
    return list(value.get("conversation", {}).get("turns", []))


def said(turn: Doc) -> str:
    return str(turn.get("content", ""))


def _rewrite_distance(a: Doc, b: Doc) -> float:
    return apart(rewritten(a), rewritten(b))


def _response_distance(a: Doc, b: Doc) -> float:
    return apart(response(a), response(b))


def _prompt_distance(a: Doc, b: Doc) -> float:
    """Mean over the texts and, where there are any, the names of variables."""
    left, right = a.get("prompt", {}), b.get("prompt", {})
    texts = [f"{p.get('system', '')}\n{p.get('text', '')}" for p in (left, right)]
    names = [{v.get("name", "") for v in p.get("variables", [])} for p in (left, right)]
    parts = [apart(*texts)]
    if names[0] or names[1]:
        parts.append(len(names[0] ^ names[1]) / len(names[0] | names[1]))
    return sum(parts) / len(parts)


def ranks(turn: Doc) -> dict[str, int]:
    """Reply -> rank, of those that are ranked."""
    return {r.get("id", ""): r["rank"] for r in turn.get("replies", []) if r.get("rank")}


def _turn(a: Doc, b: Doc) -> tuple[float, float]:
    """(distance of the contents, distance of the orders of replies) of two turns."""
    if a.get("role") != b.get("role"):
        return 1.0, 1.0
    found = compare_ranks(ranks(a), ranks(b))
    return edit_distance(said(a), said(b)), (1.0 - found.tau) / 2.0


def _pairs(a: Doc, b: Doc) -> tuple[list[tuple[float, float]], int]:
    """(distances of the turns that both have, turns that only one has)."""
    left, right = turns(a), turns(b)
    both = [_turn(x, y) for x, y in zip(left, right, strict=False)]
    return both, max(len(left), len(right)) - len(both)


def _conversation_errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    """Turns missed, too many or wrong: their contents are farther apart than the tolerance, or
    their replies are in another order (farther apart than it, where one is given)."""
    both, alone = _pairs(truth, label)
    content = (TOLERANCE if tolerance is None else tolerance) + EPSILON
    order = (tolerance or 0.0) + EPSILON
    wrong = sum(text > content or place > order for text, place in both)
    return Errors(float(wrong + alone), float(len(turns(truth))))


def _conversation_distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    """Mean over the turns of the larger of the two distances."""
    both, alone = _pairs(a, b)
    return (sum(map(max, both)) + alone) / max(1, len(both) + alone)


REWRITE = _by_degree(_rewrite_distance)
RESPONSE = _by_degree(_response_distance)
PROMPT = _by_degree(_prompt_distance)
CONVERSATION = Loss(_conversation_distance, _conversation_errors)
