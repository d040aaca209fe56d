"""The OpenAPI document, made from the routes and the protobuf descriptors."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from services.gateway.http import schema
from services.gateway.routes.table import RPCS, Rpc

_PARAM = re.compile(r"\{([a-z_]+)(?::path)?\}")
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "trace_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_STATUSES = (401, 403, 404, 409, 413, 415, 422, 429, 500, 503)


def document(own: list[tuple[str, str, str, type[BaseModel] | None, int]]) -> dict[str, Any]:
    """OpenAPI 3.1 of the RPC routes and of the gateway's `own` routes
    (verb, path, summary, body model, status)."""
    paths: dict[str, dict[str, Any]] = {}
    components: dict[str, Any] = {"Problem": _PROBLEM}
    for rpc in RPCS:
        _place(paths, rpc.path, rpc.verb, _rpc_operation(rpc, components))
    for verb, path, summary, body, status in own:
        operation = _operation(path, verb, summary, status, None)
        if body is not None:
            _add_body(operation, body, components)
        _place(paths, _PARAM.sub(r"{\1}", path), verb, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Labelmill", "version": "v1"},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }


def _place(paths: dict[str, Any], path: str, verb: str, operation: dict[str, Any]) -> None:
    paths.setdefault(path, {})[verb.lower()] = operation


def _rpc_operation(rpc: Rpc, components: dict[str, Any]) -> dict[str, Any]:
    for name, descriptor in schema.parts_of(rpc.answer).items():
        components[name] = schema.answer_schema(descriptor)
    answer = {"$ref": f"#/components/schemas/{rpc.answer.name}"}
    operation = _operation(rpc.path, rpc.verb, rpc.method, rpc.status, answer)
    operation["operationId"] = f"{rpc.service}.{rpc.method}"
    if rpc.verb == "GET":
        operation["parameters"] += _query(schema.query_model(rpc.request.DESCRIPTOR, rpc.bound))
    else:
        _add_body(operation, schema.model_of(rpc.request.DESCRIPTOR, rpc.bound), components)
    return operation


def _operation(
    path: str, verb: str, summary: str, status: int, answer: dict[str, Any] | None
) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAM.findall(path)
    ]
    if verb == "POST":
        parameters.append(_header("Idempotency-Key", 200))
    responses: dict[str, Any] = {
        str(code): {
            "description": "problem",
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
        for code in _STATUSES
    }
    good: dict[str, Any] = {"description": "done"}
    if status != 204:
        good["content"] = {"application/json": {"schema": answer or {"type": "object"}}}
    responses[str(status)] = good
    return {"summary": summary, "parameters": parameters, "responses": responses}


def _header(name: str, longest: int) -> dict[str, Any]:
    limits = {"type": "string", "minLength": 1, "maxLength": longest, "pattern": "^[!-~]+$"}
    return {"name": name, "in": "header", "required": False, "schema": limits}


def _query(model: type[BaseModel]) -> list[dict[str, Any]]:
    found = model.model_json_schema()
    required = set(found.get("required", []))
    return [
        {"name": n, "in": "query", "required": n in required, "schema": _no_null(s)}
        for n, s in found.get("properties", {}).items()
    ]


def _no_null(found: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is there or not; it is never null."""
    kinds = [s for s in found.get("anyOf", []) if s.get("type") != "null"]
    return kinds[0] if len(kinds) == 1 else found


def _add_body(
    operation: dict[str, Any], model: type[BaseModel], components: dict[str, Any]
) -> None:
    found = model.model_json_schema(ref_template="#/components/schemas/{model}Body")
    for name, part in found.pop("$defs", {}).items():
        components[f"{name}Body"] = part
    operation["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": found}},
    }
