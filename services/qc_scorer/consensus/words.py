"""One text of several (ROVER): word by word, or character by character where the script writes
no spaces."""

from __future__ import annotations

from collections.abc import Sequence

from services.qc_scorer.consensus.merging import rover
from services.qc_scorer.losses.protocol import Doc
from services.qc_scorer.losses.text.normalisers import Normaliser, mixed, words
from services.qc_scorer.losses.text.words import text

# Transcripts whose alignment would need more cells than this are voted on.
MOST_CELLS = 250_000


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc | None:
    return _value(merge_texts([text(value) for value in values], weights))


def merge_characters(values: Sequence[Doc], weights: Sequence[float]) -> Doc | None:
    texts = [text(value) for value in values]
    return _value(merge_texts(texts, weights, unspaced=True))


def merge_texts(
    texts: Sequence[str], weights: Sequence[float], unspaced: bool = False
) -> str | None:
    """As somebody wrote it, where somebody did. None where that takes too long."""
    tokens: Normaliser = mixed if unspaced else words
    heard = [tokens(one) for one in texts]
    sizes = sorted(map(len, heard))
    if sizes[-1] * sum(sizes[:-1]) > MOST_CELLS:
        return None
    merged = rover(texts, weights, unspaced)
    wanted = tokens(merged)
    return next((t for t, said in zip(texts, heard, strict=True) if said == wanted), merged)


def _value(merged: str | None) -> Doc | None:
    return None if merged is None else {"text": {"text": merged}}
