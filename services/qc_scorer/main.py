"""Wiring of qc-scorer."""

from __future__ import annotations

from labelmill.qc_scorer.v1.qc_scorer_pb2_grpc import add_QualityServicer_to_server

from libs.common.host import Context, Parts, Timer
from services.qc_scorer.events import HANDLERS
from services.qc_scorer.rpc import QualityRpc
from services.qc_scorer.service import QcScorer
from services.qc_scorer.store import COLLECTIONS as COLLECTIONS
from services.qc_scorer.store import RENAMED as RENAMED


def build(ctx: Context) -> Parts:
    service = QcScorer(ctx.store, ctx.clock)
    rpc = QualityRpc(service)
    return Parts(
        service=service,
        servicers=[(add_QualityServicer_to_server, rpc, "labelmill.qc_scorer.v1.Quality")],
        handlers=HANDLERS,
        timers=[
            Timer("quality", 0.5, service.tell_quality),
            Timer("truth", 5.0, service.refit_due),
            Timer("look-over", 30.0, service.look_over),
            Timer("delivered", 2.0, service.forget_delivered),
        ],
        start=service.mark_known,
    )
