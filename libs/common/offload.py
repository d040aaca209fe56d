"""Heavy work beside the event loop: in threads of its own, a few at a time, with an end to waiting.

The threads that files and sockets use stay free for them. Work in Python gives way to the loop
every few milliseconds; one long call into C does not, so that input must be limited besides.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from libs.common.errors import Unavailable

T = TypeVar("T")
# Bytes of a request from which on it is worked on aside.
LARGE = 65_536
_MOST_WAITING = 64
_threads = ThreadPoolExecutor(2, thread_name_prefix="aside")
_waiting = 0


async def aside(size: int, call: Callable[[], T]) -> T:
    """Return what `call` returns: at once for small input, else from a thread. Raise
    `Unavailable` where too much waits already."""
    global _waiting
    if size < LARGE:
        return call()
    if _waiting >= _MOST_WAITING:
        raise Unavailable("too many large requests at once; try again")
    _waiting += 1
    try:
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_threads, lambda: context.run(call))
    finally:
        _waiting -= 1
