"""The RPCs of `labelmill.delivery.v1.Deliveries`."""

from __future__ import annotations

from typing import Any

import orjson
from labelmill.delivery.v1 import delivery_pb2 as pb
from labelmill.delivery.v1.delivery_pb2_grpc import DeliveriesServicer

from libs.common.access import own_request
from libs.common.codec import to_message
from libs.common.paging import following, page
from services.delivery.domain import Delivery
from services.delivery.service import Deliveries


class DeliveriesRpc(DeliveriesServicer):
    """Request -> service -> reply."""

    def __init__(self, service: Deliveries) -> None:
        self._service = service

    async def CreateDelivery(self, request: Any, context: Any) -> pb.Delivery:  # noqa: N802
        return _reply(
            await self._service.create(
                request.parent,
                list(request.formats),
                own_request(request.request_id),
                request.least_count,
            )
        )

    async def GetDelivery(self, request: Any, context: Any) -> pb.Delivery:  # noqa: N802
        return _reply(await self._service.delivery(request.name))

    async def ListDeliveries(self, request: Any, context: Any) -> Any:  # noqa: N802
        size, after = page(request, "deliveries")
        found = await self._service.deliveries(request.parent, size, after)
        return pb.ListDeliveriesResponse(
            deliveries=[_reply(d) for d in found],
            next_page_token=following(found, size),
        )

    async def AcceptDelivery(self, request: Any, context: Any) -> pb.Delivery:  # noqa: N802
        return _reply(await self._service.accept(request.name))

    async def RejectDelivery(self, request: Any, context: Any) -> pb.Delivery:  # noqa: N802
        return _reply(await self._service.reject(request.name, request.reason, list(request.tasks)))

    async def ReissueDelivery(self, request: Any, context: Any) -> pb.Delivery:  # noqa: N802
        formats = list(request.formats)
        request_id = own_request(request.request_id)
        return _reply(await self._service.reissue(request.name, formats, request_id))

    async def GetLineage(self, request: Any, context: Any) -> pb.Lineage:  # noqa: N802
        found = await self._service.lineage(request.name)
        return pb.Lineage(task=request.name, lineage=orjson.dumps(found).decode())


def _reply(delivery: Delivery) -> pb.Delivery:
    return to_message(delivery, pb.Delivery)
