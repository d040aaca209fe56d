"""The HTTP application: routes, problems, security headers, metrics."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common import telemetry
from libs.common.rpc import AnyPeer
from services.gateway import openapi, problems
from services.gateway.door import Door
from services.gateway.routes import rpc
from services.gateway.routes.operations import Operations, Replay
from services.gateway.routes.table import RPCS
from services.gateway.routes.tenants import NewTenant, NewUser, Tenants, UserChange
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
    """Pure ASGI: security headers on every answer, one metric per route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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

        await self._app(scope, receive, sending)
        route = getattr(scope.get("route"), "path", "unknown")
        seconds = time.perf_counter() - started
        telemetry.HTTP_SECONDS.labels(route, str(status)).observe(seconds)


def make(door: Door, webhooks: Webhooks, desks: dict[str, AnyPeer]) -> ASGIApp:
    """The application over its means."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for kind, handle in problems.HANDLERS.items():
        app.add_exception_handler(kind, handle)
    for route in RPCS:
        app.router.add_route(route.path, rpc.handler(route, door), methods=[route.verb])
    own = _own(door, webhooks, desks)
    for verb, path, handle, *_ in own:
        once = partial(door.once, handle=handle) if verb == "POST" else handle
        app.router.add_route(path, once, methods=[verb])
    listed = [(v, p, s, b, c) for v, p, _, s, b, c in own if p.startswith("/v1/")]
    spec = openapi.document(listed)

    async def openapi_json(_: Any) -> Any:
        from services.gateway.door import answer

        return answer(spec)

    app.router.add_route("/openapi.json", openapi_json, methods=["GET"])
    return Envelope(app)


def _own(door: Door, hooks: Webhooks, desks: dict[str, AnyPeer]) -> list[tuple[Any, ...]]:
    """(verb, path, handler, summary, body, status) of the gateway's own routes."""
    tenants, uploads = Tenants(door), Uploads(door)
    webhooks, operations = WebhookRoutes(door, hooks), Operations(door, desks)
    user, hook = T + "/users/{user}", T + "/webhooks/{webhook}"
    letters = "/v1/services/{service}/deadLetters"
    return [
        ("POST", "/v1/tenants", tenants.create, "Make a tenant", NewTenant, 201),
        ("GET", T, tenants.get, "A tenant", None, 200),
        ("POST", T + "/users", tenants.create_user, "Make a user", NewUser, 201),
        ("GET", T + "/users", tenants.list_users, "Users", None, 200),
        ("GET", user, tenants.get_user, "A user", None, 200),
        ("PATCH", user, tenants.change_user, "Change a user", UserChange, 200),
        ("POST", user + "/keys", tenants.create_key, "Make an API key", None, 201),
        ("GET", user + "/keys", tenants.list_keys, "API keys", None, 200),
        ("DELETE", user + "/keys/{key}", tenants.delete_key, "Revoke a key", None, 204),
        ("POST", T + "/uploads", uploads.create, "Begin an upload", NewUpload, 201),
        ("GET", T + "/uploads/{upload}", uploads.get, "Where an upload stands", None, 200),
        ("PATCH", T + "/uploads/{upload}", uploads.append, "The next bytes", None, 200),
        ("POST", P + "/imports", uploads.create_import, "Import an upload", NewImport, 201),
        ("GET", T + "/blobs/{path:path}", uploads.blob, "An image", None, 200),
        (
            "GET",
            P + "/deliveries/{delivery}/files/{path:path}",
            uploads.delivery_file,
            "A file of a delivery",
            None,
            200,
        ),
        ("GET", P + "/progress:stream", operations.progress_stream, "Progress, live", None, 200),
        ("POST", T + "/webhooks", webhooks.create, "Make a webhook", NewWebhook, 201),
        ("GET", T + "/webhooks", webhooks.list, "Webhooks", None, 200),
        ("DELETE", hook, webhooks.delete, "Delete a webhook", None, 204),
        ("GET", hook + "/messages", webhooks.messages, "Messages", None, 200),
        ("POST", hook + "/messages/{message}:replay", webhooks.replay, "Send again", None, 200),
        ("GET", letters, operations.list_letters, "Dead letters", None, 200),
        ("POST", letters + ":replay", operations.replay_letters, "Replay", Replay, 200),
        ("GET", "/healthz", operations.healthz, "", None, 200),
        ("GET", "/readyz", operations.readyz, "", None, 200),
        ("GET", "/metrics", operations.metrics, "", None, 200),
    ]
