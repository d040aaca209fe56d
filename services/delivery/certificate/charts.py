"""Four small charts as inline SVG: no script, no style, no asset; every text is escaped.

They say the same in black and white: shapes, dashes and hatching carry the meaning, and every
figure stands beside its mark. The same input gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

Doc = dict[str, Any]
_WIDTH, _HEIGHT = 340, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 332, 12, 122
_DASHES = ("", "5 3", "1 3", "8 3 1 3")
_NAME = 28
# Told apart without colour, in the order of routes.
_FILLS = ("#d9d9d9", "url(#hatch)", "#fff", "url(#dots)", "#444")
_PATTERNS = (
    '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse">'
    '<rect width="5" height="5" fill="#fff"/>'
    '<path d="M-1 1L1 -1M0 5L5 0M4 6L6 4" stroke="#333"/></pattern>'
    '<pattern id="dots" width="4" height="4" patternUnits="userSpaceOnUse">'
    '<rect width="4" height="4" fill="#fff"/><circle cx="2" cy="2" r="1" fill="#333"/>'
    "</pattern></defs>"
)


def bound_over_time(points: Sequence[Doc], target: float) -> str:
    """`{time, bound, size, state, gate}` in order of time; one line a gate, the target dashed.
    Filled marks are open gates; a mark at the upper edge stands above it, and one without any
    bound stands alone."""
    if not points:
        return _empty("Bound of the gates over time", "no gate was looked at")
    top = _ceiling(points, target)
    body = [*_frame([0, top / 2, top], top, percent), *_target_line(target, top)]
    gates = list(dict.fromkeys(str(p.get("gate", "")) for p in points))
    for index, gate in enumerate(gates):
        own = [(i, p) for i, p in enumerate(points) if str(p.get("gate", "")) == gate]
        body += _bound_line(own, len(points), top, _DASHES[index % len(_DASHES)])
    body += _time_axis(points)
    last = points[-1]
    title = (
        f"Bound of the gates over time: {len(points)} looks at {len(gates)} gates; the last bound"
        f" is {percent(last['bound'])} from a sample of {last['size']}, the target"
        f" {percent(target)}"
    )
    return _svg(title, body)


def _ceiling(points: Sequence[Doc], target: float) -> float:
    """Upper edge: what the target makes worth seeing."""
    highest = max(float(p["bound"]) for p in points)
    return min(1.0, max(min(highest, 4 * target if target else 1.0), 1.5 * target, 0.001) * 1.1)


def _target_line(target: float, top: float) -> list[str]:
    if not target:
        return []
    y = _y(target / top)
    line = f'<path d="M{_LEFT} {y}H{_RIGHT}" stroke="#000" stroke-dasharray="2 2"/>'
    return [line, _text(_RIGHT, y - 3, f"target {percent(target)}", "end")]


def _bound_line(own: Sequence[tuple[int, Doc]], count: int, top: float, dash: str) -> list[str]:
    places = [
        (_x((i + 0.5) / count), _y(min(1.0, float(p["bound"]) / top)), p.get("state") == "OPEN")
        for i, p in own
    ]
    bounded = [place for place, (_, p) in zip(places, own, strict=True) if float(p["bound"]) < 1]
    path = " ".join(f"{x},{y}" for x, y, _ in bounded)
    marks = [
        f'<circle cx="{x}" cy="{y}" r="2.6" stroke="#000" fill="{"#000" if o else "#fff"}"/>'
        for x, y, o in places
    ]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    x, y, _ = (bounded or places)[0]
    anchor = "end" if x > (_LEFT + _RIGHT) / 2 else "start"
    gate = str(own[0][1].get("gate", ""))
    short = gate if len(gate) <= _NAME else f"…{gate[1 - _NAME :]}"
    name = _text(x, max(y, _TOP + 14) - 6, short, anchor)
    return [f'<polyline points="{path}" fill="none" stroke="#000"{dashes}/>', *marks, name]


def _time_axis(points: Sequence[Doc]) -> list[str]:
    first, last = (str(points[i].get("time", ""))[:16].replace("T", " ") for i in (0, -1))
    ends = [_text(_LEFT, _BOTTOM + 12, first)]
    if len(points) > 1:
        ends.append(_text(_RIGHT, _BOTTOM + 12, last, "end"))
    return [
        *ends,
        _text(
            _LEFT, _HEIGHT - 4, "looks in order of time; filled: open, hollow: closed or proving"
        ),
    ]


def reliability(bins: Sequence[Doc], error: float | None = None) -> str:
    """`{confidence, accuracy, count}` against the diagonal; the area of a mark is its count."""
    count = sum(int(b["count"]) for b in bins)
    if not count:
        return _empty("Reliability of the model", "no calibration evidence")
    body = _frame([0, 0.5, 1], 1.0, lambda v: f"{v:.1f}")
    body.append(
        f'<path d="M{_x(0)} {_y(0)}L{_x(1)} {_y(1)}" stroke="#000" stroke-dasharray="2 2"/>'
    )
    for one in bins:
        x, y = _x(_share(one["confidence"])), _y(_share(one["accuracy"]))
        radius = 1.5 + 8 * math.sqrt(int(one["count"]) / count)
        body.append(
            f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" fill="#999" fill-opacity=".6"'
            ' stroke="#000"/>'
        )
    ece = calibration_error(bins) if error is None else error
    caption = f"right answers by score; ECE {percent(ece)} over {count:,} items chance chose"
    body += [
        _text(_LEFT, _BOTTOM + 12, "score 0"),
        _text(_RIGHT, _BOTTOM + 12, "score 1", "end"),
        _text(_LEFT, _HEIGHT - 4, caption),
    ]
    return _svg(f"Reliability of the model: {caption}", body)


def calibration_error(bins: Sequence[Doc]) -> float:
    """Expected calibration error: the mean distance of score and accuracy, by count."""
    count = sum(int(b["count"]) for b in bins)
    off = sum(int(b["count"]) * abs(float(b["confidence"]) - float(b["accuracy"])) for b in bins)
    return off / count if count else 0.0


def routes(parts: Sequence[tuple[str, int]]) -> str:
    """One bar of labels by the way they went, `(name, count)`, with its legend."""
    total = sum(count for _, count in parts)
    if not total:
        return _empty("How labels were produced", "no labels")
    body, at = [_PATTERNS], 8.0
    for index, (_, count) in enumerate(parts):
        width = (_WIDTH - 16) * count / total
        if count:
            body.append(_bar(at, 8, width, 30, _FILLS[index % len(_FILLS)]))
        at += width
    shown = [(i, name, count) for i, (name, count) in enumerate(parts) if count]
    for row, (index, name, count) in enumerate(shown):
        y = 52 + 19 * row
        body.append(_bar(8, y, 14, 12, _FILLS[index % len(_FILLS)]))
        body.append(_text(30, y + 10, name, size=10))
        body.append(_text(_WIDTH - 62, y + 10, f"{count:,}", "end", 10))
        body.append(_text(_WIDTH - 8, y + 10, percent(count / total), "end", 10))
    told = ", ".join(f"{name} {count}" for _, name, count in shown)
    return _svg(f"How labels were produced: {told}", body)


def cost(bars: Sequence[tuple[str, float]]) -> str:
    """Seconds of people by stage, `(name, seconds)`."""
    total = sum(seconds for _, seconds in bars)
    if not total:
        return _empty("Work of people by stage", "no seconds of people were measured")
    most, body = max(seconds for _, seconds in bars), []
    step = min(24.0, (_HEIGHT - 6) / len(bars))
    for index, (name, seconds) in enumerate(bars):
        y = 3 + step * index
        body.append(_text(8, y + step / 2 + 3, name, size=10))
        body.append(_bar(86, y + 2, 150 * seconds / most, step - 6, "#999"))
        said = f"{duration(seconds)}, {percent(seconds / total)}"
        body.append(_text(_WIDTH - 4, y + step / 2 + 3, said, "end"))
    told = ", ".join(f"{name} {duration(seconds)}" for name, seconds in bars)
    return _svg(f"Work of people by stage: {told}", body)


def percent(share: float) -> str:
    """Three figures that count: 12.3 %, 1.23 %, 0.123 %."""
    value = 100 * float(share)
    digits = 1 if abs(value) >= 10 else 2 if abs(value) >= 1 or not value else 3
    return f"{value:.{digits}f} %"


def sure(confidence: float) -> str:
    """A confidence, with no figure more than it has."""
    return f"{100 * confidence:.6g} %"


def duration(seconds: float) -> str:
    """In the unit people would say it in."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def _frame(ticks: Iterable[float], top: float, name: Any) -> list[str]:
    parts = [f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}" fill="none" stroke="#000"/>']
    for tick in ticks:
        y = _y(tick / top)
        parts.append(f'<path d="M{_LEFT} {y}H{_RIGHT}" stroke="#ddd"/>' if tick else "")
        parts.append(_text(_LEFT - 4, y + 3, name(tick), "end"))
    return parts


def _share(value: Any) -> float:
    return min(1.0, max(0.0, float(value)))


def _x(share: float) -> float:
    return round(_LEFT + (_RIGHT - _LEFT) * share, 1)


def _y(share: float) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * share, 1)


def _bar(x: float, y: float, width: float, height: float, fill: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}"'
        f' fill="{fill}" stroke="#000" stroke-width=".7"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 9) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
        ' stroke="#fff" stroke-width="3" paint-order="stroke">'
        f"{escape(text)}</text>"
    )


def _empty(title: str, why: str) -> str:
    return _svg(f"{title}: {why}", [_text(_WIDTH / 2, _HEIGHT / 2, why, "middle", 11)])


def _svg(title: str, body: Iterable[str]) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">'
        f"<title>{escape(title)}</title>{''.join(body)}</svg>"
    )
