"""Users, their keys, and the delegations by which a service may work in a person's name.

Who may do what to whom is said in `libs.common.access`; every change leaves an audit entry in the
same transaction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from libs.common import names
from libs.common.access import OWNER, SERVICE, Caller, leads, outranks
from libs.common.codec import to_doc
from libs.common.errors import AlreadyExists, Denied, Invalid, NotFound, OutOfTurn
from libs.common.paging import following
from libs.common.store import Unit
from services.gateway import store
from services.gateway.domain import ApiKey, AuditEntry, Delegation, User
from services.gateway.request_context import Door, answer
from services.gateway.routes.tenants import Strict, new_key, own_tenant, page, read

_USER_ID = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$"
Role = Literal["owner", "manager", "reviewer", "annotator", "service"]


class NewUser(Strict):
    user_id: str = Field(pattern=_USER_ID)
    role: Role
    skills: list[str] = Field(default_factory=list, max_length=100)
    display_name: str = Field("", max_length=200)


class UserChange(Strict):
    role: Role | None = None
    skills: list[str] | None = Field(None, max_length=100)
    display_name: str | None = Field(None, max_length=200)
    active: bool | None = None


class NewDelegation(Strict):
    service: str = Field(pattern=_USER_ID)


class People:
    """Routes of users, keys, delegations and the audit trail."""

    def __init__(self, door: Door) -> None:
        self._door = door

    # -- users --------------------------------------------------------------------------------

    async def create(self, request: Request) -> Response:
        who = await self._door.caller(request)
        tenant = own_tenant(request, who)
        asked = await read(self._door, request, NewUser)
        outranks(who, asked.role)
        name = f"{tenant}/users/{asked.user_id}"
        shown = asked.display_name or asked.user_id
        now = self._door.clock.now()
        user = User(name, asked.role, tuple(asked.skills), shown, now)

        async def work(unit: Unit) -> None:
            if await store.user(unit, name) is not None:
                raise AlreadyExists(f"{name} exists already", field="user_id")
            if await store.tenant(unit, tenant) is None:
                raise NotFound(f"{tenant} was not found", field="name")
            store.save_user(unit, user)
            self._note(unit, who, "user.create", name, asked.role)

        await self._door.store.transact(work)
        return answer(_shown(user), 201)

    async def list(self, request: Request) -> Response:
        tenant = own_tenant(request, await self._door.caller(request))
        size, after = page(request, f"{tenant}/users/")
        found = await store.users(self._door.store, tenant, after, size)
        users = [_shown(user) for user in found]
        return answer({"users": users, "next_page_token": following(found, size)})

    async def get(self, request: Request) -> Response:
        return answer(_shown(await self._user(request)))

    async def change(self, request: Request) -> Response:
        """Role, skills, name, and whether the person is let in at all (`active`)."""
        who, name = await self._door.caller(request), (await self._user(request)).name
        changes = (await read(self._door, request, UserChange)).model_dump(exclude_none=True)
        if "skills" in changes:
            changes["skills"] = tuple(changes["skills"])

        async def work(unit: Unit) -> User:
            now = _found(await store.user(unit, name), name)
            changed = replace(now, **changes, version=now.version + 1)
            outranks(who, now.role)
            outranks(who, changed.role)
            if now.role == OWNER and now.active and not (changed.role == OWNER and changed.active):
                await self._leave_an_owner(unit, now)
            store.save_user(unit, changed)
            self._note(unit, who, "user.change", name, ", ".join(_words(changes)))
            return changed

        return answer(_shown(await self._door.store.transact(work)))

    async def _leave_an_owner(self, unit: Unit, leaving: User) -> None:
        """Raise `OutOfTurn` for the last owner. Two who leave at once meet in the tenant's version:
        the second looks again and finds one owner."""
        name = names.tenant_of(leaving.name)
        tenant = await store.tenant(unit, name)
        if tenant is None:
            raise NotFound(f"{name} was not found", field="name")
        unit.put(store.TENANTS, to_doc(replace(tenant, version=tenant.version + 1)))
        if not [user for user in await store.owners(unit, name) if user.name != leaving.name]:
            words = "is the tenant's last active owner; make another one first"
            raise OutOfTurn(f"{leaving.name} {words}", field="role")

    # -- keys ---------------------------------------------------------------------------------

    async def create_key(self, request: Request) -> Response:
        who, user = await self._managed(request)
        ceiling = OWNER if who.platform else who.role
        key, secret = new_key(user.name, self._door.clock.now(), ceiling, who.subject)

        async def work(unit: Unit) -> None:
            now = _found(await store.user(unit, user.name), user.name)
            outranks(who, now.role)
            unit.put(store.KEYS, to_doc(key))
            self._note(unit, who, "key.create", f"{user.name}/{key.name}", now.role)

        await self._door.store.transact(work)
        return answer({**_key_shown(key), "api_key": secret}, 201)

    async def list_keys(self, request: Request) -> Response:
        user = await self._user(request)
        found = await store.keys(self._door.store, user.name)
        return answer({"keys": [_key_shown(k) for k in found]})

    async def delete_key(self, request: Request) -> Response:
        who, user = await self._managed(request)
        name = f"keys/{request.path_params['key']}"

        async def work(unit: Unit) -> None:
            key = await store.key(unit, name)
            if key is None or key.user != user.name:
                raise NotFound(f"{name[:200]} was not found", field="name")
            unit.put(store.KEYS, to_doc(replace(key, revoked=True, version=key.version + 1)))
            self._note(unit, who, "key.revoke", f"{user.name}/{name}", "")

        await self._door.store.transact(work)
        return Response(status_code=204)

    # -- delegations --------------------------------------------------------------------------

    async def delegate(self, request: Request) -> Response:
        """A person lets a service work in their name. Only they can: with a key of their own."""
        who, user = await self._door.caller(request), await self._user(request)
        asked = await read(self._door, request, NewDelegation)
        if who.tenant != names.tenant_of(user.name) or who.subject != _id(user) or who.delegate:
            raise Denied("a delegation is the person's own to give, with their own key")
        if user.role == SERVICE:
            raise Denied("a service delegates to nobody: it is not a person")
        service = await store.user(self._door.store, f"{who.tenant}/users/{asked.service}")
        if service is None or service.role != SERVICE or not service.active:
            raise Invalid("there is no active user of role service with this id", field="service")
        name = f"{user.name}/delegations/{asked.service}"
        now = self._door.clock.now()

        async def work(unit: Unit) -> Delegation:
            known = await store.delegation(unit, name)
            if known is not None and not known.revoked:
                return known
            version = known.version + 1 if known else 1
            given = Delegation(name, user.name, asked.service, who.key, now, version)
            unit.put(store.DELEGATIONS, to_doc(given))
            self._note(unit, who, "delegation.grant", name, "")
            return given

        return answer(_shown(await self._door.store.transact(work)), 201)

    async def list_delegations(self, request: Request) -> Response:
        _, user = await self._self_or_lead(request)
        found = await store.delegations(self._door.store, user.name)
        return answer({"delegations": [_shown(one) for one in found]})

    async def revoke(self, request: Request) -> Response:
        """The person, or who leads, ends it; services notice within seconds."""
        who, user = await self._self_or_lead(request)
        name = f"{user.name}/delegations/{request.path_params['service']}"

        async def work(unit: Unit) -> None:
            given = await store.delegation(unit, name)
            if given is None:
                raise NotFound(f"{name[:200]} was not found", field="name")
            ended = replace(given, revoked=True, version=given.version + 1)
            unit.put(store.DELEGATIONS, to_doc(ended))
            self._note(unit, who, "delegation.revoke", name, "")

        await self._door.store.transact(work)
        return Response(status_code=204)

    async def audit(self, request: Request) -> Response:
        """Who changed whose rights, newest first."""
        tenant = own_tenant(request, await self._door.caller(request))
        size, after = page(request, f"{tenant}/audit/")
        found = await store.audit(self._door.store, tenant, after, size)
        entries = [to_doc(one) for one in found]
        return answer({"entries": entries, "next_page_token": following(found, size)})

    # -- inside -------------------------------------------------------------------------------

    async def _user(self, request: Request) -> User:
        tenant = own_tenant(request, await self._door.caller(request))
        name = f"{tenant}/users/{request.path_params['user']}"
        return _found(await store.user(self._door.store, name), name)

    async def _managed(self, request: Request) -> tuple[Caller, User]:
        """(caller, user), of whom the caller may take and give keys."""
        who, user = await self._door.caller(request), await self._user(request)
        outranks(who, user.role)
        return who, user

    async def _self_or_lead(self, request: Request) -> tuple[Caller, User]:
        who, user = await self._door.caller(request), await self._user(request)
        if not leads(who) and who.subject != _id(user):
            raise Denied(f"role {who.role} sees its own delegations only")
        return who, user

    def _note(self, unit: Unit, who: Caller, action: str, target: str, detail: str) -> None:
        tenant = names.tenant_of(target)
        name, now = f"{tenant}/audit/{names.new_id()}", self._door.clock.now()
        entry = AuditEntry(name, tenant, who.subject, who.key, action, target, detail[:1000], now)
        unit.insert(store.AUDIT, [to_doc(entry)])


def _id(user: User) -> str:
    return user.name.rsplit("/", 1)[-1]


def _found(user: User | None, name: str) -> User:
    if user is None:
        raise NotFound(f"{name[:200]} was not found", field="name")
    return user


def _words(changes: dict[str, Any]) -> list[str]:
    shown = {k: " ".join(v) if isinstance(v, tuple) else v for k, v in changes.items()}
    return [f"{name}: {value}" for name, value in shown.items()]


def _shown(resource: Any) -> dict[str, Any]:
    return {k: v for k, v in to_doc(resource).items() if k != "version"}


def _key_shown(key: ApiKey) -> dict[str, Any]:
    return {
        "name": f"{key.user}/{key.name}",
        "revoked": key.revoked,
        "create_time": to_doc(key)["create_time"],
        "made_by": key.made_by,
    }
