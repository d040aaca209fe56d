"""Who is asking: API keys (`lm_<id>_<secret>`), tenants' own JWTs, the operator's key."""

from __future__ import annotations

import hmac
import re
import time
from collections import OrderedDict
from typing import Any

import jwt

from libs.common.access import ON_BEHALF_OF, PLATFORM, ROLES, SERVICE, Caller, delegated, lesser
from libs.common.errors import Denied, Unauthenticated
from libs.common.names import tenant_of
from libs.common.store import Store
from services.gateway import domain, store
from services.gateway.config import GatewaySettings

_REMEMBER_SECONDS = 3.0
_REMEMBERED = 20_000
# A subject goes into names and keys of its own: nothing that parts those.
_SUBJECT = re.compile(r"[^\s/:\x00-\x1f]{1,200}")
_FIELD = ON_BEHALF_OF
_HELP = "send `Authorization: Bearer <API key or JWT>`"


class Authenticator:
    """Turns credentials into a caller. Who was revoked, deactivated or demoted is noticed within
    seconds: callers are remembered for `_REMEMBER_SECONDS`, in memory."""

    def __init__(self, store_: Store, settings: GatewaySettings, operator_key: str) -> None:
        self._store, self._settings, self._operator = store_, settings, operator_key
        self._known: OrderedDict[tuple[str, str], tuple[Caller, float]] = OrderedDict()

    async def caller(self, header: str, person: str = "") -> Caller:
        """Return the caller of an Authorization header, acting for `person` where it is a service
        that may. Raise `Unauthenticated`, which says what is wrong and never what was sent, or
        `Denied` without a delegation."""
        if not header.startswith("Bearer "):
            raise Unauthenticated(_HELP)
        token = header[7:].strip()
        known = self._known.get((token, person))
        if known is not None and known[1] > time.monotonic():
            return known[0]
        who = await self._believe(token)
        if person and person != who.subject:
            who = await self._for_person(who, person)
        self._known[token, person] = (who, time.monotonic() + _REMEMBER_SECONDS)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return who

    async def _believe(self, token: str) -> Caller:
        if hmac.compare_digest(token.encode(), self._operator.encode()):
            return PLATFORM
        if token.startswith("lm_"):
            return await self._key(token)
        if token.count(".") == 2:
            return await self._jwt(token)
        raise Unauthenticated(f"the token is neither an API key nor a JWT; {_HELP}")

    async def _key(self, token: str) -> Caller:
        fits = domain.KEY.fullmatch(token)
        key = await store.key(self._store, f"keys/{fits.group(1)}") if fits else None
        digest = domain.key_digest(fits.group(2)) if fits else ""
        if key is None or key.revoked or not hmac.compare_digest(key.digest, digest):
            raise Unauthenticated("the API key is not valid (any more)")
        user = await store.user(self._store, key.user)
        if user is None or not user.active:
            raise Unauthenticated("the API key's user is gone, or not active any more")
        tenant = tenant_of(user.name)
        await self._open(tenant)
        role = lesser(user.role, key.ceiling) if key.ceiling else user.role
        subject, key_id = (name.rsplit("/", 1)[-1] for name in (user.name, key.name))
        return Caller(subject, tenant, role, user.skills, key_id)

    async def _for_person(self, who: Caller, person: str) -> Caller:
        """The person must exist, be active, and have said so."""
        if who.role != SERVICE or who.platform:
            raise Denied("only a service of the tenant acts for other people", field=_FIELD)
        name = f"{who.tenant}/users/{person[:200]}"
        given = await store.delegation(self._store, f"{name}/delegations/{who.subject}")
        user = await store.user(self._store, name)
        # Who has become a service since is no person any more.
        person_there = user is not None and user.active and user.role != SERVICE
        if user is None or not person_there or given is None or given.revoked:
            raise Denied(
                f"{person[:200]} has not delegated to {who.subject}, or is not active", field=_FIELD
            )
        return delegated(who, person, user.role, user.skills)

    async def _open(self, tenant: str) -> None:
        known = await store.tenant(self._store, tenant)
        if known is None or known.suspended:
            raise Unauthenticated("the tenant is not known here, or is suspended")

    async def _jwt(self, token: str) -> Caller:
        """The caller of a JWT. Where the tenant has a user of that name, its record decides on
        role and skills; otherwise the issuer's claims are the record."""
        who = self._claims(token)
        await self._open(who.tenant)
        user = await store.user(self._store, f"{who.tenant}/users/{who.subject}")
        if user is None:
            return who
        if not user.active:
            raise Unauthenticated("the JWT's user is not active any more")
        return Caller(who.subject, who.tenant, lesser(user.role, who.role), user.skills)

    def _claims(self, token: str) -> Caller:
        settings = self._settings
        key = settings.jwt_public_key or settings.jwt_key
        if not key:
            raise Unauthenticated("this platform takes API keys only")
        algorithms = ["RS256", "ES256", "EdDSA"] if settings.jwt_public_key else ["HS256"]
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=algorithms,
                audience=settings.jwt_audience,
                issuer=settings.jwt_issuer or None,
                options={"require": ["exp", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"the JWT is not valid: {type(error).__name__}") from error
        return _claimed(claims)


def _claimed(claims: dict[str, Any]) -> Caller:
    tenant, role, subject = claims.get("tenant"), claims.get("role"), str(claims["sub"])
    skills = claims.get("skills", [])
    fine = isinstance(tenant, str) and tenant and "/" not in tenant and role in ROLES
    if not fine or not isinstance(skills, list):
        raise Unauthenticated("the JWT needs the claims tenant and role")
    if not _SUBJECT.fullmatch(subject):
        raise Unauthenticated("the JWT's sub must be 1 to 200 characters without space, / and :")
    return Caller(subject, f"tenants/{tenant}", str(role), tuple(map(str, skills)))
