"""Batches: one type each, every key in order, as few as that allows."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus import Event
from libs.common.messaging.consumer import batches

EVENTS = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz")), max_size=30).map(
    lambda pairs: [_event(i, kind, key) for i, (kind, key) in enumerate(pairs)]
)


def _event(number: int, kind: str, key: str) -> Event:
    return Event(str(number), "topic", kind, key, "", b"")


@given(EVENTS)
def test_nothing_is_lost_or_doubled(events: list[Event]) -> None:
    handed = [event for batch in batches(events) for event in batch]
    assert sorted(e.id for e in handed) == sorted(e.id for e in events)


@given(EVENTS)
def test_a_batch_is_of_one_type_and_never_empty(events: list[Event]) -> None:
    for batch in batches(events):
        assert len({event.type for event in batch}) == 1


@given(EVENTS)
def test_every_key_stays_in_order(events: list[Event]) -> None:
    handed: dict[str, list[int]] = defaultdict(list)
    for batch in batches(events):
        for event in batch:
            handed[event.key].append(int(event.id))
    assert all(ids == sorted(ids) for ids in handed.values())


@given(st.lists(st.sampled_from("xyz"), min_size=1, max_size=30))
def test_events_of_one_type_are_one_batch(keys: list[str]) -> None:
    assert len(batches([_event(i, "A", key) for i, key in enumerate(keys)])) == 1


@given(st.lists(st.sampled_from("ABC"), max_size=30))
def test_one_key_needs_a_batch_for_every_change_of_type(kinds: list[str]) -> None:
    changes = sum(a != b for a, b in pairwise(kinds)) + bool(kinds)
    assert len(batches([_event(i, kind, "x") for i, kind in enumerate(kinds)])) == changes


def test_an_event_joins_an_earlier_batch_only_past_its_own_key() -> None:
    events = [_event(0, "A", "x"), _event(1, "B", "x"), _event(2, "A", "y"), _event(3, "A", "x")]
    assert [[e.id for e in batch] for batch in batches(events)] == [["0", "2"], ["1"], ["3"]]
