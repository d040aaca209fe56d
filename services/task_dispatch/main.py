"""Wiring of task-dispatch."""

from __future__ import annotations

from labelmill.task_dispatch.v1.task_dispatch_pb2_grpc import add_TasksServicer_to_server

from libs.common.host import Context, Parts, Timer
from services.task_dispatch.events import HANDLERS
from services.task_dispatch.rpc import TasksRpc
from services.task_dispatch.service import TaskDispatch
from services.task_dispatch.store import COLLECTIONS as COLLECTIONS


def build(ctx: Context) -> Parts:
    service = TaskDispatch(ctx.store, ctx.clock)
    rpc = TasksRpc(service)
    return Parts(
        service=service,
        servicers=[(add_TasksServicer_to_server, rpc, "labelmill.task_dispatch.v1.Tasks")],
        handlers=HANDLERS,
        timers=[
            Timer("expire-leases", 1.0, service.expire_leases),
            Timer("reroute", 0.2, service.reroute_some),
            Timer("redraft", 0.2, service.redraft_some),
            Timer("recall", 0.5, service.recall_some),
            Timer("forget-claims", 600.0, service.forget_claims),
        ],
    )
