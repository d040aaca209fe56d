"""What every service offers its operators: its dead letters, shown and replayed.

With several services in one process the gRPC service is one and the metadata
`labelmill-service` says whose letters are meant; in a process of its own it may be left out.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.json_format import MessageToJson
from labelmill.operations.v1 import operations_pb2 as pb
from labelmill.operations.v1.operations_pb2_grpc import (
    DeadLettersServicer,
    add_DeadLettersServicer_to_server,
)

from libs.common.codec import doc_to_message
from libs.common.errors import Invalid
from libs.common.messaging.consumer import Consumer, revive
from libs.common.paging import not_a_token
from libs.common.rpc import Server
from libs.common.store import DEAD_LETTERS, Doc, Store, Unit

# Time and id of the last letter shown.
_TOKEN = re.compile(r"\d{4}-\d\d-\d\dT[^|\s]{1,40}\|[!-~]{1,200}")
_SERVICE = "labelmill.operations.v1.DeadLetters"


class DeadLetters:
    """One service's dead letters."""

    def __init__(self, store: Store, consumer: Consumer) -> None:
        self._store, self._consumer = store, consumer

    async def page(self, page_size: int, page_token: str) -> tuple[list[Doc], str]:
        size = page_size or 100
        if page_token and not _TOKEN.fullmatch(page_token):
            raise not_a_token()
        after = tuple(page_token.split("|", 1)) if page_token else None
        docs = await self._store.find(
            DEAD_LETTERS, {}, order=("time", "name"), descending=True, after=after, limit=size
        )
        full = len(docs) == size
        return docs, f"{docs[-1]['time']}|{docs[-1]['name']}" if full else ""

    async def replay(self, ids: list[str]) -> tuple[int, int]:
        """(replayed, failed): a letter leaves the dead only once its handler took it."""
        docs = (
            list((await self._store.get_many(DEAD_LETTERS, ids)).values())
            if ids
            else await self._store.find(DEAD_LETTERS, {}, order=("time", "name"), limit=10_000)
        )
        failed = 0
        for doc in docs:
            failed += not await self._replay(doc)
        return len(docs) - failed, failed

    async def _replay(self, doc: Doc) -> bool:
        try:
            await self._consumer.apply([revive(doc)])
        except Exception as fault:
            reason = f"{type(fault).__name__}: {fault}"[:2000]
            await self._store.transact(_put({**doc, "reason": reason}))
            return False
        await self._store.transact(_delete(doc["name"]))
        return True


def _put(doc: Doc) -> Any:
    async def work(unit: Unit) -> None:
        unit.put(DEAD_LETTERS, doc)

    return work


def _delete(name: str) -> Any:
    async def work(unit: Unit) -> None:
        unit.delete(DEAD_LETTERS, [name])

    return work


class DeadLetterDesk(DeadLettersServicer):
    """The gRPC face of the dead letters of every service in this process."""

    def __init__(self) -> None:
        self.desks: dict[str, DeadLetters] = {}

    def seat(self, server: Server, name: str, store: Store, consumer: Consumer) -> None:
        """Adds a service's letters; the desk opens with the first."""
        if not self.desks:
            server.add(add_DeadLettersServicer_to_server, self, _SERVICE)
        self.desks[name] = DeadLetters(store, consumer)

    async def ListDeadLetters(self, request: Any, context: Any) -> Any:  # noqa: N802
        docs, token = await self._of(context).page(request.page_size, request.page_token)
        return pb.ListDeadLettersResponse(
            dead_letters=[_letter(doc) for doc in docs], next_page_token=token
        )

    async def ReplayDeadLetters(self, request: Any, context: Any) -> Any:  # noqa: N802
        replayed, failed = await self._of(context).replay(list(request.ids))
        return pb.ReplayDeadLettersResponse(replayed_count=replayed, failed_count=failed)

    def _of(self, context: Any) -> DeadLetters:
        wanted = dict(context.invocation_metadata() or ()).get("labelmill-service", "")
        if not wanted and len(self.desks) == 1:
            return next(iter(self.desks.values()))
        if wanted not in self.desks:
            raise Invalid(
                f"metadata labelmill-service must be one of {', '.join(sorted(self.desks))}"
            )
        return self.desks[wanted]


def _letter(doc: Doc) -> pb.DeadLetter:
    letter = doc_to_message(
        {
            "id": doc["name"],
            "topic": doc["topic"],
            "type": doc["type"],
            "key": doc["key"],
            "reason": doc["reason"],
            "create_time": doc["time"],
        },
        pb.DeadLetter,
    )
    letter.size = len(doc["payload"]) // 2
    try:
        letter.event = MessageToJson(
            revive(doc).message(), always_print_fields_with_no_presence=True
        )
    except Exception:
        # A poison event may be unreadable: that is why it is here.
        letter.event = ""
    return letter
