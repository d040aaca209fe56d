"""Wiring of review-router."""

from __future__ import annotations

from labelmill.review_router.v1.review_router_pb2_grpc import add_RouterServicer_to_server

from libs.common.host import Context, Parts
from services.review_router.events import HANDLERS
from services.review_router.rpc import RouterRpc
from services.review_router.service import Router
from services.review_router.store import COLLECTIONS as COLLECTIONS
from services.review_router.store import RENAMED as RENAMED


def build(ctx: Context) -> Parts:
    service = Router(ctx.store)
    rpc = RouterRpc(service)
    return Parts(
        service=service,
        servicers=[(add_RouterServicer_to_server, rpc, "labelmill.review_router.v1.Router")],
        handlers=HANDLERS,
    )
