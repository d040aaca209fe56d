"""The HTTP application: routes, problems, security headers, metrics."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import orjson
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common import telemetry
from libs.common.access import allow
from libs.common.rpc import AnyPeer
from services.gateway.http import openapi, problems
from services.gateway.request_context import Door, Handler
from services.gateway.routes import rpc
from services.gateway.routes.health import Health
from services.gateway.routes.operations import PROGRESS, Operations, Replay
from services.gateway.routes.people import NewDelegation, NewUser, People, UserChange
from services.gateway.routes.table import RPCS
from services.gateway.routes.tenants import NewTenant, TenantChange, Tenants
from services.gateway.routes.uploads import NewImport, NewUpload, Uploads
from services.gateway.routes.webhooks import NewWebhook, WebhookRoutes
from services.gateway.webhooks import Webhooks

T = "/v1/tenants/{tenant}"
P = T + "/projects/{project}"
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


class Envelope:
    """Pure ASGI: security headers on every answer, one metric per route, 503 while starting."""

    def __init__(self, app: ASGIApp, health: Health) -> None:
        self._app, self._health = app, health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        refusal = self._health.refusal(scope["path"])
        await (refusal or self._app)(scope, receive, sending)
        route = getattr(scope.get("route"), "path", "unknown")
        seconds = time.perf_counter() - started
        telemetry.HTTP_SECONDS.labels(route, str(status)).observe(seconds)


def make(door: Door, webhooks: Webhooks, desks: dict[str, AnyPeer], health: Health) -> ASGIApp:
    """The application over its means."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for kind, handle in problems.HANDLERS.items():
        app.add_exception_handler(kind, handle)
    for leading in RPCS:
        app.router.add_route(leading.path, rpc.handler(leading, door), methods=[leading.verb])
    own = own_routes(door, webhooks, desks, health)
    for route in own:
        once = partial(door.once, handle=route.handle) if route.verb == "POST" else route.handle
        handle = _allowed(door, route, once) if route.permission else once
        app.router.add_route(route.path, handle, methods=[route.verb])
    listed = [
        (r.verb, r.path, r.summary, r.body, r.status) for r in own if r.path.startswith("/v1/")
    ]

    @cache
    def document() -> bytes:
        return orjson.dumps(openapi.document(listed))

    async def openapi_json(_: Any) -> Response:
        # Takes a second to make, the first time.
        content = await asyncio.to_thread(document)
        return Response(content, media_type="application/json")

    app.router.add_route("/openapi.json", openapi_json, methods=["GET"])
    return Envelope(app, health)


@dataclass(frozen=True)
class Own:
    """One route of the gateway's own. `permission` names an entry of `access.GATEWAY`, or the RPC
    whose roles it has; empty where anybody may ask."""

    verb: str
    path: str
    handle: Handler
    permission: str
    summary: str = ""
    body: type[BaseModel] | None = None
    status: int = 200


def _allowed(door: Door, route: Own, handle: Handler) -> Handler:
    """The route behind the check of roles, before anything of the request is read."""

    async def allowed(request: Request) -> Response:
        allow(route.permission, await door.caller(request))
        return await handle(request)

    return allowed


def own_routes(door: Door, hooks: Webhooks, desks: dict[str, AnyPeer], health: Health) -> list[Own]:
    """Every route of the gateway's own."""
    webhooks, operations = WebhookRoutes(door, hooks), Operations(door, desks)
    hook, letters = T + "/webhooks/{webhook}", "/v1/services/{service}/deadLetters"
    manage, desk = "ManageWebhooks", "labelmill.operations.v1.DeadLetters/"
    live = operations.progress_stream
    return [
        *_of_people(door),
        *_of_uploads(door),
        Own("GET", P + "/progress:stream", live, PROGRESS, "Progress, live"),
        Own("POST", T + "/webhooks", webhooks.create, manage, "Make a webhook", NewWebhook, 201),
        Own("GET", T + "/webhooks", webhooks.list, manage, "Webhooks"),
        Own("DELETE", hook, webhooks.delete, manage, "Delete a webhook", None, 204),
        Own("GET", hook + "/messages", webhooks.messages, manage, "Messages"),
        Own("POST", hook + "/messages/{message}:replay", webhooks.replay, manage, "Send again"),
        Own("GET", letters, operations.list_letters, desk + "ListDeadLetters", "Dead letters"),
        Own(
            "POST",
            letters + ":replay",
            operations.replay_letters,
            desk + "ReplayDeadLetters",
            "Replay",
            Replay,
        ),
        Own("GET", "/healthz", health.healthz, ""),
        Own("GET", "/readyz", health.readyz, ""),
        Own("GET", "/readyz/self", health.own, ""),
        Own("GET", "/metrics", operations.metrics, "ReadMetrics"),
    ]


def _of_people(door: Door) -> list[Own]:
    tenants, people = Tenants(door), People(door)
    user = T + "/users/{user}"
    keys, given, manage = user + "/keys", user + "/delegations", "ManageUsers"
    return [
        Own("POST", "/v1/tenants", tenants.create, "CreateTenant", "Make a tenant", NewTenant, 201),
        Own("GET", T, tenants.get, "GetTenant", "A tenant"),
        Own("PATCH", T, tenants.change, "ChangeTenant", "Change a tenant", TenantChange),
        Own("POST", T + "/users", people.create, manage, "Make a user", NewUser, 201),
        Own("GET", T + "/users", people.list, manage, "Users"),
        Own("GET", user, people.get, manage, "A user"),
        Own("PATCH", user, people.change, manage, "Change a user", UserChange),
        Own("POST", keys, people.create_key, manage, "Make an API key", None, 201),
        Own("GET", keys, people.list_keys, manage, "API keys"),
        Own("DELETE", keys + "/{key}", people.delete_key, manage, "Revoke a key", None, 204),
        Own("POST", given, people.delegate, "Delegate", "Delegate", NewDelegation, 201),
        Own("GET", given, people.list_delegations, "Delegate", "Delegations"),
        Own("DELETE", given + "/{service}", people.revoke, "Delegate", "End one", None, 204),
        Own("GET", T + "/audit", people.audit, "ReadAudit", "Who changed whose rights"),
    ]


def _of_uploads(door: Door) -> list[Own]:
    uploads = Uploads(door)
    one, file = T + "/uploads/{upload}", P + "/deliveries/{delivery}/files/{path:path}"
    imports = "labelmill.intake.v1.Intake/CreateImport"
    delivered = "labelmill.delivery.v1.Deliveries/GetDelivery"
    return [
        Own("POST", T + "/uploads", uploads.create, "Upload", "Begin an upload", NewUpload, 201),
        Own("GET", one, uploads.get, "Upload", "Where an upload stands"),
        Own("PATCH", one, uploads.append, "Upload", "The next bytes"),
        Own("POST", P + "/imports", uploads.create_import, imports, "Import", NewImport, 201),
        Own("GET", T + "/blobs/{path:path}", uploads.blob, "ReadBlob", "An image"),
        Own("GET", file, uploads.delivery_file, delivered, "A file of a delivery"),
    ]
