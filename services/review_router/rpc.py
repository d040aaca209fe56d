"""The RPCs of `labelmill.review_router.v1.Router`."""

from __future__ import annotations

from typing import Any

from labelmill.review_router.v1 import review_router_pb2 as pb
from labelmill.review_router.v1.review_router_pb2_grpc import RouterServicer

from libs.common.codec import message_to_doc, to_message
from services.review_router.service import Router


class RouterRpc(RouterServicer):
    """Request -> service -> reply."""

    def __init__(self, service: Router) -> None:
        self._service = service

    async def TryRoute(self, request: Any, context: Any) -> pb.Routing:  # noqa: N802
        prediction = message_to_doc(request.prediction) if request.HasField("prediction") else None
        return to_message(await self._service.try_route(request.parent, prediction), pb.Routing)
