"""When are two labels equal? One loss per shape, counted per item (QUALITY, section 4)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from services.qc_scorer import span_loss, word_loss

Doc = dict[str, Any]
IOU = 0.5


def differs(a: Doc, b: Doc, loss: str) -> bool:
    """Is `b` an error where `a` is right (and the other way round)? `loss` as the template
    names it: class, set, boxes, span, text or word, the last with its tolerance."""
    if loss == "boxes":
        return _boxes_differ(_boxes(a), _boxes(b))
    if loss == "span":
        return span_loss.differs(a, b)
    if word_loss.counts(loss):
        return word_loss.differs(_text(a), _text(b), loss)
    if loss == "text":
        return _text(a).split() != _text(b).split()
    return sorted(_classes(a)) != sorted(_classes(b))


def _classes(value: Doc) -> list[str]:
    return list(value.get("choices", {}).get("classes", []))


def _text(value: Doc) -> str:
    return str(value.get("text", {}).get("text", ""))


def _boxes(value: Doc) -> list[Doc]:
    return list(value.get("boxes", {}).get("boxes", []))


def _boxes_differ(a: list[Doc], b: list[Doc]) -> bool:
    """A missed, extra, misplaced (IoU < 0.5) or wrongly named box makes the image an error."""
    return len(a) != len(b) or len(matches(a, b)) != len(a)


def matches(a: list[Doc], b: list[Doc]) -> list[tuple[int, int]]:
    """Pairs of boxes of the same class with IoU of at least 0.5, one to one, best in sum."""
    if not a or not b:
        return []
    overlap = iou(corners(a), corners(b))
    same = np.array([[x.get("class") == y.get("class") for y in b] for x in a])
    gain = np.where(same & (overlap >= IOU), overlap, 0.0)
    rows, columns = linear_sum_assignment(-gain)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0]


def corners(boxes: list[Doc]) -> np.ndarray:
    """(n, 4): left, top, right, bottom in pixels."""
    got = [[b.get(k, 0.0) for k in ("x", "y", "width", "height")] for b in boxes]
    array = np.array(got, dtype=float).reshape(-1, 4)
    array[:, 2:] += array[:, :2]
    return array


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m) intersection over union of boxes given by corners (n, 4) and (m, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=2)
    area_a = (a[:, 2:] - a[:, :2]).prod(axis=1)
    area_b = (b[:, 2:] - b[:, :2]).prod(axis=1)
    union = area_a[:, None] + area_b[None, :] - inside
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)
