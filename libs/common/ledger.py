"""The cost ledger: what labels cost, and what other ways would have cost.

Input of `ledger` is one plain document of counters (a delivery freezes them with its labels):
* `label_count`, `sources` (labels by source), `work_seconds` (all seconds of people);
* `stages`, `timing`, `routes` as `effort` defines them: by stage `{count, untimed, seconds,
  seconds_squared}`, by measure `{bucket: count}`, by route a count;
* `hourly_cost` of a person, 0 where nobody said;
* `compute`, if somebody knows: a list of `{what, cpu_seconds, gpu_seconds, server_seconds}`, each
  may be absent; of the whole project, which has `project_label_count` labels. `server_seconds` are
  those of requests to an inference server, whatever they kept busy there.

Where a figure is not known it is the text "unknown", never 0. Definitions:
* `charged_seconds`: measured seconds, and for answers that came without seconds the mean of the
  others. Savings are counted from these.
* `all_people`: every item once by a person without a draft, at the median seconds of such an
  answer; from tasks drawn by chance where there are at least 30, because the others are harder.
* `confirm_all`: every item shown to a person with its draft, at the median seconds of those who
  left it as it was: nothing to mend, so the saving is on the careful side.
* The 95 % interval of a median is that of its order statistics, without assumption on the
  distribution, widened to the edges of the histogram's buckets. What was spent is counted, not
  estimated. A mean's interval is mean +- 1.96 standard errors.
"""

from __future__ import annotations

import math
from typing import Any

from libs.common.work_stages import STAGES, seconds_of

Doc = dict[str, Any]
UNKNOWN = "unknown"
_COMPUTE = ("cpu_seconds", "gpu_seconds", "server_seconds")
_Z = 1.959964
_ENOUGH = 30
# Fewer answers allow no 95 % interval of a median.
_LEAST = 6
_MEANING = {
    "drawn": "answers without a draft on items drawn by chance",
    "blind": "all answers without a draft; what people get is harder than the average item",
    "confirm": "answers that left the draft as it was",
}


def ledger(given: Doc) -> Doc:
    """The ledger; see above."""
    people = _people(given)
    labels = given["label_count"]
    compute = _compute(given.get("compute") or [])
    whole = given.get("project_label_count") or labels
    return {
        "label_count": labels,
        "items": dict(given["sources"]),
        "routes": dict(given.get("routes") or given["sources"]),
        "people": people,
        "compute": compute,
        "per_label": {
            "people_seconds": _over(people["charged_seconds"], labels),
            "amount": _over(people["amount"], labels),
            **{kind: _over(compute[kind], whole) for kind in _COMPUTE},
        },
        "saved": {
            "all_people": _saved(given, people, _measure_of_all(given.get("timing") or {})),
            "confirm_all": _saved(given, people, "confirm"),
        },
        "not_known": _not_known(people, compute),
    }


def _people(given: Doc) -> Doc:
    stages = given.get("stages") or {}
    rows = [_stage(name, stages[name]) for name in STAGES if name in stages]
    timed = sum(s["seconds"] for s in stages.values())
    unsorted = given["work_seconds"] - timed
    answers, untimed = (sum(row[k] for row in rows) for k in ("answers", "untimed"))
    charged = _charged(given["work_seconds"], timed, answers - untimed, untimed)
    rate = given.get("hourly_cost") or 0.0
    return {
        "stages": rows,
        "unsorted_seconds": unsorted if abs(unsorted) > 1e-9 * (1 + timed) else 0.0,
        "answers": answers,
        "untimed": untimed,
        "seconds": given["work_seconds"],
        "charged_seconds": charged,
        "amount": charged / 3600 * rate if rate and charged != UNKNOWN else UNKNOWN,
    }


def _stage(name: str, tally: Doc) -> Doc:
    count, mean, interval = tally["count"], _mean(tally), _mean_interval(tally)
    return {
        "stage": name,
        "answers": count + tally["untimed"],
        "untimed": tally["untimed"],
        "seconds": tally["seconds"] if count else UNKNOWN,
        "mean_seconds": mean,
        "mean_interval": interval,
    }


def _mean(tally: Doc) -> Any:
    return tally["seconds"] / tally["count"] if tally["count"] else UNKNOWN


def _mean_interval(tally: Doc) -> Any:
    count = tally["count"]
    if count < 2:
        return UNKNOWN
    mean = tally["seconds"] / count
    variance = max(0.0, (tally["seconds_squared"] - count * mean * mean) / (count - 1))
    half = _Z * math.sqrt(variance / count)
    return [max(0.0, mean - half), mean + half]


def _charged(seconds: float, timed: float, count: int, untimed: int) -> Any:
    if not untimed:
        return seconds
    return seconds + untimed * timed / count if count else UNKNOWN


def _compute(parts: list[Doc]) -> Doc:
    doc: Doc = {"parts": [dict(part) for part in parts]}
    for kind in _COMPUTE:
        known = [part[kind] for part in parts if kind in part]
        doc[kind] = float(sum(known)) if known else UNKNOWN
    return doc


def _over(value: Any, labels: int) -> Any:
    return UNKNOWN if value == UNKNOWN or not labels else value / labels


def _measure_of_all(timing: Doc) -> str:
    return "drawn" if sum(timing.get("drawn", {}).values()) >= _ENOUGH else "blind"


def _saved(given: Doc, people: Doc, measure: str) -> Doc:
    buckets = (given.get("timing") or {}).get(measure, {})
    sample, spent, labels = sum(buckets.values()), people["charged_seconds"], given["label_count"]
    doc: Doc = {"basis": _MEANING[measure], "sample": sample, "seconds_each": UNKNOWN}
    unknown: Doc = {"share": UNKNOWN, "interval": UNKNOWN}
    if not labels:
        return {**doc, **unknown, "why": "no label is settled yet"}
    if not sample:
        return {**doc, **unknown, "why": f"no seconds of {_MEANING[measure].split(';')[0]}"}
    doc["seconds_each"] = each = median(buckets)
    if spent == UNKNOWN:
        return {**doc, **unknown, "why": "the answers came without seconds"}
    doc["share"] = 1 - spent / (labels * each)
    limits = median_interval(buckets)
    if limits is None:
        return {**doc, "interval": UNKNOWN, "why": f"fewer than {_LEAST} answers"}
    return {**doc, "interval": [1 - spent / (labels * x) for x in limits]}


def median(buckets: Doc) -> float:
    """Middle of the bucket in which the median lies."""
    total = sum(buckets.values())
    low, high = seconds_of(_bucket_at(buckets, (total + 1) // 2))
    return math.sqrt(low * high)


def median_interval(buckets: Doc) -> tuple[float, float] | None:
    """95 % limits of the median; None where the sample is too small for any."""
    total = sum(buckets.values())
    rank = _lower_rank(total)
    if not rank:
        return None
    low = seconds_of(_bucket_at(buckets, rank))[0]
    return low, seconds_of(_bucket_at(buckets, total + 1 - rank))[1]


def _lower_rank(count: int) -> int:
    """Largest r with P(Binomial(count, 1/2) < r) <= 2.5 %; 0 where there is none."""
    # Further below the middle there is no probability that a float could show.
    below, start = 0.0, max(0, count // 2 - 6 * math.isqrt(count))
    for rank in range(start, count // 2):
        below += math.exp(
            math.lgamma(count + 1)
            - math.lgamma(rank + 1)
            - math.lgamma(count - rank + 1)
            - count * math.log(2)
        )
        if below > 0.025:
            return rank
    return 0


def _bucket_at(buckets: Doc, rank: int) -> str:
    passed = 0
    ordered = sorted(buckets, key=int)
    for bucket in ordered:
        passed += buckets[bucket]
        if passed >= rank:
            return bucket
    return ordered[-1]


def _not_known(people: Doc, compute: Doc) -> list[str]:
    notes = ["time of work that was begun and not handed in (skipped, lease run out)"]
    if people["untimed"]:
        notes.append(f"seconds of {people['untimed']} answers; charged at the mean of the others")
    if people["unsorted_seconds"]:
        notes.append("the stage of some seconds, heard before stages were kept")
    if people["amount"] == UNKNOWN:
        notes.append("what an hour of people costs")
    if compute["cpu_seconds"] == UNKNOWN:
        notes.append("CPU seconds of training")
    if compute["gpu_seconds"] == UNKNOWN:
        notes.append("GPU seconds of models")
    return notes
