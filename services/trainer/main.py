"""Wiring of the trainer."""

from __future__ import annotations

from labelmill.trainer.v1.trainer_pb2_grpc import add_ModelsServicer_to_server

from libs.common.host import Context, Parts, Timer
from services.trainer.events import HANDLERS
from services.trainer.model_repository import Repository
from services.trainer.rpc import ModelsRpc
from services.trainer.service import Trainer
from services.trainer.store import COLLECTIONS as COLLECTIONS
from services.trainer.store import RENAMED as RENAMED


def build(ctx: Context) -> Parts:
    repository = Repository(ctx.settings.models_dir)
    service = Trainer(ctx.store, ctx.clock, ctx.blobs, repository)
    return Parts(
        service=service,
        servicers=[
            (add_ModelsServicer_to_server, ModelsRpc(service), "labelmill.trainer.v1.Models")
        ],
        handlers=HANDLERS,
        timers=[Timer("train", 0.2, service.train_some)],
    )
