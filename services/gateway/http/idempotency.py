"""`Idempotency-Key`: one effect and one answer for a request, however often it is sent.

The first request with a key claims it in the store, which all replicas of the gateway share;
those that come meanwhile wait for its answer. A claim ends by itself where its holder died.
What the gateway does in its own store is committed together with the answer; what another
service does is done before the answer is kept. Where the process dies between the two the
service knows the request again by `request_id`, or by what it did (the same template, item,
verdict, skip, cancellation); only `ResumeAnnotator`, `ChangeMembers` and `RollBack` set anew what
somebody else changed meanwhile.
A request that failed gives its key back.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

from starlette.responses import Response

from libs.common import names
from libs.common.access import Caller
from libs.common.clock import Clock
from libs.common.codec import Doc, time_text
from libs.common.errors import Fault
from libs.common.store import Store, Unit
from services.gateway import store
from services.gateway.http.problems import Problem

Handle = Callable[[], Awaitable[Response]]
# Longer than any request may take.
_CLAIM = timedelta(seconds=90)
_WAIT_SECONDS, _FIRST_PAUSE, _LONGEST_PAUSE = 20.0, 0.02, 0.5
# An answer beyond this is not kept: the request runs again (listed items answer as duplicates).
_MOST_BYTES = 1_000_000
_KEY = re.compile(r"[!-~]{1,200}")
_SECRETS = ('"api_key":', '"secret":')
_FREE, _RUNNING, _DONE = "FREE", "RUNNING", "DONE"
_BESIDE = (b"content-type", b"content-length")


class Once:
    """Requests that have a key, as the gateway's store knows them."""

    def __init__(self, store_: Store, clock: Clock) -> None:
        self._store, self._clock = store_, clock

    async def run(self, who: Caller, key: str, said: str, handle: Handle, *, own: bool) -> Response:
        """Return the answer of the one request with this key.

        `said` is what was asked for; the same key with something else is refused. `own`: all
        effects of `handle` are in the gateway's store.
        """
        if not _KEY.fullmatch(key):
            raise _bad_key("must be 1 to 200 visible ASCII characters")
        name, holder = f"{who.tenant}/{who.subject}:{key}", names.new_id()
        known = await self._claimed(name, said, holder)
        if known["state"] == _DONE:
            return _again(known)
        try:
            if own:
                return await self._store.transact(lambda unit: self._in_unit(unit, known, handle))
            response = await handle()
            await self._store.transact(lambda unit: self._keep(unit, known, response))
        except BaseException:
            await self._give_back(known)
            raise
        return response

    async def _claimed(self, name: str, said: str, holder: str) -> Doc:
        """The request's record: claimed by `holder`, or done."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + _WAIT_SECONDS, _FIRST_PAUSE
        while True:
            known = await self._store.transact(lambda unit: self._claim(unit, name, said, holder))
            if known["state"] == _DONE or known["holder"] == holder:
                return known
            if loop.time() + pause > deadline:
                headers = {"Retry-After": "1"}
                raise Problem(409, "the first request with this key still runs", headers=headers)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _claim(self, unit: Unit, name: str, said: str, holder: str) -> Doc:
        known = await unit.get(store.REQUESTS, name)
        if known is not None and known["said"] != said:
            raise _bad_key("came with another request before; make a new one")
        now = self._clock.now()
        if known is not None and _taken(known, time_text(now)):
            return known
        return _put(
            unit,
            known or {"name": name},
            {
                "said": said,
                "time": time_text(now),
                "state": _RUNNING,
                "holder": holder,
                "until": time_text(now + _CLAIM),
            },
        )

    async def _in_unit(self, unit: Unit, claim: Doc, handle: Handle) -> Response:
        await self._still_mine(unit, claim)
        response = await handle()
        _put(unit, claim, _done(response))
        return response

    async def _keep(self, unit: Unit, claim: Doc, response: Response) -> None:
        known = await unit.get(store.REQUESTS, claim["name"])
        if known is not None and known.get("holder") == claim["holder"]:
            _put(unit, claim, _done(response))

    async def _still_mine(self, unit: Unit, claim: Doc) -> None:
        known = await unit.get(store.REQUESTS, claim["name"])
        if known is None or known.get("holder") != claim["holder"]:
            raise Problem(409, "another request with this key took over; ask again")

    async def _give_back(self, claim: Doc) -> None:
        async def work(unit: Unit) -> None:
            known = await unit.get(store.REQUESTS, claim["name"])
            mine = known is not None and known["version"] == claim["version"]
            if mine:
                _put(unit, claim, {"state": _FREE, "holder": ""})

        # A store that is away lets the claim run out.
        with contextlib.suppress(Fault):
            await self._store.transact(work)


def _taken(known: Doc, now: str) -> bool:
    """Is the request done, or does somebody work on it who is not overdue?"""
    return known["state"] == _DONE or (known["state"] == _RUNNING and known["until"] > now)


def _put(unit: Unit, known: Doc, changes: Doc) -> Doc:
    after = {**known, **changes, "version": known.get("version", 0) + 1}
    unit.put(store.REQUESTS, after)
    return after


def _done(response: Response) -> Doc:
    """What is kept of an answer: nothing of a secret, which was shown once."""
    body = bytes(response.body)
    if len(body) > _MOST_BYTES:
        return {"state": _FREE, "holder": ""}
    text = body.decode()
    secret = any(mark in text for mark in _SECRETS)
    headers = {k.decode(): v.decode() for k, v in response.raw_headers if k not in _BESIDE}
    kept = {"status": response.status_code, "body": text, "headers": headers, "secret": secret}
    return {"state": _DONE, **kept, **({"body": ""} if secret else {})}


def _again(known: Doc) -> Response:
    if known["secret"]:
        raise Problem(409, "this request was done; its answer held a secret, shown once")
    return Response(known["body"], known["status"], known["headers"], "application/json")


def _bad_key(message: str) -> Problem:
    errors = [{"field": "Idempotency-Key", "message": message}]
    return Problem(422, f"Idempotency-Key: {message}", errors)
