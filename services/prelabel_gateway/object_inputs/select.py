"""What goes into a model of a task: its text, its media, or an object's own, cut out of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from libs.common.blobs import Blobs
from libs.common.errors import Fault
from libs.common.rpc import MAX_MESSAGE
from services.prelabel_gateway import adapters, domain
from services.prelabel_gateway.domain import Doc, Impossible, Project, Route
from services.prelabel_gateway.object_inputs import scope, upright

# One message to the inference server holds it.
_MOST_BYTES = MAX_MESSAGE - 2**20
# Bytes of a medium that is cut: it is held in memory.
_MOST_CUT = 2**29


class Inputs:
    """Reads items' fields, and blobs behind them."""

    def __init__(self, blobs: Blobs, parse: Callable[[str], Any]) -> None:
        self._blobs, self._parse = blobs, parse

    async def of_tasks(
        self, project: Project, route: Route, capability: str, tasks: Sequence[Any]
    ) -> list[bytes | str]:
        """What goes into the model for each task, or why nothing can. Of tasks about objects of
        one item, its medium is read once and each object's own is cut out."""
        if not project.per:
            return await asyncio.gather(*(self.of(route, capability, t.data) for t in tasks))
        found: list[bytes | str] = ["it is not known which object this is about"] * len(tasks)
        together: dict[str, dict[int, Doc]] = defaultdict(dict)
        for place, task in enumerate(tasks):
            if about := scope.object_of(task.inputs, project.per):
                together[task.data][place] = about
        for data, objects in together.items():
            whole = await self.of(route, capability, data, _MOST_CUT)
            made: Sequence[bytes | str] = [whole] * len(objects)
            if isinstance(whole, bytes):
                cut = scope.cutting(capability)
                made = await asyncio.to_thread(cut, whole, list(objects.values()))
            for place, one in zip(objects, made, strict=True):
                found[place] = one
        return found

    async def of(
        self, route: Route, capability: str, data: str, most: int = _MOST_BYTES
    ) -> bytes | str:
        """What goes into the model, or why nothing can."""
        parsed = self._parse(data)
        value = parsed.get(route.input) if isinstance(parsed, dict) else None
        if value is None:
            return f"the item has no {route.input}"
        give = adapters.giving(capability)
        try:
            given = await give(value, self._fetch)
            if len(given) > most:
                return f"larger than the {most} bytes that a model is sent"
            return given
        except (Impossible, Fault) as unreadable:
            return str(unreadable)

    async def _fetch(self, reference: str) -> bytes:
        """Bytes behind a media field's value; pictures are upright."""
        if reference.startswith("blob:"):
            content = await self._blobs.get(reference[5:])
        else:
            content = domain.inline_image(reference)
        return await asyncio.to_thread(upright.as_shown, content)
