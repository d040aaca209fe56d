"""Wiring of the prelabel gateway. Without INFERENCE_URL it brings a small server of its own."""

from __future__ import annotations

import orjson
from labelmill.prelabel_gateway.v1.prelabel_gateway_pb2_grpc import (
    add_PredictionsServicer_to_server,
)
from labelmill.task_dispatch.v1.task_dispatch_pb2_grpc import TasksStub

from libs.common.host import Context, Parts, Timer
from services.prelabel_gateway.assists import Assists
from services.prelabel_gateway.events import HANDLERS
from services.prelabel_gateway.inference.client import Inference
from services.prelabel_gateway.inference.embedded_server import EmbeddedServer
from services.prelabel_gateway.permits import Permits
from services.prelabel_gateway.rpc import PredictionsRpc
from services.prelabel_gateway.service import PrelabelGateway
from services.prelabel_gateway.store import COLLECTIONS as COLLECTIONS
from services.prelabel_gateway.store import RENAMED as RENAMED


def build(ctx: Context) -> Parts:
    embedded = None
    url = ctx.settings.inference_url
    if not url:
        embedded = EmbeddedServer(ctx.settings.models_dir)
        url = embedded.url
    inference = Inference(url)
    service = PrelabelGateway(ctx.store, ctx.clock, ctx.blobs, inference, orjson.loads)
    assists = Assists(ctx.store, ctx.blobs, inference, orjson.loads)
    tasks = ctx.peer("task_dispatch", TasksStub, "labelmill.task_dispatch.v1.Tasks")
    rpc = PredictionsRpc(service, assists, Permits(tasks, orjson.loads))

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
        timers=[
            Timer("busy", 2.0, service.tell_busy),
            Timer("embed", 1.0, service.embeddings.retry_some),
        ],
        checks=[inference.away],
        start=embedded.start if embedded is not None else None,
        stop=stop,
    )
