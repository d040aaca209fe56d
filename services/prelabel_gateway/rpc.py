"""The RPCs of `labelmill.prelabel_gateway.v1.Predictions`."""

from __future__ import annotations

from typing import Any

from labelmill.annotation.v1 import annotation_pb2
from labelmill.prelabel_gateway.v1 import prelabel_gateway_pb2 as pb
from labelmill.prelabel_gateway.v1.prelabel_gateway_pb2_grpc import PredictionsServicer

from libs.common.codec import doc_to_message, message_to_doc
from services.prelabel_gateway.assists import MODELS_ASKED, Assists
from services.prelabel_gateway.permits import Permits
from services.prelabel_gateway.service import PrelabelGateway


class PredictionsRpc(PredictionsServicer):
    """Request -> service -> reply."""

    def __init__(self, service: PrelabelGateway, assists: Assists, permits: Permits) -> None:
        self._service, self._assists, self._permits = service, assists, permits

    async def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        held = await self._permits.held(request)
        if held is not None:
            if held.HasField("prediction"):
                # What they see already: the model's own word may be another, on purpose.
                return held.prediction
            await self._service.asks_openly(request.parent)
        doc = await self._service.assist(request.parent, request.data)
        return doc_to_message(doc, annotation_pb2.Prediction)

    async def Assist(self, request: Any, context: Any) -> Any:  # noqa: N802
        value = message_to_doc(request.value)
        inputs = request.inputs
        if request.capability in MODELS_ASKED:
            held = await self._permits.held(request)
            inputs = inputs if held is None else held.inputs
        doc = await self._assists.assist(
            request.parent,
            request.capability,
            request.data,
            value,
            request.element,
            inputs,
        )
        return doc_to_message(doc, pb.AssistResponse)

    async def ListPredictions(self, request: Any, context: Any) -> Any:  # noqa: N802
        docs = await self._service.predictions(request.parent)
        return doc_to_message({"predictions": docs}, pb.ListPredictionsResponse)

    async def ListModels(self, request: Any, context: Any) -> pb.ListModelsResponse:  # noqa: N802
        return doc_to_message(
            {"models": await self._service.models(request.parent)}, pb.ListModelsResponse
        )
