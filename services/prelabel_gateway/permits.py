"""What a model may be asked by the people who label: only about what they hold, and not blind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labelmill.task_dispatch.v1 import task_dispatch_pb2

from libs.common import names
from libs.common.access import caller, leads
from libs.common.errors import Denied, Invalid
from libs.common.rpc import AnyPeer


class Permits:
    """Asks task-dispatch, in the caller's own name, what they hold and see."""

    def __init__(self, tasks: AnyPeer, parse: Callable[[str], Any]) -> None:
        self._tasks, self._parse = tasks, parse

    async def held(self, request: Any) -> Any:
        """Return the caller's assignment (message) that a PredictRequest or AssistRequest names;
        None for who may see every prediction anyway.

        Raise `Denied` where they hold none of that name, or work it blind, and `Invalid` where it
        has other data: an answer about one task must not be had through another.
        """
        who = caller()
        if leads(who):
            return None
        if not request.assignment:
            raise Denied("name the assignment that it is asked for", field="assignment")
        project = names.project_of(request.assignment)
        asked = task_dispatch_pb2.ListAssignmentsRequest(parent=project, annotator=who.subject)
        mine = await self._tasks.call("ListAssignments", asked, who)
        found = next((a for a in mine.assignments if a.name == request.assignment), None)
        if found is None or project != request.parent or not found.assisted:
            raise Denied("no model may be asked about this assignment", field="assignment")
        if self._parsed(found.data) != self._parsed(request.data):
            raise Invalid("must be the data of the assignment", field="data")
        return found

    def _parsed(self, data: str) -> Any:
        try:
            return self._parse(data)
        except ValueError as error:
            raise Invalid(f"is no JSON: {error}", field="data") from error
