"""Wiring of the scheduler."""

from __future__ import annotations

from labelmill.scheduler.v1.scheduler_pb2_grpc import add_SchedulesServicer_to_server

from libs.common.host import Context, Parts, Timer
from services.scheduler.events import HANDLERS
from services.scheduler.rpc import SchedulesRpc
from services.scheduler.service import Scheduler
from services.scheduler.store import COLLECTIONS as COLLECTIONS
from services.scheduler.store import RENAMED as RENAMED


def build(ctx: Context) -> Parts:
    service = Scheduler(ctx.store, ctx.clock)
    rpc = SchedulesRpc(service)
    return Parts(
        service=service,
        servicers=[(add_SchedulesServicer_to_server, rpc, "labelmill.scheduler.v1.Schedules")],
        handlers=HANDLERS,
        timers=[Timer("revise", 1.0, service.revise_due)],
        start=service.mark_known,
    )
