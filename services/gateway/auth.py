"""Who is asking: API keys (`lm_<id>_<secret>`), tenants' own JWTs, the operator's key."""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from typing import Any

import jwt

from libs.common.access import PLATFORM, ROLES, Caller
from libs.common.errors import Unauthenticated
from libs.common.names import tenant_of
from libs.common.store import Store
from services.gateway import domain, store
from services.gateway.config import GatewaySettings

_REMEMBER_SECONDS = 3.0
_REMEMBERED = 20_000
_HELP = "send `Authorization: Bearer <API key or JWT>`"


class Authenticator:
    """Turns the Authorization header into a caller. A revoked key is refused within seconds:
    keys are remembered for `_REMEMBER_SECONDS`, in memory."""

    def __init__(self, store_: Store, settings: GatewaySettings, operator_key: str) -> None:
        self._store, self._settings, self._operator = store_, settings, operator_key
        self._known: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    async def caller(self, header: str) -> Caller:
        """The caller; `Unauthenticated` says what is wrong, never what was sent."""
        if not header.startswith("Bearer "):
            raise Unauthenticated(_HELP)
        token = header[7:].strip()
        known = self._known.get(token)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        who = await self._believe(token)
        self._known[token] = (who, time.monotonic() + _REMEMBER_SECONDS)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return who

    async def _believe(self, token: str) -> Caller:
        if hmac.compare_digest(token.encode(), self._operator.encode()):
            return PLATFORM
        if token.startswith("lm_"):
            return await self._key(token)
        if token.count(".") == 2:
            return self._jwt(token)
        raise Unauthenticated(f"the token is neither an API key nor a JWT; {_HELP}")

    async def _key(self, token: str) -> Caller:
        fits = domain.KEY.fullmatch(token)
        key = await store.key(self._store, f"keys/{fits.group(1)}") if fits else None
        digest = domain.key_digest(fits.group(2)) if fits else ""
        if key is None or key.revoked or not hmac.compare_digest(key.digest, digest):
            raise Unauthenticated("the API key is not valid (any more)")
        user = await store.user(self._store, key.user)
        if user is None:
            raise Unauthenticated("the API key's user is gone")
        return Caller(user.name.rsplit("/", 1)[-1], tenant_of(user.name), user.role, user.skills)

    def _jwt(self, token: str) -> Caller:
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
    tenant, role = claims.get("tenant"), claims.get("role")
    skills = claims.get("skills", [])
    fine = isinstance(tenant, str) and tenant and "/" not in tenant and role in ROLES
    if not fine or not isinstance(skills, list):
        raise Unauthenticated("the JWT needs the claims tenant and role")
    return Caller(str(claims["sub"]), f"tenants/{tenant}", str(role), tuple(map(str, skills)))
