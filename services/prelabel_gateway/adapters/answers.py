"""What every adapter does with a model's answer: classes, finite numbers, scores."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from services.prelabel_gateway.domain import Doc, Impossible

# Bytes behind a media reference: a data: URI, or a blob's name.
Fetch = Callable[[str], Awaitable[bytes]]
# Nobody knows more of an empty draft than that nothing was found.
EMPTY_SCORE = 0.5


@dataclass(frozen=True)
class Adapter:
    """`give` makes the model's input of a data field's value; `draft` makes {value, score} of the
    model's document and the template's label schema. Both raise `Impossible`. `seconds` are
    what the model may take over one item of the usual size in a batch."""

    give: Callable[[Any, Fetch], Awaitable[bytes]]
    draft: Callable[[Doc, Doc], Doc]
    seconds: float = 30.0


async def give_text(value: Any, fetch: Fetch) -> bytes:
    if not isinstance(value, str):
        raise Impossible("the item has no text there")
    return value.encode()


async def give_media(value: Any, fetch: Fetch) -> bytes:
    if not isinstance(value, str):
        raise Impossible("the item has no media there")
    return await fetch(value)


def named(objects: Iterable[Doc], schema: Doc) -> list[Doc]:
    """Objects of the template's classes, without a class where the template has none."""
    wanted = schema.get("classes", [])
    if not wanted:
        return [{k: v for k, v in one.items() if k != "class"} for one in objects]
    return [one for one in objects if one.get("class") in wanted]


def least_score(objects: Iterable[Doc]) -> float:
    """That of the least certain object: one wrong object makes the item an error."""
    return min((finite(one.get("score", EMPTY_SCORE)) for one in objects), default=EMPTY_SCORE)


def finite(number: Any) -> float:
    """The number; raises `Impossible` for NaN and infinity."""
    value = float(number)
    if not math.isfinite(value):
        raise Impossible("the model answered NaN or infinity")
    return value


def all_finite(value: Any) -> None:
    """Raises `Impossible` where a number anywhere within is none."""
    if isinstance(value, dict):
        for one in value.values():
            all_finite(one)
    elif isinstance(value, list):
        for one in value:
            all_finite(one)
    elif isinstance(value, float):
        finite(value)


def drafted(shape: str, key: str, objects: list[Doc], **rest: Any) -> Doc:
    """{value, score} of a value that is a list of objects."""
    all_finite(objects)
    for one in objects:
        if not 0 <= one.get("score", 0.0) <= 1:
            raise Impossible(f"score {one['score']:g} is outside 0 to 1")
    return {"value": {shape: {**rest, key: objects}}, "score": least_score(objects)}
