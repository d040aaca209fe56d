"""Pictures of the quality table: what a promise costs, whether scores mean something, what people
still label, and how often the promise was broken."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from loadtests.quality import gate
from loadtests.quality.canvas import COLOURS, INK, Canvas
from loadtests.quality.gate import Predictions
from loadtests.quality.table import Row
from services.qc_scorer.gates import candidate_rules
from services.trainer import domain

SIZE = (1400, 900)
PRICED = (0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.08, 0.1)
PILOTS = 20
_PERCENT = re.compile(r"([\d.]+) ?%")
_BROKEN = re.compile(r"broken in ([\d.]+) ?%")


def draw(rows: Sequence[Row], data: Path, out: Path) -> list[Path]:
    """Every picture there is something to show for."""
    made = {
        known.name: gate.load(data / gate.FOLDER / f"{known.name}.csv.gz")
        for known in gate.SETS
        if any(row.group == gate.GROUP and not row.left_out for row in rows)
        and (data / gate.FOLDER / f"{known.name}.csv.gz").exists()
    }
    pictures = [price(made), reliability(made)] if made else []
    names = ["price.png", "reliability.png"][: len(pictures)]
    for name, picture in (("effort.png", effort(rows)), ("broken.png", broken(rows))):
        if picture is not None:
            pictures.append(picture)
            names.append(name)
    return [p.save(out / name) for p, name in zip(pictures, names, strict=True)]


def _piloted(made: Predictions, seed: int = 0) -> tuple[candidate_rules.Chosen, np.ndarray]:
    """(rule chosen on a pilot, positions of the others)."""
    rng = np.random.default_rng(seed)
    pilot = rng.choice(len(made), gate.pilot_size(made), replace=False)
    chosen = candidate_rules.choose(made.designs, pilot, made.wrong[pilot])
    return chosen, np.setdiff1d(np.arange(len(made)), pilot)


def price(made: dict[str, Predictions]) -> Canvas:
    """Planned share of people's labels by promised error, as the project manager sees it."""
    canvas = Canvas(*SIZE, "What a promise costs (planned after a pilot, confidence 95 %)")
    ticks = [(t, f"{100 * t:g} %") for t in (0.005, 0.01, 0.02, 0.05, 0.1)]
    shares = [(s / 100, f"{s} %") for s in range(0, 101, 20)]
    canvas.axes(ticks, shares, ("promised error", "share that people label"), math.log)
    for style, one in enumerate(made.values()):
        chosen, lot = _piloted(one)
        points = []
        for target in PRICED:
            plan = candidate_rules.plan(chosen.wrong[lot], target, len(one), gate.ALPHA)
            points.append((target, (plan.human + len(one) - len(lot)) / len(one)))
        canvas.line(points, style)
        for point in points:
            canvas.mark(point, style, 5)
    canvas.legend([f"{n} ({len(one):,})" for n, one in made.items()], (140, 640))
    return canvas


def reliability(made: dict[str, Predictions]) -> Canvas:
    """What scores say against what is true: as the model states them, and after the pilot."""
    title = f"Reliability: hollow as models say, filled after a pilot, mean of {PILOTS} pilots"
    canvas = Canvas(*SIZE, title)
    ticks = [(t / 10, f"{t / 10:.1f}") for t in range(0, 11, 2)]
    canvas.axes(ticks, ticks, ("stated chance of being right", "share that is right"))
    canvas.dashed(canvas.place((0, 0)), canvas.place((1, 1)), INK, (6, 6))
    names = []
    for style, (name, one) in enumerate(made.items()):
        found = [_piloted(one, seed) for seed in range(PILOTS)]
        lots = [(1.0 - chosen.wrong[lot], ~one.wrong[lot]) for chosen, lot in found]
        after = float(np.mean([domain.reliability(stated, right)[1] for stated, right in lots]))
        stated, right = (np.concatenate(column) for column in zip(*lots, strict=True))
        raw, before = domain.reliability(-one.uncertainty, ~one.wrong)
        for bins, filled in ((raw, False), (domain.reliability(stated, right)[0], True)):
            for part in bins:
                canvas.mark((part["confidence"], part["accuracy"]), style, 8, filled=filled)
        names.append(f"{name}: calibration error {before:.3f} -> {after:.3f}")
    canvas.legend(names, (140, 150))
    return canvas


def _shares(rows: Sequence[Row]) -> Iterator[tuple[str, float, float | None, float | None]]:
    """(row, measured, asked, reference) of rows about people's shares, in %."""
    for row in rows:
        about = row.group in ("effort", "line") and row.asked.startswith("at most")
        found = [_PERCENT.search(text) for text in (row.measured, row.asked, row.reference)]
        if about and found[0] is not None:
            asked, reference = (float(f.group(1)) if f else None for f in found[1:])
            yield row.what.split(",")[0], float(found[0].group(1)), asked, reference


def effort(rows: Sequence[Row]) -> Canvas | None:
    """Share that people labelled, beside what is asked and what the reference needed."""
    found = list(_shares(rows))
    if not found:
        return None
    canvas = Canvas(SIZE[0], 150 + 46 * len(found), "Share of the items that people labelled")
    bars = [(name, value, asked, COLOURS[0]) for name, value, asked, _ in found]
    most = max(max(v, a or 0, r or 0) for _, v, a, r in found)
    _bars(canvas, bars, most, [r for *_, r in found])
    canvas.words((40, 56), "black: most that is asked; orange: the plain reference", size=16)
    return canvas


def broken(rows: Sequence[Row]) -> Canvas | None:
    """How often the promise was broken, by rule; the line is the risk and two standard errors."""
    found = []
    for row in rows:
        match, limit = _BROKEN.search(row.measured), _PERCENT.findall(row.asked)
        if match and limit and row.group in ("gate", "validity"):
            naive = "naive" in row.what
            colour = COLOURS[1] if naive else COLOURS[0]
            found.append((row.what[:74], float(match.group(1)), float(limit[-1]), colour))
    if not found:
        return None
    title = "Trials that broke the promise (black: the promised risk and two standard errors)"
    canvas = Canvas(SIZE[0], 150 + 46 * len(found), title)
    _bars(canvas, found, max(15.0, *(value for _, value, _, _ in found)), [None] * len(found))
    return canvas


def _bars(
    canvas: Canvas,
    bars: Sequence[tuple[str, float, float | None, str]],
    most: float,
    references: Sequence[float | None],
) -> None:
    left, right = 700, SIZE[0] - 110
    across = lambda value: left + (right - left) * value / most  # noqa: E731
    for number, ((name, value, asked, colour), known) in enumerate(
        zip(bars, references, strict=True)
    ):
        y = 110 + 46 * number
        canvas.words((left - 14, y), name, size=16, anchor="rm")
        canvas.bar((left, y - 13), (max(left + 2, across(value)), y + 13), colour)
        canvas.words(
            (across(max(value, asked or 0, known or 0)) + 10, y),
            f"{value:.1f} %",
            size=16,
            anchor="lm",
        )
        for limit, ink in ((asked, INK), (known, COLOURS[1])):
            if limit is not None:
                canvas.bar((across(limit) - 2, y - 18), (across(limit) + 2, y + 18), ink)
