"""What the gateway keeps of its own."""

from __future__ import annotations

from libs.common.codec import from_doc, time_text
from libs.common.store import Below, Collection, Reader, Unit
from services.gateway.domain import ApiKey, Message, Tenant, Upload, User, Webhook

TENANTS = Collection("tenants")
USERS = Collection("users", indexes=(("tenant", "name"),))
KEYS = Collection("keys", indexes=(("user", "name"),))
UPLOADS = Collection("uploads")
WEBHOOKS = Collection("webhooks", indexes=(("tenant", "name"),))
MESSAGES = Collection("messages", indexes=(("state", "next_time", "name"), ("webhook", "name")))
REQUESTS = Collection("requests", indexes=(("time",),))
COLLECTIONS = (TENANTS, USERS, KEYS, UPLOADS, WEBHOOKS, MESSAGES, REQUESTS)


async def tenant(reader: Reader | Unit, name: str) -> Tenant | None:
    doc = await reader.get(TENANTS, name)
    return None if doc is None else from_doc(Tenant, doc)


async def user(reader: Reader | Unit, name: str) -> User | None:
    doc = await reader.get(USERS, name)
    return None if doc is None else from_doc(User, doc)


async def users(reader: Reader, tenant_name: str, after: str, limit: int) -> list[User]:
    docs = await reader.find(
        USERS, {"tenant": tenant_name}, after=(after,) if after else None, limit=limit
    )
    return [from_doc(User, doc) for doc in docs]


async def key(reader: Reader | Unit, name: str) -> ApiKey | None:
    doc = await reader.get(KEYS, name)
    return None if doc is None else from_doc(ApiKey, doc)


async def keys(reader: Reader, user_name: str) -> list[ApiKey]:
    docs = await reader.find(KEYS, {"user": user_name}, limit=1000)
    return [from_doc(ApiKey, doc) for doc in docs]


async def upload(reader: Reader | Unit, name: str) -> Upload | None:
    doc = await reader.get(UPLOADS, name)
    return None if doc is None else from_doc(Upload, doc)


async def webhook(reader: Reader | Unit, name: str) -> Webhook | None:
    doc = await reader.get(WEBHOOKS, name)
    return None if doc is None else from_doc(Webhook, doc)


async def webhooks(reader: Reader | Unit, tenant_name: str) -> list[Webhook]:
    docs = await reader.find(WEBHOOKS, {"tenant": tenant_name}, limit=1000)
    return [from_doc(Webhook, doc) for doc in docs]


async def due_messages(reader: Reader, now: object, limit: int) -> list[Message]:
    docs = await reader.find(
        MESSAGES,
        {"state": "PENDING", "next_time": Below(time_text(now), equal=True)},  # type: ignore[arg-type]
        order=("next_time", "name"),
        limit=limit,
    )
    return [from_doc(Message, doc) for doc in docs]


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
