"""When a project's model learns: neither in a pause of a slow embedding nor twice for one batch."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.scheduler.training import (
    PATIENT_SECONDS,
    QUIET_SECONDS,
    STUCK_SECONDS,
    Training,
    requested,
    training_due,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stamp(seconds: float) -> str:
    return after(seconds).isoformat(timespec="microseconds")


FRESH = Training("p", created=20_000, seen=1000, seen_time=stamp(0))


def test_a_pause_of_a_slow_embedding_begins_no_round() -> None:
    assert not training_due(FRESH, after(10 * QUIET_SECONDS))
    whole = replace(FRESH, seen=20_000)
    assert not training_due(whole, after(QUIET_SECONDS / 2))
    assert training_due(whole, after(QUIET_SECONDS)) == "20000 new items"


def test_items_that_cannot_be_embedded_are_not_waited_for_for_ever() -> None:
    assert training_due(FRESH, after(PATIENT_SECONDS))


def test_a_whole_batch_is_learnt_from_at_once() -> None:
    asked = replace(requested(replace(FRESH, created=1000)), asked=200, asked_time=stamp(5))
    assert not training_due(replace(asked, labels=199, label_time=stamp(6)), after(6))
    assert training_due(replace(asked, labels=200, label_time=stamp(6)), after(6))


def test_a_batch_that_does_not_come_whole_is_learnt_from_once() -> None:
    """Tasks that a lot took are never answered; what was asked next is waited for anew."""
    first = requested(replace(FRESH, created=1000))
    asked = replace(first, asked=200, asked_time=stamp(5), labels=150, label_time=stamp(9))
    late = 9 + STUCK_SECONDS
    assert not training_due(asked, after(late - 1))
    assert training_due(asked, after(late))
    again = requested(asked)
    assert not training_due(again, after(late + 1))
    ordered = replace(again, asked=again.asked + 100, asked_time=stamp(late + 2))
    assert not training_due(ordered, after(late + 3))
    assert training_due(replace(ordered, labels=250, label_time=stamp(late + 4)), after(late + 4))


def test_nothing_is_learnt_while_a_lot_is_proven() -> None:
    proving = replace(FRESH, seen=20_000, state="PROVING")
    assert not training_due(proving, after(1000))
