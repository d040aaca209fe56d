"""Tenants, and what the gateway's own routes share."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from libs.common import names
from libs.common.access import OWNER, Caller
from libs.common.codec import to_doc
from libs.common.errors import AlreadyExists, NotFound
from libs.common.limits import ORDINARY, check_values
from libs.common.offload import aside
from libs.common.paging import USUAL_SIZE, after_of
from libs.common.store import Unit
from services.gateway import domain, store
from services.gateway.domain import ApiKey, Tenant, User
from services.gateway.http import problems
from services.gateway.request_context import Door, answer

_ID = r"^[a-z][a-z0-9-]{0,62}$"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewTenant(Strict):
    tenant_id: str = Field(pattern=_ID)
    display_name: str = Field("", max_length=200)


class TenantChange(Strict):
    display_name: str | None = Field(None, max_length=200)
    suspended: bool | None = None


class Tenants:
    """Routes of tenants."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def create(self, request: Request) -> Response:
        """Operators make tenants; the answer shows the owner's first key, once."""
        asked = await read(self._door, request, NewTenant)
        name, now = f"tenants/{asked.tenant_id}", self._door.clock.now()
        tenant = Tenant(name, asked.display_name or asked.tenant_id, now)
        owner = User(f"{name}/users/owner", "owner", (), "Owner", now)
        key, secret = new_key(owner.name, now, OWNER, "platform")

        async def work(unit: Unit) -> None:
            if name == names.CATALOGUE or await store.tenant(unit, name) is not None:
                raise AlreadyExists(f"{name} exists already", field="tenant_id")
            unit.put(store.TENANTS, to_doc(tenant))
            store.save_user(unit, owner)
            unit.put(store.KEYS, to_doc(key))

        await self._door.store.transact(work)
        return answer({**_shown(tenant), "owner": owner.name, "api_key": secret}, 201)

    async def get(self, request: Request) -> Response:
        name = own_tenant(request, await self._door.caller(request))
        return answer(_shown(_found(await store.tenant(self._door.store, name), name)))

    async def change(self, request: Request) -> Response:
        """Operators rename and suspend tenants; nobody of a suspended one is let in."""
        name = own_tenant(request, await self._door.caller(request))
        asked = await read(self._door, request, TenantChange)

        async def work(unit: Unit) -> Tenant:
            now = _found(await store.tenant(unit, name), name)
            changes = asked.model_dump(exclude_none=True)
            changed = replace(now, **changes, version=now.version + 1)
            unit.put(store.TENANTS, to_doc(changed))
            return changed

        return answer(_shown(await self._door.store.transact(work)))


def own_tenant(request: Request, who: Caller) -> str:
    """`tenants/t` of the path, if it is the caller's."""
    name = f"tenants/{request.path_params['tenant']}"
    if not who.platform:
        names.own(name, who.tenant)
    return name


async def read(door: Door, request: Request, model: type[Any]) -> Any:
    """The validated JSON body."""
    body = await door.body(request)
    check_values(body, ORDINARY.values)
    try:
        return await aside(len(body), lambda: model.model_validate_json(body or b"{}"))
    except ValidationError as error:
        raise problems.of_validation(error) from error


def page(request: Request, prefix: str = "") -> tuple[int, str]:
    """(page_size, page_token) of the query; tokens are names that begin with the prefix, if any."""
    text = request.query_params.get("page_size", "100")
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 0 <= int(text) <= 1000:
        errors = [{"field": "page_size", "message": "must be 0 to 1000"}]
        raise problems.Problem(422, "page_size: must be 0 to 1000", errors)
    token = request.query_params.get("page_token", "")
    return int(text) or USUAL_SIZE, after_of(token, prefix) if prefix else token


def new_key(user: str, now: Any, ceiling: str, made_by: str) -> tuple[ApiKey, str]:
    """Return a fresh key of a user and its text, which is shown once and not kept."""
    key_id, secret = names.new_id(), secrets.token_urlsafe(32)
    digest = domain.key_digest(secret)
    key = ApiKey(f"keys/{key_id}", user, digest, now, ceiling=ceiling, made_by=made_by)
    return key, f"lm_{key_id}_{secret}"


def _found(tenant: Tenant | None, name: str) -> Tenant:
    if tenant is None:
        raise NotFound(f"{name[:200]} was not found", field="name")
    return tenant


def _shown(resource: Any) -> dict[str, Any]:
    return {k: v for k, v in to_doc(resource).items() if k != "version"}
