"""What people's work on a task was for, and the counters that are kept of it.

One piece of work is one annotation or review. It belongs to the first stage that fits:
`gold` (a planted known answer), `rework` (the label had been accepted before, or a reviewer had
sent it back), `certification` (the task was drawn by chance as a gate's evidence), `audit` (after
a decision AUDIT, the adjudication it leads to included), `review`, `training` (a label that may
teach: of a project that trains, and not drafted in a lot), else `annotation`. Late answers count:
somebody worked.

The counters, as plain documents:
* `stages`: by stage `{count, untimed, seconds, seconds_squared}`; `untimed` are pieces that came
  without seconds, `count` those with;
* `timing`: by measure a histogram `{bucket: count}` of seconds in buckets 2 % wide, of each task
  its first answer, so that an item counts once: `drawn` (without a draft, on a task drawn by
  chance), `blind` (any without a draft), `confirm` (shown a draft and left as it was);
* `routes`: labels by MACHINE, CONFIRMED, HUMAN, REVIEWED, AUDITED; AUDITED are all that were
  drawn by chance for a check, whoever settled them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

Doc = dict[str, Any]
STAGES = ("annotation", "training", "review", "rework", "audit", "certification", "gold")
MEASURES = ("drawn", "blind", "confirm")
ROUTES = ("MACHINE", "CONFIRMED", "HUMAN", "REVIEWED", "AUDITED")
_WIDTH = 1.02
_LEAST = 0.01


def effort_of(lineage: Doc, source: str, *, gold: bool = False, sampled: bool = False) -> Doc:
    """The counters of one task; only what is not zero."""
    stages: Doc = {}
    timing: Doc = {}
    first = next((a for a in lineage["annotations"] if not a.get("late")), None)
    for piece, judged in _pieces(lineage):
        stage = stage_of(piece, judged, lineage, gold, sampled)
        _merge(stages.setdefault(stage, tally_of(None)), tally_of(piece))
    if first is not None and (seconds := first.get("work_seconds", 0.0)) > 0:
        for measure in _measures(first, sampled, source):
            timing[measure] = {bucket_of(seconds): 1}
    checked = sampled or any(d.get("action") == "AUDIT" for d in lineage["decisions"])
    return {"stages": stages, "timing": timing, "routes": {"AUDITED" if checked else source: 1}}


def add(frozen: Doc, efforts: Iterable[Doc], trains: bool) -> Doc:
    """The frozen counters with those of more tasks; nothing teaches where nothing trains."""
    stages = {k: dict(v) for k, v in frozen.get("stages", {}).items()}
    timing = {k: dict(v) for k, v in frozen.get("timing", {}).items()}
    routes = dict(frozen.get("routes", {}))
    for one in efforts:
        for stage, tally in one.get("stages", {}).items():
            known = "annotation" if stage == "training" and not trains else stage
            _merge(stages.setdefault(known, tally_of(None)), tally)
        for measure, buckets in one.get("timing", {}).items():
            _merge(timing.setdefault(measure, {}), buckets)
        _merge(routes, one.get("routes", {}))
    return {"stages": stages, "timing": timing, "routes": routes}


def bucket_of(seconds: float) -> str:
    return str(math.floor(math.log(max(seconds, _LEAST)) / math.log(_WIDTH)))


def seconds_of(bucket: str) -> tuple[float, float]:
    """(from, to) of a bucket."""
    return _WIDTH ** int(bucket), _WIDTH ** (int(bucket) + 1)


def _pieces(lineage: Doc) -> Iterator[tuple[Doc, bool]]:
    for annotation in lineage["annotations"]:
        yield annotation, False
    for review in lineage["reviews"]:
        yield review, True


def stage_of(piece: Doc, judged: bool, lineage: Doc, gold: bool, sampled: bool) -> str:
    """Stage of one annotation, or review (`judged`), by what was decided before it."""
    if gold:
        return "gold"
    time = piece.get("create_time", "")
    before = {d.get("action") for d in lineage["decisions"] if d.get("create_time", "") < time}
    if "ACCEPT" in before:
        return "rework"
    if sampled:
        return "certification"
    if "AUDIT" in before:
        return "audit"
    if judged:
        return "review"
    return "rework" if before & {"REVIEW", "ADJUDICATE"} else _first_work(lineage)


def _first_work(lineage: Doc) -> str:
    return "annotation" if (lineage["prediction"] or {}).get("lot") else "training"


def _measures(piece: Doc, sampled: bool, source: str) -> Iterator[str]:
    if piece.get("prediction"):
        if source == "CONFIRMED":
            yield "confirm"
        return
    yield "blind"
    if sampled:
        yield "drawn"


def tally_of(piece: Doc | None) -> Doc:
    """Counters of one piece of work; all zero for none."""
    tally: Doc = {"count": 0, "untimed": 0, "seconds": 0.0, "seconds_squared": 0.0}
    if piece is not None:
        seconds = piece.get("work_seconds", 0.0)
        _count(tally, "count" if seconds > 0 else "untimed", 1)
        _count(tally, "seconds", seconds)
        _count(tally, "seconds_squared", seconds * seconds)
    return tally


def _merge(target: Doc, more: Doc) -> None:
    for key, value in more.items():
        _count(target, key, value)


def _count(target: Doc, key: str, value: float) -> None:
    target[key] = target.get(key, 0) + value
