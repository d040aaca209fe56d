"""The gRPC front for platforms: the services' own RPCs behind an API key or JWT.

It authenticates, then hands the bytes on unread, with an internal token in the caller's name;
the service behind decides everything else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc

from libs.common.access import MATRIX, ON_BEHALF_OF, mint
from libs.common.errors import Fault
from libs.common.limits import check_size
from libs.common.rpc import MAX_MESSAGE
from services.gateway.security.auth import Authenticator

_DEADLINE = 60.0


class PlatformFront:
    """One gRPC server that passes calls on."""

    def __init__(
        self, listen: str, auth: Authenticator, channels: Mapping[str, grpc.aio.Channel], key: str
    ) -> None:
        self._auth, self._channels, self._key = auth, channels, key
        self._server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.so_reuseport", 0)]
        )
        self._server.add_generic_rpc_handlers((_Passage(self),))
        self.port = self._server.add_insecure_port(listen)

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(2)

    async def forward(self, method: str, request: bytes, context: Any) -> bytes:
        """The service's answer to the same bytes."""
        metadata = dict(context.invocation_metadata() or ())
        try:
            who = await self._auth.caller(
                metadata.get("authorization", ""), metadata.get(ON_BEHALF_OF, "")
            )
            check_size(method, len(request))
        except Fault as fault:
            await context.abort(grpc.StatusCode[fault.code], fault.message)
        channel = self._channels[method.split(".")[1]]
        sent = [("authorization", f"Bearer {mint(who, self._key)}")]
        if "traceparent" in metadata:
            sent.append(("traceparent", metadata["traceparent"]))
        left = context.time_remaining()
        call = channel.unary_unary(f"/{method}")(
            request, timeout=min(left or _DEADLINE, _DEADLINE), metadata=sent
        )
        try:
            answer: bytes = await call
        except grpc.aio.AioRpcError as error:
            context.set_trailing_metadata(tuple(error.trailing_metadata() or ()))
            await context.abort(error.code(), error.details() or "")
        return answer


class _Passage(grpc.GenericRpcHandler):
    def __init__(self, front: PlatformFront) -> None:
        self._front = front

    def service(self, details: Any) -> Any:
        method = details.method.lstrip("/")
        if method not in MATRIX or method.startswith("labelmill.operations."):
            return None

        async def pass_on(request: bytes, context: Any) -> bytes:
            return await self._front.forward(method, request, context)

        return grpc.unary_unary_rpc_method_handler(pass_on)
