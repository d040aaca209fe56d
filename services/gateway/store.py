"""What the gateway keeps of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from labelmill.gateway.v1 import events_pb2

from libs.common.codec import from_doc, time_text, to_doc
from libs.common.names import tenant_of
from libs.common.store import Above, Below, Collection, Doc, Reader, Store, Unit, find_below
from libs.common.upgrades import mark_each
from services.gateway.domain import (
    ApiKey,
    AuditEntry,
    Delegation,
    Message,
    Tenant,
    Upload,
    User,
    Webhook,
)

TENANTS = Collection("tenants")
USERS = Collection("users", indexes=(("tenant", "name"),))
KEYS = Collection("keys", indexes=(("user", "name"),))
UPLOADS = Collection("uploads")
WEBHOOKS = Collection("webhooks", indexes=(("tenant", "name"),))
MESSAGES = Collection(
    "messages", indexes=(("state", "tenant", "next_time", "name"), ("webhook", "name"))
)
CHUNKS = Collection("chunks")
REQUESTS = Collection("keyed_requests", indexes=(("time", "name"),))
DELEGATIONS = Collection("delegations", indexes=(("person", "name"),))
AUDIT = Collection("audit", indexes=(("tenant", "name"),))
_RIGHTS = (TENANTS, USERS, KEYS, DELEGATIONS, AUDIT)
COLLECTIONS = (*_RIGHTS, UPLOADS, CHUNKS, WEBHOOKS, MESSAGES, REQUESTS)
_PAGE = 200


async def tenant(reader: Reader | Unit, name: str) -> Tenant | None:
    doc = await reader.get(TENANTS, name)
    return None if doc is None else from_doc(Tenant, doc)


async def user(reader: Reader | Unit, name: str) -> User | None:
    doc = await reader.get(USERS, name)
    return None if doc is None else from_doc(User, doc)


def save_user(unit: Unit, user_: User) -> None:
    """Stages the user and the event of it."""
    unit.put(USERS, {**to_doc(user_), "tenant": tenant_of(user_.name)})
    tell_user(unit, user_)


def tell_user(unit: Unit, user_: User) -> None:
    """Emits the user as they now are."""
    message = events_pb2.UserUpdated(
        user=user_.name,
        role=user_.role,
        skills=user_.skills,
        active=user_.active,
        version=user_.version,
    )
    unit.emit(user_.name, message)


async def tell_known_users(store: Store) -> None:
    """Emits every user whom an earlier release kept to itself, once."""
    await mark_each(store, "users", USERS, lambda unit, doc: tell_user(unit, from_doc(User, doc)))


async def users(reader: Reader, tenant_name: str, after: str, limit: int) -> list[User]:
    docs = await reader.find(
        USERS, {"tenant": tenant_name}, after=(after,) if after else None, limit=limit
    )
    return [from_doc(User, doc) for doc in docs]


async def key(reader: Reader | Unit, name: str) -> ApiKey | None:
    doc = await reader.get(KEYS, name)
    return None if doc is None else from_doc(ApiKey, doc)


async def owners(reader: Reader | Unit, tenant_name: str) -> list[User]:
    """Return the tenant's active owners."""
    found: list[User] = []
    after: tuple[str, ...] | None = None
    while docs := await reader.find(USERS, {"tenant": tenant_name}, after=after, limit=1000):
        some = [from_doc(User, doc) for doc in docs]
        found += [user for user in some if user.role == "owner" and user.active]
        after = (some[-1].name,)
    return found


async def delegation(reader: Reader | Unit, name: str) -> Delegation | None:
    doc = await reader.get(DELEGATIONS, name)
    return None if doc is None else from_doc(Delegation, doc)


async def delegations(reader: Reader, person: str) -> list[Delegation]:
    docs = await reader.find(DELEGATIONS, {"person": person}, limit=1000)
    return [from_doc(Delegation, doc) for doc in docs]


async def audit(reader: Reader, tenant_name: str, after: str, limit: int) -> list[AuditEntry]:
    """Return what was done to rights, newest first."""
    docs = await reader.find(
        AUDIT,
        {"tenant": tenant_name},
        after=(after,) if after else None,
        limit=limit,
        descending=True,
    )
    return [from_doc(AuditEntry, doc) for doc in docs]


async def keys(reader: Reader, user_name: str) -> list[ApiKey]:
    docs = await reader.find(KEYS, {"user": user_name}, limit=1000)
    return [from_doc(ApiKey, doc) for doc in docs]


async def upload(reader: Reader | Unit, name: str) -> Upload | None:
    doc = await reader.get(UPLOADS, name)
    return None if doc is None else from_doc(Upload, doc)


async def chunks(reader: Reader, upload_name: str) -> list[Doc]:
    """Chunks of an upload in their order: `blob` is where each lies."""
    found: list[Doc] = []
    prefix = f"{upload_name}/chunks/"
    after = ""
    while page := await find_below(reader, CHUNKS, prefix, after, _PAGE):
        found += page
        after = page[-1]["name"]
    return found


async def each_upload(reader: Reader) -> AsyncIterator[Upload]:
    """Every upload of every tenant, read page by page."""
    after: tuple[str, ...] | None = None
    while docs := await reader.find(UPLOADS, {}, after=after, limit=_PAGE):
        for doc in docs:
            yield from_doc(Upload, doc)
        after = (docs[-1]["name"],)


async def old_requests(reader: Reader, before: datetime) -> list[str]:
    """Names of requests with a key that came before a moment, some of them."""
    where = {"time": Below(time_text(before))}
    docs = await reader.find(REQUESTS, where, order=("time", "name"), limit=_PAGE)
    return [doc["name"] for doc in docs]


async def webhook(reader: Reader | Unit, name: str) -> Webhook | None:
    doc = await reader.get(WEBHOOKS, name)
    return None if doc is None else from_doc(Webhook, doc)


async def webhooks(reader: Reader | Unit, tenant_name: str) -> list[Webhook]:
    docs = await reader.find(WEBHOOKS, {"tenant": tenant_name}, limit=1000)
    return [from_doc(Webhook, doc) for doc in docs]


async def each_webhook(reader: Reader) -> AsyncIterator[str]:
    """Name of every webhook of every tenant, read page by page."""
    after: tuple[str, ...] | None = None
    while docs := await reader.find(WEBHOOKS, {}, after=after, limit=_PAGE):
        for doc in docs:
            yield doc["name"]
        after = (docs[-1]["name"],)


async def due_messages(reader: Reader, now: datetime, each: int) -> AsyncIterator[Message]:
    """Of every tenant at most `each` messages whose time has come, the longest waiting first:
    what one tenant's servers do not take makes nobody else's way longer."""
    tenant_name = ""
    order = ("tenant", "next_time", "name")
    while True:
        where = {"state": "PENDING", "tenant": Above(tenant_name)}
        found = await reader.find(MESSAGES, where, order=order, limit=1)
        if not found:
            return
        tenant_name = found[0]["tenant"]
        due = {"state": "PENDING", "tenant": tenant_name}
        until = Below(time_text(now), equal=True)
        for doc in await reader.find(
            MESSAGES, {**due, "next_time": until}, order=order[1:], limit=each
        ):
            yield from_doc(Message, doc)


async def messages(reader: Reader, webhook_name: str, after: str, limit: int) -> list[Message]:
    docs = await reader.find(
        MESSAGES,
        {"webhook": webhook_name},
        after=(after,) if after else None,
        limit=limit,
        descending=True,
    )
    return [from_doc(Message, doc) for doc in docs]


async def message(reader: Reader | Unit, name: str) -> Message | None:
    doc = await reader.get(MESSAGES, name)
    return None if doc is None else from_doc(Message, doc)
