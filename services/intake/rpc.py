"""The RPCs of `labelmill.intake.v1.Intake`."""

from __future__ import annotations

from typing import Any

from labelmill.intake.v1 import intake_pb2 as pb
from labelmill.intake.v1.intake_pb2_grpc import IntakeServicer

from libs.common.access import caller
from libs.common.codec import Doc, doc_to_message, message_to_doc, to_message
from libs.common.paging import following, page
from services.intake.domain import Import, ImportState, LabelsAs, NewItem, Outcome, RefusalState
from services.intake.service import Intake

_LABELS_AS = {pb.LabelsAs.Value(f"LABELS_AS_{one}"): one for one in LabelsAs}
_OUTCOME = {o: pb.Outcome.Value(f"OUTCOME_{o}") for o in Outcome}


class IntakeRpc(IntakeServicer):
    """Request -> service -> reply."""

    def __init__(self, service: Intake) -> None:
        self._service = service

    async def BatchCreateItems(self, request: Any, context: Any) -> Any:  # noqa: N802
        items = [_new_item(item) for item in request.items]
        results = await self._service.admit(request.parent, request.dataset, items)
        count = [outcome for outcome, _, _ in results].count
        return pb.BatchCreateItemsResponse(
            results=[
                pb.ItemResult(
                    name=name,
                    outcome=_OUTCOME[outcome],
                    reason=f"items[{i}].{reason}" if reason else "",
                )
                for i, (outcome, name, reason) in enumerate(results)
            ],
            admitted_count=count(Outcome.ADMITTED),
            duplicate_count=count(Outcome.DUPLICATE),
            refused_count=count(Outcome.REFUSED),
        )

    async def GetItem(self, request: Any, context: Any) -> pb.Item:  # noqa: N802
        return doc_to_message(await self._service.item(request.name), pb.Item)

    async def ListItems(self, request: Any, context: Any) -> pb.ListItemsResponse:  # noqa: N802
        size, after = page(request, "items")
        docs = await self._service.items(request.parent, size, after)
        return pb.ListItemsResponse(
            items=[doc_to_message(doc, pb.Item) for doc in docs],
            next_page_token=following(docs, size),
        )

    async def CreateImport(self, request: Any, context: Any) -> pb.Import:  # noqa: N802
        now = self._service.now()
        asked = Import(
            name=request.parent,
            dataset=request.dataset,
            blob=request.blob,
            filename=request.filename,
            format=request.format,
            state=ImportState.PENDING,
            create_time=now,
            update_time=now,
            source=request.source.partition("?")[0],
            url=request.source,
            labels_as=_LABELS_AS.get(request.labels_as),
            classes=dict(request.classes),
            encoding=request.encoding,
        )
        made = await self._service.create_import(asked, request.request_id, caller().subject)
        return to_message(made, pb.Import)

    async def CancelImport(self, request: Any, context: Any) -> pb.Import:  # noqa: N802
        return to_message(await self._service.cancel_import(request.name), pb.Import)

    async def GetImport(self, request: Any, context: Any) -> pb.Import:  # noqa: N802
        return to_message(await self._service.import_(request.name), pb.Import)

    async def ListImports(self, request: Any, context: Any) -> Any:  # noqa: N802
        size, after = page(request, "imports")
        found = await self._service.imports(request.parent, size, after)
        return pb.ListImportsResponse(
            imports=[to_message(i, pb.Import) for i in found],
            next_page_token=following(found, size),
        )

    async def ListRefusals(self, request: Any, context: Any) -> Any:  # noqa: N802
        size, after = page(request, "refusals")
        docs = await self._service.refusals(request.parent, size, after)
        return pb.ListRefusalsResponse(
            refusals=[doc_to_message(doc, pb.Refusal) for doc in docs],
            next_page_token=following(docs, size),
        )

    async def AppealRefusal(self, request: Any, context: Any) -> pb.Refusal:  # noqa: N802
        found = await self._service.appeal(request.name, request.reason, caller())
        return doc_to_message(found, pb.Refusal)

    async def ResolveRefusal(self, request: Any, context: Any) -> pb.Refusal:  # noqa: N802
        state = RefusalState(pb.RefusalState.Name(request.state).removeprefix("REFUSAL_STATE_"))
        found = await self._service.resolve(request.name, state, request.reason, caller())
        return doc_to_message(found, pb.Refusal)


def _new_item(item: Any) -> NewItem:
    return NewItem(
        data=item.data,
        source_key=item.source_key,
        metadata=dict(item.metadata) if item.metadata else None,
        gold=_value(item, "gold"),
        group=item.group,
        prediction=_value(item, "prediction"),
        label=_value(item, "label"),
    )


def _value(item: Any, name: str) -> Doc | None:
    return message_to_doc(getattr(item, name)) if item.HasField(name) else None
