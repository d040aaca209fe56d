"""An audit that nobody was left for, judged by a reviewer: what it says of people's labels."""

from __future__ import annotations

from typing import Any

import pytest

from services.qc_scorer.domain import Project, audit_outcome

PROJECT = Project("tenants/t/projects/p", 1, "class", "majority")


def value(label: str) -> dict[str, Any]:
    return {"choices": {"classes": [label]}}


def audited(label: str, *said: str, replicas: int) -> dict[str, Any]:
    return {
        "decisions": [{"action": "AUDIT"}],
        "replica_count": replicas,
        "annotations": [{"annotator": f"p{i}", "value": value(v)} for i, v in enumerate(said)],
        "label": {"value": value(label)},
    }


@pytest.mark.parametrize("label", ["ham", "spam"])
def test_the_label_is_held_against_what_all_said_who_had_answered(label: str) -> None:
    """Two of three said ham before the draw; the reviewer is no fourth opinion to leave out."""
    task = audited(label, "spam", "ham", "ham", replicas=4)
    assert audit_outcome(task, PROJECT) is (label != "ham")


def test_the_audits_own_opinion_is_none_of_those_it_is_held_against() -> None:
    assert audit_outcome(audited("spam", "ham", "spam", replicas=2), PROJECT) is True
    assert audit_outcome(audited("ham", "ham", "ham", replicas=2), PROJECT) is False
