"""Wiring of the prelabel gateway. Without INFERENCE_URL it brings a small server of its own."""

from __future__ import annotations

import orjson
from labelmill.prelabel_gateway.v1.prelabel_gateway_pb2_grpc import (
    add_PredictionsServicer_to_server,
)

from libs.common.host import Context, Parts, Timer
from services.prelabel_gateway.assists import Assists
from services.prelabel_gateway.embedded import EmbeddedServer
from services.prelabel_gateway.events import HANDLERS
from services.prelabel_gateway.rpc import PredictionsRpc
from services.prelabel_gateway.service import PrelabelGateway
from services.prelabel_gateway.store import COLLECTIONS as COLLECTIONS
from services.prelabel_gateway.triton import Inference


def build(ctx: Context) -> Parts:
    embedded = None
    url = ctx.settings.inference_url
    if not url:
        embedded = EmbeddedServer(ctx.settings.models_dir)
        url = embedded.url
    inference = Inference(url)
    service = PrelabelGateway(ctx.store, ctx.clock, ctx.blobs, inference, orjson.loads)
    assists = Assists(ctx.store, ctx.blobs, inference, orjson.loads)
    rpc = PredictionsRpc(service, assists)

    async def stop() -> None:
        await inference.close()
        if embedded is not None:
            await embedded.stop()

    return Parts(
        service=service,
        servicers=[
            (
                add_PredictionsServicer_to_server,
                rpc,
                "labelmill.prelabel_gateway.v1.Predictions",
            )
        ],
        handlers=HANDLERS,
        timers=[Timer("busy", 2.0, service.tell_busy)],
        start=embedded.start if embedded is not None else None,
        stop=stop,
    )
