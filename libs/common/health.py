"""Which services of a process are well, over the gRPC health protocol, and why one is not.

Three questions that a cluster asks: is the process alive (`liveness`: it answers; never mind who
is away), may it be sent requests (the empty name: its stores are open), and does a service get on
with its work (the service's name: nothing that it waits for is away, no event is stuck).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

LIVENESS, OVERALL = "liveness", ""
_REASON = "labelmill-reason-bin"
_CHECK_SECONDS = 2.0
_Status = health_pb2.HealthCheckResponse


class HealthDesk(health.aio.HealthServicer):
    """Health of this process; an answer that is not SERVING says why in its trailing metadata."""

    def __init__(self, services: Sequence[str]) -> None:
        super().__init__()
        self.reasons = dict.fromkeys([OVERALL, *services], "it is starting")
        self._grpc_services: list[str] = []

    @property
    def starting(self) -> str:
        """Why this process cannot be sent requests; empty once it can."""
        return self.reasons[OVERALL]

    def cover(self, grpc_service: str) -> None:
        """This gRPC service is as well as the process."""
        self._grpc_services.append(grpc_service)

    async def live(self) -> None:
        """The process answers; nothing else is said yet."""
        await self.set(LIVENESS, _Status.SERVING)
        for name in [*self.reasons, *self._grpc_services]:
            await self.set(name, _Status.NOT_SERVING)

    async def report(self, name: str, reason: str) -> None:
        """A service is well, or not for this reason."""
        known, self.reasons[name] = self.reasons.get(name), reason
        if known != reason:
            status = _Status.NOT_SERVING if reason else _Status.SERVING
            for each in [name, *(self._grpc_services if name == OVERALL else ())]:
                await self.set(each, status)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        if reason := self.reasons.get(request.service, ""):
            context.set_trailing_metadata(((_REASON, reason[:1000].encode()),))
        return await super().Check(request, context)


async def ask(channels: Mapping[str, grpc.aio.Channel]) -> dict[str, str]:
    """By service, why it is not well; empty where it is. Each is asked at its own address."""
    names = list(channels)
    reasons = await asyncio.gather(*(_ask(name, channels[name]) for name in names))
    return dict(zip(names, reasons, strict=True))


async def _ask(name: str, channel: grpc.aio.Channel) -> str:
    request = health_pb2.HealthCheckRequest(service=name)
    call = health_pb2_grpc.HealthStub(channel).Check(request, timeout=_CHECK_SECONDS)
    try:
        answer = await call
        trailing = dict(await call.trailing_metadata() or ())
    except grpc.aio.AioRpcError as error:
        return f"it does not answer ({error.code().name})"
    if answer.status == _Status.SERVING:
        return ""
    reason = trailing.get(_REASON, b"it is stopping")
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
