"""Wiring of delivery."""

from __future__ import annotations

from labelmill.delivery.v1.delivery_pb2_grpc import add_DeliveriesServicer_to_server

from libs.common.host import Context, Parts, Timer
from libs.common.names import new_id
from services.delivery.events import HANDLERS
from services.delivery.rpc import DeliveriesRpc
from services.delivery.service import Deliveries
from services.delivery.signing import open_signer
from services.delivery.store import COLLECTIONS as COLLECTIONS
from services.delivery.store import RENAMED as RENAMED


def build(ctx: Context) -> Parts:
    signer = open_signer(ctx.settings.delivery_signing_key, ctx.settings.data_dir)
    service = Deliveries(ctx.store, ctx.clock, ctx.blobs, signer, new_id())
    rpc = DeliveriesRpc(service)
    return Parts(
        service=service,
        servicers=[
            (
                add_DeliveriesServicer_to_server,
                rpc,
                "labelmill.delivery.v1.Deliveries",
            )
        ],
        handlers=HANDLERS,
        timers=[Timer("deliveries", 0.2, service.advance)],
    )
