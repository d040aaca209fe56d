"""Plain charts as PNG with Pillow: axes, lines, marks, bars and words."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

# Told apart by people who see colours differently, too; dashes and marks say the same again.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555")
DASHES = ((1, 0), (14, 8), (4, 6), (20, 6), (8, 4))
INK, FAINT = "#111111", "#dddddd"
Point = tuple[float, float]


class Canvas:
    """One chart. `place` maps data to pixels once `axes` has said how."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._image = Image.new("RGB", (width, height), "white")
        self._draw = ImageDraw.Draw(self._image)
        self.box = (110, 120, width - 60, height - 90)
        self.words((40, 24), title, size=26)
        self._across: Callable[[float], float] = lambda x: x
        self._up: Callable[[float], float] = lambda y: y

    def words(
        self, at: Point, text: str, *, size: int = 18, anchor: str = "la", colour: str = INK
    ) -> None:
        self._draw.text(at, text, colour, ImageFont.load_default(size), anchor=anchor)

    def axes(
        self,
        across: Sequence[tuple[float, str]],
        up: Sequence[tuple[float, str]],
        names: tuple[str, str],
        scale: Callable[[float], float] = lambda x: x,
    ) -> None:
        """Ticks `(value, name)` of both axes, first and last at the ends; `scale` bends x."""
        left, top, right, bottom = self.box
        low, high = scale(across[0][0]), scale(across[-1][0])
        base, peak = up[0][0], up[-1][0]
        self._across = lambda x: left + (right - left) * (scale(x) - low) / (high - low)
        self._up = lambda y: bottom - (bottom - top) * (y - base) / (peak - base)
        for value, name in up:
            y = self._up(value)
            self._draw.line((left, y, right, y), FAINT, 2)
            self.words((left - 10, y), name, anchor="rm")
        for value, name in across:
            x = self._across(value)
            self._draw.line((x, bottom, x, bottom + 8), INK, 2)
            self.words((x, bottom + 14), name, anchor="ma")
        self._draw.line((left, top, left, bottom, right, bottom), INK, 2)
        self.words(((left + right) / 2, bottom + 50), names[0], anchor="ma")
        self.words((left, top - 8), names[1], anchor="lb")

    def place(self, point: Point) -> Point:
        return self._across(point[0]), self._up(point[1])

    def line(self, points: Sequence[Point], style: int, width: int = 4) -> None:
        """A line through data points, in the style's colour and dashes."""
        placed = [self.place(p) for p in points]
        for start, end in itertools.pairwise(placed):
            self.dashed(start, end, COLOURS[style], DASHES[style], width)

    def dashed(
        self, start: Point, end: Point, colour: str, dash: tuple[int, int], width: int = 2
    ) -> None:
        """Between pixels; `dash` is (ink, gap)."""
        length = max(1.0, ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5)
        along = lambda d: tuple(s + (e - s) * d / length for s, e in zip(start, end, strict=True))  # noqa: E731
        at = 0.0
        while at < length:
            stop = min(length, at + dash[0]) if dash[1] else length
            self._draw.line((*along(at), *along(stop)), colour, width)
            at = stop + dash[1]

    def mark(self, point: Point, style: int, radius: float = 7.0, *, filled: bool = True) -> None:
        x, y = self.place(point)
        colour = COLOURS[style]
        box = (x - radius, y - radius, x + radius, y + radius)
        self._draw.ellipse(box, colour if filled else "white", colour, 3)

    def bar(self, start: Point, end: Point, colour: str) -> None:
        """A filled box between pixels."""
        self._draw.rectangle((*start, *end), colour)

    def legend(self, names: Sequence[str], at: Point) -> None:
        """One line a style, from `at` downwards, in pixels."""
        for style, name in enumerate(names):
            y = at[1] + 28 * style
            self.dashed((at[0], y), (at[0] + 50, y), COLOURS[style], DASHES[style], 4)
            self.words((at[0] + 62, y), name, anchor="lm")

    def save(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._image.save(path)
        return path
