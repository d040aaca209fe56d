"""Model routes, and what is refused of a model's output."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Doc = dict[str, Any]
LEAST_SCORE = 0.25


# What reading an answer of another shape than expected raises.
MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


class NoModel(str):
    """Why there is no draft: the project has no model, or none yet. Nothing is wrong."""


class ModelAway(str):
    """Why there is no draft: the inference server does not have the model, or does not answer."""


class Impossible(Exception):
    """An output no label can be made of; the message says what is wrong with it."""


@dataclass(frozen=True)
class Route:
    """Which model drafts a project's tasks, and from which data field."""

    model: str = ""
    version: str = ""
    capability: str = ""
    input: str = ""


@dataclass(frozen=True)
class Assist:
    """What a model offers while the person works, and on which data field."""

    capability: str = ""
    model: str = ""
    input: str = ""


@dataclass(frozen=True)
class Project:
    """What the prelabel gateway needs of a project."""

    name: str
    version: int
    template: str
    route: Route
    classes: tuple[str, ...] = ()
    embedding: Route = Route()
    assists: tuple[Assist, ...] = ()
    # The template's label schema, as its document.
    schema: Doc = field(default_factory=dict)
    # Of a part's project: the part whose objects its tasks go over.
    per: str = ""


def choice_of(probabilities: Any, model_classes: list[str], classes: tuple[str, ...]) -> Doc:
    """{value, score} of one row of class probabilities; raises `Impossible`."""
    if len(probabilities) != len(model_classes):
        raise Impossible(f"{len(probabilities)} probabilities for {len(model_classes)} classes")
    best = max(range(len(model_classes)), key=lambda i: _finite(probabilities[i]))
    score = float(probabilities[best])
    if not -1e-3 <= score <= 1 + 1e-3:
        raise Impossible(f"probability {score:g} is outside 0 to 1")
    name = model_classes[best]
    # A class that the model does not know would be called by the name of another.
    if unknown := [one for one in classes if one not in model_classes]:
        raise Impossible(f"the model does not know the template's {', '.join(unknown)[:200]}")
    if name not in classes:
        raise Impossible(f"the model's class {name!r} is not one of the template's")
    return {"value": {"choices": {"classes": [name]}}, "score": min(1.0, max(0.0, score))}


def boxes_of(rows: Any, size: Any, model_classes: list[str], classes: tuple[str, ...]) -> Doc:
    """{value, score} of rows [x1, y1, x2, y2, score, class]; raises `Impossible`.

    Classes the template does not ask for are left out; the draft's score is that of its least
    certain box, since one wrong box makes the image an error.
    """
    if not set(classes) & set(model_classes):
        raise Impossible("the model knows none of the template's classes")
    width, height = float(size[0]), float(size[1])
    if not (width > 0 and height > 0):
        raise Impossible("the model could not read the image")
    boxes = [b for row in rows if (b := _box(row, width, height, model_classes, classes))]
    score = min((b["score"] for b in boxes), default=0.5)
    return {"value": {"boxes": {"boxes": boxes}}, "score": score}


def _box(
    row: Any, width: float, height: float, model_classes: list[str], classes: tuple[str, ...]
) -> Doc | None:
    x1, y1, x2, y2, score, index = (_finite(v) for v in row)
    if score < LEAST_SCORE:
        return None
    if not 0 <= int(index) < len(model_classes):
        raise Impossible(f"class number {int(index)} of {len(model_classes)}")
    if model_classes[int(index)] not in classes:
        return None
    if x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height or x2 <= x1 or y2 <= y1:
        raise Impossible(f"box {x1:.0f},{y1:.0f},{x2:.0f},{y2:.0f} is outside the image")
    left, top = max(0.0, x1), max(0.0, y1)
    return {
        "class": model_classes[int(index)],
        "x": left,
        "y": top,
        "width": min(width, x2) - left,
        "height": min(height, y2) - top,
        "score": min(1.0, score),
    }


def _finite(number: Any) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise Impossible("the model answered NaN or infinity")
    return value


def own_blobs(value: Any, tenant: str) -> bool:
    """Is every blob that an item's data names one of the tenant's own?"""
    if isinstance(value, dict):
        return all(own_blobs(one, tenant) for one in value.values())
    if isinstance(value, list):
        return all(own_blobs(one, tenant) for one in value)
    if not isinstance(value, str) or not value.startswith("blob:"):
        return True
    return value.startswith(f"blob:blobs/{tenant}/") and ".." not in value


def inline_image(value: str) -> bytes:
    """Bytes of a data: URI; raises `Impossible`."""
    try:
        return base64.b64decode(value.split(",", 1)[1], validate=True)
    except (ValueError, IndexError) as error:
        raise Impossible("the image is not readable base64") from error


def brought(prediction: Doc) -> Doc:
    """A draft that came with the item, in the form of a model's answer."""
    return {
        name: prediction.get(name, 0.0) for name in ("value", "score", "model", "model_version")
    }


def in_turn(
    tasks: Sequence[Any], drafts: Sequence[Doc | str | None]
) -> tuple[tuple[list[Any], list[Doc | str]], list[Any]]:
    """((tasks that have a draft or a reason, those), tasks whose turn did not come yet)."""
    pairs = list(zip(tasks, drafts, strict=True))
    told = [(task, draft) for task, draft in pairs if draft is not None]
    later = [task for task, draft in pairs if draft is None]
    return ([task for task, _ in told], [draft for _, draft in told]), later
