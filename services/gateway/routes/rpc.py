"""The handler behind every route of `table.RPCS`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from libs.common import names
from libs.common.access import Caller, allow
from libs.common.errors import NotFound
from libs.common.limits import Limit, check_values, limit_of
from libs.common.offload import aside
from services.gateway.http import problems, schema
from services.gateway.request_context import Door, answer
from services.gateway.routes import training
from services.gateway.routes.table import STUBS, Rpc

Handler = Callable[[Request], Awaitable[Response]]
_PACKAGES = {service: f"labelmill.{where}.v1" for service, (where, _) in STUBS.items()}


def handler(rpc: Rpc, door: Door) -> Handler:
    """Request -> message -> RPC -> JSON."""
    request_class, has_request_id = (
        rpc.request,
        "request_id" in rpc.request.DESCRIPTOR.fields_by_name,
    )
    method = f"{_PACKAGES[rpc.service]}.{rpc.service}/{rpc.method}"
    peer = door.peers[rpc.service]
    read = _query_reader(rpc) if rpc.verb == "GET" else _body_reader(rpc, door, limit_of(method))

    async def handle(request: Request) -> Response:
        who = await door.caller(request)
        allow(method, who)
        message = request_class()
        _bind(message, rpc, request.path_params, who)
        body = await read(request, message)

        async def call() -> Response:
            if rpc.method in training.METHODS:
                await training.check_embedding(message, door.peers["Predictions"], who)
            return answer(schema.rest(await peer.call(rpc.method, message, who)), rpc.status)

        key = request.headers.get("idempotency-key")
        if key is None or rpc.verb != "POST":
            return await call()
        if has_request_id:
            message.request_id = names.content_id(who.subject, key)
        return await door.keyed(request, who, body, call, own=False)

    return handle


def _bind(message: Any, rpc: Rpc, params: dict[str, str], who: Caller) -> None:
    for field, pattern in rpc.bind.items():
        name = pattern.format_map(params)
        _own(name, who)
        if "." in field:
            outer, inner = field.split(".", 1)
            setattr(getattr(message, outer), inner, name)
        else:
            setattr(message, field, name)
    if rpc.me:
        setattr(message, rpc.me, who.subject)


def _own(name: str, who: Caller) -> None:
    """Another tenant's name answers as an unknown one; so does one no resource can have."""
    if not all(names.is_segment(part) for part in name.split("/")):
        raise NotFound(f"{name[:200]} was not found", field="name")
    if not who.platform and not name.startswith(f"{names.CATALOGUE}/"):
        names.own(name, who.tenant)


def _body_reader(rpc: Rpc, door: Door, limit: Limit) -> Callable[[Request, Any], Awaitable[bytes]]:
    model = schema.model_of(rpc.request.DESCRIPTOR, rpc.bound)
    validator = model.__pydantic_validator__

    async def read(request: Request, message: Any) -> bytes:
        body = await door.body(request, limit)

        def fill() -> None:
            check_values(body, limit.values)
            parsed = validator.validate_json(body or b"{}")
            schema.fill(message, schema.plain(parsed))

        try:
            await aside(len(body), fill)
        except ValidationError as error:
            raise problems.of_validation(error) from error
        bound = {f: n for f, n in rpc.bind.items() if "." in f}
        for field, pattern in bound.items():
            outer, inner = field.split(".", 1)
            setattr(getattr(message, outer), inner, pattern.format_map(request.path_params))
        return body

    return read


def _query_reader(rpc: Rpc) -> Callable[[Request, Any], Awaitable[bytes]]:
    model = schema.query_model(rpc.request.DESCRIPTOR, rpc.bound)

    async def read(request: Request, message: Any) -> bytes:
        try:
            parsed = model.model_validate(dict(request.query_params))
        except ValidationError as error:
            raise problems.of_validation(error) from error
        schema.fill(message, schema.plain(parsed))
        return b""

    return read
