"""The cleaning report of an import: counts by reason, and the first few of each."""

from __future__ import annotations

from collections.abc import Sequence

from services.intake.admission import Candidate, Settled
from services.intake.domain import Doc, Outcome, readable
from services.intake.probing import Finding

_EXAMPLES = 5
_REASONS = 30


def grown(report: Doc | None, candidates: Sequence[Candidate], settled: Sequence[Settled]) -> Doc:
    """The report after another batch; `Import.report` as a document."""
    made: Doc = {
        "checked_count": (report or {}).get("checked_count", 0),
        "near_duplicate_pair_count": (report or {}).get("near_duplicate_pair_count", 0),
        **{name: dict((report or {}).get(name, {})) for name in ("refused", "flagged")},
        "examples": list((report or {}).get("examples", [])),
    }
    for one, became in zip(candidates, settled, strict=True):
        made["checked_count"] += one.look is not None
        made["near_duplicate_pair_count"] += bool(became.other)
        if became.refused is not None:
            _note(made, "refused", one, became, became.refused)
        elif became.outcome is Outcome.ADMITTED:
            for flag in became.flags:
                _note(made, "flagged", one, became, flag)
    return made


def _note(report: Doc, kind: str, one: Candidate, became: Settled, found: Finding) -> None:
    counts = report[kind]
    counts[found.code] = counts.get(found.code, 0) + 1
    shown = sum(e["reason"] == found.code for e in report["examples"])
    if shown < _EXAMPLES and len(report["examples"]) < _EXAMPLES * _REASONS:
        other = became.other if found.code == "near_duplicate" else ""
        example = {
            "reason": found.code,
            "key": readable(one.key, 500),
            "detail": readable(found.detail, 500),
        }
        report["examples"].append(example | ({"other": other} if other else {}))
