"""Wiring of task-dispatch."""

from __future__ import annotations

from labelmill.task_dispatch.v1.task_dispatch_pb2_grpc import add_TasksServicer_to_server

from libs.common.clock import Clock
from libs.common.host import Context, Parts, Timer
from libs.common.store import Store
from services.task_dispatch.claims.lease_expiry import LeaseExpiry
from services.task_dispatch.claims.ready_window import stored_window
from services.task_dispatch.claims.service import Claims
from services.task_dispatch.composite.service import Composites
from services.task_dispatch.events import HANDLERS
from services.task_dispatch.projects import Projects
from services.task_dispatch.reporting.announcer import Announcer
from services.task_dispatch.reporting.attention import Attention, Marks
from services.task_dispatch.routing.bulk_updates import BulkUpdates
from services.task_dispatch.routing.ingest import Ingest
from services.task_dispatch.routing.rerouting import Rerouting
from services.task_dispatch.rpc import TasksRpc
from services.task_dispatch.service import Tasks, UseCases, Work
from services.task_dispatch.store import COLLECTIONS as COLLECTIONS
from services.task_dispatch.store import RENAMED as RENAMED


def wire(store: Store, clock: Clock) -> UseCases:
    """Return the use cases over a store; they share one ready window."""
    projects, window, marks = Projects(store), stored_window(store), Marks(clock)
    announcer = Announcer(window, marks)
    composites = Composites(clock, projects, announcer)
    rerouting = Rerouting(store, clock, window, announcer)
    return UseCases(
        claims=Claims(store, clock, projects, window),
        work=Work(store, clock, projects, announcer),
        tasks=Tasks(store, clock, projects, announcer, composites),
        ingest=Ingest(store, clock, projects, window, announcer, composites),
        bulk_updates=BulkUpdates(store, clock, window, announcer, composites),
        rerouting=rerouting,
        lease_expiry=LeaseExpiry(store, clock, announcer),
        attention=Attention(store, clock, marks, rerouting.escalate),
    )


def build(ctx: Context) -> Parts:
    cases = wire(ctx.store, ctx.clock)
    rpc = TasksRpc(cases.claims, cases.work, cases.tasks)
    return Parts(
        service=cases,
        servicers=[(add_TasksServicer_to_server, rpc, "labelmill.task_dispatch.v1.Tasks")],
        handlers=HANDLERS,
        timers=[
            Timer("expire-leases", 1.0, cases.lease_expiry.expire_leases),
            Timer("reroute", 0.2, cases.rerouting.reroute_some),
            Timer("redraft", 0.2, cases.bulk_updates.redraft_some),
            Timer("recall", 0.5, cases.bulk_updates.recall_some),
            Timer("attention", 5.0, cases.attention.look_due),
            Timer("forget-claims", 600.0, cases.lease_expiry.forget_claims),
        ],
        start=cases.attention.mark_known,
    )
