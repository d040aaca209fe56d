"""Imports that do not hold each other up: slow sources, cancelled and given up."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import orjson
import pytest

from libs.common.errors import AlreadyExists, NotFound, OutOfTurn, Unavailable
from libs.common.store import Unit
from services.intake import store as intake_store
from services.intake.domain import MAX_TRIES, DataField, Project
from services.intake.imports.turns import Turns
from services.intake.service import Intake
from tests.unit.services.intake.import_desk import GOOD, SCHEMA, Desk, Slow, until

ROWS = 2500


async def test_a_slow_source_holds_up_nobody_else(desk: Desk, slow: str) -> None:
    """While one tenant's source hangs, another's import begins and ends."""
    await desk.open("acme", "bolt")
    hanging = await desk.ask("acme", url=slow, source="s")
    await desk.intake.start_imports()
    await asyncio.to_thread(Slow.asked.wait, 60)
    quick = await desk.ask("bolt", GOOD)
    await until(desk, quick.name, "SUCCEEDED")
    assert (await desk.intake.import_(hanging.name)).state == "RUNNING"
    Slow.go_on.set()
    done = await until(desk, hanging.name, "SUCCEEDED")
    assert (done.admitted_count, done.duplicate_count) == (2, 49)


@pytest.mark.statistical
async def test_a_huge_import_leaves_another_tenants_row_quick(desk: Desk) -> None:
    """One row that comes behind many thousands of another's is in long before they are."""
    await desk.open("acme", "bolt")
    rows = b"".join(b'{"text": "row %d of many that take their time"}\n' % i for i in range(ROWS))
    huge = await desk.ask("acme", rows)
    await desk.intake.start_imports()
    while (await desk.intake.import_(huge.name)).position == 0:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    quick = await desk.ask("bolt", GOOD)
    await until(desk, quick.name, "SUCCEEDED")
    meanwhile = await desk.intake.import_(huge.name)
    assert meanwhile.state == "RUNNING"
    # In rows, not in seconds: a busy machine slows both alike.
    assert meanwhile.admitted_count <= ROWS * 0.8
    assert (await until(desk, huge.name, "SUCCEEDED")).admitted_count == ROWS


async def test_projects_of_a_tenant_take_turns(desk: Desk) -> None:
    await desk.open("acme")
    other = Project("tenants/acme/projects/q", 1, (DataField("text", "text"),), SCHEMA)
    await desk.intake.remember_projects([other])
    asked = [await desk.ask("acme", GOOD) for _ in range(2)]
    # Of imports of one millisecond either may be the first by name.
    first, second = sorted(asked, key=lambda one: one.name)
    third = await desk.ask("acme", GOOD, name=other.name)
    found = await intake_store.next_import(
        desk.store, "acme", ["PENDING"], desk.clock.now(), "tenants/acme/projects/p"
    )
    assert found is not None and found.name == third.name
    for served, name in (("", first.name), ("tenants/acme/projects/q", first.name)):
        found = await intake_store.next_import(
            desk.store, "acme", ["PENDING"], desk.clock.now(), served
        )
        assert found is not None and found.name == name
    assert second.name > first.name


async def test_tenants_are_found_one_by_one(desk: Desk) -> None:
    """Names that begin alike are told apart, however many imports each has."""
    await desk.open("acme", "acme-b", "acme2")
    for tenant in ("acme", "acme", "acme-b", "acme2", "acme"):
        await desk.ask(tenant, GOOD)
    found = await intake_store.tenants_importing(desk.store, ["RUNNING", "PENDING"])
    assert found == ["acme", "acme-b", "acme2"]


async def test_one_process_works_in_a_lane(desk: Desk, slow: str) -> None:
    """A second process leaves a lane alone that is held, and takes it over when it is not."""
    await desk.open("acme")
    hanging = await desk.ask("acme", url=slow, source="s")
    await desk.intake.start_imports()
    await asyncio.to_thread(Slow.asked.wait, 60)
    other = Intake(desk.store, desk.clock, desk.blobs, orjson.loads, desk.settings)
    await other.run_imports()
    assert (await other.import_(hanging.name)).state == "RUNNING"
    desk.clock.advance(60)
    Slow.go_on.set()
    await other.run_imports()
    ended = await other.import_(hanging.name)
    assert ended.state == "SUCCEEDED", ended
    await other.close()


def test_turns_go_round() -> None:
    """Ten that wait for one tenant do not come before one of another."""
    turns, served = Turns(1), list[str]()
    threads = []

    def work(key: str) -> None:
        with turns.turn(key):
            served.append(key)

    with turns.turn("a"):
        for key in ("a", "a", "a", "b", "c"):
            threads.append(threading.Thread(target=work, args=(key,)))
            threads[-1].start()
            while sum(map(len, turns._waiting.values())) < len(threads):
                time.sleep(0)
    for thread in threads:
        thread.join()
    assert served == ["a", "b", "c", "a", "a"]


# -- cancelled, given up, asked twice ------------------------------------------------------------


async def test_an_import_is_cancelled_while_its_source_hangs(desk: Desk, slow: str) -> None:
    await desk.open("acme")
    hanging, waiting = await desk.ask("acme", url=slow, source="s"), await desk.ask("acme", GOOD)
    await desk.intake.start_imports()
    await asyncio.to_thread(Slow.asked.wait, 60)
    assert (await desk.intake.cancel_import(hanging.name)).state == "CANCELLED"
    assert (await desk.intake.cancel_import(hanging.name)).version == 3, "the same again"
    Slow.go_on.set()
    await until(desk, waiting.name, "SUCCEEDED")
    assert (await desk.intake.import_(hanging.name)).state == "CANCELLED"
    with pytest.raises(OutOfTurn, match="SUCCEEDED"):
        await desk.intake.cancel_import(waiting.name)
    with pytest.raises(NotFound):
        await desk.intake.cancel_import(f"{waiting.name}x")


async def test_what_fails_here_is_tried_again_and_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.open("acme", "bolt")
    made = await desk.ask("acme", GOOD)

    def away(path: str) -> None:
        raise ConnectionResetError("the store of blobs is away")

    with monkeypatch.context() as patched:
        patched.setattr(desk.blobs, "is_file", lambda _: asyncio.sleep(0, True))
        patched.setattr(desk.intake._lanes._importing._means.remote, "blocks", away)
        gone = await desk.ask("bolt", url="http://localhost:1/x", source="s")
        for _ in range(MAX_TRIES + 2):
            await desk.intake.run_imports()
            desk.clock.advance(1000)
    assert (await desk.intake.import_(made.name)).state == "SUCCEEDED"
    ended = await desk.intake.import_(gone.name)
    assert ended.state == "FAILED" and f"after {MAX_TRIES} tries" in ended.reason, ended


@pytest.mark.parametrize("store_too", [False, True])
async def test_no_room_is_no_try_of_an_import(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, store_too: bool
) -> None:
    """A disk that is full now and then, for blobs or for all, ends nothing: it waits."""
    await desk.open("acme")
    made = await desk.ask("acme", GOOD)
    commit, lacks = desk.store._units._commit, 0

    def full(*_: Any) -> Any:
        nonlocal lacks
        lacks = 1
        raise Unavailable("nothing was written: make room on the disk")

    async def small(unit: Unit) -> None:
        nonlocal lacks
        if store_too and lacks:
            lacks -= 1
            raise Unavailable("nothing was written: make room on the disk")
        await commit(unit)

    monkeypatch.setattr(desk.store._units, "_commit", small)
    with monkeypatch.context() as patched:
        patched.setattr(desk.intake._lanes._importing._means.admission, "clean", full)
        for _ in range(MAX_TRIES + 2):
            await desk.intake.run_imports()
            waits = await desk.intake.import_(made.name)
            assert waits.state == "RUNNING" and "make room" in waits.trouble
            desk.clock.advance(1000)
    await desk.intake.run_imports()
    assert (await desk.intake.import_(made.name)).state == "SUCCEEDED"


async def test_what_signs_a_source_is_forgotten_once_the_import_has_ended(
    desk: Desk, slow: str
) -> None:
    await desk.open("acme", "bolt", "cord")
    signed = f"{slow}?X-Amz-Signature=5ec2e7"
    fails = await desk.ask("bolt", url="http://localhost:1/x?sig=5ec2e7", source="s")
    cancelled = await desk.ask("cord", url=signed, source="s")
    await desk.intake.cancel_import(cancelled.name)
    Slow.go_on.set()
    succeeds = await desk.ask("acme", url=signed, source="s")
    await desk.intake.run_imports()
    for made, state in ((fails, "FAILED"), (cancelled, "CANCELLED"), (succeeds, "SUCCEEDED")):
        doc = await desk.store.get(intake_store.IMPORTS, made.name)
        assert doc is not None and doc["state"] == state
        assert "5ec2e7" not in json.dumps(doc)


async def test_a_request_is_a_persons_own(desk: Desk) -> None:
    await desk.open("acme")
    first = await desk.ask("acme", GOOD, request="r", blob="uploads/acme/a")
    again = await desk.ask("acme", GOOD, request="r", blob="uploads/acme/a")
    other = await desk.ask("acme", GOOD, request="r", blob="uploads/acme/b", person="bob")
    assert first.name == again.name != other.name
    with pytest.raises(AlreadyExists):
        await desk.ask("acme", GOOD, request="r", blob="uploads/acme/c")
