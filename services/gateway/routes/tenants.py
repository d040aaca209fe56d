"""Tenants, users and API keys."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from libs.common import names
from libs.common.access import Caller
from libs.common.codec import to_doc
from libs.common.errors import AlreadyExists, Denied, NotFound
from libs.common.store import Unit
from services.gateway import domain, problems, store
from services.gateway.domain import ApiKey, Tenant, User
from services.gateway.door import Door, answer

_ID = r"^[a-z][a-z0-9-]{0,62}$"
_USER_ID = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$"
Role = Literal["owner", "manager", "reviewer", "annotator", "service"]
_LEAD = ("owner", "service")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewTenant(Strict):
    tenant_id: str = Field(pattern=_ID)
    display_name: str = Field("", max_length=200)


class NewUser(Strict):
    user_id: str = Field(pattern=_USER_ID)
    role: Role
    skills: list[str] = Field(default_factory=list, max_length=100)
    display_name: str = Field("", max_length=200)


class UserChange(Strict):
    role: Role | None = None
    skills: list[str] | None = Field(None, max_length=100)
    display_name: str | None = Field(None, max_length=200)


class Tenants:
    """Routes of tenants, users and keys."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def create(self, request: Request) -> Response:
        """Operators make tenants; the answer shows the owner's first key, once."""
        who = await self._door.caller(request)
        if not who.platform:
            raise Denied("only the operator makes tenants")
        asked = await read(self._door, request, NewTenant)
        name, now = f"tenants/{asked.tenant_id}", self._door.clock.now()
        tenant = Tenant(name, asked.display_name or asked.tenant_id, now)
        owner = User(f"{name}/users/owner", "owner", (), "Owner", now)
        key, secret = _new_key(owner.name, now)

        async def work(unit: Unit) -> None:
            if name == names.CATALOGUE or await store.tenant(unit, name) is not None:
                raise AlreadyExists(f"{name} exists already", field="tenant_id")
            unit.put(store.TENANTS, to_doc(tenant))
            unit.put(store.USERS, {**to_doc(owner), "tenant": name})
            unit.put(store.KEYS, to_doc(key))

        await self._door.store.transact(work)
        return answer({**_shown(tenant), "owner": owner.name, "api_key": secret}, 201)

    async def get(self, request: Request) -> Response:
        name, _ = await self._lead(request)
        tenant = await store.tenant(self._door.store, name)
        if tenant is None:
            raise NotFound(f"{name} was not found", field="name")
        return answer(_shown(tenant))

    async def create_user(self, request: Request) -> Response:
        tenant, who = await self._lead(request)
        asked = await read(self._door, request, NewUser)
        if asked.role == "owner" and who.role != "owner" and not who.platform:
            raise Denied("only an owner makes owners", field="role")
        name = f"{tenant}/users/{asked.user_id}"
        user = User(
            name,
            asked.role,
            tuple(asked.skills),
            asked.display_name or asked.user_id,
            self._door.clock.now(),
        )

        async def work(unit: Unit) -> None:
            if await store.user(unit, name) is not None:
                raise AlreadyExists(f"{name} exists already", field="user_id")
            if await store.tenant(unit, tenant) is None:
                raise NotFound(f"{tenant} was not found", field="name")
            unit.put(store.USERS, {**to_doc(user), "tenant": tenant})

        await self._door.store.transact(work)
        return answer(_shown(user), 201)

    async def list_users(self, request: Request) -> Response:
        tenant, _ = await self._lead(request)
        size, after = page(request)
        found = await store.users(self._door.store, tenant, after, size)
        token = found[-1].name if len(found) == size else ""
        return answer({"users": [_shown(u) for u in found], "next_page_token": token})

    async def get_user(self, request: Request) -> Response:
        return answer(_shown(await self._user(request)))

    async def change_user(self, request: Request) -> Response:
        user = await self._user(request)
        asked = await read(self._door, request, UserChange)
        changes = asked.model_dump(exclude_none=True)
        if "skills" in changes:
            changes["skills"] = tuple(changes["skills"])

        async def work(unit: Unit) -> User:
            now = await store.user(unit, user.name)
            if now is None:
                raise NotFound(f"{user.name} was not found", field="name")
            changed = replace(now, **changes, version=now.version + 1)
            unit.put(store.USERS, {**to_doc(changed), "tenant": names.tenant_of(user.name)})
            return changed

        return answer(_shown(await self._door.store.transact(work)))

    async def create_key(self, request: Request) -> Response:
        user = await self._user(request)
        key, secret = _new_key(user.name, self._door.clock.now())

        async def work(unit: Unit) -> None:
            unit.put(store.KEYS, to_doc(key))

        await self._door.store.transact(work)
        return answer({**_key_shown(key), "api_key": secret}, 201)

    async def list_keys(self, request: Request) -> Response:
        user = await self._user(request)
        found = await store.keys(self._door.store, user.name)
        return answer({"keys": [_key_shown(k) for k in found]})

    async def delete_key(self, request: Request) -> Response:
        user = await self._user(request)
        name = f"keys/{request.path_params['key']}"

        async def work(unit: Unit) -> None:
            key = await store.key(unit, name)
            if key is None or key.user != user.name:
                raise NotFound(f"{name[:200]} was not found", field="name")
            unit.put(store.KEYS, to_doc(replace(key, revoked=True, version=key.version + 1)))

        await self._door.store.transact(work)
        return Response(status_code=204)

    async def _lead(self, request: Request) -> tuple[str, Caller]:
        """(tenant, caller) where the caller may see to the tenant's people."""
        who = await self._door.caller(request)
        tenant = own_tenant(request, who)
        if who.role not in _LEAD and who.role != "manager":
            raise Denied(f"role {who.role} may not see to users and keys")
        return tenant, who

    async def _user(self, request: Request) -> User:
        tenant, _ = await self._lead(request)
        name = f"{tenant}/users/{request.path_params['user']}"
        user = await store.user(self._door.store, name)
        if user is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        return user


def own_tenant(request: Request, who: Caller) -> str:
    """`tenants/t` of the path, if it is the caller's."""
    name = f"tenants/{request.path_params['tenant']}"
    if not who.platform:
        names.own(name, who.tenant)
    return name


async def read(door: Door, request: Request, model: type[Any]) -> Any:
    """The validated JSON body."""
    try:
        return model.model_validate_json(await door.body(request) or b"{}")
    except ValidationError as error:
        raise problems.of_validation(error) from error


def page(request: Request) -> tuple[int, str]:
    """(page_size, page_token) of the query."""
    text = request.query_params.get("page_size", "100")
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 0 <= int(text) <= 1000:
        errors = [{"field": "page_size", "message": "must be 0 to 1000"}]
        raise problems.Problem(422, "page_size: must be 0 to 1000", errors)
    return int(text) or 100, request.query_params.get("page_token", "")


def _new_key(user: str, now: Any) -> tuple[ApiKey, str]:
    key_id, secret = names.new_id(), secrets.token_urlsafe(32)
    key = ApiKey(f"keys/{key_id}", user, domain.key_digest(secret), now)
    return key, f"lm_{key_id}_{secret}"


def _shown(resource: Any) -> dict[str, Any]:
    return {k: v for k, v in to_doc(resource).items() if k != "version"}


def _key_shown(key: ApiKey) -> dict[str, Any]:
    return {
        "name": f"{key.user}/{key.name}",
        "revoked": key.revoked,
        "create_time": to_doc(key)["create_time"],
    }
