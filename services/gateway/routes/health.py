"""Is this process alive, may it be sent requests, and do all services get on?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import grpc
from starlette.requests import Request
from starlette.responses import Response

from libs.common.health import HealthDesk, ask
from services.gateway.http.problems import problem
from services.gateway.request_context import answer

# Anybody may ask, and each answer costs a call to every service.
_KEPT_SECONDS = 1.0
_PATHS = ("/healthz", "/readyz", "/readyz/self")


class Health:
    """Routes for probes and people. `channels`: every service at its own address."""

    def __init__(self, desk: HealthDesk, channels: Mapping[str, grpc.aio.Channel]) -> None:
        self._desk, self._channels = desk, channels
        self._asked: asyncio.Future[dict[str, str]] | None = None
        self._until = 0.0

    def refusal(self, path: str) -> Response | None:
        """503 while the store is waited for; health is told at any time."""
        if not self._desk.starting or path in _PATHS:
            return None
        return problem(503, f"the gateway: {self._desk.starting}", headers={"Retry-After": "1"})

    async def healthz(self, _: Request) -> Response:
        """Alive: it answers, whoever else is away."""
        return answer({"status": "ok"})

    async def own(self, _: Request) -> Response:
        """May this process be sent requests? For a balancer, which must not take the last gateway
        away because some other service waits."""
        if reason := self._desk.starting:
            return answer({"status": "waiting", "reason": reason}, 503)
        return answer({"status": "ready"})

    async def readyz(self, _: Request) -> Response:
        """Every service of the process or cluster, with the reason where one does not get on."""
        reasons = {name.replace("_", "-"): why for name, why in (await self._reasons()).items()}
        wrong = {name: why for name, why in reasons.items() if why}
        services = {name: why or "ready" for name, why in reasons.items()}
        if not wrong:
            return answer({"status": "ready", "services": services})
        reason = "; ".join(f"{name}: {why}" for name, why in wrong.items())
        return answer({"status": "waiting", "reason": reason, "services": services}, 503)

    async def _reasons(self) -> dict[str, str]:
        now = asyncio.get_running_loop().time()
        if self._asked is None or (self._asked.done() and now > self._until):
            self._asked = asyncio.ensure_future(ask(self._channels))
            self._until = now + _KEPT_SECONDS
        return await asyncio.shield(self._asked)
