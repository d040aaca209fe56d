"""Signing secrets of webhooks: sealed at rest, opened to sign, under keys that can be changed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from libs.common.codec import to_doc
from libs.common.store import Unit
from services.gateway import store
from services.gateway.domain import Webhook
from services.gateway.security.vault import Unreadable, Vault, open_vault, seal_all
from tests.unit.services.gateway.gateway_app import Gateway, gateway

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
HOOKS = "/v1/tenants/acme/webhooks"


async def secret_of(to: Gateway, name: str) -> str:
    hook = await store.webhook(to.store, name)
    assert hook is not None
    return hook.secret


async def test_no_file_of_the_store_holds_a_secret_in_clear(tmp_path: Path) -> None:
    async with gateway(tmp_path) as one:
        made = await one.http.post(HOOKS, json={"url": "http://127.0.0.1:1/x"})
        secret = made.json()["secret"]
        assert secret.startswith("whsec_")
    files = [p.read_bytes() for p in (tmp_path / "store").iterdir()]
    assert files and not any(secret[6:].encode() in content for content in files)


async def test_open_secrets_and_those_of_an_older_key_are_sealed_anew(tmp_path: Path) -> None:
    async with gateway(tmp_path) as one:
        kept = {"open": "whsec_a", "old": Vault(OLD).seal("whsec_b"), "new": Vault(NEW).seal("c")}
        hooks = [
            Webhook(f"tenants/acme/webhooks/{n}", "tenants/acme", "u", (), s, one.clock.now())
            for n, s in kept.items()
        ]

        async def work(unit: Unit) -> None:
            unit.insert(store.WEBHOOKS, [to_doc(hook) for hook in hooks])

        await one.store.transact(work)
        vault = Vault(f"{NEW},{OLD}")
        assert await seal_all(one.store, vault) == 2
        assert await seal_all(one.store, vault) == 0
        sealed = [await secret_of(one, hook.name) for hook in hooks]
        assert [Vault(NEW).open(s) for s in sealed] == ["whsec_a", "whsec_b", "c"]


async def test_a_lost_key_stops_one_webhook_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway(tmp_path) as one:
        hook = Webhook("w", "tenants/acme", "u", (), Vault(OLD).seal("s"), one.clock.now())

        async def work(unit: Unit) -> None:
            unit.put(store.WEBHOOKS, to_doc(hook))

        await one.store.transact(work)
        with caplog.at_level(logging.ERROR):
            assert await seal_all(one.store, Vault(NEW)) == 0
        assert "SECRETS_KEY has no key" in caplog.text
        assert await secret_of(one, "w") == hook.secret
    with pytest.raises(Unreadable):
        Vault(NEW).open(hook.secret)


def test_a_key_is_made_once_and_a_wrong_one_is_told(tmp_path: Path) -> None:
    sealed = open_vault("", tmp_path).seal("s")
    assert open_vault("", tmp_path).open(sealed) == "s"
    with pytest.raises(RuntimeError, match="SECRETS_KEY must be 32 bytes"):
        Vault("short")
