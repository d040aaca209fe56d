"""Delivered labels had again in other formats: the same frozen set, whatever came since."""

from __future__ import annotations

import json
from typing import Any

import pytest
from labelmill.delivery.v1 import events_pb2 as delivery_events

from libs.bundle.__main__ import run
from libs.common.errors import AlreadyExists, Invalid, OutOfTurn
from services.delivery.domain import Delivery, DeliveryState
from services.qc_scorer.events import HANDLERS as QC_HANDLERS
from tests.unit.services.delivery import test_delivery
from tests.unit.services.delivery.test_delivery import PROJECT, House, task

house = test_delivery.house


def said(house: House, made: Delivery, name: str) -> Any:
    return json.loads((house.path(made) / name).read_bytes())


async def test_an_edition_is_of_the_same_set(house: House) -> None:
    await house.accepted(*[task(i) for i in range(50)])
    first = await house.finish(await house.service.create(PROJECT, ["jsonl"], ""))
    # What is accepted since is no part of it, and another part size changes no digest.
    await house.accepted(task(99))
    house.service = house.worker("two", 7)
    again = await house.finish(await house.service.reissue(first.name, ["csv", "jsonl"], "r"))
    assert again.state is DeliveryState.COMPLETED, again.reason
    assert (again.edition_of, again.label_count, again.sources) == (first.name, 50, first.sources)
    assert again.label_set_sha256 == first.label_set_sha256 and len(again.label_set_sha256) == 64
    for name in ("manifest.json", "certificate.json"):
        one, other = said(house, first, name), said(house, again, name)
        assert one["label_set_sha256"] == other["label_set_sha256"]
        assert (one["edition_of"], other["edition_of"]) == ("", first.name)
    proofs = [said(house, made, "certificate.json") for made in (first, again)]
    assert proofs[0]["measured"] == proofs[1]["measured"]
    assert [run(house.path(made), None) for made in (first, again)] == [0, 0]
    assert (await house.service.reissue(first.name, ["csv", "jsonl"], "r")).name == again.name
    with pytest.raises(AlreadyExists):
        await house.service.reissue(first.name, ["csv"], "r")
    # It holds no labels of its own: the next delivery has the new one alone.
    later = await house.finish(await house.service.create(PROJECT, [], ""))
    assert later.label_count == 1


async def test_what_no_edition_can_be_of(house: House) -> None:
    first = await house.deliver(4)
    with pytest.raises(Invalid, match="unknown format") as unknown:
        await house.service.reissue(first.name, ["coco"], "")
    assert unknown.value.field == "formats"
    edition = await house.finish(await house.service.reissue(first.name, [], ""))
    for decide in (house.service.accept(edition.name), house.service.reject(edition.name, "x", [])):
        with pytest.raises(OutOfTurn, match=f"edition of {first.name}"):
            await decide
    of_edition = await house.finish(await house.service.reissue(edition.name, ["csv"], ""))
    assert of_edition.edition_of == first.name
    await house.service.reject(first.name, "wrong", [])
    with pytest.raises(OutOfTurn, match="REJECTED"):
        await house.service.reissue(first.name, [], "")


async def test_an_edition_of_labels_that_were_let_go_meanwhile_fails(house: House) -> None:
    first = await house.deliver(4)
    edition = await house.service.reissue(first.name, [], "")
    await house.service.reject(first.name, "wrong", [])
    for _ in range(30):
        await house.service.advance()
        house.clock.advance(120)
    assert (await house.service.delivery(edition.name)).state is DeliveryState.FAILED
    completed = await house.emitted(delivery_events.DeliveryCompleted)
    assert [m.delivery.name for m in completed] == [first.name]


async def test_an_edition_is_no_news_to_quality() -> None:
    heard = []

    class Quality:
        async def note_delivery(self, *what: str) -> None:
            heard.append(what)

    told = delivery_events.DeliveryCompleted()
    told.delivery.name = "tenants/t/projects/p/deliveries/d"
    told.delivery.edition_of = "tenants/t/projects/p/deliveries/c"
    await QC_HANDLERS[delivery_events.DeliveryCompleted](Quality(), [told])  # type: ignore[arg-type]
    assert heard == []
