"""Tenants, users, keys, uploads, webhooks: the gateway's own resources and decisions."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

KEY = re.compile(r"lm_([a-z0-9]{26})_([A-Za-z0-9_-]{43})")
RETRY_SECONDS = (5, 30, 120, 600, 3600, 6 * 3600, 24 * 3600, 48 * 3600)


class Wrong(Exception):
    """A request that cannot be; `status` as in HTTP."""

    def __init__(self, status: int, field: str, message: str) -> None:
        super().__init__(message)
        self.status, self.field, self.message = status, field, message


@dataclass(frozen=True)
class Tenant:
    name: str
    display_name: str
    create_time: datetime
    version: int = 1
    # Nobody of a suspended tenant is let in, whatever they show.
    suspended: bool = False


@dataclass(frozen=True)
class User:
    name: str
    role: str
    skills: tuple[str, ...]
    display_name: str
    create_time: datetime
    version: int = 1
    active: bool = True


@dataclass(frozen=True)
class ApiKey:
    """An API key; only the SHA-256 of its 256-bit random secret is kept.

    `ceiling` is the role of whoever made it: the key carries its user's role, but never a higher
    one, so that no key made below comes up with its user. Empty: made before there were ceilings.
    """

    name: str
    user: str
    digest: str
    create_time: datetime
    version: int = 1
    revoked: bool = False
    ceiling: str = ""
    made_by: str = ""


@dataclass(frozen=True)
class Delegation:
    """A person lets a service work in their name; `key` is the key they said so with."""

    name: str
    person: str
    service: str
    key: str
    create_time: datetime
    version: int = 1
    revoked: bool = False


@dataclass(frozen=True)
class AuditEntry:
    """Who did what to whose rights; never changed, never deleted."""

    name: str
    tenant: str
    actor: str
    key: str
    action: str
    target: str
    detail: str
    create_time: datetime


@dataclass(frozen=True)
class Upload:
    """A resumable upload; `offset` bytes are safe."""

    name: str
    size: int
    filename: str
    sha256: str
    create_time: datetime
    offset: int = 0
    chunks: int = 0
    version: int = 1
    done: bool = False
    blob: str = ""
    # When the last bytes came.
    update_time: datetime | None = None

    def expired(self, before: datetime) -> bool:
        """Did nothing happen to it since then?"""
        return (self.update_time or self.create_time) < before


@dataclass(frozen=True)
class Webhook:
    name: str
    tenant: str
    url: str
    event_types: tuple[str, ...]
    # As `vault.seal` gives it.
    secret: str
    create_time: datetime
    version: int = 1


@dataclass(frozen=True)
class Message:
    """One webhook message on its way: tried `attempts` times, next at `next_time`."""

    name: str
    webhook: str
    tenant: str
    type: str
    body: str
    create_time: datetime
    next_time: datetime
    state: str = "PENDING"
    attempts: int = 0
    last_status: int = 0
    last_error: str = ""
    version: int = 1


def key_digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def take_chunk(upload: Upload, offset: int, size: int, now: datetime) -> Upload:
    """The upload after another chunk; raises `Wrong` with the right offset."""
    if upload.done:
        raise Wrong(409, "Upload-Offset", "the upload is complete")
    if offset != upload.offset:
        raise Wrong(409, "Upload-Offset", f"the upload stands at {upload.offset}, not {offset}")
    if offset + size > upload.size:
        raise Wrong(413, "body", f"more bytes than the {upload.size} announced")
    return replace(
        upload,
        offset=offset + size,
        chunks=upload.chunks + 1,
        version=upload.version + 1,
        update_time=now,
    )


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`webhook-signature` of the Standard Webhooks specification: v1,base64(HMAC-SHA256)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def after_attempt(message: Message, status: int, error: str, now: datetime) -> Message:
    """DELIVERED on 2xx, else tried again later, FAILED once the pauses are used up."""
    tried = replace(
        message,
        attempts=message.attempts + 1,
        last_status=status,
        last_error=error[:300],
        version=message.version + 1,
    )
    if 200 <= status < 300:
        return replace(tried, state="DELIVERED")
    if tried.attempts > len(RETRY_SECONDS):
        return replace(tried, state="FAILED")
    pause = RETRY_SECONDS[tried.attempts - 1]
    return replace(tried, next_time=now + timedelta(seconds=pause))


def again(message: Message, now: datetime) -> Message:
    """A replayed message starts over."""
    return replace(message, state="PENDING", attempts=0, next_time=now, version=message.version + 1)
