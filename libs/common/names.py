"""Resource names: `tenants/t/projects/p/tasks/01J...`. The tenant is in the name, so
isolation is checked here and nowhere else (`own`)."""

from __future__ import annotations

import hashlib
import os
import re
import time
import zlib

from libs.common.errors import Invalid, NotFound

CATALOGUE = "tenants/catalogue"
SHARDS = 16
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~@-]{0,127}")
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(a + b for a in _CROCKFORD for b in _CROCKFORD)


def parse(name: str, pattern: str) -> tuple[str, ...]:
    """Ids of a name that fits the pattern, e.g. `parse(n, "tenants/*/projects/*")` -> (t, p).

    Raises `Invalid` naming the pattern where it does not fit.
    """
    parts, wanted = name.split("/"), pattern.split("/")
    fits = len(parts) == len(wanted) and all(
        (w == "*" and _SEGMENT.fullmatch(p)) or w == p for p, w in zip(parts, wanted, strict=True)
    )
    if not fits:
        raise Invalid(f"{name[:200]!r} is not a name of the form {pattern}", field="name")
    return tuple(p for p, w in zip(parts, wanted, strict=True) if w == "*")


def is_segment(part: str) -> bool:
    """Can this be one part of a name?"""
    return _SEGMENT.fullmatch(part) is not None


def tenant_of(name: str) -> str:
    """`tenants/t` of any resource name; empty if the name has no tenant."""
    parts = name.split("/", 2)
    return "/".join(parts[:2]) if len(parts) >= 2 and parts[0] == "tenants" and parts[1] else ""


def project_of(name: str) -> str:
    """`tenants/t/projects/p` of any name below a project; `Invalid` otherwise."""
    parts = name.split("/")
    if len(parts) < 4 or parts[0] != "tenants" or parts[2] != "projects" or not parts[3]:
        raise Invalid(f"{name[:200]!r} does not belong to a project", field="name")
    return "/".join(parts[:4])


def own(name: str, tenant: str) -> None:
    """Raises `NotFound` unless the name is the tenant's own: the one isolation check."""
    if tenant_of(name) != tenant:
        raise NotFound(f"{name[:200]} was not found", field="name")


def shard_of(name: str) -> int:
    """The shard of a task or item by its last id; stable across processes and versions."""
    return zlib.crc32(name.rsplit("/", 1)[-1].encode()) % SHARDS


def event_key(project: str, shard: int) -> str:
    """Key of an event: one project's shard stays in order on one partition."""
    return f"{project}/shards/{shard}"


def trained_model(project: str) -> str:
    """Return the name, on the inference server and in its repository, of the model a project
    trains: `tenant~project`. No id of a tenant or project holds a tilde, so that it can be read
    back, and no two projects have the same."""
    tenant, own = parse(project, "tenants/*/projects/*")
    return f"{tenant}~{own}"


def may_use_model(tenant: str, model: str) -> bool:
    """May `tenants/t` see and use the model? One that a tenant trained is that tenant's alone; of
    names from before (`tenant--project`) it cannot be told whose they are."""
    owner, trained, _ = model.partition("~")
    return tenant == f"tenants/{owner}" if trained else "--" not in model


def content_id(*parts: str) -> str:
    """26 characters made from the content: the same content has the same id."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return _base32(int.from_bytes(digest[:16]) >> 2, 26)[-26:]


def new_id() -> str:
    """A ULID: 26 characters, sorts by time of making."""
    millis = time.time_ns() // 1_000_000
    return _base32((millis << 80) | int.from_bytes(os.urandom(10)), 26)


def _base32(number: int, width: int) -> str:
    """The lowest `width` digits, an even number of them: made by the pair, in half the time."""
    return "".join([_PAIRS[(number >> at) & 1023] for at in range(5 * width - 10, -1, -10)])
