"""The RPCs of `labelmill.trainer.v1.Models`."""

from __future__ import annotations

from typing import Any

from labelmill.trainer.v1 import trainer_pb2 as pb
from labelmill.trainer.v1.trainer_pb2_grpc import ModelsServicer

from libs.common.codec import to_message
from services.trainer.service import Trainer


class ModelsRpc(ModelsServicer):
    """Request -> service -> reply."""

    def __init__(self, service: Trainer) -> None:
        self._service = service

    async def ListVersions(  # noqa: N802
        self, request: Any, context: Any
    ) -> pb.ListVersionsResponse:
        found = await self._service.versions(request.parent)
        return pb.ListVersionsResponse(versions=[to_message(v, pb.ModelVersion) for v in found])

    async def RollBack(self, request: Any, context: Any) -> pb.ModelVersion:  # noqa: N802
        return to_message(await self._service.roll_back(request.name), pb.ModelVersion)
