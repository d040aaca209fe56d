"""News between services takes a moment: a project made a second ago may still be on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_STEP_SECONDS = 0.05


async def eventually(find: Callable[[], Awaitable[T | None]], seconds: float = 1.5) -> T | None:
    """What `find` finds, looked for again for a moment; None where it never comes."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = await find()
        if found is not None or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(_STEP_SECONDS)
