"""Texts, as a whole (`text`), word by word (`word`) or character by character (`character`).

The errors of the last two are the edits that make one text the other (Levenshtein 1966): words or
characters wrong, missing or too many, of those of the truth. An item is wrong where their rate is
above the tolerance. What is forgiven is the label schema's to say (`normalisers`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from rapidfuzz.distance import Levenshtein

from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss
from services.qc_scorer.losses.text.normalisers import NORMALISERS, Normaliser, none, words


def text(value: Doc) -> str:
    return str(value.get("text", {}).get("text", ""))


def edits(said: list[str], true: list[str], most: int | None = None) -> int:
    """Edit distance of two lists of tokens; beyond `most` some number above it."""
    return int(Levenshtein.distance(said, true, score_cutoff=most))


def word_errors(text: str, reference: str, tokens: Normaliser = words) -> tuple[int, int]:
    """(words wrong, missed or too many, words of the reference)."""
    true = tokens(reference)
    return edits(tokens(text), true), len(true)


def rate_distance(left: list[str], right: list[str]) -> float:
    """Edits as a share of the longer one: 0 to 1, whichever is first."""
    return edits(left, right) / max(1, len(left), len(right))


def _whole(tokens: Normaliser) -> Loss:
    def errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
        return Errors(float(tokens(text(truth)) != tokens(text(label))), 1.0)

    def distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
        return errors(a, b).count

    return Loss(distance, errors)


def _by_token(tokens: Normaliser) -> Loss:
    def errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
        count, units = word_errors(text(label), text(truth), tokens)
        return Errors(float(count), float(units))

    def distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
        return rate_distance(tokens(text(a)), tokens(text(b)))

    def differs(truth: Doc, label: Doc, tolerance: float | None = None) -> bool:
        true, said = tokens(text(truth)), tokens(text(label))
        most = math.floor((tolerance or 0.0) * len(true) + EPSILON)
        return edits(said, true, most) > most

    return Loss(distance, errors, differs)


def _loss(made: Loss, named: Mapping[str, Loss]) -> Loss:
    """The loss of the usual normaliser, which gives way to that of the label schema."""
    return replace(made, options=lambda said: named.get(said.get("normaliser", ""), made))


_BY_TOKEN = {name: _by_token(tokens) for name, tokens in NORMALISERS.items()}
TEXT = _loss(_whole(none), {name: _whole(tokens) for name, tokens in NORMALISERS.items()})
WORD = _loss(_BY_TOKEN["words"], _BY_TOKEN)
CHARACTER = _loss(_BY_TOKEN["characters"], _BY_TOKEN)
