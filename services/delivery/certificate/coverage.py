"""What is known of the labels of a delivery: the scorer's reports, and what follows from them."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.delivery.domain import Delivery, Doc

REPORT_PATIENCE = timedelta(seconds=3)


def is_newer_report(known: Doc | None, report: Doc) -> bool:
    """Counts of a quality report only grow, so they tell its age."""
    return known is None or _age(report) >= _age(known)


def _age(report: Doc) -> int:
    return sum(report.get(k, 0) for k in ("machine_count", "human_count", "audit_count"))


def bound_of(label_count: int, report: Doc) -> float:
    """Upper bound on the share of wrong labels; 1.0 without evidence.

    The bound is the scorer's, on all labels accepted in the project. Labels the report does not
    cover yet count as if every one were wrong.
    """
    covered = min(label_count, covered_by(report))
    if not covered:
        return 1.0
    bound = report.get("error_bound", 0.0)
    unseen = (label_count - covered) / label_count
    return float(min(1.0, bound * (1 - unseen) + unseen))


def covered_by(report: Doc) -> int:
    """Accepted labels a quality report speaks of."""
    return int(report.get("machine_count", 0) + report.get("human_count", 0))


def lacks_pieces(report: Doc) -> bool:
    """Of labels put together of parts: are there pieces that no part's report covers yet?"""
    return int(report.get("subtask_count", 0)) > sum(map(covered_by, report.get("parts", [])))


def waits_for_report(delivery: Delivery, report: Doc, now: datetime) -> bool:
    """Is the scorer's report on these labels still worth waiting for?"""
    covered = covered_by(report) >= delivery.label_count and not lacks_pieces(report)
    if not delivery.max_error_rate or covered:
        return False
    # A clock set back far would make it wait as long again.
    return abs(now - delivery.create_time) < REPORT_PATIENCE


def is_certified(delivery: Delivery) -> bool:
    """Does the evidence keep what was promised?"""
    report = delivery.evidence.get("quality", {})
    return (
        delivery.max_error_rate > 0
        and covered_by(report) > 0
        and delivery.error_bound <= delivery.max_error_rate
        and report.get("confidence", 0.0) >= delivery.confidence - 1e-9
    )
