"""Uploads: what was acknowledged stays, one copy by digest is kept, and what nothing names goes."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from libs.common.blobs import Blobs
from libs.common.clock import SystemClock
from libs.common.store import Unit, open_store
from services.gateway import store
from services.gateway.http import idempotency
from services.gateway.uploads.retention import KEYS_KEPT, Sweep
from services.intake import store as intake_store
from services.intake.blob_collection import Collecting
from tests.unit.services.gateway.gateway_app import Gateway, gateway

PNG = b"\x89PNG" + os.urandom(200_000)
DIGEST = hashlib.sha256(PNG).hexdigest()
BASE = "/v1/tenants/acme/uploads"


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path) as opened:
        yield opened


async def begin(to: Gateway, size: int, **said: Any) -> str:
    body = {"size": size, "filename": "a.png", **said}
    return "/v1/" + (await to.http.post(BASE, json=body)).json()["name"]


async def send(to: Gateway, upload: str, offset: int, content: bytes) -> httpx2.Response:
    headers = {"upload-offset": str(offset), "content-type": "application/offset+octet-stream"}
    return await to.http.patch(upload, content=content, headers=headers)


async def test_an_upload_leaves_one_copy_under_its_digest(one: Gateway) -> None:
    for _ in range(2):
        upload = await begin(one, len(PNG), sha256=DIGEST)
        middle = len(PNG) // 2
        assert (await send(one, upload, 0, PNG[:middle])).json()["offset"] == middle
        assert (await send(one, upload, middle, PNG[middle:])).json()["done"]
    assert await one.blobs.list("blobs") == [f"blobs/acme/{DIGEST}.png"]
    assert await one.blobs.list("chunks") == []
    shown = await one.http.get(f"/v1/tenants/acme/blobs/{DIGEST}.png")
    assert shown.content == PNG


async def test_an_upload_that_an_earlier_release_began_goes_on(one: Gateway) -> None:
    """Its chunks lie under their numbers alone, and no record names them."""
    upload = await begin(one, len(PNG), sha256=DIGEST)
    name = upload.removeprefix("/v1/")
    await one.blobs.put(f"chunks/acme/{name.rsplit('/', 1)[-1]}/000000", PNG[:1000])

    async def work(unit: Unit) -> None:
        known = await unit.get(store.UPLOADS, name)
        assert known is not None
        now = {"offset": 1000, "chunks": 1, "version": known["version"] + 1}
        unit.put(store.UPLOADS, {**known, **now})

    await one.store.transact(work)
    assert (await send(one, upload, 1000, PNG[1000:2000])).json()["offset"] == 2000
    assert (await send(one, upload, 2000, PNG[2000:])).json()["done"]
    assert await one.blobs.list("blobs") == [f"blobs/acme/{DIGEST}.png"]
    assert await one.blobs.list("chunks") == []


async def test_a_table_is_kept_by_digest_too_and_shown_to_nobody(one: Gateway) -> None:
    text = b"text,label\nx,y\n"
    upload = await begin(one, len(text), filename="gold.csv")
    await send(one, upload, 0, text)
    (blob,) = await one.blobs.list("blobs")
    assert blob == f"blobs/acme/{hashlib.sha256(text).hexdigest()}.csv"
    assert (await one.http.get(f"/v1/tenants/acme/{blob.replace('acme/', '')}")).status_code == 404
    body = {"upload": upload.removeprefix("/v1/")}
    made = await one.http.post("/v1/tenants/acme/projects/p/imports", json=body)
    assert made.status_code == 201
    ((_, message),) = one.peer.calls
    assert (message.blob, message.filename, message.format) == (blob, "gold.csv", "csv")


@pytest.mark.parametrize("last", [False, True])
async def test_of_bytes_that_come_twice_at_once_one_wins_and_stays(
    tmp_path: Path, last: bool
) -> None:
    """A refused request must leave no byte behind, whichever replica took it, at the end, too."""
    async with gateway(tmp_path) as first, gateway(tmp_path) as second:
        for round_ in range(4):
            size = 8 if last else 16
            upload = await begin(first, size, filename="a.csv")
            texts = [f"{round_}-{i}-".encode().ljust(8, b"x") for i in range(8)]
            answers = await asyncio.gather(
                *(send((first, second)[i % 2], upload, 0, t) for i, t in enumerate(texts))
            )
            (won,) = [t for t, a in zip(texts, answers, strict=True) if a.status_code == 200]
            assert {a.status_code for a in answers} == {200, 409}
            assert all(a.headers["upload-offset"] for a in answers if a.status_code == 200)
            late = await send(second, upload, 0, b"overwrit")
            assert late.status_code == 409 and late.headers["upload-offset"] == "8"
            if not last:
                assert (await send(second, upload, 8, b"the rest")).json()["done"]
            name = upload.removeprefix("/v1/")
            found = await store.upload(first.store, name)
            assert found is not None and found.done
            content = await first.blobs.get(found.blob)
            assert content == won + (b"" if last else b"the rest")
            assert await first.blobs.list("chunks") == []


async def test_what_was_sent_wrongly_is_told_and_leaves_nothing(one: Gateway) -> None:
    upload = await begin(one, len(PNG), sha256="0" * 64)
    refused = await send(one, upload, 0, PNG)
    assert refused.status_code == 422 and "another hash" in refused.text
    assert refused.json()["errors"][0]["field"] == "sha256"
    other = await begin(one, 3)
    assert "no such file" in (await send(one, other, 0, b"abc")).text
    assert await one.blobs.list("blobs") == await one.blobs.list("chunks") == []


async def test_old_uploads_and_keys_are_forgotten_young_ones_stay(one: Gateway) -> None:
    old, done = await begin(one, 20), await begin(one, 3, filename="a.csv")
    await send(one, old, 0, b"half")
    await send(one, done, 0, b"abc")
    await one.http.post(BASE, json={"size": 1, "filename": "k"}, headers={"idempotency-key": "k"})
    one.clock.advance(timedelta(days=8).total_seconds())
    young = await begin(one, 20)
    await send(one, young, 0, b"half")
    assert idempotency._CLAIM < KEYS_KEPT
    await Sweep(one.store, one.blobs, one.clock, 7).run()
    assert [u.name async for u in store.each_upload(one.store)] == [young.removeprefix("/v1/")]
    (chunk,) = await one.blobs.list("chunks")
    assert young.rsplit("/", 1)[-1] in chunk
    assert await one.store.find(store.REQUESTS, {}) == []


# -- what nothing names ----------------------------------------------------------------------


async def put_old(blobs: Blobs, days: float, paths: Sequence[str]) -> None:
    for path in paths:
        await blobs.put(path, b"x")
        moment = SystemClock().now().timestamp() - days * 86400
        os.utime(blobs._full(path), (moment, moment))


async def test_only_what_nothing_of_its_tenant_names_is_collected(tmp_path: Path) -> None:
    opened = await open_store(f"sqlite:///{tmp_path}", "intake", intake_store.COLLECTIONS)
    blobs = Blobs(f"file://{tmp_path}/blobs")
    named = ["item", "listed", "escaped", "refusal", "running"]
    old = [*(f"blobs/acme/{n}.png" for n in named), "blobs/acme/archive.zip", "uploads/acme/1/f"]
    await put_old(blobs, 8, [*old, "blobs/bolt/item.png", "blobs/bolt/same.png"])
    await put_old(blobs, 6, ["blobs/acme/young.png"])
    item = "tenants/acme/projects/p/items"

    async def work(unit: Unit) -> None:
        texts = [
            '{"image": "blob:blobs/acme/item.png"}',
            '{"cameras": [{"image": "blob:blobs/acme/listed.png"}]}',
            '{"image": "\\u0062lob:blobs\\/acme\\/escaped.png", "odd": "\\ud800"}',
            '{"image": "blob:blobs/bolt/item.png"}',
        ]
        unit.insert(
            intake_store.ITEMS, [{"name": f"{item}/{i}", "data": t} for i, t in enumerate(texts)]
        )
        bolt = '{"image": "blob:blobs/bolt/same.png"}'
        unit.put(intake_store.ITEMS, {"name": "tenants/bolt/projects/p/items/1", "data": bolt})
        held = {"data": '{"image": "blob:blobs/acme/refusal.png"}'}
        unit.put(
            intake_store.REFUSALS,
            {"name": "tenants/acme/projects/p/refusals/1", "project": "p", "item": held},
        )
        for state in ("RUNNING", "DONE"):
            blob = f"blobs/acme/{'running.png' if state == 'RUNNING' else 'archive.zip'}"
            name = f"tenants/acme/projects/p/imports/{state}"
            unit.put(
                intake_store.IMPORTS, {"name": name, "state": state, "project": "p", "blob": blob}
            )

    await opened.transact(work)
    collecting = Collecting(opened, blobs, SystemClock(), 7)
    assert await collecting.collect("acme") == ["blobs/acme/archive.zip", "uploads/acme/1/f"]
    assert await blobs.list("blobs/bolt") == ["blobs/bolt/item.png", "blobs/bolt/same.png"]
    await collecting.run()
    kept = [*(f"blobs/acme/{n}.png" for n in [*named, "young"]), "blobs/bolt/same.png"]
    assert await blobs.list("blobs") == sorted(kept), "another tenant's item keeps nothing here"
    await opened.close()


async def test_one_tenants_trouble_keeps_no_other_from_being_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await open_store(f"sqlite:///{tmp_path}", "intake", intake_store.COLLECTIONS)
    blobs = Blobs(f"file://{tmp_path}/blobs")
    await put_old(blobs, 8, ["blobs/acme/a.png", "blobs/bolt/b.png"])
    older = blobs.older

    async def broken(prefix: str, before: Any) -> Any:
        if prefix.endswith("acme"):
            raise OSError("unreadable")
        return await older(prefix, before)

    monkeypatch.setattr(blobs, "older", broken)
    await Collecting(opened, blobs, SystemClock(), 7).run()
    assert await blobs.list("blobs") == ["blobs/acme/a.png"]
    await opened.close()
