"""Planted wrong drafts: whether people look is measured with drafts that are known to be wrong.

The model's word stays in the prediction's `value`, which evidence, training and the gate read;
`injected_error` stands beside it and is what the annotator is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Doc = dict[str, Any]


def plant(prediction: Doc, classes: Sequence[str], share: float, coin: float) -> Doc:
    """The prediction, with a class that is not the model's beside it where the coin, uniform in
    [0, 1), falls below `share`; how far below says which. Single choice only."""
    said = _class(prediction.get("value"))
    others = [name for name in classes if name != said]
    if coin >= share or not said or not others:
        return prediction
    wrong = others[int(coin / share * len(others))]
    return {**prediction, "injected_error": {"choices": {"classes": [wrong]}}}


def shown(prediction: Doc | None, opinions: Sequence[Doc]) -> bool:
    """Did anybody see the model's own draft?"""
    mine = "injected_error" not in (prediction or {})
    return mine and any(one.get("prediction") for one in opinions)


def kept(prediction: Doc | None, consensus: Doc | None, opinions: Sequence[Doc]) -> bool:
    """Did the planted class stay as it was, with nobody's blind word for it?"""
    planted = _class((prediction or {}).get("injected_error"))
    seen = bool(opinions) and all(one.get("prediction") for one in opinions)
    return bool(planted) and seen and _class(consensus) == planted


def _class(value: Doc | None) -> str:
    names = (value or {}).get("choices", {}).get("classes", [])
    return str(names[0]) if len(names) == 1 else ""
