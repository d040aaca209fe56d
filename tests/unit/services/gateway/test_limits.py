"""Requests are looked at before they are read: bytes, values, and who waits meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from libs.common import offload as aside_module
from libs.common.access import MATRIX
from libs.common.clock import FakeClock
from libs.common.errors import Invalid, Unavailable
from libs.common.limits import _LIMITS, _values, check_size, check_values
from libs.common.offload import LARGE, aside
from libs.common.store import open_store
from services.template.catalogue import Definitions
from services.template.service import Templates
from services.template.store import COLLECTIONS
from services.template.validation import Unfit, check_unique
from tests.unit.services.gateway.gateway_app import gateway

JSON = {"content-type": "application/json"}
ITEMS = "/v1/tenants/acme/projects/p/items:batchCreate"
SUBMIT = "/v1/tenants/acme/projects/p/tasks/t/assignments/a:submit"


def random_value(draw: random.Random, depth: int) -> Any:
    kinds = ["text", "number", *(["list", "object"] if depth else [])]
    match draw.choice(kinds):
        case "text":
            return "".join(
                draw.choice('ab,"\\[]{}: \n\té\u2028') for _ in range(draw.randrange(40))
            )
        case "number":
            return draw.random()
        case "list":
            return [random_value(draw, depth - 1) for _ in range(draw.randrange(1, 9))]
    return {f'k{i}",': random_value(draw, depth - 1) for i in range(draw.randrange(1, 9))}


def commas(value: Any) -> int:
    """Commas between values: one less than there are elements, in each list and object."""
    inner = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(inner, list):
        return 0
    return len(inner) - 1 + sum(commas(one) for one in inner)


@pytest.mark.parametrize("block", [7, 64, 65_536])
@pytest.mark.parametrize("seed", range(20))
def test_values_are_counted_outside_of_strings_wherever_blocks_end(
    block: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.limits._BLOCK", block)
    value = [random_value(random.Random(seed), 4) for _ in range(6)]
    for ascii_ in (True, False):
        body = json.dumps(value, ensure_ascii=ascii_).encode()
        assert _values(body, 10**9) == commas(value) + 1


def test_text_full_of_commas_is_one_value() -> None:
    check_values(json.dumps({"text": 'a,b "c", ' * 1000}).encode(), 10)
    with pytest.raises(Invalid, match="more than 10 values") as refused:
        check_values(json.dumps(list(range(12))).encode(), 10)
    assert refused.value.field == "body"


def test_every_limit_is_of_a_method_there_is() -> None:
    assert set(_LIMITS) <= set(MATRIX)
    with pytest.raises(Invalid, match="at most 2000000 are taken"):
        check_size("labelmill.template.v1.Projects/CreateProject", 2_000_001)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (ITEMS, b'{"items":' + b"[" * 10_000_000, 422),
        (SUBMIT, b'{"fencing_token":1,"value":' + b'{"a":' * 3_000_000, 422),
        (SUBMIT, b'{"fencing_token":1,"value":' + b'{"a":' * 4_000_000, 413),
        ("/v1/tenants/acme/users", b'{"skills":[' + b'"",' * 100_000 + b'""]}', 422),
        ("/v1/tenants/acme/users", b'{"display_name":"' + b"x" * 2_000_000 + b'"}', 413),
    ],
)
async def test_what_is_too_large_or_deep_is_refused(
    tmp_path: Path, path: str, body: bytes, status: int
) -> None:
    async with gateway(tmp_path) as one:
        answer = await one.http.post(path, content=body, headers=JSON)
        assert answer.status_code == status, answer.text
        assert one.peer.calls == []


@pytest.mark.statistical
@pytest.mark.parametrize("before", [b'{"items":[', b'{"items":[{"data":{"x":['])
async def test_neighbours_do_not_notice_a_list_of_28_megabytes(
    tmp_path: Path, before: bytes
) -> None:
    """The loop stands still for a small part of what reading it all takes on this machine."""
    body = before + b"1," * 14_000_000 + b"1]" + b"}]}}"[: 1 if before.endswith(b'":[') else 4]
    started = time.perf_counter()
    with contextlib.suppress(ValueError):
        json.loads(body)
    reading = time.perf_counter() - started
    async with gateway(tmp_path) as one:

        async def post() -> None:
            answer = await one.http.post(ITEMS, content=body, headers=JSON)
            assert answer.status_code == 422 and "more than 300000 values" in answer.text

        assert await least_pause(post, reading / 5) < reading / 5


@pytest.mark.statistical
async def test_a_large_definition_is_read_beside_the_others(tmp_path: Path) -> None:
    store = await open_store(f"sqlite:///{tmp_path}", "template", COLLECTIONS)
    templates = Templates(store, FakeClock(), Definitions())
    text = json.dumps({"label_schema": {"classes": [f"c{i}" for i in range(10_000)]}})

    async def publish() -> None:
        with pytest.raises(Invalid):
            await templates.publish("tenants/acme", "large", text)

    started = time.perf_counter()
    await publish()
    reading = time.perf_counter() - started
    assert await least_pause(publish, reading / 3) < reading / 3
    await store.close()


async def least_pause(work: Callable[[], Awaitable[None]], enough: float) -> float:
    """Seconds of the longest pause while `work` runs, the least of some runs: other programs of
    the machine make pauses now and then, a loop that stands still makes one each time."""
    least = math.inf
    for _ in range(5):
        watching = asyncio.create_task(longest_pause())
        await work()
        watching.cancel()
        least = min(least, await watching)
        if least < enough:
            break
    return least


async def longest_pause() -> float:
    """Seconds for which others did not get their turn, until it is cancelled."""
    longest, last = 0.0, time.perf_counter()
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
    return longest


def test_a_definition_too_large_is_refused_before_it_is_read() -> None:
    text = json.dumps({"label_schema": {"classes": [f"c{i}" for i in range(100_000)]}})
    with pytest.raises(Unfit, match="more than 50000 values"):
        Definitions().parse(text)
    lines = "classes:\n" + "".join(f"- c{i}\n" for i in range(60_000))
    with pytest.raises(Unfit, match="more than 50000 values or lines"):
        Definitions().parse(lines)


def test_names_are_compared_once_each() -> None:
    class Counted(str):
        compared = 0
        __slots__ = ()

        def __hash__(self) -> int:
            return super().__hash__()

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return str.__eq__(self, str(other))

    check_unique([Counted(f"c{i}") for i in range(2000)], "classes", "class")
    assert Counted.compared < 20_000, "not each with each"
    with pytest.raises(Unfit, match="'b' is there twice"):
        check_unique(["a", "b", "c", "b"], "classes", "class")


async def test_heavy_work_has_threads_of_its_own_and_an_end_to_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await aside(LARGE - 1, threading.get_ident) == threading.get_ident()
    assert await aside(LARGE, threading.get_ident) != threading.get_ident()
    monkeypatch.setattr(aside_module, "_MOST_WAITING", 2)
    go = threading.Event()
    busy = [asyncio.create_task(aside(LARGE, go.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="too many large requests"):
        await aside(LARGE, go.wait)
    go.set()
    assert all(await asyncio.gather(*busy))
