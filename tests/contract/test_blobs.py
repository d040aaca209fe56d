"""The blob store on a disk and on a real S3 server (moto's, in this process): one contract, and
the collection of what nothing names."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from moto.server import ThreadedMotoServer

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.errors import Invalid, NotFound
from libs.common.store import Unit, open_store
from services.intake import store as intake_store
from services.intake.blob_collection import Collecting

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Address of an S3 server, named by the environment as in a cluster."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield url
    server.stop()


@pytest.fixture(params=["file", "s3"])
def blobs(request: Any, tmp_path: Path) -> Blobs:
    if request.param == "file":
        return Blobs(f"file://{tmp_path}/blobs")
    bucket = f"labels-{next(_NUMBERS)}"
    httpx2.put(f"{request.getfixturevalue('s3')}/{bucket}").raise_for_status()
    return Blobs(f"s3://{bucket}/platform")


async def test_what_is_put_is_there_until_it_is_deleted(blobs: Blobs) -> None:
    await blobs.put("blobs/acme/a.png", b"one")
    await blobs.put("blobs/acme/b/c.png", b"three")
    await blobs.put("blobs/bolt/a.png", b"other")
    await blobs.put("blobs/acme/a.png", b"two")
    assert await blobs.get("blobs/acme/a.png") == b"two"
    assert await blobs.size("blobs/acme/b/c.png") == 5
    assert await blobs.list("blobs/acme") == ["blobs/acme/a.png", "blobs/acme/b/c.png"]
    assert await blobs.folders("blobs") == ["acme", "bolt"]
    assert await blobs.is_file("blobs/acme/a.png") and not await blobs.is_file("blobs/acme")
    await blobs.delete("blobs/acme")
    await blobs.delete("blobs/acme")
    assert await blobs.list("blobs") == ["blobs/bolt/a.png"]
    assert not await blobs.exists("blobs/acme/a.png")
    for asked in (blobs.get, blobs.size):
        with pytest.raises(NotFound):
            await asked("blobs/acme/a.png")
    with pytest.raises(Invalid):
        await blobs.put("blobs/../other", b"")


async def test_a_file_appears_whole_under_the_name_it_has_in_the_end(blobs: Blobs) -> None:
    writing = blobs.write("blobs/acme/raw")
    with writing as file:
        file.write(b"x" * 100_000)
        writing.rename("digest.png")
    assert await blobs.list("blobs") == ["blobs/acme/digest.png"]
    with pytest.raises(ValueError), blobs.write("blobs/acme/half") as file:
        file.write(b"x")
        raise ValueError
    assert await blobs.list("blobs") == ["blobs/acme/digest.png"]
    with blobs.read("blobs/acme/digest.png") as file:
        assert len(file.read()) == 100_000


async def everything(blobs: Blobs) -> list[str]:
    return [*await blobs.list("blobs"), *await blobs.list("uploads")]


async def test_only_what_nothing_names_is_collected(blobs: Blobs, tmp_path: Path) -> None:
    opened = await open_store(f"sqlite:///{tmp_path}", "intake", intake_store.COLLECTIONS)
    for name in ("named", "refused", "left"):
        await blobs.put(f"blobs/acme/{name}.png", b"x")
    await blobs.put("blobs/bolt/named.png", b"x")
    await blobs.put("uploads/acme/1/raw", b"x")

    async def work(unit: Unit) -> None:
        data = '{"image": "blob:blobs/acme/named.png"}'
        unit.put(intake_store.ITEMS, {"name": "tenants/acme/projects/p/items/1", "data": data})
        held = {"data": '{"image": "blob:blobs/acme/refused.png"}'}
        name = "tenants/acme/projects/p/refusals/1"
        unit.put(intake_store.REFUSALS, {"name": name, "project": "p", "item": held})

    await opened.transact(work)
    before = await everything(blobs)
    clock = FakeClock(datetime.now(UTC))
    collecting = Collecting(opened, blobs, clock, 7)
    await collecting.run()
    assert await everything(blobs) == before, "young ones stay"
    clock.advance(timedelta(days=8).total_seconds())
    await collecting.run()
    assert await everything(blobs) == ["blobs/acme/named.png", "blobs/acme/refused.png"]
    await opened.close()
