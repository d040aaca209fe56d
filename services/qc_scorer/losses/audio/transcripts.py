"""What every speaker of a recording says: concatenated minimum-permutation word error rate (cpWER,
Watanabe et al. 2020). The words of each speaker are one text in the order of their segments;
speakers are paired so that the fewest words are wrong. Tokens are those of the label schema's
normaliser."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from services.qc_scorer.losses.audio.speaker_turns import MOST_PAIRS, segments
from services.qc_scorer.losses.protocol import Doc, Errors, Loss, by_rate
from services.qc_scorer.losses.text.normalisers import NORMALISERS, Normaliser, mixed
from services.qc_scorer.losses.text.words import edits


def said(segment: Doc) -> str:
    """The segment's text, or its words where only these are given."""
    text = segment.get("text", "")
    return str(text or " ".join(word.get("text", "") for word in segment.get("words", [])))


def streams(value: Doc, tokens: Normaliser = mixed) -> dict[str, list[str]]:
    """The tokens of each speaker."""
    found: dict[str, list[str]] = defaultdict(list)
    for segment in sorted(segments(value), key=lambda s: (s.get("start", 0.0), s.get("end", 0.0))):
        found[segment.get("speaker", "")] += tokens(said(segment))
    return found


def wrong_words(a: dict[str, list[str]], b: dict[str, list[str]]) -> int:
    """Fewest edits over all ways to pair the speakers; who has no partner is wrong in all words."""
    if len(a) * len(b) > MOST_PAIRS:
        return sum(edits(a.get(name, []), b.get(name, [])) for name in {*a, *b})
    size = max(len(a), len(b))
    left, right = ([*side.values(), *[[]] * (size - len(side))] for side in (a, b))
    cost = np.array([[edits(x, y) for y in right] for x in left]).reshape(size, size)
    rows, columns = linear_sum_assignment(cost)
    return int(cost[rows, columns].sum())


def _made(tokens: Normaliser) -> Loss:
    def errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
        true = streams(truth, tokens)
        count = wrong_words(streams(label, tokens), true)
        return Errors(float(count), float(sum(map(len, true.values()))))

    def distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
        left, right = streams(a, tokens), streams(b, tokens)
        most = max(sum(map(len, side.values())) for side in (left, right))
        return min(1.0, wrong_words(left, right) / max(1, most))

    return Loss(distance, errors, by_rate(errors))


def _option(given: Mapping[str, str]) -> Loss:
    return _BY_NAME.get(given.get("normaliser", ""), TRANSCRIPT)


_BY_NAME = {name: _made(tokens) for name, tokens in NORMALISERS.items()}
TRANSCRIPT = replace(_BY_NAME["mixed"], options=_option)
