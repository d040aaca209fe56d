"""One text of several, word by word (ROVER)."""

from __future__ import annotations

from collections.abc import Sequence

from services.qc_scorer.agreement.contract import Doc
from services.qc_scorer.agreement.words import heard, text
from services.qc_scorer.merging import rover, words

# Transcripts whose alignment would need more cells than this are voted on.
MOST_CELLS = 250_000


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc | None:
    """As somebody wrote it, where somebody did. None where that takes too long."""
    texts = [text(value) for value in values]
    sizes = sorted(len(words(one)) for one in texts)
    if sizes[-1] * sum(sizes[:-1]) > MOST_CELLS:
        return None
    merged = rover(texts, weights)
    wanted = heard(merged)
    return {"text": {"text": next((t for t in texts if heard(t) == wanted), merged)}}
