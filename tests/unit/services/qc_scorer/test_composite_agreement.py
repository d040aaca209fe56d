"""Labels made of parts, each compared by a loss of its own."""

from __future__ import annotations

from typing import Any

import pytest

from services.qc_scorer.losses import Errors, differs, distance, errors

Doc = dict[str, Any]


def made(**parts: Doc) -> Doc:
    return {"composite": {"parts": [{"part": n, "value": v} for n, v in parts.items()]}}


WORDS = {"text": {"text": "one two three four"}}
OTHERS = {"text": {"text": "one two three five"}}
CHOSEN = {"choices": {"classes": ["calm"]}}
TRUTH = made(hear=WORDS, mood=CHOSEN)


@pytest.mark.parametrize(
    ("label", "loss", "found", "apart"),
    [
        (TRUTH, "composite", (0, 5), 0.0),
        (made(mood=CHOSEN, hear=OTHERS), "composite", (1, 5), 1 / 8),
        (made(mood=CHOSEN, hear=OTHERS), "composite;part.hear=word:0.3", (0, 5), 1 / 8),
        (made(mood=CHOSEN, hear=OTHERS), "composite;part.hear=text", (1, 2), 1 / 2),
        (made(hear=WORDS), "composite", (1, 5), 1 / 2),
        (made(hear=WORDS, mood=CHOSEN, more=CHOSEN), "composite", (1, 5), 1 / 3),
    ],
)
def test_parts_are_counted_by_their_losses(label: Doc, loss: str, found: Any, apart: float) -> None:
    assert errors(TRUTH, label, loss) == Errors(*found)
    assert differs(TRUTH, label, loss) == (found[0] > 0)
    assert distance(TRUTH, label, loss) == distance(label, TRUTH, loss) == pytest.approx(apart)
