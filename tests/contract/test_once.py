"""`Idempotency-Key`: twelve equal requests at once, over two replicas, have one effect."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from libs.common.errors import OutOfTurn
from services.gateway import store
from services.gateway.http import idempotency
from tests.contract.test_store import url  # noqa: F401
from tests.unit.services.gateway.gateway_app import Gateway, Recorder, gateway

KEY = {"idempotency-key": "one"}
ITEMS = "/v1/tenants/acme/projects/p/items:batchCreate"
UPLOADS = "/v1/tenants/acme/uploads"
UPLOAD = {"size": 3, "filename": "a.csv"}


async def twelve(replicas: list[Gateway], path: str, body: object) -> Counter[tuple[int, bytes]]:
    """How often which answer came."""
    answers = await asyncio.gather(
        *(replicas[i % 2].http.post(path, json=body, headers=KEY) for i in range(12))
    )
    return Counter((a.status_code, a.content) for a in answers)


async def test_one_effect_in_the_gateways_own_store(tmp_path: Path, url: str) -> None:  # noqa: F811
    async with gateway(tmp_path, url) as one, gateway(tmp_path, url) as two:
        answers = await twelve([one, two], UPLOADS, UPLOAD)
        assert [status for status, _ in answers] == [201], answers
        assert len(await one.store.find(store.UPLOADS, {})) == 1
        again = await two.http.post(UPLOADS, json=UPLOAD, headers=KEY)
        assert again.headers["upload-offset"] == "0", "headers of the first answer, too"


async def test_one_effect_behind_the_gateway(tmp_path: Path, url: str) -> None:  # noqa: F811
    peer = Recorder()
    async with gateway(tmp_path, url, peer) as one, gateway(tmp_path, url, peer) as two:
        body = {"items": [{"data": {"text": "x"}}]}
        answers = await twelve([one, two], ITEMS, body)
        assert [status for status, _ in answers] == [200], answers
        assert len(peer.calls) == 1


async def test_a_secret_is_shown_once(tmp_path: Path) -> None:
    async with gateway(tmp_path) as one:
        answers = await twelve([one, one], "/v1/tenants", {"tenant_id": "acme"})
        assert sorted(s for s, _ in answers.elements()) == [201, *[409] * 11]
        assert b"shown once" in next(body for status, body in answers if status == 409)


async def test_the_same_key_with_another_body_is_refused(tmp_path: Path) -> None:
    async with gateway(tmp_path) as one:
        await one.http.post(UPLOADS, json=UPLOAD, headers=KEY)
        other = await one.http.post(UPLOADS, json={**UPLOAD, "size": 4}, headers=KEY)
        assert other.status_code == 422 and "Idempotency-Key" in other.text


async def test_a_request_that_failed_may_be_tried_again(tmp_path: Path) -> None:
    peer = Recorder(fail=OutOfTurn("not yet"))
    async with gateway(tmp_path, peer=peer) as one:
        body = {"items": [{"data": {"text": "x"}}]}
        assert (await one.http.post(ITEMS, json=body, headers=KEY)).status_code == 409
        peer.fail = None
        assert (await one.http.post(ITEMS, json=body, headers=KEY)).status_code == 200
        assert len(peer.calls) == 2


async def test_one_that_hangs_holds_its_key_and_no_longer_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others hear that it still runs; where its process died its claim runs out."""
    monkeypatch.setattr(idempotency, "_WAIT_SECONDS", 0.05)
    peer = Recorder(gate=asyncio.Event())
    async with gateway(tmp_path, peer=peer) as one:
        body = {"items": [{"data": {"text": "x"}}]}
        hanging = asyncio.create_task(one.http.post(ITEMS, json=body, headers=KEY))
        await peer.arrived.acquire()
        second = await one.http.post(ITEMS, json=body, headers=KEY)
        assert second.status_code == 409 and second.headers["retry-after"] == "1"
        one.clock.advance(idempotency._CLAIM.total_seconds() + 1)
        third = asyncio.create_task(one.http.post(ITEMS, json=body, headers=KEY))
        await peer.arrived.acquire()
        assert peer.gate is not None
        peer.gate.set()
        assert (await third).status_code == 200 and (await hanging).status_code == 200
        fourth = await one.http.post(ITEMS, json=body, headers=KEY)
        assert fourth.status_code == 200 and len(peer.calls) == 2
