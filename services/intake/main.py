"""Wiring of intake."""

from __future__ import annotations

import orjson
from labelmill.intake.v1.intake_pb2_grpc import add_IntakeServicer_to_server

from libs.common.host import Context, Parts, Timer, sweep_seconds
from services.intake.blob_collection import Collecting
from services.intake.config import IntakeSettings
from services.intake.events import HANDLERS
from services.intake.rpc import IntakeRpc
from services.intake.service import Intake
from services.intake.store import COLLECTIONS as COLLECTIONS
from services.intake.store import RENAMED as RENAMED


def build(ctx: Context) -> Parts:
    service = Intake(ctx.store, ctx.clock, ctx.blobs, orjson.loads, IntakeSettings())
    rpc = IntakeRpc(service)
    days = ctx.settings.unused_blob_days
    collecting = Collecting(ctx.store, ctx.blobs, ctx.clock, days)
    return Parts(
        service=service,
        servicers=[(add_IntakeServicer_to_server, rpc, "labelmill.intake.v1.Intake")],
        handlers=HANDLERS,
        timers=[
            Timer("imports", 0.2, service.start_imports),
            Timer("blobs", sweep_seconds(days), collecting.run),
        ],
        stop=service.close,
    )
