"""Users are told on, with every change; those of an earlier release once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labelmill.gateway.v1.events_pb2 import UserUpdated

from libs.common.codec import to_doc
from libs.common.store import Store, Unit
from services.gateway import store
from services.gateway.domain import User
from tests.unit.services.gateway.gateway_app import OPERATOR, gateway


async def told(of: Store) -> list[tuple[str, Any]]:
    events = await of.pending_events(1000)
    return [(e.key, e.message()) for e in events if e.type.endswith(".UserUpdated")]


async def test_every_change_of_a_user_is_told(tmp_path: Path) -> None:
    async with gateway(tmp_path) as one:
        operator = {"authorization": f"Bearer {OPERATOR}"}
        body = {"tenant_id": "acme", "display_name": "Acme"}
        await one.http.post("/v1/tenants", json=body, headers=operator)
        ann = {"user_id": "ann", "role": "annotator", "skills": ["latin"]}
        await one.http.post("/v1/tenants/acme/users", json=ann, headers=operator)
        path = "/v1/tenants/acme/users/ann"
        assert (await one.http.patch(path, json={"active": False}, headers=operator)).is_success
        name = "tenants/acme/users/ann"
        now = {"user": name, "role": "annotator", "skills": ["latin"]}
        owner = "tenants/acme/users/owner"
        assert await told(one.store) == [
            (owner, UserUpdated(user=owner, role="owner", active=True, version=1)),
            (name, UserUpdated(**now, active=True, version=1)),
            (name, UserUpdated(**now, active=False, version=2)),
        ]


async def test_users_of_an_earlier_release_are_told_once(tmp_path: Path) -> None:
    async with gateway(tmp_path) as one:
        user = User("tenants/t/users/u", "reviewer", (), "U", one.clock.now(), 7)

        async def work(unit: Unit) -> None:
            unit.put(store.USERS, {**to_doc(user), "tenant": "tenants/t", "version": 1})

        await one.store.transact(work)
        for _ in range(2):
            await store.tell_known_users(one.store)
        ((_, message),) = await told(one.store)
        assert message.user == user.name and message.role == "reviewer"
