"""The RPCs of `labelmill.prelabel_gateway.v1.Predictions`."""

from __future__ import annotations

from typing import Any

from labelmill.annotation.v1 import annotation_pb2
from labelmill.prelabel_gateway.v1 import prelabel_gateway_pb2 as pb
from labelmill.prelabel_gateway.v1.prelabel_gateway_pb2_grpc import PredictionsServicer

from libs.common.codec import doc_to_message, message_to_doc
from services.prelabel_gateway.assists import Assists
from services.prelabel_gateway.service import PrelabelGateway


class PredictionsRpc(PredictionsServicer):
    """Request -> service -> reply."""

    def __init__(self, service: PrelabelGateway, assists: Assists) -> None:
        self._service, self._assists = service, assists

    async def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        doc = await self._service.assist(request.parent, request.data)
        return doc_to_message(doc, annotation_pb2.Prediction)

    async def Assist(self, request: Any, context: Any) -> Any:  # noqa: N802
        value = message_to_doc(request.value)
        doc = await self._assists.assist(
            request.parent,
            request.capability,
            request.data,
            value,
            request.entry,
            request.inputs,
        )
        return doc_to_message(doc, pb.AssistResponse)

    async def ListPredictions(self, request: Any, context: Any) -> Any:  # noqa: N802
        docs = await self._service.predictions(request.parent)
        return doc_to_message({"predictions": docs}, pb.ListPredictionsResponse)

    async def ListModels(self, request: Any, context: Any) -> pb.ListModelsResponse:  # noqa: N802
        return doc_to_message(
            {"models": await self._service.models(request.parent)}, pb.ListModelsResponse
        )
