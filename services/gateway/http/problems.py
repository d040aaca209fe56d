"""Every error leaves as an RFC 9457 problem document that names the field and what to do."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from opentelemetry import trace
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from libs.common.errors import Fault

STATUS = {
    "NOT_FOUND": 404,
    "INVALID_ARGUMENT": 422,
    "FAILED_PRECONDITION": 409,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "INTERNAL": 500,
}
_TITLES = {
    400: "Bad request",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Out of turn or taken",
    411: "Length required",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid",
    429: "Cap reached",
    500: "Internal error",
    503: "Unavailable",
}
log = logging.getLogger(__name__)


class Problem(Exception):
    """A problem of the gateway's own: HTTP status, words, and fields where there are some."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.errors, self.headers = errors or [], headers or {}


def problem(
    status: int,
    detail: str,
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
    code: str = "",
) -> Response:
    """The response of a problem."""
    document: dict[str, Any] = {
        "type": f"urn:labelmill:problem:{(code or str(status)).lower().replace('_', '-')}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
    }
    if errors:
        document["errors"] = errors
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        document["trace_id"] = f"{context.trace_id:032x}"
    return Response(
        orjson.dumps(document, default=str), status, headers, "application/problem+json"
    )


async def on_fault(_: Request, fault: Exception) -> Response:
    """A fault of the vocabulary, from here or from a service."""
    if not isinstance(fault, Fault):
        raise fault
    status = STATUS.get(fault.code, 500)
    errors = [{"field": fault.field, "message": fault.message}] if fault.field else []
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if status == 503:
        headers["Retry-After"] = "1"
    return problem(status, fault.message, errors, headers, fault.code)


async def on_problem(_: Request, found: Exception) -> Response:
    if not isinstance(found, Problem):
        raise found
    return problem(found.status, found.detail, found.errors, found.headers)


async def on_http(_: Request, error: Exception) -> Response:
    """What the router itself refuses: unknown paths, wrong methods."""
    if not isinstance(error, HTTPException):
        raise error
    return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))


async def on_crash(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "something broke here; the log has it")


def of_validation(error: ValidationError) -> Problem:
    """422 with every field at fault, at most twenty."""
    errors = [
        {"field": ".".join(str(p) for p in e["loc"]) or "body", "message": e["msg"]}
        for e in error.errors(include_url=False, include_context=False, include_input=False)[:20]
    ]
    first = errors[0]
    return Problem(422, f"{first['field']}: {first['message']}", errors)


HANDLERS: dict[Any, Any] = {
    Fault: on_fault,
    Problem: on_problem,
    HTTPException: on_http,
    Exception: on_crash,
}
